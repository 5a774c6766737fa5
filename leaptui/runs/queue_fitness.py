"""May a run that waits begin? Judged from its own directory and from that of the run it follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import Watcher
from leaptui.runs.queue_ticket import Ticket, key
from leaptui.runs.status import State, read_status

GONE_AFTER = 5.0
"""Seconds for which a run directory must be away before it counts as gone: a server may be slow to answer."""

_ENDED = {
    State.FAILED: "failed",
    State.STOPPED: "was stopped",
    State.STALE: "ended without a last word",
}


@dataclass(frozen=True)
class Fitness:
    """What was found.

    Args:
        is_ready: it may begin as soon as there is a slot.
        reason: what it waits for, or why it is dropped.
        is_dropped: it never will.
        is_silent: nobody needs to be told, since the run's own status says it.
    """

    is_ready: bool = False
    reason: str = ""
    is_dropped: bool = False
    is_silent: bool = False


READY = Fitness(is_ready=True)


class Judge:
    """Remembers between two looks since when something has been away, and who showed signs of life.

    Args:
        clock: monotonic time.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watchers: dict[Path, Watcher] = {}
        self._missing: dict[Path, float] = {}

    def fitness(self, ticket: Ticket, expected: Collection[str]) -> Fitness:
        """Judge an entry.

        Args:
            ticket: what it says.
            expected: keys of the runs that wait or are being started, so that they will still do something.
        """
        run = RunDirectory(ticket.run)
        if not run.request.is_file():
            if self._is_gone(ticket.run):
                return Fitness(reason="its run directory is gone", is_dropped=True)
            return Fitness(reason="its run directory cannot be found")
        self._missing.pop(ticket.run, None)
        if was_begun(ticket):
            return Fitness(reason="it was started without the queue", is_dropped=True)
        status = read_status(run)
        if not ticket.resume and status is not None and status.state is not State.QUEUED:
            return Fitness(reason=f"it is {status.state}", is_dropped=True, is_silent=True)
        return READY if ticket.after is None else self._follows(ticket.after, ticket.anyway, expected)

    def watcher(self, run: Path) -> Watcher:
        """The one that watches a run, the same at each look."""
        if run not in self._watchers:
            self._watchers[run] = Watcher(RunDirectory(run), clock=self._clock)
        return self._watchers[run]

    def forget(self, known: Collection[Path]) -> None:
        """Remember only those runs."""
        self._watchers = {run: each for run, each in self._watchers.items() if run in known}
        self._missing = {run: since for run, since in self._missing.items() if run in known}

    def _follows(self, after: Path, anyway: bool, expected: Collection[str]) -> Fitness:
        if key(after) in expected:
            return Fitness(reason=f"waits for {after.name} to end")
        if not RunDirectory(after).request.is_file():
            if not self._is_gone(after):
                return Fitness(reason=f"waits for {after.name}, which cannot be found")
            return READY if anyway else _cancelled(after, "is gone")
        self._missing.pop(after, None)
        verdict = self.watcher(after).look()
        if verdict.state is State.FINISHED:
            return READY
        if verdict.state in _ENDED:
            return READY if anyway else _cancelled(after, _ENDED[verdict.state])
        if verdict.state is State.QUEUED and verdict.alive is False:
            return Fitness(reason=f"waits for {after.name}, which nobody has started")
        return Fitness(reason=f"waits for {after.name} to end")

    def _is_gone(self, run: Path) -> bool:
        now = self._clock()
        return now - self._missing.setdefault(run, now) >= GONE_AFTER


def was_begun(ticket: Ticket) -> bool:
    """Whether a worker has begun the run since it was put in the queue."""
    run = RunDirectory(ticket.run)
    return claims(run) > ticket.claims or (not ticket.resume and run.launch.exists())


def claims(run: RunDirectory) -> int:
    """How many workers have begun a run so far. Lists its control folder."""
    try:
        return sum(each.name.startswith("worker.") for each in run.control.iterdir())
    except OSError:
        return 0


def _cancelled(after: Path, how: str) -> Fitness:
    return Fitness(reason=f"cancelled: {after.name}, which it was to follow, {how}", is_dropped=True)
