"""CurvePlot: curves that are zoomed, panned and read off, of which only rows that changed are sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from leaptui.tui.keymap import bindings
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.curve_drawing import (
    EPOCHS,
    LABELS,
    ROWS_AROUND,
    Across,
    Mark,
    Picture,
    Row,
    Series,
    prepared,
)
from leaptui.tui.widgets.curve_view import CurveView

SECONDS_BETWEEN = 2.0
"""Between two drawings of new points: each sends a few kilobytes."""

_FAINT = 0.42
"""Share of its colour that the curve behind a smoothed one keeps."""

_ZOOM = 1.5
_PAN = 0.15


@dataclass(frozen=True)
class _Given:
    series: Sequence[Series]
    marks: Sequence[Mark]
    across: Across
    log: bool
    smoothing: float
    caption: str

    @property
    def looks(self) -> tuple[object, ...]:
        """What only people change."""
        return self.across, self.log, self.smoothing, [each.label for each in self.series]


class CurvePlot(Widget, can_focus=True):
    """Curves over one axis; `show` gives it new ones as often as one likes.

    Args:
        nothing: said while there is nothing to draw.
        id: of the widget.
    """

    BINDINGS = bindings("plot")
    DEFAULT_CSS = "CurvePlot { height: 1fr; }"

    def __init__(self, nothing: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._nothing = nothing
        self._given: _Given | None = None
        self._view = CurveView()
        self._pointer: float | None = None
        self._dragged_from: tuple[float, float] | None = None
        self._was_dragged = False
        self._rows: list[Row] = []
        self._drawn = -SECONDS_BETWEEN
        self._later: Timer | None = None
        self._is_old = False
        self._styles: dict[str, Style] = {}
        self.drawings = 0
        """How many times new curves were drawn."""

    @property
    def cursor(self) -> float | None:
        """Where values are read off."""
        return self._pointer if self._pointer is not None else self._view.cursor

    @property
    def view(self) -> CurveView:
        """What is looked at."""
        return self._view

    @property
    def rows(self) -> Sequence[Row]:
        """What is drawn."""
        return self._rows

    def show(
        self,
        series: Sequence[Series],
        *,
        marks: Sequence[Mark] = (),
        across: Across = EPOCHS,
        log: bool = False,
        smoothing: float = 0.0,
        caption: str = "",
    ) -> None:
        """Draw these curves, at once or within seconds; what the user zoomed into stays in view.

        Args:
            series: from the one that lies lowest.
            marks: on the axis and the curves.
            across: what the x axis counts.
            log: the y axis is logarithmic.
            smoothing: see `smoothing.smoothed`; for the series that allow it.
            caption: at the right of the legend.
        """
        given, before = _Given(series, marks, across, log, smoothing, caption), self._given
        if given == before:
            return
        self._given = given
        if before is not None and given.log != before.log:
            self._view.forget_y()
        if before is not None and given.across != before.across:
            self._view.reset()
        was_asked_for = before is None or given.looks != before.looks
        wait = self._drawn + SECONDS_BETWEEN - time.monotonic()
        if was_asked_for or wait <= 0:
            self._take()
        elif self._later is None:
            self._later = self.set_timer(wait, self._take)

    def _take(self) -> None:
        """Make what was given ready and draw it, if it can be seen."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        given = self._given
        if given is None:
            return
        self._is_old = not self._is_seen
        if self._is_old:
            return
        self._view.log = given.log
        self._view.take(prepared(given.series, log=given.log, smoothing=given.smoothing))
        if self._view.curves:
            self._drawn = time.monotonic()
            self.drawings += 1
        self._draw()

    @property
    def _is_seen(self) -> bool:
        return self.is_attached and self.size.width > 0 and self.is_on_screen and self.screen.is_active

    def _draw(self) -> None:
        rows: list[Row] = []
        x, given = self._view.x, self._given
        if x is not None and given is not None:
            caption = given.caption
            if self._view.is_zoomed:
                caption = f"zoomed · {caption}" if caption else "zoomed"
            picture = Picture(self._view.curves, given.marks, x, self._view.y, given.across, self.cursor, caption)
            rows = picture.drawn(self.size.width, self.size.height)
        before, self._rows = self._rows, rows
        if len(before) != len(rows):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, rows, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self._rows:
            words = f"  {self._nothing}"[:width] if y == 1 and not self._view.curves else ""
            return Strip([Segment(words.ljust(width), self._style("quiet"))], width)
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        return Strip([Segment(text, self._style(token)) for text, token in self._rows[y]]).adjust_cell_length(
            width, self.rich_style
        )

    def _style(self, token: str) -> Style:
        known = self._styles.get(token)
        if known is None:
            known = self._styles[token] = self.rich_style + self._colour(token)
        return known

    def _colour(self, token: str) -> Style:
        if not token:
            return Style()
        variables = self.app.theme_variables
        name = token.removesuffix("~")
        colour = rich_style(variables, name)
        if name == token:
            return Style.parse(colour)
        if not variables[name].startswith("#"):
            return Style.parse(f"dim {colour}")
        ground = self.background_colors[1]
        return Style.parse(ground.blend(Color.parse(colour), _FAINT).hex6)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())

    def _recolour(self) -> None:
        self._styles.clear()
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._take if self._is_old or not self._view.curves else self._draw)

    def on_show(self, event: events.Show) -> None:
        self.call_after_refresh(self.catch_up)

    def catch_up(self) -> None:
        """Draw what came while it could not be seen."""
        if self._is_old:
            self._take()

    def _place(self, event: events.MouseEvent) -> float:
        """Where the mouse is on the x axis, 0 to 1 inside of it."""
        return (event.x + 0.5 - LABELS) / max(self.size.width - LABELS, 1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        x = self._view.x
        if x is None:
            return
        if self._dragged_from is not None:
            self._drag(event)
            return
        place = self._place(event)
        pointer = self._view.snapped(x.value(place)) if 0 <= place <= 1 else None
        if pointer != self._pointer:
            self._pointer = pointer
            self._draw()

    def on_leave(self, event: events.Leave) -> None:
        if self._pointer is not None:
            self._pointer = None
            self._draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and self._view.curves:
            self._dragged_from, self._was_dragged = (event.screen_x, event.screen_y), False
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged_from is None:
            return
        self._dragged_from = None
        self.release_mouse()
        if not self._was_dragged:
            self._view.cursor = None if self._view.cursor == self._pointer else self._pointer
            self._draw()

    def _drag(self, event: events.MouseMove) -> None:
        assert self._dragged_from is not None
        across = (self._dragged_from[0] - event.screen_x) / max(self.size.width - LABELS, 1)
        down = (event.screen_y - self._dragged_from[1]) / max(self.size.height - ROWS_AROUND, 1)
        if across or down:
            self._was_dragged = True
            self._dragged_from = (event.screen_x, event.screen_y)
            self._view.move(across)
            if not self._view.fits_y:
                self._view.move_y(down)
            self._draw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, _ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1 / _ZOOM)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        event.stop()
        if event.ctrl:
            self._view.zoom_y(factor)
        else:
            self._view.zoom(factor, self._place(event))
        self._draw()

    def action_zoom_in(self) -> None:
        """Look closer, at the cursor where there is one."""
        self._view.zoom(_ZOOM)
        self._draw()

    def action_zoom_out(self) -> None:
        """Look from farther away."""
        self._view.zoom(1 / _ZOOM)
        self._draw()

    def action_zoom_y_in(self) -> None:
        """Stretch the y axis."""
        self._view.zoom_y(_ZOOM)
        self._draw()

    def action_zoom_y_out(self) -> None:
        """Squeeze the y axis."""
        self._view.zoom_y(1 / _ZOOM)
        self._draw()

    def action_pan_left(self) -> None:
        """Move the view, or the cursor."""
        self._step(-1)

    def action_pan_right(self) -> None:
        """Move the view, or the cursor."""
        self._step(1)

    def action_jump_left(self) -> None:
        """Move farther."""
        self._step(-1, far=True)

    def action_jump_right(self) -> None:
        """Move farther."""
        self._step(1, far=True)

    def _step(self, way: int, *, far: bool = False) -> None:
        if self._view.cursor is None:
            self._view.move(way * _PAN * (3 if far else 1))
        else:
            # Keys may come before the plot that they brought in sight has its size.
            columns = self.size.width - LABELS
            self._view.step_cursor(way, 0.1 if far else 1 / columns if columns > 0 else 0.01)
        self._draw()

    def action_pan_up(self) -> None:
        """Look at larger values."""
        self._view.move_y(_PAN)
        self._draw()

    def action_pan_down(self) -> None:
        """Look at smaller values."""
        self._view.move_y(-_PAN)
        self._draw()

    def action_cursor(self) -> None:
        """Show or hide the cursor."""
        self._view.toggle_cursor()
        self._draw()

    def action_reset_scales(self) -> None:
        """Show the whole curve, without a cursor."""
        self._view.reset()
        self._draw()
