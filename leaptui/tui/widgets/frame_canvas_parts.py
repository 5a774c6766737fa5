"""Parts of the frame canvas that know nothing of the app: where a picture can be shown, and cells as strips."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from leaptui.graphics import colours
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.painter import Cell, Fragment, Span
from leaptui.graphics.scene import Colour, Scene
from leaptui.graphics.terminal import Colours

_EMPTY = Cell(" ")
SMALLEST_PART = 0.25
"""Share of the picture that has to be free; less is not shown, because it tells nothing and still costs bytes."""


class Place(NamedTuple):
    """Where a canvas is on the screen.

    Args:
        origin: (column, row) of its first cell.
        visible: its cells that its containers and the screen do not cut off.
        covers: its cells that something else lies on.
    """

    origin: tuple[int, int]
    visible: Rect
    covers: tuple[Rect, ...] = ()


class Sending(NamedTuple):
    """Fragments and the cell of the screen they are relative to."""

    origin: tuple[int, int]
    fragments: list[Fragment]


def overlap(one: Rect, other: Rect) -> Rect | None:
    """The cells that two rectangles share."""
    x, y = max(one.x, other.x), max(one.y, other.y)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    return Rect(x, y, right - x, bottom - y) if right > x and bottom > y else None


def free_part(view: View, place: Place) -> Rect | None:
    """The cells in which the picture can be shown: the whole area if nothing is in the way.

    Otherwise the largest rectangle of the picture that is free, or None if that is too little.
    """
    target = view.target
    free = overlap(target, place.visible)
    for cover in place.covers:
        if free is not None:
            free = _largest_beside(free, cover)
    if free == target:
        return Rect(0, 0, *view.area)
    if free is None or _cells(free) < SMALLEST_PART * _cells(target):
        return None
    return free


def seen_in(scene: Scene, view: View, part: Rect) -> tuple[Scene, View]:
    """The same picture at the same places, but only in a part of the area, as an area of its own."""
    if part == Rect(0, 0, *view.area):
        return scene, view
    x, y = view.to_image((part.x + part.width / 2, part.y + part.height / 2))
    notes = tuple(replace(note, column=note.column - part.x, row=note.row - part.y) for note in scene.notes)
    inside = tuple(n for n in notes if 0 <= n.column < part.width and 0 <= n.row < part.height)
    part_view = replace(view, area=(part.width, part.height), centre=(float(x), float(y)))
    return replace(scene, notes=inside), part_view


def spans_in(written: Iterable[Span], origin: tuple[int, int], part: Rect) -> list[Span]:
    """Cells of the screen as cells of a part of the canvas, those that are in it."""
    left, top = origin[0] + part.x, origin[1] + part.y
    found = []
    for row, start, end in written:
        start, end = max(start - left, 0), min(end - left, part.width)
        if 0 <= row - top < part.height and start < end:
            found.append(Span(row - top, start, end))
    return found


Blank = Callable[[int], Strip]
"""So many cells of the ground on which pictures lie."""


def beside(old: Rect, kept: Rect | None, covers: Sequence[Rect] = ()) -> list[Span]:
    """The cells that are no longer part of the picture.

    Args:
        old: the cells that showed the picture.
        kept: those that will show it again.
        covers: those that show something else already.
    """
    spans = []
    for row in range(old.y, old.bottom):
        taken = [rect for rect in (*covers, kept) if rect is not None and rect.y <= row < rect.bottom]
        x = old.x
        for rect in sorted(taken):
            if rect.x > x:
                spans.append(Span(row, x, min(rect.x, old.right)))
            x = max(x, rect.right)
        if x < old.right:
            spans.append(Span(row, x, old.right))
    return spans


def blanks(spans: Iterable[Span], blank: Callable[[int], bytes]) -> list[Fragment]:
    """The ground over cells of a canvas, where terminals keep pictures in the cells; `blank` makes so many of it."""
    return [Fragment(span.start, span.row, blank(span.end - span.start), is_text=True) for span in spans]


def _largest_beside(free: Rect, cover: Rect) -> Rect | None:
    if overlap(free, cover) is None:
        return free
    parts = (
        Rect(free.x, free.y, free.width, cover.y - free.y),
        Rect(free.x, cover.bottom, free.width, free.bottom - cover.bottom),
        Rect(free.x, free.y, cover.x - free.x, free.height),
        Rect(cover.right, free.y, free.right - cover.right, free.height),
    )
    best = max(parts, key=_cells)
    return best if _cells(best) else None


def _cells(rect: Rect) -> int:
    return max(rect.width, 0) * max(rect.height, 0)


def strips_of(rows: Sequence[Sequence[Cell]], target: Rect, blank: Blank, has: Colours) -> list[Strip]:
    """Cells as Textual wants them, on the ground where the picture leaves room beside it."""
    found = []
    for y, row in enumerate(rows):
        inside = range(target.x, target.right) if target.y <= y < target.bottom else range(0)
        looks = [None if cell == _EMPTY and x not in inside else cell[1:] for x, cell in enumerate(row)]
        strips, start = [], 0
        for look, run in groupby(looks):
            end = start + len(list(run))
            text = "".join(cell.char for cell in row[start:end])
            strips.append(
                blank(end - start) if look is None else Strip([Segment(text, _style(*look, has))], end - start)
            )
            start = end
        found.append(Strip.join(strips))
    return found


def words_in(words: str, size: tuple[int, int], style: Style, blank: Blank) -> list[Strip]:
    """Words in the middle of an empty canvas."""
    width, height = size
    if not words or width < 3:
        return []
    lines = textwrap.wrap(words, width - 2)[:height]
    return [blank(width)] * ((height - len(lines)) // 2) + [_centred(line, width, style) for line in lines]


def _centred(line: str, width: int, style: Style) -> Strip:
    left = " " * (max(width - cell_len(line), 0) // 2)
    return Strip([Segment(left + line, style)]).adjust_cell_length(width, style)


@lru_cache(maxsize=1 << 14)
def _style(fore: Colour | None, back: Colour | None, bold: bool, reverse: bool, has: Colours) -> Style | None:
    if fore is None and back is None and not (bold or reverse):
        return None
    return Style(color=_colour(fore, has), bgcolor=_colour(back, has), bold=bold or None, reverse=reverse or None)


def _colour(colour: Colour | None, has: Colours) -> Color | None:
    """A colour told as painters tell it, so that what the compositor writes looks the same."""
    if colour is None:
        return None
    red, green, blue = colour
    kind, *numbers = (int(n) for n in colours.code(red << 16 | green << 8 | blue, has, ground=False).split(";"))
    if numbers[:1] == [5]:
        return Color.from_ansi(numbers[1])
    if numbers:
        return Color.from_rgb(red, green, blue)
    return Color.from_ansi(kind - 30 if kind < 38 else kind - 82)
