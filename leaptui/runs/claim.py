"""One worker at a time: each attempt at a run is claimed by a file that only one process can make.

Making a file that must be new is the one thing that network file systems decide at the server, for all hosts alike.
The number of the attempt follows from the status; two that resume a run at the same moment want the same number,
and one of them gets it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.control import EXTEND, requested
from leaptui.runs.files import create_object, read_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import STALE_AFTER, Verdict, Watcher
from leaptui.runs.process import Presence, ProcessIdentity
from leaptui.runs.status import State, read_status


def claim(
    run: RunDirectory,
    *,
    resume: bool,
    wait: float = STALE_AFTER,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Take a run for this process; returns the number of the attempt.

    Args:
        run: the run.
        resume: it was begun before, and its worker is gone.
        wait: seconds given to a worker on another host that claimed the next attempt and has not spoken yet.
        clock: monotonic time.
        sleep: waits.

    Raises:
        UsageError: if it was started before, is finished, or another worker is at it.
        UnusableInput: if it cannot be written.
    """
    verdict = Watcher(run, clock=clock).look()
    _check(run, verdict, resume)
    status = verdict.status
    is_begun = resume and status is not None and status.state is not State.QUEUED
    attempt = status.attempt + 1 if is_begun and status is not None else 1
    while not _create(run, attempt):
        if not resume:
            raise UsageError("this run was started before", where=run.path, hint="Resume it, or start a new one.")
        _wait_for_claimer(run, attempt, wait, clock, sleep)
        attempt += 1
    return attempt


def _check(run: RunDirectory, verdict: Verdict, resume: bool) -> None:
    # What launch.json says of a queued run is this very process.
    if verdict.alive and verdict.state is not State.QUEUED:
        raise _taken(run, str(verdict.state))
    if not resume and verdict.state.is_final:
        raise UsageError(f"this run is {verdict.state}", where=run.path, hint="Resume it, or start a new one.")
    if resume and verdict.state is State.FINISHED and requested(run, EXTEND) is None:
        raise UsageError("this run is finished: there is nothing left to do", where=run.path)


def _wait_for_claimer(
    run: RunDirectory, attempt: int, wait: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Return when whoever claimed an attempt is gone without having begun it.

    Raises:
        UsageError: when it has begun it, or may still do so.
    """
    until = clock() + wait
    while True:
        status = read_status(run)
        if status is not None and status.state is not State.QUEUED and status.attempt >= attempt:
            raise _taken(run, str(status.state))
        record = read_object(_claim_file(run, attempt))
        claimer = None if record is None else ProcessIdentity.from_json(record)
        presence = Presence.UNKNOWN if claimer is None else claimer.presence()
        if presence is Presence.HERE:
            raise _taken(run, "starting")
        if presence is Presence.GONE or clock() >= until:
            return
        sleep(0.5)


def _create(run: RunDirectory, attempt: int) -> bool:
    try:
        run.control.mkdir(exist_ok=True)
        create_object(_claim_file(run, attempt), ProcessIdentity.current().to_json())
    except FileExistsError:
        return False
    except OSError as problem:
        raise UnusableInput(f"the run cannot be written ({problem.strerror})", where=run.path) from problem
    return True


def _claim_file(run: RunDirectory, attempt: int) -> Path:
    return run.control / f"worker.{attempt:04d}"


def _taken(run: RunDirectory, state: str) -> UsageError:
    return UsageError(f"another worker is at this run: it is {state}", where=run.path)
