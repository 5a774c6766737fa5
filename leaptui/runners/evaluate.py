"""Compare a model or its predictions with labels."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.analysis.metrics import Metrics, evaluate
from leaptui.errors import UnusableInput
from leaptui.formats.predictions import AnyPredictions, Predictions, PredictionsFile, open_predictions
from leaptui.ops.evaluate import EvaluateRequest, EvaluateResult
from leaptui.ops.models import find_model, is_model
from leaptui.ops.requests import to_json
from leaptui.pose.skeleton import Skeleton
from leaptui.runners.judging import judge
from leaptui.runners.provenance import provenance
from leaptui.runners.truth import Truth, read_truth
from leaptui.runs.context import RunContext


@dataclass(frozen=True)
class _Pairs:
    """Predictions and the labels they belong to, row by row.

    Args:
        predictions: a row a labelled frame that was predicted.
        rows: which labelled frames those are.
        matched_by: "checksum" or "frame".
        model: facts about the model behind them, if they say so.
    """

    predictions: Predictions
    rows: NDArray[np.int64]
    matched_by: str
    model: Mapping[str, Any] | None


def run(request: EvaluateRequest, context: RunContext) -> EvaluateResult:
    """Pair predictions with labels by the content of their frames, or else by index, and measure."""
    notes: list[str] = []
    made = provenance("evaluate", to_json(request))
    subject = request.subject
    if subject.is_file() and not is_model(subject):
        truth = read_truth(request.truth, with_images=False)
        with ExitStack() as stack:
            found = open_predictions(subject, truth.skeleton)
            if isinstance(found, PredictionsFile):
                stack.enter_context(found)
            pairs = _pair(found, truth, request.truth, notes)
    else:
        truth = read_truth(request.truth, with_images=True)
        pairs = _predict(find_model(subject), truth, request, context, made)
    made["model"] = pairs.model
    return _compare(request, pairs, truth, notes, made)


def _pair(found: AnyPredictions, truth: Truth, where: Path, notes: list[str]) -> _Pairs:
    frames, checksums = _index(found)
    wanted, matched_by = None, "checksum"
    if checksums is not None and truth.checksums is not None:
        wanted = _look_up(checksums, frames, truth.checksums)
        if (wanted < 0).all():
            notes.append("no predicted frame has the content of a labelled one; paired by frame index instead")
            wanted = None
    if wanted is None:
        matched_by = "frame"
        if len(set(truth.videos)) > 1:
            raise UnusableInput(
                "these labels are on several videos, and the predictions do not show which frames they are of",
                where=where,
                hint="Evaluate the model itself: leaptui evaluate MODEL --truth PROJECT",
            )
        wanted = np.where(np.isin(truth.frames, frames), truth.frames, -1)
    rows = np.flatnonzero(wanted >= 0)
    if not len(rows):
        raise UnusableInput("none of the predicted frames is labelled there", where=where, hint="Predict those frames.")
    if len(rows) < len(wanted):
        notes.append(f"{len(wanted) - len(rows)} labelled frames have no prediction and are left out")
    return _Pairs(found.at(wanted[rows]), rows, matched_by, found.provenance.get("model"))


def _index(found: AnyPredictions) -> tuple[NDArray[np.int64], NDArray[np.uint32] | None]:
    """Frame numbers and checksums of all rows, without holding their points."""
    frames, checksums = [], []
    for block in found.blocks():
        frames.append(block.frames)
        if block.checksums is not None:
            checksums.append(block.checksums)
    joined = np.concatenate(frames) if frames else np.zeros(0, dtype=np.int64)
    return joined, np.concatenate(checksums) if checksums else None


def _look_up(checksums: NDArray[np.uint32], frames: NDArray[np.int64], wanted: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Frame of the first row with each wanted checksum, -1 where there is none."""
    order = np.argsort(checksums, kind="stable")
    position = np.minimum(np.searchsorted(checksums, wanted, sorter=order), len(order) - 1)
    rows = order[position]
    return np.where(checksums[rows] == wanted, frames[rows], -1)


def _predict(model: Path, truth: Truth, request: EvaluateRequest, context: RunContext, made: dict[str, Any]) -> _Pairs:
    from leaptui.nn.predictor import Predictor
    from leaptui.runners.predict_job import model_facts

    predictor = Predictor(model, device=request.device, precision=request.precision, looks=request.looks)
    made.update(predictor.description)
    points, scores = [], []
    for done, image in enumerate(truth.images, start=1):
        p, s = predictor.predict(image[None])
        points.append(p[0])
        scores.append(s[0])
        context.emit("progress", done=done, total=len(truth.images), unit="frames", label="predicting")
    count = len(truth.images)
    predictions = Predictions(
        np.stack(points), np.stack(scores), np.arange(count), predictor.skeleton, checksums=truth.checksums
    )
    facts = {"path": str(model.resolve()), **model_facts(predictor)}
    return _Pairs(predictions, np.arange(count), "checksum", facts)


def _compare(
    request: EvaluateRequest, pairs: _Pairs, truth: Truth, notes: list[str], made: dict[str, Any]
) -> EvaluateResult:
    found, skeleton = pairs.predictions, pairs.predictions.skeleton
    order = skeleton.order_from(truth.skeleton.node_names, where=str(request.truth))
    points = truth.points[pairs.rows][:, :, order]
    occluded = None if truth.occluded is None else truth.occluded[pairs.rows][:, :, order]

    def measure(of: NDArray[np.bool_]) -> Metrics:
        return evaluate(
            found.points[of].astype(np.float64),
            points[of],
            scores=found.scores[of],
            occluded=None if occluded is None else occluded[of],
            body_axis=skeleton.body_axis_indices or _axis_in(truth.skeleton, skeleton),
            node_names=skeleton.node_names,
            swap=skeleton.swap,
            oks_sigma=request.oks_sigma,
        )

    everything = asdict(measure(np.ones(len(found), dtype=bool)))
    seen = _seen(pairs, truth)
    judged = np.ones(len(found), dtype=bool) if seen is None or seen.all() else ~seen
    length = everything["body_length_px"]
    verdict = judge(
        found.points[judged],
        points[judged],
        found.scores[judged],
        swap=skeleton.swap,
        body_length=length,
        within=_within(pairs, length),
    )
    unseen = None
    if seen is not None and seen.any() and not seen.all():
        other = asdict(measure(~seen))
        unseen = {name: other[name] for name in _UNSEEN}
    if seen is None:
        notes.append("it is not known which frames the model was trained on")
    for name in ("pck", "pck_body"):
        if everything[name] is not None:
            everything[name] = {f"{threshold:g}": share for threshold, share in everything[name].items()}
    return EvaluateResult(
        **everything,
        **verdict,
        judged_frames=int(judged.sum()),
        seen_in_training=None if seen is None else int(seen.sum()),
        unseen=unseen,
        matched_by=pairs.matched_by,
        notes=notes,
        provenance=made,
    )


def _within(pairs: _Pairs, body_length: float | None) -> float | None:
    """How close a point has to be to be right, px: 3 % of the body length, or else what the model's scores are about."""
    if body_length is not None:
        return 0.03 * body_length
    calibration = (pairs.model or {}).get("calibration")
    within = calibration.get("within_px") if isinstance(calibration, Mapping) else None
    return float(within) if isinstance(within, int | float) else None


_UNSEEN = ("frames", "points", "mean_px", "median_px", "p90_px", "mean_body", "within_3pct_body")


def _axis_in(truth: Skeleton, order: Skeleton) -> tuple[int, int] | None:
    """The truth's body axis in the node order of the predictions."""
    if truth.body_axis is None:
        return None
    return order.index(truth.body_axis[0]), order.index(truth.body_axis[1])


def _seen(pairs: _Pairs, truth: Truth) -> NDArray[np.bool_] | None:
    """Which frames the model was trained on; None when that cannot be known."""
    checksums = pairs.predictions.checksums
    if checksums is None and truth.checksums is not None:
        checksums = truth.checksums[pairs.rows]
    if not pairs.model or "training_checksums" not in pairs.model or checksums is None:
        return None
    return np.isin(checksums, np.array(pairs.model["training_checksums"], dtype=np.uint32))
