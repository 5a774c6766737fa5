"""What is worth a bell: a run that finishes, fails, is stopped, or gets no better. Who says it, says it once."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from leaptui.runs.files import create_object
from leaptui.runs.layout import VERSION

KINDS = ("finished", "failed", "stopped", "plateau")
"""Kinds of alerts. A run whose process is gone has failed."""

PLATEAU_EPOCHS = 10
PLATEAU_SHARE = 0.2
"""No better validation error for this many epochs, and for this share of the epochs done, is a plateau."""

_CLOCK_DIFFERENCE = 60.0
"""Seconds by which the clocks of two hosts may differ."""


class EpochSeen(Protocol):
    """An epoch, as run views and screens have it."""

    @property
    def epoch(self) -> int: ...
    @property
    def val_error_px(self) -> float | None: ...
    @property
    def val_error_body(self) -> float | None: ...
    @property
    def val_loss(self) -> float | None: ...


class ErrorSeen(Protocol):
    """Why a run failed."""

    @property
    def what(self) -> str: ...


class RunSeen(Protocol):
    """One look at a run; `leaptui.tui.run_picture.RunPicture` is one."""

    @property
    def path(self) -> Path: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def created(self) -> float | None: ...
    @property
    def attempt(self) -> int: ...
    @property
    def behind(self) -> bool: ...
    @property
    def error(self) -> ErrorSeen | None: ...
    @property
    def epochs(self) -> Sequence[EpochSeen]: ...


@dataclass(frozen=True)
class Alert:
    """Something to be told.

    Args:
        run: the run directory.
        kind: one of KINDS.
        words: more of it, in one sentence; untrusted text.
        attempt: which attempt of the run.
    """

    run: Path
    kind: str
    words: str = ""
    attempt: int = 1

    @property
    def title(self) -> str:
        """Which run, and what of it. Untrusted text."""
        said = {"finished": "has finished", "failed": "has failed", "stopped": "was stopped"}
        return f"{self.run.name} {said.get(self.kind, 'gets no better')}"


def plateau_words(epochs: Sequence[EpochSeen]) -> str | None:
    """What to say of a training that gets no better; None while it does, or where nothing is validated."""
    if len(epochs) < 2:
        return None
    newest = epochs[-1].epoch
    best: tuple[float, int] | None = None
    for point in epochs:
        error = validation_error(point)
        if error is not None and (best is None or error < best[0]):
            best = (error, point.epoch)
    if best is None or not is_plateau(best[1], newest):
        return None
    return f"no better validation error since epoch {best[1]}, {newest - best[1]} epochs ago"


def is_plateau(best: int, newest: int) -> bool:
    """Whether the best epoch is long ago."""
    return newest - best >= max(PLATEAU_EPOCHS, PLATEAU_SHARE * newest)


def validation_error(point: EpochSeen) -> float | None:
    """What an epoch is judged by; None where nothing was validated."""
    for value in (point.val_error_px, point.val_error_body, point.val_loss):
        if value is not None and math.isfinite(value):
            return value
    return None


@dataclass
class _Run:
    attempt: int
    is_over: bool
    has_plateau: bool
    is_lost: bool = False


class AlertWatch:
    """Makes alerts of looks at runs, each once; none for what was over before it began to watch.

    Args:
        since: when watching began, seconds since the epoch; now by default. A run that is over when it is first seen
            is told only if it was made after that.
        kinds: which are wanted.
    """

    def __init__(self, *, since: float | None = None, kinds: Iterable[str] = KINDS) -> None:
        self._since = time.time() if since is None else since
        self._kinds = frozenset(kinds)
        self._runs: dict[Path, _Run] = {}

    def take(self, view: RunSeen) -> list[Alert]:
        """What a look at a run gives reason to tell."""
        if view.behind:
            # What is not read yet happened before.
            return []
        known = self._runs.get(view.path)
        if known is None:
            known = self._runs[view.path] = self._first(view)
        if known.attempt != view.attempt:
            known.attempt, known.is_over, known.is_lost = view.attempt, False, False
        found = [self._ending(view, known), self._plateau(view, known)]
        return [alert for alert in found if alert is not None and alert.kind in self._kinds]

    def _first(self, view: RunSeen) -> _Run:
        is_new = view.created is not None and view.created > self._since - _CLOCK_DIFFERENCE
        is_over = view.state in _ENDS and not is_new
        has_plateau = not is_new and plateau_words(view.epochs) is not None
        return _Run(view.attempt, is_over, has_plateau, is_lost=is_over)

    def _ending(self, view: RunSeen, known: _Run) -> Alert | None:
        kind = _ENDS.get(view.state)
        if kind is None:
            known.is_over = False
            return None
        if known.is_over:
            return None
        known.is_over = True
        if view.state == "stale":
            # It may only seem so for a while, again and again.
            if known.is_lost:
                return None
            known.is_lost = True
        return Alert(view.path, kind, ending_words(kind, view), view.attempt)

    def _plateau(self, view: RunSeen, known: _Run) -> Alert | None:
        if view.state != "running" or known.has_plateau:
            return None
        words = plateau_words(view.epochs)
        if words is None:
            return None
        known.has_plateau = True
        return Alert(view.path, "plateau", words, view.attempt)


_ENDS = {"finished": "finished", "failed": "failed", "stopped": "stopped", "stale": "failed"}


def ending_words(kind: str, view: RunSeen) -> str:
    """Why it ended, or how well."""
    if view.error is not None:
        return " ".join(view.error.what.split())
    if kind != "finished":
        return " ".join((view.reason or "").split())
    return best_words(view.epochs)


def best_words(epochs: Sequence[EpochSeen]) -> str:
    """How well a training did; "" when nothing was validated."""
    errors = [point.val_error_px for point in epochs if point.val_error_px is not None]
    return f"best error {min(errors):.3g} px after {epochs[-1].epoch} epochs" if errors else ""


def claim_alert(alert: Alert) -> bool:
    """Take it upon oneself to run the user's command: of the worker and all screens of one user, one does.

    Returns:
        False when another did, or nothing can be written in the run directory.
    """
    # A run can end in each of its attempts, but is told only once that it gets no better.
    attempt = 1 if alert.kind == "plateau" else alert.attempt
    name = f".alert.{attempt:04d}.{alert.kind}.{os.getuid()}"
    record: dict[str, Any] = {"v": VERSION, "t": time.time(), "pid": os.getpid()}
    try:
        create_object(alert.run / "control" / name, record)
    except OSError:
        return False
    return True
