"""Grey levels of any number type, brought to 0 to 255.

The scale of a source is decided once, from the largest value of a few frames spread over it, and said in words:

==============  ====================  ==============================
type            largest value         becomes
==============  ====================  ==============================
uint8           any                   itself
bool            any                   0 or 255
float           up to 1               value x 255
any other       up to 255             value
uint16, ...     up to 4095            value x 255 / 4095 (12 bit)
uint16, ...     up to 65535           value x 255 / 65535 (16 bit, that is / 257)
anything else   more                  value x 255 / that largest value
==============  ====================  ==============================

Results are rounded and clipped; NaN becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.media.video import Image

SAMPLE_FRAMES = 8


@dataclass(frozen=True)
class Levels:
    """How the numbers of a source become uint8.

    Args:
        factor: what each value is multiplied with; None leaves uint8 untouched.
        note: the same in words, empty for uint8.
    """

    factor: float | None = None
    note: str = ""

    def apply(self, pixels: NDArray[Any]) -> Image:
        """uint8 pixels, in memory of their own."""
        if self.factor is None:
            return np.array(pixels, dtype=np.uint8, order="C")
        scaled = np.nan_to_num(pixels.astype(np.float32) * np.float32(self.factor), nan=0.0)
        return np.ascontiguousarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def sample_indices(count: int) -> list[int]:
    """Up to `SAMPLE_FRAMES` indices spread evenly over the frames."""
    return sorted({round(position) for position in np.linspace(0, count - 1, min(count, SAMPLE_FRAMES))})


def find_levels(dtype: np.dtype[Any], count: int, read: Callable[[int], NDArray[Any] | None]) -> Levels:
    """The scale of a source of `count` frames; `read` returns one raw frame, or None where it cannot."""
    if dtype == np.uint8:
        return Levels()
    if dtype == np.bool_:
        return Levels(255.0, "true and false pixels are shown as 255 and 0")
    samples = [frame for index in sample_indices(count) if (frame := read(index)) is not None and frame.size]
    top = max((float(np.nanmax(frame)) for frame in samples if not np.all(np.isnan(frame))), default=0.0)
    return _scale_for(dtype, top)


def _scale_for(dtype: np.dtype[Any], top: float) -> Levels:
    if dtype.kind == "f" and top <= 1.0:
        return Levels(255.0, f"{dtype.name} pixels up to {top:g} are taken as 0 to 1 and multiplied by 255")
    if top <= 255.0:
        return Levels(1.0, f"{dtype.name} pixels up to {top:g} are taken as 0 to 255")
    if dtype.kind in "iu" and top <= 4095.0:
        return Levels(255 / 4095, f"{dtype.name} pixels up to {top:g} are taken as 12 bit and scaled to 0 to 255")
    if dtype.kind in "iu" and top <= 65535.0:
        return Levels(255 / 65535, f"{dtype.name} pixels up to {top:g} are taken as 16 bit and divided by 257")
    return Levels(255 / top, f"{dtype.name} pixels are scaled so that {top:g} becomes 255")
