"""Confidence that means something: from the score of a peak to the probability that the point is right.

The raw score of a point is the probability mass that the network puts within two sigma of the peak
(`leaptui.nn.peaks`). A network that has seen few animals is surer of itself on their frames than it should be on
others. A logistic map sets that right (as Platt 1999),

    confidence = 1 / (1 + exp(-(offset + slope * strength(raw)))),     slope > 0,
    strength(s) = log(s) + log(1 - s)^2 / 2,

so that of the points with a confidence of 0.8 about 80 % lie within `within_px` of where a person would put them:
3 % of the body length, or, where the skeleton has no body length, two sigma.

The map is fitted on the validation frames of the training, never on frames that were trained on. A few frames must
not spoil it: the fit is the most probable one under a prior, a map measured on other animals, and the points of
one frame, which are right or wrong together, count for the square root of their number. Without validation frames
the prior itself is used, and `points` is 0.

Why not the logit of the score, as usual: a peak that is right has nearly all its mass within two sigma, so right and
wrong part between 0.95 and 0.99, while one of several peaks is nearly as often right at 0.7 as at 0.85. The strength
bends like that; on held-out flies it halved the calibration error that the logit left. Towards 0 it falls without
limit, as the logit does.

Nothing here imports torch: model files are described without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 1e-5, 1 - 1e-5
"""Raw scores beyond these count as these: in float32 many are 1 exactly."""

_SPREADS = np.array([0.6, 1.0])
"""Standard deviations of the prior: of the logarithm of the slope, and of the offset."""

_MOST_STEPS = 100


@dataclass(frozen=True)
class Calibration:
    """A logistic map of scores.

    Args:
        slope: of the map; None leaves scores as they are.
        offset: of the map.
        within_px: what the confidence is about: the point lies that close to its label, source px; None in a model
            from before scores were calibrated.
        points: validation points it was fitted on; 0 for the prior.

    Raises:
        ValueError: if a number is not finite, or the slope not positive.
    """

    slope: float | None = None
    offset: float = 0.0
    within_px: float | None = None
    points: int = 0

    def __post_init__(self) -> None:
        numbers = (self.slope, self.offset, self.within_px)
        sound = all(math.isfinite(x) for x in numbers if x is not None) and self.points >= 0
        if not sound or (self.slope is not None and self.slope <= 0):
            raise ValueError(f"no calibration: {self}")

    def of(self, scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Confidence of raw scores, of any shape, in [0, 1]; NaN stays NaN. `nn.confidence` has it for tensors."""
        if self.slope is None:
            return scores.astype(np.float64)
        return _sigmoid(self.slope * strength(scores) + self.offset)

    def undo(self, confidence: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Raw scores of confidences, between `LOWEST` and `HIGHEST`."""
        if self.slope is None:
            return confidence.astype(np.float64)
        # The tails of the map go far beyond what a double holds near 1.
        inner = np.clip(confidence.astype(np.float64), 1e-300, 1 - 2**-53)
        wanted = ((np.log(inner) - np.log1p(-inner)) - self.offset) / self.slope
        raw = _sigmoid(np.linspace(math.log(LOWEST / (1 - LOWEST)), math.log(HIGHEST / (1 - HIGHEST)), 20_001))
        return np.asarray(np.interp(wanted, strength(raw), raw), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Calibration:
        """Read the plain form.

        Raises:
            KeyError, TypeError, ValueError: if something is missing or makes no sense.
        """
        slope, within = (None if plain[key] is None else float(plain[key]) for key in ("slope", "within_px"))
        return cls(slope, float(plain["offset"]), within, int(plain["points"]))


def strength(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """log(s) + log(1 - s)^2 / 2 of scores kept between `LOWEST` and `HIGHEST`."""
    kept = np.clip(scores.astype(np.float64), LOWEST, HIGHEST)
    return np.asarray(np.log(kept) + np.log1p(-kept) ** 2 / 2, dtype=np.float64)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-np.logaddexp(0.0, -values)), dtype=np.float64)


DEFAULT_SLOPE, DEFAULT_OFFSET = 0.35, -1.0
"""Measured on held-out frames of real flies, between networks of 60 and of 10 labels. A mouse, whose labels scatter more
for the size of its body, had a slope of half as much: only validation frames can tell."""


LOOKS_SLOPE, LOOKS_OFFSET = 1.25, 0.5
"""Of the logit of the mean confidence of several looks (`leaptui.nn.looks`), of which those that found something else
count as 0. That mean is too low: looks that agree are right more often than each of them believes. Measured on held-out
frames of real flies, for 4 looks and for 16, which hardly differ."""


def default(within_px: float) -> Calibration:
    """The map for a network that no validation frame tells about."""
    return Calibration(DEFAULT_SLOPE, DEFAULT_OFFSET, within_px)


def threshold(body_length: float | None, sigma_px: float) -> float:
    """How close to its label a point is right: 3 % of the body length, or without one two sigma, source px."""
    return 2.0 * sigma_px if body_length is None else 0.03 * body_length


def fit(
    scores: NDArray[np.floating[Any]],
    distances: NDArray[np.floating[Any]],
    prior: Calibration,
) -> Calibration:
    """The most probable map, given points and a prior.

    Args:
        scores: (N, J) raw scores of N frames.
        distances: (N, J) from the labels, source px; NaN where nothing is labelled.
        prior: what to believe without points; names `within_px`.

    Raises:
        ValueError: if shapes differ, or the prior is no map.
    """
    if scores.shape != distances.shape or scores.ndim != 2:
        raise ValueError(f"scores {scores.shape} and distances {distances.shape} must be (N, J)")
    if prior.within_px is None or prior.slope is None:
        raise ValueError(f"no prior: {prior}")
    known = np.isfinite(scores) & np.isfinite(distances)
    count = int(known.sum())
    if not count:
        return prior
    a_frame = known.sum(axis=1, keepdims=True)
    weight = np.broadcast_to(1 / np.sqrt(np.maximum(a_frame, 1)), known.shape)[known]
    right = (distances[known] <= prior.within_px).astype(np.float64)
    start = np.array([math.log(prior.slope), prior.offset])
    slope, offset = _Evidence(strength(scores[known]), right, weight, start).best()
    return Calibration(slope, offset, prior.within_px, count)


@dataclass(frozen=True)
class _Evidence:
    """Weighted points and the middle of the prior; the parameters are the logarithm of the slope, and the offset."""

    strengths: NDArray[np.float64]
    right: NDArray[np.float64]
    weight: NDArray[np.float64]
    prior: NDArray[np.float64]

    def best(self) -> tuple[float, float]:
        """Slope and offset of the highest posterior: Newton's steps with Fisher's information, halved when too long."""
        at, cost = self.prior, self._cost(self.prior)
        for _ in range(_MOST_STEPS):
            step = self._step(at)
            size = 1.0
            while size > 1e-8 and self._cost(at + size * step) > cost:
                size /= 2
            if size <= 1e-8:
                break
            at = at + size * step
            cost = self._cost(at)
            if float(np.abs(size * step).max()) < 1e-9:
                break
        return math.exp(at[0]), float(at[1])

    def _cost(self, at: NDArray[np.float64]) -> float:
        """Negative logarithm of the posterior, up to a constant."""
        values = math.exp(at[0]) * self.strengths + at[1]
        likelihood = self.weight @ (np.logaddexp(0.0, values) - self.right * values)
        return float(likelihood + 0.5 * (((at - self.prior) / _SPREADS) ** 2).sum())

    def _step(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        slope = math.exp(at[0])
        values = slope * self.strengths + at[1]
        expected = _sigmoid(values)
        inputs = np.stack([slope * self.strengths, np.ones_like(values)])
        gradient = inputs @ (self.weight * (expected - self.right)) + (at - self.prior) / _SPREADS**2
        information = (inputs * (self.weight * expected * (1 - expected))) @ inputs.T + np.diag(1 / _SPREADS**2)
        return np.asarray(-np.linalg.solve(information, gradient), dtype=np.float64)
