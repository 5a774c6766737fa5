"""Sheets of character cells, and the shortest text that changes one into another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import colours
from leaptui.graphics.glyphs import FULL, SPACE
from leaptui.graphics.painter import Cell, Fragment
from leaptui.graphics.terminal import Colours

Sheet = NDArray[np.int32]
"""(4, rows, columns): code points, colours and grounds as in `colours`, and attributes."""
CHAR, FORE, BACK, ATTRIBUTES = range(4)
BOLD, REVERSE = 1, 2
UNKNOWN = -1
"""The character of a cell of which nobody knows what it shows."""

_RESET = "\x1b[m"


def empty(columns: int, rows: int) -> Sheet:
    """Spaces on the terminal's own ground."""
    sheet = np.full((4, rows, columns), colours.NONE, np.int32)
    sheet[CHAR], sheet[ATTRIBUTES] = SPACE, 0
    return sheet


def settled(sheet: Sheet) -> None:
    """Give what does not show one value, so that cells that look alike are equal."""
    plain = sheet[ATTRIBUTES] == 0
    sheet[FORE][(sheet[CHAR] == SPACE) & plain] = colours.NONE
    sheet[BACK][(sheet[CHAR] == FULL) & plain] = colours.NONE


def rows_of(sheet: Sheet) -> list[list[Cell]]:
    """For whoever wants single cells."""
    rows = (each.tolist() for each in sheet.transpose(1, 2, 0))
    return [
        [
            Cell(chr(char), colours.unpacked(fore), colours.unpacked(back), bool(look & BOLD), bool(look & REVERSE))
            for char, fore, back, look in row
        ]
        for row in rows
    ]


def written(sheet: Sheet, dirty: NDArray[np.bool_], has: Colours) -> list[Fragment]:
    """What writes the dirty cells of a sheet, while the others are there already.

    The fragments go on with each other's colours; the last one ends with the terminal's own.
    """
    pen = _Pen(has)
    fragments: list[Fragment] = []
    for row in np.flatnonzero(dirty.any(axis=1)).tolist():
        columns = np.flatnonzero(dirty[row]).tolist()
        first, end = columns[0], columns[-1] + 1
        cells = [_Wanted(*cell) for cell in sheet[:, row, first:end].T.tolist()]
        pieces: list[str] = []
        at = first
        for column in columns:
            if column > at:
                pieces.append(pen.over(cells[at - first : column - first]))
            pieces.append(pen.put(cells[column - first]))
            at = column + 1
        fragments.append(Fragment(first, row, "".join(pieces).encode(), is_text=True))
    if fragments and pen.is_set:
        last = fragments[-1]
        fragments[-1] = last._replace(data=last.data + _RESET.encode())
    return fragments


class _Wanted(NamedTuple):
    char: int
    fore: int
    back: int
    look: int


class _State(NamedTuple):
    """Colours and attributes with which the terminal writes."""

    fore: int
    back: int
    look: int


_PLAIN = _State(colours.NONE, colours.NONE, 0)


class _Pen:
    """Knows the terminal's state; at first nobody does."""

    def __init__(self, has: Colours) -> None:
        self._has = has
        self._state: _State | None = None

    @property
    def is_set(self) -> bool:
        """Whether the state is another than the plain one."""
        return self._state != _PLAIN

    def put(self, cell: _Wanted) -> str:
        """A cell, and before it what changes."""
        anew = _needed(cell, _PLAIN)
        codes = ["0", *self._codes(_PLAIN, anew)]
        wanted = anew
        if self._state is not None:
            on = _needed(cell, self._state)
            if on == self._state:
                return chr(cell.char)
            more = self._codes(self._state, on)
            if len(";".join(more)) <= len(";".join(codes)):
                codes, wanted = more, on
        self._state = wanted
        return (_RESET if codes == ["0"] else f"\x1b[{';'.join(codes)}m") + chr(cell.char)

    def over(self, cells: list[_Wanted]) -> str:
        """Across cells that are there already: by writing them again, or by moving the cursor."""
        move = f"\x1b[{len(cells)}C" if len(cells) > 1 else "\x1b[C"
        state = self._state
        if state is None or len(cells) > len(move):
            return move
        if any(cell.char == UNKNOWN or _needed(cell, state) != state for cell in cells):
            return move
        again = "".join(chr(cell.char) for cell in cells)
        return again if len(again.encode()) <= len(move) else move

    def _codes(self, old: _State, new: _State) -> list[str]:
        """From one state to another."""
        codes = []
        for bit, on, off in ((BOLD, "1", "22"), (REVERSE, "7", "27")):
            if (old.look ^ new.look) & bit:
                codes.append(on if new.look & bit else off)
        if new.fore != old.fore:
            codes.append(colours.code(new.fore, self._has, ground=False))
        if new.back != old.back:
            codes.append(colours.code(new.back, self._has, ground=True))
        return codes


def _needed(cell: _Wanted, state: _State) -> _State:
    """The state for a cell; what the cell does not show stays as it is."""
    char, fore, back, look = cell
    if look == 0 and char == SPACE:
        return _State(state.fore, back, state.look & BOLD)
    if look == 0 and char == FULL:
        return _State(fore, state.back, 0)
    return _State(fore, back, look)
