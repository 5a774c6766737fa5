"""Folders of images and TIFF stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from media_samples import SIZE, index_of, picture
from PIL import Image as Pillow

from leaptui.errors import UnusableInput
from leaptui.media import FrameError, Video, VideoSource, open_video
from leaptui.media.images import ImageFolder, natural_key


def _folder(path: Path, count: int = 12, channels: int = 1, suffix: str = "png") -> Path:
    path.mkdir()
    for index in range(count):
        pixels = picture(index, channels=channels)
        Pillow.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(path / f"img{index}.{suffix}")
    return path


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "jpg"])
def test_folder_in_natural_order(tmp_path: Path, channels: int, suffix: str) -> None:
    folder = _folder(tmp_path / "images", channels=channels, suffix=suffix)
    (folder / "notes.csv").write_text("x")
    (folder / ".hidden.png").write_bytes(b"x")
    video = ImageFolder(VideoSource(folder))
    lossy = suffix in ("webp", "jpg")
    expected = 3 if suffix == "webp" else channels
    assert (len(video), video.shape, video.continuous) == (12, (*SIZE, expected), False)
    assert video.names[2] == f"img2.{suffix}"
    assert [index_of(frame) for block in video.blocks(size=5) for frame in block.frames] == list(range(12))
    if not lossy:
        assert np.array_equal(video.get(11), picture(11, channels=channels))
    assert isinstance(open_video(folder), Video)


def test_one_image_is_a_video_of_one_frame(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", 3)
    video = open_video(folder / "img2.png")
    assert len(video) == 1
    assert index_of(video.get(0)) == 2


def test_odd_size_is_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", 5)
    Pillow.new("L", (20, 10)).save(folder / "img3.png")
    with pytest.raises(UnusableInput, match=r"img3\.png: The image is 20 x 10") as caught:
        open_video(folder)
    assert "160 x 96" in str(caught.value)


def test_damaged_image_is_named_or_a_bad_frame(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", 5)
    whole = (folder / "img2.png").read_bytes()
    (folder / "img2.png").write_bytes(whole[: len(whole) // 2])
    video = open_video(folder)
    with pytest.raises(FrameError, match=r"img2\.png"):
        video.get(2)
    (block,) = video.blocks()
    assert list(block.bad) == [2]
    assert index_of(block.frames[4]) == 4
    (folder / "img2.png").write_bytes(b"nothing")
    with pytest.raises(UnusableInput, match=r"img2\.png"):
        open_video(folder)


def test_mixed_modes(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", 2)
    rgba = np.dstack([picture(2, channels=3), np.full(SIZE, 90, np.uint8)])
    Pillow.fromarray(rgba).save(folder / "img2.png")
    Pillow.fromarray(picture(3, channels=3)).quantize(256).save(folder / "img3.png")
    video = open_video(folder)
    assert video.shape == (*SIZE, 3)
    assert [index_of(video.get(index)) for index in range(4)] == [0, 1, 2, 3]
    assert np.array_equal(video.get(2), rgba[:, :, :3])


def test_sixteen_bit_images(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for index in range(3):
        Pillow.fromarray(picture(index)[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "deep" / f"{index}.png")
    video = ImageFolder(VideoSource(tmp_path / "deep"))
    assert np.array_equal(video.get(1), picture(1))
    assert "16 bit" in video.notes[0]


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=2, max_size=20))
def test_numbers_in_names_sort_by_value(numbers: list[int]) -> None:
    names = [f"cam1_frame{number}.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"cam1_frame{number}.png" for number in sorted(numbers)]


def test_identity_follows_the_images_not_the_folder(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", 4)
    before = open_video(folder).identity
    moved = folder.rename(tmp_path / "moved")
    assert open_video(moved).identity == before
    Pillow.fromarray(picture(9)[:, :, 0]).save(moved / "img0.png")
    assert open_video(moved).identity != before
    assert len(before) == 32


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_stack(tmp_path: Path, compression: str | None, channels: int, dtype: str, byteorder: str) -> None:
    frames = np.stack([picture(index, channels=channels) for index in range(7)])
    data = frames if dtype == "u1" else frames.astype("u2") * 257
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path,
        data[..., 0] if channels == 1 else data,
        compression=compression,
        byteorder=byteorder,
        photometric="minisblack" if channels == 1 else "rgb",
    )
    video = open_video(path)
    assert isinstance(video, Video)
    assert (len(video), video.shape, video.continuous) == (7, (*SIZE, channels), True)
    for index in (6, 0, 3):
        assert np.array_equal(video.get(index), frames[index])
    (block,) = video.blocks(2, 5)
    assert np.array_equal(block.frames, frames[2:5])
    video.close()


def test_tiff_written_page_by_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for index in range(6):
            writer.write(picture(index)[:, :, 0], contiguous=False)
    video = open_video(tmp_path / "pages.tif")
    assert [index_of(video.get(index)) for index in range(len(video))] == list(range(6))


def test_tiff_of_one_page_and_imagej_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", picture(5)[:, :, 0])
    assert index_of(open_video(tmp_path / "one.tif").get(0)) == 5
    frames = np.stack([picture(index)[:, :, 0] for index in range(5)])
    tifffile.imwrite(tmp_path / "imagej.tif", frames, imagej=True)
    assert [index_of(frame) for frame in next(iter(open_video(tmp_path / "imagej.tif").blocks())).frames] == [*range(5)]


def test_tiff_cut_short(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for index in range(6):
            writer.write(picture(index)[:, :, 0], contiguous=False, compression="zlib")
    data = (tmp_path / "pages.tif").read_bytes()
    (tmp_path / "pages.tif").write_bytes(data[:6])
    with pytest.raises(UnusableInput, match="TIFF"):
        open_video(tmp_path / "pages.tif")
    (tmp_path / "pages.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnusableInput, match="TIFF") as caught:
        open_video(tmp_path / "pages.tif")
    assert caught.value.hint


def test_damaged_page_is_one_bad_frame(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for index in range(6):
            writer.write(picture(index)[:, :, 0], contiguous=False, compression="zlib")
    with tifffile.TiffFile(tmp_path / "pages.tif") as file:
        offset = file.pages[3].dataoffsets[0]
    data = bytearray((tmp_path / "pages.tif").read_bytes())
    data[offset : offset + 40] = bytes(40)
    (tmp_path / "pages.tif").write_bytes(data)
    (block,) = open_video(tmp_path / "pages.tif").blocks()
    assert list(block.bad) == [3]
    assert [index_of(block.frames[index]) for index in (2, 4, 5)] == [2, 4, 5]
