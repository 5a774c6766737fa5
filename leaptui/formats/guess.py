"""Which format a file is of, by its content, and reading labels of any format."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.checks import some
from leaptui.formats.imported import Imported
from leaptui.registry import IMPORT_FORMATS


def guess(paths: Sequence[Path]) -> str:
    """Name in `IMPORT_FORMATS` of the format of these files.

    A format's `companion` files (a LEAP box) need a file with labels beside them.

    Raises:
        UnusableInput: if a file is of no known format, or they are of several.
    """
    if not paths:
        raise UsageError("no file was given")
    found: dict[str, list[Path]] = {}
    others = []
    for path in paths:
        if not path.exists():
            raise UnusableInput("there is no such file or folder", where=path)
        name = next((name for name in IMPORT_FORMATS if format_module(name).sniff(path)), None)
        if name is None:
            others.append(path)
        else:
            found.setdefault(name, []).append(path)
    for path in others:
        if not any(_is_companion(name, path) for name in found):
            raise _unknown(path)
    if len(found) > 1:
        listed = ", ".join(f"{members[0].name} ({name})" for name, members in found.items())
        raise UnusableInput(f"the files are of several formats: {listed}", hint="Import them one at a time.")
    return next(iter(found))


def _is_companion(name: str, path: Path) -> bool:
    belongs = getattr(format_module(name), "companion", None)
    return belongs is not None and bool(belongs(path))


def _unknown(path: Path) -> UnusableInput:
    for name in IMPORT_FORMATS:
        if _is_companion(name, path):
            return UnusableInput(
                f"it holds the frames of a {name} data set, but no labels",
                where=path,
                hint=str(format_module(name).COMPANION_HINT),
            )
    return UnusableInput(
        f"it holds no labels of a known format; {describe(path)}",
        where=path,
        hint="Known: " + "; ".join(f"{entry.name} ({entry.summary})" for entry in IMPORT_FORMATS.values()) + ".",
    )


def read_labels(paths: Sequence[Path], format: str | None = None) -> Imported:
    """Labels of files that belong together.

    Args:
        paths: files or folders of one format.
        format: its name; guessed from the content if left out.

    Raises:
        UsageError: if there is no such format.
        UnusableInput: if the files are not of it.
    """
    name = guess(paths) if format is None else format
    imported = format_module(name).read(paths)
    if not isinstance(imported, Imported):
        raise TypeError(f"format '{name}' must return Imported, not {type(imported).__name__}")
    return imported


def format_module(name: str) -> ModuleType:
    """The module of an import format.

    Raises:
        UsageError: if there is none of that name.
    """
    if name not in IMPORT_FORMATS:
        raise UsageError(f"there is no import format '{name}'; known: {', '.join(IMPORT_FORMATS)}")
    return importlib.import_module(IMPORT_FORMATS[name].target)


def describe(path: Path) -> str:
    """What a file that nobody can read seems to be, as the end of a sentence."""
    if path.is_dir():
        names = sorted(child.name for child in path.iterdir())
        return f"it is a folder with {some(names)}" if names else "it is an empty folder"
    from leaptui.formats import hdf5, matlab

    inside = matlab.variables(path)
    if hdf5.is_hdf5(path):
        return f"it is an HDF5 file with {some(inside)}" if inside else "it is an empty HDF5 file"
    if inside:
        return f"it is a MATLAB file with {some(inside)}"
    with path.open("rb") as file:
        head = file.read(512)
    for mark, what in _MARKS:
        if mark in head[:64]:
            return f"it seems to be {what}"
    if not head:
        return "it is empty"
    if b"\0" in head:
        return "it is a binary file of another kind"
    first = head.decode("utf-8", "replace").splitlines()[0][:60]
    return f"it is a text file that starts with {first!r}"


_MARKS = (
    (b"ftyp", "a video (mp4 or mov)"),
    (b"\x1a\x45\xdf\xa3", "a video (mkv or webm)"),
    (b"AVI ", "a video (avi)"),
    (b"\x89PNG", "an image (png)"),
    (b"\xff\xd8\xff", "an image (jpeg)"),
    (b"II*\0", "an image (tiff)"),
    (b"MM\0*", "an image (tiff)"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x93NUMPY", "a numpy array"),
)
