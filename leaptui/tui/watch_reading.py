"""Reading what another program logs for the screens: a MetricLog of `leaptui.formats`, turned into a RunPicture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError
from leaptui.formats.metric_log import MetricLog
from leaptui.formats.metric_names import Roles, roles
from leaptui.ops.watch import open_log
from leaptui.runs.curve import Curve
from leaptui.tui.run_picture import (
    Checkpoint,
    EpochPoint,
    LogLine,
    Progress,
    RunError,
    RunPicture,
)
from leaptui.tui.run_reading import CURVE_POINTS, METRIC_POINTS
from leaptui.words import duration

NEWS_WITHIN = 300.0
"""Seconds without news after which nobody should believe that it still runs."""

_SECONDS_A_LOOK = 0.25
_MOST_RECORDS = 20_000
_RATE_OVER = 30.0
"""Seconds over which the rate is measured."""


class WatchReader:
    """Follows one log of another program.

    Args:
        path: its folder.
        others: names of other logs beside it, newest first, to be told in the log panel.
        clock: monotonic time.
    """

    def __init__(self, path: Path, *, others: Sequence[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._others = tuple(others)
        self._clock = clock
        self._opened: MetricLog | None = None
        self._pace = _Pace(clock)
        self._conclusions: tuple[tuple[int, int, int], Roles, tuple[EpochPoint, ...]] | None = None

    def look(self) -> RunPicture:
        """The run as it is now."""
        try:
            log = self._opened = self._opened or open_log(self._path)
        except LeaptuiError as error:
            what = RunError(error.what, error.where, error.hint)
            return RunPicture(self._path, state="broken", reason=error.what, error=what)
        until = self._clock() + _SECONDS_A_LOOK
        log.poll(_MOST_RECORDS)
        while log.is_behind and self._clock() < until:
            log.poll(_MOST_RECORDS)
        return self._picture(log)

    def _picture(self, log: MetricLog) -> RunPicture:
        names, epochs = self._made(log)
        state, reason = _state(log)
        step = log.last_step
        rate = None if step is None or log.is_behind else self._pace.note(step)
        plan = _plan(log, names)
        best = min((point for point in epochs if point.val_loss is not None), key=_val_loss, default=None)
        ended = None if log.began is None or log.changed is None else max(0.0, log.changed - log.began)
        epoch = None if step is None else log.epoch_at(step)
        return RunPicture(
            self._path,
            operation="train",
            state=state,
            reason=reason,
            request=log.settings,
            created=log.began,
            elapsed=ended,
            eta=_eta(plan, step, rate) if state == "running" else None,
            plan=plan,
            steps=() if names.train_loss is None else log.curves[names.train_loss].points(CURVE_POINTS),
            epochs=epochs,
            epoch=None if epoch is None else int(epoch) + 1,
            step=None if step is None else int(step),
            best=best,
            progress=None if step is None else Progress(step, unit="steps", rate=rate, label="steps"),
            log=[LogLine("info", f"also in this folder: {name}") for name in self._others],
            behind=log.is_behind,
            problems=log.problems,
            metrics={
                name: curve.points(CURVE_POINTS if name == names.train_loss else METRIC_POINTS)
                for name, curve in log.curves.items()
                if _is_worth_showing(name, curve)
            },
            rates=() if names.rate is None else log.curves[names.rate].points(METRIC_POINTS),
            checkpoints=_checkpoints(log),
            foreign=log.kind,
        )

    def _made(self, log: MetricLog) -> tuple[Roles, tuple[EpochPoint, ...]]:
        """What is concluded from the curves; made anew only when there are new values."""
        read = (log.generation, len(log.curves), sum(curve.count + curve.gaps for curve in log.curves.values()))
        if self._conclusions is None or self._conclusions[0] != read:
            names = roles({name: curve.count for name, curve in log.curves.items()})
            self._conclusions = (read, names, _epochs(log, names))
        return self._conclusions[1:]


class _Pace:
    """Steps a second by the own clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: list[tuple[float, float]] = []

    def note(self, step: float) -> float | None:
        """Take note of the newest step; the rate so far, None before it can be known."""
        now = self._clock()
        if not self._seen or step > self._seen[-1][1]:
            self._seen.append((now, step))
        elif step < self._seen[-1][1]:
            self._seen = [(now, step)]
        while len(self._seen) > 2 and now - self._seen[1][0] > _RATE_OVER:
            del self._seen[0]
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else None


def _state(log: MetricLog) -> tuple[str, str | None]:
    """Nobody but the program knows whether it still runs; what can be said is how long ago there was news."""
    silent = log.silent
    if silent is None or not log.curves:
        return "queued", "nothing is logged yet"
    if silent < NEWS_WITHIN:
        return "running", None
    return "stale", f"no news for {duration(silent)}: it has ended, or logs rarely"


def _plan(log: MetricLog, names: Roles) -> dict[str, Any]:
    """What can be concluded of the length of an epoch and of the whole."""
    plan: dict[str, Any] = {}
    each = _steps_per_epoch(log, names)
    if each:
        plan["steps_per_epoch"] = each
        for name in ("max_epochs", "epochs", "num_epochs", "trainer.max_epochs"):
            asked = log.settings.get(name)
            if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0:
                plan["epochs"] = asked
                break
    return plan


def _steps_per_epoch(log: MetricLog, names: Roles) -> int | None:
    """Where epochs are logged: by a metric that is logged at their end, else by where the first one ended."""
    for name in (names.val_loss, names.train_loss_epoch):
        curve = None if name is None else log.curves[name]
        if curve is not None and curve.x:
            step = curve.x[-1]
            epoch = log.epoch_at(step)
            if epoch is not None and epoch >= 0:
                return max(1, round((step + 1) / (epoch + 1)))
    if log.epochs.x and log.epochs.y[-1] >= 1:
        later = next(x for x, y in zip(log.epochs.x, log.epochs.y, strict=True) if y >= 1)
        return max(1, round(later / max(log.epoch_at(later) or 1, 1)))
    return None


def _epochs(log: MetricLog, names: Roles) -> tuple[EpochPoint, ...]:
    """A point an epoch, counted from 1, with the losses logged at its end."""
    found: dict[int, dict[str, Any]] = {}
    for field, name in (("train_loss", names.train_loss_epoch), ("val_loss", names.val_loss)):
        curve = None if name is None else log.curves[name]
        if curve is None:
            continue
        for step, value in zip(curve.x, curve.y, strict=True):
            epoch = log.epoch_at(step)
            if epoch is not None:
                found.setdefault(int(epoch) + 1, {})[field] = value
                found[int(epoch) + 1]["step"] = int(step)
    points = []
    lowest = float("inf")
    for epoch in sorted(found)[-CURVE_POINTS:]:
        loss = found[epoch].get("val_loss")
        is_best = loss is not None and loss < lowest
        lowest = min(lowest, loss) if loss is not None else lowest
        points.append(EpochPoint(epoch, best=is_best, **found[epoch]))
    return tuple(points)


def _val_loss(point: EpochPoint) -> float:
    assert point.val_loss is not None
    return point.val_loss


def _eta(plan: dict[str, Any], step: float | None, rate: float | None) -> float | None:
    if not rate or step is None or "epochs" not in plan:
        return None
    steps = float(plan["epochs"] * plan["steps_per_epoch"])
    return max(0.0, steps - step - 1) / rate


def _is_worth_showing(name: str, curve: Curve) -> bool:
    """Lightning's TensorBoardLogger writes -1 under this name where nobody gave a figure; the epoch is an axis."""
    return name != "epoch" and not (name == "hp_metric" and list(curve.y) == [-1.0])


def _checkpoints(log: MetricLog) -> tuple[Checkpoint, ...]:
    found = []
    for saved in log.checkpoints:
        stem = saved.path.stem.lower()
        kind = "last" if stem.startswith("last") else "best" if "best" in stem else "saved"
        found.append(Checkpoint(kind, None if saved.epoch is None else float(saved.epoch + 1), str(saved.path)))
    return tuple(found)
