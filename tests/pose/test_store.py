"""LabelStore: nothing acknowledged is ever lost, and several writers merge."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.errors import OperationFailed
from leaptui.pose.edits import DeleteInstance, Edit, SetPoints, SetTrack, edit_from_json
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.merge import MergedState, Stamp
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore

SKELETON = make_skeleton("three", ["a", "b", "c"])

numbers = st.floats(-1e4, 1e4, allow_nan=False)
values = st.none() | st.tuples(numbers, numbers, st.booleans())
places = st.tuples(st.sampled_from(["v1", "v2"]), st.integers(0, 2), st.sampled_from(["i", "j"]))


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    video, frame, instance = draw(places)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return DeleteInstance(video, frame, instance)
    if kind == 1:
        return SetTrack(video, frame, instance, draw(st.none() | st.text(max_size=4)))
    points = draw(st.dictionaries(st.sampled_from("abc"), values, min_size=1))
    return SetPoints(video, frame, instance, points, draw(st.none() | st.integers(0, 2**32 - 1)))


def same(first: Labels, second: Labels) -> bool:
    if first.frames.keys() != second.frames.keys():
        return False
    for key, frame in first.frames.items():
        other = second.frames[key]
        if frame.checksum != other.checksum or len(frame.instances) != len(other.instances):
            return False
        for one, two in zip(frame.instances, other.instances, strict=True):
            if (one.id, one.track) != (two.id, two.track):
                return False
            if not np.array_equal(one.points, two.points, equal_nan=True):
                return False
            if not np.array_equal(one.occluded, two.occluded):
                return False
    return True


@given(edits())
def test_an_edit_survives_its_json(edit):
    assert edit_from_json(edit.to_json()) == edit


@given(st.lists(edits(), max_size=20), st.randoms())
def test_merging_does_not_depend_on_order(changes, shuffle: random.Random):
    stamped = [(edit, Stamp(1 + i // 2, f"s{i % 2}")) for i, edit in enumerate(changes)]
    forward, shuffled = MergedState(), MergedState()
    for edit, stamp in stamped:
        forward.apply(edit, stamp)
    shuffle.shuffle(stamped)
    for edit, stamp in stamped + stamped:
        shuffled.apply(edit, stamp)
    assert same(forward.labels(SKELETON), shuffled.labels(SKELETON))


@given(st.lists(edits(), max_size=12))
def test_a_snapshot_holds_everything(changes):
    state = MergedState()
    for counter, edit in enumerate(changes, start=1):
        state.apply(edit, Stamp(counter, "s"))
    assert same(MergedState.from_json(state.to_json()).labels(SKELETON), state.labels(SKELETON))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(edits(), min_size=1, max_size=3), min_size=1, max_size=6), st.integers(0, 6))
def test_reopening_gives_what_was_written(tmp_path_factory, transactions, compact_after):
    folder = tmp_path_factory.mktemp("labels")
    store = LabelStore(folder, SKELETON)
    for number, changes in enumerate(transactions):
        store.apply(changes)
        if number == compact_after:
            store.compact()
    reopened = LabelStore(folder, SKELETON)
    assert not reopened.problems
    assert same(reopened.labels(), store.labels())
    store.close()


def place(node: str, x: float, frame: int = 0) -> list[Edit]:
    return [SetPoints("v", frame, "i", {node: (x, 0.0, False)})]


def x_of(store: LabelStore, node: str, frame: int = 0) -> float:
    return float(store.labels().frames[FrameKey("v", frame)].instances[0].points[SKELETON.index(node), 0])


def test_two_sessions_merge_and_the_later_one_wins_per_point(tmp_path: Path):
    first = LabelStore(tmp_path, SKELETON)
    first.apply([*place("a", 1), *place("b", 1)])
    second = LabelStore(tmp_path, SKELETON)
    second.apply(place("a", 2))
    first.apply(place("c", 3))
    merged = LabelStore(tmp_path, SKELETON)
    assert (x_of(merged, "a"), x_of(merged, "b"), x_of(merged, "c")) == (2, 1, 3)
    assert len(list((tmp_path / "journal").iterdir())) == 2


def test_a_point_placed_after_a_deletion_brings_only_itself_back(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 1)])
    store.apply([DeleteInstance("v", 0, "i")])
    assert store.labels().frames[FrameKey("v", 0)].instances == []
    store.apply(place("a", 5))
    instance = store.labels().frames[FrameKey("v", 0)].instances[0]
    assert instance.placed.tolist() == [True, False, False]


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path: Path, cut: int):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.apply(place("a", 2))
    store.close()
    journal = next((tmp_path / "journal").iterdir())
    journal.write_bytes(journal.read_bytes()[:-cut])
    reopened = LabelStore(tmp_path, SKELETON)
    assert x_of(reopened, "a") == 1
    assert not reopened.problems


def test_an_unreadable_line_is_reported_and_left_where_it_is(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.apply(place("b", 2))
    store.close()
    journal = next((tmp_path / "journal").iterdir())
    lines = journal.read_bytes().splitlines(keepends=True)
    lines.insert(2, b'{"v":1,"c":9,"edits":[{"op":"no such edit"}]}\n')
    journal.write_bytes(b"".join(lines))
    reopened = LabelStore(tmp_path, SKELETON)
    assert (x_of(reopened, "a"), x_of(reopened, "b")) == (1, 2)
    assert [problem.line for problem in reopened.problems] == [3]
    assert b"no such edit" in journal.read_bytes()


def test_a_broken_snapshot_falls_back_to_the_journals(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.compact()
    store.close()
    (tmp_path / "snapshot.json").write_text("{")
    reopened = LabelStore(tmp_path, SKELETON)
    assert x_of(reopened, "a") == 1
    assert "not a snapshot" in reopened.problems[0].reason


def test_reading_leaves_no_trace(tmp_path: Path):
    LabelStore(tmp_path / "labels", SKELETON).labels()
    assert not (tmp_path / "labels").exists()


def test_a_place_that_cannot_be_written_is_said_and_changes_nothing(tmp_path: Path):
    (tmp_path / "journal").write_text("a file is in the way")
    store = LabelStore(tmp_path, SKELETON)
    with pytest.raises(OperationFailed, match="cannot be saved"):
        store.apply(place("a", 1))
    assert len(store.labels()) == 0


WRITER = """
import sys
from pathlib import Path
from leaptui.pose.edits import SetPoints
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
store = LabelStore(Path(sys.argv[1]), make_skeleton("three", ["a", "b", "c"]))
print("ready", flush=True)
for frame in range(100000):
    store.apply([SetPoints("v", frame, "i", {"a": (frame, 1.5, False)})])
    if frame % 40 == 39:
        store.compact()
    print(frame, flush=True)
"""


@pytest.mark.parametrize("seed", range(6))
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, seed: int):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    wanted = random.Random(seed).randrange(5, 150)
    for line in writer.stdout:
        if line.strip() == str(wanted):
            break
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged = wanted + sum(1 for _ in writer.stdout)
    writer.wait()
    reopened = LabelStore(tmp_path, SKELETON)
    assert not reopened.problems
    for frame in range(acknowledged + 1):
        assert x_of(reopened, "a", frame) == frame
