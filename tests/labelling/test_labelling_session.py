"""Long sessions: random commands, saving, restarts, two people."""

from __future__ import annotations

import math
import random
import threading

import numpy as np
import pytest
from labelling_helpers import POSE, predicted, video

from leaptui.errors import OperationFailed
from leaptui.labelling.index import LabelIndex
from leaptui.pose.labels import FrameKey


def seen(labeller, frames=4):
    """Everything that is shown of the labels, frame by frame, without the ids."""
    found = []
    for name in ("v1", "v2"):
        for frame in range(frames):
            for animal in labeller.instances_of(FrameKey(name, frame)):
                points = np.where(np.isfinite(animal.points), animal.points, -1e6).round(9).tolist()
                found.append((name, frame, animal.states, animal.absent.tolist(), points, animal.track, animal.source))
    return found


def commands(labeller, rng):
    """One command of every kind, with ordinary and with silly arguments."""
    number = rng.choice([0.0, 0.25, -1.0, 5.0, 1e9, math.nan, math.inf])
    place = (rng.uniform(-20, 130), rng.uniform(-20, 130))
    image = np.zeros((80, 100, 1), np.uint8)
    return [
        lambda: labeller.next_node(),
        lambda: labeller.previous_node(),
        lambda: labeller.select_node(rng.randint(-2, 6)),
        lambda: labeller.select_point(rng.randint(-1, 2), rng.randint(-1, 6)),
        lambda: labeller.next_doubtful_node(rng.choice([1, -1])),
        lambda: labeller.place(place),
        lambda: labeller.place(place, advance=False, repeat="drag"),
        lambda: labeller.place((number, place[1])),
        lambda: labeller.place_expected(place),
        lambda: labeller.move(number, 1.0),
        lambda: labeller.move(1.0, 0.0),
        lambda: labeller.snap(image),
        lambda: labeller.delete_point(),
        lambda: labeller.set_occluded(rng.choice([True, False, None])),
        lambda: labeller.accept(rng.choice(["all", "node"])),
        lambda: labeller.reset_to_prediction(),
        lambda: labeller.mirror(),
        lambda: labeller.move_instance(number, 2.0),
        lambda: labeller.rotate(rng.choice([15.0, -90.0, number])),
        lambda: labeller.copy_from(rng.choice(["previous", "next"])),
        lambda: labeller.interpolate(),
        lambda: labeller.add_instance(rng.choice(["reference", "empty"])),
        lambda: labeller.delete_instance(),
        lambda: labeller.next_instance(rng.choice([1, -1])),
        lambda: labeller.assign_track(rng.choice(["a", "b", "", None])),
        lambda: labeller.go(rng.randint(-1, 5), rng.choice(["v1", "v2", "v3"])),
        lambda: labeller.step(rng.randint(-3, 3)),
        lambda: labeller.next_unlabelled(rng.choice([1, -1])),
        lambda: labeller.next_labelled(rng.choice([1, -1])),
        lambda: labeller.next_suggestion(rng.choice([1, -1])),
        lambda: labeller.next_video(),
        lambda: labeller.back(),
        lambda: labeller.forward(),
        lambda: labeller.undo(),
        lambda: labeller.redo(),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_hundreds_of_random_commands_and_back_again(make, clock, seed):
    rng = random.Random(seed)
    lookup = predicted({0: [POSE, POSE + np.array([20.0, 15.0])], 2: [POSE]})
    videos = [video("v1", 4), video("v2", 3)]
    labeller = make(videos, predictions=lookup)
    start = seen(labeller)
    for turn in range(400):
        clock.now += rng.choice([0.01, 0.5, 3.0])
        before = labeller.cursor
        done = rng.choice(commands(labeller, rng))()
        assert isinstance(done.words, str) and done.words
        assert not done.edited or done.changed
        if not done.changed:
            assert labeller.cursor == before
        assert 0 <= labeller.instance < len(labeller.instances()) and 0 <= labeller.node < 5
        for animal in labeller.instances():
            shown = animal.points[animal.placed]
            assert np.isfinite(shown).all()
            assert ((shown >= -0.5) & (shown <= [99.5, 79.5])).all()
        if turn % 50 == 0:
            fresh = LabelIndex(
                5, labeller.store.labels(), lambda key, name: len(labeller.store.unset(key).get(name, ()))
            )
            for name in ("v1", "v2"):
                assert list(labeller.index.labelled(name)) == list(fresh.labelled(name))
                assert list(labeller.index.complete(name)) == list(fresh.complete(name))
            assert labeller.index.points == fresh.points
    end = seen(labeller)
    steps = 0
    while labeller.undo().changed:
        steps += 1
    assert steps > 20
    assert seen(labeller) == start
    assert labeller.counts().frames == 0
    for _ in range(steps):
        assert labeller.redo().changed
    assert seen(labeller) == end
    assert not labeller.redo().changed


def test_what_is_flushed_is_there_after_a_restart(make, clock):
    rng = random.Random(3)
    labeller = make([video("v1", 4), video("v2", 3)])
    for _ in range(200):
        rng.choice(commands(labeller, rng))()
    labeller.flush()
    again = make([video("v1", 4), video("v2", 3)])
    for key, frame in labeller.store.labels().frames.items():
        other = again.store.frame(key)
        assert [(i.id, i.track) for i in other.instances] == [(i.id, i.track) for i in frame.instances]
        for one, two in zip(frame.instances, other.instances, strict=True):
            assert np.array_equal(one.points, two.points, equal_nan=True)
    assert again.counts().points == labeller.counts().points
    assert again.counts().complete == labeller.counts().complete
    assert again.undo().changed, "undo goes on where the session before ended"


def test_undo_shows_where_it_was(make):
    labeller = make([video("v1", 5), video("v2", 5)])
    labeller.go(3)
    labeller.select_node(2)
    labeller.place((5.0, 5.0))
    labeller.go(0, "v2")
    done = labeller.undo()
    assert labeller.key == ("v1", 3) and labeller.node == 2
    assert done.words == "undone: abdomen placed at 5.0, 5.0 (frame 3 of v1.mp4)"
    labeller.back()
    assert labeller.key == ("v2", 0)


def test_a_full_disk_is_said_and_keeps_everything(make, monkeypatch):
    labeller = make()
    labeller.place((1.0, 1.0))

    def refuse() -> None:
        raise OperationFailed("the edit could not be saved: No space left on device", hint="Free space.")

    with monkeypatch.context() as patch:
        patch.setattr(labeller.store, "flush", refuse)
        saved = labeller.flush()
        assert saved.error is not None
        assert saved.words == (
            "NOT SAVED: the edit could not be saved: No space left on device. 1 edit is kept in memory. Free space."
        )
        labeller.place((2.0, 2.0))
        assert "2 edits are kept" in labeller.saved.words
        assert labeller.undo().changed, "work goes on"
    assert labeller.flush().words == "saved"
    assert make().counts().points == 1


def test_flushing_beside_editing_loses_nothing(make):
    labeller = make([video("v1", 2000)])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            labeller.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(300):
            labeller.place((1.0, 1.0), advance=False)
            labeller.step(1)
    finally:
        stop.set()
        thread.join()
    assert labeller.flush().unsaved == 0
    assert make([video("v1", 2000)]).counts().points == 300


def test_two_people_see_each_others_points(make):
    mine, theirs = make(), make()
    mine.place((1.0, 1.0), advance=False)
    mine.flush()
    assert not theirs.take_refreshed(set()).changed
    done = theirs.take_refreshed(theirs.refresh())
    assert done.words == "another session changed 1 frame, this one too"
    assert theirs.point == (1.0, 1.0) and theirs.counts().points == 1
    theirs.move(1, 0)
    theirs.flush()
    mine.take_refreshed(mine.refresh())
    assert mine.point == (2.0, 1.0)
    assert len(mine.instances()) == 1
    words = mine.undo().words
    assert mine.point == (2.0, 1.0), "what somebody else changed since stays"
    assert "kept" in words
