"""The process behind a run: `python -m leaptui.worker RUN_DIR [--resume]`.

It says `starting` before it imports anything heavy, runs the operation that request.json names, and writes the
last word into status.json whatever happens, unless it is killed; then its readers conclude that it is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from leaptui.errors import ExitCode, LeaptuiError, OperationFailed, Stopped, UnusableInput
from leaptui.registry import resolve
from leaptui.runs.alert_command import WorkerAlerts
from leaptui.runs.claim import claim
from leaptui.runs.control import EXTEND, Ask, acknowledge
from leaptui.runs.events import EventWriter
from leaptui.runs.files import write_object
from leaptui.runs.gauges import Gauges
from leaptui.runs.heartbeat import Heartbeat, Signals
from leaptui.runs.inbox import Inbox
from leaptui.runs.layout import RunDirectory, open_run
from leaptui.runs.metrics_csv import MetricsCsv
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.slots import adopt_slot
from leaptui.runs.status import ErrorSummary, State, StatusWriter

_OPERATIONS = "leaptui.ops.table:OPERATIONS"
_FROM_JSON = "leaptui.ops.requests:from_json"
_ALERTS = "leaptui.ops.alerting:worker_alerts"
_LEAVE_WITHIN = 30.0
"""Seconds the interpreter has to shut down: a thread that a library left behind may hold it up for ever."""

_TRIES = 5


class Operation(Protocol):
    """An entry of the table of operations."""

    @property
    def request(self) -> str:
        """ "module:Class" of the Request."""

    @property
    def runner(self) -> str:
        """ "module:function", called as `run(request, context)`."""


@dataclass(frozen=True)
class _Outcome:
    state: State
    exit_code: int
    reason: str | None = None
    error: ErrorSummary | None = None


class _Context:
    """The RunContext of a worker."""

    def __init__(
        self,
        directory: Path,
        attempt: int,
        emit: Callable[..., None],
        flush: Callable[[], None],
        is_stopping: threading.Event,
        inbox: Inbox,
    ) -> None:
        self.directory = directory
        self.attempt = attempt
        self._emit = emit
        self._flush = flush
        self._is_stopping = is_stopping
        self._inbox = inbox

    def emit(self, type: str, **fields: Any) -> None:
        """See RunContext."""
        self._emit(type, **fields)

    def flush(self) -> None:
        """See RunContext."""
        self._flush()

    def stop_requested(self) -> bool:
        """See RunContext."""
        return self._is_stopping.is_set()

    def take_asks(self) -> list[Ask]:
        """See RunContext."""
        return self._inbox.take()

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """See RunContext."""
        self._inbox.acknowledge(asked, answer, accepted=accepted)


def run_worker(
    path: Path,
    *,
    operations: Mapping[str, Operation] | None = None,
    from_json: Callable[[type, dict[str, Any]], Any] | None = None,
    resume: bool = False,
) -> int:
    """Carry out a run in this process.

    Args:
        path: the run directory.
        operations: the table of operations, by default leaptui's.
        from_json: makes a Request of its class and its JSON, by default leaptui's.
        resume: the run was begun before, and its worker is gone.

    Returns:
        Exit code: 0 finished, 130 stopped, else that of the error's class.
    """
    try:
        run = open_run(path)
        attempt = claim(run, resume=resume)
    except LeaptuiError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    _sweep(run)
    with Signals() as signals:
        try:
            status = StatusWriter(run, ProcessIdentity.current(), attempt=attempt)
            status.change(State.STARTING)
            events = EventWriter(run, resume=resume)
        except OSError as problem:
            sys.stderr.write(f"{run.path}: the run cannot be written ({problem})\n")
            return int(ExitCode.UNUSABLE)
        return _Session(run, status, events, signals).carry_out(operations, from_json)


def _sweep(run: RunDirectory) -> None:
    """Remove what a worker that was killed left half-written; nobody else writes these files."""
    for path in (run.status, run.result, run.model, run.metrics):
        for scrap in run.path.glob(f".{path.name}.*.tmp"):
            with contextlib.suppress(OSError):
                scrap.unlink()


class _Session:
    """One worker at one run."""

    def __init__(self, run: RunDirectory, status: StatusWriter, events: EventWriter, signals: Signals) -> None:
        self._run = run
        self._status = status
        self._events = events
        self._is_stopping = threading.Event()
        self._metrics = MetricsCsv(run, attempt=status.current.attempt)
        self._alerts: WorkerAlerts = resolve(_ALERTS)(run, status.current.attempt)
        self._inbox = Inbox(run, self._emit)
        self._heartbeat = Heartbeat(
            run,
            status,
            signals,
            on_stop=self._stop,
            on_stop_now=self._stop_now,
            on_asks=self._inbox.put,
        )

    def carry_out(
        self,
        operations: Mapping[str, Operation] | None,
        from_json: Callable[[type, dict[str, Any]], Any] | None,
    ) -> int:
        """Run the operation and say how it ended; returns the exit code."""
        self._say(State.STARTING, None)
        self._heartbeat.start()
        gauges = Gauges(self._emit)
        gauges.start()
        outcome = self._attempt(operations, from_json)
        gauges.close()
        self._heartbeat.close()
        # More epochs that a run did not live to train wait for the next attempt.
        self._inbox.close(keep=() if outcome.state is State.FINISHED else (EXTEND,))
        self._metrics.close()
        self._finish(outcome)
        return outcome.exit_code

    def _attempt(
        self,
        operations: Mapping[str, Operation] | None,
        from_json: Callable[[type, dict[str, Any]], Any] | None,
    ) -> _Outcome:
        try:
            return self._perform(operations, from_json)
        except Stopped as error:
            return _Outcome(State.STOPPED, int(error.exit_code), error.what)
        except LeaptuiError as error:
            sys.stderr.write("".join(traceback.format_exception(error)))
            return _Outcome(State.FAILED, int(error.exit_code), error.what, ErrorSummary.of(error))
        except (KeyboardInterrupt, SystemExit) as error:
            return self._left(error)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the run must say that it failed
            return _bug(error, self._run)

    def _perform(
        self,
        operations: Mapping[str, Operation] | None,
        from_json: Callable[[type, dict[str, Any]], Any] | None,
    ) -> _Outcome:
        asked = self._run.read_request()
        table: Mapping[str, Operation] = resolve(_OPERATIONS) if operations is None else operations
        operation = table.get(asked["operation"])
        if operation is None:
            raise UnusableInput(
                f"this version of leaptui does not know the operation {asked['operation']!r}", where=self._run.request
            )
        rebuild = resolve(_FROM_JSON) if from_json is None else from_json
        request = rebuild(resolve(operation.request), asked["request"])
        runner = resolve(operation.runner)
        self._inbox.serves(getattr(sys.modules[runner.__module__], "ASKS", ()))
        if self._is_stopping.is_set():
            raise Stopped("stopped before it began")
        self._enter(State.RUNNING)
        result = runner(request, self._context())
        return self._keep(result)

    def _context(self) -> _Context:
        attempt = self._status.current.attempt
        return _Context(self._run.path, attempt, self._emit, self._flush, self._is_stopping, self._inbox)

    def _keep(self, result: Any) -> _Outcome:
        """Write result.json."""
        if dataclasses.is_dataclass(result) and not isinstance(result, type):
            fields = dataclasses.asdict(result)
        elif isinstance(result, Mapping):
            fields = dict(result)
        elif result is None:
            fields = {}
        else:
            raise TypeError(f"a runner returns a dataclass or a mapping, not {type(result).__name__}")
        try:
            write_object(self._run.result, fields)
        except OSError as problem:
            raise OperationFailed(
                f"the result cannot be written ({problem.strerror})", where=self._run.result
            ) from problem
        # Not every Result declares it as a field.
        if fields.get("stopped") is True or getattr(result, "stopped", None) is True:
            return _Outcome(State.STOPPED, int(ExitCode.INTERRUPTED), self._status.current.reason or "stopped early")
        # It did what could be done, but not all that was asked.
        return _Outcome(State.FINISHED, int(ExitCode.FAILED if fields.get("failed") else ExitCode.DONE))

    def _left(self, error: BaseException) -> _Outcome:
        """The runner did not return: a library took a signal as the end of everything, or called sys.exit."""
        if self._is_stopping.is_set() or isinstance(error, KeyboardInterrupt):
            reason = self._status.current.reason or "interrupted"
            return _Outcome(State.STOPPED, int(ExitCode.INTERRUPTED), reason)
        sys.stderr.write("".join(traceback.format_exception(error)))
        what = f"the runner left with exit code {error.code if isinstance(error, SystemExit) else error}"
        summary = ErrorSummary(what, type=type(error).__name__, traceback=_traceback(error))
        return _Outcome(State.FAILED, int(ExitCode.FAILED), what, summary)

    def _enter(self, state: State, reason: str | None = None) -> None:
        with contextlib.suppress(OSError):
            # The heartbeat writes the state again within a second.
            if not self._status.change(state, reason=reason):
                return
        self._say(state, reason)

    def _emit(self, type: str, **fields: Any) -> None:
        self._events.emit(type, **fields)
        self._metrics.take({"type": type, **fields})
        self._alerts.take_event(type, fields)

    def _flush(self) -> None:
        with contextlib.suppress(OSError):
            # Kept, and written with the next batch.
            self._events.flush()

    def _say(self, state: State, reason: str | None) -> None:
        self._emit("state", state=state, reason=reason)
        self._flush()

    def _stop(self, reason: str, asked: Ask | None) -> None:
        self._is_stopping.set()
        if asked is not None:
            acknowledge(self._run, asked, self._emit)
        self._enter(State.STOPPING, reason)

    def _stop_now(self, reason: str) -> None:
        """End the process from the thread that heard it; the main thread may be in a call that never returns."""
        outcome = _Outcome(State.STOPPED, int(ExitCode.INTERRUPTED), reason)
        self._say(outcome.state, reason)
        self._write_last_word(outcome)
        _end_children()
        os._exit(self._status.current.exit_code or outcome.exit_code)

    def _finish(self, outcome: _Outcome) -> None:
        self._emit("state", state=outcome.state, reason=outcome.reason)
        try:
            self._events.close()
        except OSError as problem:
            sys.stderr.write(f"the last events could not be written: {problem}\n")
        self._write_last_word(outcome)

    def _write_last_word(self, outcome: _Outcome) -> None:
        self._alerts.ending(str(outcome.state), outcome.reason or "")
        self._write_outcome(outcome)
        self._alerts.ended()

    def _write_outcome(self, outcome: _Outcome) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._status.finish(outcome.state, outcome.exit_code, reason=outcome.reason, error=outcome.error)
                return
            except OSError as problem:
                sys.stderr.write(f"the run is {outcome.state}, but its status could not be written: {problem}\n")
                time.sleep(0.5 if left else 0.0)


def _bug(error: BaseException, run: RunDirectory) -> _Outcome:
    """Anything unforeseen: the traceback goes to output.log and into the status."""
    if isinstance(error, MemoryError):
        # What the runner's frames hold is what there is no room for.
        traceback.clear_frames(error.__traceback__)
        gc.collect()
    lines = _traceback(error)
    sys.stderr.write(lines)
    kept = "goes on from its last checkpoint" if any(run.checkpoints.glob("*.ckpt")) else "begins it again"
    summary = dataclasses.replace(ErrorSummary.of(error, lines), hint=f"leaptui resume {run.path} {kept}.")
    return _Outcome(State.FAILED, int(ExitCode.FAILED), summary.what, summary)


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _end_children() -> None:
    """Ask the processes this one started to end: they are the run's own."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.terminate()


def _leave(code: int) -> None:
    """Exit, also when a thread that is left over would keep the process from it."""
    timer = threading.Timer(_LEAVE_WITHIN, os._exit, (code,))
    timer.daemon = True
    timer.start()
    sys.exit(code)


def main() -> None:
    """`python -m leaptui.worker RUN_DIR [--resume]`."""
    arguments = [each for each in sys.argv[1:] if each != "--resume"]
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m leaptui.worker RUN_DIR [--resume]\n")
        sys.exit(int(ExitCode.USAGE))
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        # A reader of output.log sees each line as it is printed.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    adopt_slot(RunDirectory(Path(arguments[0]).absolute()))
    _leave(run_worker(Path(arguments[0]), resume="--resume" in sys.argv[1:]))


if __name__ == "__main__":
    main()
