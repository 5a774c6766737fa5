"""A GPU that decodes gives what the cores give, or is not used; played by the cores where there is no GPU."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from av.codec import Codec
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame
from media_samples import write_video
from played_gpu import PlayedGpu

from leaptui.errors import UnusableInput
from leaptui.media import nvdec
from leaptui.media.index import VideoIndex
from leaptui.media.nvdec import GpuDecoder, Trial, gpu_decoder
from leaptui.media.prefetch import prefetch
from leaptui.media.preflight import preflight
from leaptui.media.pyav_reader import PyAVVideo
from leaptui.media.video import Block, VideoSource


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> PlayedGpu:
    """A GPU that works."""
    return PlayedGpu(monkeypatch)


def indexed(path: Path) -> VideoIndex:
    """The index of a video with its checksums."""
    index = preflight(path).index
    assert index is not None
    return index


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VideoIndex]:
    """Sixty frames in colour, turned on their side."""
    path = write_video(tmp_path_factory.mktemp("films") / "film.mp4", 60, channels=3, rotation=90)
    return path, indexed(path)


def through(
    path: Path, index: VideoIndex, start: int, stop: int, *, grey: bool, said: list[str] | None = None
) -> list[Block]:
    """Blocks of seven frames as the GPU gives them; what is said goes to `said`."""
    heard: list[str] = [] if said is None else said
    with closing(PyAVVideo(VideoSource(path), index)) as video:
        found = gpu_decoder(video, 0, start, stop, grey=grey)
        assert isinstance(found, GpuDecoder)
        return list(
            found.blocks(
                start,
                stop,
                7,
                grey=grey,
                by_cores=lambda at: video.blocks(at, stop, 7, grey=grey),
                say=heard.append,
            )
        )


def assert_as_read(blocks: list[Block], path: Path, index: VideoIndex, start: int, stop: int, *, grey: bool) -> None:
    """Compare with what one reader gives."""
    with closing(PyAVVideo(VideoSource(path), index)) as video:
        plain = list(video.blocks(start, stop, 7, grey=grey))
    assert [block.start for block in blocks] == [block.start for block in plain]
    for one, other in zip(blocks, plain, strict=True):
        assert np.array_equal(one.frames, other.frames)
        assert one.checksums is not None
        assert other.checksums is not None
        assert np.array_equal(one.checksums, other.checksums)
        assert one.bad == other.bad == {}


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize(("start", "stop"), [(0, 60), (17, 44)])
def test_its_pictures_are_those_of_the_cores(
    film: tuple[Path, VideoIndex], gpu: PlayedGpu, start: int, stop: int, grey: bool
) -> None:
    blocks = through(*film, start, stop, grey=grey)
    assert gpu.decoded >= stop - start
    assert_as_read(blocks, *film, start, stop, grey=grey)


def test_full_range_is_told_by_the_frames(tmp_path: Path, gpu: PlayedGpu) -> None:
    path = write_video(tmp_path / "full.mp4", 30, full_range=True, pix_fmt="yuvj420p")
    index = indexed(path)
    assert index.pixel_format == "yuvj420p"
    blocks = through(path, index, 0, 30, grey=True)
    assert gpu.decoded == 30
    assert_as_read(blocks, path, index, 0, 30, grey=True)


def inverted(frame: VideoFrame) -> VideoFrame:
    """Another picture in its place."""
    other = VideoFrame.from_ndarray(255 - frame.to_ndarray(), format="nv12")
    other.pts, other.time_base = frame.pts, frame.time_base
    return other


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("fault", ["another picture", "no picture", "it does not open", "no stream is compatible"])
def test_where_it_fails_the_cores_read_on(
    film: tuple[Path, VideoIndex], gpu: PlayedGpu, fault: str, grey: bool
) -> None:
    path, index = film
    wrong = int(index.labels[30])
    if fault == "it does not open":
        gpu.refusal = UnusableInput("The GPU is gone.")
    elif fault == "no stream is compatible":
        gpu.refusal = RuntimeError("Hardware accelerated decode requested but no stream is compatible")
    else:
        instead = inverted if fault == "another picture" else lambda frame: None
        gpu.spoil = lambda frame: instead(frame) if frame.pts == wrong else frame
    said: list[str] = []
    blocks = through(path, index, 3, 58, grey=grey, said=said)
    assert_as_read(blocks, path, index, 3, 58, grey=grey)
    # It was asked for no more than the block with the wrong one, which begins with frame 24.
    assert gpu.decoded < 45
    assert said == [f"the GPU failed at frame {3 if gpu.refusal else 24}, the cores read on"]


@pytest.mark.usefixtures("gpu")
def test_only_whole_videos_that_gpus_know_are_tried(
    film: tuple[Path, VideoIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, index = film

    def offered(index: VideoIndex, *, grey: bool = False, stop: int = 60) -> bool:
        with closing(PyAVVideo(VideoSource(path), index)) as video:
            return gpu_decoder(video, 0, 0, stop, grey=grey) is not None

    assert offered(index)
    assert not offered(replace(index, checksums=None))
    assert not offered(replace(index, damaged=np.array([40])))
    assert not offered(replace(index, codec="mpeg4"))
    assert not offered(replace(index, pixel_format="yuv420p10le"))
    assert not offered(replace(index, pixel_format="yuvj420p"))
    assert offered(replace(index, pixel_format="yuvj420p"), grey=True)
    monkeypatch.setattr(nvdec, "WORTH_BYTES", 96 * 160 * 60)
    assert offered(index, grey=True)
    assert not offered(index, grey=True, stop=59)


@pytest.mark.parametrize("slow", [True, False])
def test_the_sooner_one_reads_and_it_is_said(film: tuple[Path, VideoIndex], gpu: PlayedGpu, slow: bool) -> None:
    path, index = film
    gpu.seconds = 2.0 if slow else 0.5
    said: list[str] = []
    blocks = list(prefetch(path, 2, None, 7, grey=True, index=index, gpu=0, say=said.append))
    assert_as_read(blocks, path, index, 2, 60, grey=True)
    assert len(said) == 1
    assert said[0].startswith(f"video decoded by the {'cores' if slow else 'GPU'}: ")
    tried = gpu.decoded
    list(prefetch(path, 2, None, 7, grey=True, index=index))
    assert gpu.decoded == tried  # nobody allowed it


def test_a_gpu_that_is_wrong_from_the_start_counts_as_none(film: tuple[Path, VideoIndex], gpu: PlayedGpu) -> None:
    gpu.spoil = inverted
    with closing(PyAVVideo(VideoSource(film[0]), film[1])) as video:
        found = gpu_decoder(video, 0, 0, 60, grey=True)
        assert found is not None
        one, four = (found.trial(0, 60, readers=readers, grey=True) for readers in (1, 4))
    assert one.gpu_fps == four.gpu_fps == 0 < one.cores_fps
    assert not one.gpu_is_sooner
    assert str(one).endswith("; the GPU: cannot")


def test_words_of_a_trial() -> None:
    assert str(Trial(812.3, 410.0)) == "video decoded by the GPU: 812 frames/s; the cores: 410"
    assert str(Trial(812.3, 4100.0)) == "video decoded by the cores: 4,100 frames/s; the GPU: 812"


def has_gpu() -> bool:
    """Whether FFmpeg finds a GPU."""
    try:
        HWAccel("cuda", device="0", allow_software_fallback=False).create(Codec("h264", "r"))
    except (OSError, NotImplementedError, ValueError):
        return False
    return True


def test_without_a_gpu_there_is_no_decoder_and_reading_goes_as_ever(
    film: tuple[Path, VideoIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_gpu():
        pytest.skip("FFmpeg finds a GPU here")
    monkeypatch.setattr(nvdec, "WORTH_BYTES", 0)
    path, index = film
    said: list[str] = []
    blocks = list(prefetch(path, 0, None, 7, grey=False, index=index, gpu=0, say=said.append))
    assert_as_read(blocks, path, index, 0, 60, grey=False)
    assert said == []


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("grey", [True, False])
def test_a_real_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, grey: bool) -> None:
    if not has_gpu():
        pytest.skip("FFmpeg finds no GPU that decodes")
    monkeypatch.setattr(nvdec, "WORTH_BYTES", 0)
    path = write_video(tmp_path / "film.mp4", 90, codec=codec, size=(256, 320), channels=3)
    index = indexed(path)
    with closing(PyAVVideo(VideoSource(path), index)) as video:
        found = gpu_decoder(video, 0, 0, 90, grey=grey)
        assert found is not None
        assert found.trial(0, 90, readers=1, grey=grey).gpu_fps > 0
    assert_as_read(through(path, index, 5, 80, grey=grey), path, index, 5, 80, grey=grey)
