"""RunScreen: one run, live or ended."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static

from leaptui.errors import LeaptuiError
from leaptui.tui import messages
from leaptui.tui.keymap import bindings
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.services import Services
from leaptui.tui.styles import style
from leaptui.tui.text import cell
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.curves import CurvePanel, Series
from leaptui.tui.widgets.progress_line import ProgressLine
from leaptui.tui.widgets.run_facts import count_facts, fact_table, result_facts, train_facts, worst_nodes
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import duration, visible, visible_lines

_EVERY = 0.5
_EVERY_WHEN_OVER = 5.0

_WORDS = {
    "queued": "It waits for its worker to start.",
    "starting": "The worker is loading its libraries; that takes some seconds.",
    "stopping": "It was asked to stop and is saving what it has.",
    "stopped": "It was stopped; what it had is saved.",
}


class RunScreen(Screen[None]):
    """Shows a run and asks it to stop; the run itself does not know of it.

    Args:
        path: the run directory.
        services: how to read and stop it.
    """

    CSS_PATH = style("run")
    BINDINGS = bindings("run")
    SCOPES = ("run", "plot")
    AUTO_FOCUS = ""

    def __init__(self, path: Path, services: Services) -> None:
        super().__init__()
        self._path = path
        self._services = services
        self._reader = services.reader(path)
        self._picture = RunPicture(path, state="queued")
        self._looking = False
        self._asked_to_stop = False
        self._log_scale = True
        self._log_shown: list[str] = []
        self._fact_names: list[str] = []
        self._words_shown = ("", "")
        self._outcome_shown: object = None

    def compose(self) -> ComposeResult:
        in_project = self._path.parent.name == "runs"
        yield TitleBar(*([self._path.parent.parent.name] if in_project else []), self._path.name)
        yield Static("", id="words", markup=False)
        with Horizontal(id="top"):
            with Vertical(id="curves"):
                yield CurvePanel("loss by epoch", "No loss yet.", id="loss")
                yield CurvePanel("validation error by epoch (px)", "No epoch with a validation error yet.", id="error")
            with VerticalScroll(id="facts", can_focus=False):
                yield Static(id="fact-table")
        with VerticalScroll(id="outcome"):
            yield Static(id="outcome-text")
        yield ProgressLine(id="progress")
        yield RichLog(id="log", wrap=True, min_width=20, max_lines=500)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#curves").set_class(self.app.size.height >= 34, "-with-error")
        log = self.query_one("#log", RichLog)
        log.border_title = "log"
        log.display = False
        self.query_one("#facts").border_title = "run"
        self.query_one("#outcome").display = False
        self.query_one("#words").display = False
        self._timer = self.set_interval(_EVERY, self._look)
        self._slow_timer = self.set_interval(_EVERY_WHEN_OVER, self._look, pause=True)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._show())
        self._look()

    def _look(self) -> None:
        if not self._looking and self.is_active:
            self._looking = True
            self._read()

    @work(thread=True, group="run", exclusive=False)
    def _read(self) -> None:
        self.post_message(messages.RunRead(self._reader.look()))

    @on(messages.RunRead)
    def _read_done(self, message: messages.RunRead) -> None:
        message.stop()
        self._looking = False
        if message.picture == self._picture:
            return
        before, self._picture = self._picture, message.picture
        over = self._picture.is_final and not self._picture.behind
        (self._timer.pause if over else self._timer.resume)()
        (self._slow_timer.resume if over else self._slow_timer.pause)()
        self._show()
        # It composes the footer anew, which is a layout and so a full repaint.
        if (before.can_stop, before.operation) != (self._picture.can_stop, self._picture.operation):
            self.refresh_bindings()

    def _show(self) -> None:
        picture = self._picture
        shown_state = "stopping" if self._asked_to_stop and picture.can_stop else picture.state
        self.query_one(TitleBar).show_note(f"{picture.operation} · {shown_state}", f"state-{shown_state}")
        self._show_words(shown_state)
        self._show_curves()
        self._show_facts()
        self._show_progress()
        self._show_outcome()
        self._show_log()

    def _show_words(self, state: str) -> None:
        picture = self._picture
        lines = []
        if state == "stale":
            lines.append(f"No sign of life: {picture.reason or 'its heart does not beat'}.")
            lines.append("What it had saved is in its folder; start it again from the project.")
        elif picture.error is None and (picture.reason or state in _WORDS):
            lines.append(picture.reason or _WORDS[state])
        lines += picture.problems
        if (state, "\n".join(lines)) == self._words_shown:
            return
        self._words_shown = (state, "\n".join(lines))
        words = self.query_one("#words", Static)
        words.update(Content(visible_lines("\n".join(lines))))
        words.set_classes(f"state-{state}")
        words.display = bool(lines)

    def _show_curves(self) -> None:
        picture = self._picture
        training = picture.operation in ("train", "")
        self.query_one("#curves").display = training and picture.state != "broken"
        self.set_class(not training, "-no-curves")
        if not training:
            return
        each = picture.plan.get("steps_per_epoch") or 1
        steps = [(step / each, loss) for step, loss in picture.steps]
        series = [Series("training", "curve-train", steps)]
        validation = [(float(p.epoch), p.val_loss) for p in picture.epochs if p.val_loss is not None]
        if not steps:
            means = [(float(p.epoch), p.train_loss) for p in picture.epochs if p.train_loss is not None]
            series = [Series("training", "curve-train", means)]
        series.append(Series("validation", "curve-validation", validation))
        self.query_one("#loss", CurvePanel).show(series, log=self._log_scale)
        errors = [(float(p.epoch), p.val_error_px) for p in picture.epochs if p.val_error_px is not None]
        curves = [Series("validation error", "curve-error", errors)]
        best = picture.best
        if best is not None and best.val_error_px is not None:
            label = f"best {best.val_error_px:.3g} px"
            curves.append(Series(label, "curve-best", [(float(best.epoch), best.val_error_px)], dots=True, line=False))
        self.query_one("#error", CurvePanel).show(curves)

    def _show_facts(self) -> None:
        picture = self._picture
        quiet = rich_style(self.app.theme_variables, "quiet")
        facts = train_facts(picture) if picture.operation == "train" else count_facts(picture)
        # Laying out the screen anew repaints all of it: only where a line more or less asks for it.
        names = [name for name, _ in facts]
        table = self.query_one("#fact-table", Static)
        table.update(fact_table(facts, quiet), layout=names != self._fact_names)
        self._fact_names = names
        self.query_one("#facts").display = picture.state != "broken"

    def _show_progress(self) -> None:
        picture = self._picture
        line = self.query_one(ProgressLine)
        line.display = not picture.is_final
        line.show(picture.fraction, "" if picture.eta is None else f"{duration(picture.eta)} left")

    def _show_outcome(self) -> None:
        """Why it failed, or what came out."""
        picture = self._picture
        shown = (picture.state, picture.error, picture.result, picture.output, self.app.theme)
        if shown == self._outcome_shown:
            return
        self._outcome_shown = shown
        panel = self.query_one("#outcome")
        parts: list[object] = []
        quiet = rich_style(self.app.theme_variables, "quiet")
        if picture.error is not None:
            parts.append(self._error_text())
            panel.border_title = "error"
        elif picture.state == "stale" and picture.output:
            panel.border_title = "the last it printed"
            parts.append(Text(visible_lines("\n".join(picture.output)), style=quiet))
        elif picture.result is not None and picture.is_final:
            facts = result_facts(picture.result)
            parts.append(fact_table(facts, quiet))
            worst = worst_nodes(picture.result)
            if worst:
                parts += [Text("\nNodes with the largest mean error", style=quiet), fact_table(worst, quiet)]
            panel.border_title = "result"
        panel.set_class(picture.error is not None, "-error")
        panel.display = bool(parts)
        self.set_class(bool(parts), "-with-outcome")
        if parts:
            self.query_one("#outcome-text", Static).update(Group(*parts))  # type: ignore[arg-type]

    def _error_text(self) -> Text:
        error = self._picture.error
        assert error is not None
        bad = rich_style(self.app.theme_variables, "state-failed")
        text = Text(visible_lines(error.what), style=f"bold {bad}")
        if error.where:
            text.append(f"\nwhere: {visible(error.where)}", style="default")
        if error.hint:
            text.append(f"\n{visible_lines(error.hint)}", style="default")
        details = error.traceback or "\n".join(self._picture.output)
        if details:
            text.append(f"\n\n{visible_lines(details)}", style=rich_style(self.app.theme_variables, "quiet"))
        return text

    def _show_log(self) -> None:
        styles = {
            "warning": rich_style(self.app.theme_variables, "state-stale"),
            "error": rich_style(self.app.theme_variables, "state-failed"),
        }
        lines = [f"{line.level}\0{line.message}" for line in self._picture.log]
        if lines == self._log_shown:
            return
        log = self.query_one("#log", RichLog)
        log.display = bool(lines)
        self.call_after_refresh(log.scroll_end, animate=False)
        if lines[: len(self._log_shown)] == self._log_shown:
            new = self._picture.log[len(self._log_shown) :]
        else:
            log.clear()
            new = self._picture.log
        for line in new:
            text = cell(line.message, styles.get(line.level, ""))
            text.no_wrap = False
            log.write(text)
        self._log_shown = lines

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self._picture.can_stop and not self._asked_to_stop
        if action in ("log_scale", "error_curve"):
            return self._picture.operation in ("train", "")
        return True

    def action_stop(self) -> None:
        """Ask whether to stop."""
        from leaptui.tui.screens.confirm import ConfirmScreen

        self.app.push_screen(
            ConfirmScreen(
                "Stop this run?",
                "It finishes its step, saves what it has and ends.\nTo leave it running, press Escape twice: it goes on without leaptui.",
                yes="Stop the run",
                no="Let it go on",
            ),
            self._stop_answered,
        )

    def _stop_answered(self, stop: bool | None) -> None:
        if stop:
            self._asked_to_stop = True
            self._show()
            self.refresh_bindings()
            self._stop()

    @work(thread=True, group="stop", exclusive=True)
    def _stop(self) -> None:
        try:
            self._services.stop(self._path)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))

    def action_log_scale(self) -> None:
        """Logarithmic or linear loss."""
        self._log_scale = not self._log_scale
        self._show_curves()

    def action_error_curve(self) -> None:
        """Show or hide the validation error."""
        self.query_one("#curves").toggle_class("-with-error")

    def action_copy_path(self) -> None:
        """Copy the path of the run directory."""
        self.app.copy_to_clipboard(str(self._path))
        self.app.notify(visible(self._path), title="Copied", markup=False)

    def action_back(self) -> None:
        """Leave; the run goes on."""
        self.app.pop_screen()
