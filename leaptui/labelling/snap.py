"""Snap: the distinct place nearest to a point, below the pixel.

With a confidence map it is the map's highest place around the point. Without, it is the strongest corner (the
smaller eigenvalue of the structure tensor; Shi and Tomasi 1994) if there is a clear one, else the darkest or
brightest spot; what is far from the point counts less. Only a window around the point is looked at, so the size of
the frame does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.labelling.predictions import ConfidenceMaps

AnyImage = NDArray[np.uint8]
Floats = NDArray[np.float64]

_BLUR = 1.0
"""Standard deviation in pixels of the smoothing before gradients are taken."""
_TENSOR = 1.5
"""Standard deviation in pixels of the window that the structure tensor is averaged over."""
_MARGIN = 6
"""Pixels around the radius that smoothing looks at."""
_CORNER = 4.0
"""Least square root of the smaller eigenvalue, in grey levels a pixel, of a corner that is no noise."""
_SPOT = 6.0
"""Least grey levels between a spot and the mean around it."""


@dataclass(frozen=True)
class NodeMap:
    """The confidence map of one node.

    Args:
        values: (h, w), larger is likelier.
        stride: source pixels a cell along x and y; the centre of cell i is at (i + 0.5) * stride - 0.5.
    """

    values: NDArray[np.floating[Any]]
    stride: tuple[float, float]

    @classmethod
    def of(cls, maps: ConfidenceMaps, node: int) -> NodeMap:
        """That of one node among all."""
        return cls(maps.values[node], maps.stride)


@dataclass(frozen=True)
class Snapped:
    """What was found.

    Args:
        point: x, y in source pixels.
        feature: what lies there, in words.
    """

    point: tuple[float, float]
    feature: str


def snap(
    image: AnyImage, point: tuple[float, float], radius: float = 6.0, confidence: NodeMap | None = None
) -> Snapped | None:
    """The distinct place nearest to a point.

    Args:
        image: (H, W, C) or (H, W).
        point: x, y in source pixels.
        radius: how far it may be, in source pixels.
        confidence: the map of the node, if there is one.

    Returns:
        None if there is nothing but an even surface.
    """
    if not (math.isfinite(point[0]) and math.isfinite(point[1])) or radius <= 0:
        return None
    if confidence is not None:
        return _peak(confidence, point, radius)
    height, width = image.shape[:2]
    reach = math.ceil(radius) + _MARGIN
    x, y = round(min(max(point[0], 0), width - 1)), round(min(max(point[1], 0), height - 1))
    left, top = max(x - reach, 0), max(y - reach, 0)
    window = image[top : y + reach + 1, left : x + reach + 1]
    grey = window.astype(np.float64)
    grey = np.asarray(grey.mean(axis=2)) if grey.ndim == 3 else grey
    if min(grey.shape) < 3:
        return None
    local = (point[0] - left, point[1] - top)
    near = _nearness(grey.shape, local, radius)
    found = _corner(grey, near) or _spot(grey, near)
    if found is None:
        return None
    (u, v), feature = found
    return Snapped((min(max(u + left, -0.5), width - 0.5), min(max(v + top, -0.5), height - 0.5)), feature)


def _peak(confidence: NodeMap, point: tuple[float, float], radius: float) -> Snapped | None:
    """The highest cell near the point, refined through the parabola of the logarithms of its neighbours."""
    values = np.asarray(confidence.values, np.float64)
    stride = confidence.stride
    rows, columns = np.indices(values.shape)
    distance = np.hypot((columns + 0.5) * stride[0] - 0.5 - point[0], (rows + 0.5) * stride[1] - 0.5 - point[1])
    # At least the cell the point is in, however coarse the map is.
    near = (distance <= max(radius, float(distance.min()) + 1e-9)) & np.isfinite(values)
    if not near.any():
        return None
    v, u = np.unravel_index(int(np.where(near, values, -np.inf).argmax()), values.shape)
    top = values[v, u]
    low = float(values.min())
    if not top > low:
        return None
    height = np.log(np.clip((values - low) / (top - low), 1e-6, None))
    du, dv = _vertex(height[v, :], int(u)), _vertex(height[:, u], int(v))
    x, y = (u + du + 0.5) * stride[0] - 0.5, (v + dv + 0.5) * stride[1] - 0.5
    return Snapped((float(x), float(y)), "peak of the confidence map")


def _corner(grey: Floats, near: Floats) -> tuple[tuple[float, float], str] | None:
    smooth = _blurred(grey, _BLUR)
    dy, dx = np.gradient(smooth)
    xx, yy, xy = (_blurred(np.asarray(p), _TENSOR) for p in (dx * dx, dy * dy, dx * dy))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    strength = np.sqrt(np.clip(smaller, 0, None))
    at = _best(strength, near)
    return None if at is None or strength[at] < _CORNER else (_refined(strength, at), "corner")


def _spot(grey: Floats, near: Floats) -> tuple[tuple[float, float], str] | None:
    smooth = _blurred(grey, _BLUR)
    inside = near > 0
    off = smooth - smooth[inside].mean()
    at = _best(np.abs(off), near)
    if at is None or abs(off[at]) < _SPOT:
        return None
    return _refined(np.abs(off), at), "dark spot" if off[at] < 0 else "bright spot"


def _nearness(shape: tuple[int, ...], point: tuple[float, float], radius: float) -> Floats:
    """1 at the point, falling to about 0.6 at the radius, 0 beyond."""
    rows, columns = np.indices(shape[:2])
    distance = np.hypot(columns - point[0], rows - point[1])
    return np.where(distance <= radius, np.exp(-0.5 * (distance / radius) ** 2), 0.0)


def _best(strength: Floats, near: Floats) -> tuple[int, int] | None:
    """The local maximum that is strongest when its distance is counted; None if there is none inside."""
    padded = np.pad(strength, 1, mode="constant", constant_values=np.inf)
    height, width = strength.shape
    around = np.max(
        [padded[1 + j : 1 + j + height, 1 + i : 1 + i + width] for j in (-1, 0, 1) for i in (-1, 0, 1) if i or j],
        axis=0,
    )
    weighed = np.where(strength >= around, strength * near, 0.0)
    at = int(weighed.argmax())
    if weighed.flat[at] <= 0:
        return None
    row, column = divmod(at, width)
    return row, column


def _refined(strength: Floats, at: tuple[int, int]) -> tuple[float, float]:
    row, column = at
    return column + _vertex(strength[row, :], column), row + _vertex(strength[:, column], row)


def _vertex(profile: Floats, at: int) -> float:
    """Offset, at most half a cell, of the vertex of the parabola through a maximum and its two neighbours."""
    if not 0 < at < len(profile) - 1:
        return 0.0
    left, middle, right = (float(v) for v in profile[at - 1 : at + 2])
    curve = left - 2 * middle + right
    if not math.isfinite(curve) or curve >= 0:
        return 0.0
    return min(max((left - right) / (2 * curve), -0.5), 0.5)


def _blurred(values: Floats, sigma: float) -> Floats:
    """Gaussian smoothing, edges repeated."""
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    height, width = values.shape
    padded = np.pad(values, reach, mode="edge")
    rows = sum(weight * padded[i : i + height] for i, weight in enumerate(kernel))
    return np.asarray(sum(weight * rows[:, i : i + width] for i, weight in enumerate(kernel)))
