"""CurvePanel: curves of training, on braille dots."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import AxisFormatter

from leaptui.tui.keymap import bindings
from leaptui.tui.theme import rich_style

_CELLS_A_TICK_X = 9
_ROWS_A_TICK_Y = 3
_SECONDS_BETWEEN = 2.0
"""Between two drawings: each sends the whole plot, 5 kB in a small terminal and 30 kB in a large one."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Args:
        label: for the legend.
        token: theme token of its colour.
        points: (x, y); y that is not finite, or not positive on a logarithmic axis, is left out.
        dots: draw dots on its points, or only them.
        line: draw the line.
    """

    label: str
    token: str
    points: Sequence[tuple[float, float]]
    dots: bool = False
    line: bool = True


class Ticks(AxisFormatter):  # type: ignore[misc]
    """Round ticks at 1, 2 and 5, no more of them than fit; on a logarithmic axis values are exponents."""

    def __init__(self, *, whole: bool = False) -> None:
        self.most = 5
        self.log = False
        self._whole = whole

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        most = max(min(max_ticks, self.most), 2)
        if self.log:
            decades = _decades(min_, max_, most)
            if decades:
                return decades
        span = max_ - min_
        if not math.isfinite(span) or span <= 0:
            return [min_]
        step = _round_step(span / most, whole=self._whole and span > 1)
        first = math.ceil(min_ / step - 1e-9)
        last = math.floor(max_ / step + 1e-9)
        return [i * step for i in range(first, min(last, first + 50) + 1)]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        if self.log:
            return [f"{10**tick:.2g}" for tick in ticks]
        return [f"{tick + 0.0:.6g}" for tick in ticks]


def _round_step(least: float, *, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= least * (1 - 1e-9)), power * 10)
    return max(step, 1.0) if whole else step


def _decades(min_: float, max_: float, most: int) -> list[float]:
    """Exponents of the roundest numbers of which 2 to `most` lie within; the ends of the finest when none fit."""
    found: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        coarser = [
            power + math.log10(factor)
            for power in range(math.floor(min_), math.ceil(max_) + 1)
            for factor in factors
            if min_ <= power + math.log10(factor) <= max_
        ]
        if 2 <= len(coarser) <= most:
            return coarser
        found = found or coarser
    return [found[0], found[-1]] if len(found) >= 2 else found


class CurvePlot(PlotWidget, inherit_bindings=False):  # type: ignore[call-arg, misc]
    """A plot whose keys are those of the keymap."""

    BINDINGS = bindings("plot")


class CurvePanel(Vertical):
    """Curves with a title, a legend in the border, and words where there is nothing to show yet.

    Args:
        title: what is drawn.
        nothing: shown while there is nothing.
        id: of the widget.
    """

    def __init__(self, title: str, nothing: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self._nothing = nothing
        self._series: Sequence[Series] = ()
        self._log = False
        self._drawn = -math.inf
        self._later: Timer | None = None
        self._legend_shown: tuple[tuple[str, str, bool], ...] = ()
        self._x = Ticks(whole=True)
        self._y = Ticks()

    def compose(self) -> ComposeResult:
        yield Static(self._nothing, classes="nothing", markup=False)
        yield CurvePlot()

    def on_mount(self) -> None:
        self.border_title = self._title
        plot = self.query_one(CurvePlot)
        plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 8
        plot.set_x_formatter(self._x)
        plot.set_y_formatter(self._y)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self._draw()

    def on_resize(self, event: Resize) -> None:
        self._x.most = max((event.size.width - 8) // _CELLS_A_TICK_X, 2)
        self._y.most = max((event.size.height - 2) // _ROWS_A_TICK_Y, 2)
        self.call_after_refresh(self._draw)

    def show(self, series: Sequence[Series], *, log: bool = False) -> None:
        """Draw these curves, at once or within a few seconds; what the user zoomed into stays in view."""
        if (series, log) == (self._series, self._log):
            return
        is_new_scale = log != self._log
        self._series, self._log = series, log
        wait = self._drawn + _SECONDS_BETWEEN - time.monotonic()
        if is_new_scale:
            self.query_one(CurvePlot).set_ylimits(None, None)
        if is_new_scale or wait <= 0:
            self._draw()
        elif self._later is None:
            self._later = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        if self._later is not None:
            self._later.stop()
            self._later = None
        plot = self.query_one(CurvePlot)
        self._y.log = self._log
        drawn = [(each, _finite(each.points, log=self._log)) for each in self._series]
        drawn = [(each, points) for each, points in drawn if points]
        if drawn:
            self._drawn = time.monotonic()
        self.query_one(".nothing").display = not drawn
        plot.display = bool(drawn)
        legend = tuple((each.label, each.token, each.line) for each, _ in drawn)
        if legend != self._legend_shown:
            self._legend_shown = legend
            self.border_subtitle = self._legend([each for each, _ in drawn])
        plot.clear()
        for each, points in drawn:
            self._draw_one(plot, each, points)

    def _draw_one(self, plot: CurvePlot, each: Series, points: Sequence[tuple[float, float]]) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        style = rich_style(self.app.theme_variables, each.token)
        if each.line and len(points) > 1:
            plot.plot(xs, ys, line_style=style, hires_mode=HiResMode.BRAILLE)
        if each.dots or len(points) == 1:
            plot.scatter(xs, ys, marker="●", marker_style=style)

    def _legend(self, series: Sequence[Series]) -> Content | None:
        if not series:
            return None
        parts: list[Content] = []
        for each in series:
            mark = "━━" if each.line else "●"
            parts.append(Content.assemble((mark, f"${each.token}"), f" {each.label}"))
        return Content("  ").join(parts)


def _finite(points: Sequence[tuple[float, float]], *, log: bool) -> list[tuple[float, float]]:
    found = []
    for x, y in points:
        if math.isfinite(y) and (y > 0 or not log):
            found.append((x, math.log10(y) if log else y))
    return found
