"""Whether scores mean what they say: of the points with a score of 0.8, are 80 % right?

=================  ================================================================================================
figure             formula
=================  ================================================================================================
reliability table  points ordered by score and cut into bins of (nearly) equal number; of each bin the mean score and
                   the share of points that are right. Equal numbers, since scores crowd at the upper end.
expected           sum over the bins of (points in it / all points) * |share right - mean score| (Naeini et al. 2015;
calibration error  with bins of equal number: Nguyen & O'Connor 2015)
Brier              mean of (score - right)^2
AUC                probability that a right point scores higher than a wrong one, ties counting half
Spearman           rank correlation of score and distance; -1 when the score orders the distances perfectly
=================  ================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Bin:
    """Points of similar score.

    Args:
        low, high: lowest and highest score in it.
        points: how many.
        score: their mean score.
        right: share of them that are right.
    """

    low: float
    high: float
    points: int
    score: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """How well scores go with distances; see the module for the formulas.

    Args:
        points: how many have both.
        right: share of them that are right.
        bins: from low scores to high ones.
        calibration_error: expected calibration error.
        brier: mean squared difference.
        auc: None if all points are right, or all wrong.
        spearman: None if all scores or all distances are the same.
    """

    points: int
    right: float
    bins: tuple[Bin, ...]
    calibration_error: float
    brier: float
    auc: float | None
    spearman: float | None


def reliability(scores: Values, distances: Values, within: float, bins: int = 10) -> Reliability | None:
    """Compare scores with what they were given for.

    Args:
        scores: of any shape, in [0, 1].
        distances: of the same shape, px; a point with either of them not finite is left out.
        within: a point is right if its distance is at most this, px.
        bins: at most so many; fewer if there are fewer points.

    Returns:
        None if no point has both.

    Raises:
        ValueError: if shapes differ.
    """
    if scores.shape != distances.shape:
        raise ValueError(f"scores {scores.shape} and distances {distances.shape} must have one shape")
    known = np.isfinite(scores) & np.isfinite(distances)
    score, distance = scores[known].astype(np.float64), distances[known].astype(np.float64)
    if not len(score):
        return None
    right = (distance <= within).astype(np.float64)
    order = np.argsort(score, kind="stable")
    table = tuple(_bin(score[part], right[part]) for part in np.array_split(order, min(bins, len(order))))
    return Reliability(
        points=len(score),
        right=float(right.mean()),
        bins=table,
        calibration_error=sum(b.points * abs(b.right - b.score) for b in table) / len(score),
        brier=float(((score - right) ** 2).mean()),
        auc=_auc(score, right > 0),
        spearman=_spearman(score, distance),
    )


def _bin(score: Values, right: Values) -> Bin:
    return Bin(float(score.min()), float(score.max()), len(score), float(score.mean()), float(right.mean()))


def _ranks(values: Values) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def _auc(score: Values, right: NDArray[np.bool_]) -> float | None:
    hits = int(right.sum())
    misses = len(right) - hits
    if hits == 0 or misses == 0:
        return None
    return float((_ranks(score)[right].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _spearman(score: Values, distance: Values) -> float | None:
    first, second = _ranks(score), _ranks(distance)
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else None
