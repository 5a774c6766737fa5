"""What a terminal has to show of a scene, and whether a screenshot shows it.

For terminals with pixels, the expected picture is made without painters and protocols: the frame as sampled and what
lies over it. For text it is made of the cells that a fresh painter says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import overlay, painters, raster
from leaptui.graphics.geometry import View
from leaptui.graphics.painter import Cell
from leaptui.graphics.scene import COLOURS, Scene
from leaptui.graphics.terminal import Colours, Graphics, Terminal

Pixels = NDArray[np.uint8]

_NOTHING = 255
_ENOUGH = 0.99
_ENOUGH_COARSE = 0.95
_ENOUGH_OF_MARK = 0.95
_COARSE = 40
"""Levels a rough frame may differ."""
_UPPER, _LOWER, _FULL, _EMPTY = "▀▄█ "


class Composed(NamedTuple):
    """(H, W, 3) a picture, and (H, W) where something lies over the frame."""

    pixels: Pixels
    covered: NDArray[np.bool_]


def composed(scene: Scene, view: View, *, smooth: bool) -> Composed:
    """The picture of a scene in the view's target.

    Args:
        scene, view: what is shown.
        smooth: whether the frame is enlarged smoothly, or each of its pixels becomes a rectangle.
    """
    frame = raster.sample(scene.image, view, view.raster, smooth=smooth)
    over = np.full(frame.shape[:2], _NOTHING, np.uint8)
    overlay.paint(over, scene, view, first=0)
    colours = np.array(COLOURS, np.uint8)[np.minimum(over, len(COLOURS) - 1)]
    covered = over != _NOTHING
    return Composed(np.where(covered[..., None], colours, frame), covered)


@dataclass(frozen=True)
class Expected:
    """A scene on a terminal's screen.

    Args:
        scene, view: what is shown; the view's cells are whole pixels.
        origin: cell of the window that is the first of the view's area.
        graphics: how it is shown.
        colours: of text.
        is_coarse: the frame may be a rough one, which is made finer later; what lies over it may not.
    """

    scene: Scene
    view: View
    origin: tuple[int, int]
    graphics: Graphics
    colours: Colours = Colours.TRUE
    is_coarse: bool = False

    def wrong(self, shot: Pixels) -> str:
        """What is wrong with a window's picture; empty if nothing is."""
        area = self._area(shot)
        if self.graphics.has_pixels:
            return self._wrong_pixels(area) or self._wrong_ground(area)
        return self._wrong_cells(area) or self._wrong_ground(area)

    @cached_property
    def picture(self) -> Composed:
        """What is to be seen in the target, of terminals with pixels."""
        return composed(self.scene, self.view, smooth=self.graphics is Graphics.SIXEL)

    def _area(self, shot: Pixels) -> Pixels:
        (width, height), (column, row), (columns, rows) = self._cell, self.origin, self.view.area
        return shot[row * height : (row + rows) * height, column * width : (column + columns) * width]

    @property
    def _cell(self) -> tuple[int, int]:
        return (int(self.view.cell[0]), int(self.view.cell[1]))

    def _target(self) -> tuple[slice, slice]:
        (width, height), target = self._cell, self.view.target
        return (
            slice(target.y * height, target.bottom * height),
            slice(target.x * width, target.right * width),
        )

    def _wrong_pixels(self, area: Pixels) -> str:
        wanted, covered = self.picture.pixels.astype(np.int16), self.picture.covered
        seen = area[self._target()].astype(np.int16)
        if seen.shape != wanted.shape:
            return f"the window shows {seen.shape[:2]} of {wanted.shape[:2]} pixels"
        # Sixels have 24 greys 11 levels apart, and colours in percent.
        exact = 8 if self.graphics is Graphics.SIXEL else 2
        tolerance = np.where(covered, exact, _COARSE) if self.is_coarse else exact
        right = np.abs(seen - wanted).max(axis=-1) <= tolerance
        for share, what in (
            (right.mean(), "pixels"),
            (right[covered].mean() if covered.any() else 1.0, "marks and lines"),
        ):
            if share < (_ENOUGH_COARSE if self.is_coarse and what == "pixels" else _ENOUGH):
                return f"{share:.2%} of the {what} are right"
        # A mark is what covers the frame; pixels of a rough frame between its brackets may be as rough as others.
        return self._wrong_marks(right | ~covered if self.is_coarse else right)

    def _wrong_marks(self, right: NDArray[np.bool_]) -> str:
        """A missing mark has too few pixels to be noticed in the whole picture."""
        reach = max(2, self._cell[1] // 5)
        for mark in self.scene.marks:
            if not self.view.sees((mark.x, mark.y)):
                continue
            x, y = np.floor(self.view.to_raster((mark.x, mark.y))).astype(int).tolist()
            part = right[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
            if part.size and part.mean() < _ENOUGH_OF_MARK:
                return f"{part.mean():.0%} of the pixels of the mark at {mark.x:.1f}, {mark.y:.1f} are right"
        return ""

    def _wrong_ground(self, area: Pixels) -> str:
        """Nothing is left over beside the picture."""
        outside = np.ones(area.shape[:2], bool)
        outside[self._target()] = False
        ground = area[outside]
        odd = (ground != np.median(ground, axis=0)).any(axis=-1) if len(ground) else np.zeros(0, bool)
        return f"{int(odd.sum())} pixels beside the picture are no ground" if odd.sum() > 0 else ""

    @cached_property
    def _rows(self) -> list[list[Cell]]:
        painter = painters.make(Terminal(self.graphics, self.colours, self.view.cell))
        rows = painter.cells(self.scene, self.view)
        assert rows is not None
        return rows

    def _wrong_cells(self, area: Pixels) -> str:
        target = self.view.target
        right = [
            self._is_right(area, column, row)
            for row in range(target.y, target.bottom)
            for column in range(target.x, target.right)
        ]
        share = float(np.mean(right))
        return "" if share >= _ENOUGH else f"{share:.2%} of the cells are right"

    def _is_right(self, area: Pixels, column: int, row: int) -> bool:
        """Whether the halves of a block have their colours, or another character its ink and ground."""
        width, height = self._cell
        cell = self._rows[row][column]
        box = area[row * height : (row + 1) * height, column * width : (column + 1) * width].astype(np.int16)
        fore, back = np.array(cell.fore or (0, 0, 0)), np.array(cell.back or (0, 0, 0))
        if cell.char in (_UPPER, _LOWER, _FULL, _EMPTY) and not cell.reverse:
            upper = fore if cell.char in (_UPPER, _FULL) else back
            lower = fore if cell.char in (_LOWER, _FULL) else back
            # In the middle of each half: the borders of glyphs are blended.
            middle = width // 2
            return bool(
                (np.abs(box[height // 4, middle] - upper) <= 3).all()
                and (np.abs(box[height * 3 // 4, middle] - lower) <= 3).all()
            )
        return all((np.abs(box - colour).max(axis=-1) <= 40).any() for colour in (fore, back))
