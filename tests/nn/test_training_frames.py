"""A resumed training uses the frames it was begun with, whatever was labelled since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leaptui.errors import UnusableInput
from leaptui.nn.data import Split
from leaptui.pose.skeleton import make_skeleton
from leaptui.runners.dataset import LabeledArrays
from leaptui.runners.training_frames import again, begin
from tests.nn.conftest import BLOBS


def labelled(frames: list[int], shift: float = 0.0) -> LabeledArrays:
    """One grey level a frame, so that each can be told."""
    count = len(frames)
    points = np.array([[[i + node, i + 2 * node] for node in range(4)] for i in frames], dtype=float) + shift
    return LabeledArrays(
        skeleton=BLOBS,
        frames=[np.full((8, 8, 1), i, np.uint8) for i in frames],
        points=points,
        occluded=np.zeros((count, 4), bool),
        checksums=np.array(frames, np.uint32),
        groups=np.array(frames, np.int64),
        keys=[("video", i) for i in frames],
        labels_hash="hash",
    )


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Path, Split]:
    path = tmp_path / "checkpoints" / "frames.json"
    _, parts = begin(path, labelled(list(range(20))), val_fraction=0.25, labels=None, seed=3)
    return path, parts


def levels(arrays: LabeledArrays, positions: np.ndarray) -> list[int]:
    return [int(arrays.frames[i][0, 0, 0]) for i in positions]


def test_the_same_labels_give_the_same_split_without_words(begun: tuple[Path, Split]) -> None:
    path, parts = begun
    said: list[str] = []
    arrays, found = again(path, labelled(list(range(20))), said.append)
    for name in ("train", "val", "left_out"):
        assert getattr(found, name).tolist() == getattr(parts, name).tolist()
    assert len(arrays.frames) == 20 and not said


def test_frames_labelled_since_are_left_out(begun: tuple[Path, Split]) -> None:
    path, parts = begun
    said: list[str] = []
    arrays, found = again(path, labelled([*range(100, 105), *range(20)]), said.append)
    assert levels(arrays, found.train) == parts.train.tolist()
    assert levels(arrays, found.val) == parts.val.tolist()
    assert len(arrays.frames) == 20
    assert ["5 frames labelled since" in line for line in said] == [True]


def test_frames_that_are_gone_are_missing_on_their_side_only(begun: tuple[Path, Split]) -> None:
    path, parts = begun
    gone = {int(parts.train[0]), int(parts.train[5]), int(parts.val[0])}
    said: list[str] = []
    arrays, found = again(path, labelled([i for i in range(20) if i not in gone]), said.append)
    assert levels(arrays, found.train) == [i for i in parts.train.tolist() if i not in gone]
    assert levels(arrays, found.val) == parts.val.tolist()[1:]
    assert ["2 training and 1 validation frames are gone" in line for line in said] == [True]


def test_points_that_were_moved_are_said(begun: tuple[Path, Split]) -> None:
    said: list[str] = []
    arrays, _ = again(begun[0], labelled(list(range(20)), shift=0.5), said.append)
    assert arrays.points[0, 0, 0] == 0.5
    assert ["points were moved" in line for line in said] == [True]


def test_what_cannot_go_on_is_refused(begun: tuple[Path, Split]) -> None:
    path, parts = begun
    with pytest.raises(UnusableInput, match="validate with"):
        again(path, labelled(parts.train.tolist()), lambda _: None)
    with pytest.raises(UnusableInput, match="train on"):
        again(path, labelled(parts.val.tolist()), lambda _: None)
    other = make_skeleton("other", ["a", "b", "c", "d"])
    with pytest.raises(UnusableInput, match="other nodes"):
        again(path, replace(labelled(list(range(20))), skeleton=other), lambda _: None)
    for content in ("", "[]", '{"nodes": [], "points_hash": "", "frames": [[1]]}', json.dumps({"v": 1})):
        path.write_text(content)
        with pytest.raises(UnusableInput, match="cannot be read") as refused:
            again(path, labelled(list(range(20))), lambda _: None)
        assert refused.value.hint == "Start a new run."
