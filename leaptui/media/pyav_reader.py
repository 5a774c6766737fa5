"""Video files through PyAV, frame-exact by the index.

`get` keeps a decoder that goes forward within the group of pictures, and remembers the pictures it passed, so that
stepping back costs nothing. `blocks` has a decoder of its own with several threads and constant memory, so reading a
stretch and looking at frames do not disturb each other.

A source counts as grey (C = 1) if its pixel format is, or if the chroma of the first frames and of key frames
spread over the file lies within 2 levels of neutral everywhere: cameras for behaviour are mostly grey, their
files mostly tagged as colour. A picture the decoder marks as damaged is a FrameError, not a picture.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from leaptui.media.base import Guard, check_index, check_range
from leaptui.media.decoder import BUILT_ON_DAMAGE, Decoder, Picture
from leaptui.media.demux import MAX_THREADS, available_threads
from leaptui.media.grey import frame_checksum
from leaptui.media.index import VideoIndex, load_or_build
from leaptui.media.indexing import build_index
from leaptui.media.planes import Converter, picture_bytes
from leaptui.media.video import Block, FrameError, Image, VideoSource

CACHE_BYTES = 256 << 20
_NO_PICTURE = "it cannot be decoded, the file is damaged there."
_LARGE_PICTURE = 512 * 512  # from here on decoding outweighs the delay that frame threads add to a jump


class PyAVVideo:
    """A video file; see `leaptui.media.video.Video`.

    Args:
        source: the file.
        index: its index, or the .npz file that keeps it (made there if missing or of another content); None makes one
            and forgets it. An index of other content is not used.
        cache_bytes: memory for decoded pictures of the current group.
        threads: decoder threads of `blocks`; None for one a core, 8 at most.
        accelerator: what decodes in `blocks` instead of the cores; see `nvdec` before using one.

    Raises:
        UnusableInput: if the file is no video, or a new index cannot be stored.
    """

    def __init__(
        self,
        source: VideoSource,
        index: VideoIndex | Path | None = None,
        *,
        cache_bytes: int = CACHE_BYTES,
        threads: int | None = None,
        accelerator: HWAccel | None = None,
    ) -> None:
        self.source = source
        if isinstance(index, Path):
            index = load_or_build(source.path, index)
        elif index is None or not index.matches(source.path):
            index = build_index(source.path)
        self._index = index
        self._guard = Guard(source)
        self._threads = threads or min(available_threads(), MAX_THREADS)
        self._accelerator = accelerator
        self._converter = Converter(index.orientation)
        self._damaged = set() if index.damaged is None else set(index.damaged.tolist())
        jump_threads = self._threads if index.height * index.width >= _LARGE_PICTURE else 1
        self._decoder = _CachingDecoder(source.path, index, jump_threads, cache_bytes)

    @property
    def index(self) -> VideoIndex:
        """The index of the file."""
        return self._index

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame, turned as it is shown; C = 1 where the source is grey."""
        return self._index.shape

    @property
    def fps(self) -> float:
        """Mean frames a second, 0 if unknown."""
        return self._index.fps

    @property
    def notes(self) -> Sequence[str]:
        """Facts about the file in words."""
        return list(self._index.notes)

    @property
    def identity(self) -> str:
        """Hash of the file's size and samples of its content."""
        return self._index.identity

    @property
    def continuous(self) -> bool:
        """True: frames follow each other in time."""
        return True

    def __len__(self) -> int:
        return len(self._index)

    def get(self, index: int, *, grey: bool = False) -> Image:
        """Frame `index` exactly; see `Video.get`."""
        frame = self._picture(index)
        return self._converter.grey(frame) if grey or self._index.grey else self._converter.rgb(frame)

    def checksum(self, index: int) -> int:
        """CRC-32 of the grey frame."""
        return frame_checksum(self._converter.grey(self._picture(index)))

    def blocks(self, start: int = 0, stop: int | None = None, size: int = 64, *, grey: bool = False) -> Iterator[Block]:
        """Frames in order; see `Video.blocks`. Checksums are always there."""
        self._guard.check()
        end = check_range(start, stop, size, len(self))
        return self._blocks(start, end, size, grey or self._index.grey)

    def segments(self, start: int, stop: int, limit: int) -> Iterator[tuple[int, int]] | None:
        """See `shared_reading.Divisible`; segments begin at key frames.

        Only where the checksum of every frame is known from a full pass, which decoded from the start of the file: a
        key frame need not reset a decoder (open groups, intra refresh), and no other sign tells for sure.
        """
        index = self._index
        if index.checksums is None or index.preroll < 0:
            return None
        keys = np.unique(index.key_positions)
        marks = np.concatenate([[start], keys[(keys > start) & (keys < stop)], [stop]])
        return _longest_spans(marks, limit) if np.diff(marks).max() <= limit else None

    def confirms(self, first: int, checksums: NDArray[np.uint32], bad: dict[int, str]) -> bool:
        """See `shared_reading.Divisible`; compares with the checksums and the damage of the full pass."""
        if self._index.checksums is None:
            return False
        positions = np.arange(first, first + len(checksums))
        sound = ~np.isin(positions, list(bad))
        if any(first <= index < first + len(checksums) and index not in bad for index in self._damaged):
            return False
        known = self._index.checksums[first : first + len(checksums)]
        return self._damaged.issuperset(bad) and bool(np.all(checksums[sound] == known[sound]))

    def close(self) -> None:
        """Release the file."""
        if self._guard.close():
            self._decoder.close()

    def _picture(self, index: int) -> VideoFrame:
        self._guard.check()
        check_index(index, len(self))
        picture = None if index in self._damaged else self._decoder.fetch(index)
        if picture is None or picture.problem:
            problem = _NO_PICTURE if picture is None else picture.problem
            raise FrameError(f"Frame {index} cannot be shown: {problem}", where=self.source.path)
        return picture.frame

    def _blocks(self, start: int, stop: int, size: int, grey: bool) -> Iterator[Block]:
        height, width, _ = self.shape
        pictures = ordered_pictures(self.source.path, self._index, start, stop, self._threads, self._accelerator)
        converter = Converter(self._index.orientation)
        try:
            for first in range(start, stop, size):
                self._guard.check()
                count = min(size, stop - first)
                frames = np.zeros((count, height, width, 1 if grey else 3), np.uint8)
                checksums = np.zeros(count, np.uint32)
                bad: dict[int, str] = {}
                for offset in range(count):
                    picture = next(pictures)
                    if picture is None or picture.problem or first + offset in self._damaged:
                        bad[first + offset] = (picture.problem if picture else "") or _NO_PICTURE
                        continue
                    luma = converter.grey(picture.frame)
                    checksums[offset] = frame_checksum(luma)
                    frames[offset] = luma if grey else converter.rgb(picture.frame)
                yield Block(first, frames, checksums, bad)
        finally:
            pictures.close()


def _longest_spans(marks: NDArray[np.int64], limit: int) -> Iterator[tuple[int, int]]:
    """Spans of at most `limit` frames between marks that are no further apart than that."""
    at = 0
    while at < len(marks) - 1:
        end = int(np.searchsorted(marks, marks[at] + limit, "right")) - 1
        yield int(marks[at]), int(marks[end])
        at = end


def ordered_pictures(
    path: Path, index: VideoIndex, start: int, stop: int, threads: int, accelerator: HWAccel | None = None
) -> Generator[Picture | None, None, None]:
    """The pictures of frames start <= i < stop in order, None where there is none; opens a decoder of its own."""
    last = min(stop + index.reordering(), len(index)) if start < stop else stop
    with closing(_pictures_in_order(path, index, start, last, threads, accelerator)) as pictures:
        yield from hold_back(pictures, index, start, stop)


def hold_back(pictures: Iterator[Picture | None], index: VideoIndex, start: int, stop: int) -> Iterator[Picture | None]:
    """Pictures of frames start <= i < stop, marked where one that is shown later but was decoded before is damaged.

    Args:
        pictures: those of the frames from `start` on, `index.reordering()` further than `stop` if there are so many.
    """
    depth = index.reordering()
    held: deque[Picture | None] = deque()
    position = start
    for position, picture in enumerate(pictures, start):
        if picture is None or picture.problem:
            for back, earlier in enumerate(reversed(held), 1):
                if earlier is not None and index.ranks[position - back] > index.ranks[position]:
                    held[-back] = earlier._replace(problem=earlier.problem or BUILT_ON_DAMAGE)
        held.append(picture)
        if len(held) > depth:
            yield held.popleft()
    while held and position - len(held) + 1 < stop:
        yield held.popleft()


def _pictures_in_order(
    path: Path, index: VideoIndex, start: int, stop: int, threads: int, accelerator: HWAccel | None
) -> Generator[Picture | None, None, None]:
    """What decoding gives for frames start <= i < stop; opens a decoder of its own."""
    decoder = Decoder(path, index, threads, accelerator)
    try:
        first = decoder.find(start) if start < stop else None
        if start < stop:
            yield first
        if first is None and start + 1 < stop:
            decoder.start_at(start + 1, index.preroll)
        picture = decoder.next_picture() if start + 1 < stop else None
        for position in range(start + 1, stop):
            while picture is not None and picture.position < position:
                picture = decoder.next_picture()
            yield picture if picture is not None and picture.position == position else None
    finally:
        decoder.close()


class _CachingDecoder(Decoder):
    """A decoder that keeps the pictures it passed, the latest used longest, up to a number of bytes."""

    def __init__(self, path: Path, index: VideoIndex, threads: int, cache_bytes: int) -> None:
        super().__init__(path, index, threads)
        self._cache: OrderedDict[int, Picture] = OrderedDict()
        self._cached_bytes = 0
        self._limit = cache_bytes

    def fetch(self, position: int) -> Picture | None:
        """The picture of a frame, from the cache if it is there."""
        if position in self._cache:
            self._cache.move_to_end(position)
            return self._cache[position]
        return self.find(position)

    def close(self) -> None:
        self._cache.clear()
        super().close()

    def _passed(self, picture: Picture) -> None:
        held = self._cache.pop(picture.position, None)
        self._cached_bytes += picture_bytes(picture.frame) - (picture_bytes(held.frame) if held else 0)
        self._cache[picture.position] = picture
        while self._cached_bytes > self._limit and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= picture_bytes(oldest.frame)
