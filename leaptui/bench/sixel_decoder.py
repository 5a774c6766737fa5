"""An own small sixel decoder, exact: what a picture really shows, for figures and tests."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

HOLE = -1
"""A pixel that nothing was drawn on."""

_START = re.compile(rb"\x1bP(\d*)(?:;(\d*))?(?:;(\d*))?q")
_TOKEN = re.compile(rb'"(\d+);(\d+);(\d+);(\d+)|#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~]+)|(\$)|(-)')


class Sixels:
    """A decoded image: `pixels`, (H, W) colours as 0xRRGGBB, `HOLE` where nothing was drawn.

    It has the size its raster attributes say, or without them that of what is drawn. Stricter than a terminal: what
    a terminal would have to guess is an error.

    Args:
        data: from DCS to ST.
        strict: a colour has to be selected; otherwise, as on the VT340 and in xterm, defining one selects it.

    Raises:
        ValueError: if it is no sixel string, or wrong.
    """

    def __init__(self, data: bytes, *, strict: bool = True) -> None:
        start = _START.match(data)
        if start is None or not data.endswith(b"\x1b\\"):
            raise ValueError(f"no sixel string: {data[:40]!r}")
        self._strict = strict
        self.transparent = start[2] == b"1"
        self.defined: dict[int, int] = {}
        self.size: tuple[int, int] | None = None
        self._runs: list[tuple[int, int, int, int, int]] = []
        self._colour: int | None = None
        self._x = self._y = 0
        position, end = start.end(), len(data) - 2
        while position < end:
            token = _TOKEN.match(data, position, end)
            if token is None:
                raise ValueError(f"unknown sixel code at {position}: {data[position : position + 20]!r}")
            self._take(token)
            position = token.end()
        height, width = self.size or self._drawn_size()
        self.pixels: NDArray[np.int64] = np.full((height, width), HOLE, np.int64)
        for x, y, count, bits, colour in self._runs:
            for row in range(6):
                if bits >> row & 1:
                    if y + row >= height or x + count > width:
                        raise ValueError("drawn outside of the image's size")
                    self.pixels[y + row, x : x + count] = colour

    def _drawn_size(self) -> tuple[int, int]:
        height = max((y + bits.bit_length() for _, y, _, bits, _ in self._runs), default=0)
        return height, max((x + count for x, _, count, _, _ in self._runs), default=0)

    def _take(self, token: re.Match[bytes]) -> None:
        if token[1] is not None:
            if self.defined or self._runs or token[1] != b"1" or token[2] != b"1":
                raise ValueError("raster attributes have to come first, with square pixels")
            self.size = (int(token[4]), int(token[3]))
        elif token[5] is not None:
            # xterm's rounding of percent.
            red, green, blue = ((int(token[k]) * 255 + 50) // 100 for k in (6, 7, 8))
            self.defined[int(token[5])] = red << 16 | green << 8 | blue
            if not self._strict:
                self._colour = self.defined[int(token[5])]
        elif token[9] is not None:
            if int(token[9]) not in self.defined:
                raise ValueError(f"colour {int(token[9])} is used before it is defined")
            self._colour = self.defined[int(token[9])]
        elif token[10] is not None:
            self._draw(token[11][0], int(token[10]))
        elif token[12] is not None:
            for code in token[12]:
                self._draw(code, 1)
        elif token[13] is not None:
            self._x = 0
        else:
            self._x, self._y = 0, self._y + 6

    def _draw(self, code: int, count: int) -> None:
        if code > 63:
            if self._colour is None:
                raise ValueError("drawn without a colour")
            self._runs.append((self._x, self._y, count, code - 63, self._colour))
        self._x += count
