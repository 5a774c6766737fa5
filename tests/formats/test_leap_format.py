from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from format_files import (
    NODES,
    Mat73,
    frames_with_bright_points,
    leap_labels,
    opaque,
    random_points,
    write_mat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leaptui.errors import UnusableInput
from leaptui.formats import leap_labels as leap
from leaptui.formats.leap_box import write_box

VERSIONS = ["v7", "v7.3"]


def make(folder: Path, version: str, points: np.ndarray, **more: np.ndarray) -> tuple[Path, Path]:
    box = folder / "box.h5"
    write_box(frames_with_bright_points(points), box)
    return write_mat(folder / "box.labels.mat", version, leap_labels(points, str(box), **more)), box


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_fall_on_the_bright_pixels_of_the_box(tmp_path: Path, version: str) -> None:
    points = random_points(4)
    points[1, 3] = np.nan
    points[2] = np.nan
    labels, box = make(tmp_path, version, points)

    imported = leap.read([labels])

    (video,) = imported.videos
    assert (video.path, video.dataset, video.axes) == (box, "/box", "NCWH")
    assert [frame.frame for frame in imported.frames] == [0, 1, 3]
    with h5py.File(box) as file:
        raw = file["box"][:]
    for frame in imported.frames:
        (instance,) = frame.instances
        np.testing.assert_array_equal(instance.points, points[frame.frame])
        for x, y in instance.points[instance.placed].astype(int):
            position = {"N": frame.frame, "C": 0, "W": x, "H": y}
            assert raw[tuple(position[axis] for axis in video.axes)] == 255


@pytest.mark.parametrize("version", VERSIONS)
def test_skeleton_counts_edges_from_one(tmp_path: Path, version: str) -> None:
    skeleton = leap.read([make(tmp_path, version, random_points(2))[0]]).skeleton
    assert skeleton.node_names == tuple(NODES)
    assert skeleton.edge_indices == ((0, 1), (1, 2), (1, 3))
    assert skeleton.swap == (0, 1, 3, 2, 5, 4)
    assert skeleton.body_axis == ("head", "abdomen")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    version=st.sampled_from(VERSIONS),
    points=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 6), st.just(2)),
        elements=st.floats(-8, 64, width=16) | st.just(float("nan")),
    ),
)
def test_any_positions_come_back_counted_from_zero(tmp_path: Path, version: str, points: np.ndarray) -> None:
    unset = np.isnan(points).any(axis=2)
    box = tmp_path / "box.h5"
    write_box(np.zeros((len(points), 5, 7, 1), np.uint8), box)
    labels = write_mat(tmp_path / "box.labels.mat", version, leap_labels(points.astype(float), str(box)))
    if unset.all():
        with pytest.raises(UnusableInput, match="no frame has a label"):
            leap.read([labels])
        return
    imported = leap.read([labels])
    found = np.full(points.shape, np.nan)
    for frame in imported.frames:
        found[frame.frame] = frame.instances[0].points
    np.testing.assert_allclose(found, np.where(unset[..., None], np.nan, points), atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_initialised_frames_are_no_labels(tmp_path: Path, version: str) -> None:
    points = random_points(5)
    start = random_points(5, seed=9)
    points[1:4] = np.nan
    start[3] = np.nan
    labels, _ = make(tmp_path, version, points, initialization=start)
    imported = leap.read([labels])
    assert [frame.frame for frame in imported.frames] == [0, 4]
    assert any(note.startswith("2 frames") and "initialised" in note for note in imported.notes)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stored", ["/gone/data/box.h5", "C:\\data\\fly\\box.h5", "", None])
def test_the_box_is_found_beside_the_labels(tmp_path: Path, version: str, stored: str | None) -> None:
    points = random_points(2)
    write_box(frames_with_bright_points(points), tmp_path / "box.h5")
    content = leap_labels(points, stored or "")
    if stored is None:
        del content["boxPath"]
    labels = write_mat(tmp_path / "box.labels.mat", version, content)
    assert leap.read([labels]).videos[0].path == tmp_path / "box.h5"


def test_a_given_box_comes_first(tmp_path: Path) -> None:
    labels, _ = make(tmp_path, "v7", random_points(2))
    other = tmp_path / "elsewhere.h5"
    write_box(np.zeros((2, 20, 33, 1), np.uint8), other)
    assert leap.read([other, labels]).videos[0].path == other


def test_a_missing_box_is_named(tmp_path: Path) -> None:
    labels = write_mat(tmp_path / "a.labels.mat", "v7.3", leap_labels(random_points(2), "/gone/fly7.h5"))
    with pytest.raises(UnusableInput) as caught:
        leap.read([labels])
    assert "/gone/fly7.h5" in str(caught.value)
    assert "fly7.h5 beside" in str(caught.value)


def test_two_labels_files_find_their_boxes(tmp_path: Path) -> None:
    boxes, labels = [], []
    for i, name in enumerate(("one", "two")):
        points = random_points(2 + i, seed=i)
        boxes.append(tmp_path / f"{name}.h5")
        write_box(frames_with_bright_points(points), boxes[-1])
        labels.append(write_mat(tmp_path / f"{name}.mat", "v7", leap_labels(points, f"/far/{name}.h5")))
    imported = leap.read([*labels, *reversed(boxes)])
    assert [video.path for video in imported.videos] == boxes
    assert len(imported.frames) == 5


def test_a_box_alone_holds_no_labels(tmp_path: Path) -> None:
    _, box = make(tmp_path, "v7", random_points(2))
    assert leap.companion(box)
    assert not leap.sniff(box)
    with pytest.raises(UnusableInput, match="leaptui add"):
        leap.read([box])


def test_a_single_frame_has_no_last_axis(tmp_path: Path) -> None:
    points = random_points(1)
    write_box(frames_with_bright_points(points), tmp_path / "box.h5")
    content = leap_labels(points, "")
    content["positions"] = content["positions"][:, :, 0]
    labels = write_mat(tmp_path / "box.mat", "v7.3", content)
    np.testing.assert_array_equal(leap.read([labels]).frames[0].instances[0].points, points[0])


def test_what_only_matlab_can_read_is_passed_over(tmp_path: Path) -> None:
    points = random_points(2)
    write_box(frames_with_bright_points(points), tmp_path / "box.h5")
    path = tmp_path / "box.labels.mat"
    with Mat73(path) as mat:
        for name, value in leap_labels(points, "box.h5").items():
            mat.put(mat.file, name, value)
        opaque(mat, mat.file, "history")
        opaque(mat, mat.file["skeleton"], "joints")
    assert leap.sniff(path)
    assert len(leap.read([path]).frames) == 2


def test_node_names_beyond_ascii(tmp_path: Path) -> None:
    points = random_points(1, nodes=3)
    write_box(frames_with_bright_points(points), tmp_path / "box.h5")
    content = leap_labels(points, "")
    content["skeleton"]["nodes"] = ["Kopf", "Flügel L", "𝛼"]
    labels = write_mat(tmp_path / "box.mat", "v7.3", content)
    assert leap.read([labels]).skeleton.node_names == ("Kopf", "Flügel L", "𝛼")


def broken(**change: object) -> dict:
    content = leap_labels(random_points(3), "box.h5")
    for key, value in change.items():
        target, key = (content["skeleton"], key[2:]) if key.startswith("s_") else (content, key)
        if value is None:
            del target[key]
        else:
            target[key] = value
    return content


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"x": np.ones((2, 2)), "y": "hello"}, ["lacks positions, skeleton", "it has x, y"]),
        (broken(positions=None), ["lacks positions"]),
        (broken(positions=np.zeros((5, 2, 3), np.float32)), ["'positions'", "5 x 2 x 3"]),
        (broken(positions=np.zeros((6, 3, 3), np.float32)), ["'positions'", "6 x 3 x 3"]),
        (broken(positions="text"), ["'positions'"]),
        (broken(skeleton=np.ones((2, 2))), ["skeleton.nodes"]),
        (broken(s_nodes=None), ["skeleton.nodes"]),
        (broken(s_nodes=np.ones((6, 1))), ["'skeleton.nodes'"]),
        (broken(s_nodes=[*NODES[:5], "head"]), ["twice", "head"]),
        (broken(s_edges=np.array([[0.0, 1.0]])), ["'skeleton.edges'", "from 1 to 6"]),
        (broken(s_edges=np.array([[1.0, 7.0]])), ["'skeleton.edges'"]),
        (broken(s_edges=np.array([[1.5, 2.0]])), ["'skeleton.edges'"]),
        (broken(s_edges=np.ones((2, 3))), ["'skeleton.edges'", "2 x 3"]),
        (broken(positions=np.ones((6, 2, 4), np.float32), initialization=None), ["4 frames", "has 3"]),
    ],
)
def test_malformed_labels_give_one_clear_error(tmp_path: Path, version: str, content: dict, words: list[str]) -> None:
    write_box(np.zeros((3, 20, 33, 1), np.uint8), tmp_path / "box.h5")
    path = write_mat(tmp_path / "bad.mat", version, content)
    with pytest.raises(UnusableInput) as caught:
        leap.read([path])
    assert "bad.mat" in str(caught.value) or "bad:" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_edges_are_no_error(tmp_path: Path, version: str) -> None:
    write_box(np.zeros((3, 20, 33, 1), np.uint8), tmp_path / "box.h5")
    path = write_mat(tmp_path / "ok.mat", version, broken(s_edges=np.zeros((0, 2))))
    assert leap.read([path]).skeleton.edges == ()


@pytest.mark.parametrize("shape", [(3, 33, 20), (3, 2, 33, 20)])
def test_a_box_of_another_form(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with h5py.File(tmp_path / "box.h5", "w") as file:
        file["box"] = np.zeros(shape, np.uint8)
    path = write_mat(tmp_path / "l.mat", "v7", leap_labels(random_points(3), "box.h5"))
    with pytest.raises(UnusableInput, match=r"box\.h5: 'box' must be"):
        leap.read([path])


@pytest.mark.parametrize("version", VERSIONS)
def test_damaged_files_never_raise_anything_else(tmp_path: Path, version: str) -> None:
    labels, _ = make(tmp_path, version, random_points(3))
    whole = labels.read_bytes()
    rng = np.random.default_rng(4)
    for i in range(60):
        damaged = bytearray(whole)
        if i % 3 == 0:
            damaged = damaged[: rng.integers(1, len(whole))]
        else:
            for position in rng.integers(0, len(whole), 20):
                damaged[position] = rng.integers(0, 256)
        path = tmp_path / "damaged.labels.mat"
        path.write_bytes(bytes(damaged))
        leap.sniff(path)
        try:
            leap.read([path])
        except UnusableInput as error:
            assert str(error)


def test_old_and_foreign_mat_files(tmp_path: Path) -> None:
    import scipy.io

    old = tmp_path / "old.mat"
    scipy.io.savemat(old, {"positions": np.ones((2, 2))}, format="4")
    text = tmp_path / "text.mat"
    text.write_text("not MATLAB")
    for path in (old, text):
        assert not leap.sniff(path)
        with pytest.raises(UnusableInput, match=path.name):
            leap.read([path])


def test_a_box_is_written_as_leap_writes_it(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (7, 5, 9, 3), dtype=np.uint8)
    assert write_box((frames[i : i + 3] for i in range(0, 7, 3)), tmp_path / "box.h5") == 7
    with h5py.File(tmp_path / "box.h5") as file:
        box = file["box"]
        assert (box.shape, box.chunks, box.dtype) == ((7, 3, 9, 5), (1, 3, 9, 5), np.uint8)
        assert (box.compression, box.compression_opts) == ("gzip", 1)
        np.testing.assert_array_equal(box[:].transpose(0, 3, 2, 1), frames)


@pytest.mark.parametrize("blocks", [[], [np.zeros((1, 4, 4, 1), np.uint8), np.zeros((1, 4, 5, 1), np.uint8)]])
def test_a_box_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, blocks: list) -> None:
    path = tmp_path / "box.h5"
    path.write_bytes(b"old")
    with pytest.raises(UnusableInput):
        write_box(iter(blocks), path)
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["box.h5"]
