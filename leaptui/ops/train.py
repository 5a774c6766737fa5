"""Train a network on the labels of a project."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.nn.settings import PROFILES, TrainingSettings, parse_options
from leaptui.ops.compute import device_option, precision_option
from leaptui.ops.requests import Request, option
from leaptui.pose.store import LabelStore
from leaptui.project import Project
from leaptui.registry import ARCHITECTURES

_SETTINGS = {field.name: field for field in dataclasses.fields(TrainingSettings)}


def _of_profile(name: str, help_text: str) -> Any:
    """A field that overrides one of the profile's settings, with that setting's range."""
    bounds = _SETTINGS[name].metadata
    return option(
        f"{help_text}; the profile's when left out.",
        default=None,
        minimum=bounds["low"],
        maximum=bounds["high"],
        advanced=True,
    )


@dataclass(frozen=True)
class TrainRequest(Request):
    """Train a network on the labels of a project.

    A part of the labelled frames is held back and never trained on; the error reported is the error there.
    """

    project: Path = option("The project.", positional=True)
    profile: str = option(
        "How thoroughly: fast (minutes on two cores), standard, or leap (LEAP's own network and schedule).",
        default="standard",
        choices=tuple(PROFILES),
    )
    labels: int | None = option(
        "Train on this many labelled frames, chosen by the seed, and validate on all the others.",
        default=None,
        minimum=1,
        metavar="N",
    )
    seed: int = option("Seed of the split, the weights and the augmentation.", default=0, minimum=0)
    validation: float = option(
        "Share of the labelled frames held back for validation, when --labels is not given.",
        default=0.15,
        minimum=0.0,
        maximum=0.9,
    )
    architecture: str | None = option(
        "The network; the profile's when left out.", default=None, choices=tuple(ARCHITECTURES), advanced=True
    )
    options: str | None = option(
        "Options of the network, such as filters=32,bilinear=1 or widths=16/32/64; the profile's, or the network's own"
        " where that is another, when left out.",
        default=None,
        metavar="NAME=NUMBER,…",
        advanced=True,
    )
    epochs: int | None = _of_profile("epochs", "Epochs")
    steps_per_epoch: int | None = _of_profile("steps_per_epoch", "Training steps an epoch")
    batch_size: int | None = _of_profile("batch_size", "Frames a training step")
    learning_rate: float | None = _of_profile("learning_rate", "Highest learning rate")
    sigma: float | None = _of_profile("sigma", "Width of the confidence maps' peaks in source pixels")
    rotation: float | None = _of_profile("rotation", "Largest rotation in augmentation, degrees")
    mirror: bool | None = option(
        "Mirror half of the frames in augmentation; the profile's when left out.", default=None, advanced=True
    )
    tensorboard: bool = option(
        "Also write TensorBoard event files, into the run directory (needs the extra tensorboard).",
        default=False,
        advanced=True,
    )
    device: str = device_option()
    precision: str = precision_option()

    def takes_long(self) -> bool:
        """Training always does."""
        return True

    def runs_folder(self) -> Path:
        """Runs of a project lie in it."""
        return Project.open(self.project).runs_folder

    def check(self) -> None:
        """Refuse options that cannot be read, and a project without labelled frames, before a worker starts."""
        if self.options is not None:
            parse_options(self.options)
        if self.tensorboard:
            from leaptui.formats.tensorboard_events import require_tensorboard

            require_tensorboard(to="write TensorBoard event files")
        project = Project.open(self.project)
        hint = "Import some: leaptui import PROJECT FILE"
        if project.skeleton is None:
            raise UnusableInput("there are no labels to train on", where=project.folder, hint=hint)
        frames = len(LabelStore(project.labels_folder, project.skeleton).labels().labelled())
        if frames == 0:
            raise UnusableInput("there are no labelled frames to train on", where=project.folder, hint=hint)
        if self.labels is not None and self.labels > frames:
            raise UnusableInput(
                f"there are {frames} labelled frames, fewer than the {self.labels} asked for",
                where=project.folder,
                hint=f"Leave --labels out, or give at most {frames}.",
            )


@dataclass(frozen=True)
class TrainResult:
    """What came out.

    Args:
        run: the run directory.
        model: the model file.
        labels: labelled frames the network was trained on.
        val_frames: labelled frames held back.
        left_out: labelled frames in neither, because they belong with frames trained on.
        epochs: epochs done.
        best_epoch: the epoch whose weights are in the model file; None without validation: the last.
        seconds: of training.
        device, precision: where and how it ran.
        parameters: of the network.
        val_error_px: mean distance on the held-back frames, source pixels; None without such frames.
        val_median_px: median distance there.
        val_error_body: mean distance as share of the body length; None if the skeleton has no body axis.
        per_node: mean distance a node, px.
        stopped: it was stopped before its end.
    """

    run: Path
    model: Path
    labels: int
    val_frames: int
    left_out: int
    epochs: int
    best_epoch: int | None
    seconds: float
    device: str
    precision: str
    parameters: int
    val_error_px: float | None
    val_median_px: float | None
    val_error_body: float | None
    per_node: dict[str, float | None]
    stopped: bool
    provenance: dict[str, Any]
