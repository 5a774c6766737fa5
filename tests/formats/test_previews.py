"""Preview files: what is written is read back, files stay small and few, and nobody is hurt by a hostile one."""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats import previews
from leaptui.formats.plain_npz import read_npz
from leaptui.formats.preview_packing import IMAGE_BYTES, MAP_SIDE, NODE_MAP_BYTES, pack_images, pack_maps
from leaptui.formats.previews import EpochPreview, kept, list_previews, read_preview, thin, write_preview

NAMES = ("head", "tail", "wingL", "wingR")


def make_preview(epoch: int = 7, *, count: int = 2, names: tuple[str, ...] = NAMES, side: int = 24) -> EpochPreview:
    rng = np.random.default_rng(epoch)
    nodes = len(names)
    truth = rng.uniform(0, side * 2, (count, nodes, 2)).astype(np.float32)
    truth[0, 1] = np.nan
    return EpochPreview(
        epoch=epoch,
        nodes=names,
        edges=((0, 1), (0, 2)),
        image=rng.integers(0, 255, (count, side, side + 8, 1)).astype(np.uint8),
        extent=np.array([[side, side + 8]] * (count - 1) + [[side - 4, side]], np.int32),
        source_size=np.array([[side * 2, side * 2 + 16]] * (count - 1) + [[side * 2 - 8, side * 2]], np.int32),
        frames=np.arange(count) + 40,
        points=(truth + 3).astype(np.float32),
        scores=rng.uniform(0, 1, (count, nodes)).astype(np.float32),
        truth=truth,
        occluded=np.zeros((count, nodes), bool),
        best_map=rng.integers(0, 255, (count, 6, 8)).astype(np.uint8),
        best_cell=np.full((count, 2), 4.0, np.float32),
        node_maps=rng.integers(0, 255, (count, nodes, 6, 8)).astype(np.uint8),
        node_cell=np.full((count, 2), 4.0, np.float32),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = make_preview()
    path = write_preview(tmp_path / "previews", made)
    assert path.name == "0007.npz"
    assert [p.name for p in path.parent.iterdir()] == ["0007.npz"], "no temporary file is left"
    found = read_preview(path)
    for field in dataclasses.fields(made):
        one, other = getattr(made, field.name), getattr(found, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), field.name
        else:
            assert one == other, field.name


def test_points_and_maps_lie_where_they_belong() -> None:
    preview = make_preview()
    assert preview.picture(1).shape == (20, 24, 1)
    # The image is half as large: the corner of the first pixel is the corner of the first pixel.
    corners = preview.to_picture(np.array([[-0.5, -0.5], [0.5, 0.5]], np.float32), 0)
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [0.0, 0.0]])
    errors = preview.errors(0)
    assert np.isnan(errors[1])
    np.testing.assert_allclose(errors[[0, 2, 3]], 18**0.5, rtol=1e-5)
    maps = np.zeros((2, 6, 8), np.uint8)
    maps[:, 2, 5] = 255
    heat = dataclasses.replace(preview, best_map=maps).heat(0)
    assert heat.shape == (24, 32)
    # Cell (2, 5) of 4 pixels covers rows 8 to 11 and columns 20 to 23.
    centre = (heat.sum(1) @ np.arange(24) / heat.sum(), heat.sum(0) @ np.arange(32) / heat.sum())
    np.testing.assert_allclose(centre, (9.5, 21.5), atol=1e-4)


def test_maps_of_32_nodes_keep_their_peaks_and_the_file_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    maps = (255 * rng.uniform(0, 1, (6, 32, 48, 48)) ** 4).astype(np.uint8)
    maps[:, 5, 31, 17] = 255
    (best, finer), (nodes, coarser) = pack_maps(maps)
    assert best.shape == (6, 48, 48) and finer == 1 and best[0, 31, 17] == 255
    assert coarser > 1, "noise in every map is more than a file has room for"
    assert nodes[0, 5, 31 // coarser, 17 // coarser] == 255
    frames = [rng.integers(0, 255, (300, 500, 1)).astype(np.uint8) for _ in range(6)]
    image, extent = pack_images(frames, lambda frame, size: frame[: size[0], : size[1]])
    preview = dataclasses.replace(
        make_preview(count=6, names=tuple(f"node{i}" for i in range(32))),
        image=image,
        extent=extent,
        source_size=np.array([[300, 500]] * 6, np.int32),
        best_map=best,
        node_maps=nodes,
    )
    path = write_preview(tmp_path, preview)
    assert path.stat().st_size < 160_000
    assert len(read_preview(path)) == 6


def test_maps_of_a_trained_network_keep_every_cell() -> None:
    rows, columns = np.mgrid[:48, :48]
    maps = np.zeros((6, 32, 48, 48), np.uint8)
    for frame in range(6):
        for node in range(32):
            y, x = (7 * node + frame) % 48, (11 * node + 5 * frame) % 48
            maps[frame, node] = 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2)
    (_, finer), (nodes, coarser) = pack_maps(maps)
    assert (finer, coarser) == (1, 1)
    assert np.abs(nodes.astype(int) - maps).max() <= 9, "fifteen steps"


def test_large_frames_and_maps_are_made_smaller() -> None:
    shapes: list[tuple[int, int]] = []

    def shrink(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        shapes.append(size)
        return np.zeros((*size, 3), np.uint8)

    image, extent = pack_images([np.zeros((1080, 1920, 3), np.uint8), np.zeros((50, 40, 3), np.uint8)], shrink)
    assert shapes == [(144, 256), (50, 40)] and image.shape == (2, 144, 256, 3)
    assert extent.tolist() == [[144, 256], [50, 40]]
    (best, factor), _ = pack_maps(np.zeros((1, 2, 270, 480), np.uint8))
    assert max(best.shape) <= MAP_SIDE and factor == 8
    assert IMAGE_BYTES + NODE_MAP_BYTES < 140_000


def test_the_first_the_best_and_the_last_stay(tmp_path: Path) -> None:
    best = 17
    for epoch in range(1, 301):
        (tmp_path / previews.preview_name(epoch)).write_bytes(b"")
        thin(tmp_path, keep=(best,) if epoch >= best else (), most=20)
        left = list(list_previews(tmp_path))
        assert len(left) <= 23 and left[0] == 1 and left[-1] == epoch and (best in left) == (epoch >= best)
    left = list(list_previews(tmp_path))
    assert np.diff(left).max() <= 16, "what is left is spread over all epochs"


def test_few_are_all_kept_and_strange_names_left_alone(tmp_path: Path) -> None:
    assert kept([5, 3, 9]) == {3, 5, 9} and kept([]) == set()
    for name in ("0001.npz", "0002.npz", "notes.txt", "0003.npz.bak", ".0004.npz.77.tmp"):
        (tmp_path / name).write_bytes(b"")
    assert thin(tmp_path, most=1) == []
    assert list(list_previews(tmp_path)) == [1, 2]
    assert len(list(tmp_path.iterdir())) == 5
    assert list_previews(tmp_path / "nothing") == {}


def changed(path: Path, **arrays: Any) -> Path:
    """A file with some arrays replaced, left out (None), or given as the bytes of their member."""
    with np.load(path) as packed:
        found: dict[str, Any] = {name: packed[name] for name in packed.files}
    found |= arrays
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, array in found.items():
            if array is None:
                continue
            content = io.BytesIO()
            if isinstance(array, bytes):
                content.write(array)
            else:
                np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=True)
            packed.writestr(f"{name}.npy", content.getvalue())
    return path


def header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "arrays",
    [
        {"points": None},
        {"version": 2},
        {"epoch": -1},
        {"epoch": "seven"},
        {"nodes": np.array(["a", "b"])},
        {"nodes": np.arange(4)},
        {"image": np.zeros((2, 24, 32), np.uint8)},
        {"image": np.zeros((2, 24, 32, 2), np.uint8)},
        {"image": np.zeros((0, 24, 32, 1), np.uint8)},
        {"image": np.zeros((2, 24, 32, 1), np.float64)},
        {"extent": np.array([[24, 32], [20, 99]])},
        {"extent": np.array([[24, 32], [0, 24]])},
        {"source_size": np.array([[48, 64], [0, 48]])},
        {"edges": np.array([[0, 9]])},
        {"edges": np.array([[0, -1]])},
        {"best_cell": np.array([[4, np.nan], [4, 4]], np.float32)},
        {"best_cell": np.zeros((2, 2), np.float32)},
        {"node_maps": np.zeros((2, 3, 6, 8), np.uint8)},
        {"scores": np.zeros((2, 5), np.float32)},
        {"frames": np.array([1e30, 2])},
        {"image": header("(99999999999, 99999999, 8, 8)")},
        {"image": header("(2, 24, 32, 1)")},
        {"image": header("(2, -24, -32, 1)") + bytes(1536)},
        {"image": header("(2, 24, 32, 1)", "|V4") + bytes(6144)},
        {"image": header("__import__('os')")},
        {"image": b"\x93NUMPY\x09\x00"},
        {"image": b""},
    ],
    ids=str,
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = changed(write_preview(tmp_path, make_preview()), **arrays)
    with pytest.raises(UnusableInput) as caught:
        read_preview(path)
    assert caught.value.where == str(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = changed(write_preview(tmp_path, make_preview()), nodes=np.array([Trap(mark)], object))
    with pytest.raises(UnusableInput):
        read_preview(path)
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(UnusableInput):
        read_preview(path)
    assert not mark.exists()


def test_a_zip_bomb_is_not_inflated(tmp_path: Path) -> None:
    path = tmp_path / "0001.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("image.npy", header("(400000000,)") + bytes(400_000))
    with pytest.raises(UnusableInput):
        read_npz(path, most_bytes=100_000)
    path.write_bytes(bytes(5 << 20))
    with pytest.raises(UnusableInput, match="larger"):
        read_npz(path)


@pytest.mark.parametrize("name", ["../image", "image.txt", "image"])
def test_members_that_are_no_arrays_are_refused(tmp_path: Path, name: str) -> None:
    path = write_preview(tmp_path, make_preview())
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(name, b"x")
    with pytest.raises(UnusableInput):
        read_preview(path)


def test_broken_files_are_told(tmp_path: Path) -> None:
    path = write_preview(tmp_path, make_preview())
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[:-30], whole[: len(whole) // 2], whole[:200] + bytes(300) + whole[500:]):
        path.write_bytes(content)
        with pytest.raises(UnusableInput):
            read_preview(path)
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_preview(tmp_path / "0099.npz")
    with pytest.raises(UnusableInput):
        read_preview(tmp_path)
    os.mkfifo(tmp_path / "0098.npz")
    with pytest.raises(UnusableInput, match="regular"):
        read_preview(tmp_path / "0098.npz")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "previews").write_text("a file")
    with pytest.raises(UnusableInput):
        write_preview(tmp_path / "previews", make_preview())
