"""The frame in the fixed colours of a sixel picture: fine, rough, or fine in some rows."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import damage, palette, raster, sixel_encode, tone
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.scene import COLOURS, Colour, Image, Scene

Indices = NDArray[np.uint8]
Mask = NDArray[np.bool_]

GREYS = 24
"""Of a fine picture: 41 dB, and a quarter fewer bytes than 32."""
COARSE = ((2, 2, 12), (3, 3, 8), (3, 6, 8), (6, 6, 6))
"""Rough pictures, better ones first: width and height of their pixels, and greys. At 560 x 560 pixels a fly takes 9,
5, 4 and 3 kB, and 23 kB when fine; rows of six pixels are the bands of a sixel image."""
_FIRST_LEVEL = 2
_FEWEST_WITH_HUES = len(COLOURS) + 8
"""Colour registers for a colour frame; with fewer it is shown in greys."""


class Look(NamedTuple):
    """Colours of the pictures of one kind: those of the frame, then those of the overlay."""

    colours: tuple[Colour, ...]
    first: int
    """The index of the first colour of the overlay."""
    same: Indices
    """(256,) one index for all that look the same."""
    cube: tuple[int, int, int] | None
    """Levels of a colour look; None for greys."""


class Base(NamedTuple):
    """What the picture under the overlay hangs on."""

    key: object
    tone: object
    window: Rect
    size: tuple[int, int]


class Grounds:
    """Pictures of one frame, kept as long as the same frame is asked for.

    Args:
        registers: colours that the terminal has.
    """

    def __init__(self, registers: int) -> None:
        self._registers = registers
        self._known: dict[tuple[Base, int | None], tuple[Look, Indices]] = {}

    def forget(self) -> None:
        """Keep nothing."""
        self._known.clear()

    def picture(self, scene: Scene, view: View, base: Base, sharpness: Sharpness) -> tuple[Look, Indices]:
        """The frame without its overlay, fine in some rows and rough in the others."""
        if sharpness.is_fine:
            return self._whole(scene, view, base, None)
        look, rough = self._whole(scene, view, base, sharpness.level)
        if not sharpness.fine.any():
            return look, rough
        _, exact = self._whole(scene, view, base, None)
        fine = np.repeat(sharpness.fine, np.diff(damage.borders(len(exact), len(sharpness.fine))))
        return look, np.where(fine[:, None], exact, rough)

    def _whole(self, scene: Scene, view: View, base: Base, level: int | None) -> tuple[Look, Indices]:
        known = self._known.get((base, level))
        if known is None:
            has_hues = self._registers >= _FEWEST_WITH_HUES and not _is_grey(scene.image)
            look = _colour_look(self._registers) if has_hues else _grey_look(self._registers)
            known = (look, _picture(scene, view, look, level))
            self._known = {key: held for key, held in self._known.items() if key[0] == base}
            self._known[base, level] = known
        return known


class Sharpness:
    """How fine a picture is: which of its rows of cells, and how rough the others are.

    Attributes:
        fine: (rows,) of the picture's cells.
        level: which of `COARSE` the other rows show.
    """

    def __init__(self) -> None:
        self.fine: Mask = np.zeros(0, bool)
        self.level = self._next_level = _FIRST_LEVEL
        self._bytes_a_pixel: float | None = None

    @property
    def is_fine(self) -> bool:
        """Nothing of it is rough."""
        return bool(self.fine.all())

    def begin(self, rows: int) -> None:
        """Another picture, of so many rows of cells: rough as long as nothing is refined."""
        self.fine = np.zeros(rows, bool)
        self.level = self._next_level

    def refine(self, scene: Scene, view: View, budget: int | None) -> None:
        """Make more rows fine: as many as so many bytes have room for, one at least, the selected mark's first."""
        count = len(self.fine)
        if budget is not None:
            pixels = view.raster[0] * view.raster[1] / count
            # The first row of all tells what rows take.
            count = 1 if self._bytes_a_pixel is None else max(1, int(budget / (self._bytes_a_pixel * pixels)))
        middle = len(self.fine) / 2
        for mark in scene.marks:
            if mark.selected:
                middle = float(view.to_cell((mark.x, mark.y))[1]) - view.target.y
        rough = np.flatnonzero(~self.fine)
        nearest = rough[np.argsort(np.abs(rough + 0.5 - middle), kind="stable")]
        self.fine = self.fine.copy()
        self.fine[nearest[:count]] = True

    def cost(self, before: Mask | None, n_bytes: int, pixels: int, budget: int | None) -> None:
        """What was sent instead of what was shown.

        Args:
            before: the rows that were fine; None if another picture was shown.
            n_bytes, pixels: of what was sent, and of the whole picture.
            budget: how much should have been sent, if that is known.
        """
        refined = np.count_nonzero(self.fine if before is None else self.fine & ~before)
        if refined:
            found = n_bytes * len(self.fine) / (refined * pixels)
            self._bytes_a_pixel = found if self._bytes_a_pixel is None else (self._bytes_a_pixel + found) / 2
        elif before is None and budget is not None:
            step = int(n_bytes > budget) - int(n_bytes < budget / 2)
            self._next_level = min(max(self.level + step, 0), len(COARSE) - 1)


def _is_grey(image: Image) -> bool:
    """Whether no pixel has a hue, as in most recordings, however many channels the file has."""
    if image.shape[2] == 1:
        return True
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())


def _greyed(image: Image) -> Image:
    """One channel; of a colour image its luma (ITU-R BT.601)."""
    if _is_grey(image):
        return image[..., :1]
    return np.asarray(image @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8)[..., None]


@lru_cache(maxsize=8)
def _grey_look(registers: int) -> Look:
    greys = palette.greys(max(2, min(GREYS, registers - len(COLOURS))))
    return _look(greys, None)


@lru_cache(maxsize=8)
def _colour_look(registers: int) -> Look:
    cube = palette.cube_for(min(registers, sixel_encode.KEEP) - len(COLOURS))
    return _look(palette.cube(cube), cube)


def _look(ground: tuple[Colour, ...], cube: tuple[int, int, int] | None) -> Look:
    colours = ground + COLOURS
    same = np.arange(256, dtype=np.uint8)
    same[: len(colours)] = [colours.index(colour) for colour in colours]
    return Look(colours, len(ground), same, cube)


def _picture(scene: Scene, view: View, look: Look, level: int | None) -> Indices:
    """The view's window as indices of a look, fine (None) or at a level of `COARSE`."""
    width, height = view.raster
    across, down, n_greys = (1, 1, look.first) if level is None else COARSE[level]
    size = (-(-width // across), -(-height // down))
    if look.cube is None:
        levels = palette.grey_levels(look.first)
        if n_greys < look.first:
            steps = np.round(np.arange(n_greys) * (look.first - 1) / (n_greys - 1)).astype(np.uint8)
            levels = steps[np.abs(levels[:, None].astype(int) - steps).argmin(axis=1)]
        grey = raster.sample(_greyed(scene.image), view, size)[..., 0]
        indices = np.take(levels[tone.table(scene.tone)], grey)
    else:
        pixels = tone.apply(raster.sample(scene.image, view, size), scene.tone)
        indices = palette.dither(pixels, look.cube)
    indices = indices.repeat(down, axis=0)[:height].repeat(across, axis=1)[:, :width]
    return np.ascontiguousarray(indices)
