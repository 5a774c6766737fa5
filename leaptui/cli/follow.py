"""Following a run on stderr: some lines redrawn in place in a terminal, plain lines elsewhere.

Following is rereading the run directory, so leaving changes nothing for the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from leaptui.cli.attach_view import attach_lines, epoch_line, progress_words, title, waiting_words
from leaptui.cli.output import note, print_error, stderr
from leaptui.cli.redraw import Redrawn
from leaptui.errors import ExitCode, LeaptuiError, OperationFailed
from leaptui.runs.control import request_stop
from leaptui.runs.layout import RunDirectory, open_run
from leaptui.runs.status import read_status
from leaptui.tui.run_picture import LogLine, RunPicture, RunReader
from leaptui.tui.run_reading import LiveReader
from leaptui.words import visible

_POLL = 0.25
_REDRAW_EVERY = 1.0
_LINE_EVERY = 5.0
"""Seconds between progress lines where there is no terminal to redraw."""

_TRACEBACK_LINES = 12


@dataclass(frozen=True)
class Ended:
    """How a run ended, or was left.

    Args:
        exit_code: for the command that waited.
        result: content of result.json, if there is one.
    """

    exit_code: int
    result: dict[str, Any] | None


class Display(Protocol):
    """Shows pictures of a run as they come."""

    def show(self, picture: RunPicture, *, last: bool = False) -> None:
        """Show a picture; the last one is shown whatever the pace."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def leave(self, words: str) -> None:
        """The last thing said, to somebody who leaves before the end."""


def follow(run: Path, *, stop_on_interrupt: bool = True) -> Ended:
    """Show a run until it ends.

    Args:
        run: its directory.
        stop_on_interrupt: Ctrl-C asks the run to stop, and a second one leaves; otherwise the first leaves.
    """
    hint = "Ctrl-C stops the run, twice leaves it" if stop_on_interrupt else "Ctrl-C leaves; the run goes on"
    display = display_for_stderr(hint)
    asked = False

    def interrupted() -> str | None:
        nonlocal asked
        if asked or not stop_on_interrupt:
            return f"left; the run goes on: leaptui attach {run}"
        asked = True
        _ask_to_stop(run, display.say)
        return None

    picture = watch_until_over(LiveReader(run), display, interrupted)
    if picture is None:
        return Ended(ExitCode.INTERRUPTED if stop_on_interrupt else ExitCode.DONE, None)
    return _ended(picture)


def watch_until_over(
    reader: RunReader, display: Display, interrupted: Callable[[], str | None], *, until_quiet: bool = True
) -> RunPicture | None:
    """Show a run until it has ended, or is left.

    Args:
        reader: reads it.
        display: shows it.
        interrupted: called at Ctrl-C; returns the words to leave with, or None to stay.
        until_quiet: a run without a sign of life counts as ended.

    Returns:
        The last picture; None when it was left.
    """
    while True:
        try:
            picture = reader.look()
            over = not picture.behind and (picture.is_final or (until_quiet and picture.state == "stale"))
            display.show(picture, last=over)
            if over:
                return picture
            if not picture.behind:
                time.sleep(_POLL)
        except KeyboardInterrupt:
            words = interrupted()
            if words is not None:
                display.leave(words)
                return None


def display_for_stderr(hint: str) -> Display:
    """Lines redrawn in place where stderr is a terminal that can do that, else plain lines on it."""
    if stderr.is_terminal and not stderr.is_dumb_terminal:
        return LiveDisplay(sys.stderr, hint, coloured=stderr.color_system is not None and not stderr.no_color)
    return PlainDisplay(note)


class LiveDisplay:
    """Lines in a terminal, redrawn at most about once a second.

    Args:
        file: the terminal.
        hint: what the keys do.
        coloured: whether styles are shown.
        clock: monotonic time.
    """

    def __init__(
        self, file: TextIO, hint: str, *, coloured: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redrawn = Redrawn(file, coloured=coloured)
        self._hint = hint
        self._unicode = (file.encoding or "ascii").lower().startswith("utf")
        self._clock = clock
        self._shown: float | None = None
        self._picture: RunPicture | None = None

    def show(self, picture: RunPicture, *, last: bool = False) -> None:
        """See Display."""
        self._picture = picture
        now = self._clock()
        if not last and self._shown is not None and now - self._shown < _REDRAW_EVERY:
            return
        self._shown = now
        redrawn = self._redrawn
        hint = "" if last else self._hint
        redrawn.show(attach_lines(picture, redrawn.width, redrawn.height, hint=hint, unicode=self._unicode))
        if last:
            redrawn.leave()

    def say(self, line: str) -> None:
        """See Display."""
        self._redrawn.say(line)

    def leave(self, words: str) -> None:
        """See Display."""
        if self._picture is not None:
            self.show(self._picture, last=True)
        self.say(words)


class PlainDisplay:
    """A line for each thing that happens.

    Args:
        say: writes a line.
        clock: monotonic time.
    """

    def __init__(self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._state: tuple[str, object] | None = None
        self._epoch = 0
        self._attempt = 1
        self._log: list[LogLine] = []
        self._said_at = 0.0
        self._words = ""

    def say(self, line: str) -> None:
        """See Display."""
        self._say(line)

    def leave(self, words: str) -> None:
        """See Display."""
        self._say(words)

    def show(self, picture: RunPicture, *, last: bool = False) -> None:
        """See Display."""
        if picture.behind and not last:
            return
        if not picture.is_final:
            self._show_state(picture)
        for line in new_lines(self._log, picture.log):
            self.say(line.message)
        self._log = list(picture.log)
        if picture.attempt != self._attempt:
            # A resumed run does again what came after its checkpoint.
            self._attempt = picture.attempt
            self._epoch = min(self._epoch, picture.epochs[-1].epoch if picture.epochs else 0)
        for point in picture.epochs:
            if point.epoch > self._epoch:
                self._epoch = point.epoch
                self.say(epoch_line(point, picture.plan.get("epochs")))
        words = progress_words(picture)
        now = self._clock()
        is_told_by_epochs = bool(picture.plan) and picture.foreign is None
        if words and words != self._words and not is_told_by_epochs and now - self._said_at >= _LINE_EVERY:
            self._said_at, self._words = now, words
            self.say(words)
        if picture.is_final:
            self._show_state(picture)

    def _show_state(self, picture: RunPicture) -> None:
        waiting = picture.waiting
        why = picture.reason or "" if waiting is None else waiting_words(waiting)
        # How long a run has been silent changes with every look.
        state = (picture.state, None if picture.state == "stale" else why)
        if state == self._state:
            return
        self._state = state
        attempt = f" (attempt {picture.attempt})" if picture.attempt > 1 else ""
        self.say(f"{title(picture)}: {picture.state}{attempt}" + (f": {visible(why)}" if why else ""))


def new_lines(before: Sequence[LogLine], after: Sequence[LogLine]) -> Sequence[LogLine]:
    """What was added to a log of which only the last lines are kept."""
    for dropped in range(len(before) + 1):
        kept = list(before[dropped:])
        if list(after[: len(kept)]) == kept:
            return after[len(kept) :]
    return after


def _ask_to_stop(run: Path, say: Callable[[str], None]) -> None:
    try:
        request_stop(open_run(run))
        say("asked the run to stop; it ends after this step and keeps what it has (Ctrl-C again leaves at once)")
    except LeaptuiError as error:
        say(str(error))


def _ended(picture: RunPicture) -> Ended:
    result = None if picture.result is None else dict(picture.result)
    status = read_status(RunDirectory(picture.path))
    if picture.state == "finished":
        # Not 0 where some of what was asked could not be done.
        return Ended(ExitCode.DONE if status is None or status.exit_code is None else status.exit_code, result)
    if picture.state == "stopped":
        note(f"the run was stopped: {picture.path}")
        _say_how_to_go_on(picture)
        return Ended(ExitCode.INTERRUPTED, result)
    code = ExitCode.FAILED if status is None or not status.exit_code else status.exit_code
    error = picture.error
    if error is None:
        print_error(OperationFailed(f"the run did not end well: {picture.reason}", where=picture.path))
        _note_tail(picture.output)
        if picture.advice:
            note(f"  {visible(picture.advice)}")
    else:
        print_error(OperationFailed(error.what, where=error.where, hint=error.hint))
        if error.traceback:
            _note_tail(error.traceback.splitlines())
            note(f"  this is a bug in leaptui; the whole traceback is in {picture.path / 'output.log'}")
    _say_how_to_go_on(picture)
    return Ended(code, None)


def _note_tail(lines: Sequence[str]) -> None:
    for line in lines[-_TRACEBACK_LINES:]:
        note(f"  {line}")


def _say_how_to_go_on(picture: RunPicture) -> None:
    if picture.resumable:
        note("  To go on from its last checkpoint:")
        note(f"  leaptui resume {picture.path}")
