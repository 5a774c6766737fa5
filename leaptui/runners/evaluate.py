"""Compare a model or its predictions with labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.analysis.metrics import Metrics, evaluate
from leaptui.errors import UnusableInput
from leaptui.formats.guess import read_labels
from leaptui.formats.predictions import Predictions, read_predictions
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.media import open_video
from leaptui.ops.evaluate import EvaluateRequest, EvaluateResult
from leaptui.ops.models import find_model
from leaptui.ops.requests import to_json
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import MANIFEST, Project
from leaptui.runners.provenance import provenance
from leaptui.runners.videos import open_record
from leaptui.runs.context import RunContext


@dataclass(frozen=True)
class _Truth:
    """Labels to compare with, a row a labelled frame.

    Args:
        skeleton: meaning of the node axis.
        points: (N, I, J, 2).
        frames: (N,) index in its video.
        videos: (N,) identity of its video.
        checksums: (N,) CRC-32 of the frame.
        images: the frames themselves, when a model is to predict them.
    """

    skeleton: Skeleton
    points: NDArray[np.float64]
    frames: NDArray[np.int64]
    videos: list[str]
    checksums: NDArray[np.uint32]
    images: list[NDArray[np.uint8]]


def run(request: EvaluateRequest, context: RunContext) -> EvaluateResult:
    """Pair predictions with labels by the content of their frames, or else by index, and measure."""
    subject = request.subject
    notes: list[str] = []
    made = provenance("evaluate", to_json(request))
    if subject.is_file() and is_predictions(subject):
        predictions = read_predictions(subject)
        truth = _read_truth(request.truth, with_images=False)
        rows, matched_by = _pair(predictions, truth, notes)
        made["model"] = predictions.provenance.get("model")
    else:
        truth = _read_truth(request.truth, with_images=True)
        predictions = _predict(find_model(subject), truth, request, context, made)
        rows, matched_by = np.arange(len(truth.frames)), "checksum"
    return _compare(request, predictions, truth, rows, matched_by, notes, made)


def _compare(
    request: EvaluateRequest,
    predictions: Predictions,
    truth: _Truth,
    rows: NDArray[np.int64],
    matched_by: str,
    notes: list[str],
    made: dict[str, Any],
) -> EvaluateResult:
    order = predictions.skeleton.order_from(truth.skeleton.node_names, where=str(request.truth))
    skeleton = predictions.skeleton
    points = truth.points[:, :, order]
    paired = rows >= 0
    if not paired.any():
        raise UnusableInput(
            "none of the predicted frames is labelled there",
            where=request.truth,
            hint="Predict the labelled frames first.",
        )
    if not paired.all():
        notes.append(f"{int((~paired).sum())} labelled frames have no prediction and are left out")
    found = predictions.points[rows[paired]].astype(np.float64)

    def measure(of: NDArray[np.bool_]) -> Metrics:
        return evaluate(
            found[of],
            points[paired][of],
            body_axis=skeleton.body_axis_indices or truth_axis(truth.skeleton, skeleton),
            node_names=skeleton.node_names,
            swap=skeleton.swap,
            oks_sigma=request.oks_sigma,
        )

    everything = measure(np.ones(len(found), dtype=bool))
    seen = _seen(made, truth.checksums[paired])
    unseen = None
    if seen is not None and seen.any() and not seen.all():
        other = measure(~seen)
        unseen = {
            "frames": other.frames,
            "points": other.points,
            "mean_px": other.mean_px,
            "median_px": other.median_px,
            "p90_px": other.p90_px,
            "mean_body": other.mean_body,
            "within_3pct_body": other.within_3pct_body,
        }
    if seen is None:
        notes.append("the predictions do not say what their model was trained on")
    return EvaluateResult(
        **{name: getattr(everything, name) for name in _FIGURES},
        per_node={name: asdict(node) for name, node in everything.per_node.items()},
        pck={f"{threshold:g}": share for threshold, share in everything.pck.items()},
        pck_body=None
        if everything.pck_body is None
        else {f"{per_cent:g}": share for per_cent, share in everything.pck_body.items()},
        seen_in_training=None if seen is None else int(seen.sum()),
        unseen=unseen,
        matched_by=matched_by,
        notes=notes,
        provenance=made,
    )


_FIGURES = (
    *("frames", "points", "mean_px", "median_px", "p75_px", "p90_px", "p95_px", "p99_px", "rmse_px"),
    *("body_length_px", "mean_body", "within_3pct_body", "oks", "oks_sigma", "missing", "swapped"),
)


def truth_axis(truth: Skeleton, order: Skeleton) -> tuple[int, int] | None:
    """The truth's body axis in the node order of the predictions."""
    if truth.body_axis is None:
        return None
    return order.index(truth.body_axis[0]), order.index(truth.body_axis[1])


def _seen(made: dict[str, Any], checksums: NDArray[np.uint32]) -> NDArray[np.bool_] | None:
    model = made.get("model")
    if not model or "training_checksums" not in model:
        return None
    return np.isin(checksums, np.array(model["training_checksums"], dtype=np.uint32))


def _pair(predictions: Predictions, truth: _Truth, notes: list[str]) -> tuple[NDArray[np.int64], str]:
    """Row of the predictions for each labelled frame, -1 where there is none."""
    if predictions.checksums is not None:
        row_of = {int(checksum): row for row, checksum in reversed(list(enumerate(predictions.checksums)))}
        rows = np.array([row_of.get(int(c), -1) for c in truth.checksums])
        if (rows >= 0).any():
            return rows, "checksum"
        notes.append("no predicted frame has the content of a labelled one; paired by frame index instead")
    if len(set(truth.videos)) > 1:
        raise UnusableInput(
            "these predictions cannot be paired: the labels are on several videos and no frame has the same content"
        )
    row_of = {int(frame): row for row, frame in enumerate(predictions.frames)}
    return np.array([row_of.get(int(f), -1) for f in truth.frames]), "frame"


def _predict(
    model: Path, truth: _Truth, request: EvaluateRequest, context: RunContext, made: dict[str, Any]
) -> Predictions:
    from leaptui.nn.predictor import Predictor
    from leaptui.runners.predict import model_facts

    predictor = Predictor(model, device=request.device, precision=request.precision)
    made["model"] = {"path": str(model.resolve()), **model_facts(predictor)}
    made.update(predictor.description)
    points, scores = [], []
    for done, image in enumerate(truth.images, start=1):
        p, s = predictor.predict(image[None])
        points.append(p[0])
        scores.append(s[0])
        context.emit("progress", done=done, total=len(truth.images), unit="frames", label="predicting")
    return Predictions(
        points=np.stack(points),
        scores=np.stack(scores),
        frames=truth.frames,
        checksums=truth.checksums,
        bad=[],
        skeleton=predictor.skeleton,
        provenance=made,
    )


def _read_truth(path: Path, *, with_images: bool) -> _Truth:
    if (path / MANIFEST).is_file() or path.name == MANIFEST:
        return _truth_of_project(Project.open(path), with_images=with_images)
    imported = read_labels([path])
    videos = [open_video(source) for source in imported.videos]
    rows = [
        (videos[f.video], videos[f.video].identity, f.frame, [i.points for i in f.instances]) for f in imported.frames
    ]
    try:
        return _gather(imported.skeleton, rows, with_images=with_images)
    finally:
        for video in videos:
            video.close()


def _truth_of_project(project: Project, *, with_images: bool) -> _Truth:
    skeleton = project.require_skeleton()
    labelled = LabelStore(project.labels_folder, skeleton).labels().labelled()
    if not labelled:
        raise UnusableInput("there are no labelled frames to compare with", where=project.folder)
    records = {record.id: record for record in project.videos}
    videos = {name: open_record(project, records[name]) for name in {f.video for f in labelled}}
    rows = [(videos[f.video], f.video, f.frame, [i.points for i in f.instances if i.placed.any()]) for f in labelled]
    try:
        return _gather(skeleton, rows, with_images=with_images)
    finally:
        for video in videos.values():
            video.close()


def _gather(skeleton: Skeleton, rows: list[tuple[Any, str, int, list[Any]]], *, with_images: bool) -> _Truth:
    most = max(len(instances) for *_, instances in rows)
    points = np.full((len(rows), most, len(skeleton), 2), np.nan)
    for row, (*_, instances) in enumerate(rows):
        points[row, : len(instances)] = instances
    return _Truth(
        skeleton=skeleton,
        points=points,
        frames=np.array([frame for _, _, frame, _ in rows], dtype=np.int64),
        videos=[name for _, name, _, _ in rows],
        checksums=np.array([video.checksum(frame) for video, _, frame, _ in rows], dtype=np.uint32),
        images=[video.get(frame) for video, _, frame, _ in rows] if with_images else [],
    )
