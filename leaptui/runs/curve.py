"""A curve that may grow for weeks in bounded memory."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

LIMIT = 20_000
"""Points kept."""

_BUCKET = 4


class Curve:
    """Points (x, y) with growing x. When there are too many, older ones are thinned in groups of four to the
    lowest and the highest of each, so that no spike is ever smoothed away.

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

    def __len__(self) -> int:
        return len(self.x)

    @property
    def last(self) -> tuple[float, float] | None:
        """The newest point."""
        return (self.x[-1], self.y[-1]) if self.x else None

    def add(self, x: float, y: float | None) -> None:
        """Add a point; where it goes back in x, what was there and beyond is replaced, as a resumed run does."""
        if self.x and x <= self.x[-1]:
            self._cut(x)
        if y is None or not math.isfinite(y):
            self.gaps += 1
            self.first_gap = x if self.first_gap is None else min(x, self.first_gap)
            return
        self.x.append(x)
        self.y.append(y)
        self.count += 1
        if len(self.x) > self._limit:
            self._thin()

    def _cut(self, x: float) -> None:
        keep = bisect_left(self.x, x)
        del self.x[keep:], self.y[keep:]

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
