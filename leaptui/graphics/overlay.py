"""Overlay: lines, marks, names and notes painted into an image of palette indices.

Sizes follow the height of a text cell, whatever the source's resolution, so that marks look alike on every screen
and at every zoom. Nothing is blended: an index image has no colours in between, and sharp shapes cost fewer bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import font
from leaptui.graphics.geometry import View
from leaptui.graphics.scene import COLOURS, DARK, LIGHT, Kind, Line, Mark, Note, Scene

Indices = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_DIM = 9
"""Colour of notes in the background: the least bright of the colours."""
_LONGEST_NAME = 32
_NOTHING = 255
_ROUNDING = 1e-6
"""Of a pixel: points often lie on the border of two, and computed numbers on either side of it."""


class Part(Enum):
    """Which part of the overlay is painted."""

    ALL = "all"
    STILL = "still"
    """What stays while the selected mark moves."""
    MOVING = "moving"
    """The selected mark and the lines that end in it."""
    MARKER = "marker"
    """The selected mark alone, with its name."""


class Sizes(NamedTuple):
    """Sizes in pixels for a raster whose cells have a given height."""

    radius: int
    """Of marks."""
    line: int
    """Width of lines."""
    dash: int
    """Length of a dash and of the gap after it."""
    name: int
    """Factor of the font for names."""
    note: int
    """Factor of the font for notes."""

    @classmethod
    def of(cls, cell: float) -> Sizes:
        """For cells of so many pixels of height; rasters of a few pixels a cell get marks of a few pixels."""
        if cell < 8:
            return cls(1, 1, 2, 1, 1)
        line = 1 if cell < 14 else 2 if cell < 32 else 3
        return cls(
            max(2, round(cell / 5)), line, max(2, round(cell / 4)), max(1, int(cell / 16)), max(1, int(cell / 10))
        )


def paint(indices: Indices, scene: Scene, view: View, *, first: int, part: Part = Part.ALL) -> None:
    """Draw a scene's lines, marks (the selected one over the others), names and notes, in this order.

    Args:
        indices: (H, W) raster of the view's window, of any size; changed in place.
        scene: what to draw.
        view: what the raster shows.
        first: the value that stands for colour 0 of `COLOURS`; the others follow.
        part: which part of the overlay.

    Raises:
        ValueError: if the colours do not fit above `first`.
    """
    if not 0 <= first <= _NOTHING - len(COLOURS):
        raise ValueError(f"{len(COLOURS)} colours do not fit from {first} on")
    sizes = Sizes.of(indices.shape[0] / view.target.height)
    _paint_lines(indices, [line for line in scene.lines if _has_line(part, line)], view, sizes, first)
    marks = sorted((mark for mark in scene.marks if _has_mark(part, mark)), key=lambda mark: mark.selected)
    places = _places(marks, indices, view)
    for mark, (x, y) in zip(marks, places, strict=True):
        shape = _mark(mark.kind, mark.occluded, mark.selected, sizes.radius)
        _stamp(indices, _coloured(shape, mark.colour, first), x, y)
    for mark, (x, y) in zip(marks, places, strict=True):
        if mark.name:
            _name(indices, mark, x, y, sizes, first)
    if part in (Part.ALL, Part.STILL):
        _paint_notes(indices, scene.notes, view, sizes, first)


def _has_line(part: Part, line: Line) -> bool:
    return part is Part.ALL or ((part is Part.MOVING) == line.moving and part is not Part.MARKER)


def _has_mark(part: Part, mark: Mark) -> bool:
    return part is Part.ALL or (part is not Part.STILL) == mark.selected


# Marks -------------------------------------------------------------------------------------------------------------

_COLOUR, _DARK, _LIGHT = 1, 2, 3
"""What a stencil says of a pixel; 0 leaves it as it is."""


class _Stamp(NamedTuple):
    """Values to set where the mask is true; the middle of the mark is the middle of the stamp."""

    values: Indices
    mask: Mask


def _places(marks: Sequence[Mark], indices: Indices, view: View) -> list[tuple[int, int]]:
    """The pixel each mark lies in; far outside, some pixel that is far outside too."""
    if not marks:
        return []
    height, width = indices.shape
    points = view.to_raster([(mark.x, mark.y) for mark in marks], (width, height)) + _ROUNDING
    limit = 2.0 * max(width, height) + 1000.0
    return [(x, y) for x, y in np.floor(np.clip(points, -limit, limit)).astype(int).tolist()]


@lru_cache(maxsize=128)
def _mark(kind: Kind, occluded: bool, selected: bool, radius: int) -> bytes:
    """A square stencil with an odd side, as bytes so that it can be a key of a cache."""
    reach = _reach(kind, selected, radius) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    stencil = np.where(_shape(kind, occluded, radius, x, y), np.uint8(_COLOUR), np.uint8(0))
    if selected:
        # A ring close by: corners farther out would uncover more of the picture, in more colours, at every move.
        outer = _reach(kind, selected, radius)
        stencil[_ring(x, y, outer, _thickness(radius)) & (stencil == 0)] = _LIGHT
    if radius > 1:
        stencil[_grown(stencil > 0) & (stencil == 0)] = _DARK
    return stencil.tobytes()


def _thickness(radius: int) -> int:
    return 1 if radius < 4 else 2 if radius < 10 else 3


def _reach(kind: Kind, selected: bool, radius: int) -> int:
    """From the middle of a mark to its farthest pixel, the dark outline not counted."""
    shape = radius if kind is Kind.PLACED or radius == 1 else radius + 1
    return shape + _thickness(radius) if selected else shape


def _ring(x: NDArray[np.intp], y: NDArray[np.intp], radius: int, thick: int) -> Mask:
    # Half a pixel more than the radius, without which small circles have four spikes.
    away = x * x + y * y
    inner = radius - thick
    return np.asarray((away < radius * (radius + 1)) & (away >= inner * (inner + 1)))


def _shape(kind: Kind, occluded: bool, radius: int, x: NDArray[np.intp], y: NDArray[np.intp]) -> Mask:
    thick = _thickness(radius)
    if kind is Kind.OTHER:
        arms = np.abs(np.abs(x) - np.abs(y)) < max(1, thick - 1)
        return np.asarray(arms & (np.maximum(np.abs(x), np.abs(y)) <= max(1, radius - 1)))
    if kind is Kind.PREDICTED:
        away = np.abs(x) + np.abs(y)
        size = radius + 1 if radius > 1 else 1
        return np.asarray((away <= size) & (away > size - thick))
    if not occluded:
        return _ring(x, y, radius, radius)
    if radius == 1:
        return np.asarray(np.maximum(np.abs(x), np.abs(y)) == 1)
    return _ring(x, y, radius, thick)


def _grown(mask: Mask) -> Mask:
    """With the four neighbours of every pixel."""
    grown: Mask = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


@lru_cache(maxsize=1024)
def _coloured(stencil: bytes, colour: int, first: int) -> _Stamp:
    side = int(len(stencil) ** 0.5)
    return _stamp_of(np.frombuffer(stencil, np.uint8).reshape(side, side), colour, first)


def _stamp_of(stencil: Indices, colour: int, first: int) -> _Stamp:
    meaning = np.array([0, first + colour, first + DARK, first + LIGHT], np.uint8)
    return _Stamp(meaning[stencil], stencil > 0)


def _stamp(indices: Indices, stamp: _Stamp, x: int, y: int) -> None:
    """Set a stamp with its middle at a pixel, as far as it is inside."""
    height, width = stamp.mask.shape
    _set(indices, stamp, x - width // 2, y - height // 2)


def _set(indices: Indices, stamp: _Stamp, left: int, top: int) -> None:
    height, width = stamp.mask.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, indices.shape[1]), min(top + height, indices.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    np.copyto(indices[y0:y1, x0:x1], stamp.values[part], where=stamp.mask[part])


# Lines -------------------------------------------------------------------------------------------------------------


def _paint_lines(indices: Indices, lines: Sequence[Line], view: View, sizes: Sizes, first: int) -> None:
    """All lines at once, a pixel for every step along the longer axis of each.

    Steps are pixels of the raster, not shares of the line, so that a line cut at the border, or one whose far end
    moved, keeps the pixels it had.
    """
    if not lines:
        return
    height, width = indices.shape
    ends = view.to_raster([((line.x0, line.y0), (line.x1, line.y1)) for line in lines], (width, height)) + _ROUNDING
    steep = np.abs(ends[:, 1, 1] - ends[:, 0, 1]) > np.abs(ends[:, 1, 0] - ends[:, 0, 0])
    ends[steep] = ends[steep][..., ::-1]
    back = ends[:, 1, 0] < ends[:, 0, 0]
    ends[back] = ends[back][:, ::-1]
    (a0, b0), (a1, b1) = ends[:, 0].T, ends[:, 1].T
    longer = np.where(steep, height, width)
    start = np.clip(np.ceil(a0 - 0.5), 0, longer).astype(int)
    stop = np.clip(np.floor(a1 - 0.5) + 1, 0, longer).astype(int)
    counts = np.maximum(stop - start, 0)
    which = np.repeat(np.arange(len(lines)), counts)
    along = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + start[which]
    slope = np.divide(b1 - b0, a1 - a0, out=np.zeros(len(lines)), where=a1 > a0)
    middle = b0[which] + (along + 0.5 - a0[which]) * slope[which]
    shorter = np.where(steep, width, height)[which]
    low = np.floor(np.clip(middle, -9.0, shorter + 9.0) - sizes.line / 2 + 0.5).astype(int)
    beside = low[:, None] + np.arange(sizes.line)
    keep = (beside >= 0) & (beside < shorter[:, None])
    dashed = np.array([line.dashed for line in lines])[which]
    keep &= ~(dashed & (along // sizes.dash % 2 == 1))[:, None]
    along_too = np.broadcast_to(along[:, None], beside.shape)
    x = np.where(steep[which][:, None], beside, along_too)[keep]
    y = np.where(steep[which][:, None], along_too, beside)[keep]
    values = np.array([first + line.colour for line in lines], np.uint8)[which]
    indices[y, x] = np.broadcast_to(values[:, None], beside.shape)[keep]


# Text --------------------------------------------------------------------------------------------------------------


def _name(indices: Indices, mark: Mark, x: int, y: int, sizes: Sizes, first: int) -> None:
    """A mark's name right of it; left of it where the right is beyond the border."""
    if not (0 <= x < indices.shape[1] and 0 <= y < indices.shape[0]):
        return
    stamp = _text(mark.name[:_LONGEST_NAME], sizes.name, LIGHT if mark.selected else mark.colour, first)
    height, width = stamp.mask.shape
    away = _reach(mark.kind, mark.selected, sizes.radius) + 3
    left = x + away if x + away + width <= indices.shape[1] else x - away - width + 1
    top = min(max(y - height // 2, 0), max(indices.shape[0] - height, 0))
    _set(indices, stamp, left, top)


def _paint_notes(indices: Indices, notes: Iterable[Note], view: View, sizes: Sizes, first: int) -> None:
    target = view.target
    height, width = indices.shape
    for note in notes:
        if not note.text:
            continue
        x = (note.column - target.x) / target.width * width
        y = (note.row - target.y) / target.height * height
        stamp = _text(note.text, sizes.note, LIGHT if note.strong else _DIM, first)
        _stamp(indices, stamp, round(x), round(y))


@lru_cache(maxsize=2048)
def _text(text: str, factor: int, colour: int, first: int) -> _Stamp:
    """Text on a dark ground, a pixel of the font larger than the text on all sides."""
    stencil = np.pad(
        np.where(font.write(text, factor), np.uint8(_COLOUR), np.uint8(_DARK)), factor, constant_values=_DARK
    )
    return _stamp_of(stencil, colour, first)
