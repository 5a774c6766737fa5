"""Is a run alive? Judged by its heartbeat, and by its process only where that can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from leaptui.runs.files import read_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import Presence, ProcessIdentity
from leaptui.runs.status import State, Status, read_status

STALE_AFTER = 30.0
"""Seconds without a new heartbeat after which a run whose process cannot be seen counts as stale. The worker
writes one a second; a network file system may hold it back for some seconds."""

PROCESS_GONE = "its process is gone"


@dataclass(frozen=True)
class Verdict:
    """What a reader makes of a run.

    Args:
        state: as written, or stale.
        alive: whether a worker is at it; None when that is not known yet.
        reason: in words, from the status or the reader; may be empty.
        silent: seconds since the reader saw the heartbeat move.
        status: what it was judged by; None when there is none.
    """

    state: State
    alive: bool | None
    reason: str
    silent: float
    status: Status | None


class Watcher:
    """Follows one run's status.

    Wall clocks of two hosts differ, so time is the reader's own: a run is alive as long as `seq` moves between
    two looks. On the worker's host the process itself is asked, which settles it at once.

    Args:
        run: whom to watch.
        stale_after: seconds of silence, see STALE_AFTER.
        clock: monotonic time.
    """

    def __init__(
        self,
        run: RunDirectory,
        *,
        stale_after: float = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._stale_after = stale_after
        self._clock = clock
        self._newest: Status | None = None
        self._older_since: float | None = None
        self._moved = clock()
        self._has_moved = False
        self._is_unmoved = False

    def look(self) -> Verdict:
        """Read the status and judge; never raises for what is on disk."""
        status = self._read()
        verdict = self._judge(status)
        if verdict.state is State.STALE:
            # The worker may have ended, and said so, between the reading and the judging.
            latest = self._read()
            if latest != status:
                return self._judge(latest)
        return verdict

    def _read(self) -> Status | None:
        """The newest status that was ever seen: on a network file system a file that is replaced may be away for a
        moment, and an older version of it may come back."""
        found, newest = read_status(self._run), self._newest
        if found is None:
            return newest
        if newest is not None and _beat(found) < _beat(newest):
            self._older_since = self._clock() if self._older_since is None else self._older_since
            if self._clock() - self._older_since < self._stale_after:
                return newest
        self._older_since = None
        if newest is None or _beat(found) != _beat(newest):
            self._has_moved = newest is not None
            self._moved = self._clock()
        self._is_unmoved = newest is not None and _beat(found) == _beat(newest)
        self._newest = found
        return found

    def _judge(self, status: Status | None) -> Verdict:
        silent = self._clock() - self._moved
        if status is None or status.state is State.QUEUED:
            return self._judge_unstarted(status, silent)
        reason = status.reason or ""
        if status.state.is_final:
            return Verdict(status.state, False, reason, silent, status)
        presence = Presence.UNKNOWN if status.process is None else status.process.presence()
        if presence is Presence.GONE:
            return Verdict(State.STALE, False, PROCESS_GONE, silent, status)
        if presence is Presence.HERE:
            return Verdict(status.state, True, reason, silent, status)
        if silent < self._stale_after or not self._is_unmoved:
            return Verdict(status.state, True if self._has_moved else None, reason, silent, status)
        return Verdict(State.STALE, False, f"no sign of life from {_host(status)} for {silent:.0f} s", silent, status)

    def _judge_unstarted(self, status: Status | None, silent: float) -> Verdict:
        """No worker has written yet: is one on its way?"""
        launched = read_object(self._run.launch)
        if launched is None:
            return Verdict(State.QUEUED, False, "waiting to be started", silent, status)
        process = ProcessIdentity.from_json(launched)
        presence = Presence.UNKNOWN if process is None else process.presence()
        if presence is Presence.GONE or (presence is Presence.UNKNOWN and silent >= self._stale_after):
            return Verdict(State.STALE, False, "its process ended before it could begin", silent, status)
        alive = True if presence is Presence.HERE else None
        return Verdict(State.QUEUED, alive, "its process is starting", silent, status)


def conclude(
    run: RunDirectory,
    *,
    timeout: float = STALE_AFTER + 2.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Look until it is known whether the run is alive, or the time is up; at once unless it is on another host."""
    watcher = Watcher(run, clock=clock)
    until = clock() + timeout
    while True:
        verdict = watcher.look()
        if verdict.alive is not None or clock() >= until:
            return verdict
        sleep(0.5)


def _beat(status: Status) -> tuple[int, int]:
    return status.attempt, status.seq


def _host(status: Status) -> str:
    return status.host or "its host"
