"""The queue of this machine: put runs in, see where they are, move and cancel them.

Runs wait in a folder of their user (`queue_entries`) for a slot of the machine (`slots`), and a process that
whoever enqueues or looks starts when it is not there (`queue_dispatcher`) starts them in order.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leaptui.errors import LeaptuiError, UnusableInput, UsageError
from leaptui.runs.launch import import_path
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_checks import check_after, check_can_wait
from leaptui.runs.queue_entries import Notice, QueueFolder, withdraw
from leaptui.runs.queue_fitness import claims
from leaptui.runs.queue_notes import boards
from leaptui.runs.queue_settings import QueueSettings, load_queue_settings
from leaptui.runs.queue_starter import changing, start_dispatcher, start_now_and_then
from leaptui.runs.queue_ticket import Ticket, key, matters
from leaptui.runs.shared_folder import SharedFolder, open_shared, user_name
from leaptui.runs.slots import AUTO, CPU, WANTS, SlotLook, Slots, wanted
from leaptui.runs.status import State, Status, read_status, write_status

_CACHED_FOR = 1.0
_PLACES = ("first", "last", "up", "down")


@dataclass(frozen=True)
class Entry:
    """A run that waits.

    Args:
        name: of the run.
        run: its directory; None for a run of another user, who need not say where it is.
        place: from 1, in its own queue.
        user: whose it is.
        wants: "gpu" or "cpu".
        reason: what it waits for, in words.
        since: when it was put in, seconds since the epoch.
        after: directory of the run it follows.
        host: whose slots it waits for.
        is_own: it is in this user's queue, and can be moved and cancelled.
    """

    name: str
    run: Path | None
    place: int
    user: str
    wants: str
    reason: str
    since: float
    after: Path | None = None
    host: str = ""
    is_own: bool = True


def enqueue(
    run: RunDirectory,
    *,
    after: RunDirectory | Path | None = None,
    wants: str = AUTO,
    anyway: bool = False,
    resume: bool = False,
    env: Mapping[str, str] | None = None,
    module: str = "leaptui.worker",
) -> Entry:
    """Put a run at the end of this machine's queue and see to it that somebody starts it.

    Args:
        run: one nobody started yet; with `resume`, one whose worker is gone.
        after: start it only when this run has finished; if that one fails, is stopped or is killed, the run is
            cancelled.
        wants: "gpu", "gpu:1" for a certain one, "cpu", or "auto": a GPU where there is one.
        anyway: start it however the run before it ends.
        resume: as `launch` means it.
        env: variables for its worker, beside those of this process that matter to one.
        module: what `python -m` runs.

    Returns:
        Its entry.

    Raises:
        UsageError: if it cannot wait: it waits already, was started, would wait for itself, or wants a GPU where
            there is none.
        UnusableInput: if it is no run, or the queue cannot be written.
        OperationFailed: if no dispatcher can be started; the run then waits for one.
    """
    if wants != AUTO and not WANTS.fullmatch(wants):
        raise UsageError(f"a run can want gpu, gpu:0, cpu or auto, not {wants!r}")
    path = Path(os.path.realpath(run.path))
    run = RunDirectory(path)
    run.read_request()
    followed = None if after is None else check_after(after, anyway=anyway)
    queue, shared = QueueFolder.here(), open_shared()
    environment = {name: value for name, value in os.environ.items() if matters(name)} | import_path() | dict(env or {})
    wants = _resolved(shared, wants, environment)
    queue.make()
    with changing(queue, shared):
        waiting = {each.ticket.run: each.ticket for each in queue.waiting() if each.ticket is not None}
        check_can_wait(run, waiting, followed, resume=resume)
        ticket = Ticket(
            path,
            wants,
            followed,
            anyway,
            resume,
            claims(run),
            time.time(),
            user_name(),
            environment,
            sys.executable or "",
            module,
        )
        try:
            queue.add(ticket)
        except OSError as problem:
            raise UnusableInput(
                f"the queue cannot be written ({problem.strerror or problem})", where=queue.path
            ) from problem
    start_dispatcher(queue, shared)
    _cache.forget()
    found = [each for each in _own(queue, {}) if each.run == path]
    # It may have begun in the meantime.
    return found[0] if found else Entry(path.name, path, 1, ticket.user, wants, "it begins", ticket.since, followed)


def entries(*, others: bool = True) -> list[Entry]:
    """The runs that wait on this machine: this user's in order, then those that other users' dispatchers tell.

    Where something waits and nobody is there to start it, a dispatcher is started.

    Raises:
        UnusableInput: if the queue, or the folder of the machine's slots, cannot be used.
    """
    queue, shared = QueueFolder.here(), open_shared()
    told = boards(shared)
    reasons = {each.key: each.reason for board in told if board.mark == queue.mark for each in board.entries}
    try:
        found = _own(queue, reasons)
    except OSError as problem:
        raise UnusableInput(f"the queue cannot be read ({problem.strerror or problem})", where=queue.path) from problem
    if found:
        start_now_and_then(queue, shared)
    if others:
        for board in told:
            if board.mark != queue.mark:
                found += [
                    Entry(
                        each.run, None, place, board.user, each.wants, each.reason, each.since, None, queue.host, False
                    )
                    for place, each in enumerate(board.entries, start=1)
                ]
    return found


def slots() -> list[SlotLook]:
    """The slots of this machine and who holds them.

    Raises:
        UnusableInput: if the settings make no sense or the folder of the slots cannot be used.
    """
    return _slots_here().look_at_all()


def notices() -> list[Notice]:
    """What the dispatcher of this user's queue here had to say, oldest first."""
    return QueueFolder.here().notices()


def waiting(run: RunDirectory) -> tuple[int, str] | None:
    """The place of a run in its queue, and why it waits: "2nd in the queue of HOST, waits for a GPU".

    For readers that ask all the time: what is said is up to a second old, and nothing is ever raised.

    Returns:
        None for a run that does not wait in a queue of this user.
    """
    return _cache.look().get(key(Path(os.path.realpath(run.path))))


def move(run: RunDirectory, to: str | int) -> int:
    """Move a run to another place in its queue.

    Args:
        run: one that waits here.
        to: "first", "last", "up", "down", or a place from 1.

    Returns:
        Its new place.

    Raises:
        UsageError: if it does not wait here, or there is no such place.
        UnusableInput: if the queue cannot be used.
    """
    queue, shared = QueueFolder.here(), open_shared()
    path = Path(os.path.realpath(run.path))
    with changing(queue, shared):
        listed = queue.waiting()
        places = [index for index, each in enumerate(listed) if each.ticket is not None and each.ticket.run == path]
        if not places:
            raise _not_waiting(run)
        entry = listed.pop(places[0])
        place = _target(to, places[0], len(listed))
        if place != places[0] and not queue.place(entry, listed[:place], listed[place:]):
            raise _not_waiting(run)
    _cache.forget()
    return place + 1


def cancel(run: RunDirectory, *, by: str | None = None) -> None:
    """Take a run out of its queue before it begins; one that was never started is stopped.

    Raises:
        UsageError: if it does not wait.
        UnusableInput: if its status cannot be written.
    """
    path = Path(os.path.realpath(run.path))
    run = RunDirectory(path)
    if not withdraw(run):
        raise _not_waiting(run)
    _cache.forget()
    status = read_status(run)
    if (status is not None and status.state is not State.QUEUED) or not run.request.is_file():
        return
    now = time.time()
    reason = f"cancelled by {by or user_name()} while it waited in the queue"
    try:
        write_status(run, Status(State.STOPPED, 1, updated=now, ended=now, reason=reason))
    except OSError as problem:
        raise UnusableInput(f"its status cannot be written ({problem.strerror})", where=run.path) from problem


def _resolved(shared: SharedFolder, wants: str, environment: Mapping[str, str]) -> str:
    slots = Slots(shared, load_queue_settings())
    try:
        wants = slots.resolve(wants, environment)
        suited = slots.suited(wants, environment)
    finally:
        slots.close()
    if suited:
        return wants
    if wants != CPU:
        raise UsageError(
            f"the run asks for {wanted(wants)}, which is not to be seen on this machine",
            hint="LEAPTUI_GPUS=0,1 names them where the driver's library does not.",
        )
    raise UsageError("the run needs a CPU slot, and none is set up", hint="LEAPTUI_CPU_SLOTS says how many there are.")


_slots: dict[tuple[Path, QueueSettings], Slots] = {}


def _slots_here() -> Slots:
    """The same for every look, since opening the GPUs' driver may take a second."""
    shared, settings = open_shared(), load_queue_settings()
    if (shared.path, settings) not in _slots:
        for former in _slots.values():
            former.close()
        _slots.clear()
        _slots[shared.path, settings] = Slots(shared, settings)
    return _slots[shared.path, settings]


def _own(queue: QueueFolder, reasons: Mapping[str, str]) -> list[Entry]:
    found: list[Entry] = []
    for each in queue.waiting():
        ticket = each.ticket
        if ticket is None or _is_over(ticket):
            continue
        name = (
            f"waits for {ticket.after.name} to end" if ticket.after is not None else f"waits for {wanted(ticket.wants)}"
        )
        found.append(
            Entry(
                ticket.run.name,
                ticket.run,
                len(found) + 1,
                ticket.user,
                ticket.wants,
                reasons.get(key(ticket.run)) or name,
                ticket.since,
                ticket.after,
                queue.host,
            )
        )
    return found


def _is_over(ticket: Ticket) -> bool:
    """It was stopped while nobody looked after the queue."""
    status = None if ticket.resume else read_status(RunDirectory(ticket.run))
    return status is not None and status.state is not State.QUEUED


def _target(to: str | int, place: int, last: int) -> int:
    """The index that a word or a place from 1 means."""
    if isinstance(to, int):
        if not 1 <= to <= last + 1:
            raise UsageError(f"there is no place {to}: the queue has {last + 1}")
        return to - 1
    if to not in _PLACES:
        raise UsageError(f"a run moves {', '.join(_PLACES)} or to a place, not {to!r}")
    return {"first": 0, "last": last, "up": max(place - 1, 0), "down": min(place + 1, last)}[to]


def _not_waiting(run: RunDirectory) -> UsageError:
    return UsageError(
        "this run does not wait in the queue of this machine",
        where=run.path,
        hint="`leaptui queue` lists what does; what has begun is ended by `leaptui stop`.",
    )


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


class _Cache:
    """The places of all runs of this user, read at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: float | None = None
        self._home = ""
        self._places: dict[str, tuple[int, str]] = {}

    def look(self) -> dict[str, tuple[int, str]]:
        """Place and reason by key."""
        with self._lock:
            now, where = time.monotonic(), os.environ.get("LEAPTUI_HOME", "")
            if self._read is None or now - self._read > _CACHED_FOR or where != self._home:
                self._places = _places()
                self._read, self._home = time.monotonic(), where
            return self._places

    def forget(self) -> None:
        """Something was changed."""
        with self._lock:
            self._read = None


_cache = _Cache()


def _places() -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    here = QueueFolder.here()
    for queue in QueueFolder.everywhere():
        try:
            listed = entries(others=False) if queue == here else _own(queue, {})
        except (OSError, LeaptuiError):
            continue
        for each in listed:
            if each.run is not None:
                place = f"{ordinal(each.place)} in the queue of {queue.host}"
                found[key(each.run)] = each.place, f"{place}, {each.reason}"
    return found
