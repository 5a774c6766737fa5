"""Smoothing a curve as Weights & Biases does: an exponential moving average weighted by the distance in x."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVELS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99)
"""What the keys step through; 0 is none."""

_RANGE = 1000.0
"""The weights are made for a curve over so many steps; any other is stretched to it."""


def smoothed(x: Floats, y: Floats, smoothing: float) -> Floats:
    """A curve's moving average, not biased towards 0 at its beginning.

    Points far apart share less of the average than near ones, so a curve that was thinned looks as it did before.

    Args:
        x: growing.
        y: as many, finite.
        smoothing: 0 for none, below 1.
    """
    if smoothing <= 0 or len(x) < 3:
        return y
    weight = min(math.sqrt(smoothing), 0.999)
    span = float(x[-1] - x[0]) or 1.0
    keep = weight ** (np.diff(x, prepend=x[0] - span / _RANGE) / span * _RANGE)
    average, share, result = 0.0, 0.0, []
    for value, kept in zip(y.tolist(), keep.tolist(), strict=True):
        average = kept * average + (1.0 - kept) * value
        share = kept * share + (1.0 - kept)
        result.append(average / share if share > 0 else value)
    return np.asarray(result, dtype=np.float64)


def next_level(now: float, by: int) -> float:
    """The level one step further, staying at the ends."""
    nearest = min(range(len(LEVELS)), key=lambda i: abs(LEVELS[i] - now))
    return LEVELS[min(max(nearest + by, 0), len(LEVELS) - 1)]
