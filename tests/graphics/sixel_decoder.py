"""A canvas of what a terminal shows after a painter's sixels."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from leaptui.bench.sixel_decoder import HOLE, Sixels
from leaptui.graphics.painter import Fragment

__all__ = ["HOLE", "Canvas", "Sixels"]


class Canvas:
    """What a terminal shows on the cells of a canvas.

    Args:
        area: (columns, rows).
        cell: (width, height) in pixels.
        composites: whether images may have holes; terminals that replace whole cells must get none.
    """

    def __init__(self, area: tuple[int, int], cell: tuple[float, float], *, composites: bool = True) -> None:
        self.cell = cell
        self.area = area
        self.composites = composites
        # A pixel more, for the rounding of cells that are no whole pixels.
        self.pixels = np.full((round(area[1] * cell[1]) + 1, round(area[0] * cell[0]) + 1), HOLE, np.int64)

    def show(self, fragments: Iterable[Fragment]) -> int:
        """Draw fragments; the number of their bytes."""
        total = 0
        for fragment in fragments:
            total += len(fragment.data)
            if fragment.is_text:
                text = re.sub(rb"\x1b\[[0-9;]*m", b"", fragment.data)
                if text.strip(b" "):
                    raise ValueError(f"more than spaces: {text!r}")
                self.erase(fragment.row, fragment.column, fragment.column + len(text))
            else:
                self._paint(fragment)
        return total

    def erase(self, row: int, start: int, end: int) -> None:
        """Text was written here."""
        width, height = self.cell
        self.pixels[round(row * height) : round((row + 1) * height), round(start * width) : round(end * width)] = HOLE

    def _paint(self, fragment: Fragment) -> None:
        image = Sixels(fragment.data)
        if not self.composites and ((image.pixels == HOLE).any() or image.transparent):
            raise ValueError("a hole in an image for a terminal that replaces cells")
        if not image.transparent and (image.pixels == HOLE).any():
            raise ValueError("pixels of an opaque image were left to the background")
        top, left = round(fragment.row * self.cell[1]), round(fragment.column * self.cell[0])
        height, width = image.pixels.shape
        part = self.pixels[top : top + height, left : left + width]
        if part.shape != image.pixels.shape:
            raise ValueError("an image reaches beyond the canvas")
        np.copyto(part, image.pixels, where=image.pixels != HOLE)
