"""Reading .npz files of unknown origin: plain numbers and text of bounded size, or UnusableInput.

numpy's own loader refuses objects, but believes whatever a header says of the shape, and inflates whatever a zip
file holds. Here an array is only made once as many bytes as its header asks for are known to be there.
"""

from __future__ import annotations

import io
import math
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from leaptui.errors import UnusableInput

_KINDS = "biufU"
_HEADER = 10_000
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile, zlib and numpy raise on files that are damaged or made to deceive.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, ValueError, EOFError, SyntaxError, TypeError, KeyError, IndexError,
    OverflowError, MemoryError, NotImplementedError, RuntimeError,
)  # fmt: skip


def read_npz(
    path: Path, *, most_file: int = 4 << 20, most_bytes: int = 64 << 20, most_arrays: int = 32
) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by name.

    Args:
        path: the file.
        most_file: bytes it may have.
        most_bytes: bytes that its arrays may have together.
        most_arrays: how many there may be.

    Raises:
        UnusableInput: if it is not there, is damaged, is larger than that, or holds anything but bool, integer,
            float and text arrays.
    """
    try:
        # Opening a pipe would wait for somebody to write into it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnusableInput("it is no regular file", where=path)
        with path.open("rb") as file:
            data = file.read(most_file + 1)
    except OSError as problem:
        raise UnusableInput(f"it cannot be read ({problem.strerror or problem})", where=path) from problem
    if len(data) > most_file:
        raise UnusableInput(f"it is larger than the {most_file:,} bytes such a file can have", where=path)
    try:
        return _arrays(data, most_bytes, most_arrays)
    except _DAMAGED as error:
        raise UnusableInput("its arrays cannot be read: it is damaged, or no such file", where=path) from error


def _arrays(data: bytes, most_bytes: int, most_arrays: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        members = packed.infolist()
        if len(members) > most_arrays:
            raise ValueError(f"{len(members)} arrays")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in found or name == member.filename or member.compress_type not in _COMPRESSION:
                raise ValueError(f"not an array: {member.filename!r}")
            with packed.open(member) as stream:
                # The size in the directory may be a lie, so no more than that is inflated.
                content = stream.read(most_bytes + 1)
            most_bytes -= len(content)
            if most_bytes < 0:
                raise ValueError("too large")
            found[name] = _array(content)
    return found


def _array(content: bytes) -> NDArray[Any]:
    stream = io.BytesIO(content)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    shape, fortran, dtype = readers[npy.read_magic(stream)](stream, max_header_size=_HEADER)
    if dtype.kind not in _KINDS or dtype.itemsize == 0 or (fortran and len(shape) > 1):
        raise ValueError(f"an array of {dtype}")
    start = stream.tell()
    if math.prod(shape) * dtype.itemsize != len(content) - start or len(shape) > 8:
        raise ValueError(f"an array of {shape} in {len(content) - start} bytes")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
