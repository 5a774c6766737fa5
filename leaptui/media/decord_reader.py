"""Colour blocks through decord, for files it was shown to read exactly.

decord seeks wrongly on many kinds of files in silence and decodes ahead without end as soon as it is open, even while
nobody asks (over 1 GB in two seconds at 1024 x 1024). So it is used on demand only, for one thing, colour frames in
order, after `decord_probe` compared it with PyAV on that file, and it is closed before every pause: some frames are
fetched at once, as many as fit `BATCH_BYTES`, and the consumer gets them when decord is gone. Everything else
goes through PyAV, which reads colour with less work, too, as long as it keeps its scaler between frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import decord
import numpy as np

from leaptui.errors import UnusableInput
from leaptui.media.base import Guard, check_range
from leaptui.media.index import VideoIndex
from leaptui.media.pyav_reader import PyAVVideo
from leaptui.media.video import Block, FrameError, Image, VideoSource

BATCH_BYTES = 128 << 20
_DECORD_ERRORS = (decord.DECORDError, RuntimeError, IndexError, ValueError)


class DecordVideo:
    """A video file whose colour blocks come from decord; see `leaptui.media.video.Video`.

    Args:
        source: the file.
        index: as for PyAVVideo.
        probed: True if `decord_probe` has found decord exact on this file; else it is probed now.

    Raises:
        UnusableInput: if decord is not exact on the file.
    """

    def __init__(self, source: VideoSource, index: VideoIndex | Path | None = None, *, probed: bool = False) -> None:
        self.source = source
        self._exact = PyAVVideo(source, index)
        self._guard = Guard(source)
        if not probed:
            from leaptui.media.decord_probe import probe_decord

            outcome = probe_decord(source, self._exact.index)
            if outcome != "exact":
                self._exact.close()
                what = f"decord does not read this video exactly: {outcome}."
                raise UnusableInput(what, where=source.path, hint="Use the reader auto.")

    @property
    def index(self) -> VideoIndex:
        """The index of the file."""
        return self._exact.index

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self._exact.shape

    @property
    def notes(self) -> Sequence[str]:
        """Facts about the file in words."""
        return self._exact.notes

    @property
    def identity(self) -> str:
        """Hash of the file's size and samples of its content."""
        return self._exact.identity

    @property
    def continuous(self) -> bool:
        """True: frames follow each other in time."""
        return True

    def __len__(self) -> int:
        return len(self._exact)

    def get(self, index: int, *, grey: bool = False) -> Image:
        """Frame `index` exactly, through PyAV."""
        return self._exact.get(index, grey=grey)

    def checksum(self, index: int) -> int:
        """CRC-32 of the grey frame, through PyAV."""
        return self._exact.checksum(index)

    def blocks(self, start: int = 0, stop: int | None = None, size: int = 64, *, grey: bool = False) -> Iterator[Block]:
        """Frames in order; colour through decord, without checksums; grey through PyAV.

        From the first stretch decord cannot read on, frames come through PyAV.
        """
        self._guard.check()
        if grey or self.shape[2] == 1:
            return self._exact.blocks(start, stop, size, grey=grey)
        return self._colour_blocks(start, check_range(start, stop, size, len(self)), size)

    def close(self) -> None:
        """Release the file."""
        self._guard.close()
        self._exact.close()

    def _colour_blocks(self, start: int, stop: int, size: int) -> Iterator[Block]:
        height, width, _ = self.shape
        per_batch = max(1, BATCH_BYTES // (height * width * 3 * size)) * size
        for first in range(start, stop, per_batch):
            self._guard.check()
            last = min(first + per_batch, stop)
            try:
                blocks = [
                    Block(at, frames)
                    for at, frames in zip(range(first, last, size), self._fetch(first, last, size), strict=True)
                ]
            except FrameError:
                yield from self._exact.blocks(first, stop, size)
                return
            yield from blocks

    def _fetch(self, first: int, last: int, size: int) -> list[Image]:
        """Frames first <= i < last in arrays of `size`; decord is closed on return."""
        try:
            reader = open_decord(self.source.path)
            return [reader.get_batch(range(at, min(at + size, last))).asnumpy() for at in range(first, last, size)]
        except _DECORD_ERRORS as error:
            raise FrameError(f"decord cannot read frames {first} to {last - 1}.", where=self.source.path) from error


def check_agreement(source: VideoSource, index: VideoIndex) -> None:
    """Raise UnusableInput unless decord counts as many frames of the same size as the index."""
    reader = open_decord(source.path)
    first = decord_frame(reader, 0)
    size = None if first is None else first.shape[:2]
    if size != index.shape[:2]:
        raise UnusableInput(f"decord reads frames of size {size} where {index.shape[:2]} is shown.", where=source.path)
    if len(reader) != len(index):
        raise UnusableInput(f"decord counts {len(reader)} frames where there are {len(index)}.", where=source.path)


def open_decord(path: Path) -> Any:
    """A decord VideoReader.

    Raises:
        UnusableInput: if decord cannot open the file.
    """
    try:
        return decord.VideoReader(str(path), ctx=decord.cpu(0))
    except _DECORD_ERRORS as error:
        raise UnusableInput("decord cannot open the video.", where=path, hint="Use the reader auto.") from error


def decord_frame(reader: Any, position: int) -> Image | None:
    """(H, W, 3) RGB of one frame by decord, None if it cannot."""
    try:
        return np.asarray(reader[position].asnumpy(), np.uint8)
    except _DECORD_ERRORS:
        return None
