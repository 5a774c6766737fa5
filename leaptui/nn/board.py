"""Telling TensorBoard about a training, where that was asked for."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from leaptui.formats.tensorboard_events import require_tensorboard

FOLDER = "tensorboard"
"""Of a run directory: where its event files are."""


def board_loggers(run: Path, *, wanted: bool) -> list[Logger]:
    """Lightning's loggers for a training; each attempt of a run writes an event file of its own.

    Args:
        run: the run directory.
        wanted: whether TensorBoard is to be told; [] otherwise.

    Raises:
        UnusableInput: if it is wanted and the package is missing.
    """
    if not wanted:
        return []
    require_tensorboard(to="write TensorBoard event files")
    return [TensorBoardLogger(save_dir=run, name="", version=FOLDER, default_hp_metric=False)]
