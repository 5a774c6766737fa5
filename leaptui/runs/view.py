"""A run as its readers see it: screens and `leaptui attach` reread it and never talk to the worker."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaptui.runs.event_reader import PATIENCE, EventReader
from leaptui.runs.files import moment, read_object, tail, text
from leaptui.runs.history import History
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import STALE_AFTER, Verdict, Watcher
from leaptui.runs.notes import Notes, NotesReader
from leaptui.runs.paths import PreviewFiles
from leaptui.runs.status import ErrorSummary, State, Status

_CLOCK_DRIFT = 60.0
_LONGEST = 366 * 86400.0
"""Seconds; no attempt takes a year, but a clock that was set while it ran can say so."""


class RunView(History):
    """What is known of a run; `refresh` brings it up to date, in bounded time and memory.

    Args:
        run: the run or its folder; nothing needs to be in it yet.
        stale_after: see `Watcher`.
        clock: monotonic time.
    """

    def __init__(
        self,
        run: RunDirectory | Path,
        *,
        stale_after: float = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.run = run if isinstance(run, RunDirectory) else RunDirectory(Path(run).absolute())
        self._clock = clock
        self._watcher = Watcher(self.run, stale_after=stale_after, clock=clock)
        self._reader = EventReader(self.run, clock=clock)
        self._notes = NotesReader(self.run)
        self._previews = PreviewFiles(self.run, clock=clock)
        self._request_file: dict[str, Any] | None = None
        self._result: dict[str, Any] | None = None
        self._ended_at: float | None = None
        self.verdict = Verdict(State.QUEUED, None, "", 0.0, None)

    def refresh(self, max_records: int = 5000, max_seconds: float = 0.05) -> list[dict[str, Any]]:
        """Read what is new; returns the new events, in order. Never raises for what is on disk.

        `is_behind` says whether there is more to read than fitted.
        """
        # The worker's last word comes after its last event: in this order none is missed.
        self.verdict = self._watcher.look()
        events = self._reader.poll(max_records, max_seconds)
        for event in events:
            self.take(event)
        if self._request_file is None:
            self._request_file = read_object(self.run.request)
        if not self.state.is_final:
            self._ended_at = self._result = None
        elif self._ended_at is None:
            self._ended_at = self._clock()
        if self.state.is_final and self._result is None:
            self._result = read_object(self.run.result)
        return events

    @property
    def state(self) -> State:
        """As written by the worker, or stale."""
        return self.verdict.state

    @property
    def status(self) -> Status | None:
        return self.verdict.status

    @property
    def reason(self) -> str:
        """Why it is in that state."""
        return self.verdict.reason

    @property
    def attempt(self) -> int:
        """1, and one more for each time it was resumed."""
        return 1 if self.status is None else self.status.attempt

    @property
    def is_behind(self) -> bool:
        """There are more events on disk than were read."""
        return self._reader.is_behind

    @property
    def is_waiting(self) -> bool:
        """There should be more events than can be seen yet: a network file system brings them in its own order."""
        if self._reader.is_waiting:
            return True
        if self._ended_at is None or self.said_state in (None, str(self.state)):
            return False
        return self._clock() - self._ended_at < PATIENCE

    @property
    def is_over(self) -> bool:
        """It has ended, or its process is gone, and all its events are read."""
        ended = self.state.is_final or self.state is State.STALE
        return ended and not self.is_behind and not self.is_waiting

    @property
    def problems(self) -> int:
        """Lines of the events that could not be used."""
        return self._reader.problems

    @property
    def troubles(self) -> list[str]:
        """What of the run cannot be read, or should not be trusted, in words."""
        found = self._reader.troubles
        if self.steps.gaps and self.steps.first_gap is not None:
            found.append(f"the loss was not a number {self.steps.gaps} times, first at step {self.steps.first_gap:.0f}")
        if self.has_more_metrics:
            found.append(f"it logs more than {len(self.metrics)} metrics; the others are not shown")
        if self._is_time_odd:
            found.append("the clock of its host jumped; how long it took is not known")
        return found

    @property
    def operation(self) -> str | None:
        return None if self._request_file is None else text(self._request_file, "operation")

    @property
    def title(self) -> str | None:
        return None if self._request_file is None else text(self._request_file, "title")

    @property
    def created(self) -> float | None:
        """Seconds since the epoch."""
        return None if self._request_file is None else moment(self._request_file, "created")

    @property
    def request(self) -> dict[str, Any]:
        """What was asked; {} until it can be read."""
        asked = None if self._request_file is None else self._request_file.get("request")
        return asked if isinstance(asked, dict) else {}

    @property
    def result(self) -> dict[str, Any] | None:
        """What came out, once it has ended."""
        return self._result

    @property
    def error(self) -> ErrorSummary | None:
        """Why it failed; its `traceback` is set when that was a bug."""
        return None if self.status is None else self.status.error

    @property
    def elapsed(self) -> float | None:
        """Seconds from the start of this attempt to its end, or to the last sign of life; on the worker's clock."""
        return None if self._duration is None or self._is_time_odd else max(0.0, self._duration)

    @property
    def _duration(self) -> float | None:
        status = self.status
        if status is None or status.started is None:
            return None
        until = status.ended or status.updated
        return None if until is None else until - status.started

    @property
    def _is_time_odd(self) -> bool:
        return self._duration is not None and not -_CLOCK_DRIFT <= self._duration < _LONGEST

    @property
    def eta(self) -> float | None:
        """Seconds left, by the newest event that said so; None when nothing is going on."""
        if self.said_eta is None or not self.state.is_active:
            return None
        said, left = self.said_eta
        now = None if self.status is None else self.status.updated
        return left if now is None else max(0.0, left - max(0.0, now - said))

    @property
    def notes(self) -> Notes:
        """What people wrote about it."""
        return self._notes.look()

    @property
    def preview_files(self) -> tuple[tuple[int, Path], ...]:
        """Epoch and file of each preview, by epoch; every file is inside the run."""
        return self._previews.look(self.previews, self.previews_said, self.resumed_at)

    @property
    def is_writable(self) -> bool:
        """Whether this process may write into the run."""
        folders = [each for each in (self.run.path, self.run.control) if each == self.run.path or each.exists()]
        return all(os.access(folder, os.W_OK | os.X_OK) for folder in folders)

    @property
    def is_resumable(self) -> bool:
        """It has ended without being finished, and can be written here."""
        if self.state not in (State.STOPPED, State.FAILED, State.STALE) or self.verdict.alive is not False:
            return False
        return self.operation is not None and self.is_writable

    def output(self, limit: int = 1 << 16) -> list[str]:
        """The last lines the worker printed, tracebacks among them. Untrusted text."""
        return tail(self.run.output, limit).splitlines()
