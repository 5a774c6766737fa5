"""Curves as characters: braille dots, or ASCII where the output knows no other letters. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Span = tuple[str, str]
"""Text and the name of its style."""

Row = list[Span]

_BRAILLE = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_ASCII = {0: " ", 1: "'", 2: ".", 3: ":"}
_LOG_FROM = 3
_BEGINNING = 0.05
_ENOUGH = 20
"""Share of the x axis that may be cut off at the top, if there are so many points behind it."""

_LARGEST = 1e300
"""Beyond it a difference may overflow; neither NaN nor infinity is below it."""

_LABEL = 8
"""Columns of the numbers beside the curve."""


@dataclass(frozen=True)
class Trace:
    """One curve: points in the order of x, and the name of its style."""

    points: Sequence[tuple[float, float]]
    style: str


def plot(traces: Iterable[Trace], width: int, height: int, *, unicode: bool = True) -> list[Row]:
    """Curves with their axes, in `height` rows of `width` columns; the last row is the x axis.

    The y axis is logarithmic where all values are positive and more than a factor of three apart. Later traces are
    drawn over earlier ones. A high beginning may be cut off at the top, which the ">" before the number says.
    [] where there is nothing to draw or no room for it.
    """
    drawn = [Trace(points, each.style) for each in traces if (points := _finite(each.points))]
    columns, rows = width - _LABEL, height - 1
    if not drawn or columns < 8 or rows < 2:
        return []
    xs = [x for each in drawn for x, _ in each.points]
    ys = [y for each in drawn for _, y in each.points]
    is_log = min(ys) > 0 and max(ys) > _LOG_FROM * min(ys)
    low, high = min(ys), _top(drawn, min(xs), max(xs), is_log)
    grid = _Grid(columns, rows, unicode, (min(xs), max(xs)), _axis(low, high, is_log), is_log)
    for each in drawn:
        grid.draw(each)
    labels = [""] * rows
    labels[0], labels[-1] = ("" if high == max(ys) else ">") + _number(high), _number(low)
    found = [[(f"{label:>{_LABEL - 1}} ", "dim"), *row] for label, row in zip(labels, grid.rows(), strict=True)]
    left, right = _number(min(xs)), _number(max(xs))
    words = "log" if is_log else ""
    gap = max(columns - len(left) - len(right), 1)
    return [*found, [(f"{words:>{_LABEL - 1}} {left}{' ' * gap}{right}", "dim")]]


class _Grid:
    """Dots, and which style each character got last."""

    def __init__(
        self,
        columns: int,
        rows: int,
        unicode: bool,
        x: tuple[float, float],
        y: tuple[float, float],
        is_log: bool,
    ) -> None:
        self._columns, self._rows = columns, rows
        self._across, self._down = (2, 4) if unicode else (1, 2)
        self._unicode = unicode
        self._x, self._y, self._is_log = x, y, is_log
        self._dots = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def draw(self, trace: Trace) -> None:
        before: tuple[int, int] | None = None
        for point in _thinned([self._place(x, y) for x, y in trace.points]):
            for place in _line(before or point, point):
                self._set(*place, trace.style)
            before = point

    def rows(self) -> list[Row]:
        return [self._row(dots, styles) for dots, styles in zip(self._dots, self._styles, strict=True)]

    def _row(self, dots: list[int], styles: list[str]) -> Row:
        found: Row = []
        for bits, style in zip(dots, styles, strict=True):
            letter = (chr(_BRAILLE + bits) if bits else " ") if self._unicode else _ASCII[bits]
            if found and found[-1][1] == style:
                found[-1] = (found[-1][0] + letter, style)
            else:
                found.append((letter, style))
        return found

    def _place(self, x: float, y: float) -> tuple[int, int]:
        width, height = self._columns * self._across, self._rows * self._down
        across = _share(x, *self._x)
        up = _share(math.log10(y) if self._is_log else y, *self._y)
        return round(across * (width - 1)), round((1 - up) * (height - 1))

    def _set(self, x: int, y: int, style: str) -> None:
        row, column = y // self._down, x // self._across
        bit = _BITS[y % 4][x % 2] if self._unicode else 1 << y % 2
        self._dots[row][column] |= bit
        self._styles[row][column] = style


def _finite(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if abs(x) < _LARGEST and abs(y) < _LARGEST]


def _top(traces: Sequence[Trace], first: float, last: float, is_log: bool) -> float:
    """The highest value shown: where the beginning is so high that nothing else could be told apart, it is cut off."""
    values = [y for each in traces for _, y in each.points]
    late = [y for each in traces for x, y in each.points if x > first + _BEGINNING * (last - first)]
    if len(late) < _ENOUGH:
        return max(values)
    (low, whole), (_, part) = _axis(min(values), max(values), is_log), _axis(min(values), max(late), is_log)
    return max(late) if part > low and part - low < 0.5 * (whole - low) else max(values)


def _axis(low: float, high: float, is_log: bool) -> tuple[float, float]:
    return (math.log10(low), math.log10(high)) if is_log else (low, high)


def _share(value: float, low: float, high: float) -> float:
    if high <= low:
        return 0.5
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _thinned(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of the dots in one column the first, the highest, the lowest and the last."""
    found: list[tuple[int, int]] = []
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end][0] != places[start][0]:
            rows = [y for _, y in places[start:end]]
            x = places[start][0]
            found += [(x, y) for y in (rows[0], min(rows), max(rows), rows[-1])]
            start = end
    return found


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    if steps == 0:
        return [end]
    return [
        (
            round(start[0] + (end[0] - start[0]) * each / steps),
            round(start[1] + (end[1] - start[1]) * each / steps),
        )
        for each in range(steps + 1)
    ]


def _number(value: float) -> str:
    text = f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.3g}"
    return text if len(text) < _LABEL - 1 else f"{value:.0e}"
