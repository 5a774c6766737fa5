"""Writing LEAP boxes: the HDF5 file of frames that LEAP labels and predicts.

`/box` is (N, C, W, H) as h5py sees it, which is MATLAB's H x W x C x N; one frame a chunk, gzip level 1, uint8.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from leaptui.errors import UnusableInput
from leaptui.files import replacing
from leaptui.media.video import Image


def write_box(frames: Image | Iterable[Image], path: Path) -> int:
    """Write frames as a LEAP box; the file appears whole or not at all.

    Args:
        frames: (N, H, W, C) uint8, or an iterable of such blocks, of which only one is in memory at a time.
        path: where to.

    Returns:
        Number of frames written.

    Raises:
        UnusableInput: if a block is of another form or size, or there is no frame.
        UnusableInput: if the operating system refuses to write.
    """
    blocks = [frames] if isinstance(frames, np.ndarray) else frames
    count = 0
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        box = None
        for block in blocks:
            _check(block, path)
            n, height, width, channels = block.shape
            if box is None:
                box = file.create_dataset(
                    "box",
                    (0, channels, width, height),
                    np.uint8,
                    maxshape=(None, channels, width, height),
                    chunks=(1, channels, width, height),
                    compression="gzip",
                    compression_opts=1,
                    track_times=False,
                )
            if box.shape[1:] != (channels, width, height):
                raise UnusableInput("frames of one box must have one size", where=path)
            box.resize(count + n, axis=0)
            box[count : count + n] = block.transpose(0, 3, 2, 1)
            count += n
        if count == 0:
            raise UnusableInput("there are no frames to write", where=path)
    return count


def _check(block: Image, path: Path) -> None:
    if block.ndim != 4 or block.dtype != np.uint8 or 0 in block.shape[1:]:
        raise UnusableInput(f"frames must be (N, H, W, C) uint8, not {block.shape} {block.dtype}", where=path)
