"""Reading by several processes gives what one reader gives, whatever is wrong with the source or with a process."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import tifffile
from media_samples import picture, write_video
from PIL import Image as Pillow

from leaptui.media import Video, open_video, shared_reading
from leaptui.media.prefetch import prefetch
from leaptui.media.preflight import preflight
from leaptui.media.shared_reading import Plan, plan_sharing, shared_blocks
from leaptui.media.video import Block


def _box(path: Path, count: int, chunk: int = 1) -> Path:
    frames = np.stack([picture(index, (24, 160)) for index in range(count)])
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "box", data=frames.transpose(0, 3, 2, 1), chunks=(chunk, 1, 160, 24), compression=1, shuffle=chunk > 1
        )
        place = file["box"].id.get_chunk_info_by_coord((count // 2 - count // 2 % chunk, 0, 0, 0))
    data = bytearray(path.read_bytes())
    data[place.byte_offset + 20] ^= 0x55
    path.write_bytes(data)
    return path


def _folder(path: Path, count: int) -> Path:
    path.mkdir()
    for index in range(count):
        Pillow.fromarray(picture(index)[:, :, 0]).save(path / f"img{index}.png")
    whole = (path / "img5.png").read_bytes()
    (path / "img5.png").write_bytes(whole[: len(whole) // 2])
    return path


def _stack(path: Path, count: int) -> Path:
    with tifffile.TiffWriter(path) as writer:
        for index in range(count):
            writer.write(picture(index)[:, :, 0], contiguous=False, compression="zlib")
    with tifffile.TiffFile(path) as file:
        offset = file.pages[9].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    return path


def _assert_same(shared: list[Block], plain: list[Block]) -> None:
    assert [block.start for block in shared] == [block.start for block in plain]
    for one, other in zip(shared, plain, strict=True):
        assert one.bad == other.bad
        assert one.checksums is not None
        assert other.checksums is not None
        assert np.array_equal(one.checksums, other.checksums)
        assert np.array_equal(one.frames, other.frames)


@pytest.mark.parametrize("kind", ["box", "box of large chunks", "folder", "stack"])
def test_damage_is_reported_where_it_is_and_nothing_shifts(tmp_path: Path, kind: str) -> None:
    make = {
        "box": lambda: _box(tmp_path / "box.h5", 40),
        "box of large chunks": lambda: _box(tmp_path / "box.h5", 41, 4),
        "folder": lambda: _folder(tmp_path / "images", 20),
        "stack": lambda: _stack(tmp_path / "pages.tif", 20),
    }
    expected = {"box": [20], "box of large chunks": [20, 21, 22, 23], "folder": [5], "stack": [9]}
    video = open_video(make[kind]())
    plain = list(video.blocks(1, None, 7))
    shared = list(shared_blocks(video, Plan(2, 6), 1, None, 7, grey=False))
    _assert_same(shared, plain)
    assert [index for block in shared for index in block.bad] == expected[kind]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Video:
    """A video with B-frames and open groups, one of them damaged, and the checksums of a full pass."""
    path = tmp_path_factory.mktemp("film") / "v.mp4"
    options = {"x264-params": "keyint=12:min-keyint=12:open-gop=1:bframes=3:scenecut=0", "movflags": "faststart"}
    data = bytearray(write_video(path, 96, options=options).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    path.write_bytes(data)
    return open_video(path, index=preflight(path).index)


def test_groups_of_a_video_are_read_at_once(film: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(type(film), "confirms", _noting(asked, type(film).confirms))
    shared = list(shared_blocks(film, Plan(2, 24), 5, 90, 16, grey=True))
    plain = list(film.blocks(5, 90, 16, grey=True))
    _assert_same(shared, plain)
    assert any(block.bad for block in shared)
    assert len(asked) >= 4


def _noting(asked: list[int], confirms):  # type: ignore[no-untyped-def]
    def noting(self, first, checksums, bad):  # type: ignore[no-untyped-def]
        answer = confirms(self, first, checksums, bad)
        asked.append(first)
        assert answer
        return answer

    return noting


def test_a_segment_that_is_not_confirmed_is_read_again_from_before(film: Video) -> None:
    index = film.index  # type: ignore[attr-defined]
    odd = index.checksums.copy()
    odd[30] ^= 1
    doubted = open_video(film.source, index=replace(index, checksums=odd))
    _assert_same(
        list(shared_blocks(doubted, Plan(2, 24), 0, None, 10, grey=True)), list(film.blocks(0, None, 10, grey=True))
    )


def test_segments_of_a_video_begin_at_key_frames_and_need_a_full_pass(film: Video) -> None:
    segments = list(film.segments(5, 90, 24))  # type: ignore[attr-defined]
    keys = set(film.index.key_positions.tolist())  # type: ignore[attr-defined]
    assert segments[0][0] == 5
    assert segments[-1][1] == 90
    assert all(one[1] == other[0] and other[0] in keys for one, other in pairwise(segments))
    assert film.segments(5, 90, 6) is None  # type: ignore[attr-defined]
    index = replace(film.index, checksums=None)  # type: ignore[attr-defined]
    assert open_video(film.source, index=index).segments(5, 90, 24) is None  # type: ignore[attr-defined]


def test_a_lost_process_costs_no_frame(tmp_path: Path) -> None:
    video = open_video(_box(tmp_path / "box.h5", 60))
    blocks = shared_blocks(video, Plan(2, 4), 0, None, 4, grey=True)
    found = [next(blocks)]
    for child in psutil.Process().children():
        os.kill(child.pid, signal.SIGKILL)
    _assert_same([*found, *blocks], list(video.blocks(0, None, 4, grey=True)))


def test_processes_end_with_the_consumer(tmp_path: Path) -> None:
    path = _box(tmp_path / "box.h5", 60)
    with closing(prefetch(path, 0, None, 4, readers=2, depth=1)) as blocks:
        assert next(blocks).start == 0
        assert len(_readers()) == 2
    assert not _readers()


def _readers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "leaptui.media.reader_process" in child.cmdline()]


def test_what_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = open_video(_box(tmp_path / "box.h5", 60))
    assert plan_sharing(video, 0, 60, grey=True) is None
    monkeypatch.setattr(shared_reading, "WORTH_BYTES", 0)
    monkeypatch.setattr(shared_reading, "usable_cores", lambda: 2)
    assert plan_sharing(video, 0, 60, grey=True) is None
    monkeypatch.setattr(shared_reading, "usable_cores", lambda: 64)
    assert plan_sharing(video, 0, 60, grey=True) == Plan(16, 60)
    assert plan_sharing(video, 60, 60, grey=True) is None
    monkeypatch.setattr(shared_reading, "MEMORY_BYTES", 24 * 160 * 60 * 2 * 3)
    monkeypatch.setattr(shared_reading, "SEGMENT_BYTES", 24 * 160 * 60)
    assert plan_sharing(video, 0, 60, grey=True) == Plan(3, 60)


def test_what_lies_open_in_a_file_is_not_shared(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((8, 20, 30), np.uint8))
    assert plan_sharing(open_video(tmp_path / "plain.tif"), 0, 8, grey=True, readers=4) is None
