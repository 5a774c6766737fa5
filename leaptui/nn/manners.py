"""Keeping libraries quiet and repeatable during a training run, and leaving the process as it was."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import torch

from leaptui.runs.context import RunContext

_LOGGERS = ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric")

# Advice about things that are as they are on purpose.
_EXPECTED = (
    "does not have many workers",
    "number of training batches",
    "no `val_dataloader`",
    "Trainer already configured with",
    "does not have a deterministic implementation",
    "`isinstance(treespec, LeafSpec)` is deprecated",
    "Checkpoint directory",
    "torch.use_deterministic_algorithms",
)


class _EventHandler(logging.Handler):
    """Log records of warnings and worse as `log` events."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(logging.WARNING)
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        message = record.getMessage()
        if not any(known in message for known in _EXPECTED):
            self._context.emit("log", level=level, message=message)


@contextmanager
def quiet(context: RunContext) -> Iterator[None]:
    """Warnings and Lightning's log become `log` events; nothing reaches stdout or stderr."""
    handler = _EventHandler(context)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if not any(known in text for known in _EXPECTED):
            context.emit("log", level="warning", message=text)

    with warnings.catch_warnings():
        warnings.showwarning = show
        try:
            yield
        finally:
            for logger, handlers, level, propagate in before:
                logger.handlers, logger.propagate = handlers, propagate
                logger.setLevel(level)


@contextmanager
def repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch, and prefer kernels that add in a fixed order; everything else that is drawn has its own generator."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    fill: bool = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    accelerators = [device] if device.type == "cuda" else []
    if accelerators:
        # cuBLAS reads it when it first starts, and is repeatable only with it.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng(devices=accelerators):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=only_warned)
            torch.backends.cudnn.benchmark = benchmark
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
