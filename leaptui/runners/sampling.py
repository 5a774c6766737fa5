"""Some frames from all over a video, to choose a way of computing by and to measure the ranges of int8 on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.media import open_video
from leaptui.media.video import VideoSource

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

_STRETCHES = 8


def sample_frames(
    source: VideoSource, *, grey: bool, index: VideoIndex | None = None, count: int = 128
) -> NDArray[np.uint8]:
    """About `count` frames (n, H, W, C) in a few stretches evenly over the video; frames that cannot be read are left out.

    Stretches, since a frame in the middle of a long group of pictures costs as much as all before it. The same video
    gives the same frames.

    Raises:
        UnusableInput: if the video cannot be used, or none of these frames can be read.
    """
    with closing(open_video(source, index=index)) as video:
        total = len(video)
        length = max(1, count // _STRETCHES)
        last = max(0, total - length)
        starts = sorted({round(i * last / (_STRETCHES - 1)) for i in range(_STRETCHES)})
        taken: list[NDArray[np.uint8]] = []
        done = 0
        for start in starts:
            # Of a short video the stretches overlap.
            first, stop = max(start, done), min(start + length, total)
            for block in video.blocks(first, stop, max(1, stop - first), grey=grey) if first < stop else ():
                good = [i for i in range(len(block.frames)) if block.start + i not in block.bad]
                taken.append(block.frames[good])
            done = stop
    found = np.concatenate(taken) if taken else np.zeros((0, 1, 1, 1), np.uint8)
    if not len(found):
        raise UnusableInput("none of the frames tried can be read", where=source.path)
    return found
