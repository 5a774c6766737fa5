"""A TIFF stack as a Video: one frame a page.

Pages count as frames, in file order, whatever the stack calls their axis (time, depth, channel); pages that
differ in size or type from the first are passed over. A last axis of 3 or 4 samples is colour, of which alpha is dropped. Uncompressed stacks are mapped
into memory. A stack is a film: `continuous` is True.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.media.base import FrameReader
from leaptui.media.identity import file_identity
from leaptui.media.levels import find_levels
from leaptui.media.video import FrameError, Image, VideoSource

_PAGE_ERRORS = (
    struct.error,
    AttributeError,
    OSError,
    ValueError,
    IndexError,
    KeyError,
    RuntimeError,
    tifffile.TiffFileError,
    zlib.error,
)

# What is wrong with a file is raised here; tifffile would say it on stderr as well.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def _is_cut_off(file: tifffile.TiffFile) -> bool:
    """Whether the chain of pages ends in a pointer that leads nowhere; tifffile then shows fewer pages."""
    handle, size = file.filehandle, file.tiff.offsetsize
    handle.seek(file.pages.next_page_offset)
    pointer = handle.read(size)
    return len(pointer) < size or any(pointer)


class TiffStack(FrameReader):
    """Pages of a TIFF file; 8 or 16 bit or float, grey or RGB.

    Raises:
        UnusableInput: if it is no readable TIFF, or its pages are no pictures of one size.
    """

    def __init__(self, source: VideoSource) -> None:
        try:
            self._file = tifffile.TiffFile(source.path)
            if _is_cut_off(self._file):
                raise ValueError("its list of pages leads beyond its end")
            series = self._file.series[0]
            self._axes = str(series.axes).upper()
            self._full_shape = tuple(int(size) for size in series.shape)
            self._alike = [other for other in self._file.series if _is_alike(other, series)]
            others = len(self._file.series) - len(self._alike)
        except _PAGE_ERRORS as error:
            hint = "It may have been cut off: copy it again."
            raise UnusableInput(f"The TIFF file cannot be read: {error}.", where=source.path, hint=hint) from error
        self._series = series
        self._notes = [f"{others} series of pages of other sizes or types are not shown"] if others else []
        self._samples, self._planar = self._find_samples(source)
        self._mapped = self._map(source)
        self._identity: str | None = None
        count, height, width, channels = self._sizes()
        super().__init__(source, (height, width, channels), count)
        self._levels = find_levels(np.dtype(series.dtype), count, self._sample)
        if self._levels.note:
            self._notes.append(self._levels.note)
        try:
            self._raw(0)
        except FrameError as error:
            self._file.close()
            hint = "Compressed stacks may need the extra: pip install 'leaptui[tiff]'."
            raise UnusableInput(error.what, where=source.path, hint=hint) from error

    @property
    def notes(self) -> Sequence[str]:
        """Facts about the source in words: how its levels are scaled, what is not shown."""
        return list(self._notes)

    @property
    def identity(self) -> str:
        """Hash of the file's size and samples of its content."""
        if self._identity is None:
            self._identity = file_identity(self.source.path)
        return self._identity

    @property
    def continuous(self) -> bool:
        """True: pages follow each other in time."""
        return True

    @property
    def _together(self) -> int:
        """Pages are packed one by one; what is mapped into memory is as quickly read by one."""
        return 1 if self._mapped is None else 0

    def _find_samples(self, source: VideoSource) -> tuple[int, bool]:
        """Number of colour samples (1, 3 or 4), and whether they come before the rows."""
        axes, shape = self._axes, self._full_shape
        if axes.endswith("YXS") and shape[-1] in (1, 3, 4):
            return shape[-1], False
        if axes.endswith("SYX") and shape[-3] in (1, 3, 4):
            return shape[-3], True
        if axes.endswith("YX"):
            return 1, True
        raise UnusableInput(
            f"The TIFF file holds no stack of pictures: its axes are {axes} with shape {shape}.",
            where=source.path,
            hint="Save it as a stack of grey or RGB pages.",
        )

    def _sizes(self) -> tuple[int, int, int, int]:
        shape = self._full_shape
        colour = 0 if self._axes.endswith("YX") and "S" not in self._axes[-3:] else 1
        lead = shape[: len(shape) - 2 - colour]
        height, width = shape[-2:] if self._planar else shape[-3:-1]
        return int(np.prod(lead, dtype=np.int64)) * len(self._alike), height, width, 1 if self._samples == 1 else 3

    def _map(self, source: VideoSource) -> NDArray[Any] | None:
        offset = self._series.dataoffset
        if offset is None or len(self._alike) > 1:
            return None
        dtype = np.dtype(self._file.byteorder + self._series.dtype.char)
        if offset + int(np.prod(self._full_shape, dtype=np.int64)) * dtype.itemsize > source.path.stat().st_size:
            return None
        whole = np.memmap(source.path, dtype, "r", offset, self._full_shape)
        return whole.reshape(-1, *self._page_shape())

    def _page_shape(self) -> tuple[int, ...]:
        colour = 1 if "S" in self._axes[-3:] else 0
        return self._full_shape[len(self._full_shape) - 2 - colour :]

    def _raw(self, index: int) -> NDArray[Any]:
        """(H, W, C) samples of one page as the file has them."""
        if self._mapped is not None:
            page = np.asarray(self._mapped[index])
        else:
            try:
                series, within = divmod(index, self._count // len(self._alike))
                page = self._alike[series].pages[within].asarray()
                page = page.reshape(self._page_shape())
            except _PAGE_ERRORS as error:
                raise FrameError(f"Page {index} of the TIFF file cannot be read: {error}.") from error
        if page.ndim == 2:
            return page[:, :, None]
        return np.moveaxis(page, 0, 2) if self._planar else page

    def _sample(self, index: int) -> NDArray[Any] | None:
        try:
            return self._raw(index)
        except FrameError:
            return None

    def _read(self, index: int) -> Image:
        channels = self._shape[2]
        return self._levels.apply(self._raw(index)[:, :, :channels])

    def _release(self) -> None:
        self._mapped = None
        self._file.close()


def _is_alike(series: Any, first: Any) -> bool:
    return bool(series.shape == first.shape and series.dtype == first.dtype and series.axes == first.axes)
