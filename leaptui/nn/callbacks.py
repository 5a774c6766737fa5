"""What a training run tells the world while it runs: events, checkpoints, and heed of a wish to stop."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from leaptui.files import replacing
from leaptui.nn.figures import Figures
from leaptui.nn.module import PoseModule
from leaptui.runs.context import RunContext

_SECONDS_BETWEEN_STEPS = 0.5


class RunReporter(pl.Callback):
    """Emits the `step`, `epoch` and `checkpoint` events of `RunContext`, keeps `best.ckpt` and `last.ckpt`,
    and ends the training at the next step once a stop is asked for.

    The best epoch is the one with the smallest mean distance in validation.

    Args:
        context: of the run.
        checkpoints: folder for the two files.

    Attributes:
        best_epoch: from 1, None without validation.
        best: figures of that epoch.
        epochs: finished or, in a stopped run, begun.
        stopped: somebody asked for it.
    """

    def __init__(self, context: RunContext, checkpoints: Path) -> None:
        self._context = context
        self._checkpoints = checkpoints
        self._began = time.monotonic()
        self._last_step_at = self._began
        self._last_step_samples = 0
        self._samples = 0
        self._first_step = 0
        self.best_epoch: int | None = None
        self.best: Figures | None = None
        self._best_error = float("inf")
        self.epochs = 0
        self.stopped = False
        # Lightning puts a handler of its own in place when a fit begins, one that breaks off without a last
        # validation; ours asks for a graceful stop.
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    @property
    def best_checkpoint(self) -> Path:
        """Where the best epoch is kept."""
        return self._checkpoints / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """Where the last epoch is kept."""
        return self._checkpoints / "last.ckpt"

    @property
    def seconds(self) -> float:
        """Since training began."""
        return time.monotonic() - self._began

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know."""
        return {"best_epoch": self.best_epoch, "best_error": self._best_error}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what an earlier part of the run knew."""
        self.best_epoch = state_dict["best_epoch"]
        self._best_error = state_dict["best_error"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock starts."""
        if threading.current_thread() is threading.main_thread() and self._on_sigterm is not None:
            signal.signal(signal.SIGTERM, self._on_sigterm)
        self._began = self._last_step_at = time.monotonic()
        self._first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Report now and then, and stop when asked to."""
        self._samples += len(batch)
        if self._context.stop_requested():
            self.stopped = True
            trainer.should_stop = True
        now = time.monotonic()
        if now - self._last_step_at < _SECONDS_BETWEEN_STEPS:
            return
        # Reading the loss waits for the device, so it is only done when it is reported.
        loss = float(outputs["loss"])
        now = time.monotonic()
        self._context.emit(
            "step",
            epoch=trainer.current_epoch + 1,
            step=trainer.global_step,
            loss=loss,
            lr=_learning_rate(trainer),
            samples_per_s=(self._samples - self._last_step_samples) / (now - self._last_step_at),
        )
        self._last_step_at, self._last_step_samples = now, self._samples

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch and keep its weights."""
        if not isinstance(pl_module, PoseModule):
            raise TypeError("RunReporter goes with a PoseModule")
        self.epochs = trainer.current_epoch + 1
        figures = pl_module.figures
        best = figures is not None and figures.error_px < self._best_error
        if figures is not None and best:
            self._best_error, self.best_epoch, self.best = figures.error_px, self.epochs, figures
        done = trainer.global_step - self._first_step
        left = pl_module.settings.steps - trainer.global_step
        self._context.emit(
            "epoch",
            epoch=self.epochs,
            step=trainer.global_step,
            train_loss=float(trainer.callback_metrics["train_loss"]),
            val_loss=None if figures is None else figures.loss,
            val_error_px=None if figures is None else figures.error_px,
            val_error_body=None if figures is None else figures.error_body,
            lr=_learning_rate(trainer),
            best=best,
            seconds=self.seconds,
            eta_s=0.0 if self.stopped or done == 0 else self.seconds / done * left,
        )
        if best:
            self._save(trainer, "best", self.best_checkpoint)
        self._save(trainer, "last", self.last_checkpoint)

    def _save(self, trainer: pl.Trainer, kind: str, path: Path) -> None:
        with replacing(path) as temporary:
            trainer.save_checkpoint(temporary)
        self._context.emit("checkpoint", kind=kind, path=str(path))


def _learning_rate(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])
