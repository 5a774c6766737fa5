"""Palettes: greys, the fixed colour cube with ordered dithering, and the nearest colours of text terminals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.scene import Colour, Image

Indices = NDArray[np.uint8]

ANSI_16: tuple[Colour, ...] = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)
"""The sixteen colours as xterm has them; other terminals have others, but in the same order."""

_CUBE_LEVELS = (0, 95, 135, 175, 215, 255)
_RAMP_START = 232

CUBE = (6, 8, 5)
"""Levels of red, green and blue of the fixed cube: 240 colours, most where eyes are sharpest."""

_BAYER_2 = np.array([[0, 2], [3, 1]])


def greys(count: int) -> tuple[Colour, ...]:
    """`count` greys from black to white, evenly spaced.

    Raises:
        ValueError: if there are fewer than 2 or more than 256.
    """
    if not 2 <= count <= 256:
        raise ValueError(f"2 to 256 greys, not {count}")
    values = [round(level * 255 / (count - 1)) for level in range(count)]
    return tuple((value, value, value) for value in values)


@lru_cache(maxsize=16)
def grey_levels(count: int) -> Indices:
    """(256,) the position in `greys(count)` nearest to each value; read-only."""
    return _nearest([value for value, _, _ in greys(count)])


def cube(levels: tuple[int, int, int] = CUBE) -> tuple[Colour, ...]:
    """All colours of a cube, blue fastest."""
    red, green, blue = ([round(i * 255 / (count - 1)) for i in range(count)] for count in levels)
    return tuple((r, g, b) for r in red for g in green for b in blue)


def cube_for(registers: int) -> tuple[int, int, int]:
    """The finest cube of at most so many colours, and of no more than `CUBE`.

    Raises:
        ValueError: if there are fewer than 8.
    """
    for levels in (CUBE, (6, 6, 6), (5, 6, 5), (5, 6, 4), (4, 5, 4), (4, 4, 4), (3, 4, 3), (3, 3, 2), (2, 3, 2)):
        if levels[0] * levels[1] * levels[2] <= registers:
            return levels
    if registers < 8:
        raise ValueError(f"a colour cube needs 8 registers, not {registers}")
    return (2, 2, 2)


@lru_cache(maxsize=4)
def thresholds(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) thresholds in 0 to 1 of ordered dithering, 8 x 8 tiled (Bayer 1973)."""
    order = _BAYER_2
    for _ in range(2):
        order = np.block([[4 * order + shift for shift in row] for row in _BAYER_2.tolist()])
    tile = ((order + 0.5) / 64).astype(np.float32)
    return np.tile(tile, (-(-height // 8), -(-width // 8)))[:height, :width]


def dither(pixels: Image, levels: tuple[int, int, int] = CUBE) -> Indices:
    """(H, W, 3) colours as (H, W) positions in `cube(levels)`, dithered in a fixed pattern.

    The pattern hangs on the place alone, so that equal pixels of two frames stay equal and need not be sent.
    """
    step = thresholds(pixels.shape[0], pixels.shape[1])
    found = np.zeros(pixels.shape[:2], np.uint8)
    for channel, count in enumerate(levels):
        scaled = pixels[..., channel] * np.float32((count - 1) / 255)
        scaled += step
        found *= np.uint8(count)
        found += np.minimum(scaled, count - 1).astype(np.uint8)
    return found


def xterm_256() -> tuple[Colour, ...]:
    """The 256 colours of xterm: sixteen, a 6 x 6 x 6 cube, 24 greys."""
    blocks = tuple((r, g, b) for r in _CUBE_LEVELS for g in _CUBE_LEVELS for b in _CUBE_LEVELS)
    ramp = tuple((8 + 10 * step,) * 3 for step in range(24))
    return (*ANSI_16, *blocks, *ramp)


def nearest_256(colours: NDArray[np.uint8]) -> Indices:
    """(..., 3) colours as (...) positions 16 to 255 in `xterm_256`; the sixteen before are anybody's guess."""
    steps = _cube_steps()[colours]
    cubed = np.array(_CUBE_LEVELS)[steps]
    shade = _ramp_steps()[colours.sum(axis=-1, dtype=np.uint16)]
    grey = (8 + 10 * shade.astype(int))[..., None]
    wanted = colours.astype(int)
    is_grey = ((grey - wanted) ** 2).sum(axis=-1) < ((cubed - wanted) ** 2).sum(axis=-1)
    at_cube = 16 + steps.astype(int) @ np.array([36, 6, 1])
    found: Indices = np.where(is_grey, _RAMP_START + shade, at_cube).astype(np.uint8)
    return found


def nearest_16(colours: NDArray[np.uint8]) -> Indices:
    """(..., 3) colours as (...) positions in `ANSI_16`, exact to 1/32 of a channel."""
    key = colours >> 3
    return np.asarray(_table_16()[key[..., 0], key[..., 1], key[..., 2]])


@lru_cache(maxsize=1)
def _cube_steps() -> Indices:
    return _nearest(_CUBE_LEVELS)


@lru_cache(maxsize=1)
def _ramp_steps() -> Indices:
    """(766,) by the sum of the channels, whose mean is the grey that is nearest."""
    return _nearest([3 * (8 + 10 * step) for step in range(24)], 3 * 255 + 1)


def _nearest(levels: Sequence[int], values: int = 256) -> Indices:
    """(values,) the position of the level nearest to each value; read-only."""
    found: Indices = np.abs(np.arange(values)[:, None] - np.array(levels)).argmin(axis=1).astype(np.uint8)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=1)
def _table_16() -> Indices:
    middles = np.arange(32) * 8 + 4
    grid = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1)
    away = [((grid - np.array(colour)) ** 2).sum(axis=-1) for colour in ANSI_16]
    found: Indices = np.argmin(away, axis=0).astype(np.uint8)
    return found
