"""One source read by several processes, in order and exactly as one reader would.

The source is cut into segments, dealt to the processes in turn, and put together again into blocks. Two
segments a process are under way at any time, so memory does not grow with the source. Where a process is lost, cannot read, or
gives what the source does not confirm, one reader goes on from there alone: sharing may fail, reading may not.

Processes and not threads: a frame takes half a dozen calls into libraries, each of which may hold Python's lock, give
it up or take it back, and the thread that predicts needs the lock too. All that is left to do here for a frame is to
copy it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leaptui.media.base import check_range
from leaptui.media.reader_process import SLOTS, Job, ReaderLost, ReaderProcess
from leaptui.media.video import Block, Image, Video

MAX_READERS = 16
MEMORY_BYTES = 1 << 30
SEGMENT_BYTES = 16 << 20
WORTH_BYTES = 512 << 20  # pixels that one reader hands over in about the time the processes take to start
_KEPT_CORES = 2  # for what is done with the frames


@runtime_checkable
class Divisible(Protocol):
    """A Video that may be cut into segments."""

    def segments(self, start: int, stop: int, limit: int) -> Iterator[tuple[int, int]] | None:
        """Segments (first, stop) of at most `limit` frames that cover start <= i < stop in order and cost nothing
        to begin with; None if there are none, or if it is not worth it."""

    def confirms(self, first: int, checksums: NDArray[np.uint32], bad: dict[int, str]) -> bool:
        """Whether a segment that another reader read is what this one would have read."""


@dataclass(frozen=True)
class Plan:
    """How a source is shared.

    Args:
        readers: number of processes.
        slot_frames: frames a segment may have.
    """

    readers: int
    slot_frames: int


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan_sharing(video: Video, start: int, stop: int | None, *, grey: bool, readers: int | None = None) -> Plan | None:
    """How to share the reading of frames start <= i < stop, None if one reader does it as well.

    Args:
        readers: number of processes wanted; None lets cores, memory and the amount of pixels decide.
    """
    if os.name != "posix" or not isinstance(video, Divisible):
        return None
    end = len(video) if stop is None else min(stop, len(video))
    if not 0 <= start < end:
        return None
    frame_bytes = int(np.prod(_shape(video, grey), dtype=np.int64))
    wanted = min(MAX_READERS, usable_cores() - _KEPT_CORES) if readers is None else readers
    if readers is None and frame_bytes * (end - start) < WORTH_BYTES:
        return None
    slot_frames = max(1, SEGMENT_BYTES // frame_bytes)
    wanted = min(wanted, MEMORY_BYTES // (SLOTS * slot_frames * frame_bytes))
    if wanted < 2 or video.segments(start, end, slot_frames) is None:
        return None
    return Plan(wanted, min(slot_frames, end - start))


def shared_blocks(video: Video, plan: Plan, start: int, stop: int | None, size: int, *, grey: bool) -> Generator[Block]:
    """What `video.blocks(start, stop, size, grey=grey)` yields, read by several processes.

    Raises:
        IndexError, UsageError: as `Video.blocks`.
    """
    end = check_range(start, stop, size, len(video))
    return _assemble(_pieces(video, plan, start, end, size, grey), start, end, size, _shape(video, grey))


@dataclass
class _Piece:
    """Frames that follow those of the piece before; the pixels are lent until the next piece is asked for."""

    frames: Image
    checksums: NDArray[np.uint32]
    bad: dict[int, str] = field(default_factory=dict)


def _shape(video: Video, grey: bool) -> tuple[int, int, int]:
    height, width, channels = video.shape
    return height, width, 1 if grey else channels


def _pieces(video: Video, plan: Plan, start: int, stop: int, size: int, grey: bool) -> Generator[_Piece]:
    position = start
    shared = _read_shared(video, plan, start, stop, grey)
    try:
        for piece in shared:
            yield piece
            position += len(piece.frames)
    except ReaderLost:
        pass  # the rest is read here, and what is wrong, if anything is, comes up there
    finally:
        shared.close()
    if position < stop:
        for block in video.blocks(position, stop, size, grey=grey):
            assert block.checksums is not None
            yield _Piece(block.frames, block.checksums, block.bad)


def _read_shared(video: Video, plan: Plan, start: int, stop: int, grey: bool) -> Generator[_Piece]:
    """The pieces that reader processes read, up to the first that cannot be trusted.

    Raises:
        ReaderLost: if a process is gone, or read what the source does not confirm.
    """
    assert isinstance(video, Divisible)
    segments = video.segments(start, stop, plan.slot_frames)
    assert segments is not None
    job = Job(video.source, getattr(video, "index", None), _shape(video, grey), plan.slot_frames, grey)
    readers: list[ReaderProcess] = []
    under_way: deque[tuple[ReaderProcess, int, int, int]] = deque()
    try:
        for _ in range(plan.readers):
            readers.append(ReaderProcess(job))
        places = [(reader, slot) for slot in range(SLOTS) for reader in readers]
        for (reader, slot), (first, end) in zip(places, segments, strict=False):
            reader.ask(slot, first, end)
            under_way.append((reader, slot, first, end))
        while under_way:
            reader, slot, first, end = under_way.popleft()
            answer = reader.answer()
            if not video.confirms(first, answer.checksums, answer.bad):
                raise ReaderLost(f"Frames {first} to {end - 1} came out differently.", where=video.source.path)
            yield _Piece(reader.frames(slot, end - first), answer.checksums, answer.bad)
            following = next(segments, None)
            if following is not None:
                reader.ask(slot, *following)
                under_way.append((reader, slot, *following))
    finally:
        for reader in readers:
            reader.close()


def _assemble(
    pieces: Generator[_Piece], start: int, stop: int, size: int, shape: tuple[int, int, int]
) -> Generator[Block]:
    """Blocks of `size` frames, in memory of their own, from pieces of any length."""
    with closing(pieces):
        yield from _joined(pieces, start, stop, size, shape)


def _joined(
    pieces: Generator[_Piece], start: int, stop: int, size: int, shape: tuple[int, int, int]
) -> Generator[Block]:
    piece, used = next(pieces, None), 0
    for first in range(start, stop, size):
        count = min(size, stop - first)
        frames = np.empty((count, *shape), np.uint8)
        checksums = np.empty(count, np.uint32)
        bad: dict[int, str] = {}
        filled = 0
        while filled < count:
            if piece is not None and used == len(piece.frames):
                piece, used = next(pieces, None), 0
            assert piece is not None
            taken = min(count - filled, len(piece.frames) - used)
            frames[filled : filled + taken] = piece.frames[used : used + taken]
            checksums[filled : filled + taken] = piece.checksums[used : used + taken]
            at = first + filled
            bad.update({index: reason for index, reason in piece.bad.items() if at <= index < at + taken})
            filled, used = filled + taken, used + taken
        yield Block(first, frames, checksums, bad)
