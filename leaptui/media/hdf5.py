"""Frames of an HDF5 file: LEAP boxes and any other 4-D dataset.

h5py inflates one gzip chunk at a time under one lock. Where each chunk holds whole frames and gzip is the only
compression, the chunk is read as it is and inflated by libdeflate outside the lock, which is faster and
lets readers of several threads work at once. Frames are never read by fancy indexing (20 times slower).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import deflate
import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.media.base import FrameReader
from leaptui.media.hdf5_layout import Layout, find_layout
from leaptui.media.identity import file_identity
from leaptui.media.levels import find_levels
from leaptui.media.video import FrameError, Image, VideoSource

_DEFLATE, _SHUFFLE = 1, 2  # HDF5 filter identifiers, H5Z_FILTER_DEFLATE and H5Z_FILTER_SHUFFLE
_READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError)


class Hdf5Frames(FrameReader):
    """A 4-D dataset of an HDF5 file; `source.dataset` and `source.axes` override what is guessed.

    `continuous` is True for a LEAP box unless its `/framesIdx` jumps or its `/exptID` names several recordings;
    all other datasets count as sets of pictures.

    Args:
        source: the file.
        raw_chunks: read gzip chunks directly where that is possible; False always goes through h5py.

    Raises:
        UnusableInput: if the file or the dataset cannot be used, see `hdf5_layout`.
    """

    def __init__(self, source: VideoSource, *, raw_chunks: bool = True) -> None:
        self._file = _open(source.path)
        try:
            self._layout = find_layout(self._file, source)
            self._dataset = self._file[self._layout.dataset]
            count, height, width, channels = self._layout.size(self._dataset.shape)
            if 0 in (height, width) or channels not in (1, 3):
                what = f"The frames of dataset {self._layout.dataset} have the size {height} x {width} x {channels}."
                raise UnusableInput(what, where=source.path, hint="Frames are grey (1 channel) or RGB (3).")
            self._continuous = _is_continuous(self._file, self._layout)
            picture_axes = self._layout.axes.replace("N", "")
            self._order = [picture_axes.index(axis) for axis in "HWC" if axis in picture_axes]
            self._chunk_frames = _whole_frame_chunks(self._dataset, self._layout)
            self._filters = _gzip_filters(self._dataset) if raw_chunks and self._chunk_frames else None
            # h5py works these out anew at every access, which takes as long as inflating a small frame.
            self._chunk_shape, self._dtype = self._dataset.chunks, self._dataset.dtype
            self._chunk_bytes = int(np.prod(self._chunk_shape or (0,), dtype=np.int64)) * self._dtype.itemsize
            self._chunk: tuple[int, NDArray[Any]] | None = None
            self._identity: str | None = None
            self._levels = find_levels(self._dataset.dtype, count, self._sample)
        except BaseException:
            self._file.close()
            raise
        super().__init__(source, (height, width, channels), count)

    @property
    def notes(self) -> Sequence[str]:
        """What was assumed about axes and grey levels, in words."""
        return [*self._layout.notes, *([self._levels.note] if self._levels.note else [])]

    @property
    def layout(self) -> Layout:
        """The dataset and its axes."""
        return self._layout

    @property
    def identity(self) -> str:
        """Hash of the file's size and samples of its content."""
        if self._identity is None:
            self._identity = file_identity(self.source.path)
        return self._identity

    @property
    def continuous(self) -> bool:
        """True for a LEAP box of one stretch of one recording."""
        return self._continuous

    @property
    def _together(self) -> int:
        """Frames of a chunk; pictures that lie whole in a file without chunks are as quickly read by one."""
        return self._chunk_frames or 0

    def _read(self, index: int) -> Image:
        return self._levels.apply(self._oriented(self._raw(index)))

    def _oriented(self, frame: NDArray[Any]) -> NDArray[Any]:
        """(H, W, C) view of one frame in the dataset's own axes."""
        turned = frame.transpose(self._order)
        return turned if turned.ndim == 3 else turned[:, :, None]

    def _sample(self, index: int) -> NDArray[Any] | None:
        try:
            return self._raw(index)
        except FrameError:
            return None

    def _raw(self, index: int) -> NDArray[Any]:
        try:
            if self._filters is not None:
                frame = self._from_chunk(index, self._filters)
                if frame is not None:
                    return frame
            self._require_chunk(index)
            where = tuple(index if axis == "N" else slice(None) for axis in self._layout.axes)
            return np.asarray(self._dataset[where])
        except _READ_ERRORS as error:
            raise FrameError(f"Frame {index} cannot be read, its chunk of the file is damaged: {error}.") from error

    def _from_chunk(self, index: int, filters: tuple[int, ...]) -> NDArray[Any] | None:
        """The frame from its inflated chunk; None if the chunk skipped a filter and h5py must read it."""
        assert self._chunk_frames is not None
        number, within = divmod(index, self._chunk_frames)
        if self._chunk is not None and self._chunk[0] == number:
            return np.asarray(self._chunk[1][within])
        offset = (number * self._chunk_frames, *([0] * (len(self._layout.axes) - 1)))
        try:
            mask, packed = self._dataset.id.read_direct_chunk(offset)
        except _READ_ERRORS:
            self._require_chunk(index)
            raise
        if mask:
            return None
        shape, dtype, size = self._chunk_shape, self._dtype, self._chunk_bytes
        data: Any = packed
        if _DEFLATE in filters:
            try:
                data = deflate.zlib_decompress(packed, size)
            except deflate.DeflateError as error:
                raise FrameError(f"Frame {index} cannot be read, its chunk of the file is damaged: {error}.") from error
        if len(data) != size:
            raise FrameError(f"Frame {index} cannot be read: its chunk has {len(data)} bytes instead of {size}.")
        if _SHUFFLE in filters and dtype.itemsize > 1:
            data = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
        chunk = np.frombuffer(data, dtype).reshape(shape)
        if self._chunk_frames > 1:
            self._chunk = (number, chunk)
        return np.asarray(chunk[within])

    def _require_chunk(self, index: int) -> None:
        """HDF5 hands out zeros for chunks never written; here they are missing frames."""
        if self._chunk_frames is None:
            return
        first = index - index % self._chunk_frames
        info = self._dataset.id.get_chunk_info_by_coord((first, *([0] * (self._dataset.ndim - 1))))
        if info.byte_offset is None:
            raise FrameError(f"Frame {index} was never written to the file.")

    def _release(self) -> None:
        self._chunk = None
        self._file.close()


def _open(path: Path) -> Any:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason = str(error)
        if "unable to lock" in reason or "errno = 11" in reason:
            hint = "Another program is writing to it: wait until it is done."
        elif "truncated" in reason:
            hint = "The file was cut off while it was written or copied: copy it again."
        else:
            hint = "It may be damaged: try `h5dump -H` on it, or copy it again."
        raise UnusableInput(f"The HDF5 file cannot be opened: {reason}.", where=path, hint=hint) from error


def _whole_frame_chunks(dataset: Any, layout: Layout) -> int | None:
    """Frames per chunk if chunks hold whole frames, else None."""
    if dataset.chunks is None or layout.axes[0] != "N" or dataset.chunks[1:] != dataset.shape[1:]:
        return None
    return int(dataset.chunks[0])


def _gzip_filters(dataset: Any) -> tuple[int, ...] | None:
    """The filters in writing order if they can be undone here, else None."""
    created = dataset.id.get_create_plist()
    filters = tuple(int(created.get_filter(number)[0]) for number in range(created.get_nfilters()))
    return filters if filters in ((), (_DEFLATE,), (_SHUFFLE, _DEFLATE)) else None


def _is_continuous(file: Any, layout: Layout) -> bool:
    if layout.dataset.rsplit("/", 1)[-1].lower() != "box":
        return False
    group = file[layout.dataset].parent
    for name, step in (("framesIdx", 1), ("exptID", 0)):
        stored = group.get(name)
        if isinstance(stored, h5py.Dataset) and stored.dtype.kind in "uif" and stored.size:
            values = np.asarray(stored).ravel().astype(np.float64)
            if np.any(np.diff(values) != step):
                return False
    return True
