"""Writing long HDF5 datasets row by row: whole gzip chunks, made here and stored as they are.

The bytes of a dataset depend only on its rows, not on how they arrived, so a run that was interrupted and resumed
ends in the same file. Compressed chunks of another file of the same layout are taken over without unpacking.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_ROWS = 1000
_GZIP = 1


class RowWriter:
    """Writes the rows of one new dataset, in order.

    Args:
        file: open h5py.File.
        name: name of the dataset.
        rows: how many there will be.
        row_shape: shape of one.
        dtype: type of their elements.
        attributes: attributes of the dataset.
    """

    def __init__(
        self,
        file: Any,
        name: str,
        rows: int,
        row_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self._empty = 0 in row_shape
        self._data = file.create_dataset(
            name, (rows, *row_shape), dtype, track_times=False, **({} if self._empty else _layout(row_shape))
        )
        for key, value in (attributes or {}).items():
            self._data.attrs[key] = value
        self._written = 0
        self._pending: NDArray[Any] = np.empty((0, *row_shape), dtype)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows of the right shape and type."""
        waiting = np.concatenate([self._pending, rows]) if len(self._pending) else rows
        whole = len(waiting) - len(waiting) % CHUNK_ROWS
        for start in range(0, whole, CHUNK_ROWS):
            self._store(_packed(waiting[start : start + CHUNK_ROWS]))
        self._pending = waiting[whole:].copy()

    def copy(self, source: Any) -> None:
        """Add all rows of a dataset that a RowWriter wrote."""
        start = 0
        if not len(self._pending) and not self._empty:
            while start + CHUNK_ROWS <= len(source):
                _, packed = source.id.read_direct_chunk((start, *(0,) * (source.ndim - 1)))
                self._store(packed)
                start += CHUNK_ROWS
        while start < len(source):
            self.append(source[start : start + CHUNK_ROWS])
            start += CHUNK_ROWS

    def finish(self) -> None:
        """Write the last rows.

        Raises:
            ValueError: if more or fewer rows came than were announced.
        """
        left = len(self._pending)
        if self._written + left != len(self._data):
            raise ValueError(f"{len(self._data)} rows were announced, {self._written + left} came")
        if left and not self._empty:
            padded = np.zeros((CHUNK_ROWS, *self._pending.shape[1:]), self._pending.dtype)
            padded[:left] = self._pending
            self._store(_packed(padded))

    def _store(self, packed: bytes) -> None:
        position = (self._written, *(0,) * (self._data.ndim - 1))
        if self._written >= len(self._data):
            raise ValueError(f"{len(self._data)} rows were announced, more came")
        if not self._empty:
            self._data.id.write_direct_chunk(position, packed)
        self._written += CHUNK_ROWS


def _layout(row_shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        # Without a largest size HDF5 would not allow chunks longer than a short dataset.
        "maxshape": (None, *row_shape),
        "chunks": (CHUNK_ROWS, *row_shape),
        "compression": "gzip",
        "compression_opts": _GZIP,
        "shuffle": True,
    }


def _packed(chunk: NDArray[Any]) -> bytes:
    """A chunk through HDF5's shuffle (n-th bytes of all elements together) and deflate filters."""
    size = chunk.dtype.itemsize
    shuffled = np.ascontiguousarray(chunk).view(np.uint8).reshape(-1, size).T
    return zlib.compress(shuffled.tobytes(), _GZIP)
