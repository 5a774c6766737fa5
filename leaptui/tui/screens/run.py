"""RunScreen: one run, live or ended."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Group
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static

from leaptui.tui import messages
from leaptui.tui.keymap import bindings
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.screens.run_control import CONTROLS, RunControl
from leaptui.tui.screens.run_panels import TRAINING_ONLY, RunPanels
from leaptui.tui.services import Services
from leaptui.tui.styles import style
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.curves import CurvePanel
from leaptui.tui.widgets.fact_panel import FactPanel
from leaptui.tui.widgets.gauge_panel import GaugePanel
from leaptui.tui.widgets.log_panel import LogPanel
from leaptui.tui.widgets.node_bars import NodeBars
from leaptui.tui.widgets.panel_tabs import PanelTabs
from leaptui.tui.widgets.preview_panel import PreviewPanel
from leaptui.tui.widgets.progress_line import ProgressLine
from leaptui.tui.widgets.prompt_line import PromptLine
from leaptui.tui.widgets.run_facts import count_facts, fact_table, foreign_facts, result_facts, train_facts, worst_nodes
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import duration, visible, visible_lines

_EVERY = 0.5
_EVERY_WHEN_OVER = 5.0
_EVERY_WHEN_BEHIND = 2.0
_LAST_LINES = 8
"""Of the log, shown with a failure."""

_WORDS = {
    "queued": "It waits for its worker to start.",
    "starting": "The worker is loading its libraries; that takes some seconds.",
    "stopping": "It was asked to stop and is saving what it has.",
    "stopped": "It was stopped; what it had is saved.",
}


class RunScreen(RunPanels, RunControl):
    """Shows a run and asks things of it; the run itself does not know of the screen.

    Args:
        path: the run directory.
        services: how to read it, and to ask it things.
    """

    CSS_PATH = style("run")
    BINDINGS = bindings("run")
    SCOPES = ("run", "plot", "log", "nodes", "preview")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (150, "-very-wide"), (200, "-widest")]
    AUTO_FOCUS = ""

    def __init__(self, path: Path, services: Services) -> None:
        super().__init__(path, services)
        self._reader = services.reader(path)
        self._looking = False
        self._shown_at = -_EVERY_WHEN_BEHIND
        self._words_shown = ("", "")
        self._outcome_shown: object = None

    def compose(self) -> ComposeResult:
        in_project = self.path.parent.name == "runs"
        yield TitleBar(*([self.path.parent.parent.name] if in_project else []), self.path.name)
        yield Static("", id="words", markup=False)
        yield PanelTabs(id="tabs")
        with Horizontal(id="top"):
            with Vertical(id="left"):
                with VerticalScroll(id="outcome"):
                    yield Static(id="outcome-text")
                yield CurvePanel("loss", "No loss yet.", id="loss")
                with Horizontal(id="small"):
                    yield CurvePanel("validation error", "No epoch with a validation error yet.", id="error")
                    yield CurvePanel("learning rate", "No learning rate yet.", id="rate")
                yield CurvePanel("other curve", "No other curve was logged.", id="metric")
            with Vertical(id="middle"):
                with Vertical(id="previews", classes="panel"):
                    yield PreviewPanel()
                with Vertical(id="nodes", classes="panel"):
                    yield NodeBars()
            with Vertical(id="side"):
                with VerticalScroll(id="facts", can_focus=False):
                    yield FactPanel()
                with Vertical(id="host", classes="panel"):
                    yield GaugePanel(clock=self.services.now)
        with Vertical(id="log", classes="panel"):
            yield LogPanel()
        yield ProgressLine(id="progress")
        yield PromptLine()
        yield Footer()

    def on_mount(self) -> None:
        self.find_panels()
        for name, title in (("facts", "run"), ("previews", "previews"), ("nodes", "error of each node")):
            self.query_one(f"#{name}").border_title = title
        self.query_one("#host").border_title = "machine"
        self.query_one("#log").border_title = "log"
        self.query_one("#words").display = False
        self._timer = self.set_interval(_EVERY, self._look)
        self._slow_timer = self.set_interval(_EVERY_WHEN_OVER, self._look, pause=True)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_all())
        self.place_panels()
        self._look()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        for panel in self.query(CurvePanel):
            panel.plot.catch_up()

    def _look(self) -> None:
        if not self._looking and self.is_active:
            self._looking = True
            self._read()

    @work(thread=True, group="run", exclusive=False)
    def _read(self) -> None:
        picture = self._reader.look()
        self.post_message(messages.RunRead(picture, *self.read_output()))

    @on(messages.RunRead)
    def _read_done(self, message: messages.RunRead) -> None:
        message.stop()
        self._looking = False
        is_new_output = self.take_output(message.output, message.dropped)
        if message.picture.behind and time.monotonic() - self._shown_at < _EVERY_WHEN_BEHIND:
            # A long history goes by: it need not be watched.
            return
        before, self.picture = self.picture, message.picture
        if message.picture == before:
            if is_new_output and self.is_in_sight("log"):
                self.show_panels()
            return
        self._shown_at = time.monotonic()
        over = self.picture.is_final and not self.picture.behind
        (self._timer.pause if over else self._timer.resume)()
        (self._slow_timer.resume if over else self._slow_timer.pause)()
        if self.asked_to_stop and not self.picture.can_stop:
            self.asked_to_stop = False
        self.show_all()
        # It composes the footer anew, which is a layout and so a full repaint.
        if _what_can_be_done(before) != _what_can_be_done(self.picture):
            self.refresh_bindings()

    def show_all(self) -> None:
        """Show the picture as it is."""
        picture, state = self.picture, self.shown_state
        named = picture.foreign or picture.operation
        self.query_one(TitleBar).show_note(f"{named} · {state}" if named else state, f"state-{state}")
        self._show_words(state)
        self._show_outcome()
        self.place_panels()
        self._show_facts()
        self._show_progress()
        self.show_panels()

    def _show_words(self, state: str) -> None:
        picture = self.picture
        lines = []
        if picture.waiting is not None:
            lines.append(f"It waits: {picture.waiting.reason}.")
        elif state == "stale":
            lines.append(f"No sign of life: {picture.reason or 'its heart does not beat'}.")
            lines += [words for words in (picture.advice, _way_on(picture)) if words]
        elif picture.error is None and (picture.reason or state in _WORDS):
            lines.append(picture.reason or _WORDS[state])
            if state == "stopped" and picture.resumable:
                lines[-1] += "  r goes on from its last checkpoint."
        lines += picture.problems
        if (state, "\n".join(lines)) == self._words_shown:
            return
        self._words_shown = (state, "\n".join(lines))
        words = self.query_one("#words", Static)
        words.update(Content(visible_lines("\n".join(lines))))
        words.set_classes(f"state-{state}")
        words.display = bool(lines)

    def _show_facts(self) -> None:
        picture = self.picture
        kind = foreign_facts if picture.foreign else train_facts if picture.operation == "train" else count_facts
        facts = kind(picture)
        if picture.tags:
            facts = [*facts, ("tags", ", ".join(picture.tags))]
        if picture.notes:
            facts = [*facts, ("notes", " ".join(picture.notes.split()))]
        self.query_one(FactPanel).show(facts)

    def _show_progress(self) -> None:
        picture = self.picture
        line = self.query_one(ProgressLine)
        line.display = not picture.is_final
        line.show(picture.fraction, "" if picture.eta is None else f"{duration(picture.eta)} left")

    def _show_outcome(self) -> None:
        """Why it failed, or what came out."""
        picture = self.picture
        shown = (picture.state, picture.error, picture.result, picture.output, picture.resumable, self.app.theme)
        if shown == self._outcome_shown:
            return
        self._outcome_shown = shown
        if not self.has_outcome:
            return
        panel = self.query_one("#outcome")
        quiet = rich_style(self.app.theme_variables, "quiet")
        parts: list[object] = []
        if picture.error is not None:
            parts += [self._error_text(), *self._last_words(quiet)]
            panel.border_title = "error"
        elif picture.state == "stale":
            parts.append(Text(visible_lines("\n".join(picture.output)), style=quiet))
            parts += self._last_words(quiet)
            panel.border_title = "the last it printed"
        elif picture.result is not None:
            parts.append(fact_table(result_facts(picture.result), quiet))
            worst = worst_nodes(picture.result)
            if worst:
                parts += [Text("\nNodes with the largest mean error", style=quiet), fact_table(worst, quiet)]
            panel.border_title = "result"
        panel.set_class(picture.error is not None, "-error")
        self.query_one("#outcome-text", Static).update(Group(*parts))  # type: ignore[arg-type]

    def _error_text(self) -> Text:
        error = self.picture.error
        assert error is not None
        bad = rich_style(self.app.theme_variables, "state-failed")
        text = Text(visible_lines(error.what), style=f"bold {bad}")
        if error.where:
            text.append(f"\nwhere: {visible(error.where)}", style="default")
        if error.hint:
            text.append(f"\n{visible_lines(error.hint)}", style="default")
        if self.picture.state in ("failed", "stale"):
            text.append(f"\n{_way_on(self.picture)}", style="default")
        details = error.traceback or "\n".join(self.picture.output)
        if details:
            text.append(f"\n\n{visible_lines(details)}", style=rich_style(self.app.theme_variables, "quiet"))
        return text

    def _last_words(self, quiet: str) -> list[Text]:
        """What it logged before it ended."""
        last = self.picture.log[-_LAST_LINES:]
        if not last:
            return []
        return [Text("\nThe last it logged", style=quiet), *(Text(visible(line.message)) for line in last)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in CONTROLS:
            return self.can_do(action)
        if action in TRAINING_ONLY:
            return self.picture.operation in ("train", "")
        if action == "panel":
            return parameters[:1] == () or parameters[0] in self.available()
        if action == "metric":
            return bool(self.picture.metrics)
        if action == "hit":
            return bool(self.query_one(LogPanel).search)
        return True

    def prompt_typed(self, question: str, value: str) -> None:
        self.search_typed(question, value)

    def prompt_answered(self, question: str, value: str) -> None:
        if not self.search_typed(question, value):
            self.control_answered(question, value)

    def prompt_left(self) -> None:
        self.query_one(LogPanel).look_for("")

    def action_copy_path(self) -> None:
        """Copy the path of the run directory."""
        self.app.copy_to_clipboard(str(self.path))
        self.app.notify(visible(self.path), title="Copied", markup=False)

    def action_back(self) -> None:
        """Leave; the run goes on."""
        self.app.pop_screen()


def _what_can_be_done(picture: RunPicture) -> tuple[object, ...]:
    return (picture.state, picture.operation, picture.resumable, picture.foreign, bool(picture.metrics))


def _way_on(picture: RunPicture) -> str:
    """What to do about a run that did not end well."""
    if picture.resumable:
        known = [each.epoch for each in picture.checkpoints if each.epoch is not None]
        where = f", epoch {known[-1]:g}" if known else ""
        return f"r resumes it from its last checkpoint{where}." if picture.checkpoints else "r starts it again."
    if not picture.here and picture.state == "stale":
        return "What it had saved is in its folder; resume it on its own machine."
    return "What it had saved is in its folder; start it again from the project."
