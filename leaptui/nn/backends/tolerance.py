"""How far rounding may move points before a faster way of computing is too inexact.

A model's error may grow by at most one hundredth. Shifts by rounding are independent of the error they come on top
of, so the two add in squares, and a root mean square shift d turns a typical error e into sqrt(e^2 + d^2) at the
most: d may be 0.142 e. As typical error serves the median of the model's own validation, in px of the source: the
mean is made by few points that are far off, and in its shade a shift that blurs every good point would pass. Where
no error is recorded, half a hundredth of the frame's longer side stands for it.

A map with two equal hills is not blurred by rounding, its point jumps from one to the other, as right or wrong as
before. Such jumps, farther than the width that the network learned its hills with, are counted apart and may be
rare: one point in two hundred. Only points are compared whose score in float32 is at least one half; where that is
fewer than one in ten, all are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.nn.backends.base import Found
from leaptui.nn.model_metadata import ModelMetadata

GROWTH = 0.01
"""Share by which the error may grow."""
MOST_JUMPS = 0.005
"""Share of points that may jump to another hill of their map."""
_CONFIDENT = 0.5
_FEWEST_CONFIDENT = 0.1
_UNKNOWN_ERROR = 0.005


@dataclass(frozen=True)
class Shift:
    """How far points lie from those of the reference.

    Args:
        mean_px, rms_px: of the distance of compared points that did not jump, px of the source.
        jumps: share of compared points that jumped.
        score: mean distance of their scores.
        points: how many were compared.
    """

    mean_px: float
    rms_px: float
    jumps: float
    score: float
    points: int

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Tolerance:
    """What is allowed.

    Args:
        rms_px: largest root mean square shift.
        jump_px: what is farther than this is a jump.
        error_px: the typical error that it was derived from.
    """

    rms_px: float
    jump_px: float
    error_px: float

    def allows(self, shift: Shift) -> bool:
        """Whether a shift is small enough."""
        return shift.points > 0 and shift.rms_px <= self.rms_px and shift.jumps <= MOST_JUMPS


def tolerance_of(metadata: ModelMetadata, height: int, width: int) -> Tolerance:
    """What is allowed for a model on frames of that size."""
    error = _number(metadata.figures, "median_px") or _number(metadata.figures, "error_px")
    typical = error or _UNKNOWN_ERROR * max(height, width)
    return Tolerance(typical * math.sqrt((1 + GROWTH) ** 2 - 1), metadata.settings.sigma or 1.0, typical)


def _number(figures: Mapping[str, Any], name: str) -> float | None:
    value = figures.get(name)
    usable = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if usable and value is not None else None


def measure_shift(reference: Found, found: Found, jump_px: float) -> Shift:
    """Compare points and scores (n, J) with those of the reference for the same frames."""
    distance: NDArray[np.float64] = np.linalg.norm(found[0].astype(np.float64) - reference[0], axis=-1)
    compared = reference[1] >= _CONFIDENT
    if compared.mean() < _FEWEST_CONFIDENT:
        compared = np.ones_like(compared)
    here = distance[compared]
    # What is no number at all is no small shift either.
    near = here[here <= jump_px]
    count = int(compared.sum())
    return Shift(
        mean_px=float(near.mean()) if len(near) else 0.0,
        rms_px=float(np.sqrt((near**2).mean())) if len(near) else 0.0,
        jumps=1 - len(near) / count if count else 0.0,
        score=float(np.abs(found[1][compared] - reference[1][compared]).mean()) if count else 0.0,
        points=count,
    )
