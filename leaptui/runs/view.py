"""A run as its readers see it: screens and `leaptui attach` reread it and never talk to the worker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.runs.curve import Curve
from leaptui.runs.events import EventReader
from leaptui.runs.files import integer, number, read_object, tail, text
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import STALE_AFTER, Verdict, Watcher
from leaptui.runs.status import ErrorSummary, State, Status

EPOCHS_KEPT = 5000
LOG_LINES_KEPT = 500


@dataclass(frozen=True)
class EpochPoint:
    """One `epoch` event; what it did not say, or said as NaN, is None."""

    epoch: int
    step: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_error_px: float | None = None
    val_error_body: float | None = None
    lr: float | None = None
    best: bool = False
    seconds: float | None = None
    eta_s: float | None = None

    @classmethod
    def of(cls, event: dict[str, Any]) -> EpochPoint | None:
        """Of an event; None when it does not say which epoch."""
        epoch = integer(event, "epoch")
        if epoch is None:
            return None
        values = {
            name: number(event, name)
            for name in ("train_loss", "val_loss", "val_error_px", "val_error_body", "lr", "seconds", "eta_s")
        }
        return cls(epoch, integer(event, "step"), best=event.get("best") is True, **values)


@dataclass(frozen=True)
class Progress:
    """The newest `progress` event. `total` is None when nobody knows it."""

    done: float
    total: float | None = None
    unit: str = ""
    rate: float | None = None
    eta_s: float | None = None
    label: str = ""

    @property
    def fraction(self) -> float | None:
        """Share done, 0 to 1."""
        if not self.total or self.total < 0:
            return None
        return min(1.0, max(0.0, self.done / self.total))


@dataclass(frozen=True)
class LogLine:
    """One `log` event; `t` is seconds since the epoch by the worker's clock."""

    t: float | None
    level: str
    message: str


class RunView:
    """What is known of a run; `refresh` brings it up to date, in bounded time and memory.

    Args:
        run: the run or its folder; nothing needs to be in it yet.
        stale_after: see `Watcher`.
        clock: monotonic time.
    """

    def __init__(
        self,
        run: RunDirectory | Path,
        *,
        stale_after: float = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run if isinstance(run, RunDirectory) else RunDirectory(Path(run).absolute())
        self._watcher = Watcher(self.run, stale_after=stale_after, clock=clock)
        self._reader = EventReader(self.run, clock=clock)
        self._request_file: dict[str, Any] | None = None
        self._eta: tuple[float, float] | None = None
        self._newest: float | None = None
        self._result: dict[str, Any] | None = None
        self.verdict = Verdict(State.QUEUED, None, "", 0.0, None)
        self.plan: dict[str, Any] | None = None
        """The newest `plan` event."""
        self.steps = Curve()
        """Loss over step."""
        self.last_step: dict[str, Any] | None = None
        """The newest `step` event."""
        self.epochs: list[EpochPoint] = []
        self.checkpoints: dict[str, str] = {}
        """Path of the newest checkpoint of each kind."""
        self.progress: Progress | None = None
        self.log: deque[LogLine] = deque(maxlen=LOG_LINES_KEPT)

    def refresh(self, max_records: int = 5000, max_seconds: float = 0.05) -> list[dict[str, Any]]:
        """Read what is new; returns the new events, in order. Never raises for what is on disk.

        `is_behind` says whether there is more to read than fitted.
        """
        # The worker's last word comes after its last event: in this order none is missed.
        self.verdict = self._watcher.look()
        events = self._reader.poll(max_records, max_seconds)
        for event in events:
            self._take(event)
        if self._request_file is None:
            self._request_file = read_object(self.run.request)
        if self.verdict.state.is_final and self._result is None:
            self._result = read_object(self.run.result)
        return events

    @property
    def state(self) -> State:
        """As written by the worker, or stale."""
        return self.verdict.state

    @property
    def status(self) -> Status | None:
        return self.verdict.status

    @property
    def reason(self) -> str:
        """Why it is in that state."""
        return self.verdict.reason

    @property
    def is_behind(self) -> bool:
        """There are more events on disk than were read."""
        return self._reader.is_behind

    @property
    def is_over(self) -> bool:
        """It has ended, or its process is gone, and all its events are read."""
        ended = self.state.is_final or self.state is State.STALE
        return ended and not self.is_behind

    @property
    def problems(self) -> int:
        """Lines of the events that could not be used."""
        return self._reader.problems

    @property
    def operation(self) -> str | None:
        return None if self._request_file is None else text(self._request_file, "operation")

    @property
    def title(self) -> str | None:
        return None if self._request_file is None else text(self._request_file, "title")

    @property
    def created(self) -> float | None:
        """Seconds since the epoch."""
        return None if self._request_file is None else number(self._request_file, "created")

    @property
    def request(self) -> dict[str, Any]:
        """What was asked; {} until it can be read."""
        asked = None if self._request_file is None else self._request_file.get("request")
        return asked if isinstance(asked, dict) else {}

    @property
    def result(self) -> dict[str, Any] | None:
        """What came out, once it has ended."""
        return self._result

    @property
    def error(self) -> ErrorSummary | None:
        """Why it failed; its `traceback` is set when that was a bug."""
        return None if self.status is None else self.status.error

    @property
    def best(self) -> EpochPoint | None:
        """The newest epoch that was the best so far."""
        return next((point for point in reversed(self.epochs) if point.best), None)

    @property
    def elapsed(self) -> float | None:
        """Seconds from the start of this attempt to its end, or to the last sign of life; on the worker's clock."""
        status = self.status
        if status is None or status.started is None:
            return None
        until = status.ended or status.updated
        return None if until is None else max(0.0, until - status.started)

    @property
    def eta(self) -> float | None:
        """Seconds left, by the newest event that said so; None when nothing is going on."""
        if self._eta is None or not self.state.is_active:
            return None
        said, left = self._eta
        now = None if self.status is None else self.status.updated
        return left if now is None else max(0.0, left - max(0.0, now - said))

    def output(self, limit: int = 1 << 16) -> list[str]:
        """The last lines the worker printed, tracebacks among them. Untrusted text."""
        return tail(self.run.output, limit).splitlines()

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "step":
            self._take_step(event)
        elif kind == "epoch":
            self._take_epoch(event)
        elif kind == "progress":
            self._take_progress(event)
        elif kind == "plan":
            self.plan = event
        elif kind == "log":
            line = LogLine(number(event, "t"), text(event, "level") or "info", text(event, "message") or "")
            self.log.append(line)
        elif kind == "checkpoint":
            path = text(event, "path")
            if path is not None:
                self.checkpoints[text(event, "kind") or "last"] = path

    def _take_step(self, event: dict[str, Any]) -> None:
        step = number(event, "step")
        if step is None:
            return
        self.last_step = event
        self.steps.add(step, number(event, "loss"))

    def _take_epoch(self, event: dict[str, Any]) -> None:
        point = EpochPoint.of(event)
        if point is None:
            return
        # A resumed run does again what came after its checkpoint.
        while self.epochs and self.epochs[-1].epoch >= point.epoch:
            self.epochs.pop()
        self.epochs.append(point)
        if len(self.epochs) > EPOCHS_KEPT:
            best = self.best
            self.epochs = [each for index, each in enumerate(self.epochs) if index % 2 == 0 or each in (best, point)]
        self._note_eta(event)

    def _take_progress(self, event: dict[str, Any]) -> None:
        done = number(event, "done")
        if done is None:
            return
        self.progress = Progress(
            done,
            number(event, "total"),
            text(event, "unit") or "",
            number(event, "rate"),
            number(event, "eta_s"),
            text(event, "label") or "",
        )
        self._note_eta(event)

    def _note_eta(self, event: dict[str, Any]) -> None:
        said, left = number(event, "t"), number(event, "eta_s")
        self._eta = None if said is None or left is None else (said, left)
