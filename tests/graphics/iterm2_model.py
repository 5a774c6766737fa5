"""A model of a terminal with iTerm2's inline images: bytes in, picture out. Images live in cells, text erases them."""

from __future__ import annotations

import base64
import re

import numpy as np

from tests.graphics.png_decoder import decode

_TOKEN = re.compile(
    rb"\x1b\]1337;File=(?P<keys>[^:]*):(?P<data>[A-Za-z0-9+/=]*)\x07"
    rb"|\x1b\[(?P<row>\d+);(?P<column>\d+)H|(?P<spaces> +)|\x1b7|\x1b8|\x1b\[\?2026[hl]|\x1b\[m",
    re.S,
)


class ITerm2Model:
    """A screen of so many cells, each of so many pixels, black where nothing is shown."""

    def __init__(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        self.cell = cell
        self.screen = np.zeros((rows * cell[1], columns * cell[0], 3), np.uint8)
        self._cursor = (0, 0)

    def feed(self, data: bytes) -> None:
        """What the program writes."""
        at = 0
        for match in _TOKEN.finditer(data):
            assert match.start() == at, data[at : match.start()][:80]
            at = match.end()
            if match["keys"] is not None:
                self._show(dict(pair.split("=") for pair in match["keys"].decode().split(";")), match["data"])
            elif match["row"]:
                self._cursor = (int(match["column"]) - 1, int(match["row"]) - 1)
            elif match["spaces"]:
                self.erase(*self._cursor, len(match["spaces"]))
        assert at == len(data), data[at:][:80]

    def erase(self, column: int, row: int, length: int) -> None:
        """Text over some cells."""
        width, height = self.cell
        self.screen[row * height : (row + 1) * height, column * width : (column + length) * width] = 0

    def _show(self, keys: dict[str, str], data: bytes) -> None:
        assert keys["inline"] == "1"
        assert keys["preserveAspectRatio"] == "0"
        assert keys["doNotMoveCursor"] == "1"
        raw = base64.b64decode(data, validate=True)
        assert int(keys["size"]) == len(raw)
        pixels = decode(raw)
        assert (pixels[..., 3] == 255).all(), "a hole would show what some terminals keep and others drop"
        width, height = int(keys["width"]) * self.cell[0], int(keys["height"]) * self.cell[1]
        rows = ((np.arange(height) + 0.5) * pixels.shape[0] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * pixels.shape[1] / width).astype(int)
        x, y = self._cursor[0] * self.cell[0], self._cursor[1] * self.cell[1]
        assert y + height <= self.screen.shape[0], "the screen would scroll"
        assert x + width <= self.screen.shape[1]
        self.screen[y : y + height, x : x + width] = pixels[rows[:, None], columns, :3]
