"""The pictures on a scripted terminal, from the bytes that have arrived there."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from leaptui.graphics.painter import Fragment
from leaptui.graphics.terminal import Graphics
from tests.graphics.kitty_model import KittyModel
from tests.graphics.sixel_decoder import HOLE, Canvas

Pixels = NDArray[np.uint8]

_TOKEN = re.compile(
    rb"(?P<picture>\x1bP[^\x1b]*\x1b\\|\x1b_G[^\x1b]*\x1b\\)"
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~])"
    rb"|(?P<save>\x1b7)|(?P<restore>\x1b8)|\x1b[()][0-9A-Za-z]|\x1b[=>cDEHMNOZ]"
    rb"|(?P<text>[^\x00-\x1f\x7f]+)|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])",
    re.S,
)


class Received(ABC):
    """A screen of so many cells that knows where the cursor stands; text is known by its cells only.

    Args:
        size: (columns, rows).
        cell: (width, height) in pixels.
    """

    def __init__(self, size: tuple[int, int], cell: tuple[int, int]) -> None:
        self.size, self.cell = size, cell
        self._cursor = self._saved = (0, 0)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what has arrived; a command that is not complete waits for the rest."""
        data = self._rest + data
        at = 0
        while match := _TOKEN.match(data, at):
            if match["text"] is not None and match.end() == len(data):
                # The last character may be cut in two.
                break
            self._take(match)
            at = match.end()
        self._rest = data[at:]

    @abstractmethod
    def screen(self) -> Pixels:
        """(H, W, 3) the pictures, black where there are none."""

    @abstractmethod
    def draw(self, data: bytes, column: int, row: int) -> None:
        """A picture's command arrives."""

    @abstractmethod
    def erase(self, row: int, start: int, end: int) -> None:
        """Text is written."""

    def _take(self, match: re.Match[bytes]) -> None:
        column, row = self._cursor
        if match["picture"] is not None:
            self.draw(match["picture"], column, row)
        elif match["final"] is not None:
            self._control(match["numbers"], match["final"])
        elif match["save"]:
            self._saved = self._cursor
        elif match["restore"]:
            self._cursor = self._saved
        elif match["text"] is not None:
            width = cell_len(match["text"].decode())
            self.erase(row, column, min(column + width, self.size[0]))
            self._cursor = (min(column + width, self.size[0]), row)
        elif match["control"] in (b"\r", b"\n"):
            self._cursor = (0, row) if match["control"] == b"\r" else (column, row + 1)

    def _control(self, text: bytes, final: bytes) -> None:
        if text[:1] in (b"?", b">", b"<", b"="):
            return
        numbers = [int(number or 0) for number in text.split(b";")] if text else [0]
        column, row = self._cursor
        if final == b"H":
            row, column = (max(number, 1) - 1 for number in (*numbers, 1)[:2])
        elif final in b"ABCD":
            by = max(numbers[0], 1)
            column += {b"C": by, b"D": -by}.get(final, 0)
            row += {b"B": by, b"A": -by}.get(final, 0)
        elif final == b"J":
            for each in range(self.size[1]):
                self.erase(each, 0, self.size[0])
        elif final == b"K":
            self.erase(row, column, self.size[0])
        self._cursor = (column, row)


class ReceivedSixels(Received):
    """Pictures lie in the cells: text erases them."""

    def __init__(self, size: tuple[int, int], cell: tuple[int, int]) -> None:
        super().__init__(size, cell)
        self._canvas = Canvas(size, cell)

    def screen(self) -> Pixels:
        values = np.where(self._canvas.pixels == HOLE, 0, self._canvas.pixels)[:-1, :-1]
        return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)

    def draw(self, data: bytes, column: int, row: int) -> None:
        if re.match(rb"\x1bP[\d;]*q", data):
            self._canvas.show([Fragment(column, row, data)])

    def erase(self, row: int, start: int, end: int) -> None:
        self._canvas.erase(row, start, end)


class ReceivedKitty(Received):
    """Pictures lie over the text."""

    def __init__(self, size: tuple[int, int], cell: tuple[int, int]) -> None:
        super().__init__(size, cell)
        self._model = KittyModel(*size, cell)
        self._chunks: list[bytes] = []

    def screen(self) -> Pixels:
        return self._model.screen()

    def draw(self, data: bytes, column: int, row: int) -> None:
        if b"a=q" in data:
            return
        if not self._chunks:
            self._chunks.append(b"\x1b[%d;%dH" % (row + 1, column + 1))
        self._chunks.append(data)
        if not re.match(rb"\x1b_G[^;]*\bm=1", data):
            self._model.feed(b"".join(self._chunks))
            self._chunks.clear()

    def erase(self, row: int, start: int, end: int) -> None:
        """Text is below the pictures."""


def received(graphics: Graphics, size: tuple[int, int], cell: tuple[int, int]) -> Received:
    """The model of a terminal with these pictures."""
    return {Graphics.SIXEL: ReceivedSixels, Graphics.KITTY: ReceivedKitty}[graphics](size, cell)
