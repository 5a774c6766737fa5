"""Train a network on the labels of a project."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from leaptui.nn.asks import ASKS as ASKS
from leaptui.nn.board import board_loggers
from leaptui.nn.settings import PROFILES, TrainingSettings, parse_options
from leaptui.nn.training import train
from leaptui.ops.models import MODEL_NAME
from leaptui.ops.requests import to_json
from leaptui.ops.train import TrainRequest, TrainResult
from leaptui.project import Project
from leaptui.runners.dataset import load_labelled
from leaptui.runners.provenance import provenance
from leaptui.runners.training_frames import NAME, again, begin, training_data
from leaptui.runs.context import RunContext


def settings_of(request: TrainRequest) -> TrainingSettings:
    """The profile's settings with what the request asks for in their place."""
    settings = PROFILES[request.profile]
    asked = {
        field.name: getattr(request, field.name)
        for field in fields(settings)
        if field.name != "options" and getattr(request, field.name, None) is not None
    }
    if request.options is not None:
        asked["options"] = parse_options(request.options)
    elif asked.get("architecture", settings.architecture) != settings.architecture:
        # Those of the profile are of another network.
        asked["options"] = {}
    return replace(settings, **asked)


def run(request: TrainRequest, context: RunContext) -> TrainResult:
    """Read the labelled frames, train, and write the model file into the run directory.

    A later attempt takes the frames and the split of the first, and goes on from its newest checkpoint.
    """
    project = Project.open(_project_folder(request, context))
    data = load_labelled(project, context)
    checkpoints = context.directory / "checkpoints"
    resume = context.attempt > 1 and (checkpoints / NAME).exists()
    if resume:
        data, parts = again(
            checkpoints / NAME, data, lambda message: context.emit("log", level="warning", message=message)
        )
    else:
        data, parts = begin(
            checkpoints / NAME, data, val_fraction=request.validation, labels=request.labels, seed=request.seed
        )
    made = provenance("train", to_json(request))
    made["labels_hash"] = data.labels_hash
    made["project"] = project.name
    model = context.directory / MODEL_NAME
    outcome = train(
        training_data(data),
        data.skeleton,
        settings_of(request),
        seed=request.seed,
        device=request.device,
        precision=request.precision,
        parts=parts,
        resume=context.attempt > 1,
        context=context,
        checkpoints=checkpoints,
        model_path=model,
        provenance=made,
        loggers=board_loggers(context.directory, wanted=request.tensorboard),
    )
    return TrainResult(
        run=context.directory,
        model=model,
        labels=outcome.labels,
        val_frames=outcome.val_frames,
        left_out=outcome.left_out,
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        seconds=outcome.seconds,
        device=outcome.device,
        precision=outcome.precision,
        parameters=outcome.parameters,
        val_error_px=outcome.val_error_px,
        val_median_px=outcome.val_median_px,
        val_error_body=outcome.val_error_body,
        per_node=outcome.node_error_px,
        stopped=outcome.stopped,
        provenance=made,
    )


def _project_folder(request: TrainRequest, context: RunContext) -> Path:
    """The project the run lies in, if it was moved since; else the one of the request."""
    around = Project.containing(context.directory)
    return request.project if around is None else around.folder
