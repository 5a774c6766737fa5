from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from format_files import NODES, deepposekit_set, random_points

from leaptui.errors import UnusableInput
from leaptui.formats import deepposekit
from leaptui.pose.builtin import fly32


def test_labels_fall_on_the_pixels_they_mark(tmp_path: Path) -> None:
    points = random_points(5)
    points[1, 2] = np.nan
    points[3] = np.nan
    path = deepposekit_set(tmp_path / "set.h5", points)

    imported = deepposekit.read([path])

    assert [frame.frame for frame in imported.frames] == [0, 1, 2, 4]
    assert any("1 frame" in note and "left out" in note for note in imported.notes)
    (video,) = imported.videos
    assert (video.path, video.dataset, video.axes) == (path, "/images", "NHWC")
    with h5py.File(path) as file:
        images = file["images"][:]
    for frame in imported.frames:
        (instance,) = frame.instances
        np.testing.assert_array_equal(instance.points, points[frame.frame])
        for x, y in instance.points[instance.placed].astype(int):
            assert images[frame.frame, y, x, 0] == 255


def test_skeleton_has_parents_twins_and_body_axis(tmp_path: Path) -> None:
    skeleton = deepposekit.read([deepposekit_set(tmp_path / "set.h5", random_points(2))]).skeleton
    assert skeleton.node_names == tuple(NODES)
    assert skeleton.parents == (-1, 0, 1, 1, 0, 0)
    assert skeleton.swap == (0, 1, 3, 2, 5, 4)
    assert skeleton.body_axis == ("head", "abdomen")


def test_a_point_that_nobody_confirmed_is_no_label(tmp_path: Path) -> None:
    points = random_points(3)
    confirmed = np.ones(points.shape[:2], bool)
    confirmed[0, 1] = False
    confirmed[2] = False
    imported = deepposekit.read([deepposekit_set(tmp_path / "set.h5", points, annotated=confirmed)])
    assert [frame.frame for frame in imported.frames] == [0, 1]
    assert np.flatnonzero(~imported.frames[0].instances[0].placed).tolist() == [1]
    assert any("7 points" in note and "confirmed" in note for note in imported.notes)


def test_a_set_without_any_confirmed_point_keeps_its_placed_ones(tmp_path: Path) -> None:
    points = random_points(3)
    flags = np.zeros(points.shape[:2], bool)
    imported = deepposekit.read([deepposekit_set(tmp_path / "set.h5", points, annotated=flags)])
    assert len(imported.frames) == 3
    assert any("annotated" in note for note in imported.notes)


def test_contradicting_swaps_are_paired_by_name_and_said(tmp_path: Path) -> None:
    table = np.array([[-1, -1], [0, -1], [1, 4], [1, 2], [0, 5], [0, 4]], np.int32)
    imported = deepposekit.read([deepposekit_set(tmp_path / "set.h5", random_points(1), skeleton=table)])
    assert imported.skeleton.swap == (0, 1, 3, 2, 5, 4)
    assert any("legL1" in note and "by name" in note for note in imported.notes)


def test_names_of_ten_bytes_are_pointed_out(tmp_path: Path) -> None:
    names = np.array([b"abcdefghij", *[name.encode() for name in NODES[1:]]], "S10")
    imported = deepposekit.read([deepposekit_set(tmp_path / "set.h5", random_points(1), skeleton_names=names)])
    assert any("abcdefghij" in note and "cut" in note for note in imported.notes)


def test_points_outside_the_frame_are_kept_and_said(tmp_path: Path) -> None:
    points = random_points(2)
    points[0, 0] = (500.0, 3.0)
    points[0, 1] = (-3.0, 3.0)
    images = np.zeros((2, 20, 33, 1), np.uint8)
    imported = deepposekit.read([deepposekit_set(tmp_path / "set.h5", points, images=images)])
    assert imported.frames[0].instances[0].points[0, 0] == 500.0
    assert any(note.startswith("2 points lie outside") for note in imported.notes)


def test_several_files_with_other_node_order(tmp_path: Path) -> None:
    first, second = random_points(2, seed=1), random_points(3, seed=2)
    order = [1, 0, 3, 2, 5, 4]
    one = deepposekit_set(tmp_path / "one.h5", first)
    two = deepposekit_set(
        tmp_path / "two.h5",
        second,
        skeleton_names=np.array([NODES[i] for i in order], "S10"),
        skeleton=np.full((6, 2), -1, np.int32),
    )
    imported = deepposekit.read([one, two])
    assert [(frame.video, frame.frame) for frame in imported.frames] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    np.testing.assert_array_equal(imported.frames[2].instances[0].points[order], second[0])


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"images": None}, ["lacks images"]),
        ({"annotations": None, "skeleton_names": None}, ["lacks", "annotations", "skeleton_names"]),
        ({"annotations": np.zeros((4, 6, 2))}, ["'annotations'", "(4, 6, 2)"]),
        ({"annotations": np.zeros((3, 6))}, ["'annotations'"]),
        ({"annotations": np.full((3, 6, 2), b"x")}, ["'annotations'"]),
        ({"images": np.zeros((3, 20, 33), np.uint8)}, ["'images'"]),
        ({"images": np.zeros((3, 20, 33, 2), np.uint8)}, ["'images'"]),
        ({"annotated": np.zeros((3, 5), bool)}, ["'annotated'"]),
        ({"skeleton": np.full((6, 2), 9, np.int32)}, ["'skeleton'", "beyond"]),
        ({"skeleton": np.zeros((5, 2), np.int32)}, ["'skeleton'"]),
        ({"skeleton_names": np.array(["a"] * 6, "S10")}, ["twice", "a"]),
        ({"skeleton_names": np.zeros(6)}, ["'skeleton_names'"]),
        ({"annotations": np.full((3, 6, 2), -1.0)}, ["no frame has a label"]),
    ],
)
def test_malformed_sets_give_one_clear_error(tmp_path: Path, replaced: dict, words: list[str]) -> None:
    path = deepposekit_set(tmp_path / "set.h5", random_points(3), **replaced)
    with pytest.raises(UnusableInput) as caught:
        deepposekit.read([path])
    for word in words:
        assert word in str(caught.value)


def test_files_that_are_no_hdf5(tmp_path: Path) -> None:
    whole = deepposekit_set(tmp_path / "set.h5", random_points(30)).read_bytes()
    for name, content in {"text.h5": b"hello", "empty.h5": b"", "cut.h5": whole[: len(whole) // 2]}.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert not deepposekit.sniff(path)
        with pytest.raises(UnusableInput, match=name):
            deepposekit.read([path])
    for path in (tmp_path, tmp_path / "none.h5"):
        assert not deepposekit.sniff(path)
        with pytest.raises(UnusableInput):
            deepposekit.read([path])


def test_the_real_fly(real_data: Path) -> None:
    imported = deepposekit.read([real_data / "fly" / "fly75.h5"])
    assert len(imported.frames) == 75
    assert len(imported.skeleton) == 32
    assert imported.skeleton.node_names == fly32().node_names
    assert imported.skeleton.swap == fly32().swap
    assert imported.skeleton.body_axis == ("head", "abdomen")
    assert all(frame.instances[0].placed.all() for frame in imported.frames)
    axis = [frame.instances[0].points[[0, 5]] for frame in imported.frames]
    assert np.mean([np.hypot(*(a - b)) for a, b in axis]) == pytest.approx(95.2, abs=0.1)
