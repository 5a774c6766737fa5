"""What importers check and say in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.pose.instance import Flags


def placed(points: NDArray[np.floating[Any]]) -> Flags:
    """(...,) True where both coordinates of (..., 2) points are set."""
    return np.asarray(np.isfinite(points).all(axis=-1))


def outside_note(points: NDArray[np.float64], width: int, height: int) -> tuple[str, ...]:
    """A note if placed points lie outside the frame.

    Args:
        points: (..., 2) x, y, the centre of the top-left pixel is (0, 0); NaN is unset.
        width, height: size of the frame in pixels.
    """
    x, y = points[..., 0], points[..., 1]
    outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
    count = int(outside.sum())
    return (f"{count} points lie outside their {width} x {height} frame; they are kept as they are",) if count else ()


def some(names: Sequence[object], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def plural(count: int, noun: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
