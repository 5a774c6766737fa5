"""Curves, axes, legend and marks as rows of styled text: values in, text out, no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len, set_cell_size

from leaptui.graphics.plot_cells import DOTS_ACROSS, DOTS_DOWN, cells_of, line_dots
from leaptui.tui.widgets.plot_axes import Axis, axis_over
from leaptui.tui.widgets.smoothing import smoothed
from leaptui.words import figure, visible

Floats = npt.NDArray[np.float64]
Row = tuple[tuple[str, str], ...]
"""A row of the picture: parts of text, each with a theme token, "" for plain; "~" behind a token makes it faint."""

LABELS = 8
"""Columns left of the curves: the labels of the axis and the axis."""

ROWS_AROUND = 3
"""The legend above the curves; the axis and its labels below."""

_QUIET = "quiet"
_AXIS = "border-blurred"
_CELLS_A_TICK_X = 9
_ROWS_A_TICK_Y = 3


@dataclass(frozen=True)
class Series:
    """One curve.

    Args:
        label: for the legend.
        token: theme token of its colour.
        points: (x, y), x growing; y that is not finite, or not positive on a logarithmic axis, is left out.
        dots: draw dots on its points, or only them.
        line: draw the line.
        smooth: it is smoothed where smoothing is on, with the curve as it is faint behind.
    """

    label: str
    token: str
    points: Sequence[tuple[float, float]]
    dots: bool = False
    line: bool = True
    smooth: bool = False


@dataclass(frozen=True)
class Mark:
    """Something that happened at a place of the x axis.

    Args:
        x: where.
        sign: one character.
        token: theme token of its colour.
        words: said while the cursor is there.
        y: where on the curves the sign is; without it, it is on the axis.
        line: a dotted line goes up from it.
    """

    x: float
    sign: str
    token: str
    words: str
    y: float | None = None
    line: bool = False


@dataclass(frozen=True)
class Across:
    """What the x axis counts.

    Args:
        unit: "epoch", say.
        other: another unit for the same place, said while the cursor is there.
        ratio: how many of the other make one of the unit.
    """

    unit: str = "epoch"
    other: str = ""
    ratio: float = 1.0

    def words(self, x: float) -> str:
        """A place in words."""
        text = f"{self.unit} {x:,.6g}"
        return f"{text} · {self.other} {round(x * self.ratio):,}" if self.other else text


EPOCHS = Across()


@dataclass(frozen=True)
class Curve:
    """A series made ready: sorted, finite, smoothed; `y` is what is read off, `raw` what lies faint behind it."""

    series: Series
    x: Floats
    y: Floats
    raw: Floats | None = None

    def nearest(self, x: float) -> int:
        """Position of the point nearest to a place."""
        after = int(np.searchsorted(self.x, x))
        if after == 0:
            return 0
        if after == len(self.x) or x - self.x[after - 1] <= self.x[after] - x:
            return after - 1
        return after


def prepared(series: Sequence[Series], *, log: bool, smoothing: float) -> list[Curve]:
    """The series that have something to draw."""
    found = []
    for each in series:
        if not each.points:
            continue
        x, y = np.asarray(each.points, dtype=np.float64).T
        fits = np.isfinite(x) & np.isfinite(y)
        x, y = x[fits], y[fits]
        if (np.diff(x) < 0).any():
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
        calm = smoothed(x, y, smoothing) if each.smooth else y
        if log:
            fits = (y > 0) & (calm > 0)
            x, y, calm = x[fits], y[fits], calm[fits]
        if len(x):
            found.append(Curve(each, x, calm, y if calm is not y and each.smooth and smoothing > 0 else None))
    return found


def whole_x(curves: Sequence[Curve]) -> Axis:
    """The x axis that shows all."""
    low = min(float(curve.x[0]) for curve in curves)
    high = max(float(curve.x[-1]) for curve in curves)
    rounded = axis_over([low, high])
    # A run begins at its first step, or at epoch 0: no room is left before it.
    return Axis(0.0 if 0 <= low < 0.2 * high else max(rounded.low, min(low, 0.0)) if low >= 0 else low, rounded.high)


def fitting_y(curves: Sequence[Curve], x: Axis, *, log: bool) -> Axis:
    """The y axis that shows what of the curves is in view."""
    ends: list[float] = []
    for curve in curves:
        shown = curve.y if curve.raw is None else curve.raw
        first, after = np.searchsorted(curve.x, [x.low, x.high + 1e-12 * abs(x.high)])
        part = shown[max(first - 1, 0) : after + 1]
        if len(part):
            ends += [float(part.min()), float(part.max())]
    return axis_over(ends or [1.0, 10.0], log=log)


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Args:
        curves: from the one that lies lowest.
        marks: on the axis and the curves.
        x, y: the axes.
        across: what the x axis counts.
        cursor: where values are read off, or None: the last are shown.
        caption: at the right of the legend while no values are read off.
    """

    curves: Sequence[Curve]
    marks: Sequence[Mark]
    x: Axis
    y: Axis
    across: Across = EPOCHS
    cursor: float | None = None
    caption: str = ""

    def column(self, x: float, width: int) -> int | None:
        """The column of a place, None where it is not in view."""
        columns = width - LABELS
        place = float(self.x.places(np.asarray([x]))[0])
        # Dots are placed by rounding down, and the right end of the axis belongs to the last column.
        return LABELS + min(int(place * columns), columns - 1) if -1e-9 <= place <= 1 + 1e-9 else None

    def row(self, y: float, height: int) -> int | None:
        """The row of a value, None where it is not in view."""
        rows = height - ROWS_AROUND
        place = float(self.y.places(np.asarray([y]))[0])
        return 1 + min(int((1 - place) * rows), rows - 1) if -1e-9 <= place <= 1 + 1e-9 else None

    def drawn(self, width: int, height: int) -> list[Row]:
        """The picture as `height` rows of `width` cells; [] where there is no room for one."""
        columns, rows = width - LABELS, height - ROWS_AROUND
        if columns < 4 or rows < 2:
            return []
        grid = _Grid(width, height)
        self._draw_axes(grid, columns, rows)
        self._draw_curves(grid, columns, rows)
        self._draw_marks(grid)
        return [self._legend(width), *grid.rows()[1:]]

    def _draw_axes(self, grid: _Grid, columns: int, rows: int) -> None:
        for row in range(1, rows + 1):
            grid.put(LABELS - 1, row, "│", _AXIS)
        grid.put(LABELS - 1, rows + 1, "└" + "─" * columns, _AXIS)
        for place, label in self.y.ticks(max(rows // _ROWS_A_TICK_Y, 2)):
            row = 1 + min(int((1 - place) * rows), rows - 1)
            grid.put(0, row, label[: LABELS - 1].rjust(LABELS - 1), _QUIET)
            grid.put(LABELS - 1, row, "┤", _AXIS)
        ends = LABELS + columns
        free = 0
        for place, label in self.x.ticks(max(columns // _CELLS_A_TICK_X, 2), whole=self.across.unit != ""):
            column = LABELS + min(int(place * columns), columns - 1)
            grid.put(column, rows + 1, "┬", _AXIS)
            start = min(max(column - len(label) // 2, free), ends - len(label))
            if start >= free:
                grid.put(start, rows + 2, label, _QUIET)
                free = start + len(label) + 1
        unit = self.across.unit
        if ends - len(unit) > free:
            grid.put(ends - len(unit), rows + 2, unit, _QUIET)
        elif len(unit) < LABELS:
            grid.put(0, rows + 2, unit, _QUIET)

    def _draw_curves(self, grid: _Grid, columns: int, rows: int) -> None:
        across, down = columns * DOTS_ACROSS, rows * DOTS_DOWN
        layers, tokens = [], []
        for faint in (True, False):
            for curve in self.curves:
                values = curve.raw if faint else curve.y
                if values is None or not curve.series.line or len(curve.x) < 2:
                    continue
                xs, ys = self.x.places(curve.x) * across, (1 - self.y.places(values)) * down
                layers.append(line_dots(xs, ys, across, down))
                tokens.append(curve.series.token + ("~" if faint else ""))
        if layers:
            lines, owners = cells_of(layers)
            for row, (line, owner) in enumerate(zip(lines, owners.tolist(), strict=True), start=1):
                grid.overlay(row, line, [tokens[each] if each >= 0 else "" for each in owner])
        for curve in self.curves:
            if curve.series.dots or len(curve.x) == 1:
                first, after = np.searchsorted(curve.x, [self.x.low, self.x.high + 1e-12])
                apart = max((after - first) // columns, 1)
                for at in range(first, after, apart):
                    self._point(grid, float(curve.x[at]), float(curve.y[at]), "●", curve.series.token)

    def _point(self, grid: _Grid, x: float, y: float, sign: str, token: str) -> None:
        column, row = self.column(x, grid.width), self.row(y, grid.height)
        if column is not None and row is not None:
            grid.put(column, row, sign, token)

    def _draw_marks(self, grid: _Grid) -> None:
        axis = grid.height - 2
        for mark in self.marks:
            column = self.column(mark.x, grid.width)
            if column is None:
                continue
            if mark.line:
                for row in range(1, axis):
                    grid.put_if_free(column, row, "┊", mark.token)
            if mark.y is None:
                grid.put(column, axis, mark.sign, mark.token)
            else:
                self._point(grid, mark.x, mark.y, mark.sign, mark.token)
        if self.cursor is None:
            return
        column = self.column(self.cursor, grid.width)
        if column is not None:
            grid.put(column, axis, "▲", "")
            for curve in self.curves:
                at = curve.nearest(self.cursor)
                self._point(grid, float(curve.x[at]), float(curve.y[at]), "◆", curve.series.token)

    def _legend(self, width: int) -> Row:
        right = self._right_words(width)
        parts: list[tuple[str, str]] = []
        for curve in self.curves:
            at = len(curve.x) - 1 if self.cursor is None else curve.nearest(self.cursor)
            parts.append(("━━" if curve.series.line else "●", curve.series.token))
            parts.append((f" {visible(curve.series.label)} ", _QUIET))
            parts.append((f"{figure(float(curve.y[at]))}  ", ""))
        needed = sum(cell_len(text) for text, _ in parts)
        if self.cursor is None and needed + cell_len(right[0]) > width:
            right = "", ""
        if needed + cell_len(right[0]) > width:
            # The colours say whose the values are; the values matter more than the names.
            parts[1::3] = [(" ", _QUIET)] * len(self.curves)
        return _fitted(parts, right, width)

    def _right_words(self, width: int) -> tuple[str, str]:
        if self.cursor is None:
            return self.caption, _QUIET
        words = [self.across.words(self.cursor)]
        here = self.column(self.cursor, width)
        words += [mark.words for mark in self.marks if self.column(mark.x, width) == here]
        return " · ".join(dict.fromkeys(words)), ""


class _Grid:
    """Cells with one character and a token each."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._signs = [[" "] * width for _ in range(height)]
        self._tokens = [[""] * width for _ in range(height)]

    def put(self, column: int, row: int, text: str, token: str) -> None:
        after = min(column + len(text), self.width)
        self._signs[row][column:after] = text[: after - column]
        self._tokens[row][column:after] = [token] * (after - column)

    def put_if_free(self, column: int, row: int, sign: str, token: str) -> None:
        if self._signs[row][column] == " ":
            self.put(column, row, sign, token)

    def overlay(self, row: int, line: str, tokens: Sequence[str]) -> None:
        self._signs[row][LABELS:] = line
        self._tokens[row][LABELS:] = tokens

    def rows(self) -> list[Row]:
        found = []
        for signs, tokens in zip(self._signs, self._tokens, strict=True):
            runs = groupby(zip(signs, tokens, strict=True), key=lambda cell: cell[1] if cell[0] != " " else None)
            parts: list[tuple[str, str]] = []
            for token, cells in runs:
                text = "".join(sign for sign, _ in cells)
                # A blank has no colour of its own: it goes with what is before it, which saves bytes.
                if parts and (token is None or parts[-1][1] == token):
                    parts[-1] = (parts[-1][0] + text, parts[-1][1])
                else:
                    parts.append((text, token or ""))
            found.append(tuple(parts))
        return found


def _fitted(left: Sequence[tuple[str, str]], right: tuple[str, str], width: int) -> Row:
    """Parts and words at the right, cut where there is no room."""
    room = width - (cell_len(right[0]) + 1 if right[0] else 0)
    if room < 0:
        return ((set_cell_size(right[0], width), right[1]),)
    parts: list[tuple[str, str]] = []
    for text, token in left:
        size = min(cell_len(text), room)
        if size > 0:
            parts.append((set_cell_size(text, size), token))
            room -= size
    parts.append((" " * room, ""))
    if right[0]:
        parts.append((f" {right[0]}", right[1]))
    return tuple(parts)
