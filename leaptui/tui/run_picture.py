"""A run as screens show it: plain values, so that a screen can be shown without any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

FINAL = frozenset({"finished", "failed", "stopped", "broken"})
ACTIVE = frozenset({"queued", "starting", "running"})


@dataclass(frozen=True)
class EpochPoint:
    """One epoch of training; what was not measured is None."""

    epoch: int
    step: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_error_px: float | None = None
    val_error_body: float | None = None
    lr: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """A saved state of the training: "best", "last", or "asked" for by somebody."""

    kind: str
    epoch: float | None = None
    path: str | None = None


@dataclass(frozen=True)
class Preview:
    """Validation frames as one epoch saw them; `leaptui.formats.previews` reads the file."""

    epoch: int
    path: Path


@dataclass(frozen=True)
class GpuGauge:
    """One GPU; shares are from 0 to 1, memory in bytes; what cannot be measured is None."""

    index: int
    name: str
    use: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    others: int | None = None
    """Processes on it that are not this run's."""


@dataclass(frozen=True)
class Gauge:
    """What the host of a run was doing at one moment, as its worker measured it.

    Args:
        t: seconds since the epoch by the worker's clock.
        cpu: share of all cores in use, 0 to 1.
        memory, memory_total: of the host, bytes.
        process_cpu: cores that the run itself keeps busy.
        process_memory: of the run itself, bytes.
        gpus: those of the host; () without any, or without NVML.
    """

    t: float
    cpu: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    process_cpu: float | None = None
    process_memory: int | None = None
    gpus: Sequence[GpuGauge] = ()


@dataclass(frozen=True)
class Waiting:
    """A run's place in the queue of its host, from 1; and what it waits for, in words."""

    place: int
    reason: str


@dataclass(frozen=True)
class Progress:
    """How far a run that counts has come; total and rate may be unknown."""

    done: float
    total: float | None = None
    unit: str = "frames"
    rate: float | None = None
    label: str = ""


@dataclass(frozen=True)
class LogLine:
    """One line of the log."""

    level: str
    message: str


@dataclass(frozen=True)
class RunError:
    """Why a run failed."""

    what: str
    where: str | None = None
    hint: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class RunPicture:
    """One look at a run.

    Args:
        path: the run directory.
        operation: what it does.
        state: queued, starting, running, stopping, finished, failed, stopped, stale or broken.
        reason: why it is in this state, in words.
        request: what was asked.
        host, pid: where it runs.
        here: whether that is this host.
        created: when it was asked for, seconds since the epoch.
        elapsed, eta: seconds since it started, and left.
        plan: what training said it will do.
        steps: (step, loss).
        epochs: one point an epoch.
        epoch, step, rate: where training is; samples a second.
        best: the best epoch so far.
        progress: of a run that counts.
        log: the last lines.
        result: what came out.
        error: why it failed.
        output: the last lines the worker printed, where they may say why it ended.
        behind: there is more on disk than was read in the time for one look.
        advice: what probably ended a stale run, in words.
        problems: what of the run directory could not be read.
        metrics: other curves by name, (x, y); all of them where another program wrote the run.
        rates: (step, learning rate).
        node_errors: mean error of each node in the newest epoch that was validated, px; None where a node has no label.
        checkpoints: those said to be on disk, oldest first.
        previews: one an epoch at most, oldest first.
        gauges: the newest, oldest first.
        attempt: 1, and one more for each time it was resumed.
        resumed_at: the epoch, or part of one, at which each later attempt began.
        resumable: whether resuming makes sense: it has ended without being finished, and can be written here.
        waiting: its place in the queue.
        notes, tags: what people wrote about it.
        foreign: another program wrote it ("Lightning CSV", "TensorBoard"); nothing can be asked of it.
    """

    path: Path
    operation: str = ""
    state: str = "queued"
    reason: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    host: str | None = None
    pid: int | None = None
    here: bool = True
    created: float | None = None
    elapsed: float | None = None
    eta: float | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[tuple[float, float]] = ()
    epochs: Sequence[EpochPoint] = ()
    epoch: int | None = None
    step: int | None = None
    rate: float | None = None
    best: EpochPoint | None = None
    progress: Progress | None = None
    log: Sequence[LogLine] = ()
    result: Mapping[str, Any] | None = None
    error: RunError | None = None
    output: Sequence[str] = ()
    behind: bool = False
    advice: str = ""
    problems: Sequence[str] = ()
    metrics: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    rates: Sequence[tuple[float, float]] = ()
    node_errors: Sequence[tuple[str, float | None]] = ()
    checkpoints: Sequence[Checkpoint] = ()
    previews: Sequence[Preview] = ()
    gauges: Sequence[Gauge] = ()
    attempt: int = 1
    resumed_at: Sequence[float] = ()
    resumable: bool = False
    waiting: Waiting | None = None
    notes: str = ""
    tags: Sequence[str] = ()
    foreign: str | None = None

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.state in FINAL

    @property
    def can_stop(self) -> bool:
        """It makes sense to ask it to stop."""
        return self.state in ACTIVE and self.foreign is None

    @property
    def fraction(self) -> float | None:
        """How much is done, from 0 to 1; None when it cannot be known."""
        if self.state == "finished":
            return 1.0
        if self.progress is not None and self.progress.total:
            return _share(self.progress.done, self.progress.total)
        epochs, each = self.plan.get("epochs"), self.plan.get("steps_per_epoch")
        if epochs and each and self.step is not None:
            return _share(self.step, float(epochs) * float(each))
        if epochs and self.epochs:
            return _share(self.epochs[-1].epoch, float(epochs))
        return None


def _share(done: float, total: float) -> float | None:
    return min(max(done / total, 0.0), 1.0) if total > 0 else None


class RunReader(Protocol):
    """Reads one run; every look costs a bounded time."""

    def look(self) -> RunPicture:
        """The run as it is now. A directory that cannot be read is a picture in state "broken"."""
