"""RunPanels: which panels of a run are in sight, and how its curves and its log are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from textual import events, on, work
from textual.widget import Widget

from leaptui.tui.output_tail import OutputTail
from leaptui.tui.panel_layout import LEFT, MIDDLE, SIDE, PanelLayout, arranged, save_layout
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.screens.run_base import RunBase
from leaptui.tui.widgets.curves import CurvePanel
from leaptui.tui.widgets.gauge_panel import GaugePanel
from leaptui.tui.widgets.log_panel import Line, LogPanel, lines_dropped
from leaptui.tui.widgets.node_bars import NodeBars
from leaptui.tui.widgets.panel_tabs import PanelTabs
from leaptui.tui.widgets.preview_panel import PreviewPanel
from leaptui.tui.widgets.run_curves import Drawing, RunCurves
from leaptui.tui.widgets.smoothing import next_level
from leaptui.words import visible

TABS = (
    ("loss", "1", "Loss"),
    ("error", "2", "Error"),
    ("nodes", "3", "Nodes"),
    ("host", "4", "GPU"),
    ("log", "5", "Log"),
    ("previews", "6", "Previews"),
    ("rate", "7", "Rate"),
    ("metric", "8", "Other"),
    ("outcome", "9", "Outcome"),
)
"""Name, key and title of every panel that can be in front."""

TRAINING_ONLY = frozenset({"log_scale", "smooth", "by_step"})
_SEARCH = "search"
Kind = TypeVar("Kind", bound=Widget)
_LEVELS = {"warning": "state-stale", "error": "state-failed"}


class RunPanels(RunBase):
    """The panels and their commands."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self._boxes: dict[str, Widget] = {}
        self._front = ""
        self._front_is_chosen = False
        self._shown: frozenset[str] = frozenset()
        self._seen: dict[str, object] = {}
        self._tail = OutputTail(self.path / "output.log")
        self._printed: tuple[str, ...] = ()
        self._printed_dropped = 0
        self._logged: list[Line] = []
        self._shows_output: bool | None = None

    def find_panels(self) -> None:
        """Take hold of the panels, once they are there: what is shown after the next refresh may find the screen
        being closed, and some of them gone."""
        names = (*LEFT, *MIDDLE, *SIDE, "log", "left", "middle", "side", "small", "top", "tabs")
        self._boxes = {name: self.query_one(f"#{name}") for name in names}
        self._log_panel, self._node_bars = self.query_one(LogPanel), self.query_one(NodeBars)
        self._gauge_panel, self._preview_panel = self.query_one(GaugePanel), self.query_one(PreviewPanel)

    def read_output(self) -> tuple[tuple[str, ...], int]:
        """What the program printed, read anew; for a thread."""
        return self._tail.look(), self._tail.dropped

    def take_output(self, lines: tuple[str, ...], dropped: int) -> bool:
        """What the program printed, for the next showing; whether it is new."""
        is_new = (lines, dropped) != (self._printed, self._printed_dropped)
        self._printed, self._printed_dropped = lines, dropped
        return is_new

    def is_in_sight(self, name: str) -> bool:
        """Whether a panel is shown."""
        return name in self._shown

    def available(self) -> list[str]:
        """The panels there is something to show in."""
        picture = self.picture
        if picture.state == "broken":
            return ["outcome"]
        names = ["facts", "log"]
        if picture.gauges or (picture.operation in ("train", "") and picture.foreign is None):
            names.append("host")
        if self.has_outcome:
            names.append("outcome")
        if picture.operation in ("train", ""):
            names.append("loss")
            names += ["error"] if picture.foreign is None or _has_errors(picture) else []
            names += ["rate"] if picture.rates or any(point.lr is not None for point in picture.epochs) else []
        if picture.foreign is None and picture.operation in ("train", ""):
            names += ["nodes", "previews"]
        return [*names, "metric"] if picture.metrics else names

    @property
    def has_outcome(self) -> bool:
        """Something came out, or it is known why nothing did."""
        picture = self.picture
        return (
            picture.error is not None
            or (picture.state == "stale" and bool(picture.output))
            or (picture.result is not None and picture.is_final)
        )

    def place_panels(self) -> None:
        """Show the panels that are wanted, as far as there is room."""
        if not self._boxes:
            return
        available = self.available()
        layout = self.layout_now
        if not self._front_is_chosen and "outcome" in available and self.picture.state in ("failed", "stale", "broken"):
            layout = replace(layout, panel="outcome", maximised=False)
        size = self.app.size
        shown = arranged(size.width, size.height, available, layout)
        front = layout.panel if layout.panel in shown else next((name for name, *_ in TABS if name in shown), "facts")
        tabs = tuple(tab for tab in TABS if tab[0] in available)
        self._box("tabs", PanelTabs).show(tabs, front, shown)
        if (shown, front) == (self._shown, self._front):
            return
        self._shown, self._front = shown, front
        for name in (*LEFT, *MIDDLE, *SIDE, "log"):
            panel = self._boxes[name]
            panel.display = name in shown
            panel.set_class(name == front, "-front")
        self._boxes["small"].display = bool(shown & {"error", "rate"})
        for column, names in (("left", LEFT), ("middle", MIDDLE), ("side", SIDE)):
            self._boxes[column].display = bool(shown.intersection(names))
        self._boxes["top"].display = bool(shown.intersection((*LEFT, *MIDDLE, *SIDE)))
        self.set_class(not shown.intersection((*LEFT, *MIDDLE)), "-no-curves")
        self.set_class("log" in shown and not shown.intersection((*LEFT, *MIDDLE)), "-log-large")
        self._take_focus()
        self.call_after_refresh(self.show_panels)

    def _take_focus(self) -> None:
        """Keys go to the panel in front, where it takes any."""
        panel = self._boxes.get(self._front)
        if panel is None:
            return
        target = next((each for each in (panel, *panel.query(Widget)) if each.focusable), None)
        self.set_focus(target, scroll_visible=False)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.place_panels)

    def show_panels(self) -> None:
        """Bring those in sight up to date."""
        picture, shown = self.picture, self._shown
        layout = self.layout_now
        curves = RunCurves(picture, by_step=layout.by_step)
        if "loss" in shown and self._is_new("loss", picture.steps, picture.epochs, picture.checkpoints, picture.plan):
            self._draw("loss", curves.loss(), log=layout.log_loss)
        if "error" in shown and self._is_new("error", picture.epochs, picture.checkpoints, picture.plan):
            self._draw("error", curves.error(), log=layout.log_loss)
        if "rate" in shown and self._is_new("rate", picture.rates, picture.epochs, picture.plan):
            self._draw("rate", curves.rate())
        if "metric" in shown:
            self._show_metric(curves)
        if "nodes" in shown:
            body = picture.plan.get("body_length_px")
            body = float(body) if isinstance(body, int | float) and body > 0 else None
            self._node_bars.show(picture.node_errors, body)
        if "host" in shown:
            self._gauge_panel.show(picture.gauges, picture.host, nothing="Nothing was measured yet.")
        if "previews" in shown:
            self._preview_panel.show(picture.previews)
        if "log" in shown:
            self._show_log()

    def _box(self, name: str, kind: type[Kind]) -> Kind:
        box = self._boxes[name]
        assert isinstance(box, kind)
        return box

    def _is_new(self, name: str, *parts: object) -> bool:
        """Whether what a panel draws has changed; comparing is cheap where a reader hands out the same curves."""
        now = (*parts, self.picture.best, self.picture.resumed_at, self.layout_now)
        if self._seen.get(name) == now:
            return False
        self._seen[name] = now
        return True

    def _draw(self, name: str, drawing: Drawing, *, log: bool = False) -> None:
        smoothing = self.layout_now.smoothing
        words = ["log"] if log or drawing.log else []
        if smoothing and any(series.smooth for series in drawing.series):
            words.append(f"smooth {smoothing:g}")
        self._box(name, CurvePanel).show(
            drawing.series,
            marks=drawing.marks,
            across=drawing.across,
            log=log or drawing.log,
            smoothing=smoothing,
            caption=" · ".join(words),
        )

    def _metric(self) -> str:
        """The other curve that is shown."""
        names = sorted(self.picture.metrics)
        return self.layout_now.metric if self.layout_now.metric in names else next(iter(names), "")

    def _show_metric(self, curves: RunCurves) -> None:
        name = self._metric()
        if self._is_new("metric", name, self.picture.metrics.get(name), self.picture.plan):
            self._draw("metric", curves.metric(name))

    def _show_log(self) -> None:
        picture = self.picture
        panel = self._log_panel
        if panel.wrap != self.layout_now.wrap:
            panel.wrap = self.layout_now.wrap
        logged = [(visible(line.message), _LEVELS.get(line.level, "")) for line in picture.log]
        shows_output = self._shows_output
        if shows_output is None:
            shows_output = not logged and bool(self._printed)
        if shows_output:
            before = self._seen.get("output", 0)
            dropped = self._printed_dropped - (before if isinstance(before, int) else 0)
            panel.show([(line, "") for line in self._printed], dropped=dropped, name="what it printed")
        else:
            panel.show(logged, dropped=lines_dropped(self._logged, logged), name="what it logged")
            self._logged = logged
        self._seen["output"] = self._printed_dropped

    def change_layout(self, layout: PanelLayout) -> None:
        """Use another layout from now on."""
        self.layout_now = layout
        self._keep_layout(layout)
        self.place_panels()
        self.show_panels()

    @work(thread=True, group="layout")
    def _keep_layout(self, layout: PanelLayout) -> None:
        save_layout(layout)

    @on(PanelTabs.Chosen)
    def _tab_chosen(self, message: PanelTabs.Chosen) -> None:
        message.stop()
        self.action_panel(message.name)

    def action_panel(self, name: str) -> None:
        """Bring a panel to the front."""
        if name not in self.available():
            return
        self._front_is_chosen = True
        self.change_layout(replace(self.layout_now, panel=name, hidden=self.layout_now.hidden - {name}))
        self._take_focus()

    def action_maximise(self) -> None:
        """The panel in front alone, or with the others again."""
        now = self.layout_now
        self._front_is_chosen = True
        self.change_layout(replace(now, panel=self._front or now.panel, maximised=not now.maximised))

    def action_hide(self) -> None:
        """Leave the panel in front out."""
        left = [name for name, *_ in TABS if name in self._shown and name != self._front]
        if self._front in ("", "facts"):
            return
        hidden = self.layout_now.hidden | {self._front}
        other = left[0] if left else next(name for name, *_ in TABS if name != self._front)
        self._front_is_chosen = True
        self.change_layout(replace(self.layout_now, panel=other, hidden=hidden - {other}, maximised=False))

    def action_log_scale(self) -> None:
        """Logarithmic or linear loss."""
        self.change_layout(replace(self.layout_now, log_loss=not self.layout_now.log_loss))

    def action_smooth(self, by: int) -> None:
        """Smooth curves more or less."""
        self.change_layout(replace(self.layout_now, smoothing=next_level(self.layout_now.smoothing, by)))

    def action_by_step(self) -> None:
        """Over steps or over epochs."""
        self.change_layout(replace(self.layout_now, by_step=not self.layout_now.by_step))

    def action_metric(self) -> None:
        """Choose which other curve is shown."""
        from leaptui.tui.screens.choose import ChooseScreen

        names = sorted(self.picture.metrics)

        def chosen(at: int | None) -> None:
            if at is not None:
                self.layout_now = replace(self.layout_now, metric=names[at])
                self.action_panel("metric")

        self.app.push_screen(ChooseScreen("Which curve?", names, names.index(self._metric())), chosen)

    def action_search(self) -> None:
        """Ask what to look for in the log."""
        self.action_panel("log")
        self.ask_in_line(_SEARCH, "/", self._log_panel.search)

    def search_typed(self, question: str, value: str) -> bool:
        """What was typed so far, if it was for the search."""
        if question == _SEARCH:
            self._log_panel.look_for(value)
        return question == _SEARCH

    def action_hit(self, by: int) -> None:
        """The next line with what was searched."""
        self._log_panel.next_hit(by)

    @on(LogPanel.Wanted)
    def _log_wanted(self, message: LogPanel.Wanted) -> None:
        message.stop()
        if message.what == "wrap":
            self.change_layout(replace(self.layout_now, wrap=not self.layout_now.wrap))
            return
        shown = self._shows_output
        self._shows_output = not (shown if shown is not None else (not self.picture.log and bool(self._printed)))
        self._show_log()


def _has_errors(picture: RunPicture) -> bool:
    return any(point.val_error_px is not None for point in picture.epochs)
