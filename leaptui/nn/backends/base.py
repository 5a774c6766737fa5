"""What every backend offers, and the pool of threads that most of them work with."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Found = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Points (n, J, 2) in source pixels and scores (n, J)."""


class Pending(Protocol):
    """A batch under way."""

    def result(self) -> Found:
        """Wait for it."""


class Backend(Protocol):
    """Computes points of uint8 frames of one size, some batches at a time.

    Every batch is computed at its full size, a short one filled up: so a frame's points do not depend on how many
    others happen to come with it, to the last bit.
    """

    @property
    def batch(self) -> int:
        """The most frames `submit` takes."""

    @property
    def streams(self) -> int:
        """Batches that are computed side by side; one or two more should be waiting."""

    def submit(self, frames: NDArray[np.uint8]) -> Pending:
        """Start on (n, C, H, W) frames, 1 <= n <= batch; they must not change until the result is there.

        May wait for an earlier batch. Results can be asked for in any order.
        """

    def close(self) -> None:
        """Let threads and memory go."""


class Filled:
    """Cuts what was filled up off a result."""

    def __init__(self, pending: Pending, count: int) -> None:
        self._pending, self._count = pending, count

    def result(self) -> Found:
        """Wait for it."""
        points, scores = self._pending.result()
        return points[: self._count], scores[: self._count]


def fill_up(frames: NDArray[np.uint8], batch: int) -> NDArray[np.uint8]:
    """Frames as one whole batch in contiguous memory, the last frame repeated as often as that takes."""
    missing = batch - len(frames)
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return np.ascontiguousarray(frames)


class ThreadPool:
    """A backend that calls a function on whole batches, in as many threads as there are streams.

    Args:
        compute: (batch, C, H, W) uint8 -> points, scores; must let go of the interpreter lock while it computes.
        batch, streams: see `Backend`.
        prepare_thread: called once in each thread.
    """

    def __init__(
        self,
        compute: Callable[[NDArray[np.uint8]], Found],
        batch: int,
        streams: int,
        prepare_thread: Callable[[], None] | None = None,
    ) -> None:
        self._compute, self._batch, self._streams = compute, batch, streams
        self._threads = ThreadPoolExecutor(streams, "predict", initializer=prepare_thread)

    @property
    def batch(self) -> int:
        """See `Backend`."""
        return self._batch

    @property
    def streams(self) -> int:
        """See `Backend`."""
        return self._streams

    def submit(self, frames: NDArray[np.uint8]) -> Pending:
        """See `Backend`."""
        return Filled(self._threads.submit(self._compute, fill_up(frames, self._batch)), len(frames))

    def close(self) -> None:
        """See `Backend`."""
        self._threads.shutdown(cancel_futures=True)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, for the rest of the process.

    A network frees and takes the same megabytes for every layer. Given back to the kernel each time, as glibc does
    by default, they come back page by page, which takes as long as some layers do.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
