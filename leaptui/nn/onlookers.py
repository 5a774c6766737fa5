"""Callbacks that only look on: what goes wrong in them must not end a training."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from leaptui.runs.context import RunContext


class Onlooker(pl.Callback):
    """Passes the hooks on to a callback until that one fails; then it is left out, with a warning.

    Args:
        name: what the warning calls it.
        context: gets the warning.
        make: makes the callback.
    """

    def __init__(self, name: str, context: RunContext, make: Callable[[], pl.Callback]) -> None:
        self._name = name
        self._context = context
        self._callback: pl.Callback | None = None
        self._callback = self._guarded(make)

    @property
    def state_key(self) -> str:
        """Where checkpoints keep its state."""
        return f"Onlooker[{self._name}]"

    @property
    def callback(self) -> Any:
        """Whom it stands for; None when that one failed."""
        return self._callback

    def attempt(self, action: Callable[[Any], Any]) -> Any:
        """Do something with the callback, if it is still there; None if not, or when it fails."""
        callback = self._callback
        return None if callback is None else self._guarded(lambda: action(callback))

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - days of training are worth more than a picture of them
            self._callback = None
            where = traceback.format_exception(error)[-2].strip()
            message = f"{self._name} failed and will be missing from here on: {type(error).__name__}: {error} ({where})"
            self._context.emit("log", level="warning", message=message)
            return None

    def state_dict(self) -> dict[str, Any]:
        """That of the callback."""
        return self.attempt(lambda callback: callback.state_dict()) or {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Into the callback."""
        if state_dict:
            self.attempt(lambda callback: callback.load_state_dict(state_dict))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Pass it on."""
        self.attempt(lambda callback: callback.on_train_epoch_end(trainer, pl_module))

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Pass it on."""
        self.attempt(lambda callback: callback.on_fit_end(trainer, pl_module))

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Pass it on."""
        self.attempt(lambda callback: callback.on_exception(trainer, pl_module, exception))
