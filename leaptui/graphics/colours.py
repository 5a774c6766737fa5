"""Colours of text: what a terminal's palette can show of a colour, and the SGR parameters that ask for it.

A *packed* colour is 0xRRGGBB as it is seen on the screen, whatever the terminal is told for it; `NONE` is the
terminal's own (ECMA-48 8.3.117 for SGR; ISO 8613-6 for 38 and 48).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaptui.graphics import palette
from leaptui.graphics.scene import COLOURS, Colour, Image
from leaptui.graphics.terminal import Colours

Packed = NDArray[np.int32]

NONE = -1
"""The terminal's own colour."""

_UNSEEN = 2
"""By so much greys may be moved to one of the 256 colours: its code is half as long, and 60 % of greys are so near."""
_COARSE = 17
"""Step between levels of a channel in `coarse`: sixteen levels, black and white among them."""
_INKS_16 = (14, 3, 10, 13, 11, 5, 6, 9, 2, 12, 15, 0)
"""Of the sixteen colours the one for each of `COLOURS`: no two alike, which the nearest would not be."""
_SPREAD_16 = 110
"""How far dithering moves a value: about the distance of neighbouring greys of the sixteen colours."""


def pack(colours: ArrayLike) -> Packed:
    """(..., 1 or 3) colours as (...) packed ones."""
    wide = np.asarray(colours).astype(np.int32)
    if wide.shape[-1] == 1:
        return np.asarray(wide[..., 0] * 0x010101)
    return np.asarray((wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2])


def unpacked(packed: int) -> Colour | None:
    """A colour, or None for the terminal's own."""
    return None if packed == NONE else (packed >> 16, packed >> 8 & 255, packed & 255)


def quantised(pixels: Image, has: Colours) -> Packed:
    """(..., 1 or 3) pixels as (...) the nearest colours that the terminal has; `NONE` where it has no colours."""
    if has is Colours.MONO:
        return np.full(pixels.shape[:-1], NONE, np.int32)
    if has is Colours.TRUE:
        return _with_short_greys(pixels, pack(pixels), _UNSEEN)
    rgb = np.broadcast_to(pixels, (*pixels.shape[:-1], 3))
    nearest = palette.nearest_256(rgb) if has is Colours.ANSI256 else palette.nearest_16(rgb)
    return np.asarray(_packed_256()[nearest])


def coarse(pixels: Image, has: Colours) -> Packed:
    """As `quantised`, but in few levels: for grounds of marks and lines, where equal neighbours cost no bytes."""
    if has is not Colours.TRUE:
        return quantised(pixels, has)
    return _with_short_greys(pixels, pack((pixels.astype(np.int32) + _COARSE // 2) // _COARSE * _COARSE), 255)


@lru_cache(maxsize=256)
def ink(colour: Colour, has: Colours) -> int:
    """One colour as the terminal has it; those of the overlay stay different from each other."""
    if has is Colours.ANSI16 and colour in COLOURS:
        return int(_packed_256()[_INKS_16[COLOURS.index(colour)]])
    return int(quantised(np.array(colour, np.uint8), has))


def dithered_16(pixels: Image) -> Image:
    """(H, W, 1 or 3) pixels as (H, W, 3) in the sixteen colours, dithered in a fixed pattern."""
    thresholds = palette.thresholds(pixels.shape[0], pixels.shape[1])[..., None]
    moved = np.clip(pixels + (thresholds - 0.5) * _SPREAD_16, 0, 255).astype(np.uint8)
    rgb = np.broadcast_to(moved, (*pixels.shape[:2], 3))
    return np.array(palette.ANSI_16, np.uint8)[palette.nearest_16(rgb)]


@lru_cache(maxsize=4096)
def code(packed: int, has: Colours, *, ground: bool) -> str:
    """SGR parameters for a colour that the terminal has, or for the nearest one.

    Colours among the 256 go by their number, because that is shorter, on terminals with 24 bits too.

    Args:
        packed: which.
        has: what the terminal has.
        ground: of the background instead of the text.
    """
    colour = unpacked(packed)
    if colour is None or has is Colours.MONO:
        return "49" if ground else "39"
    if has is Colours.TRUE and packed not in _numbered():
        return f"{'48' if ground else '38'};2;{colour[0]};{colour[1]};{colour[2]}"
    position = _position(colour, has)
    if has is not Colours.ANSI16:
        return f"{'48' if ground else '38'};5;{position}"
    return str((30 + position if position < 8 else 82 + position) + 10 * ground)


def _position(colour: Colour, has: Colours) -> int:
    """Where it is in the terminal's palette; the sixteen of a palette of 256 are anybody's guess and left out."""
    rgb = np.array(colour, np.uint8)
    if has is not Colours.ANSI16:
        return int(palette.nearest_256(rgb))
    return palette.ANSI_16.index(colour) if colour in palette.ANSI_16 else int(palette.nearest_16(rgb))


def _with_short_greys(pixels: Image, packed: Packed, reach: int) -> Packed:
    """With greys in place of which one of the 256 colours will do."""
    value = pixels[..., 0]
    short = _short_greys()[value]
    does = np.abs(value.astype(np.int32) - short) <= reach
    if pixels.shape[-1] == 3:
        does &= (pixels[..., 1] == value) & (pixels[..., 2] == value)
    return np.where(does, short * 0x010101, packed)


@lru_cache(maxsize=1)
def _short_greys() -> Packed:
    """(256,) the nearest grey among the 256 colours."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    return np.asarray(_packed_256()[palette.nearest_256(greys)] & 255)


@lru_cache(maxsize=1)
def _numbered() -> frozenset[int]:
    """The 256 colours, without the first sixteen: what these look like is anybody's guess."""
    return frozenset(_packed_256()[16:].tolist())


@lru_cache(maxsize=1)
def _packed_256() -> Packed:
    return pack(np.array(palette.xterm_256(), np.uint8))
