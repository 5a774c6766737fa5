"""Video files of many kinds: the frame asked for is the frame that comes, forwards, backwards and at random."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path

import av
import numpy as np
import pytest
from media_samples import FPS, SIZE, index_of, picture, remux, write_video

from leaptui.errors import UnusableInput, UsageError
from leaptui.media import FrameError, Video, VideoSource, open_video, pyav_reader
from leaptui.media.base import WrongProcess
from leaptui.media.decoder import Picture
from leaptui.media.grey import to_grey
from leaptui.media.index import VideoIndex
from leaptui.media.indexing import build_index
from leaptui.media.pyav_reader import PyAVVideo

COUNT = 60
OPEN_GOP = "open-gop=1:bframes=3:b-adapt=0:scenecut=0"
QUALITY = {"qscale": "3", "flags": "+qscale"}
STAMPS = [40 * i + (13 if i % 3 else 0) + (500 if i > 30 else 0) for i in range(COUNT)]


def _kinds() -> dict[str, dict[str, object]]:
    return {
        "closed.mp4": {"options": {"x264-params": "open-gop=0"}},
        "open_gop.mp4": {"options": {"x264-params": OPEN_GOP}},
        "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
        "vfr.mp4": {"stamps": STAMPS},
        "b_frames.mkv": {},
        "b_frames.avi": {},
        "mpeg4.avi": {"codec": "mpeg4", "options": QUALITY},
        "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True, "bframes": 0},
        "stream.ts": {},
        "vp9.webm": {"codec": "libvpx-vp9", "bframes": 0},
        "lossless_grey.mkv": {"codec": "ffv1", "pix_fmt": "gray", "bframes": 0},
        "full_range.mp4": {"pix_fmt": "yuvj420p", "full_range": True},
        "odd_444.mp4": {"pix_fmt": "yuv444p", "size": (97, 163)},
        "odd_420.mkv": {"codec": "ffv1", "pix_fmt": "yuv420p", "size": (97, 163), "bframes": 0},
        "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
        "packed.avi": {"codec": "rawvideo", "pix_fmt": "yuyv422", "bframes": 0},
        "rgb.mkv": {"codec": "libx264rgb", "pix_fmt": "rgb24", "channels": 3},
        "colour.mp4": {"channels": 3},
        "raw.h264": {"format_name": "h264"},
        "raw.hevc": {"codec": "libx265", "format_name": "hevc", "options": {"x265-params": "log-level=none"}},
        "program_stream.mpg": {"codec": "mpeg2video"},
        "windows.wmv": {"codec": "wmv2", "bframes": 0},
        "flash.flv": {},
        "fragments.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
        "interlaced.mp4": {"options": {"x264-params": "tff=1"}},
        "intra_refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=12"}},
        "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "bframes": 0},
        "bottom_up.avi": {"codec": "rawvideo", "pix_fmt": "bgr24", "bframes": 0, "channels": 3},
        "sixteen_bit.mkv": {"codec": "ffv1", "pix_fmt": "gray16le", "bframes": 0},
        "semi_planar.nut": {"codec": "rawvideo", "pix_fmt": "nv12", "bframes": 0},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


def _make(folder: Path, name: str) -> Path:
    path = folder / name
    if path.exists():
        return path
    if name == "edit_list.mp4":
        return remux(write_video(folder / "edit_base.mp4", COUNT + 17), path, shift=17)
    settings = _kinds()[name]
    if str(settings.get("codec", "libx264")) not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {settings['codec']}")
    return write_video(path, COUNT, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*_kinds(), "edit_list.mp4"])
def test_every_frame_is_the_frame_asked_for(folder: Path, name: str) -> None:
    video = open_video(_make(folder, name))
    first = 17 if name == "edit_list.mp4" else 0
    assert len(video) == COUNT
    rng = random.Random(name)
    for index in [*rng.choices(range(COUNT), k=40), COUNT - 1, COUNT - 2, 0]:
        assert index_of(video.get(index, grey=True)) == index + first
    stored = {}
    for block in video.blocks(size=16, grey=True):
        assert not block.bad
        assert block.checksums is not None
        for offset, frame in enumerate(block.frames):
            assert index_of(frame) == block.start + offset + first
            stored[block.start + offset] = int(block.checksums[offset])
    assert sorted(stored) == list(range(COUNT))
    for index in rng.sample(range(COUNT), 20):
        assert video.checksum(index) == stored[index]
    video.close()


@pytest.mark.parametrize("name", ["open_gop.mp4", "b_frames.avi", "stream.ts", "raw.h264", "edit_list.mp4"])
def test_blocks_may_start_anywhere(folder: Path, name: str) -> None:
    video = open_video(_make(folder, name))
    first = 17 if name == "edit_list.mp4" else 0
    for start, stop in [(0, 5), (11, 14), (13, 40), (59, 60), (7, 7)]:
        seen = [index_of(frame) - first for block in video.blocks(start, stop, 6, grey=True) for frame in block.frames]
        assert seen == list(range(start, stop))
    blocks = list(video.blocks(50, None, 8))
    assert [len(block.frames) for block in blocks] == [8, 2]
    assert [block.start for block in blocks] == [50, 58]


def test_blocks_and_single_frames_do_not_disturb_each_other(folder: Path) -> None:
    video = open_video(_make(folder, "closed.mp4"))
    seen = []
    for block in video.blocks(0, 40, 8):
        seen += [index_of(frame) for frame in block.frames]
        assert index_of(video.get(55 - block.start)) == 55 - block.start
    assert seen == list(range(40))


def test_small_cache_is_as_exact_as_a_large_one(folder: Path) -> None:
    path = _make(folder, "open_gop.mp4")
    bounded = PyAVVideo(VideoSource(path), cache_bytes=1)
    for index in [30, 29, 28, 12, 11, 10, 59, 0]:
        assert index_of(bounded.get(index)) == index


def test_grey_source_has_one_channel_colour_source_three(folder: Path) -> None:
    grey, colour = open_video(_make(folder, "closed.mp4")), open_video(_make(folder, "colour.mp4"))
    assert grey.shape == (*SIZE, 1)
    assert grey.get(3).shape == (*SIZE, 1)
    assert colour.shape == (*SIZE, 3)
    assert colour.get(3).shape == (*SIZE, 3)
    assert colour.get(3, grey=True).shape == (*SIZE, 1)
    block = next(iter(colour.blocks(0, 4)))
    assert block.frames.shape == (4, *SIZE, 3)
    assert np.array_equal(block.frames[3], colour.get(3))
    assert isinstance(colour, Video)


def test_colour_late_in_the_video_makes_it_a_colour_source(tmp_path: Path) -> None:
    grey = write_video(tmp_path / "grey.mkv", 210, gop=30)
    assert open_video(grey).shape[2] == 1
    with av.open(str(tmp_path / "late.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 30
        for index in range(240):
            source = picture(index, channels=3) if index >= 180 else np.repeat(picture(index), 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(source, format="rgb24")))
        container.mux(stream.encode(None))
    assert open_video(tmp_path / "late.mkv").shape[2] == 3


def test_grey_levels_are_the_ones_that_were_drawn(folder: Path) -> None:
    truth = picture(20).astype(int)
    for name, tolerance in [("lossless_grey.mkv", 0), ("packed.avi", 1), ("closed.mp4", 4), ("full_range.mp4", 4)]:
        difference = np.abs(open_video(_make(folder, name)).get(20, grey=True).astype(int) - truth)
        assert difference.mean() <= tolerance, name


def test_luma_agrees_with_the_grey_of_rgb(folder: Path) -> None:
    video = open_video(_make(folder, "colour.mp4"))
    luma, rgb = video.get(9, grey=True), video.get(9)
    assert np.abs(luma.astype(int) - to_grey(rgb)).mean() < 2.0


@pytest.mark.parametrize("degrees", [90, 180, 270, -90])
def test_rotated_video_is_shown_upright(tmp_path: Path, degrees: int) -> None:
    plain = open_video(write_video(tmp_path / "plain.mp4", 8))
    turned = open_video(write_video(tmp_path / "turned.mp4", 8, rotation=degrees))
    expected = np.rot90(plain.get(5), degrees // 90)
    assert turned.shape == expected.shape
    assert np.array_equal(turned.get(5), expected)
    assert turned.checksum(5) == next(iter(turned.blocks(5, 6))).checksums[0]  # type: ignore[index]


def test_variable_frame_rate_is_noticed(folder: Path) -> None:
    varying = PyAVVideo(VideoSource(_make(folder, "vfr.mp4"))).index
    steady = PyAVVideo(VideoSource(_make(folder, "b_frames.mkv"))).index
    assert varying.variable_rate
    assert not steady.variable_rate
    assert steady.fps == pytest.approx(FPS, rel=0.01)
    for index in (0, 1, 29, 31, 59):
        assert varying.time(index) == pytest.approx((STAMPS[index] - STAMPS[0]) / 1000, abs=1e-3)


def test_indices_outside_are_refused(folder: Path) -> None:
    video = open_video(_make(folder, "closed.mp4"))
    for index in (-1, COUNT, COUNT + 5):
        with pytest.raises(IndexError, match=str(index)):
            video.get(index)
    with pytest.raises(IndexError):
        list(video.blocks(COUNT + 1))
    with pytest.raises(UsageError):
        list(video.blocks(size=0))
    assert list(video.blocks(COUNT)) == []


def test_closed_reader_says_so(folder: Path) -> None:
    video = open_video(_make(folder, "closed.mp4"))
    video.close()
    video.close()
    with pytest.raises(WrongProcess, match="closed"):
        video.get(0)


def _use_in_child(video: Video, answers: multiprocessing.Queue[str]) -> None:
    try:
        video.get(30)
        answers.put("read")
    except RuntimeError as error:
        answers.put(str(error))


def test_reader_refuses_to_work_after_a_fork(folder: Path) -> None:
    video = open_video(_make(folder, "closed.mp4"))
    video.get(3)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_use_in_child, args=(video, answers))
    child.start()
    assert "process" in answers.get(timeout=30)
    child.join()
    assert index_of(video.get(30)) == 30


def test_first_stream_that_is_no_cover_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.codec_context.color_range = 2
        cover.disposition = av.stream.Disposition.attached_pic
        film = container.add_stream("libx264", rate=FPS)
        film.height, film.width, film.pix_fmt = *SIZE, "yuv420p"
        container.mux(cover.encode(av.VideoFrame(16, 16, "yuvj420p")))
        container.mux(cover.encode(None))
        for index in range(5):
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture(index)[:, :, 0].copy(), format="gray")))
        container.mux(film.encode(None))
    with av.open(str(path)) as check:
        assert len(check.streams.video) == 2
    video = open_video(path)
    assert video.shape == (*SIZE, 1)
    assert index_of(video.get(4)) == 4


def test_name_that_looks_like_a_protocol(tmp_path: Path) -> None:
    path = write_video(tmp_path / "plain.mp4", 4)
    odd = path.rename(tmp_path / "concat:a|b %03d.mp4")
    assert index_of(open_video(odd).get(2)) == 2


def test_damaged_stretch_keeps_the_frames_after_it_in_place(tmp_path: Path) -> None:
    path = write_video(tmp_path / "whole.mp4", 120, options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    video = open_video(broken)
    assert len(video) == 120
    bad: set[int] = set()
    right: list[int] = []
    for block in video.blocks(size=10, grey=True):
        bad |= block.bad.keys()
        for offset, frame in enumerate(block.frames):
            if block.start + offset in block.bad:
                assert not frame.any()
            elif index_of(frame) == block.start + offset:
                right.append(block.start + offset)
    assert bad
    assert len(right) > 80
    assert 119 in right
    assert 0 in right
    with pytest.raises(FrameError, match=str(max(bad))):
        video.get(max(bad))
    assert index_of(video.get(119)) == 119


@pytest.mark.parametrize("place", [7, 30, 41])
def test_all_that_builds_on_a_damaged_picture_is_bad_and_all_else_is_exact(tmp_path: Path, place: int) -> None:
    path = write_video(tmp_path / "v.mp4", 60, options={"movflags": "faststart"})
    whole = np.concatenate([block.frames for block in open_video(path).blocks(grey=True)])
    with av.open(str(path)) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    at, size = packets[place]
    data = bytearray(path.read_bytes())
    start = at + min(40, size // 2)
    data[start : at + size] = np.random.default_rng(place).integers(0, 256, at + size - start, np.uint8).tobytes()
    path.write_bytes(data)
    video = open_video(path)
    (frame,) = np.flatnonzero(video.index.ranks == place)  # type: ignore[attr-defined]
    builds_on_it = video.index.spread_damage(np.array([frame]))  # type: ignore[attr-defined]
    for first in (0, max(0, int(frame) - 5)):
        blocks = list(video.blocks(first, None, 7, grey=True))
        bad = {index for block in blocks for index in block.bad}
        assert frame in bad
        assert bad <= set(builds_on_it.tolist())
        frames = np.concatenate([block.frames for block in blocks])
        assert [i for i in range(first, 60) if i not in bad and not np.array_equal(frames[i - first], whole[i])] == []


def test_what_is_shown_before_a_damaged_picture_but_builds_on_it_is_bad(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 60)
    index = build_index(path)
    assert index.reordering() > 0
    (later,) = [int(i) for i in np.flatnonzero(index.ranks[:-1] > index.ranks[1:])[3:4]]
    frames = [Picture(i, None, "" if i != later + 1 else "damaged") for i in range(60)]  # type: ignore[arg-type]
    held = list(pyav_reader.hold_back(iter(frames), index, 0, 60))
    assert [picture.position for picture in held if picture is not None] == list(range(60))
    assert held[later] is not None
    assert held[later].problem


def test_shortened_video_has_fewer_frames_and_no_shift(tmp_path: Path) -> None:
    path = write_video(tmp_path / "whole.mkv", 120)
    (tmp_path / "short.mkv").write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    video = open_video(tmp_path / "short.mkv")
    assert 40 < len(video) < 120
    good = [index for index in range(len(video) - 3)]
    assert [index_of(video.get(index)) for index in good] == good


def test_stream_that_begins_amid_a_group_begins_with_its_first_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "whole.ts", 60)
    (tmp_path / "late.ts").write_bytes(path.read_bytes()[188 * 40 :])
    video = open_video(tmp_path / "late.ts")
    first = index_of(video.get(0))
    assert first > 0
    assert len(video) == 60 - first
    assert [index_of(video.get(index)) for index in range(len(video))] == list(range(first, 60))


def test_index_of_another_file_is_not_used(tmp_path: Path) -> None:
    one, other = write_video(tmp_path / "one.mp4", 30), write_video(tmp_path / "other.mp4", 50)
    index = PyAVVideo(VideoSource(one)).index
    assert len(open_video(other, index=index)) == 50


def test_unusable_index_file_is_made_anew(tmp_path: Path) -> None:
    path, stored = write_video(tmp_path / "v.mp4", 20), tmp_path / "v.npz"
    stored.write_bytes(b"not an index")
    assert len(open_video(path, index=stored)) == 20
    assert len(VideoIndex.load(stored)) == 20


def test_unknown_reader_and_wrong_reader(folder: Path) -> None:
    path = _make(folder, "closed.mp4")
    with pytest.raises(UnusableInput, match="nonsense"):
        open_video(path, reader="nonsense")
    with pytest.raises(UsageError, match="hdf5"):
        open_video(path, reader="hdf5")


def test_old_444_files_get_the_decoder_option_they_need(tmp_path: Path) -> None:
    path = write_video(tmp_path / "new.mp4", 12, pix_fmt="yuv444p")
    assert PyAVVideo(VideoSource(path)).index.options == {}
    data = path.read_bytes()
    place = data.index(b"x264 - core ") + len(b"x264 - core ")
    old = tmp_path / "old.mp4"
    old.write_bytes(data[:place] + b"148" + data[place + 3 :])
    index = PyAVVideo(VideoSource(old)).index
    assert index.options == {"x264_build": "148"}
    assert any("148" in note for note in index.notes)
