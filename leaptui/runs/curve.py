"""A curve that may grow for weeks in bounded memory."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

LIMIT = 20_000
"""Points kept."""

_BUCKET = 4

Points = tuple[tuple[float, float], ...]


class Curve:
    """Points (x, y) with growing x. When there are too many, older ones are thinned in groups of four to the
    lowest and the highest of each, so that no spike is ever smoothed away. Adding a point and showing the curve
    both cost a constant time on average, however long it is.

    Args:
        limit: points kept at most.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = max(limit, 4 * _BUCKET)
        self.x = array("d")
        self.y = array("d")
        self.count = 0
        """Finite points that were added."""
        self.gaps = 0
        """Points without a finite y: a loss that became NaN."""
        self.first_gap: float | None = None
        """x of the first of them."""
        self._shown: tuple[int, Points] | None = None
        self._head: list[tuple[float, float]] = []
        self._head_end = 0
        self._head_group = 1

    def __len__(self) -> int:
        return len(self.x)

    @property
    def last(self) -> tuple[float, float] | None:
        """The newest point."""
        return (self.x[-1], self.y[-1]) if self.x else None

    def add(self, x: float, y: float | None) -> None:
        """Add a point; where it goes back in x, what was there and beyond is replaced, as a resumed run does."""
        if self.x and x <= self.x[-1]:
            self._keep(bisect_left(self.x, x))
        if y is None or not math.isfinite(y):
            self.gaps += 1
            self.first_gap = x if self.first_gap is None else min(x, self.first_gap)
            return
        self.x.append(x)
        self.y.append(y)
        self.count += 1
        self._shown = None
        if len(self.x) > self._limit:
            self._thin()

    def cut(self, x: float) -> None:
        """Forget what is beyond x: it will be done again."""
        self._keep(bisect_right(self.x, x))
        if self.first_gap is not None and self.first_gap > x:
            self.gaps, self.first_gap = 0, None

    def points(self, most: int) -> Points:
        """The curve in at most about `most` points: of each group the lowest and the highest, so that spikes stay.

        The same object again as long as nothing was added.
        """
        if self._shown is not None and self._shown[0] == most:
            return self._shown[1]
        group = 1
        # Powers of two: the groups stay the same ones while the curve grows, and what was made of them is kept.
        while group * most < len(self.x) * (1 if group == 1 else 2):
            group *= 2
        if group != self._head_group:
            self._head, self._head_end, self._head_group = [], 0, group
        whole = len(self.x) - len(self.x) % group
        for start in range(self._head_end, whole, group):
            self._head += _extremes(self.x, self.y, start, start + group)
        self._head_end = whole
        shown = [*self._head, *_extremes(self.x, self.y, whole, len(self.x))]
        ends = (0, len(self.x) - 1) if self.x else ()
        for end in ends:
            point = (self.x[end], self.y[end])
            if point != shown[min(end, len(shown) - 1)]:
                shown.insert(0 if end == 0 else len(shown), point)
        self._shown = (most, tuple(shown))
        return self._shown[1]

    def _keep(self, count: int) -> None:
        if count >= len(self.x):
            return
        del self.x[count:], self.y[count:]
        self._shown = None
        if count < self._head_end:
            self._head, self._head_end = [], 0

    def _thin(self) -> None:
        """Halve the points, but for the first and the last, which are the ends of the axis."""
        kept = [0]
        last = len(self.x) - 1
        for start in range(1, last, _BUCKET):
            group = range(start, min(start + _BUCKET, last))
            low = min(group, key=self.y.__getitem__)
            high = max(group, key=self.y.__getitem__)
            kept.extend(sorted({low, high}))
        kept.append(last)
        self.x = array("d", (self.x[each] for each in kept))
        self.y = array("d", (self.y[each] for each in kept))
        self._head, self._head_end = [], 0


def _extremes(x: Sequence[float], y: Sequence[float], start: int, stop: int) -> list[tuple[float, float]]:
    """The lowest and the highest point of a part of a curve, in order."""
    if stop - start <= 2:
        return [(x[i], y[i]) for i in range(start, stop)]
    part = y[start:stop]
    low, high = start + part.index(min(part)), start + part.index(max(part))
    return [(x[i], y[i]) for i in sorted({low, high})]
