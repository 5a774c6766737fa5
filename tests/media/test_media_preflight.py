"""Preflight, the stored index, reading ahead, and identities."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import index_of, picture, remux, write_video
from PIL import Image as Pillow

from leaptui.errors import UnusableInput
from leaptui.media import Block, VideoSource, open_video
from leaptui.media.identity import MEGABYTE, SAMPLES, file_identity
from leaptui.media.index import VideoIndex, load_or_build
from leaptui.media.indexing import build_index
from leaptui.media.prefetch import prefetch
from leaptui.media.preflight import Verdict, damaged_ranges, preflight
from leaptui.media.pyav_reader import PyAVVideo


def test_good_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 60)
    calls: list[tuple[int, int]] = []
    verdict = preflight(path, progress=lambda done, total: calls.append((done, total)))
    assert (verdict.kind, verdict.reader, verdict.count, verdict.metadata_count) == ("video", "pyav", 60, 60)
    assert verdict.readers == {"pyav": "exact", "decord": "not checked"}
    assert verdict.checked
    assert not verdict.problems
    assert not verdict.damaged
    assert calls[-1] == (60, 60)
    assert verdict.index is not None
    assert verdict.index.checksums is not None
    video = open_video(path, index=verdict.index)
    for index in (0, 59, 31):
        assert video.checksum(index) == verdict.index.checksums[index]


def test_verdict_survives_json(tmp_path: Path) -> None:
    verdict = preflight(write_video(tmp_path / "v.mp4", 30))
    again = Verdict.from_dict(json.loads(json.dumps(verdict.to_dict())), verdict.index)
    assert again == verdict
    assert "index" not in verdict.to_dict()
    with pytest.raises(UnusableInput, match="incomplete"):
        Verdict.from_dict({"kind": "video"})


def test_hidden_frames_are_told(tmp_path: Path) -> None:
    path = remux(write_video(tmp_path / "whole.mp4", 60), tmp_path / "cut.mp4", shift=17)
    verdict = preflight(path)
    assert verdict.count == 43
    assert verdict.metadata_count == 60
    assert any("43 can be shown" in problem for problem in verdict.problems)


def test_missing_time_is_told(tmp_path: Path) -> None:
    stamps = [40 * index + (400 if index >= 30 else 0) for index in range(60)]
    verdict = preflight(write_video(tmp_path / "v.mp4", 60, stamps=stamps))
    assert verdict.variable_rate
    assert any("after frame 29: about 10 frames" in problem for problem in verdict.problems)


def test_damage_is_told_and_kept(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 120, options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data)
    verdict = preflight(path)
    assert verdict.count == 120
    assert verdict.damaged
    assert any("damaged" in problem for problem in verdict.problems)
    bad = {index for first, last in verdict.damaged for index in range(first, last + 1)}
    video = open_video(path, index=verdict.index)
    for block in video.blocks(grey=True):
        assert set(block.bad) == bad & set(range(block.start, block.start + len(block.frames)))
        for offset, frame in enumerate(block.frames):
            if block.start + offset not in bad:
                assert index_of(frame) == block.start + offset


def test_wrong_jumps_are_found_and_mended(tmp_path: Path) -> None:
    """An index whose key frames stand too early makes jumps land where references are missing."""
    path = write_video(tmp_path / "v.mkv", 96, options={"x264-params": "open-gop=1:bframes=3:b-adapt=0:scenecut=0"})
    index = build_index(path)
    from leaptui.media import preflight as module

    checksums, damaged = module._full_pass(VideoSource(path), index, None)
    lying = replace(index, checksums=checksums, damaged=damaged, key_positions=np.maximum(index.key_positions - 3, 0))
    mended, outcome, _ = module._check_pyav(VideoSource(path), lying)
    video = open_video(path, index=mended)
    assert outcome == "exact"
    assert all(video.checksum(position) == checksums[position] for position in range(0, 96, 5))


def test_without_a_full_pass(tmp_path: Path) -> None:
    verdict = preflight(write_video(tmp_path / "v.mp4", 30), full=False)
    assert not verdict.checked
    assert verdict.count == 30
    assert verdict.readers["pyav"] == "not checked"
    assert verdict.index is not None
    assert verdict.index.checksums is None


def test_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for index in range(3):
        Pillow.fromarray(picture(index)[:, :, 0]).save(tmp_path / "images" / f"{index}.png")
    verdict = preflight(tmp_path / "images")
    assert (verdict.kind, verdict.count, verdict.continuous, verdict.index) == ("images", 3, False, None)
    assert verdict.identity == open_video(tmp_path / "images").identity


def test_decord_passes_where_it_is_exact_and_agrees(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    path = write_video(tmp_path / "colour.mp4", 60, channels=3)
    verdict = preflight(path, decord=True)
    assert verdict.readers["decord"] == "exact"
    assert verdict.colour_reader == "decord"
    fast, exact = open_video(path, index=verdict.index, reader="decord"), open_video(path, index=verdict.index)
    assert fast.shape == exact.shape
    assert fast.checksum(7) == exact.checksum(7)
    for one, other in zip(fast.blocks(5, 60, 16), exact.blocks(5, 60, 16), strict=True):
        assert one.start == other.start
        assert one.frames.shape == other.frames.shape
        assert np.abs(one.frames.astype(int) - other.frames).mean() < 3
        assert [index_of(frame) for frame in one.frames] == [index_of(frame) for frame in other.frames]


@pytest.mark.parametrize("kind", ["open_gop", "edit_list", "stream"])
def test_decord_is_refused_where_it_is_wrong(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("decord")
    if kind == "open_gop":
        options = {"x264-params": "open-gop=1:bframes=3:b-adapt=0:scenecut=0"}
        path = write_video(tmp_path / "v.mp4", 90, channels=3, options=options)
    elif kind == "edit_list":
        path = remux(write_video(tmp_path / "base.mp4", 60, channels=3), tmp_path / "v.mp4", shift=17)
    else:
        path = write_video(tmp_path / "v.ts", 60, channels=3)
    verdict = preflight(path, decord=True)
    assert (verdict.reader, verdict.colour_reader) == ("pyav", "pyav")
    assert verdict.readers["pyav"] == "exact"
    assert verdict.readers["decord"] not in ("exact", "not needed", "not installed", "not checked")
    with pytest.raises(UnusableInput, match="not read this video exactly"):
        open_video(path, index=verdict.index, reader="decord")


def test_index_is_stored_once_and_follows_the_content(tmp_path: Path) -> None:
    path, stored = write_video(tmp_path / "v.mp4", 30), tmp_path / "cache" / "v.npz"
    made = load_or_build(path, stored)
    first = stored.stat().st_mtime_ns
    os.utime(path, ns=(1, 1))
    again = load_or_build(path, stored)
    assert stored.stat().st_mtime_ns == first
    assert np.array_equal(again.labels, made.labels)
    assert again.orientation == made.orientation
    write_video(path, 40)
    assert len(load_or_build(path, stored)) == 40
    assert [entry.name for entry in stored.parent.iterdir()] == ["v.npz"]


def test_checksums_survive_storing(tmp_path: Path) -> None:
    verdict = preflight(write_video(tmp_path / "v.avi", 30))
    assert verdict.index is not None
    verdict.index.save(tmp_path / "v.npz")
    again = VideoIndex.load(tmp_path / "v.npz")
    assert again.checksums is not None
    assert verdict.index.checksums is not None
    assert np.array_equal(again.checksums, verdict.index.checksums)
    for name, value in vars(verdict.index).items():
        if not isinstance(value, np.ndarray):
            assert getattr(again, name) == value, name


def test_index_of_another_version_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", facts=np.array(json.dumps({"version": 0})))
    with pytest.raises(UnusableInput, match="another version"):
        VideoIndex.load(tmp_path / "old.npz")


@given(st.sets(st.integers(0, 200)))
def test_damaged_ranges_cover_exactly_the_damaged(numbers: set[int]) -> None:
    ranges = damaged_ranges(np.array(sorted(numbers), np.int64))
    assert {number for first, last in ranges for number in range(first, last + 1)} == numbers
    assert all(second[0] > first[1] + 1 for first, second in pairwise(ranges))


def test_damage_spreads_in_the_order_of_decoding_to_the_next_key_frame(tmp_path: Path) -> None:
    index = PyAVVideo(VideoSource(write_video(tmp_path / "v.mkv", 36, gop=12))).index
    spread = set(index.spread_damage(np.array([5], np.int64)).tolist())
    ranks = index.ranks
    later = {i for i in range(36) if ranks[i] > ranks[5]} | {5}
    keys = sorted(int(ranks[key]) for key in index.key_positions)
    end = next(rank for rank in keys if rank > ranks[5])
    assert spread == {i for i in later if ranks[i] < end}
    assert len(index.spread_damage(np.zeros(0, np.int64))) == 0


def test_identity_survives_moving_and_sees_changes(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    size = 20 * MEGABYTE
    with path.open("wb") as stream:
        stream.truncate(size)
    before = file_identity(path)
    assert len(before) == 32
    path = path.rename(tmp_path / "moved.bin")
    assert file_identity(path) == before
    for offset in (0, size - 1, (size - MEGABYTE) // (SAMPLES + 1) + 5):
        with path.open("r+b") as stream:
            stream.seek(offset)
            stream.write(b"x")
        changed = file_identity(path)
        assert changed != before
        before = changed


def test_reading_ahead_gives_the_same_blocks(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 50)
    ahead = list(prefetch(VideoSource(path), 3, 47, 8, grey=True, depth=2))
    plain = list(open_video(path).blocks(3, 47, 8, grey=True))
    assert [block.start for block in ahead] == [block.start for block in plain]
    assert all(np.array_equal(one.frames, other.frames) for one, other in zip(ahead, plain, strict=True))


def test_errors_reach_the_consumer(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no such file"):
        list(prefetch(tmp_path / "gone.mp4"))
    path = write_video(tmp_path / "v.mp4", 5)
    with pytest.raises(IndexError):
        list(prefetch(lambda: open_video(path), 99))


def test_reading_ahead_is_bounded_and_stops_with_the_consumer() -> None:
    class Endless:
        made = 0
        closed = False

        def blocks(self, *_: object, **__: object):  # type: ignore[no-untyped-def]
            while True:
                self.made += 1
                yield Block(self.made, np.zeros((1, 2, 2, 1), np.uint8))

        def close(self) -> None:
            self.closed = True

    video = Endless()
    blocks = prefetch(lambda: video, depth=3)  # type: ignore[arg-type, return-value]
    assert next(blocks).start == 1
    deadline = time.monotonic() + 20
    while video.made < 5 and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    threading.Event().wait(0.05)
    assert video.made <= 6
    blocks.close()  # type: ignore[attr-defined]
    assert video.closed
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())


def test_real_pair_of_flies(real_data: Path) -> None:
    path = real_data / "flypair" / "centered_pair_low_quality.mp4"
    index = build_index(path)
    assert (len(index), index.shape) == (1100, (384, 384, 1))
    video = open_video(path, index=index)
    (block,) = video.blocks(497, 503, 16)
    assert block.checksums is not None
    for index_ in (502, 497, 500):
        assert video.checksum(index_) == block.checksums[index_ - 497]


def test_real_open_field_images(real_data: Path) -> None:
    (folder,) = (real_data / "openfield" / "labeled-data").iterdir()
    video = open_video(folder)
    assert (len(video), video.shape) == (48, (480, 640, 3))
    assert video.names == sorted(video.names)  # type: ignore[attr-defined]


def test_memory_stays_flat_however_slow_the_consumer(tmp_path: Path) -> None:
    import psutil

    path = write_video(tmp_path / "v.mp4", 240, size=(384, 480), channels=3, options={"preset": "ultrafast"})
    process = psutil.Process()
    blocks = prefetch(path, 0, None, 8, depth=2)
    next(blocks)
    before = process.memory_info().rss
    for _ in range(24):
        next(blocks)
        threading.Event().wait(0.01)
    grown = process.memory_info().rss - before
    blocks.close()  # type: ignore[attr-defined]
    assert grown < 60 << 20  # all frames together are 130 MB
