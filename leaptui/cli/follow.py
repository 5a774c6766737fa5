"""Following a run on stderr: a live display in a terminal, plain lines elsewhere.

Following is rereading the run directory, so leaving changes nothing for the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from leaptui.cli.output import note, print_error, stderr
from leaptui.errors import ExitCode, LeaptuiError, OperationFailed
from leaptui.runs.control import request_stop
from leaptui.runs.layout import open_run
from leaptui.runs.status import State
from leaptui.runs.view import RunView
from leaptui.words import duration, error_text, visible

_POLL = 0.25
_LINE_EVERY = 5.0
"""Seconds between progress lines where there is no terminal to redraw."""


@dataclass(frozen=True)
class Ended:
    """How a run ended, or was left.

    Args:
        exit_code: for the command that waited.
        result: content of result.json, if there is one.
    """

    exit_code: int
    result: dict[str, Any] | None


def follow(run: Path, *, stop_on_interrupt: bool = True) -> Ended:
    """Show a run until it ends.

    Args:
        run: its directory.
        stop_on_interrupt: Ctrl-C asks the run to stop, and a second one leaves; otherwise the first leaves.
    """
    view = RunView(run)
    asked = False
    with _Display(view) as display:
        while True:
            try:
                display.show(view.refresh())
                if view.is_over:
                    break
                if not view.is_behind:
                    time.sleep(_POLL)
            except KeyboardInterrupt:
                if asked or not stop_on_interrupt:
                    display.say(f"left; the run goes on: leaptui attach {run}")
                    return Ended(ExitCode.INTERRUPTED if stop_on_interrupt else ExitCode.DONE, None)
                asked = True
                _ask_to_stop(run, display.say)
    return _ended(view, run)


def _ask_to_stop(run: Path, say: Callable[[str], None]) -> None:
    try:
        request_stop(open_run(run))
        say("asked the run to stop; it ends after this step and keeps what it has (Ctrl-C again leaves at once)")
    except LeaptuiError as error:
        say(str(error))


def _ended(view: RunView, run: Path) -> Ended:
    if view.state is State.FINISHED:
        return Ended(ExitCode.DONE, view.result)
    if view.state is State.STOPPED:
        note(f"the run was stopped: {run}")
        return Ended(ExitCode.INTERRUPTED, view.result)
    error = view.error
    status = view.status
    code = ExitCode.FAILED if status is None or not status.exit_code else status.exit_code
    if error is None:
        print_error(OperationFailed(f"the run did not end well: {view.reason}", where=run))
        for line in view.output()[-8:]:
            note(f"  {line}")
    else:
        print_error(OperationFailed(error.what, where=error.where, hint=error.hint))
        if error.traceback:
            note(f"  this is a bug in leaptui; the traceback is in {run / 'output.log'}")
    return Ended(code, None)


class _Display:
    """One line that is redrawn in a terminal, or a line every few seconds elsewhere."""

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[words]}", markup=False),
            console=stderr,
            transient=True,
            disable=not stderr.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None, words="")
        self._last_line = 0.0
        self._state: State | None = None

    def __enter__(self) -> _Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        note(line)

    def show(self, events: list[dict[str, Any]]) -> None:
        """Show what is new."""
        for event in events:
            if event["type"] == "log":
                self.say(str(event.get("message", "")))
            elif event["type"] == "epoch" and not stderr.is_terminal:
                self.say(epoch_line(event, self._view.plan))
        done, total, told = self._figures()
        state = self._view.state
        description = visible(str(self._view.operation or "run"))
        if state is not State.RUNNING:
            description = f"{description} ({state})"
        self._progress.update(self._task, description=description, completed=done, total=total, words=told)
        if not stderr.is_terminal:
            self._plain(told, state)

    def _plain(self, told: str, state: State) -> None:
        now = time.monotonic()
        if state is not self._state:
            self._state = state
            self.say(f"{self._view.operation or 'run'}: {state}")
        elif told and self._view.plan is None and now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            self.say(told)

    def _figures(self) -> tuple[float, float | None, str]:
        view = self._view
        if view.plan is not None and (view.last_step or view.epochs):
            return _training_figures(view)
        progress = view.progress
        if progress is None:
            return 0, None, ""
        parts = [
            progress.label,
            f"{progress.done:,.0f}" + (f" of {progress.total:,.0f}" if progress.total else "") + f" {progress.unit}",
        ]
        if progress.rate:
            parts.append(f"{progress.rate:,.0f}/s")
        if view.eta:
            parts.append(f"{duration(view.eta)} left")
        return progress.done, progress.total, "  ".join(visible(p) for p in parts if p)


def _training_figures(view: RunView) -> tuple[float, float | None, str]:
    plan = view.plan or {}
    step = view.last_step or {}
    per_epoch, epochs = plan.get("steps_per_epoch") or 1, plan.get("epochs") or 1
    done = step.get("step") or (view.epochs[-1].step if view.epochs else 0) or 0
    parts = [f"epoch {step.get('epoch') or 1}/{epochs}"]
    if isinstance(step.get("loss"), int | float):
        parts.append(f"loss {step['loss']:.3f}")
    best = view.best
    if best is not None and best.val_error_px is not None:
        parts.append(f"best {error_text(best.val_error_px, best.val_error_body)}")
    if isinstance(step.get("samples_per_s"), int | float):
        parts.append(f"{step['samples_per_s']:.0f} samples/s")
    if view.eta:
        parts.append(f"{duration(view.eta)} left")
    return done, per_epoch * epochs, "  ".join(parts)


def epoch_line(event: dict[str, Any], plan: dict[str, Any] | None) -> str:
    """One epoch as a line."""
    total = (plan or {}).get("epochs")
    parts = [f"epoch {event.get('epoch')}" + (f"/{total}" if total else "")]
    for name, label in (("train_loss", "train loss"), ("val_loss", "val loss")):
        if isinstance(event.get(name), int | float):
            parts.append(f"{label} {event[name]:.4f}")
    if isinstance(event.get("val_error_px"), int | float):
        parts.append(f"val error {error_text(event['val_error_px'], event.get('val_error_body'))}")
    if event.get("best"):
        parts.append("best")
    return "  ".join(parts)
