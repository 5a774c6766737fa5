"""CurveView: what of some curves is looked at, and where values are read off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaptui.tui.widgets.curve_drawing import Curve, fitting_y, whole_x
from leaptui.tui.widgets.plot_axes import Axis


class CurveView:
    """The view on curves; until somebody zooms, all of them, and the y axis fits what is in view."""

    def __init__(self) -> None:
        self._curves: Sequence[Curve] = ()
        self._x: Axis | None = None
        self._y: Axis | None = None
        self._follows = False
        self.log = False
        """Whether the y axis is logarithmic."""
        self.cursor: float | None = None
        """Where the cursor is."""

    @property
    def curves(self) -> Sequence[Curve]:
        """What is looked at."""
        return self._curves

    @property
    def x(self) -> Axis | None:
        """The x axis; None while there is no curve."""
        if not self._curves:
            return None
        return self._x or whole_x(self._curves)

    @property
    def y(self) -> Axis:
        """The y axis."""
        x = self.x
        return self._y or (Axis(0.0, 1.0) if x is None else fitting_y(self._curves, x, log=self.log))

    @property
    def is_zoomed(self) -> bool:
        """Whether a part is looked at."""
        return self._x is not None or self._y is not None

    def take(self, curves: Sequence[Curve]) -> None:
        """Look at newer curves; a view that reached the end goes on with it."""
        self._curves = curves
        if self._x is not None and self._follows and curves:
            end = whole_x(curves).high
            self._x = Axis(self._x.low + end - self._x.high, end)

    def forget_x(self) -> None:
        """The x axis counts something else."""
        self._x = self.cursor = None
        self._follows = False

    def forget_y(self) -> None:
        """The y axis is another one."""
        self._y = None

    def reset(self) -> None:
        """Look at all of it, without a cursor."""
        self.forget_x()
        self.forget_y()

    def zoom(self, factor: float, place: float | None = None) -> None:
        """Look closer, at a place from 0 to 1 of the view; at the cursor or the middle without one."""
        now = self.x
        if now is None:
            return
        if place is None:
            place = 0.5 if self.cursor is None else float(now.places(np.asarray([self.cursor]))[0])
        self._set_x(now.zoomed(factor, min(max(place, 0.0), 1.0)))

    def move(self, share: float) -> None:
        """Move the view by a share of what is in view."""
        now = self.x
        if now is not None:
            self._set_x(now.moved(share))

    def zoom_y(self, factor: float) -> None:
        """Stretch the y axis."""
        self._y = self.y.zoomed(factor)

    def move_y(self, share: float) -> None:
        """Look at larger values."""
        self._y = self.y.moved(share)

    @property
    def fits_y(self) -> bool:
        """Whether the y axis fits what is in view by itself."""
        return self._y is None

    def _set_x(self, wished: Axis) -> None:
        """Look at this part, as far as there is anything; all of it is the whole curve."""
        whole = whole_x(self._curves)
        span = min(wished.span, whole.span)
        low = min(max(wished.low, whole.low), whole.high - span)
        self._x = None if span >= whole.span * (1 - 1e-9) else Axis(low, low + span)
        self._follows = self._x is not None and self._x.high >= max(float(curve.x[-1]) for curve in self._curves)

    def snapped(self, x: float) -> float:
        """The x of the nearest point of any curve."""
        places = [float(curve.x[curve.nearest(x)]) for curve in self._curves]
        return min(places, key=lambda place: abs(place - x), default=x)

    def toggle_cursor(self) -> None:
        """A cursor on the newest point in view, or none."""
        x = self.x
        if self.cursor is not None or x is None:
            self.cursor = None
        else:
            last = max(float(curve.x[-1]) for curve in self._curves)
            self.cursor = self.snapped(min(last, x.high))

    def step_cursor(self, way: int, least: float) -> None:
        """Move the cursor to the next point that is at least a share of the view away; the view goes with it."""
        x = self.x
        if x is None or self.cursor is None:
            return
        self.cursor = self._next_point(self.cursor, way, least * x.span)
        if not x.low <= self.cursor <= x.high:
            self._set_x(Axis(self.cursor - x.span / 2, self.cursor + x.span / 2))

    def _next_point(self, x: float, way: int, least: float) -> float:
        """The next place with a point that is at least so far away; where there is none, the end."""
        beyond = []
        for curve in self._curves:
            if way > 0:
                at = int(np.searchsorted(curve.x, x + least * (1 - 1e-9)))
            else:
                at = int(np.searchsorted(curve.x, x - least * (1 - 1e-9), side="right")) - 1
            if 0 <= at < len(curve.x):
                beyond.append(float(curve.x[at]))
        if beyond:
            return min(beyond) if way > 0 else max(beyond)
        ends = [float(curve.x[-1 if way > 0 else 0]) for curve in self._curves]
        return max(ends) if way > 0 else min(ends)
