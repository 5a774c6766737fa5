"""The axes of a plot: which values are in view, where they lie, and round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_NARROW = 3.0
"""Decades within which round values at equal distances are still good labels of a logarithmic axis."""

_FINE = 50.0
"""Decades beyond which not each of them is looked at."""

_LEAST_SPAN = 1e-9
"""Of an axis, as a share of the values on it: closer, numbers run out of figures."""


@dataclass(frozen=True)
class Axis:
    """What of an axis is in view.

    Args:
        low, high: its ends; on a logarithmic axis, exponents of ten.
        log: whether it is logarithmic.
    """

    low: float
    high: float
    log: bool = False

    @property
    def span(self) -> float:
        """From end to end."""
        return self.high - self.low

    def places(self, values: Floats) -> Floats:
        """Where values lie, 0 at the low end and 1 at the high one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            raw = np.log10(values) if self.log else values
        return np.asarray((raw - self.low) / self.span, dtype=np.float64)

    def value(self, place: float) -> float:
        """The value at a place."""
        raw = self.low + place * self.span
        return float(10.0**raw) if self.log else raw

    def zoomed(self, factor: float, place: float = 0.5) -> Axis:
        """This many times closer, with what is at `place` staying there."""
        span = self.span / factor
        if span < _LEAST_SPAN * max(abs(self.low), abs(self.high), 1e-300):
            return self
        low = self.low + place * (self.span - span)
        return Axis(low, low + span, self.log)

    def moved(self, share: float) -> Axis:
        """Moved by a share of what is in view."""
        return Axis(self.low + share * self.span, self.high + share * self.span, self.log)

    def ticks(self, most: int, *, whole: bool = False) -> list[tuple[float, str]]:
        """At most `most` round values in view, as places with their labels.

        Args:
            most: 2 or more.
            whole: only whole numbers, as long as more than one is in view.
        """
        most = max(most, 2)
        if not self.log:
            raws = _steps(self.low, self.high, most, whole=whole)
            return [((raw - self.low) / self.span, _label(raw, 6)) for raw in raws]
        raws = _decades(self.low, self.high, most)
        if not raws and self.high - self.low < _NARROW:
            raws = [
                math.log10(value) for value in _steps(10.0**self.low, 10.0**self.high, most, whole=False) if value > 0
            ]
        labels = [_label(10.0**raw, 2 if self.high - self.low > 0.3 else 6) for raw in raws]
        return [((raw - self.low) / self.span, label) for raw, label in zip(raws, labels, strict=True)]


def axis_over(values: Sequence[float], *, log: bool = False, margin: float = 0.0) -> Axis:
    """An axis over values, its ends rounded outwards: while values grow it changes seldom, and with it the picture.

    Args:
        values: the lowest and the highest, or all; finite, and positive for a logarithmic axis.
        log: whether it is logarithmic.
        margin: share left free at both ends.
    """
    low, high = min(values), max(values)
    if log:
        low, high = math.log10(low), math.log10(high)
    span = high - low
    if span <= _LEAST_SPAN * max(abs(low), abs(high), 1.0):
        half = 0.5 if log else (abs(low) * 0.1 or 0.5)
        return Axis(low - half, high + half, log)
    step = _round_step(span / 10)
    low, high = low - margin * span, high + margin * span
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, log)


def _label(value: float, figures: int) -> str:
    text = f"{value + 0.0:.{figures}g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def _steps(low: float, high: float, most: int, *, whole: bool) -> list[float]:
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return []
    step = _round_step(span / most)
    if whole and span > 1:
        step = max(step, 1.0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + 50) + 1)]


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * factor for factor in (1, 2, 5) if power * factor >= least * (1 - 1e-9)), power * 10)


def _decades(low: float, high: float, most: int) -> list[float]:
    """Exponents of the roundest numbers of which 2 to `most` lie in view; [] where no such choice is."""
    for factors in ((1, 2, 5), (1, 3), (1,)) if high - low <= _FINE else ():
        found = [
            power + math.log10(factor)
            for power in range(math.floor(low), math.ceil(high) + 1)
            for factor in factors
            if low - 1e-9 <= power + math.log10(factor) <= high + 1e-9
        ]
        if 2 <= len(found) <= most:
            return found
    step = math.ceil((high - low) / most)
    first = math.ceil(low / step) * step
    found = [float(power) for power in range(first, math.floor(high) + 1, step)]
    return found if len(found) >= 2 else []
