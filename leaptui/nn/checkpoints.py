"""The files a training keeps of itself, and which of them it goes on from.

    best.ckpt       the best epoch in validation          last.ckpt      the newest state
    asked-STEP.ckpt a state somebody asked for             previous.ckpt  the one before it

Each is written beside, synced and renamed, so that a kill at any moment leaves the one before.
"""

from __future__ import annotations

import os
import pickle
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from leaptui.errors import LeaptuiError
from leaptui.files import replacing
from leaptui.runs.context import RunContext

EVERY = 60.0
"""Seconds of training that a kill may cost at most, while checkpoints take little time."""

SHARE = 20
"""A checkpoint that takes a second is not followed by another, uncalled for, within so many."""

OURS = "leaptui"
"""Key in a checkpoint of what only leaptui knows."""

_BROKEN = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    AttributeError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)
"""What torch and zipfile raise for files that are torn or something else."""


class PlainCheckpointIO(TorchCheckpointIO):
    """Writes straight to the path it is given; who names the path sees to it that nobody meets half a file."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """See CheckpointIO."""
        torch.save(checkpoint, path)


class Checkpoints:
    """Writes the files of one training, and knows when it is time again.

    Args:
        folder: made when it is not there.
        context: gets the `checkpoint` events.
        steps_per_epoch: of the training.
        clock: monotonic time.
    """

    def __init__(
        self,
        folder: Path,
        context: RunContext,
        steps_per_epoch: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._context = context
        self._steps_per_epoch = steps_per_epoch
        self._clock = clock
        self._saved = clock()
        self._cost = 0.0

    @property
    def best(self) -> Path:
        """The best epoch."""
        return self._folder / "best.ckpt"

    @property
    def last(self) -> Path:
        """The newest state."""
        return self._folder / "last.ckpt"

    @property
    def previous(self) -> Path:
        """What `last` was before."""
        return self._folder / "previous.ckpt"

    def began(self) -> None:
        """Training begins now; what came before took no state that could be lost."""
        self._saved = self._clock()

    def may_save(self) -> bool:
        """Another checkpoint would not slow the training down."""
        return self._clock() - self._saved >= SHARE * self._cost

    def must_save(self) -> bool:
        """A kill now would cost too much."""
        return self._clock() - self._saved >= EVERY and self.may_save()

    def save_last(self, trainer: pl.Trainer, *, same_as_best: bool = False) -> None:
        """Keep the state as it is now; the last one becomes the previous.

        Args:
            trainer: in a hook where its state can be saved.
            same_as_best: `save_best` was called in this very hook.

        Raises:
            UnusableInput: if it cannot be written.
        """
        began = self._begin()
        with replacing(self.last) as temporary:
            if not (same_as_best and _linked(self.best, temporary)):
                trainer.save_checkpoint(temporary)
            if self.last.exists():
                self.last.replace(self.previous)
        self._note("last", self.last, trainer, began)

    def save_best(self, trainer: pl.Trainer) -> None:
        """Keep the state as that of the best epoch."""
        began = self._begin()
        with replacing(self.best) as temporary:
            trainer.save_checkpoint(temporary)
        self._note("best", self.best, trainer, began)

    def save_asked(self, trainer: pl.Trainer) -> Path:
        """Keep the state in a file of its own."""
        began = self._begin()
        path = self._folder / f"asked-{trainer.global_step:06d}.ckpt"
        with replacing(path) as temporary:
            trainer.save_checkpoint(temporary)
        self._note("asked", path, trainer, began)
        return path

    def _begin(self) -> float:
        # What goes on from a checkpoint does not do again what was before it, so its events have to be on disk.
        self._context.flush()
        return self._clock()

    def _note(self, kind: str, path: Path, trainer: pl.Trainer, began: float) -> None:
        if kind == "last":
            self._saved = self._clock()
        self._cost = max(self._clock() - began, self._cost / 2)
        step = trainer.global_step
        self._context.emit("checkpoint", kind=kind, path=str(path), epoch=step / self._steps_per_epoch, step=step)


def _linked(existing: Path, new: Path) -> bool:
    """A second name for a file, where the file system has such."""
    try:
        os.link(existing, new)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Found:
    """A checkpoint to go on from.

    Args:
        path: the file.
        step: steps done.
        cut_short: the state is that after an epoch which a stop cut short; its other steps are lost.
    """

    path: Path
    step: int
    cut_short: bool


def newest(folder: Path, say: Callable[[str], None]) -> Found | None:
    """The state of a training that lost least, whole to the last byte; None when there is none.

    Args:
        folder: of the checkpoints; what a kill left half-written in it is removed.
        say: told of every file that cannot be used.
    """
    for scrap in folder.glob(".*.tmp"):
        scrap.unlink(missing_ok=True)
    found = []
    for path in sorted(folder.glob("*.ckpt")):
        try:
            record = load(path)
            known = record[OURS]
            found.append(Found(path, int(record["global_step"]), bool(known["cut_short"])))
        except LeaptuiError as error:
            say(f"{error.where}: {error.what}; it is left out")
        except (KeyError, TypeError, ValueError):
            say(f"{path}: this is no checkpoint of a training; it is left out")
    return max(found, key=lambda each: (not each.cut_short, each.step, each.path.name == "last.ckpt"), default=None)


def load(path: Path) -> dict[str, Any]:
    """A checkpoint, on the CPU; nothing in the file is executed.

    Raises:
        LeaptuiError: if it is torn, altered, or something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()
        if torn is not None:
            raise LeaptuiError(f"the checkpoint is damaged (at {torn})", where=path)
        record: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        raise LeaptuiError("the checkpoint is torn, or no checkpoint", where=path) from error
    if not isinstance(record, dict):
        raise LeaptuiError("the checkpoint is torn, or no checkpoint", where=path)
    return record
