"""Going through frames and videos, the timeline, suggestions, counts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelling_helpers import POSE, predicted, video

from leaptui.errors import UnusableInput
from leaptui.labelling.cursor import JumpList
from leaptui.labelling.index import FrameStatus, LabelIndex
from leaptui.labelling.predictions import ArrayPredictions
from leaptui.labelling.suggestions import spread, suggest
from leaptui.labelling.timeline import timeline
from leaptui.pose.instance import Instance, LabeledFrame
from leaptui.pose.labels import FrameKey


def complete(labeller, frame, name="v1"):
    labeller.go(frame, name)
    for node, (x, y) in enumerate(POSE):
        labeller.select_node(node)
        labeller.place((float(x), float(y)), advance=False)


def test_steps_stay_in_the_video_and_in_its_frames(make):
    labeller = make([video("v1", 10), video("v2", 5)])
    assert labeller.step(100).words == "frame 9"
    assert labeller.step(1).words == "this is the last frame"
    assert labeller.step(-100).changed and labeller.frame == 0
    assert labeller.step(-1).words == "this is the first frame"


def test_the_next_unlabelled_frame_crosses_videos_and_comes_round(make):
    labeller = make([video("v1", 3), video("v2", 2)])
    complete(labeller, 1)
    complete(labeller, 0, "v2")
    labeller.go(0, "v1")
    visited = []
    for _ in range(4):
        assert labeller.next_unlabelled().changed
        visited.append(labeller.key)
    assert visited == [("v1", 2), ("v2", 1), ("v1", 0), ("v1", 2)]
    labeller.go(0, "v1")
    back = []
    for _ in range(3):
        labeller.next_unlabelled(-1)
        back.append(labeller.key)
    assert back == [("v2", 1), ("v1", 2), ("v1", 0)]
    assert labeller.node == 0


def test_a_partly_labelled_frame_is_still_to_be_done(make):
    labeller = make([video("v1", 4)])
    complete(labeller, 1)
    labeller.go(2)
    labeller.select_node(0)
    labeller.place((1.0, 1.0))
    labeller.go(0)
    labeller.next_unlabelled()
    assert labeller.frame == 2
    assert labeller.node == 1, "at the first node that is still to be placed"


def test_when_all_is_labelled_it_is_said(make):
    labeller = make([video("v1", 2)])
    complete(labeller, 0)
    complete(labeller, 1)
    assert labeller.next_unlabelled().words == "every other frame is completely labelled"


@given(st.sets(st.integers(0, 11)), st.integers(0, 11), st.sampled_from([1, -1]))
def test_incomplete_frames_against_a_plain_search(done, start, direction):
    index = LabelIndex(1, [LabeledFrame("v", f, [Instance(np.zeros((1, 2)))]) for f in done])
    expected = next(
        (f for f in (range(start + 1, 12) if direction > 0 else range(start - 1, -1, -1)) if f not in done), None
    )
    assert index.next_incomplete("v", start, direction, 12) == expected
    nearest = [f for f in sorted(done, reverse=direction < 0) if (f - start) * direction > 0]
    assert index.next_labelled("v", start, direction) == (nearest[0] if nearest else None)


def test_labelled_frames_in_turn(make):
    labeller = make([video("v1", 10), video("v2", 5)])
    for frame, name in ((3, "v1"), (7, "v1"), (2, "v2")):
        labeller.go(frame, name)
        labeller.place((1.0, 1.0))
    labeller.go(0, "v1")
    visited = []
    for _ in range(4):
        done = labeller.next_labelled()
        visited.append(labeller.key)
    assert visited == [("v1", 3), ("v1", 7), ("v2", 2), ("v1", 3)]
    assert done.words == "frame 3 of v1.mp4, from the beginning again"
    labeller.next_labelled(-1)
    assert labeller.key == ("v2", 2)


def test_jumps_are_walked_back_and_forth(make):
    labeller = make([video("v1", 100)])
    for frame in (10, 20, 30):
        labeller.go(frame)
    labeller.step(5)
    visited = []
    for command in (labeller.back, labeller.back, labeller.back, labeller.back, labeller.forward, labeller.forward):
        command()
        visited.append(labeller.frame)
    assert visited == [20, 10, 0, 0, 10, 20]
    labeller.forward()
    assert labeller.frame == 35, "forward ends where one was"


def test_the_jump_list_does_not_grow_without_end():
    jumps = JumpList()
    for frame in range(1000):
        jumps.leave(FrameKey("v", frame))
    steps = 0
    here = FrameKey("v", 1000)
    while (found := jumps.back(here)) is not None:
        here = found
        steps += 1
    assert steps <= 200


def test_videos_in_turn(make):
    labeller = make([video("v1"), video("v2"), video("v3")])
    names = []
    for _ in range(3):
        labeller.next_video()
        names.append(labeller.video.id)
    labeller.next_video(-1)
    assert names == ["v2", "v3", "v1"] and labeller.video.id == "v3"


@given(
    st.integers(1, 60),
    st.integers(1, 80),
    st.data(),
)
def test_the_timeline_counts_every_frame(frames, columns, data):
    numbers = st.sets(st.integers(0, frames - 1))
    labelled, predictions = data.draw(numbers), data.draw(numbers)
    whole = {f for f in labelled if data.draw(st.booleans())}
    line = timeline(frames, columns, sorted(labelled), sorted(whole), np.array(sorted(predictions), np.int64))
    assert len(line.states) == columns
    for column in range(columns):
        inside = range(int(line.starts[column]), int(line.stops[column]))
        assert len(inside) >= 1 and line.counts[column].sum() == len(inside)
        states = [
            FrameStatus.LABELLED if f in whole else FrameStatus.PARTLY if f in labelled
            else FrameStatus.PREDICTED if f in predictions else FrameStatus.EMPTY
            for f in inside
        ]  # fmt: skip
        assert line.states[column] == max(states)
        assert [states.count(s) for s in FrameStatus] == line.counts[column].tolist()
        assert line.frame_of(column) in inside
    for frame in range(frames):
        column = line.column_of(frame)
        assert line.starts[column] <= frame < line.stops[column]


def test_a_timeline_of_ten_million_frames():
    predictions = np.arange(0, 10_000_000, 2, dtype=np.int64)
    labelled = list(range(0, 10_000_000, 100_000))
    line = timeline(10_000_000, 120, labelled, labelled[:50], predictions)
    assert line.counts.sum(axis=0).tolist() == [5_000_000, 5_000_000 - 100, 50, 50]


def test_the_status_of_a_frame_knows_predictions(make):
    labeller = make(predictions=predicted({1: [POSE]}))
    labeller.place((1.0, 1.0))
    found = [labeller.status(FrameKey("v1", f)) for f in range(3)]
    assert found == [FrameStatus.PARTLY, FrameStatus.PREDICTED, FrameStatus.EMPTY]
    assert [int(s) for s in labeller.timeline("v1", 10).states[:3]] == [2, 1, 0]


def test_counts_follow_every_edit(make):
    labeller = make([video("v1", 5), video("v2", 5)])
    assert labeller.counts().words == "no frame labelled"
    complete(labeller, 0)
    labeller.go(1, "v2")
    labeller.place((1.0, 1.0))
    counts = labeller.counts()
    assert (counts.frames, counts.complete, counts.points, counts.here, counts.total_here) == (2, 1, 6, 1, 5)
    assert counts.words == "2 frames labelled, 1 of them partly"
    labeller.undo()
    assert labeller.counts().words == "1 frame labelled"


def test_unsure_frames_are_suggested_apart_from_each_other():
    frames = np.arange(1000, dtype=np.int64)
    scores = np.full((1000, 1, 1), 0.9)
    scores[300:310] = 0.1
    scores[700] = 0.2
    scores[800] = np.nan
    lookup = ArrayPredictions({"v1": np.zeros((1000, 1, 1, 2))}, {"v1": scores}, {"v1": frames})
    found = suggest([video("v1", 1000)], LabelIndex(1), lookup, most=5)
    assert [s.key.frame for s in found[:2]] == [300, 700]
    assert found[0].reason == "the model is unsure here, mean score 0.10"
    numbers = sorted(s.key.frame for s in found)
    assert len(numbers) == 5 and min(np.diff(numbers)) >= 10 and 800 not in numbers


@given(st.integers(1, 40), st.sets(st.integers(0, 39)), st.integers(1, 12))
def test_spread_suggestions_are_as_far_as_can_be(frames, labelled, most):
    labelled = {f for f in labelled if f < frames}
    index = LabelIndex(1, [LabeledFrame("v1", f, [Instance(np.zeros((1, 2)))]) for f in labelled])
    found = [s.key.frame for s in spread(video("v1", frames), index, most)]
    assert len(set(found)) == len(found) and not set(found) & labelled
    if labelled:
        assert len(found) == min(most, frames - len(labelled))
        taken = set(labelled)
        for frame in found:
            farthest = max(min(abs(f - t) for t in taken) for f in range(frames) if f not in taken)
            assert min(abs(frame - t) for t in taken) == farthest
            taken.add(frame)


def test_suggestions_from_a_file_come_first(make, tmp_path):
    path = tmp_path / "suggestions.json"
    rows = [
        {"video": "v1", "frame": 7, "reason": "cluster 3"},
        {"video": "gone", "frame": 1},
        {"video": "v1", "frame": 99},
    ]
    path.write_text(json.dumps(rows))
    labeller = make(suggestions=path)
    assert labeller.next_suggestion().words == "frame 7: cluster 3"
    complete(labeller, 7)
    labeller.next_suggestion()
    assert labeller.frame != 7
    path.write_text("{]")
    with pytest.raises(UnusableInput):
        labeller.suggestions()


def test_suggestions_go_in_both_directions_and_end(make):
    labeller = make([video("v1", 3)])
    visited = set()
    for _ in range(3):
        labeller.next_suggestion()
        visited.add(labeller.frame)
        complete(labeller, labeller.frame)
    assert visited == {0, 1, 2}
    assert labeller.next_suggestion().words == "no frame is left to suggest"
    for _ in range(5):
        labeller.undo()
    missing = labeller.frame
    labeller.go((missing + 1) % 3)
    labeller.next_suggestion(-1)
    assert labeller.frame == missing


def test_suggestions_are_walked_both_ways(make):
    labeller = make([video("v1", 100)])
    listed = [s.key.frame for s in labeller.suggestions()]
    forth = []
    for _ in range(3):
        labeller.next_suggestion()
        forth.append(labeller.frame)
    labeller.next_suggestion(-1)
    assert labeller.frame == forth[1]
    assert forth == [f for f in listed if f != 0][:3]
