"""What a training run tells the world while it runs: events, checkpoints, and heed of what it is asked."""

from __future__ import annotations

import math
import signal
import threading
import time
from typing import Any

import pytorch_lightning as pl

from leaptui.nn.asks import AskDesk
from leaptui.nn.checkpoints import OURS, Checkpoints
from leaptui.nn.course import Course
from leaptui.nn.figures import Figures
from leaptui.nn.module import PoseModule
from leaptui.runs.context import RunContext

_SECONDS_BETWEEN_STEPS = 0.5


class RunReporter(pl.Callback):
    """Emits the `step` and `epoch` events of `RunContext`, keeps the checkpoints, and does what is asked: a stop or
    a checkpoint at the next step, more epochs, a lower rate.

    The best epoch is the one with the smallest mean distance in validation. A stop within an epoch keeps the state
    at that step, validates, and ends; what goes on from there has not seen that validation, and is as if nothing
    had happened.

    Args:
        context: of the run.
        checkpoints: where the states go.
        desk: does what is asked.
        course: its epochs are those of the training.

    Attributes:
        best_epoch: from 1, None without validation.
        epochs: finished or, in a stopped run, begun.
        stopped: somebody asked for it.
    """

    def __init__(self, context: RunContext, checkpoints: Checkpoints, desk: AskDesk, course: Course) -> None:
        self._context = context
        self._checkpoints = checkpoints
        self._desk = desk
        self._course = course
        self._began = time.monotonic()
        self._seconds_before = 0.0
        self._last_step_at = self._began
        self._last_step_samples = 0
        self._samples = 0
        self._first_step = 0
        self.best_epoch: int | None = None
        self._best_error = math.inf
        self.epochs = 0
        self.stopped = False
        self._cut_short = False
        # Lightning puts a handler of its own in place when a fit begins, one that breaks off without a last
        # validation; ours asks for a graceful stop.
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    @property
    def seconds(self) -> float:
        """Of training, in all attempts."""
        return self._seconds_before + time.monotonic() - self._began

    def forget_best(self) -> None:
        """The file of the best epoch is lost."""
        self.best_epoch, self._best_error = None, math.inf

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """What a resumed run has to know."""
        checkpoint[OURS] = checkpoint.get(OURS, {}) | {
            "best_epoch": self.best_epoch,
            "best_error": self._best_error,
            "epochs": self.epochs,
            "seconds": self.seconds,
            "cut_short": self._cut_short,
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take over what an earlier part of the run knew."""
        known = checkpoint[OURS]
        self.best_epoch, self._best_error = known["best_epoch"], known["best_error"]
        self.epochs, self._seconds_before = known["epochs"], known["seconds"]
        if not self._checkpoints.best.exists():
            self.forget_best()
        self._began = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock starts."""
        if threading.current_thread() is threading.main_thread() and self._on_sigterm is not None:
            signal.signal(signal.SIGTERM, self._on_sigterm)
        self._began = self._last_step_at = time.monotonic()
        self._first_step = trainer.global_step
        self._checkpoints.began()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Do what was asked, keep the state when it is time, report now and then."""
        self._samples += len(batch)
        self._serve(trainer)
        if self._context.stop_requested():
            self.stopped = True
            trainer.should_stop = True
        # After the last step of an epoch everything waits for its validation.
        if batch_idx + 1 < trainer.num_training_batches:
            self._keep_within_epoch(trainer)
        now = time.monotonic()
        if now - self._last_step_at < _SECONDS_BETWEEN_STEPS:
            return
        # Reading the loss waits for the device, so it is only done when it is reported.
        loss = float(outputs["loss"])
        now = time.monotonic()
        rate = _module(pl_module).rate
        self._context.emit(
            "step",
            epoch=trainer.current_epoch + 1,
            step=trainer.global_step,
            loss=loss,
            lr=rate,
            samples_per_s=(self._samples - self._last_step_samples) / (now - self._last_step_at),
        )
        _log(trainer, {"loss": loss, "learning_rate": rate})
        self._last_step_at, self._last_step_samples = now, self._samples

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch and keep its weights."""
        module = _module(pl_module)
        self.epochs = trainer.current_epoch + 1
        figures = module.figures
        best = figures is not None and figures.error_px < self._best_error
        if figures is not None and best:
            self._best_error, self.best_epoch = figures.error_px, self.epochs
        self._cut_short = trainer.global_step % trainer.num_training_batches != 0
        if not self._cut_short:
            module.end_epoch()
        self._serve(trainer)
        self._report_epoch(trainer, module, figures, best)
        if best:
            self._checkpoints.save_best(trainer)
        if not self._cut_short:
            self._keep_epoch(trainer, best)

    def _serve(self, trainer: pl.Trainer) -> None:
        self._desk.serve(trainer.global_step)
        trainer.fit_loop.max_epochs = self._course.epochs

    def _keep_within_epoch(self, trainer: pl.Trainer) -> None:
        if self._desk.checkpoints:
            self._desk.checkpoint_taken(str(self._checkpoints.save_asked(trainer)))
        if self.stopped or self._checkpoints.must_save():
            self._checkpoints.save_last(trainer)

    def _keep_epoch(self, trainer: pl.Trainer, best: bool) -> None:
        if self._desk.checkpoints:
            self._desk.checkpoint_taken(str(self._checkpoints.save_asked(trainer)))
        ends = trainer.should_stop or self.epochs >= (trainer.max_epochs or 0)
        # A second name for what was just written costs nothing.
        if ends or best or self._checkpoints.may_save():
            self._checkpoints.save_last(trainer, same_as_best=best)

    def _report_epoch(self, trainer: pl.Trainer, module: PoseModule, figures: Figures | None, best: bool) -> None:
        done = trainer.global_step - self._first_step
        left = self._course.steps - trainer.global_step
        spent = self.seconds - self._seconds_before
        values = {
            "train_loss": module.mean_loss,
            "val_loss": None if figures is None else figures.loss,
            "val_error_px": None if figures is None else figures.error_px,
            "val_error_body": None if figures is None else figures.error_body,
        }
        self._context.emit(
            "epoch",
            epoch=self.epochs,
            step=trainer.global_step,
            **values,
            node_error_px=None if figures is None else list(figures.node_error_px),
            lr=module.rate,
            best=best,
            seconds=self.seconds,
            eta_s=0.0 if self.stopped or done == 0 else spent / done * left,
        )
        _log(trainer, {"epoch": self.epochs, **{name: value for name, value in values.items() if value is not None}})


def _module(module: pl.LightningModule) -> PoseModule:
    if not isinstance(module, PoseModule):
        raise TypeError("RunReporter goes with a PoseModule")
    return module


def _log(trainer: pl.Trainer, values: dict[str, float]) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(values, step=trainer.global_step)
