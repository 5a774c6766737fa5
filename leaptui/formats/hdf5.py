"""Opening HDF5 files of strangers, with errors that say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from leaptui.errors import UnusableInput

# What HDF5 raises, through h5py, on damaged files.
DAMAGED = (OSError, RuntimeError, ValueError, KeyError, TypeError)


def is_hdf5(path: Path) -> bool:
    """Whether a path is an HDF5 file (MATLAB's v7.3 files, which start 512 bytes later, included)."""
    try:
        return path.is_file() and bool(h5py.is_hdf5(path))
    except OSError:
        return False


def require_file(path: Path) -> None:
    """Raise UnusableInput unless `path` is a file."""
    if path.is_dir():
        raise UnusableInput("it is a folder, not a file", where=path)
    if not path.is_file():
        raise UnusableInput("there is no such file", where=path)


@contextmanager
def reading(path: Path) -> Iterator[Any]:
    """An open h5py.File for reading.

    Raises:
        UnusableInput: if the file is missing, not HDF5, cut short, damaged or being written.
    """
    require_file(path)
    if not is_hdf5(path):
        raise UnusableInput("it is not an HDF5 file", where=path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnusableInput(
            "the HDF5 file cannot be opened: it is cut short, damaged or still being written", where=path
        ) from error
    try:
        yield file
    except DAMAGED as error:
        raise UnusableInput(f"the HDF5 file is damaged: {_first_line(error)}", where=path) from error
    finally:
        file.close()


def dataset(file: Any, key: str, where: Path) -> Any:
    """The dataset named `key`.

    Raises:
        UnusableInput: if there is none of that name.
    """
    found = file.get(key)
    if not isinstance(found, h5py.Dataset):
        raise UnusableInput(f"the dataset '{key}' is missing", where=where)
    return found


def dataset_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of the datasets at the top of an HDF5 file; empty for anything else."""
    if not is_hdf5(path):
        return {}
    try:
        with h5py.File(path, "r") as file:
            return {k: tuple(v.shape) for k, v in file.items() if isinstance(v, h5py.Dataset) and v.shape is not None}
    except DAMAGED:
        return {}


def is_numeric(data: Any) -> bool:
    """Whether a dataset holds integers, floating-point numbers or truth values."""
    return data.dtype.kind in "iufb"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
