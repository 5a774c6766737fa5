"""Write labels, predictions or models for another tool."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.predictions import AnyPredictions, Predictions, PredictionsFile
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.ops.export import ExportRequest, ExportResult
from leaptui.ops.models import find_model
from leaptui.pose.labels import Labels
from leaptui.pose.store import LabelStore
from leaptui.project import MANIFEST, Project
from leaptui.registry import EXPORT_FORMATS, MODEL_FORMATS
from leaptui.runs.context import RunContext


def run(request: ExportRequest, context: RunContext) -> ExportResult:
    """Write beside the target and rename; of a predictions file only a part is in memory at a time."""
    if request.format in MODEL_FORMATS:
        return _export_model(request, context)
    source = request.source
    write = import_module(EXPORT_FORMATS[request.format].target).write
    if (source / MANIFEST).is_file() or source.name == MANIFEST:
        project = Project.open(source)
        labels = LabelStore(project.labels_folder, project.require_skeleton()).labels()
        return _export(labels_as_predictions(labels, project), request, write)
    if source.is_file() and is_predictions(source):
        with PredictionsFile(source) as found:
            return _export(found, request, write)
    what = "it is neither a project nor a predictions file" if source.exists() else "there is no such file"
    raise UnusableInput(what, where=source, hint="Give a project (its labels) or a file made by leaptui predict.")


def _export_model(request: ExportRequest, context: RunContext) -> ExportResult:
    """Write a model, after what it computes was compared on drawn animals and on noise."""
    from leaptui.demo import simulate
    from leaptui.nn.model import load_model

    path = find_model(request.source)
    model = load_model(path)
    sizes = model.preprocessing.sizes_seen
    size = request.size() or (sizes[0] if len(sizes) == 1 else None)
    if size is None:
        seen = ", ".join(f"{width}x{height}" for height, width in sizes) or "frames of unknown size"
        raise UsageError(f"this model was trained on {seen}", where=path, hint="Say which with --frame-size.")
    drawn = simulate(4, seed=0).frames
    repeats = [-(-wanted // there) for wanted, there in zip(size, drawn.shape[1:3], strict=True)]
    filled = np.tile(drawn, (1, *repeats, 1))[:, : size[0], : size[1]]
    frames = np.repeat(filled.transpose(0, 3, 1, 2), model.preprocessing.channels, axis=1)
    context.emit("log", level="info", message=f"writing {request.out.name} for frames of {size[1]} x {size[0]} px")
    export = import_module(MODEL_FORMATS[request.format].target).export
    worst = export(model, request.out, *size, frames)
    return ExportResult(request.out, request.format, frame_size=size, worst_px=worst)


def _export(
    tables: AnyPredictions, request: ExportRequest, write: Callable[[AnyPredictions, Path], None]
) -> ExportResult:
    write(tables, request.out)
    instances = points = 0
    for block in tables.blocks():
        placed = np.isfinite(block.points).all(axis=-1)
        instances += int(placed.any(axis=-1).sum())
        points += int(placed.sum())
    return ExportResult(request.out, request.format, len(tables), instances, points)


def labels_as_predictions(labels: Labels, project: Project) -> Predictions:
    """Labels in the arrays that exporters take; scores are NaN, since a person gave none.

    Raises:
        UnusableInput: if nothing is labelled.
    """
    labelled = labels.labelled()
    if not labelled:
        raise UnusableInput("there are no labelled frames to export", where=project.folder)
    most = max(len(frame.instances) for frame in labelled)
    points = np.full((len(labelled), most, len(labels.skeleton), 2), np.nan, dtype=np.float64)
    occluded = np.zeros(points.shape[:3], dtype=bool)
    track_names = sorted({i.track for frame in labelled for i in frame.instances if i.track is not None})
    tracks = np.full(points.shape[:2], -1, dtype=np.int64)
    for row, frame in enumerate(labelled):
        for column, instance in enumerate(frame.instances):
            points[row, column] = instance.points
            occluded[row, column] = instance.occluded
            if instance.track is not None:
                tracks[row, column] = track_names.index(instance.track)
    paths = {record.id: record.path for record in project.videos}
    videos = list(dict.fromkeys(frame.video for frame in labelled))
    return Predictions(
        points=points,
        scores=np.full(points.shape[:3], np.nan, dtype=np.float32),
        frames=np.array([frame.frame for frame in labelled], dtype=np.int64),
        skeleton=labels.skeleton,
        provenance={"project": project.name},
        occluded=occluded,
        video_names=tuple(paths.get(video, video) for video in videos),
        videos=np.array([videos.index(frame.video) for frame in labelled], dtype=np.int64),
        track_names=tuple(track_names),
        tracks=tracks,
    )
