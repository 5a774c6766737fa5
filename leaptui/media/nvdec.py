"""Video decoded by an NVIDIA GPU (NVDEC), where that is sooner and gives the very same pictures.

H.264, HEVC and VP9 say to the last bit what a picture is, so a GPU gives what the cores give. Of damage it says less
than they do, and drivers have limits of their own (sizes, levels, monochrome). So nothing is taken on trust: only
videos whose frames are all whole, with a checksum from a full pass, are read like this, every block is compared with
those checksums, and from the first that differs the cores read on.

Whether it is sooner depends on the size of the frames, the number of cores and the make of the GPU: small frames
cost more to hand over than to decode. Both ways are timed on the first frames that are wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import av.error
from av.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available

from leaptui.errors import LeaptuiError
from leaptui.media.index import VideoIndex
from leaptui.media.pyav_reader import PyAVVideo
from leaptui.media.video import Block, Video

_CODECS = frozenset({"h264", "hevc", "vp9"})
_PIXELS = frozenset({"yuv420p", "yuvj420p"})
WORTH_BYTES = 2 << 30  # pixels that take tens of seconds to read, where starting a GPU and two trials take seconds
_TRIAL_S = 1.0
_TRIAL_FRAMES = 16
_WARM_FRAMES = 32  # until decoder threads and the GPU have filled their queues


@dataclass(frozen=True)
class Trial:
    """How both ways did on the same frames.

    Args:
        gpu_fps: frames a second of the GPU; 0 if it cannot decode the video, or not exactly.
        cores_fps: of the cores.
    """

    gpu_fps: float
    cores_fps: float

    @property
    def gpu_is_sooner(self) -> bool:
        """Whether to let the GPU decode."""
        return self.gpu_fps > self.cores_fps

    def __str__(self) -> str:
        who, rate, other, least = (
            ("the GPU", self.gpu_fps, "the cores", self.cores_fps)
            if self.gpu_is_sooner
            else ("the cores", self.cores_fps, "the GPU", self.gpu_fps)
        )
        beside = f"{least:,.0f}" if least else "cannot"
        return f"video decoded by {who}: {rate:,.0f} frames/s; {other}: {beside}"


class GpuDecoder:
    """Reads one video with a GPU; made by `gpu_decoder`.

    Args:
        video: the video, whose index has the checksum of every frame; stays open as long as this is used.
        accelerator: what decodes.
    """

    def __init__(self, video: PyAVVideo, accelerator: HWAccel) -> None:
        self._video = video
        self._accelerator = accelerator

    def trial(self, start: int, stop: int, *, readers: int, grey: bool) -> Trial:
        """Time the GPU and the cores on the first frames of start <= i < stop.

        Args:
            start, stop: frames that are wanted.
            readers: processes that would share the reading; fewer than 2 stands for one reader with all cores.
            grey: as in `Video.blocks`.
        """
        source, index = self._video.source, self._video.index
        with closing(self._open()) as by_gpu:
            gpu = _rate(by_gpu, start, stop, grey)
        with closing(PyAVVideo(source, index, threads=1 if readers > 1 else None)) as by_cores:
            return Trial(gpu, _rate(by_cores, start, stop, grey) * max(1, readers))

    def blocks(
        self,
        start: int,
        stop: int,
        size: int,
        *,
        grey: bool,
        by_cores: Callable[[int], Iterator[Block]],
        say: Callable[[str], None],
    ) -> Generator[Block]:
        """What `Video.blocks(start, stop, size, grey=grey)` yields, from the GPU as long as its pictures are right.

        Args:
            start, stop, size, grey: as there.
            by_cores: the blocks from a frame on, should the GPU fail there.
            say: told in words if it does.
        """
        position = start
        with closing(self._open()) as by_gpu:
            for block in _confirmed(by_gpu, start, stop, size, grey):
                yield block
                position += len(block.frames)
        if position < stop:
            say(f"the GPU failed at frame {position:,}, the cores read on")
            yield from by_cores(position)

    def _open(self) -> PyAVVideo:
        return PyAVVideo(self._video.source, self._video.index, accelerator=self._accelerator)


def gpu_decoder(
    video: Video, gpu: int, start: int, stop: int, *, grey: bool, least_bytes: int | None = None
) -> GpuDecoder | None:
    """A decoder for frames start <= i < stop; None where there can be none, or a trial is not worth its seconds.

    Args:
        video: to be read.
        gpu: as CUDA numbers those it sees.
        start, stop: frames that are wanted.
        grey: as in `Video.blocks`.
        least_bytes: pixels for which a trial is worth its seconds; None for `WORTH_BYTES`.
    """
    if not isinstance(video, PyAVVideo) or "cuda" not in hwdevices_available():
        return None
    least = WORTH_BYTES if least_bytes is None else least_bytes
    if not _is_known(video.index, grey) or _pixels(video, grey) * (stop - start) < least:
        return None
    accelerator = HWAccel("cuda", device=str(gpu), allow_software_fallback=False)
    try:
        accelerator.create(Codec(video.index.codec, "r"))
    except (av.error.FFmpegError, OSError, NotImplementedError, ValueError):
        return None
    return GpuDecoder(video, accelerator)


def _confirmed(video: PyAVVideo, start: int, stop: int, size: int, grey: bool) -> Iterator[Block]:
    """Blocks up to the first that is not what the full pass found."""
    try:
        for block in video.blocks(start, stop, size, grey=grey):
            assert block.checksums is not None
            if not video.confirms(block.start, block.checksums, block.bad):
                return
            yield block
    except (LeaptuiError, av.error.FFmpegError, RuntimeError, ValueError):
        # A GPU's memory may be full, its driver odd. What is wrong with the video itself, if anything is, comes up where
        # the cores read on.
        return


def _rate(video: PyAVVideo, start: int, stop: int, grey: bool) -> float:
    """Frames a second after the first ones; 0 if they are too few or wrong."""
    began, counted = 0.0, 0
    for block in _confirmed(video, start, stop, _TRIAL_FRAMES, grey):
        now = time.perf_counter()
        if block.start - start < _WARM_FRAMES:
            began = now
            continue
        counted += len(block.frames)
        if now - began >= _TRIAL_S:
            break
    seconds = time.perf_counter() - began
    return counted / seconds if counted else 0.0


def _is_known(index: VideoIndex, grey: bool) -> bool:
    """Whether GPUs know this kind of video, and each frame is known and whole."""
    if index.checksums is None or index.damaged is None or len(index.damaged):
        return False
    # Full range is told by some pixel formats alone, which the GPU's pictures do not have: grey shows it, colour not.
    sure = grey or index.grey or index.pixel_format == "yuv420p"
    return index.codec in _CODECS and index.pixel_format in _PIXELS and sure


def _pixels(video: PyAVVideo, grey: bool) -> int:
    height, width, channels = video.shape
    return height * width * (1 if grey else channels)
