"""Reading MATLAB files, v7 (scipy) and v7.3 (HDF5), into the same plain Python values.

struct -> dict, char -> str, cell -> list (column by column), numbers -> array with MATLAB's axis order.
What only MATLAB can decode (tables, strings, dates) becomes OPAQUE.

v7.3 (MathWorks, "MAT-File Versions"): HDF5 behind a 512-byte header; arrays appear with their axes reversed;
the attribute MATLAB_class names the class; a char array is uint16 code units; a cell array is object
references; an empty array keeps its size as data and carries MATLAB_empty.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5

# What scipy and h5py raise on damaged files.
_DAMAGED = (MatReadError, *hdf5.DAMAGED, IndexError, OverflowError, EOFError, zlib.error)
_DEEPEST = 16


class _Opaque:
    def __repr__(self) -> str:
        return "OPAQUE"


OPAQUE: Final = _Opaque()
"""A value of a class that only MATLAB can decode."""


def variables(path: Path) -> list[str]:
    """Names of the variables of a MATLAB file of either version; empty for anything else."""
    try:
        if not path.is_file():
            return []
        if hdf5.is_hdf5(path):
            return _variables_v73(path)
        if not _has_v5_header(path):
            return []
        return [str(name) for name, _, _ in scipy.io.whosmat(path, appendmat=False)]
    except (*_DAMAGED, NotImplementedError):
        return []


def read_mat(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The variables `names` that are there.

    Raises:
        UnusableInput: if the file is missing, damaged or no MATLAB file.
    """
    hdf5.require_file(path)
    if hdf5.is_hdf5(path):
        with hdf5.reading(path) as file:
            return {name: _from_hdf5(file, file[name]) for name in names if name in file}
    if not _has_v5_header(path):
        raise UnusableInput("it is not a MATLAB file of version 5 to 7.3", where=path)
    try:
        loaded = scipy.io.loadmat(path, appendmat=False, variable_names=list(names))
    except (*_DAMAGED, NotImplementedError) as error:
        raise UnusableInput("the MATLAB file cannot be read: it is cut short or damaged", where=path) from error
    return {name: _from_scipy(loaded[name]) for name in names if name in loaded}


def _has_v5_header(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(128)
    return len(head) == 128 and head[126:128] in (b"IM", b"MI")


def _variables_v73(path: Path) -> list[str]:
    with h5py.File(path, "r") as file:
        return [key for key in file if not key.startswith("#")]


def _from_hdf5(file: Any, item: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return OPAQUE
    if isinstance(item, h5py.Group):
        return {key: _from_hdf5(file, item[key], depth + 1) for key in item}
    kind = _matlab_class(item)
    if "MATLAB_object_decode" in item.attrs or kind in ("string", "table", "datetime", "function_handle"):
        return OPAQUE
    if item.attrs.get("MATLAB_empty"):
        return _empty(kind, item)
    values = item[()]
    if item.dtype.kind == "O" and h5py.check_ref_dtype(item.dtype) is not None:
        cells = np.asarray(values).ravel().tolist()
        return [_from_hdf5(file, file[ref], depth + 1) if ref else OPAQUE for ref in cells]
    if kind == "char":
        return _text(np.asarray(values))
    return np.asarray(values).T


def _matlab_class(item: Any) -> str:
    name = item.attrs.get("MATLAB_class", b"")
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def _empty(kind: str, item: Any) -> Any:
    if kind == "char":
        return ""
    if kind == "cell":
        return []
    size = [int(n) for n in np.atleast_1d(item[()])]
    return np.zeros(size if 0 in size else (0, 0))


def _text(units: np.ndarray[Any, Any]) -> str:
    """A char array: its code units column by column, which for the usual row is the text."""
    return units.T.astype("<u2").ravel(order="C").tobytes().decode("utf-16-le", errors="replace")


def _from_scipy(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST or isinstance(value, scipy.io.matlab.MatlabOpaque | scipy.io.matlab.MatlabFunction):
        return OPAQUE
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names is not None:
        if value.size != 1:
            return [_struct(element, depth) for element in value.ravel(order="F")]
        return _struct(value.ravel()[0], depth)
    if value.dtype.kind == "O":
        return [_from_scipy(element, depth + 1) for element in value.ravel(order="F")]
    if value.dtype.kind == "U":
        return "".join(value.ravel().tolist())
    return value


def _struct(element: Any, depth: int) -> dict[str, Any]:
    return {name: _from_scipy(element[name], depth + 1) for name in element.dtype.names}
