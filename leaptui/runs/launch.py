"""Starting a run's worker, so that nothing it was started from can take it down."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

import leaptui
from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.runs.control import EXTEND, clear_stop, requested
from leaptui.runs.files import read_object, tail, write_object
from leaptui.runs.layout import VERSION, RunDirectory
from leaptui.runs.liveness import conclude
from leaptui.runs.process import Presence, ProcessIdentity
from leaptui.runs.status import ErrorSummary, State, Status, read_status, write_status

WAIT = 3.0
"""Seconds to wait for the worker's first word; it takes about 0.2 s, more from a slow disk."""

_TAIL = 4096


def launch(
    run: RunDirectory,
    *,
    env: Mapping[str, str] | None = None,
    resume: bool = False,
    wait: float = WAIT,
    module: str = "leaptui.worker",
    python: str | None = None,
    keep: Sequence[int] = (),
) -> Status:
    """Start the worker of a run in a session of its own; it outlives the terminal and this process.

    Args:
        run: a run nobody started yet; with `resume`, one whose worker is gone.
        env: variables to set or replace in the worker's environment.
        resume: go on after a stop, a failure or a crash, in the next segment of the events; also after the end
            when an extension was recorded (`leaptui.runs.control.record_extension`).
        wait: seconds to wait at most for the worker's first status, or its death. Returns as soon as one is seen.
        module: what `python -m` runs, with the run directory as its argument.
        python: the interpreter, by default this process's own.
        keep: descriptors that the worker inherits under their numbers, such as those that hold its slot.

    Returns:
        The status: starting or later; failed, with the end of its output, when the worker died at once; queued
        when it has not spoken in time.

    Raises:
        UsageError: if the run was started before, is going on, or is finished.
        UnusableInput: if it is no run, or nothing can be written in it.
        OperationFailed: if no process can be started.
    """
    run = RunDirectory(run.path.resolve())
    run.read_request()
    before = _check(run, resume)
    command = [python or sys.executable, "-P", "-m", module, str(run.path), *(["--resume"] if resume else [])]
    try:
        if resume:
            clear_stop(run)
        process = _start(command, run, {**os.environ, **import_path(), **(env or {})}, keep)
    except OSError as problem:
        raise UnusableInput(
            f"the run cannot be started here ({problem.strerror or problem})",
            where=run.path,
            hint="Its folder must be writable, on a disk with free space.",
        ) from problem
    threading.Thread(target=process.wait, name=f"reaper of {process.pid}", daemon=True).start()
    return _first_word(run, process, before, wait)


def _check(run: RunDirectory, resume: bool) -> Status | None:
    """Refuse to start a run twice; returns its status as it is now."""
    verdict = conclude(run) if resume else None
    status = read_status(run)
    if verdict is None:
        if run.launch.exists() or (status is not None and status.state is not State.QUEUED):
            raise UsageError(
                f"this run was started before{'' if status is None else f' and is {status.state}'}",
                where=run.path,
                hint="Resume it, or start a new one.",
            )
        return status
    if verdict.state is State.FINISHED and requested(run, EXTEND) is None:
        raise UsageError(
            "this run is finished: there is nothing left to do",
            where=run.path,
            hint=f"A training can be given more epochs: leaptui resume {run.path} --more-epochs N",
        )
    if verdict.alive is not False:
        raise UsageError(f"this run is going on: it is {verdict.state}", where=run.path, hint="Stop it first.")
    return status


def _start(
    command: list[str], run: RunDirectory, env: Mapping[str, str], keep: Sequence[int]
) -> subprocess.Popen[bytes]:
    """The process, in its own session, away from terminal and standard streams."""
    if not command[0]:
        raise OperationFailed("no worker can be started: Python does not know where its executable is")
    # Libraries drop files where they stand; this way they land in the run.
    with run.output.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=run.path,
            env=dict(env),
            close_fds=True,
            pass_fds=tuple(keep),
            start_new_session=True,
        )
    try:
        identity = ProcessIdentity.of(process.pid).to_json()
    except psutil.Error:
        identity = {}
    write_object(run.launch, {"v": VERSION, **identity, "command": command, "started": time.time()})
    return process


def import_path() -> dict[str, str]:
    """What the worker needs to find this very leaptui when it runs from a source tree."""
    root = str(Path(leaptui.__file__).resolve().parent.parent)
    installed = {str(Path(each).resolve()) for each in (*site.getsitepackages(), site.getusersitepackages())}
    if root in installed:
        return {}
    former = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": root if not former else os.pathsep.join((root, former))}


def _first_word(run: RunDirectory, process: subprocess.Popen[bytes], before: Status | None, wait: float) -> Status:
    until = time.monotonic() + wait
    while True:
        code = process.poll()
        status = read_status(run)
        if status is not None and status.pid == process.pid and status != before:
            return status
        if code is not None:
            return _died(run, process.pid, code, before)
        if time.monotonic() >= until:
            return status or Status(State.QUEUED)
        time.sleep(0.02)


def _is_held(run: RunDirectory, process: int) -> bool:
    """A process other than that one has claimed the newest attempt, and is there."""
    claims = sorted(run.control.glob("worker.*"))
    record = read_object(claims[-1]) if claims else None
    holder = None if record is None else ProcessIdentity.from_json(record)
    return holder is not None and holder.pid != process and holder.presence() is Presence.HERE


def _died(run: RunDirectory, process: int, code: int, before: Status | None) -> Status:
    """The worker ended without a word, so its launcher speaks for it."""
    ended = "was killed by signal" if code < 0 else "ended with exit code"
    what = f"the worker {ended} {abs(code)} before it could begin"
    seq = 0 if before is None else before.seq
    now = time.time()
    failed = Status(
        State.FAILED,
        seq + 1,
        updated=now,
        ended=now,
        exit_code=code,
        reason=what,
        error=ErrorSummary(what, str(run.output), traceback=tail(run.output, _TAIL) or None),
    )
    if before is not None:
        failed = replace(failed, attempt=before.attempt)
    if read_status(run) != before or _is_held(run, process):
        # Another worker holds the run, which is why this one went away.
        return failed
    write_status(run, failed)
    return failed
