"""Write labels or predictions for another tool."""

from __future__ import annotations

import numpy as np

from leaptui.errors import UnusableInput
from leaptui.formats.predictions import Predictions, read_predictions
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.ops.export import ExportRequest, ExportResult
from leaptui.pose.labels import Labels
from leaptui.pose.store import LabelStore
from leaptui.project import MANIFEST, Project
from leaptui.registry import EXPORT_FORMATS, resolve
from leaptui.runs.context import RunContext


def run(request: ExportRequest, context: RunContext) -> ExportResult:
    """Read the source whole, then write beside the target and rename."""
    source = request.source
    if (source / MANIFEST).is_file() or source.name == MANIFEST:
        project = Project.open(source)
        tables = labels_as_predictions(LabelStore(project.labels_folder, project.require_skeleton()).labels(), project)
    elif source.is_file() and is_predictions(source):
        tables = read_predictions(source)
    else:
        what = "there is no such file" if not source.exists() else "it is neither a project nor a predictions file"
        raise UnusableInput(what, where=source, hint="Give a project (its labels) or a file made by leaptui predict.")
    resolve(f"{EXPORT_FORMATS[request.format].target}:write")(tables, request.out)
    placed = np.isfinite(tables.points).all(axis=-1)
    return ExportResult(
        out=request.out,
        format=request.format,
        frames=len(tables.frames),
        instances=int(placed.any(axis=-1).sum()),
        points=int(placed.sum()),
    )


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
