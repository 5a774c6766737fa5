"""What all readers share: who may use them, which indices exist, and blocks made frame by frame."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError, UsageError
from leaptui.media.grey import frame_checksum, to_grey
from leaptui.media.video import Block, FrameError, Image, VideoSource


class WrongProcess(LeaptuiError, RuntimeError):
    """A reader was used in a process that did not open it, or after it was closed."""


class Guard:
    """Remembers which process opened a reader.

    Decoders hold threads and locks that a fork does not copy; using one in the child hangs or corrupts, so
    it raises here instead.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._owner = os.getpid()
        self._open = True

    def check(self) -> None:
        """Raise WrongProcess unless this process opened the reader and has not closed it."""
        if os.getpid() != self._owner:
            raise WrongProcess(
                "A reader opened in one process cannot be used in another.",
                where=self._source.path,
                hint="Open the video in the process that reads it.",
            )
        if not self._open:
            raise WrongProcess("The reader has been closed.", where=self._source.path)

    def close(self) -> bool:
        """Mark the reader closed; True if this process still has something to release."""
        first = self._open and os.getpid() == self._owner
        self._open = False
        return first


def check_index(index: int, count: int) -> None:
    """Raise IndexError unless 0 <= index < count; indices never count from the end."""
    if not 0 <= index < count:
        raise IndexError(f"There is no frame {index}: the video has frames 0 to {count - 1}.")


def check_range(start: int, stop: int | None, size: int, count: int) -> int:
    """The end of a range of frames, clipped to the video.

    Raises:
        IndexError: if it starts outside the video.
        UsageError: if the block size is not positive.
    """
    if size < 1:
        raise UsageError(f"Blocks of {size} frames cannot be made.", hint="Ask for at least one frame at a time.")
    if not 0 <= start <= count:
        raise IndexError(f"There is no frame {start}: the video has frames 0 to {count - 1}.")
    return count if stop is None else min(stop, count)


class FrameReader(ABC):
    """A Video made from a function that reads one frame.

    Args:
        source: where the frames come from.
        shape: (H, W, C) of every frame.
        count: number of frames.
    """

    def __init__(self, source: VideoSource, shape: tuple[int, int, int], count: int) -> None:
        self.source = source
        self._shape = shape
        self._count = count
        self._guard = Guard(source)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self._shape

    def __len__(self) -> int:
        return self._count

    @abstractmethod
    def _read(self, index: int) -> Image:
        """(H, W, C) pixels of a frame that exists, in memory of their own; FrameError if it cannot be read."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Hash of the source's content, stable under renaming and moving."""

    @property
    @abstractmethod
    def continuous(self) -> bool:
        """True if neighbouring frames follow each other in time."""

    @property
    def _together(self) -> int:
        """Frames that are read in one go, so that a segment begins at a multiple; 0 if sharing the work is no gain."""
        return 0

    @abstractmethod
    def _release(self) -> None:
        """Close the file."""

    def segments(self, start: int, stop: int, limit: int) -> Iterator[tuple[int, int]] | None:
        """See `shared_reading.Divisible`; any frame can be the first of a segment."""
        step = limit if self._together == 0 else limit - limit % self._together
        if self._together == 0 or step == 0:
            return None
        marks = [start, *range(start - start % step + step, stop, step), stop]
        return pairwise(marks)

    def confirms(self, first: int, checksums: NDArray[np.uint32], bad: dict[int, str]) -> bool:
        """See `shared_reading.Divisible`; each frame stands by itself, so all readers read alike."""
        return True

    def get(self, index: int, *, grey: bool = False) -> Image:
        """Frame `index`; see `Video.get`."""
        self._guard.check()
        check_index(index, self._count)
        frame = self._read(index)
        return to_grey(frame) if grey else frame

    def blocks(self, start: int = 0, stop: int | None = None, size: int = 64, *, grey: bool = False) -> Iterator[Block]:
        """Frames in order; see `Video.blocks`."""
        self._guard.check()
        end = check_range(start, stop, size, self._count)
        return self._blocks(start, end, size, grey)

    def _blocks(self, start: int, stop: int, size: int, grey: bool) -> Iterator[Block]:
        height, width, channels = self._shape
        for first in range(start, stop, size):
            self._guard.check()
            count = min(size, stop - first)
            frames = np.zeros((count, height, width, 1 if grey else channels), np.uint8)
            checksums = np.zeros(count, np.uint32)
            bad: dict[int, str] = {}
            for offset in range(count):
                try:
                    pixels = self._read(first + offset)
                except FrameError as error:
                    bad[first + offset] = error.what
                    continue
                checksums[offset] = frame_checksum(pixels)
                frames[offset] = to_grey(pixels) if grey else pixels
            yield Block(first, frames, checksums, bad)

    def checksum(self, index: int) -> int:
        """CRC-32 of the frame's (H, W, C) pixels."""
        return frame_checksum(self.get(index))

    def close(self) -> None:
        """Release the file."""
        if self._guard.close():
            self._release()
