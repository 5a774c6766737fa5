"""status.json: what a run is doing, as its own worker last said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from leaptui.errors import LeaptuiError
from leaptui.runs.files import integer, moment, read_object, text, write_object
from leaptui.runs.layout import VERSION, RunDirectory
from leaptui.runs.process import ProcessIdentity

TRACEBACK_LIMIT = 20_000
"""Characters of a traceback kept in the status; output.log has all of it."""


class State(StrEnum):
    """States of a run. `stale` is never written: it is what a reader concludes."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    STALE = "stale"

    @property
    def is_final(self) -> bool:
        """The worker has said its last word."""
        return self in (State.FINISHED, State.FAILED, State.STOPPED)

    @property
    def is_active(self) -> bool:
        """A worker should be at it."""
        return self in (State.STARTING, State.RUNNING, State.STOPPING)


@dataclass(frozen=True)
class ErrorSummary:
    """Why a run failed.

    Args:
        what: one sentence.
        where: file, folder or key it is about.
        hint: what the user can do.
        type: class of the exception.
        traceback: for a bug, its end; None for an expected error.
    """

    what: str
    where: str | None = None
    hint: str | None = None
    type: str | None = None
    traceback: str | None = None

    @classmethod
    def of(cls, error: BaseException, traceback: str | None = None) -> ErrorSummary:
        """Of an exception; an expected one brings its own words."""
        name = type(error).__name__
        if isinstance(error, LeaptuiError):
            return cls(error.what, error.where, error.hint, name, traceback)
        what = f"{name}: {error}" if str(error) else name
        return cls(what, type=name, traceback=None if traceback is None else traceback[-TRACEBACK_LIMIT:])

    @classmethod
    def from_json(cls, record: object) -> ErrorSummary | None:
        """As far as it can be read."""
        if not isinstance(record, Mapping) or not isinstance(record.get("what"), str):
            return None
        return cls(record["what"], *(text(record, name) for name in ("where", "hint", "type", "traceback")))

    @property
    def message(self) -> str:
        """All of it but the traceback."""
        return str(self)

    def __str__(self) -> str:
        words = self.what if self.where is None else f"{self.where}: {self.what}"
        return words if self.hint is None else f"{words}\n  {self.hint}"


@dataclass(frozen=True)
class Status:
    """One version of status.json.

    Args:
        state: as written; never stale.
        seq: heartbeat, counts every version written.
        process: the worker's, once there is one.
        attempt: 1, and one more with every resume.
        started, updated, ended: seconds since the epoch by the worker's clock.
        exit_code: of the worker, when it ended.
        reason: why it is in this state, in words.
        error: why it failed.
    """

    state: State
    seq: int = 0
    process: ProcessIdentity | None = None
    attempt: int = 1
    started: float | None = None
    updated: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    reason: str | None = None
    error: ErrorSummary | None = None

    @property
    def host(self) -> str | None:
        return None if self.process is None else self.process.host

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def to_json(self) -> dict[str, Any]:
        """Content of the file."""
        process = {"host": None, "pid": None} if self.process is None else self.process.to_json()
        return {
            "v": VERSION,
            "state": self.state,
            "seq": self.seq,
            **process,
            "attempt": self.attempt,
            "started": self.started,
            "updated": self.updated,
            "ended": self.ended,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Status | None:
        """As far as it can be read; None when not even a state can be."""
        try:
            state = State(text(record, "state") or "")
        except ValueError:
            return None
        if state is State.STALE:
            return None
        return cls(
            state,
            integer(record, "seq") or 0,
            ProcessIdentity.from_json(record),
            max(1, integer(record, "attempt") or 1),
            moment(record, "started"),
            moment(record, "updated"),
            moment(record, "ended"),
            integer(record, "exit_code"),
            text(record, "reason"),
            ErrorSummary.from_json(record.get("error")),
        )


def read_status(run: RunDirectory) -> Status | None:
    """The status on disk, or None when there is none that can be read."""
    record = read_object(run.status)
    return None if record is None else Status.from_json(record)


def write_status(run: RunDirectory, status: Status) -> None:
    """Replace the status. Only the run's worker may, and before there is one, whoever starts it.

    Raises:
        OSError: if it could not be written.
    """
    write_object(run.status, status.to_json())


class Superseded(OSError):
    """The run was resumed by another worker, which took this one for dead; it must not touch the run any more."""


class StatusWriter:
    """The worker's hold on status.json: changes of state from any thread, heartbeats between them.

    Args:
        run: whose status.
        process: the worker.
        attempt: see `Status`.
        clock: wall time.
    """

    def __init__(
        self,
        run: RunDirectory,
        process: ProcessIdentity,
        *,
        attempt: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        last = read_status(run)
        # Never below what was there: a reader knows progress by a number that grows.
        seq = 0 if last is None else last.seq
        self._status = Status(State.STARTING, seq, process, attempt, started=clock())

    @property
    def current(self) -> Status:
        """What was last decided; a failing disk may still hold an older version."""
        return self._status

    def change(self, state: State, *, reason: str | None = None) -> bool:
        """Enter a state that is not final; refused (False) after a final one, and back from stopping.

        Raises:
            OSError: if it could not be written. The next heartbeat tries again.
        """
        with self._lock:
            if self._status.state.is_final or self._status.state is State.STOPPING:
                return False
            self._status = replace(self._status, state=state, reason=reason)
            self._write(sync_folder=True)
            return True

    def beat(self) -> None:
        """Say that the worker lives.

        Raises:
            OSError: if it could not be written.
        """
        with self._lock:
            if not self._status.state.is_final:
                self._write(sync_folder=False)

    def finish(
        self, state: State, exit_code: int, *, reason: str | None = None, error: ErrorSummary | None = None
    ) -> bool:
        """Enter a final state; refused (False) when one was entered and written before.

        Raises:
            OSError: if it could not be written; calling again tries again.
        """
        with self._lock:
            if self._status.state.is_final:
                return False
            before = self._status
            self._status = replace(
                before, state=state, exit_code=exit_code, reason=reason, error=error, ended=self._clock()
            )
            try:
                self._write(sync_folder=True)
            except BaseException:
                self._status = replace(before, seq=self._status.seq)
                raise
            return True

    def _write(self, *, sync_folder: bool) -> None:
        found = read_status(self._run)
        if found is not None and found.attempt > self._status.attempt:
            raise Superseded(f"another worker is at attempt {found.attempt} of this run")
        self._status = replace(self._status, seq=self._status.seq + 1, updated=self._clock())
        write_object(self._run.status, self._status.to_json(), sync_folder=sync_folder)
