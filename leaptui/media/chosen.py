"""Some frames of a video, as a video of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leaptui.media.base import check_range
from leaptui.media.video import Block, Image, Video

_FAR = 32
"""From this step on frames are sought one by one: decoding all that lies between costs more."""


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
        step = self._chosen.step
        # Where all that lies between is read too, the frames wanted are every step-th of one stretch.
        stretches = [range(i, i + 1) for i in part] if step >= _FAR else [range(part[0], part[-1] + 1)]
        every = 1 if step >= _FAR else step
        pieces = [
            piece
            for stretch in stretches
            for piece in self._video.blocks(stretch.start, stretch.stop, len(stretch), grey=grey)
        ]
        checksums = [piece.checksums for piece in pieces if piece.checksums is not None]
        return Block(
            first,
            np.concatenate([piece.frames for piece in pieces])[::every],
            np.concatenate(checksums)[::every] if len(checksums) == len(pieces) else None,
            {first + part.index(i): why for piece in pieces for i, why in piece.bad.items() if i in part},
        )
