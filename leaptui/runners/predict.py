"""Predict points in videos with a model, in constant memory."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError, OperationFailed, UsageError
from leaptui.formats.skeleton_file import read_skeleton
from leaptui.nn.predictor import Predictor
from leaptui.ops.models import find_model
from leaptui.ops.predict import PredictRequest, PredictResult
from leaptui.ops.requests import to_json
from leaptui.pose.skeleton import Skeleton
from leaptui.runners.predict_file import Done, Job, predict_file
from leaptui.runners.provenance import hash_file, provenance
from leaptui.runs.context import RunContext


def run(request: PredictRequest, context: RunContext) -> PredictResult:
    """Predict each input into a file of its own; one that cannot be used does not lose the others.

    A later attempt goes on behind the frames that are done.
    """
    request = replace(request, resume=request.resume or context.attempt > 1)
    model = find_model(request.model)
    sources = request.sources()
    predictor = Predictor(
        model,
        device=request.device,
        precision=request.precision,
        backend=request.backend,
        whole_peaks=request.peaks == "whole",
    )
    made = provenance("predict", to_json(request))
    made["model"] = {"path": str(model.resolve()), "hash": hash_file(model), **model_facts(predictor)}
    made.update(predictor.description)
    job = Job(request, predictor, _skeleton(request, predictor), made, context)
    started = time.perf_counter()
    tally = _Tally()
    for source, out in zip(sources, request.outputs(sources), strict=True):
        try:
            done = predict_file(job, source, out)
        except LeaptuiError as error:
            if len(sources) == 1:
                raise
            tally.failed[str(source)] = str(error)
            context.emit("log", level="error", message=str(error))
            continue
        tally.add(done, out)
        if done.stopped:
            break
    description = predictor.description
    predictor.close()
    if tally.failed and not tally.files and not tally.stopped:
        raise OperationFailed(
            "none of the inputs could be predicted",
            where=", ".join(tally.failed),
            hint=next(iter(tally.failed.values())),
        )
    seconds = time.perf_counter() - started
    return PredictResult(
        frames=tally.frames,
        seconds=seconds,
        fps=tally.frames / seconds if seconds else 0.0,
        device=made["device"],
        precision=description["precision"],
        backend=description["backend"],
        waited=tally.shares(),
        out=request.out,
        files=tally.files,
        bad_frames=tally.bad,
        failed=tally.failed,
        stopped=tally.stopped,
        provenance=made | description,
    )


@dataclass
class _Tally:
    """What all inputs came to together."""

    frames: int = 0
    bad: int = 0
    stopped: bool = False
    files: list[Path] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    waited: Counter[str] = field(default_factory=Counter)

    def add(self, done: Done, out: Path) -> None:
        """Count one that was predicted, as far as it came."""
        self.frames += done.frames
        self.bad += len(done.bad)
        self.waited.update(done.waited)
        if done.stopped:
            self.stopped = True
        else:
            self.files.append(out)

    def shares(self) -> dict[str, float]:
        """Of the time spent waiting, by stage."""
        total = sum(self.waited.values())
        return {stage: round(seconds / total, 3) for stage, seconds in self.waited.items()} if total else {}


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
