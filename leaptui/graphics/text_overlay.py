"""The overlay in characters: marks, names and notes laid over a sheet, and lines where cells have no sub-pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from unicodedata import category, east_asian_width

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import colours, overlay
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.glyphs import brightness
from leaptui.graphics.scene import COLOURS, DARK, LIGHT, Kind, Line, Mark, Note, Scene
from leaptui.graphics.sheet import BOLD, CHAR, FORE, REVERSE, Sheet
from leaptui.graphics.terminal import Colours

Means = NDArray[np.float32]
Place = tuple[int, int]
"""(column, row) in the target."""

NOTHING = 255
"""What `paint_lines` leaves where no line is."""
_LINE_CHARACTERS = "-/|\\.:"
_SHALLOW, _STEEP = 0.4, 2.5
"""Rows for a column, between which a line is a slash."""
_DIM = (150, 150, 150)
_BRIGHTEST = 90.0
"""Brightness of the ground under marks, at most: their colours are bright."""


@dataclass(frozen=True)
class Style:
    """How an overlay is written.

    Args:
        has: colours of the terminal.
        ascii_only: no other characters.
    """

    has: Colours
    ascii_only: bool

    def ink(self, colour: int) -> int:
        """A position in `COLOURS` as a colour of the terminal."""
        return colours.ink(COLOURS[colour], self.has)

    def mark(self, mark: Mark) -> str:
        """The character that says what a mark is."""
        if mark.kind is Kind.PREDICTED:
            return "+" if self.ascii_only else "◇"
        if mark.kind is Kind.OTHER:
            return "x" if self.ascii_only else "×"
        if mark.occluded:
            return "o" if self.ascii_only else "○"
        if self.ascii_only:
            return "@" if mark.selected else "*"
        return "●"

    def text(self, text: str) -> str:
        """Text in characters of one cell each."""
        return "".join(char if self._fits(char) else "?" for char in text)

    def _fits(self, char: str) -> bool:
        if self.ascii_only or char.isascii():
            return char.isascii() and char.isprintable()
        is_narrow = east_asian_width(char) not in ("W", "F") and category(char)[0] != "M"
        return char.isprintable() and is_narrow and not 0x1160 <= ord(char) < 0x1200


def paint_lines(scene: Scene, view: View, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width) of `size`: for each sub-pixel the line's position in `COLOURS`, or `NOTHING`."""
    painted = np.full((size[1], size[0]), NOTHING, np.uint8)
    if scene.lines:
        overlay.paint(painted, replace(scene, marks=(), notes=()), view, first=0)
    return painted


def lay_lines(sheet: Sheet, scene: Scene, view: View, style: Style) -> None:
    """Lines as characters of about their direction."""
    if not scene.lines:
        return
    size = (view.target.width, view.target.height)
    inks = np.array([style.ink(k) for k in range(len(COLOURS))], np.int32)
    chars = np.array([ord(char) for char in _LINE_CHARACTERS], np.int32)
    directions = tuple(replace(line, colour=_direction(line, view)) for line in scene.lines)
    direction = paint_lines(replace(scene, lines=directions), view, size)
    colour = paint_lines(scene, view, size)
    on = colour != NOTHING
    sheet[CHAR][on] = chars[direction[on]]
    sheet[FORE][on] = inks[colour[on]]


def lay(sheet: Sheet, scene: Scene, view: View, means: Means, style: Style) -> None:
    """Marks, names and notes over the cells of the target.

    Args:
        sheet: of the target; changed in place.
        scene, view: what to lay.
        means: (rows, columns, channels) the picture's mean in each cell, the ground of marks.
        style: how.
    """
    marks = sorted((mark for mark in scene.marks), key=lambda mark: mark.selected)
    places = [place_of(mark, view) for mark in marks]
    taken = {place for place in places if place is not None}
    pen = _Pen(sheet, means, style)
    for mark, place in zip(marks, places, strict=True):
        if place is not None:
            taken |= pen.mark(mark, place, taken)
    for mark, place in zip(marks, places, strict=True):
        if place is not None and mark.name:
            pen.name(mark, place, taken)
    for note in scene.notes:
        pen.note(note, view.target)


def place_of(mark: Mark, view: View) -> Place | None:
    """The cell of the target in which a mark lies; None outside."""
    column, row = view.to_cell((mark.x, mark.y)).tolist()
    target = view.target
    if not (target.x <= column < target.right and target.y <= row < target.bottom):
        return None
    return (int(column) - target.x, int(row) - target.y)


def _direction(line: Line, view: View) -> int:
    """Which of the line characters."""
    (x0, y0), (x1, y1) = view.to_cell([(line.x0, line.y0), (line.x1, line.y1)]).tolist()
    across, down = abs(x1 - x0), abs(y1 - y0)
    if line.dashed:
        return 5 if down > across else 4
    if down <= _SHALLOW * across:
        return 0
    if down >= _STEEP * across:
        return 2
    return 3 if (x1 > x0) == (y1 > y0) else 1


class _Pen:
    """Writes characters into a sheet."""

    def __init__(self, sheet: Sheet, means: Means, style: Style) -> None:
        self._sheet, self._means, self._style = sheet, means, style
        self._rows, self._columns = sheet.shape[1:]

    def mark(self, mark: Mark, place: Place, taken: set[Place]) -> set[Place]:
        """A mark; around the selected one brackets, whose cells are returned."""
        look = BOLD | REVERSE if mark.selected else 0
        ground = self._style.ink(DARK) if mark.selected else self._ground(place)
        self._put(place, self._style.mark(mark), self._style.ink(mark.colour), ground, look)
        if not mark.selected:
            return set()
        beside = {(place[0] - 1, place[1]): "[", (place[0] + 1, place[1]): "]"}
        free = {at for at in beside if 0 <= at[0] < self._columns and at not in taken}
        for at in free:
            self._put(at, beside[at], self._style.ink(LIGHT), self._ground(at), BOLD)
        return free

    def name(self, mark: Mark, place: Place, taken: Sequence[Place] | set[Place]) -> None:
        """A name right of its mark; left of it where there is no room but on the left."""
        text = self._style.text(mark.name)
        away = 2 if mark.selected else 1
        left = place[0] + away
        if left + len(text) > self._columns and place[0] - away - len(text) >= -1:
            left = place[0] - away - len(text) + 1
        ink = self._style.ink(LIGHT if mark.selected else mark.colour)
        ground, look = self._style.ink(DARK), BOLD if mark.selected else 0
        for column, char in enumerate(text, left):
            if column < self._columns and (column, place[1]) not in taken:
                self._put((column, place[1]), char, ink, ground, look)

    def note(self, note: Note, target: Rect) -> None:
        """A note about its middle."""
        text = self._style.text(note.text)
        left, row = int(np.floor(note.column - target.x - len(text) / 2 + 0.5)), int(np.floor(note.row - target.y))
        if not 0 <= row < self._rows:
            return
        ink = self._style.ink(LIGHT) if note.strong else colours.ink(_DIM, self._style.has)
        for column, char in enumerate(text, left):
            if 0 <= column < self._columns:
                self._put((column, row), char, ink, self._style.ink(DARK), BOLD if note.strong else 0)

    def _put(self, place: Place, char: str, fore: int, back: int, look: int) -> None:
        self._sheet[:, place[1], place[0]] = ord(char), fore, back, look

    def _ground(self, place: Place) -> int:
        """The picture's mean, darkened where it is bright; black where the only dark greys are too bright."""
        if self._style.has is Colours.ANSI16:
            return self._style.ink(DARK)
        mean = self._means[place[1], place[0]]
        mean = mean * min(1.0, _BRIGHTEST / max(float(brightness(mean)), 1.0))
        return int(colours.coarse(mean.astype(np.uint8), self._style.has))
