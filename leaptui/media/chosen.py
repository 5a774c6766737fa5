"""Some frames of a video, as a video of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leaptui.media.base import FrameReader, check_range
from leaptui.media.video import Block, FrameError, Image, Video

_FAR = 32
"""From this step on the frames of a film are sought one by one: decoding all that lies between costs more."""
_TOGETHER = 64
"""Frames of a film that are decoded at once where only some of them are wanted."""


class ChosenFrames:
    """Frames `chosen` of a video; frame i of this is frame `chosen[i]` of that.

    Args:
        video: the whole; closed with this.
        chosen: rising indices of its frames.
    """

    def __init__(self, video: Video, chosen: range) -> None:
        self._video = video
        self._chosen = chosen
        self.source = video.source

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self._video.shape

    @property
    def identity(self) -> str:
        """That of the whole video."""
        return self._video.identity

    @property
    def continuous(self) -> bool:
        """Whether neighbours follow each other in the video and in time."""
        return self._video.continuous and self._chosen.step == 1

    def __len__(self) -> int:
        return len(self._chosen)

    def get(self, index: int, *, grey: bool = False) -> Image:
        """See `Video.get`."""
        if not 0 <= index < len(self._chosen):
            raise IndexError(f"There is no frame {index}: {len(self._chosen)} were chosen.")
        return self._video.get(self._chosen[index], grey=grey)

    def checksum(self, index: int) -> int:
        """See `Video.checksum`."""
        return self._video.checksum(self._chosen[index])

    def blocks(self, start: int = 0, stop: int | None = None, size: int = 64, *, grey: bool = False) -> Iterator[Block]:
        """See `Video.blocks`; start, the start of a block and its bad frames count chosen frames."""
        end = check_range(start, stop, size, len(self._chosen))
        for first in range(start, end, size):
            part = self._chosen[first : min(first + size, end)]
            yield self._picked(first, part, grey)

    def close(self) -> None:
        """Release the video."""
        self._video.close()

    def _picked(self, first: int, part: range, grey: bool) -> Block:
        """Frames `part` of the video as the block from number `first` on."""
        height, width, channels = self._video.shape
        frames = np.zeros((len(part), height, width, 1 if grey else channels), np.uint8)
        checksums = np.zeros(len(part), np.uint32)
        bad: dict[int, str] = {}
        known = True
        for piece in self._pieces(part, grey):
            # A piece begins with a frame that is wanted.
            at = part.index(piece.start)
            count = -(-len(piece.frames) // part.step)
            frames[at : at + count] = piece.frames[:: part.step]
            bad |= {first + part.index(index): why for index, why in piece.bad.items() if index in part}
            if piece.checksums is None:
                known = False
            else:
                checksums[at : at + count] = piece.checksums[:: part.step]
        return Block(first, frames, checksums if known else None, bad)

    def _pieces(self, part: range, grey: bool) -> Iterator[Block]:
        """Blocks of the video in which all of `part` is."""
        if part.step == 1:
            yield from self._video.blocks(part.start, part.stop, len(part), grey=grey)
        elif isinstance(self._video, FrameReader):
            for index in part:
                yield from self._video.blocks(index, index + 1, 1, grey=grey)
        elif part.step < _FAR:
            size = part.step * max(1, _TOGETHER // part.step)
            yield from self._video.blocks(part[0], part[-1] + 1, size, grey=grey)
        else:
            for index in part:
                yield self._sought(index, grey)

    def _sought(self, index: int, grey: bool) -> Block:
        try:
            pixels = self._video.get(index, grey=grey)
            return Block(index, pixels[None], np.array([self._video.checksum(index)], np.uint32))
        except FrameError as error:
            height, width, channels = self._video.shape
            empty = np.zeros((1, height, width, 1 if grey else channels), np.uint8)
            return Block(index, empty, np.zeros(1, np.uint32), {index: error.what})
