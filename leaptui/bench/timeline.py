"""What a training step spends its time on, seen from Lightning's hooks; so that one sees what a GPU waits for.

The parts of a step follow one another, so marks between them are enough:

    fetch      from the end of the last step to the next batch of positions: loop, callbacks, drawing the order
    augment    gathering frames, moving and recolouring them, their points
    forward    the network
    loss       target distribution and loss
    backward   gradients
    optimise   optimiser and moving average

On a GPU the processor only queues work, so each mark is also an event in the queue of the device. The sum of its
parts is the time of the step; `busy` is how much of it the device computed, by its own kernels (torch.profiler). What is
missing to 1 it waited for the processor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch

from leaptui.nn.module import PoseModule

PARTS = ("fetch", "augment", "forward", "loss", "backward", "optimise")


@dataclass
class _Step:
    """When the marks of one step were passed: on the processor, and in the queue of a GPU."""

    at: list[float] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)


class Timeline(pl.Callback):  # type: ignore[misc]
    """Marks the parts of every step until the time is over.

    Args:
        device: of the training.
        warm_up: steps that do not count.
        least: steps that do.
        most_seconds: end of the measurement, once there are `least` steps.
    """

    def __init__(self, device: torch.device, *, warm_up: int, least: int, most_seconds: float) -> None:
        self._device = device
        self._warm_up, self._least, self._most_seconds = warm_up, least, most_seconds
        self._steps: list[_Step] = []
        self._last_end: _Step | None = None
        self._began = 0.0
        self._hooks: list[Any] = []
        self._validation: list[float] = []
        self._validation_began = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Watch the network."""
        if not isinstance(pl_module, PoseModule):
            raise TypeError("a Timeline goes with a PoseModule")
        self._hooks = [
            pl_module.network.register_forward_pre_hook(lambda *_: self._mark(2)),
            pl_module.network.register_forward_hook(lambda *_: self._mark(3)),
        ]
        self._last_end = self._new()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Watch no more."""
        for hook in self._hooks:
            hook.remove()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """A step begins where the last one ended."""
        step = self._last_end or self._new()
        self._steps.append(step)
        if len(self._steps) == self._warm_up + 1:
            self._began = time.perf_counter()
        self._mark(1)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: torch.Tensor) -> None:
        """The loss is there."""
        self._mark(4)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The gradients are there."""
        self._mark(5)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The step is done; perhaps the last."""
        self._mark(6)
        self._last_end = self._new()
        counted = len(self._steps) - self._warm_up
        if counted >= self._least and time.perf_counter() - self._began >= self._most_seconds:
            trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training pauses."""
        self._wait()
        self._validation_began = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training goes on; the validation is no part of the next step."""
        self._wait()
        self._validation.append(time.perf_counter() - self._validation_began)
        self._last_end = self._new()

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def _new(self) -> _Step:
        step = _Step()
        self._put(step)
        return step

    def _mark(self, place: int) -> None:
        """The step passes mark number `place`; a network that is called twice in a step passes its marks twice."""
        if not self._steps:
            return
        step = self._steps[-1]
        if place == 2 and len(step.at) > 2:
            return
        if place == 3 and len(step.at) > 3:
            step.at.pop()
            if step.events:
                step.events.pop()
        if place == len(step.at):
            self._put(step)

    def _put(self, step: _Step) -> None:
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            step.events.append(event)
        step.at.append(time.perf_counter())

    def parts(self) -> list[dict[str, float]]:
        """Seconds of each part of each step that counts: in the queue of a GPU, else on the processor."""
        self._wait()
        found = []
        for step in self._steps[self._warm_up :]:
            if len(step.at) != len(PARTS) + 1:
                continue
            if step.events:
                lengths = [a.elapsed_time(b) / 1000 for a, b in zip(step.events, step.events[1:], strict=False)]
            else:
                lengths = [b - a for a, b in zip(step.at, step.at[1:], strict=False)]
            found.append(dict(zip(PARTS, lengths, strict=True)))
        return found

    @property
    def validation_seconds(self) -> list[float]:
        """Of each validation."""
        return list(self._validation)


class Busy(pl.Callback):  # type: ignore[misc]
    """How much of the time a GPU computes, over some steps once everything is warm.

    Args:
        device: a GPU.
        warm_up: steps before.
        steps: that are watched.

    Attributes:
        share: in [0, 1] for work in one queue; None until the steps are done.
    """

    def __init__(self, device: torch.device, *, warm_up: int, steps: int) -> None:
        self._device, self._first, self._last = device, warm_up, warm_up + steps - 1
        self._profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
        self._began = 0.0
        self.share: float | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begin to watch."""
        if batch_idx == self._first:
            torch.cuda.synchronize(self._device)
            self._profile.start()
            self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """See what came of it."""
        if batch_idx == self._last:
            torch.cuda.synchronize(self._device)
            taken = time.perf_counter() - self._began
            self._profile.stop()
            computed = sum(float(event.self_device_time_total) for event in self._profile.key_averages())
            self.share = computed / 1e6 / taken
            trainer.should_stop = True
