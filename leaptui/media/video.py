"""The Video protocol: a source of frames, whatever the file.

Frame i is frame i: a reader returns exactly the frame asked for or raises; it never returns a
neighbour. A reader opened before a fork hangs or corrupts afterwards, so every reader belongs to the
process that opened it, and to one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError

Image = NDArray[np.uint8]


class FrameError(LeaptuiError):
    """One frame cannot be read (damaged stretch, lost file); others may be."""


@dataclass(frozen=True)
class VideoSource:
    """Where frames come from: everything needed to open the same frames again.

    Args:
        path: a video file, an HDF5 file, a TIFF stack or a folder of images.
        dataset: the 4-D dataset inside an HDF5 file; None lets the reader find it.
        axes: axis order of that dataset, one letter each of N, H, W, C, e.g. "NCWH" for a LEAP box
            as h5py sees it; None lets the reader decide.
    """

    path: Path
    dataset: str | None = None
    axes: str | None = None


@dataclass(frozen=True)
class Block:
    """Consecutive frames.

    Args:
        start: index of the first frame.
        frames: (n, H, W, C) uint8; C is 1 for grey, 3 for RGB.
        checksums: (n,) uint32, the `Video.checksum` of each frame, or None when the reader that made
            the block cannot know it.
        bad: indices (of the video) of frames in the block that could not be read; their pixels are 0.
    """

    start: int
    frames: Image
    checksums: NDArray[np.uint32] | None = None
    bad: dict[int, str] = field(default_factory=dict)


@runtime_checkable
class Video(Protocol):
    """A source of frames."""

    source: VideoSource

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame; C = 1 where the source itself is grey, else 3."""

    def __len__(self) -> int:
        """Number of frames."""

    def get(self, index: int, *, grey: bool = False) -> Image:
        """Frame `index` as (H, W, C) uint8; C = 1 if `grey` or the source is grey, else 3.

        Raises:
            IndexError: if there is no such frame.
            FrameError: if it cannot be read exactly.
        """

    def blocks(self, start: int = 0, stop: int | None = None, size: int = 64, *, grey: bool = False) -> Iterator[Block]:
        """Frames start <= i < stop in order, `size` at a time (the last block may be shorter).

        Unreadable frames are reported in `Block.bad`, never skipped, so positions cannot shift. A `stop` beyond
        the end means the end. The blocks have a file position of their own: `get` may be called in between.

        Raises:
            IndexError: if `start` lies outside the video.
            UsageError: if `size` is not positive.
        """

    def checksum(self, index: int) -> int:
        """CRC-32 of frame `index`: of its (H, W, C) uint8 pixels as the source holds them (for video
        files: of what `get(index, grey=True)` returns), independent of how it is read.

        Raises:
            IndexError, FrameError: as `get`.
        """

    @property
    def identity(self) -> str:
        """Hash of the source's content, stable under renaming and moving."""

    @property
    def continuous(self) -> bool:
        """True if neighbouring frames follow each other in time (a film, not a set of pictures)."""

    def close(self) -> None:
        """Release the file."""
