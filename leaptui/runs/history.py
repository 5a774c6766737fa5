"""What the events of a run tell, taken in one after the other, in bounded memory.

A resumed run does again what came after its checkpoint: its `resumed` event, and every event that goes back,
take away what was there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from leaptui.runs.curve import Curve
from leaptui.runs.files import integer, number, text
from leaptui.runs.points import (
    NAME_LIMIT,
    Checkpoint,
    EpochPoint,
    Gauge,
    LogLine,
    Progress,
    plan_of,
)

EPOCHS_KEPT = 3000
LOG_LINES_KEPT = 500
RESUMES_KEPT = 200
GAUGES_KEPT = 900
CHECKPOINTS_KEPT = 300
PREVIEWS_KEPT = 5000
METRICS_KEPT = 256
"""Curves by name, beside the loss and the learning rate."""

METRIC_POINTS = 2000
RATE_POINTS = 4000

_STEP_FIELDS = frozenset(("v", "seq", "t", "type", "epoch", "step", "loss", "lr"))
_EPOCH_FIELDS = _STEP_FIELDS.union(
    ("train_loss", "val_loss", "val_error_px", "val_error_body", "best", "seconds", "eta_s", "node_error_px")
)


class History:
    """The events of one run."""

    def __init__(self) -> None:
        self.plan: dict[str, Any] | None = None
        """The newest `plan` event; `leaptui.runs.points.plan_of` says what can be in it."""
        self.steps = Curve()
        """Loss over step."""
        self.rates = Curve(RATE_POINTS)
        """Learning rate over step."""
        self.metrics: dict[str, Curve] = {}
        """Every other number of `step` and `epoch` events, by its name, over step."""
        self.has_more_metrics = False
        """There are names beyond METRICS_KEPT, or too long ones; they are left out."""
        self.last_step: dict[str, Any] | None = None
        """epoch, step, loss, lr and samples_per_s of the newest `step` event."""
        self.epochs: list[EpochPoint] = []
        self.best: EpochPoint | None = None
        """The newest epoch that was the best so far."""
        self.node_errors: tuple[tuple[str, float | None], ...] = ()
        """Mean error of each node in the newest epoch that measured it, px."""
        self.checkpoints: list[Checkpoint] = []
        """One a file, the newest word on it, oldest first."""
        self.previews: dict[int, str] = {}
        """Path by epoch, as the worker named it; the newest word comes last."""
        self.previews_said = 0
        self.resumed_at: float | None = None
        """Epoch from which the newest attempt went on."""
        self.resumes: deque[float] = deque(maxlen=RESUMES_KEPT)
        """Epochs from which attempts went on, as far as what came before them still stands, in order."""
        self.gauges: deque[Gauge] = deque(maxlen=GAUGES_KEPT)
        self.gauges_taken = 0
        self.progress: Progress | None = None
        self.log: deque[LogLine] = deque(maxlen=LOG_LINES_KEPT)
        self.said_state: str | None = None
        """State of the newest `state` event."""
        self.said_eta: tuple[float, float] | None = None
        """Of the newest event that said so: its t, and the seconds that were left then."""
        self._node_epoch: int | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one event; what makes no sense in it is left out."""
        handler = _HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)

    def checkpoint(self, kind: str) -> Checkpoint | None:
        """The newest one of a kind."""
        return next((each for each in reversed(self.checkpoints) if each.kind == kind), None)

    def _take_step(self, event: Mapping[str, Any]) -> None:
        step = number(event, "step")
        if step is None:
            return
        values = {name: number(event, name) for name in ("loss", "lr", "samples_per_s")}
        self.last_step = {"epoch": integer(event, "epoch"), "step": round(step), **values}
        self.steps.add(step, values["loss"])
        if values["lr"] is not None:
            self.rates.add(step, values["lr"])
        self._take_metrics(event, _STEP_FIELDS, step)

    def _take_epoch(self, event: Mapping[str, Any]) -> None:
        point = EpochPoint.of(event)
        if point is None:
            return
        self._cut_epochs(point.epoch - 1)
        self.epochs.append(point)
        if point.best:
            self.best = point
        if len(self.epochs) > EPOCHS_KEPT:
            keep = (self.best, point)
            self.epochs = [each for place, each in enumerate(self.epochs) if place % 2 == 0 or each in keep]
        self._take_nodes(event, point.epoch)
        self._take_metrics(event, _EPOCH_FIELDS, point.epoch if point.step is None else point.step)
        self._note_eta(event)

    def _take_nodes(self, event: Mapping[str, Any], epoch: int) -> None:
        errors, nodes = event.get("node_error_px"), (self.plan or {}).get("nodes")
        if not isinstance(errors, list) or not nodes or not errors:
            return
        known = {str(place): value for place, value in enumerate(errors[: len(nodes)])}
        self.node_errors = tuple((name, number(known, str(place))) for place, name in enumerate(nodes))
        self._node_epoch = epoch

    def _take_metrics(self, event: Mapping[str, Any], known: frozenset[str], x: float) -> None:
        for name, value in event.items():
            if name in known or isinstance(value, str | list | dict | bool):
                continue
            curve = self.metrics.get(name)
            if curve is None:
                if value is None:
                    continue
                if len(self.metrics) >= METRICS_KEPT or len(name) > NAME_LIMIT:
                    self.has_more_metrics = True
                    continue
                curve = self.metrics[name] = Curve(METRIC_POINTS)
            curve.add(x, number(event, name))

    def _take_progress(self, event: Mapping[str, Any]) -> None:
        said = Progress.of(event)
        if said is not None:
            self.progress = said
            self._note_eta(event)

    def _take_plan(self, event: Mapping[str, Any]) -> None:
        self.plan = plan_of(event)

    def _take_log(self, event: Mapping[str, Any]) -> None:
        self.log.append(LogLine.of(event))

    def _take_control(self, event: Mapping[str, Any]) -> None:
        """What somebody asked, and the run's answer, are lines of the log as well."""
        asked, by, answer = (text(event, name) or "" for name in ("ask", "by", "answer"))
        line = f"{asked}{f', asked by {by}' if by else ''}: {answer}"
        level = "warning" if event.get("accepted") is False else "info"
        self.log.append(LogLine.of({**event, "level": level, "message": line}))

    def _take_checkpoint(self, event: Mapping[str, Any]) -> None:
        said = Checkpoint.of(event)
        if said.path is None:
            return
        self.checkpoints = [each for each in self.checkpoints if each.path != said.path][-CHECKPOINTS_KEPT + 1 :]
        self.checkpoints.append(said)

    def _take_preview(self, event: Mapping[str, Any]) -> None:
        epoch, path = integer(event, "epoch"), text(event, "path")
        if epoch is None or path is None or len(path) > 4096:
            return
        self.previews.pop(epoch, None)
        self.previews[epoch] = path
        self.previews_said += 1
        if len(self.previews) > PREVIEWS_KEPT:
            del self.previews[next(iter(self.previews))]

    def _take_gauge(self, event: Mapping[str, Any]) -> None:
        gauge = Gauge.of(event)
        if gauge is not None:
            self.gauges.append(gauge)
            self.gauges_taken += 1

    def _take_resumed(self, event: Mapping[str, Any]) -> None:
        step, epoch = number(event, "step"), number(event, "epoch")
        if step is not None:
            for curve in (self.steps, self.rates, *self.metrics.values()):
                curve.cut(step)
            if self.last_step is not None and self.last_step["step"] > step:
                last = self.steps.last
                self.last_step = None if last is None else {"step": round(last[0]), "loss": last[1]}
        if epoch is None:
            return
        self._cut_epochs(epoch)
        self.resumed_at = epoch
        while self.resumes and self.resumes[-1] >= epoch:
            self.resumes.pop()
        self.resumes.append(epoch)
        self.previews_said += 1
        self.previews = {each: path for each, path in self.previews.items() if each <= epoch}
        source = text(event, "checkpoint")
        self.checkpoints = [
            each for each in self.checkpoints if each.epoch is None or each.epoch <= epoch or each.path == source
        ]

    def _take_state(self, event: Mapping[str, Any]) -> None:
        self.said_state = text(event, "state")
        if self.said_state == "starting":
            # What an earlier attempt expected is void.
            self.said_eta = None

    def _cut_epochs(self, epoch: float) -> None:
        """Forget the epochs after this one."""
        if not self.epochs or self.epochs[-1].epoch <= epoch:
            return
        while self.epochs and self.epochs[-1].epoch > epoch:
            self.epochs.pop()
        if self.best is not None and self.best.epoch > epoch:
            self.best = next((point for point in reversed(self.epochs) if point.best), None)
        if self._node_epoch is not None and self._node_epoch > epoch:
            self.node_errors, self._node_epoch = (), None

    def _note_eta(self, event: Mapping[str, Any]) -> None:
        said, left = number(event, "t"), number(event, "eta_s")
        self.said_eta = None if said is None or left is None else (said, left)


_HANDLERS = {
    "step": History._take_step,
    "epoch": History._take_epoch,
    "progress": History._take_progress,
    "plan": History._take_plan,
    "log": History._take_log,
    "control": History._take_control,
    "checkpoint": History._take_checkpoint,
    "preview": History._take_preview,
    "gauge": History._take_gauge,
    "resumed": History._take_resumed,
    "state": History._take_state,
}
