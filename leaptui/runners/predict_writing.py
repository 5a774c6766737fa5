"""Points on their way to the disk: a thread writes them while the network goes on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from leaptui.formats.parts import PartsWriter
from leaptui.media.video import Block
from leaptui.runners.predict_job import Done

_KEEP_S = 60.0
_AHEAD_ROWS = 40_000


class Writing:
    """Takes blocks of points in order; a context manager, which waits for all of them on leaving.

    A part of some ten thousand rows takes far longer than a block of points does, so many blocks may wait.

    Args:
        writer: gets the rows.
        indices: of the frames of the input, by the number that blocks count them with.
        done: gets the seconds that somebody waited for the disk.
    """

    def __init__(self, writer: PartsWriter, indices: Sequence[int], done: Done) -> None:
        self._writer, self._indices, self._done = writer, indices, done
        self._thread = ThreadPoolExecutor(1, "writer")
        self._waiting: deque[tuple[int, Future[None]]] = deque()
        self._rows = 0
        self._is_broken = False
        self._kept = time.monotonic()

    def put(self, block: Block, points: NDArray[np.float32], scores: NDArray[np.float32]) -> None:
        """Write the points of a block when it is its turn.

        Raises:
            LeaptuiError: if an earlier one could not be written; nothing after that one is.
        """
        # Results may lie in memory that is only lent.
        points, scores = np.array(points), np.array(scores)
        count = len(block.frames)
        numbers = range(block.start, block.start + count)
        for at in block.bad:
            points[at - block.start] = np.nan
            scores[at - block.start] = 0
        frames = np.fromiter((self._indices[i] for i in numbers), np.int64, count)
        bad = [(self._indices[at], reason) for at, reason in sorted(block.bad.items())]
        written = self._thread.submit(self._write, points, scores, frames, block.checksums, bad)
        self._waiting.append((count, written))
        self._rows += count
        while self._waiting and (self._rows > _AHEAD_ROWS or self._waiting[0][1].done()):
            self._wait_for_first()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._waiting:
                self._wait_for_first()
        finally:
            self._thread.shutdown()

    def _wait_for_first(self) -> None:
        count, written = self._waiting.popleft()
        self._rows -= count
        with self._done.waiting_for("writing"):
            written.result()

    def _write(
        self,
        points: NDArray[np.float32],
        scores: NDArray[np.float32],
        frames: NDArray[np.int64],
        checksums: NDArray[np.uint32] | None,
        bad: list[tuple[int, str]],
    ) -> None:
        if self._is_broken:
            # Rows are counted when a later attempt goes on: none may follow one that is lacking.
            return
        self._is_broken = True
        self._writer.append(points, scores, frames, checksums=checksums, bad=bad)
        if time.monotonic() - self._kept > _KEEP_S:
            # A slow network would otherwise lose hours when it is killed.
            self._writer.flush()
            self._kept = time.monotonic()
        self._is_broken = False
