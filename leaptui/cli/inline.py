"""A picture in the flow of a terminal's lines, as `leaptui show` prints it.

Room is made by printing empty lines first, so that nothing scrolls while the picture comes; then each part is placed
relative to where the cursor was. Only pictures that pass through tmux need to know the row: they go to the terminal
outside, which has a cursor of its own.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from leaptui.graphics import colours
from leaptui.graphics.burst import PING, burst
from leaptui.graphics.geometry import View
from leaptui.graphics.painter import Cell, Fragment
from leaptui.graphics.painters import make
from leaptui.graphics.probe import probe, unbuffered, window_size, write_all
from leaptui.graphics.scene import Scene
from leaptui.graphics.terminal import Colours, Graphics, Terminal

_SAVE, _RESTORE = b"\x1b7", b"\x1b8"
_POSITION = re.compile(rb"\x1b\[(\d+);(\d+)R")
_WAIT = 2.5
_ROWS_LEFT = 3
_USUAL = (80, 24)
_ENDLESS = 100_000


@dataclass(frozen=True)
class Page:
    """Where it is printed.

    Args:
        terminal: what it can show.
        size: (columns, rows) that may be used.
        is_terminal: it is a terminal, not a file or a pipe.
    """

    terminal: Terminal
    size: tuple[int, int]
    is_terminal: bool

    @classmethod
    def of_stdout(cls, graphics: Graphics | None, width: int | None) -> Page:
        """Standard output.

        Args:
            graphics: the way to draw; None asks the terminal.
            width: columns to use at most.
        """
        write_fd = sys.stdout.fileno()
        is_terminal = os.isatty(write_fd)
        with _Keyboard() as read_fd:
            terminal = probe(read_fd, write_fd, graphics=graphics).terminal
        if not is_terminal:
            if terminal.graphics is Graphics.ASCII:
                terminal = replace(terminal, colours=Colours.MONO)
            return cls(terminal, (width or _USUAL[0], _ENDLESS), is_terminal)
        window = window_size(write_fd)
        columns, rows = window.columns or _USUAL[0], window.rows or _USUAL[1]
        return cls(terminal, (min(columns, width or columns), max(1, rows - _ROWS_LEFT)), is_terminal)


def print_inline(scene: Scene, page: Page, caption: str) -> None:
    """Print a scene, and a line of words below it."""
    view = fitted(scene.size, page.size, page.terminal.cell_size)
    painter = make(page.terminal)
    rows = view.area[1]
    sys.stdout.flush()
    fd = sys.stdout.fileno()
    words = caption.encode("utf-8", "replace")
    cells = painter.cells(scene, view)
    if cells is not None:
        has = page.terminal.colours
        plain = has is Colours.MONO and not page.is_terminal
        write_all(fd, as_lines(cells, None if plain else has) + words + b"\n")
        return
    fragments = painter.draw(scene, view)
    if page.is_terminal and page.terminal.tmux is not None:
        write_all(fd, b"\n" * (rows + 1))
        row = _cursor_row()
        picture = b"" if row is None else burst(fragments, page.terminal, (0, row - rows - 1))
        write_all(fd, picture + b"\x1b[1A" + words + b"\n")
    else:
        write_all(fd, in_flow(fragments, rows) + words + b"\n")


def fitted(frame: tuple[int, int], size: tuple[int, int], cell: tuple[float, float]) -> View:
    """The whole frame as large as it can be, in an area no larger than it takes."""
    scale = min(size[i] * cell[i] / frame[i] for i in (0, 1))
    columns, rows = (min(size[i], max(1, ceil(frame[i] * scale / cell[i] - 1e-6))) for i in (0, 1))
    return View.fit(frame, (columns, rows), cell)


def in_flow(fragments: Iterable[Fragment], rows: int) -> bytes:
    """Fragments placed relative to the cursor, which ends in the first column below the picture."""
    body = b"".join(_RESTORE + _moved(f.row, "B") + _moved(f.column, "C") + f.data for f in fragments)
    room = b"\n" * (rows + 1) + _moved(rows + 1, "A") + b"\r"
    return room + _SAVE + body + _RESTORE + _moved(rows, "B")


def as_lines(cells: Sequence[Sequence[Cell]], has: Colours | None) -> bytes:
    """Cells as lines that a terminal, a file or a pager can take, each with its own colours.

    Args:
        cells: rows of columns.
        has: the colours they are in; None for characters alone, without any escape sequence.
    """
    return "".join(_line(row, has) + "\n" for row in cells).encode()


def _line(cells: Sequence[Cell], has: Colours | None) -> str:
    pieces: list[str] = []
    before = ""
    for cell in cells:
        look = "" if has is None else _look(cell, has)
        if look != before:
            pieces.append(f"\x1b[{look}m")
            before = look
        pieces.append(cell.char)
    return "".join([*pieces, "\x1b[m"] if before else pieces)


def _look(cell: Cell, has: Colours) -> str:
    """SGR parameters of a cell, from whatever was before."""
    fore, back = (colours.NONE if c is None else int(colours.pack(np.array(c))) for c in (cell.fore, cell.back))
    codes = ["0", colours.code(fore, has, ground=False), colours.code(back, has, ground=True)]
    return ";".join([*codes, *(["1"] if cell.bold else []), *(["7"] if cell.reverse else [])])


def _moved(cells: int, direction: str) -> bytes:
    return b"" if cells == 0 else b"\x1b[%d%c" % (cells, ord(direction))


def _cursor_row() -> int | None:
    """The cursor's row, 0-based; None if the terminal does not say."""
    with _Keyboard() as fd:
        if not os.isatty(fd):
            return None
        with unbuffered(fd):
            write_all(sys.stdout.fileno(), PING)
            heard, end = b"", time.monotonic() + _WAIT
            while (left := end - time.monotonic()) > 0:
                if select.select([fd], [], [], left)[0]:
                    heard += os.read(fd, 1024)
                    found = _POSITION.search(heard)
                    if found:
                        return int(found.group(1)) - 1
    return None


class _Keyboard:
    """Where the terminal's answers come in: standard input, or the terminal itself when that is something else."""

    def __init__(self) -> None:
        self._opened: int | None = None

    def __enter__(self) -> int:
        if os.isatty(0):
            return 0
        try:
            self._opened = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return 0
        return self._opened

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            os.close(self._opened)
