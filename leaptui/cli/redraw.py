"""A few lines at the bottom of a terminal, redrawn in place with few bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.cells import cell_len

from leaptui.cli.text_plot import Row
from leaptui.words import visible

_STYLES = {
    "dim": "2",
    "bold": "1",
    "train": "36",
    "val": "33",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "busy": "36",
}
_ESCAPE = "\x1b["
_PLAIN = str.maketrans({"·": "-", "…": "~", "–": "-", "°": " "})
"""In place of letters that not every terminal has; each as wide as what it stands for."""

Cell = tuple[str, str]
"""One character (with what combines with it) and its style."""


class Redrawn:
    """Lines that are replaced by newer ones; what is said goes above them and stays.

    Only the part of a line that has changed is written. Lines are cut at the width of the terminal, so that none
    ever wraps; after a resize everything is written anew.

    Args:
        file: a terminal.
        coloured: whether styles are shown.
        size: columns and rows of the terminal now.
    """

    def __init__(
        self, file: TextIO, *, coloured: bool = True, size: Callable[[], tuple[int, int]] | None = None
    ) -> None:
        self._file = file
        self._coloured = coloured
        self._size = size or (lambda: _terminal_size(file))
        self._shown: list[list[Cell]] = []
        self._shown_at = self._size()

    @property
    def width(self) -> int:
        """Columns a line may have."""
        return max(self._size()[0] - 1, 1)

    @property
    def height(self) -> int:
        """Lines there is room for."""
        return max(self._size()[1] - 1, 1)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these lines in place of the last ones."""
        size = self._size()
        lines = [_cells(row, self.width) for row in rows[: self.height]]
        if size != self._shown_at:
            self._write(self._erased() + self._whole(lines))
        else:
            self._write(self._changes(lines))
        self._shown, self._shown_at = lines, size

    def say(self, text: str) -> None:
        """Lines above, which stay."""
        said = "".join(f"{visible(line)}\r\n" for line in text.splitlines())
        self._write(self._erased() + said + self._whole(self._shown))

    def leave(self) -> None:
        """Go below the lines; they stay as they are."""
        if self._shown:
            self._write("\r\n")
        self._shown = []

    def _changes(self, lines: list[list[Cell]]) -> str:
        """From the last line shown, where the cursor rests, up, down over what has changed, and back to the end."""
        old = self._shown
        if not old or not lines:
            return self._erased() + self._whole(lines)
        parts: list[str] = []
        at = len(old) - 1
        for index, line in enumerate(lines[: len(old)]):
            change = self._change(old[index], line)
            if change:
                parts += [_moved(index - at), change]
                at = index
        if len(lines) < len(old):
            parts += [_moved(len(lines) - at), f"\r{_ESCAPE}J"]
            at = len(lines)
            parts.append(_moved(-1))
            at -= 1
        else:
            parts.append(_moved(len(old) - 1 - at) if parts else "")
            parts += [f"\r\n{self._drawn(line)}" for line in lines[len(old) :]]
        return "".join(parts)

    def _change(self, old: list[Cell], new: list[Cell]) -> str:
        if old == new:
            return ""
        first = 0
        while first < min(len(old), len(new)) and old[first] == new[first]:
            first += 1
        last = len(new)
        if len(old) == len(new) and _is_narrow(old) and _is_narrow(new):
            while last > first and old[last - 1] == new[last - 1]:
                last -= 1
        column = sum(cell_len(text) for text, _ in new[:first])
        erase = f"{_ESCAPE}K" if last == len(new) and _wide(old) > _wide(new) else ""
        return f"{_ESCAPE}{column + 1}G{self._drawn(new[first:last])}{erase}"

    def _whole(self, lines: list[list[Cell]]) -> str:
        return "\r\n".join(self._drawn(line) for line in lines)

    def _erased(self) -> str:
        if not self._shown:
            return ""
        return f"\r{_moved(1 - len(self._shown))}{_ESCAPE}J"

    def _drawn(self, line: list[Cell]) -> str:
        parts: list[str] = []
        style = ""
        for text, wanted in line:
            if wanted != style and self._coloured:
                parts.append(f"{_ESCAPE}0{';' + _STYLES[wanted] if wanted in _STYLES else ''}m")
                style = wanted
            parts.append(text)
        if style in _STYLES:
            parts.append(f"{_ESCAPE}0m")
        return "".join(parts)

    def _write(self, text: str) -> None:
        if not text:
            return
        encoding = self._file.encoding or "ascii"
        if not encoding.lower().startswith("utf"):
            text = text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
        self._file.write(text)
        self._file.flush()


def _cells(row: Row, width: int) -> list[Cell]:
    """A row as characters, harmless and no wider than there is room for."""
    found: list[Cell] = []
    used = 0
    for text, style in row:
        for letter in visible(text):
            wide = cell_len(letter)
            if wide == 0 and found:
                found[-1] = (found[-1][0] + letter, found[-1][1])
                continue
            if used + wide > width:
                while found and used > width - 1:
                    used -= cell_len(found.pop()[0])
                return [*found, ("…", "dim")]
            found.append((letter, style))
            used += wide
    return found


def _is_narrow(line: list[Cell]) -> bool:
    return _wide(line) == len(line)


def _wide(line: list[Cell]) -> int:
    return sum(cell_len(text) for text, _ in line)


def _moved(lines: int) -> str:
    if lines == 0:
        return ""
    return f"{_ESCAPE}{abs(lines)}{'A' if lines < 0 else 'B'}"


def _terminal_size(file: TextIO) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):
        return 80, 24
    return (size.columns, size.lines) if size.columns and size.lines else (80, 24)
