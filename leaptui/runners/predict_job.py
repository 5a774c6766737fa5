"""What is the same for all inputs of a prediction, and what each of them comes to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from leaptui.errors import UsageError
from leaptui.formats.skeleton_file import read_skeleton
from leaptui.nn.predictor import Predictor
from leaptui.ops.models import find_model
from leaptui.ops.predict import PredictRequest
from leaptui.ops.requests import to_json
from leaptui.pose.skeleton import Skeleton
from leaptui.runners.provenance import hash_file, provenance
from leaptui.runs.context import RunContext


@dataclass
class Done:
    """What one input came to.

    Args:
        frames: predicted now; those of earlier attempts are not counted.
        bad: indices of frames that could not be read, those of earlier attempts included.
        stopped: before the end.
        waited: seconds the pipeline stood still for each stage.
        reading: what decoded the video, in words; empty where there was no choice.
        description: what computed, see `Predictor.description`.
    """

    frames: int = 0
    bad: list[int] = field(default_factory=list)
    stopped: bool = False
    waited: dict[str, float] = field(default_factory=lambda: {"reading": 0.0, "network": 0.0, "writing": 0.0})
    reading: list[str] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def waiting_for(self, stage: str) -> Iterator[None]:
        """Add the seconds within to those of a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.waited[stage] += time.perf_counter() - began


@dataclass(frozen=True)
class Job:
    """What is the same for all inputs.

    Args:
        request: as given, with `resume` true for a later attempt.
        predictor: loaded.
        skeleton: names the points get.
        made: provenance so far.
        context: of the run.
    """

    request: PredictRequest
    predictor: Predictor
    skeleton: Skeleton
    made: Mapping[str, Any]
    context: RunContext

    def say(self, message: str, level: str = "info") -> None:
        """A line in the run's log."""
        self.context.emit("log", level=level, message=message)


def open_job(request: PredictRequest, context: RunContext) -> Job:
    """Load the model.

    Raises:
        LeaptuiError: if it cannot be used, or not as asked.
    """
    model = find_model(request.model)
    predictor = Predictor(
        model,
        device=request.device,
        precision=request.precision,
        backend=request.backend,
        whole_peaks=request.peaks == "whole",
        looks=request.looks,
    )
    # Whether somebody had to go on with it is no part of where predictions come from.
    made = provenance("predict", to_json(replace(request, resume=False)))
    made["model"] = {"path": str(model.resolve()), "hash": hash_file(model), **model_facts(predictor)}
    made.update(predictor.description)
    return Job(request, predictor, _skeleton(request, predictor), made, context)


def _skeleton(request: PredictRequest, predictor: Predictor) -> Skeleton:
    """The names that the points get: those asked for, else the model's."""
    if request.skeleton is None:
        return predictor.skeleton
    named, _ = read_skeleton(request.skeleton)
    if len(named) != len(predictor.skeleton):
        raise UsageError(
            f"it names {len(named)} nodes, the model predicts {len(predictor.skeleton)}", where=request.skeleton
        )
    return named


def model_facts(predictor: Predictor) -> dict[str, Any]:
    """What later steps need to know of the model behind predictions."""
    metadata = predictor.metadata
    return {
        "architecture": metadata.settings.architecture,
        "training_checksums": list(metadata.training_checksums),
        "validation_checksums": list(metadata.validation_checksums),
        "calibration": metadata.calibration.to_dict(),
    }
