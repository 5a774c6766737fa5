"""The process that starts the runs of a queue: `python -m leaptui.runs.queue_dispatcher`.

One for each user, host and home folder; it lives as long as something waits. It may be killed at any moment: what
it knows stands in the queue's folder and in the locks that the workers themselves hold, and the next one, started
by whoever puts something in the queue or looks at it, goes on from there.

Between users of one machine, the run that was put in first comes first, as far as their dispatchers tell each
other (`leaptui.runs.queue_notes`). One that does not take its turn within some seconds loses it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leaptui.errors import LeaptuiError
from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_entries import QueueFolder, Waiting, discard
from leaptui.runs.queue_fitness import Judge, was_begun
from leaptui.runs.queue_notes import Told, boards, publish, refresh, withdraw_board
from leaptui.runs.queue_settings import QueueSettings, load_queue_settings
from leaptui.runs.queue_starter import dispatcher_lock
from leaptui.runs.queue_ticket import Ticket, key
from leaptui.runs.shared_folder import SharedFolder, open_shared
from leaptui.runs.slots import Slot, Slots, Taken, wanted
from leaptui.runs.status import ErrorSummary, State, Status, read_status, write_status
from leaptui.words import visible

EVERY = 0.5
"""Seconds between two looks."""
YIELD_FOR = 4.0
"""Seconds for which a free slot is left to another user whose run has waited longer."""

_FIRST_WORD = 1.0
_TRIES = 20
_EMPTY_LOOKS = 2
"""A folder that is listed while an entry is renamed may not show it."""


@dataclass
class _Pass:
    """One look at the queue.

    Args:
        expected: keys of the runs that wait or are being started.
        others: what the dispatchers of other queues tell.
        closed: names of the slots that an earlier entry waits for.
        told: what is to be told of those that go on waiting.
        has_started: a run was started.
    """

    expected: set[str]
    others: list[Told]
    closed: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    has_started: bool = False


class Dispatcher:
    """Starts the runs of one queue.

    Args:
        queue: its folder.
        shared: the folder of the machine's slots.
        slots: by default those that the user's settings name.
        clock: monotonic time.
        log: takes lines for dispatcher.log.
    """

    def __init__(
        self,
        queue: QueueFolder,
        shared: SharedFolder,
        *,
        slots: Slots | None = None,
        clock: Callable[[], float] = time.monotonic,
        log: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._queue = queue
        self._shared = shared
        self._slots = slots or Slots(shared, _settings(log))
        self._clock = clock
        self._log = log
        self._judge = Judge(clock=clock)
        self._free_since: dict[str, float] = {}
        self._put_back: set[str] = set()
        self._told: list[Told] = []
        self._watched: set[Path] = set()

    def look(self) -> tuple[int, bool]:
        """Start what can be started; returns how many wait, and whether something was started.

        Raises:
            OSError: if the queue's folder cannot be listed.
        """
        begun = self._sweep()
        waiting = self._queue.waiting()
        expected = {each.path.name.split(".")[1] for each in waiting} | begun
        others = [told for board in boards(self._shared) if board.mark != self._queue.mark for told in board.entries]
        now = _Pass(expected, others)
        left = sum(self._consider(entry, now) for entry in waiting)
        self._publish(now.told)
        self._judge.forget({each.ticket.run for each in waiting if each.ticket} | _followed(waiting) | self._watched)
        return left, now.has_started

    def close(self) -> None:
        """Nothing is told any more."""
        withdraw_board(self._shared, self._queue.mark)
        self._slots.close()

    def _consider(self, entry: Waiting, now: _Pass) -> bool:
        """Start an entry, drop it, or tell why it waits; returns whether it waits."""
        ticket = entry.ticket
        if ticket is None:
            return self._set_aside(entry)
        fitness = self._judge.fitness(ticket, now.expected - {key(ticket.run)})
        if fitness.is_dropped:
            self._drop(entry, ticket, fitness.reason, is_silent=fitness.is_silent)
            return False
        suited = self._slots.suited(ticket.wants, ticket.environment) if fitness.is_ready else []
        told = Told(key(ticket.run), ticket.run.name, ticket.wants, ticket.since, fitness.reason)
        if fitness.is_ready:
            taken, reason = self._take(ticket, suited, now)
            if taken is not None:
                has_begun = self._begin(entry, ticket, taken)
                now.has_started = now.has_started or has_begun
                return not has_begun
            names = tuple(slot.name for slot, _ in suited)
            now.closed.update(names)
            told = Told(told.key, told.run, told.wants, told.since, reason, names)
        now.told.append(told)
        return True

    def _take(self, ticket: Ticket, suited: Sequence[tuple[Slot, str | None]], now: _Pass) -> tuple[Taken | None, str]:
        """A slot for a run, or in words why there is none."""
        if not suited:
            return None, f"waits for {wanted(ticket.wants)}, and none is to be seen on this machine"
        foreign = []
        for slot, devices in suited:
            if slot.name in now.closed or self._shared.is_locked(slot.name) is not False:
                self._free_since.pop(slot.name, None)
                continue
            used = self._slots.foreign(slot)
            if used is not None:
                self._free_since.pop(slot.name, None)
                foreign.append(f"other programs use {used / (1 << 30):.1f} GiB of {slot.label}")
                continue
            since = self._free_since.setdefault(slot.name, self._clock())
            if self._clock() - since < YIELD_FOR and _is_others(slot, ticket, now.others):
                continue
            taken = self._slots.take(slot, ticket.run, devices)
            if taken is not None:
                self._free_since.pop(slot.name, None)
                return taken, ""
        reason = f"waits for {wanted(ticket.wants)}"
        return None, f"{reason}: {', '.join(foreign)}" if foreign else reason

    def _begin(self, entry: Waiting, ticket: Ticket, taken: Taken) -> bool:
        """Start a run in a slot; False when its entry was moved or cancelled just now."""
        claimed = self._queue.claim(entry)
        if claimed is None:
            taken.release()
            return False
        try:
            self._log(f"starting {ticket.run} on {taken.slot.label}")
            status = launch(
                RunDirectory(ticket.run),
                env={**ticket.environment, **taken.environment},
                resume=ticket.resume,
                wait=_FIRST_WORD,
                module=ticket.module,
                python=ticket.python or None,
                keep=taken.descriptors,
            )
        except LeaptuiError as problem:
            self._fail(ticket, problem)
            discard(claimed)
            return True
        finally:
            taken.release()
        if status.state.is_final:
            if status.state is State.FAILED:
                self._say(ticket.run, f"it failed at once: {status.reason or 'see its output'}")
            discard(claimed)
        return True

    def _sweep(self) -> set[str]:
        """Look after what was taken out of the queue; returns the keys of what has not ended."""
        going = set()
        self._watched = set()
        for path, ticket in self._queue.begun():
            if ticket is None or not RunDirectory(ticket.run).request.is_file():
                discard(path)
            elif self._goes_on(path, ticket):
                going.add(path.stem)
                self._watched.add(ticket.run)
        return going

    def _goes_on(self, path: Path, ticket: Ticket) -> bool:
        if not was_begun(ticket):
            if self._slots.holds(ticket.run):
                return True
            # Whoever claimed it was killed before it could start it.
            if path.stem in self._put_back:
                self._fail(ticket, LeaptuiError("its worker ended before it could begin"))
                return not discard(path)
            self._put_back.add(path.stem)
            self._log(f"{ticket.run} was to be started and was not: back to the head of the queue")
            self._queue.put_back(path, ticket)
            return False
        verdict = self._judge.watcher(ticket.run).look()
        if verdict.state is State.STALE and not self._slots.holds(ticket.run):
            self._say(ticket.run, f"it ended without a last word ({verdict.reason}); leaptui resume {ticket.run}")
            return not discard(path)
        if verdict.state is State.QUEUED and verdict.alive is False and not self._slots.holds(ticket.run):
            self._fail(ticket, LeaptuiError("its worker ended before it could begin"))
            return not discard(path)
        # The status of a run that goes on is the former worker's until the new one has spoken.
        return not (verdict.state.is_final and not self._slots.holds(ticket.run) and discard(path))

    def _drop(self, entry: Waiting, ticket: Ticket, reason: str, *, is_silent: bool) -> None:
        if not discard(entry.path) or is_silent:
            return
        self._say(ticket.run, reason)
        run = RunDirectory(ticket.run)
        if not ticket.resume and run.request.is_file() and not was_begun(ticket) and _is_unstarted(run):
            now = time.time()
            self._write(run, Status(State.STOPPED, 1, updated=now, ended=now, reason=reason))

    def _fail(self, ticket: Ticket, problem: LeaptuiError) -> None:
        self._say(ticket.run, f"it could not be started: {problem.what}")
        run = RunDirectory(ticket.run)
        if not ticket.resume and _is_unstarted(run):
            now = time.time()
            error = ErrorSummary.of(problem)
            self._write(run, Status(State.FAILED, 1, updated=now, ended=now, reason=problem.what, error=error))

    def _write(self, run: RunDirectory, status: Status) -> None:
        try:
            write_status(run, status)
        except OSError as problem:
            self._log(f"{run.status}: it cannot be written ({problem})")

    def _set_aside(self, entry: Waiting) -> bool:
        """An entry that cannot be read is kept under a name that means nothing; returns that it does not wait."""
        target = entry.path.with_name(f"damaged.{entry.path.name}")
        try:
            entry.path.rename(target)
            self._say(None, f"an entry was damaged and is set aside: {target}")
        except OSError as problem:
            self._log(f"{entry.path}: it is damaged and cannot be set aside ({problem})")
        return False

    def _say(self, run: Path | None, what: str) -> None:
        self._log(what if run is None else f"{run}: {what}")
        self._queue.say(run, what)

    def _publish(self, told: list[Told]) -> None:
        if told != self._told or not refresh(self._shared, self._queue.mark):
            publish(self._shared, self._queue.mark, told)
            self._told = told


def _is_others(slot: Slot, ticket: Ticket, others: Sequence[Told]) -> bool:
    """Whether a run of somebody else that could have this slot was put in before."""
    return any(slot.name in told.slots and told.since < ticket.since for told in others)


def _is_unstarted(run: RunDirectory) -> bool:
    status = read_status(run)
    return status is None or status.state is State.QUEUED


def _followed(waiting: Sequence[Waiting]) -> set[Path]:
    return {each.ticket.after for each in waiting if each.ticket is not None and each.ticket.after is not None}


def _settings(log: Callable[[str], None]) -> QueueSettings:
    try:
        return load_queue_settings()
    except LeaptuiError as problem:
        log(f"the settings are left aside: {problem}")
        return QueueSettings()


def serve(queue: QueueFolder, shared: SharedFolder, *, every: float = EVERY, log: Callable[[str], None]) -> None:
    """Dispatch until nothing waits, unless somebody else does."""
    while (lock := _only_one(shared, dispatcher_lock(queue))) is not None:
        dispatcher = Dispatcher(queue, shared, log=log)
        try:
            _until_empty(dispatcher, every, log)
        finally:
            dispatcher.close()
            os.close(lock)
        # Somebody may have put something in, and still seen the lock.
        if not _has_waiting(queue):
            return


def _has_waiting(queue: QueueFolder) -> bool:
    try:
        return bool(queue.waiting())
    except OSError:
        # Whoever looks next starts another dispatcher.
        return False


def _until_empty(dispatcher: Dispatcher, every: float, log: Callable[[str], None]) -> None:
    empty = 0
    last = ""
    while empty < _EMPTY_LOOKS:
        left, has_started = 1, False
        try:
            left, has_started = dispatcher.look()
        except OSError as problem:
            # A server that is away comes back.
            if str(problem) != last:
                last = str(problem)
                log(f"the queue cannot be read: {problem}")
        empty = 0 if left else empty + 1
        if not has_started:
            time.sleep(every if left else min(every, 0.2))


def _only_one(shared: SharedFolder, name: str) -> int | None:
    for attempt in range(_TRIES):
        lock = shared.lock(name, mode=0o600)
        if lock is not None:
            return lock
        if attempt < _TRIES - 1:
            # Somebody who only looks holds it for a moment.
            time.sleep(0.02)
    return None


def _log(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {visible(line)}\n")
    sys.stderr.flush()


def main() -> None:
    """Serve the queue of this user on this host."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    queue = QueueFolder.here()
    if not queue.is_private():
        _log(f"{queue.path}: others can write there, so nothing in it is started")
        sys.exit(3)
    try:
        serve(queue, open_shared(), log=_log)
    except LeaptuiError as problem:
        _log(str(problem))
        sys.exit(int(problem.exit_code))


if __name__ == "__main__":
    main()
