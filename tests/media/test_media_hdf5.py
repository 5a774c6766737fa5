"""HDF5 sources: axis orders, number types, the raw-chunk path, and damage that must not go unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import SIZE, index_of, picture

from leaptui.errors import UnusableInput
from leaptui.media import FrameError, Video, VideoSource, open_video
from leaptui.media.grey import stretch, to_grey
from leaptui.media.hdf5 import Hdf5Frames
from leaptui.media.levels import Levels, find_levels

COUNT = 20


def _frames(count: int = COUNT, channels: int = 1) -> np.ndarray:
    return np.stack([picture(index, channels=channels) for index in range(count)])


def _write(path: Path, name: str, data: np.ndarray, **settings: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=data, **settings)
    return path


def _box(path: Path, frames: np.ndarray, **settings: Any) -> Path:
    """A LEAP box: (N, C, W, H), one gzip chunk a frame."""
    data = frames.transpose(0, 3, 2, 1)
    return _write(path, "box", data, **{"chunks": (1, *data.shape[1:]), "compression": "gzip", **settings})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compression_opts": 1, "shuffle": True},
        {"compression": None},
        {"chunks": None, "compression": None},
        {"compression": "lzf"},
    ],
    ids=["gzip", "shuffle", "chunked", "contiguous", "lzf"],
)
def test_leap_box(tmp_path: Path, channels: int, settings: dict[str, Any]) -> None:
    frames = _frames(channels=channels)
    video = open_video(_box(tmp_path / "box.h5", frames, **settings))
    assert isinstance(video, Video)
    assert (len(video), video.shape) == (COUNT, (*SIZE, channels))
    for index in (0, 19, 7, 8):
        assert np.array_equal(video.get(index), frames[index])
        assert np.array_equal(video.get(index, grey=True), to_grey(frames[index]))
    blocks = list(video.blocks(3, None, 8))
    assert np.array_equal(np.concatenate([block.frames for block in blocks]), frames[3:])
    assert blocks[0].checksums is not None
    assert video.checksum(4) == blocks[0].checksums[1]


@pytest.mark.parametrize(
    ("name", "order", "axes"),
    [
        ("images", "NHWC", None),
        ("frames", "NHWC", None),
        ("stack", "NHWC", None),
        ("stack", "NCHW", None),
        ("stack", "HWCN", None),
        ("stack", "NCWH", "NCWH"),
        ("stack", "CNHW", "cnhw"),
    ],
)
def test_axis_orders(tmp_path: Path, name: str, order: str, axes: str | None) -> None:
    frames = _frames()
    data = frames.transpose(["NHWC".index(axis) for axis in order])
    source = VideoSource(_write(tmp_path / "a.h5", name, data), axes=axes)
    video = open_video(source)
    assert (len(video), video.shape) == (COUNT, (*SIZE, 1))
    assert index_of(video.get(13)) == 13
    assert np.array_equal(video.get(5), frames[5])


def test_axes_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.h5", "stack", np.zeros((5, 7, 9, 11), np.uint8))
    with pytest.raises(UnusableInput, match="unclear") as caught:
        open_video(path)
    assert "NCWH" in str(caught.value)
    with pytest.raises(UnusableInput, match="9 channels"):
        open_video(VideoSource(path, axes="NHCW"))
    with pytest.raises(UnusableInput, match="do not describe"):
        open_video(VideoSource(path, axes="NHH"))


def test_named_dataset_of_three_axes(tmp_path: Path) -> None:
    frames = _frames()[:, :, :, 0]
    video = open_video(VideoSource(_write(tmp_path / "a.h5", "g/film", frames), dataset="/g/film", axes="NHW"))
    assert np.array_equal(video.get(3)[:, :, 0], frames[3])


def test_which_dataset(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["other"] = _frames(4)
        file["more"] = _frames(5)
        file["points"] = np.zeros((4, 3, 2))
    with pytest.raises(UnusableInput, match="Several") as caught:
        open_video(path)
    assert "other" in str(caught.value)
    assert len(open_video(VideoSource(path, dataset="more"))) == 5
    with pytest.raises(UnusableInput, match=r"absent.*not in the file") as caught:
        open_video(VideoSource(path, dataset="absent"))
    assert "points (4, 3, 2)" in str(caught.value)
    with h5py.File(path, "a") as file:
        file["box"] = _frames(6).transpose(0, 3, 2, 1)
    assert len(open_video(path)) == 6


def test_file_without_frames_lists_what_it_has(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.h5", "points", np.zeros((4, 3, 2)))
    with pytest.raises(UnusableInput, match="four dimensions") as caught:
        open_video(path)
    assert "points (4, 3, 2)" in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "factor", "word"),
    [
        ("f4", 1 / 255, "0 to 1"),
        ("f8", 1 / 255, "0 to 1"),
        ("f4", 1, "0 to 255"),
        ("u2", 257, "16 bit"),
        (">u2", 257, "16"),
    ],
)
def test_other_number_types(tmp_path: Path, dtype: str, factor: float, word: str) -> None:
    frames = _frames()
    video = Hdf5Frames(
        VideoSource(_box(tmp_path / "box.h5", (frames.astype("f8") * factor).astype(dtype), shuffle=True))
    )
    assert np.array_equal(video.get(11), frames[11])
    assert word in video.notes[0]


def test_levels_of_odd_numbers() -> None:
    ramp = np.array([[0.0, np.nan, 500.0, 1000.0, -5.0]])
    levels = find_levels(ramp.dtype, 1, lambda _: ramp)
    assert levels.apply(ramp).tolist() == [[0, 0, 128, 255, 0]]
    assert find_levels(np.dtype(bool), 1, lambda _: None).apply(np.array([True, False])).tolist() == [255, 0]
    twelve = find_levels(np.dtype("u2"), 1, lambda _: np.array([4095], np.uint16))
    assert twelve.apply(np.array([4095, 0], np.uint16)).tolist() == [255, 0]
    assert Levels().apply(np.array([7], np.uint8)).tolist() == [7]


@given(rgb=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=20))
def test_grey_of_rgb_is_bt601(rgb: list[tuple[int, int, int]]) -> None:
    grey = to_grey(np.array([rgb], np.uint8))[0, :, 0]
    expected = [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in rgb]
    assert np.abs(grey - np.array(expected)).max() <= 1.0
    neutral = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    assert np.array_equal(to_grey(neutral)[0, :, 0], np.arange(256))


def test_limited_range_is_stretched_exactly() -> None:
    luma = np.arange(256, dtype=np.uint8)[None]
    exact = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255)
    assert np.array_equal(stretch(luma)[0], exact)
    assert luma[0, 0] == 0
    assert luma[0, 255] == 255


@pytest.mark.parametrize("chunk", [1, 4])
def test_raw_chunks_equal_plain_reading(tmp_path: Path, chunk: int) -> None:
    frames = _frames(channels=3)
    path = _box(tmp_path / "box.h5", frames, chunks=(chunk, 3, SIZE[1], SIZE[0]), shuffle=True)
    fast, plain = Hdf5Frames(VideoSource(path)), Hdf5Frames(VideoSource(path), raw_chunks=False)
    for index in (0, 3, 4, 19, 18, 1):
        assert np.array_equal(fast.get(index), plain.get(index))
        assert fast.checksum(index) == plain.checksum(index)


@pytest.mark.parametrize("raw_chunks", [True, False])
@pytest.mark.parametrize("position", [2, 40, -3])
def test_damaged_chunk_is_one_bad_frame(tmp_path: Path, raw_chunks: bool, position: int) -> None:
    frames = _frames()
    path = _box(tmp_path / "box.h5", frames)
    with h5py.File(path, "r") as file:
        place = file["box"].id.get_chunk_info_by_coord((6, 0, 0, 0))
    data = bytearray(path.read_bytes())
    at = place.byte_offset + (position if position >= 0 else place.size + position)
    data[at] ^= 0x55
    path.write_bytes(data)
    video = Hdf5Frames(VideoSource(path), raw_chunks=raw_chunks)
    with pytest.raises(FrameError, match="Frame 6"):
        video.get(6)
    assert np.array_equal(video.get(7), frames[7])
    (block,) = video.blocks(4, 10, 10)
    assert list(block.bad) == [6]
    assert not block.frames[2].any()
    assert np.array_equal(block.frames[3:], frames[7:10])


@pytest.mark.parametrize("raw_chunks", [True, False])
def test_chunk_that_was_never_written_is_a_bad_frame(tmp_path: Path, raw_chunks: bool) -> None:
    with h5py.File(tmp_path / "box.h5", "w") as file:
        box = file.create_dataset("box", (5, 1, 40, 30), np.uint8, chunks=(1, 1, 40, 30), compression="gzip")
        for index in (0, 1, 3):
            box[index] = 9
    video = Hdf5Frames(VideoSource(tmp_path / "box.h5"), raw_chunks=raw_chunks)
    (block,) = video.blocks()
    assert sorted(block.bad) == [2, 4]
    with pytest.raises(FrameError, match="never written"):
        video.get(4)


def test_time_follows_frames_only_in_one_stretch_of_a_box(tmp_path: Path) -> None:
    path = _box(tmp_path / "box.h5", _frames(6))
    assert open_video(path).continuous
    for name, values, continuous in [
        ("framesIdx", [3, 4, 5, 6, 7, 8], True),
        ("framesIdx", [3, 4, 9, 10, 11, 12], False),
        ("exptID", [1, 1, 1, 2, 2, 2], False),
    ]:
        with h5py.File(path, "a") as file:
            for old in ("framesIdx", "exptID"):
                if old in file:
                    del file[old]
            file[name] = np.array(values, np.float64)[:, None]
        assert open_video(path).continuous is continuous
    assert not open_video(_write(tmp_path / "labels.h5", "images", _frames(3))).continuous


def test_signature_behind_a_user_block(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "matlab.mat", "w", userblock_size=512) as file:
        file["box"] = _frames(3).transpose(0, 3, 2, 1)
    with (tmp_path / "matlab.mat").open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    assert len(open_video(tmp_path / "matlab.mat")) == 3


def test_real_fly_frames(real_data: Path) -> None:
    video = open_video(real_data / "fly" / "fly75.h5")
    assert (len(video), video.shape, video.continuous) == (75, (192, 192, 1), False)
    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        assert np.array_equal(video.get(40), file["images"][40])
