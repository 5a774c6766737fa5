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
    train_loss: float | None = None
    val_loss: float | None = None
    val_error_px: float | None = None
    val_error_body: float | None = None
    best: bool = False


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
        problems: what of the run directory could not be read.
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
    problems: Sequence[str] = ()

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.state in FINAL

    @property
    def can_stop(self) -> bool:
        """It makes sense to ask it to stop."""
        return self.state in ACTIVE

    @property
    def fraction(self) -> float | None:
        """How much is done, from 0 to 1; None when it cannot be known."""
        if self.state == "finished":
            return 1.0
        if self.progress is not None and self.progress.total:
            return min(self.progress.done / self.progress.total, 1.0)
        epochs, each = self.plan.get("epochs"), self.plan.get("steps_per_epoch")
        if epochs and each and self.step is not None:
            return min(self.step / float(epochs * each), 1.0)
        if epochs and self.epochs:
            return min(self.epochs[-1].epoch / float(epochs), 1.0)
        return None


class RunReader(Protocol):
    """Reads one run; every look costs a bounded time."""

    def look(self) -> RunPicture:
        """The run as it is now. A directory that cannot be read is a picture in state "broken"."""
