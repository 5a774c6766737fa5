"""Asks on their way from the thread that hears them to the runner, and the answers to those nobody serves."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable

from leaptui.runs.control import CHECKPOINT, EXTEND, LOWER_RATE, Ask, acknowledge
from leaptui.runs.layout import RunDirectory

_REMEMBERED = 256
_NOT_SERVED = {
    CHECKPOINT: "there is nothing to keep: only trainings have checkpoints",
    LOWER_RATE: "there is no learning rate to lower: only trainings have one",
    EXTEND: "there are no epochs to add to: only trainings have them",
}


class Inbox:
    """What a run is asked beside stopping.

    Every ask is answered: by the runner that takes it, by the inbox when the runner does not serve it, and at the
    latest by `close`.

    Args:
        run: whom it is asked.
        emit: `RunContext.emit`.
    """

    def __init__(self, run: RunDirectory, emit: Callable[..., None]) -> None:
        self._run = run
        self._emit = emit
        self._lock = threading.Lock()
        self._served: frozenset[str] | None = None
        self._seen: deque[tuple[str, str | None]] = deque(maxlen=_REMEMBERED)
        self._waiting: list[Ask] = []
        self._taken: list[Ask] = []

    def serves(self, names: Collection[str]) -> None:
        """Say what the runner serves; until then every ask waits."""
        with self._lock:
            self._served = frozenset(names)
            refused = self._sort_out()
        self._refuse(refused)

    def put(self, asks: Iterable[Ask]) -> None:
        """What a look into control/ found; what was found before is left out."""
        with self._lock:
            for asked in asks:
                if asked.key not in self._seen:
                    self._seen.append(asked.key)
                    self._waiting.append(asked)
            refused = self._sort_out()
        self._refuse(refused)

    def take(self) -> list[Ask]:
        """The asks that came since the last call, for the runner to do and to acknowledge."""
        if not self._waiting or self._served is None:
            return []
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._taken += taken
        return taken

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """Answer one."""
        with self._lock:
            self._taken = [each for each in self._taken if each.key != asked.key]
        acknowledge(self._run, asked, self._emit, answer=answer, accepted=accepted)

    def close(self, keep: Collection[str] = ()) -> None:
        """Answer what is left; asks of the names in `keep` stay for the next attempt."""
        with self._lock:
            left, self._waiting, self._taken = [*self._taken, *self._waiting], [], []
        for asked in left:
            if asked.name not in keep:
                answer = "the run ended before it could be done"
                acknowledge(self._run, asked, self._emit, answer=answer, accepted=False)

    def _sort_out(self) -> list[Ask]:
        if self._served is None:
            return []
        served = self._served
        refused = [each for each in self._waiting if each.name not in served]
        self._waiting = [each for each in self._waiting if each.name in served]
        return refused

    def _refuse(self, asks: Iterable[Ask]) -> None:
        for asked in asks:
            answer = _NOT_SERVED.get(asked.name, "this version of leaptui does not know what that asks for")
            acknowledge(self._run, asked, self._emit, answer=answer, accepted=False)
