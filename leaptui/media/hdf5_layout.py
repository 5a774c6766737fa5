"""Which dataset of an HDF5 file holds the frames, and in which order its axes come.

The LEAP box (`/box`, Pereira et al. 2019) is H x W x C x N in MATLAB, which h5py sees as (N, C, W, H); other
tools write (N, H, W, C). Where neither name nor shape decides, the user is asked for the axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from leaptui.errors import UnusableInput
from leaptui.media.video import VideoSource

PREFERRED = ("box", "images", "frames", "pixels")
_COLOURS = (1, 3)


@dataclass(frozen=True)
class Layout:
    """A dataset of frames.

    Args:
        dataset: its path in the file.
        axes: one letter of N, H, W, C for each of its axes; C may be absent.
        notes: what was assumed, in words.
    """

    dataset: str
    axes: str
    notes: tuple[str, ...] = ()

    def size(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(N, H, W, C) of a dataset of this shape."""
        sizes = dict(zip(self.axes, shape, strict=True))
        return sizes["N"], sizes["H"], sizes["W"], sizes.get("C", 1)


def find_layout(file: Any, source: VideoSource) -> Layout:
    """The frames of an open HDF5 file.

    Raises:
        UnusableInput: if no dataset fits, several do, the named one is not there, or the order is unclear.
    """
    sets = _numeric_datasets(file)
    name = _find_dataset(sets, source)
    shape = sets[name]
    if source.axes is not None:
        return Layout(name, _checked_axes(source.axes, shape, source.path))
    return _guess_axes(name, shape, "MATLAB_class" in file[name].attrs, source.path)


def _numeric_datasets(file: Any) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "uifb" and item.shape is not None:
            found[name] = tuple(int(size) for size in item.shape)

    file.visititems(visit)
    return found


def _find_dataset(sets: dict[str, tuple[int, ...]], source: VideoSource) -> str:
    listing = "; ".join(f"{name} {shape}" for name, shape in list(sets.items())[:20]) or "none"
    if source.dataset is not None:
        name = source.dataset.strip("/")
        if name in sets and (len(sets[name]) == 4 or (len(sets[name]) == 3 and source.axes is not None)):
            return name
        what = "has not four dimensions" if name in sets else "is not in the file"
        raise UnusableInput(
            f"The dataset {source.dataset} {what}.", where=source.path, hint=f"Numeric datasets there: {listing}."
        )
    frames = [name for name, shape in sets.items() if len(shape) == 4]
    for wanted in PREFERRED:
        named = [name for name in frames if name.rsplit("/", 1)[-1].lower() == wanted]
        if len(named) == 1:
            return named[0]
    if len(frames) == 1:
        return frames[0]
    if frames:
        raise UnusableInput(
            "Several datasets of the HDF5 file could hold the frames.",
            where=source.path,
            hint=f"Name one of: {'; '.join(f'{name} {sets[name]}' for name in frames)}.",
        )
    raise UnusableInput(
        "The HDF5 file holds no frames: no dataset of it has four dimensions.",
        where=source.path,
        hint=f"Numeric datasets there: {listing}.",
    )


def _checked_axes(axes: str, shape: tuple[int, ...], path: Path) -> str:
    letters = axes.upper()
    expected = "NHWC" if len(shape) == 4 else "NHW"
    if sorted(letters) != sorted(expected):
        raise UnusableInput(
            f"The axes {axes} do not describe a dataset of shape {shape}.",
            where=path,
            hint=f"Give the letters {', '.join(expected)} in the order of its axes, for example {expected}.",
        )
    if "C" in letters and shape[letters.index("C")] not in _COLOURS:
        raise UnusableInput(
            f"With the axes {axes} the frames would have {shape[letters.index('C')]} channels; "
            "leaptui shows grey (1) or RGB (3).",
            where=path,
            hint=f"The shape is {shape}: give the axes in that order.",
        )
    return letters


def _guess_axes(name: str, shape: tuple[int, ...], matlab: bool, path: Path) -> Layout:
    base = name.rsplit("/", 1)[-1].lower()
    second, last = shape[1] in _COLOURS, shape[3] in _COLOURS
    if base == "box" and second:
        return Layout(name, "NCWH")
    if last and (not second or base in ("images", "frames")):
        return Layout(name, "NHWC")
    if second and not last:
        axes = "NCWH" if matlab else "NCHW"
        return Layout(name, axes, (f"the axes of {name} {shape} are taken as {axes}",))
    if shape[2] in _COLOURS and not last:
        return Layout(name, "HWCN", (f"the axes of {name} {shape} are taken as HWCN",))
    raise UnusableInput(
        f"The order of the axes of dataset {name} with shape {shape} is unclear.",
        where=path,
        hint="Give the axes, one letter each of N, H, W, C: NCWH for a LEAP box, NHWC for most others.",
    )
