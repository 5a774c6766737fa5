"""Tone: brightness as shown, through one table of 256 entries."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.scene import Image, Tone

Table = NDArray[np.uint8]

_IDENTITY = Tone()


@lru_cache(maxsize=64)
def table(tone: Tone) -> Table:
    """(256,) what each value is shown as; read-only.

    Raises:
        ValueError: if `high` is not above `low`, or gamma is not positive.
    """
    if not tone.high > tone.low or not tone.gamma > 0:
        raise ValueError(f"a tone needs high above low, and a gamma above 0: {tone}")
    share = np.clip((np.arange(256) - tone.low) / (tone.high - tone.low), 0.0, 1.0) ** tone.gamma
    if tone.invert:
        share = 1.0 - share
    values: Table = np.floor(share * 255 + 0.5).astype(np.uint8)
    values.flags.writeable = False
    return values


def apply(image: Image, tone: Tone) -> Image:
    """An image of any shape, as shown; the same array where the tone changes nothing."""
    return image if tone == _IDENTITY else np.take(table(tone), image)


def stretch(image: Image, low_pct: float = 1.0, high_pct: float = 99.0) -> Tone:
    """The tone that spreads the image's values between two percentiles over black to white.

    Raises:
        ValueError: if the percentiles are not 0 <= low < high <= 100.
    """
    if not 0 <= low_pct < high_pct <= 100:
        raise ValueError(f"percentiles have to be in order, 0 to 100: {low_pct}, {high_pct}")
    if image.size == 0:
        return _IDENTITY
    counts = np.cumsum(np.bincount(image.reshape(-1), minlength=256))
    low, high = (int(np.searchsorted(counts, counts[-1] * pct / 100)) for pct in (low_pct, high_pct))
    if high == low:
        low, high = (low, low + 1) if low < 255 else (254, 255)
    return Tone(low=float(low), high=float(min(high, 255)))
