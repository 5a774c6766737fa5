"""Glyphs: which character, in which two colours, looks most like the few pixels it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import palette
from leaptui.graphics.terminal import Graphics

Floats = NDArray[np.float32]
Lit = NDArray[np.bool_]

SPACE = ord(" ")
FULL = ord("█")
RAMP = " `~!=?%$#"
"""Characters by the ink they need (measured in DejaVu Sans Mono); none of them stands for a mark or a line."""


@dataclass(frozen=True)
class GlyphSet:
    """A character for every pattern of the few pixels of a cell.

    Args:
        width, height: pixels of a cell.
        chars: by pattern; bit `y * width + x` of a pattern is set where pixel (x, y) is lit, which means that it has
            the foreground's colour.
        covers: the glyphs fill the pixels that are lit, so that two colours make a picture.
    """

    width: int
    height: int
    chars: str
    covers: bool = True

    def size(self, columns: int, rows: int) -> tuple[int, int]:
        """(width, height) in pixels of so many cells."""
        return (columns * self.width, rows * self.height)

    def blocks(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """(rows * height, columns * width, ...) pixels as (rows, columns, pixels of a cell, ...)."""
        rows, columns = pixels.shape[0] // self.height, pixels.shape[1] // self.width
        rest = pixels.shape[2:]
        parts = pixels.reshape(rows, self.height, columns, self.width, *rest).swapaxes(1, 2)
        return parts.reshape(rows, columns, self.height * self.width, *rest)

    def of(self, lit: Lit) -> NDArray[np.int32]:
        """(..., pixels of a cell) as (...) code points."""
        return np.asarray(self._table[lit @ self._bits])

    @cached_property
    def _table(self) -> NDArray[np.int32]:
        return np.array([ord(char) for char in self.chars], np.int32)

    @cached_property
    def _bits(self) -> NDArray[np.intp]:
        return 1 << np.arange(self.width * self.height)


def _sextants() -> str:
    """Block sextants leave out the four patterns that older characters have (Unicode 13, U+1FB00)."""
    older = {0: " ", 0b010101: "▌", 0b101010: "▐", 0b111111: "█"}
    fresh = iter(range(0x1FB00, 0x1FB3C))
    return "".join(older[pattern] if pattern in older else chr(next(fresh)) for pattern in range(64))


def _braille() -> str:
    """Dots are numbered down the left column, then down the right one, the lowest two last (Unicode 3, U+2800)."""
    dots = (0, 3, 1, 4, 2, 5, 6, 7)
    patterns = (sum(1 << dots[bit] for bit in range(8) if pattern >> bit & 1) for pattern in range(256))
    return "".join(chr(0x2800 + pattern) if pattern else " " for pattern in patterns)


SETS: dict[Graphics, GlyphSet] = {
    Graphics.HALF: GlyphSet(1, 2, " ▀▄█"),
    Graphics.QUADRANT: GlyphSet(2, 2, " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"),
    Graphics.SEXTANT: GlyphSet(2, 3, _sextants()),
    Graphics.BRAILLE: GlyphSet(2, 4, _braille(), covers=False),
    Graphics.ASCII: GlyphSet(1, 1, " #", covers=False),
}


class Fit(NamedTuple):
    """Two colours a cell."""

    lit: Lit
    """(rows, columns, pixels of a cell) which have the foreground's; none where a cell has one colour."""
    fore: Floats
    """(rows, columns, channels)"""
    back: Floats
    """(rows, columns, channels)"""


def brightness(pixels: NDArray[Any]) -> Floats:
    """(..., 1 or 3) pixels as (...) 0 to 255, by the weights of Rec. 601."""
    values = np.asarray(pixels, np.float32)
    if values.shape[-1] == 1:
        return np.asarray(values[..., 0])
    return np.asarray(values @ np.array([0.299, 0.587, 0.114], np.float32))


def fit(blocks: NDArray[np.uint8], flat: int = 1) -> Fit:
    """The pattern and the two colours with the least squared error.

    Sorted by the channel that varies most, a cell's pixels are cut in two at the best place; for greys no other
    pattern is better. Of two pixels the first is the lit one.

    Args:
        blocks: (rows, columns, pixels of a cell, channels), two pixels or more.
        flat: cells whose pixels differ by less get one colour, which costs fewer bytes.
    """
    rows, columns, count, channels = blocks.shape
    pixels = blocks.reshape(-1, count, channels)
    key, spread = _widest(pixels)
    if count == 2:
        lit = np.broadcast_to(np.array([True, False]), key.shape)
        fore, back = pixels[:, 0].astype(np.float32), pixels[:, 1].astype(np.float32)
    else:
        lit, fore, back = _halves(pixels, key)
    is_flat = (spread < flat)[:, None]
    mean = pixels.mean(axis=1, dtype=np.float32)
    shape = (rows, columns, channels)
    return Fit(
        (lit & ~is_flat).reshape(rows, columns, count),
        np.where(is_flat, mean, fore).reshape(shape),
        np.where(is_flat, mean, back).reshape(shape),
    )


def dots(bright: Floats) -> Lit:
    """(H, W) brightness 0 to 255 as which dots are lit, so that their share in an area is its brightness."""
    return np.asarray(bright > palette.thresholds(bright.shape[0], bright.shape[1]) * 255)


def shade(bright: Floats) -> NDArray[np.int32]:
    """(H, W) brightness 0 to 255 as code points of `RAMP`, dithered between neighbours."""
    steps = bright * np.float32((len(RAMP) - 1) / 255) + palette.thresholds(bright.shape[0], bright.shape[1])
    levels = np.minimum(steps.astype(np.intp), len(RAMP) - 1)
    return np.asarray(np.array([ord(char) for char in RAMP], np.int32)[levels])


def _widest(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(N, K) the channel that varies most in each cell, and (N,) by how much."""
    spreads = pixels.max(axis=1) - pixels.min(axis=1)
    if pixels.shape[-1] == 1:
        return pixels[..., 0], spreads[:, 0]
    widest = spreads.argmax(axis=1)[:, None]
    key = np.take_along_axis(pixels, widest[:, None], axis=2)[..., 0]
    return key, np.take_along_axis(spreads, widest, axis=1)[:, 0]


def _halves(pixels: NDArray[np.uint8], key: NDArray[np.uint8]) -> tuple[Lit, Floats, Floats]:
    """(N, K, C) pixels cut at the best of K - 1 places of their order by `key`: upper part, its mean, the other's."""
    count = pixels.shape[1]
    order = np.argsort(key, axis=1)
    ranked = np.take_along_axis(key, order, axis=1)
    sums = np.cumsum(np.take_along_axis(pixels, order[..., None], axis=1), axis=1, dtype=np.float32)
    below, total = sums[:, :-1], sums[:, -1:]
    sizes = np.arange(1, count, dtype=np.float32)[:, None]
    gain = (below**2 / sizes + (total - below) ** 2 / (count - sizes)).sum(axis=-1)
    gain[ranked[:, 1:] == ranked[:, :-1]] = -1.0
    cut = gain.argmax(axis=1)[:, None]
    lit = key >= np.take_along_axis(ranked, cut + 1, axis=1)
    low = np.take_along_axis(below, cut[..., None], axis=1)[:, 0]
    fore = (total[:, 0] - low) / (count - 1 - cut).astype(np.float32)
    return lit, fore, low / (cut + 1).astype(np.float32)
