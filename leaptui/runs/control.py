"""Asking something of a run: a file in control/ asks, an event acknowledges.

`stop` asks for a graceful end, `stop-now` for an immediate one, `checkpoint` for the state of a training on disk,
`lower-lr` (factor) for a smaller learning rate, `extend` (epochs) for more epochs. The file's content says who
asked and when; a file without any content counts too.
"""

from __future__ import annotations

import getpass
import math
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.files import create_object, decode, integer, number, open_plain, text, write_object
from leaptui.runs.layout import VERSION, RunDirectory
from leaptui.runs.liveness import Verdict, Watcher
from leaptui.runs.queue_entries import withdraw
from leaptui.runs.status import State, Status, write_status

STOP = "stop"
STOP_NOW = "stop-now"
CHECKPOINT = "checkpoint"
LOWER_RATE = "lower-lr"
EXTEND = "extend"

WAKE = signal.SIGURG
"""Tells a worker on the same host to look into control/ now. A process that does not handle it ignores it, it
wakes nothing that is suspended, and no scheduler sends it: SIGTERM, SIGUSR1 and SIGUSR2 are the cluster's words."""

SMALLEST_FACTOR = 1e-6
MOST_EPOCHS = 10_000

_ASKS_A_LOOK = 32
_ASK_SIZE = 1 << 16
_ENVELOPE = frozenset(("v", "by", "t", "id"))


@dataclass(frozen=True)
class Ask:
    """Something asked of a run.

    Args:
        name: the file's name in control/.
        by: who asked.
        t: when, by that one's clock; None when the file does not say.
        is_new: it was not asked before.
        fields: what else the file says: `factor` of lower-lr, `epochs` of extend. Untrusted.
        id: tells two asks of one name apart.
    """

    name: str
    by: str | None = None
    t: float | None = None
    is_new: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        """The same for every look at the same ask."""
        return self.name, self.id


def ask(run: RunDirectory, name: str, *, by: str | None = None, **fields: Any) -> Ask:
    """Ask something; asking again before it is acknowledged changes nothing.

    Args:
        run: the run.
        name: what is asked.
        by: who asks; user and host by default.
        fields: plain JSON values that belong to it.

    Raises:
        UnusableInput: if nothing can be written in the run directory.
    """
    made = _made(name, by, fields)
    try:
        if not run.control.is_dir():
            run.control.mkdir()
        try:
            create_object(run.control / name, _content(made))
        except FileExistsError:
            return requested(run, name) or made
    except OSError as problem:
        raise _cannot_ask(run, name, problem) from problem
    return made


def requested(run: RunDirectory, name: str = STOP) -> Ask | None:
    """What was asked, or None.

    The folder is listed rather than the file looked up: a network file system remembers for up to a minute
    that a name was not there.
    """
    return pending(run).get(name)


def pending(run: RunDirectory) -> dict[str, Ask]:
    """What is asked of a run, by name, oldest first; {} when the folder cannot be read.

    Bounded: of very many files some wait for the next look, `stop` and `stop-now` never.
    """
    try:
        names = [each.name for each in run.control.iterdir()]
    except OSError:
        return {}
    names = [name for name in names if not name.startswith((".", "worker."))]
    names.sort(key=lambda name: (name not in (STOP, STOP_NOW), name))
    found = [each for each in (_read(run.control / name) for name in names[:_ASKS_A_LOOK]) if each is not None]
    found.sort(key=lambda each: each.t or 0.0)
    return {each.name: each for each in found}


def acknowledge(
    run: RunDirectory, asked: Ask, emit: Callable[..., None], *, answer: str = "accepted", accepted: bool = True
) -> None:
    """Say in the events that the run heard it; what can be asked again is then free to be.

    Args:
        run: the run; only its worker calls this.
        asked: what it heard.
        emit: `RunContext.emit`.
        answer: in words.
        accepted: whether it will be done.
    """
    emit("control", ask=asked.name, by=asked.by, asked=asked.t, id=asked.id, answer=answer, accepted=accepted)
    if asked.name not in (STOP, STOP_NOW):
        try:
            (run.control / asked.name).unlink(missing_ok=True)
        except OSError:
            # Somebody else's folder, or no file at all; the inbox remembers that it was answered.
            return


def clear_stop(run: RunDirectory) -> None:
    """Take back what a former attempt was asked, before the next one begins."""
    for name in (STOP, STOP_NOW):
        (run.control / name).unlink(missing_ok=True)


def request_stop(run: RunDirectory, *, by: str | None = None, now: bool = False) -> Ask:
    """Ask a run to stop, from any host that sees its folder.

    The worker finds the file within a second or two; on its own host it is also woken by a signal, which goes to
    that very process or to nobody (`ProcessIdentity.send_signal`). A run that was never started is stopped at once,
    and one that waits in the queue is taken out of it.

    Args:
        run: the run.
        by: who asks; user and host by default.
        now: without waiting for the runner to finish what it is at.

    Raises:
        UsageError: if the run has ended, or its process is gone.
        UnusableInput: if nothing can be written in the run directory.
    """
    if withdraw(run) and Watcher(run).look().state is not State.QUEUED:
        # It waited to be resumed, and is what it was.
        return _made(STOP, by, {})
    verdict = _going_on(run)
    asked = ask(run, STOP, by=by)
    if now:
        asked = ask(run, STOP_NOW, by=by)
    if verdict.state is State.QUEUED and verdict.alive is False:
        _stop_unstarted(run, asked)
    elif asked.is_new:
        _wake(run, verdict)
    return asked


def request_checkpoint(run: RunDirectory, *, by: str | None = None) -> Ask:
    """Ask a training for a checkpoint at its next step.

    Raises:
        UsageError: if the run has not begun or has ended.
        UnusableInput: if nothing can be written in the run directory.
    """
    return _request(run, CHECKPOINT, by)


def request_lower_rate(run: RunDirectory, factor: float = 0.1, *, by: str | None = None) -> Ask:
    """Ask a training to multiply its learning rate by a factor, from its next step to its end.

    Raises:
        UsageError: if the factor is not below 1 and at least SMALLEST_FACTOR, or the run is not going on.
        UnusableInput: if nothing can be written in the run directory.
    """
    return _request(run, LOWER_RATE, by, factor=checked_factor(factor))


def request_extension(run: RunDirectory, epochs: int, *, by: str | None = None) -> Ask:
    """Ask a training for more epochs than were planned.

    Raises:
        UsageError: if the number is out of range, or the run is not going on; `record_extension` is for those.
        UnusableInput: if nothing can be written in the run directory.
    """
    return _request(run, EXTEND, by, epochs=checked_epochs(epochs))


def record_extension(run: RunDirectory, epochs: int, *, by: str | None = None) -> Ask:
    """Have the next attempt of a run that is not going on train so many more epochs; said again, the last word counts.

    Raises:
        UsageError: if the number is out of range.
        UnusableInput: if nothing can be written in the run directory.
    """
    made = _made(EXTEND, by, {"epochs": checked_epochs(epochs)})
    try:
        run.control.mkdir(exist_ok=True)
        write_object(run.control / EXTEND, _content(made))
    except OSError as problem:
        raise _cannot_ask(run, EXTEND, problem) from problem
    return made


def checked_factor(factor: object) -> float:
    """A factor that lowers a rate.

    Raises:
        UsageError: if it is no such number.
    """
    value = number({"factor": factor}, "factor")
    if value is None or not SMALLEST_FACTOR <= value < 1:
        raise UsageError(
            f"the learning rate can be multiplied by a factor from {SMALLEST_FACTOR:g} to below 1, not {_shown(factor)}"
        )
    return value


def checked_epochs(epochs: object) -> int:
    """A number of epochs to add.

    Raises:
        UsageError: if it is no such number.
    """
    value = integer({"epochs": epochs}, "epochs")
    if value is None or not 1 <= value <= MOST_EPOCHS:
        raise UsageError(f"a run can be extended by 1 to {MOST_EPOCHS:,} epochs, not {_shown(epochs)}")
    return value


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "that"
    return f"{value!r}"[:40]


def _request(run: RunDirectory, name: str, by: str | None, **fields: Any) -> Ask:
    hint = f"leaptui resume {run.path} --more-epochs {fields['epochs']}" if name == EXTEND else None
    verdict = _going_on(run, hint)
    if verdict.state is State.QUEUED and verdict.alive is False:
        raise UsageError("this run has not begun", where=run.path)
    asked = ask(run, name, by=by, **fields)
    if asked.is_new:
        _wake(run, verdict)
    return asked


def _going_on(run: RunDirectory, hint: str | None = None) -> Verdict:
    verdict = Watcher(run).look()
    if verdict.state.is_final:
        raise UsageError(f"this run is not going on: it is {verdict.state}", where=run.path, hint=hint)
    if verdict.state is State.STALE:
        raise UsageError(f"this run is not going on: {verdict.reason}", where=run.path, hint=hint)
    return verdict


def _wake(run: RunDirectory, verdict: Verdict) -> None:
    status = verdict.status
    if status is not None and status.state.is_active and status.process is not None:
        status.process.send_signal(WAKE, argument=run.path)


def _stop_unstarted(run: RunDirectory, asked: Ask) -> None:
    reason = f"stopped by {asked.by} before it began"
    now = time.time()
    try:
        write_status(run, Status(State.STOPPED, 1, updated=now, ended=now, reason=reason))
    except OSError as problem:
        raise UnusableInput(f"its status cannot be written ({problem.strerror})", where=run.path) from problem


def _made(name: str, by: str | None, fields: Mapping[str, Any]) -> Ask:
    return Ask(name, by or _asker(), time.time(), is_new=True, fields=dict(fields), id=secrets.token_hex(6))


def _content(made: Ask) -> dict[str, Any]:
    return {**made.fields, "v": VERSION, "by": made.by, "t": made.t, "id": made.id}


def _cannot_ask(run: RunDirectory, name: str, problem: OSError) -> UnusableInput:
    return UnusableInput(
        f"the run cannot be asked to {name} ({problem.strerror})",
        where=run.path,
        hint="Its owner can, or whoever may write in its folder.",
    )


def _read(path: Path) -> Ask | None:
    """The ask in a file; None when it is there no more. Only a regular file is read, and only its beginning."""
    try:
        with open_plain(path) as descriptor:
            found = os.fstat(descriptor)
            data = os.read(descriptor, _ASK_SIZE)
    except FileNotFoundError:
        return None
    except OSError:
        return Ask(path.name, id="unreadable")
    record = decode(data) or {}
    fields = {key: value for key, value in record.items() if key not in _ENVELOPE}
    known = text(record, "id") or f"{found.st_ino}-{found.st_mtime_ns}"
    return Ask(path.name, text(record, "by"), number(record, "t"), fields=fields, id=known)


def _asker() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
