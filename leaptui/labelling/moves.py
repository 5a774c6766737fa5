"""Geometry of labelling commands: pure functions on (J, 2) points, NaN is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leaptui.pose.instance import Points

_Value = TypeVar("_Value", bound=np.generic)


def clamped(points: Points, width: int, height: int) -> Points:
    """Points moved to the nearest place inside the frame, whose pixels cover -0.5 to size - 0.5."""
    return np.asarray(np.clip(points, (-0.5, -0.5), (width - 0.5, height - 0.5)))


def shifted(points: Points, dx: float, dy: float) -> Points:
    """Every point moved alike."""
    return np.asarray(points + np.array([dx, dy]))


def shift_inside(points: Points, dx: float, dy: float, width: int, height: int) -> tuple[float, float]:
    """The part of a shift that keeps every point inside the frame, so that the shape of the animal stays."""
    there = points[np.isfinite(points).all(axis=1)]
    if not len(there):
        return dx, dy
    low, high = there.min(axis=0), there.max(axis=0)
    least = np.minimum(np.array([-0.5, -0.5]) - low, 0.0)
    most = np.maximum(np.array([width - 0.5, height - 0.5]) - high, 0.0)
    moved = np.clip(np.array([dx, dy]), least, most)
    return float(moved[0]), float(moved[1])


def centre_of(points: Points) -> tuple[float, float] | None:
    """Mean of the points that are there."""
    there = points[np.isfinite(points).all(axis=1)]
    if not len(there):
        return None
    middle = there.mean(axis=0)
    return float(middle[0]), float(middle[1])


def rotated(points: Points, degrees: float, about: tuple[float, float]) -> Points:
    """Points turned clockwise as seen on the screen (y points down) about a point."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((points - np.array(about)) @ turn + np.array(about))


def mirrored(values: NDArray[_Value], swap: Sequence[int]) -> NDArray[_Value]:
    """(J, ...) values with those of left and right nodes exchanged; `Skeleton.swap` says which they are."""
    return np.asarray(values[np.asarray(swap)])


def interpolated(before: Points, after: Points, share: float) -> Points:
    """Between two poses, each node on its own straight line; `before` at share 0, `after` at 1, NaN where one is."""
    return np.asarray(before * (1.0 - share) + after * share)


def direction_words(dx: float, dy: float) -> str:
    """A shift in words: "1 px right", "2 px left and 0.25 px down"."""
    parts = [
        f"{abs(step):g} px {forth if step > 0 else back}"
        for step, forth, back in ((round(dx, 2), "right", "left"), (round(dy, 2), "down", "up"))
        if step
    ]
    return " and ".join(parts) or "by less than 0.01 px"
