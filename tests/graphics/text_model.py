"""A model of a terminal that shows text: bytes in, cells out.

It knows the cursor and colours that the painters of characters use, and fails on everything else.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from leaptui.graphics.palette import ANSI_16, xterm_256
from leaptui.graphics.scene import Colour

_TOKEN = re.compile(
    r"\x1b\[(?P<sgr>[\d;]*)m|\x1b\[(?P<row>\d+);(?P<column>\d+)H|\x1b\[(?P<right>\d*)C"
    r"|(?P<save>\x1b7)|(?P<restore>\x1b8)|\x1b\[\?2026[hl]|(?P<char>[^\x00-\x1f\x7f-\x9f])"
)


class Look(NamedTuple):
    """Colours, None for the terminal's own, and attributes."""

    fore: Colour | None = None
    back: Colour | None = None
    bold: bool = False
    reverse: bool = False


class Shown(NamedTuple):
    """What is seen of a cell: what it hides is left out."""

    char: str
    look: Look


def seen(char: str, look: Look) -> Shown:
    """Without what a space or a full block hides."""
    if char == " ":
        if look.reverse:
            return Shown("█", Look(look.fore))
        return Shown(char, Look(back=look.back))
    if char == "█" and not look.reverse:
        return Shown(char, Look(look.fore))
    return Shown(char, look)


class TextModel:
    """A screen full of question marks that nothing of a painter looks like."""

    def __init__(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)
        self.codes: set[str] = set()
        """All SGR parameters, colours as a whole."""
        self.look = Look()
        self._column = self._row = 0
        self._saved: tuple[int, int, Look] = (0, 0, Look())
        self._cells: list[list[Shown]] = []
        self.garble()

    def garble(self) -> None:
        """Something else is shown everywhere."""
        self._cells = [[Shown("\ufffd", Look())] * self.size[0] for _ in range(self.size[1])]

    def overwrite(self, row: int, start: int, end: int) -> None:
        """Something else is shown in some cells."""
        self._cells[row][start:end] = [Shown("\ufffd", Look())] * (end - start)

    def overwrite_with(self, column: int, row: int, cells: list[list[Shown]]) -> None:
        """What somebody else drew there."""
        for line, new in enumerate(cells, row):
            self._cells[line][column : column + len(new)] = new

    def part(self, column: int, row: int, columns: int, rows: int) -> list[list[Shown]]:
        """What is seen in a part of the screen."""
        return [line[column : column + columns] for line in self._cells[row : row + rows]]

    def feed(self, data: bytes) -> None:
        """What the program writes."""
        text = data.decode()
        at = 0
        for match in _TOKEN.finditer(text):
            assert match.start() == at, repr(text[at : match.start()][:60])
            at = match.end()
            if match["char"]:
                assert self._column < self.size[0], "beyond the screen"
                self._cells[self._row][self._column] = seen(match["char"], self.look)
                self._column += 1
            elif match["sgr"] is not None:
                self._sgr(match["sgr"].split(";"))
            elif match["row"]:
                self._row, self._column = int(match["row"]) - 1, int(match["column"]) - 1
                assert self._row < self.size[1]
            elif match["right"] is not None:
                assert self._column < self.size[0], "moved while a line break is pending"
                self._column += int(match["right"] or 1)
            elif match["save"]:
                self._saved = (self._column, self._row, self.look)
            elif match["restore"]:
                self._column, self._row, self.look = self._saved
        assert at == len(text), repr(text[at:][:60])

    def _sgr(self, words: list[str]) -> None:
        while words:
            word = words.pop(0)
            number = int(word or 0)
            if number in (38, 48):
                kind = words.pop(0)
                count = {"5": 1, "2": 3}[kind]
                values, words = [int(each) for each in words[:count]], words[count:]
                word = ";".join([word, kind, *map(str, values)])
                colour = xterm_256()[values[0]] if kind == "5" else (values[0], values[1], values[2])
                self._colour(number == 48, colour)
            elif number == 0:
                self.look = Look()
            elif number in (1, 22):
                self.look = self.look._replace(bold=number == 1)
            elif number in (7, 27):
                self.look = self.look._replace(reverse=number == 7)
            elif number in (39, 49):
                self._colour(number == 49, None)
            else:
                tens, unit = divmod(number, 10)
                assert tens in (3, 4, 9, 10), word
                assert unit < 8, word
                self._colour(tens in (4, 10), ANSI_16[unit + (8 if tens >= 9 else 0)])
            self.codes.add(word)

    def _colour(self, is_ground: bool, colour: Colour | None) -> None:
        self.look = self.look._replace(**{"back" if is_ground else "fore": colour})
