"""Asking something of a run: a file in control/ asks, an event acknowledges.

`stop` asks for a graceful end, `stop-now` for an immediate one. Other names (a checkpoint, say) go the same way:
`ask`, `requested`, `acknowledge`.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.files import create_object, number, read_object, text
from leaptui.runs.layout import VERSION, RunDirectory
from leaptui.runs.liveness import Verdict, Watcher
from leaptui.runs.status import State, Status, write_status

STOP = "stop"
STOP_NOW = "stop-now"

WAKE = signal.SIGUSR1
"""Tells a worker on the same host to look into control/ now. Not SIGTERM: training frameworks take that for
the cluster's word and break off in the middle of an epoch."""


@dataclass(frozen=True)
class Ask:
    """Something asked of a run.

    Args:
        name: the file's name in control/.
        by: who asked.
        t: when, by that one's clock; None when the file does not say.
        is_new: it was not asked before.
    """

    name: str
    by: str | None = None
    t: float | None = None
    is_new: bool = False


def ask(run: RunDirectory, name: str, *, by: str | None = None) -> Ask:
    """Ask something; asking again before it is acknowledged changes nothing.

    Raises:
        UnusableInput: if nothing can be written in the run directory.
    """
    made = Ask(name, by or _asker(), time.time(), is_new=True)
    try:
        run.control.mkdir(exist_ok=True)
        create_object(run.control / name, {"v": VERSION, "by": made.by, "t": made.t})
    except FileExistsError:
        return requested(run, name) or made
    except OSError as problem:
        raise UnusableInput(
            f"the run cannot be asked to {name} ({problem.strerror})",
            where=run.path,
            hint="Its owner can, or whoever may write in its folder.",
        ) from problem
    return made


def requested(run: RunDirectory, name: str = STOP) -> Ask | None:
    """What was asked, or None.

    The folder is listed rather than the file looked up: a network file system remembers for up to a minute
    that a name was not there.
    """
    return pending(run).get(name)


def pending(run: RunDirectory) -> dict[str, Ask]:
    """All that is asked of a run, by name; {} when the folder cannot be read."""
    try:
        names = [each.name for each in run.control.iterdir()]
    except OSError:
        return {}
    found = {}
    for name in names:
        if name.startswith((".", "worker.")):
            continue
        record: dict[str, Any] = read_object(run.control / name) or {}
        found[name] = Ask(name, text(record, "by"), number(record, "t"))
    return found


def acknowledge(run: RunDirectory, asked: Ask, emit: Callable[..., None], *, answer: str = "accepted") -> None:
    """Say in the events that the run heard it; what can be asked again is then free to be.

    Args:
        run: the run; only its worker calls this.
        asked: what it heard.
        emit: `RunContext.emit`.
        answer: in words.
    """
    emit("control", ask=asked.name, by=asked.by, asked=asked.t, answer=answer)
    if asked.name not in (STOP, STOP_NOW):
        (run.control / asked.name).unlink(missing_ok=True)


def clear_stop(run: RunDirectory) -> None:
    """Take back what a former attempt was asked, before the next one begins."""
    for name in (STOP, STOP_NOW):
        (run.control / name).unlink(missing_ok=True)


def request_stop(run: RunDirectory, *, by: str | None = None, now: bool = False) -> Ask:
    """Ask a run to stop, from any host that sees its folder.

    The worker finds the file within a second or two; on its own host it is also woken by a signal, which goes to
    that very process or to nobody (`ProcessIdentity.signal`). A run that was never started is stopped at once.

    Args:
        run: the run.
        by: who asks; user and host by default.
        now: without waiting for the runner to finish what it is at.

    Raises:
        UsageError: if the run has ended, or its process is gone.
        UnusableInput: if nothing can be written in the run directory.
    """
    verdict = Watcher(run).look()
    if verdict.state.is_final:
        raise UsageError(f"this run is not going on: it is {verdict.state}", where=run.path)
    if verdict.state is State.STALE:
        raise UsageError(f"this run is not going on: {verdict.reason}", where=run.path)
    asked = ask(run, STOP, by=by)
    if now:
        asked = ask(run, STOP_NOW, by=by)
    if verdict.state is State.QUEUED and verdict.alive is False:
        _stop_unstarted(run, asked)
    elif asked.is_new:
        _wake(run, verdict)
    return asked


def _wake(run: RunDirectory, verdict: Verdict) -> None:
    status = verdict.status
    # A process that has not written `starting` has no handler yet, and the signal would end it.
    if status is not None and status.state.is_active and status.process is not None:
        status.process.send_signal(WAKE, argument=run.path)


def _stop_unstarted(run: RunDirectory, asked: Ask) -> None:
    reason = f"stopped by {asked.by} before it began"
    now = time.time()
    try:
        write_status(run, Status(State.STOPPED, 1, updated=now, ended=now, reason=reason))
    except OSError as problem:
        raise UnusableInput(f"its status cannot be written ({problem.strerror})", where=run.path) from problem


def _asker() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
