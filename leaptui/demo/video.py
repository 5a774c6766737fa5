"""Writing recordings as video files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.demo.recording import Recording
from leaptui.errors import OperationFailed, UsageError

_QUALITY = "10"
_KEY_FRAME_EVERY = "50"


def write_video(recording: Recording | Iterable[Recording], path: str | Path, fps: float | None = None) -> int:
    """Write frames to an .mp4 file: H.264, closed groups of pictures, 4:2:0 in limited range, nearly lossless.

    The file appears under its name only when it is complete.

    Args:
        recording: a recording, or the blocks of one as `stream` yields them; they are written as they come.
        path: the file to write; its folder must exist.
        fps: frames a second in the file; None for those of the recording.

    Returns:
        Number of frames written.

    Raises:
        UsageError: if there are no frames, their size is odd or the rate makes no sense.
        OperationFailed: if the encoder or the disk fails; no file is left behind.
    """
    blocks = iter([recording] if isinstance(recording, Recording) else recording)
    first = next(blocks, None)
    if first is None or first.frames.size == 0:
        raise UsageError("there are no frames to write", where=path)
    height, width = first.frames.shape[1:3]
    if height % 2 or width % 2:
        raise UsageError(
            f"frames of {width} x {height} px cannot be stored: both sides must be even",
            where=path,
            hint=f"Make them {width + width % 2} x {height + height % 2}.",
        )
    rate = first.fps if fps is None else fps
    if not (np.isfinite(rate) and rate > 0.0):
        raise UsageError(f"fps must be positive, not {rate}", where=path)

    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        count = _encode(chain([first], blocks), unfinished, (height, width), Fraction(rate).limit_denominator(1001))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _encode(blocks: Iterable[Recording], path: Path, size: tuple[int, int], rate: Fraction) -> int:
    import av

    count = 0
    try:
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.height, stream.width = size
            stream.pix_fmt = "yuv420p"
            stream.options = {
                "crf": _QUALITY,
                "preset": "medium",
                # With mbtree, x264 gives another file of the same frames at nearly every run.
                "x264-params": f"keyint={_KEY_FRAME_EVERY}:open-gop=0:mbtree=0:colormatrix=bt709",
            }
            for block in blocks:
                for picture in block.frames:
                    frame = av.VideoFrame.from_ndarray(_planes(picture[:, :, 0]), format="yuv420p")
                    frame.pts = count
                    frame.time_base = 1 / rate
                    container.mux(stream.encode(frame))
                    count += 1
            container.mux(stream.encode(None))
    except (OSError, av.FFmpegError) as error:
        raise OperationFailed(f"the video could not be written: {error}", where=path.parent) from error
    return count


# Luma of each grey level in limited range, 16 to 235.
_LUMA = np.round(16.0 + np.arange(256) * (219.0 / 255.0)).astype(np.uint8)


def _planes(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) grey as the stacked planes of a 4:2:0 picture without colour, (H * 3 / 2, W)."""
    height, width = grey.shape
    planes = np.full((height + height // 2, width), 128, dtype=np.uint8)
    planes[:height] = _LUMA[grey]
    return planes
