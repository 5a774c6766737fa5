"""Reading a run for the screens: a RunView of `leaptui.runs`, turned into a RunPicture."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path

from leaptui.runs.advice import silent_end
from leaptui.runs.history import GAUGES_KEPT
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import PROCESS_GONE
from leaptui.runs.paths import inside
from leaptui.runs.points import Checkpoint as CheckpointRead
from leaptui.runs.points import EpochPoint as EpochRead
from leaptui.runs.points import Gauge as GaugeRead
from leaptui.runs.status import State
from leaptui.runs.view import RunView
from leaptui.tui.run_picture import (
    Checkpoint,
    EpochPoint,
    Gauge,
    GpuGauge,
    LogLine,
    Preview,
    Progress,
    RunError,
    RunPicture,
    Waiting,
)

CURVE_POINTS = 3000
"""Points of the loss that a screen is given at most, and half of it at least where there are more: enough to look
closely at a part of it."""

METRIC_POINTS = 600

_LOG_LINES = 200
_OUTPUT_LINES = 40
_SECONDS_A_LOOK = 0.25
_QUEUE_EVERY = 2.0


class LiveReader:
    """Follows one run directory.

    Args:
        path: the run directory; what is missing or broken in it becomes words, never an error.
        waiting: the run's place in the queue of its host, and what it waits for; None where it does not wait.
    """

    def __init__(self, path: Path, *, waiting: Callable[[Path], tuple[int, str] | None] | None = None) -> None:
        self._path = path
        self._view = RunView(path)
        self._find_place = waiting or _place_in_queue
        self._place: tuple[int, str] | None = None
        self._place_due = 0.0
        self._epochs: list[tuple[EpochRead, EpochPoint]] = []
        self._shown_epochs: tuple[EpochPoint, ...] = ()
        self._gauges: deque[Gauge] = deque(maxlen=GAUGES_KEPT)
        self._gauges_read = 0
        self._advice = ""
        self._checkpoints: tuple[Checkpoint, ...] = ()
        self._checkpoints_read: list[CheckpointRead] = []
        self._previews: tuple[Preview, ...] = ()
        self._previews_read: tuple[tuple[int, Path], ...] = ()

    @property
    def is_behind(self) -> bool:
        """There is more on disk than the last look had the time to read."""
        return self._view.is_behind

    def look(self) -> RunPicture:
        """The run as it is now."""
        view = self._view
        until = time.monotonic() + _SECONDS_A_LOOK
        view.refresh()
        while view.is_behind and time.monotonic() < until:
            view.refresh()
        if view.operation is None:
            return self._broken()
        status, step, notes = view.status, view.last_step or {}, view.notes
        host = None if status is None else status.host
        return RunPicture(
            path=self._path,
            operation=view.operation,
            state=str(view.state),
            reason=view.reason or None,
            request=view.request,
            host=host,
            pid=None if status is None else status.pid,
            here=host in (None, socket.gethostname()),
            created=view.created,
            elapsed=view.elapsed,
            eta=view.eta,
            plan=view.plan or {},
            steps=view.steps.points(CURVE_POINTS),
            epochs=self._read_epochs(),
            epoch=step.get("epoch"),
            step=step.get("step"),
            rate=step.get("samples_per_s"),
            best=None if view.best is None else _epoch(view.best),
            progress=_progress(view),
            log=[LogLine(line.level, line.message) for line in islice(reversed(view.log), _LOG_LINES)][::-1],
            result=view.result,
            error=_error(view),
            output=view.output()[-_OUTPUT_LINES:] if view.state in (State.FAILED, State.STALE) else (),
            behind=view.is_behind or view.is_waiting,
            advice=self._read_advice(),
            problems=self._problems(),
            metrics={name: curve.points(METRIC_POINTS) for name, curve in view.metrics.items()},
            rates=view.rates.points(METRIC_POINTS),
            node_errors=view.node_errors,
            checkpoints=self._read_checkpoints(),
            previews=self._read_previews(),
            gauges=self._read_gauges(),
            attempt=view.attempt,
            resumed_at=tuple(view.resumes),
            resumable=view.is_resumable,
            waiting=self._waiting(),
            notes=notes.text,
            tags=notes.tags,
        )

    def _read_advice(self) -> str:
        if self._view.state is not State.STALE or self._view.reason != PROCESS_GONE:
            self._advice = ""
        elif not self._advice:
            self._advice = silent_end(self._view.run)
        return self._advice

    def _broken(self) -> RunPicture:
        what = "its request.json cannot be read" if self._path.is_dir() else "the folder is not there"
        return RunPicture(self._path, state="broken", reason=what, error=RunError(what, str(self._path)))

    def _problems(self) -> list[str]:
        found = self._view.troubles
        if not self._view.is_writable:
            found.append("its folder is read-only here: it can be looked at, not stopped, resumed or written notes on")
        return found

    def _read_epochs(self) -> tuple[EpochPoint, ...]:
        """Only what is new is made anew: most looks find one epoch more, or none."""
        read = self._view.epochs
        same = 0
        for (before, _), now in zip(self._epochs, read, strict=False):
            if before is not now:
                break
            same += 1
        if same < len(read) or same < len(self._epochs):
            self._epochs = [*self._epochs[:same], *((point, _epoch(point)) for point in read[same:])]
            self._shown_epochs = tuple(shown for _, shown in self._epochs)
        return self._shown_epochs

    def _read_gauges(self) -> tuple[Gauge, ...]:
        new = min(self._view.gauges_taken - self._gauges_read, len(self._view.gauges))
        self._gauges_read = self._view.gauges_taken
        self._gauges.extend(_gauge(each) for each in list(islice(reversed(self._view.gauges), new))[::-1])
        return tuple(self._gauges)

    def _read_checkpoints(self) -> tuple[Checkpoint, ...]:
        """With the paths they have here: the worker named those of its own machine."""
        said = self._view.checkpoints
        if said is not self._checkpoints_read:
            self._checkpoints_read = said
            found = [(each, inside(self._view.run, each.path or "")) for each in said]
            self._checkpoints = tuple(
                Checkpoint(each.kind, each.epoch, None if path is None else str(path)) for each, path in found
            )
        return self._checkpoints

    def _read_previews(self) -> tuple[Preview, ...]:
        found = self._view.preview_files
        if found is not self._previews_read:
            self._previews_read = found
            self._previews = tuple(Preview(epoch, path) for epoch, path in found)
        return self._previews

    def _waiting(self) -> Waiting | None:
        if self._view.state is not State.QUEUED:
            return None
        if time.monotonic() >= self._place_due:
            self._place = self._find_place(self._path)
            self._place_due = time.monotonic() + _QUEUE_EVERY
        return None if self._place is None else Waiting(*self._place)


def _place_in_queue(path: Path) -> tuple[int, str] | None:
    from leaptui.runs.queue import waiting

    return waiting(RunDirectory(path))


def thinned(x: Sequence[float], y: Sequence[float], most: int) -> tuple[tuple[float, float], ...]:
    """At most about `most` points of a curve: of each group the lowest and the highest, so that spikes stay."""
    if len(x) <= most:
        return tuple(zip(x, y, strict=True))
    group = -(-2 * len(x) // most)
    kept: list[int] = [0]
    for start in range(0, len(x), group):
        part = range(start, min(start + group, len(x)))
        kept += sorted({min(part, key=y.__getitem__), max(part, key=y.__getitem__)})
    kept.append(len(x) - 1)
    return tuple((x[i], y[i]) for i in sorted(set(kept)))


def _epoch(point: EpochRead) -> EpochPoint:
    return EpochPoint(**{each.name: getattr(point, each.name) for each in fields(EpochPoint)})


def _gauge(read: GaugeRead) -> Gauge:
    gpus = tuple(GpuGauge(**{each.name: getattr(gpu, each.name) for each in fields(GpuGauge)}) for gpu in read.gpus)
    return Gauge(read.t, read.cpu, read.memory, read.memory_total, read.process_cpu, read.process_memory, gpus)


def _progress(view: RunView) -> Progress | None:
    said = view.progress
    return None if said is None else Progress(said.done, said.total, said.unit or "frames", said.rate, said.label)


def _error(view: RunView) -> RunError | None:
    said = view.error
    if said is None:
        return None
    return RunError(said.what, said.where, said.hint, said.traceback)
