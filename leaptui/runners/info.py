"""Say what a file or project is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.ops.info import InfoRequest, InfoResult
from leaptui.ops.overview import project_overview
from leaptui.project import MANIFEST
from leaptui.runs.context import RunContext


def run(request: InfoRequest, context: RunContext) -> InfoResult:
    """Look at the content, most specific kind first."""
    path = request.path
    if not path.exists():
        raise UnusableInput("there is no such file or folder", where=path, hint="Check the path.")
    for describe in _DESCRIBERS:
        result = describe(path)
        if result is not None:
            return result
    return _video(path)


def _project(path: Path) -> InfoResult | None:
    if not (path / MANIFEST).is_file() and path.name != MANIFEST:
        return None
    from leaptui.runs.layout import list_runs

    overview = project_overview(path)
    project, labels = overview.project, overview.labels
    skeleton = project.skeleton
    facts: dict[str, Any] = {
        "name": project.name,
        "skeleton": None if skeleton is None else f"{skeleton.name} ({len(skeleton)} nodes)",
        "nodes": None if skeleton is None else list(skeleton.node_names),
        "videos": len(overview.videos),
        "frames": sum(v.record.frames for v in overview.videos),
        "labelled_frames": labels.frames,
        "complete_frames": labels.complete,
        "labelled_points": labels.points,
        "runs": len(list_runs(project.runs_folder)),
        "video_list": [
            {
                "video": v.record.id,
                "path": v.record.path + ("  MISSING" if v.missing else ""),
                "frames": v.record.frames,
                "size": f"{v.record.width} x {v.record.height}",
                "labelled": v.labelled,
            }
            for v in overview.videos
        ],
    }
    return InfoResult(project.folder, "project", facts, overview.problems)


def _run_directory(path: Path) -> InfoResult | None:
    if not (path / "request.json").is_file():
        return None
    from leaptui.runs.view import RunView

    view = RunView(path)
    view.refresh()
    facts = {"operation": view.operation, "state": str(view.state), **(view.result or {})}
    return InfoResult(path, "run", facts, [] if view.error is None else [str(view.error)])


def _model(path: Path) -> InfoResult | None:
    from leaptui.formats import keras_file
    from leaptui.nn.model_metadata import read_metadata
    from leaptui.ops.models import is_model

    if not path.is_file() or not is_model(path):
        return None
    if keras_file.sniff(path):
        return _keras_model(path)
    metadata = read_metadata(path)
    facts = {
        "architecture": metadata.settings.architecture,
        "skeleton": f"{metadata.skeleton.name} ({len(metadata.skeleton)} nodes)",
        "nodes": list(metadata.skeleton.node_names),
        "channels": metadata.preprocessing.get("channels"),
        "parameters": metadata.parameters,
        "trained_on": f"{len(metadata.training_checksums)} frames",
        "validated_on": f"{len(metadata.validation_checksums)} frames",
        **metadata.figures,
        "made": metadata.provenance.get("made"),
    }
    return InfoResult(path, "model", facts, [])


def _keras_model(path: Path) -> InfoResult:
    """What a network that was saved by Keras is; it does not say what it was trained on."""
    from leaptui.nn.keras_model import read_keras_model

    _, preprocessing, metadata = read_keras_model(path)
    sizes = ", ".join(f"{width} x {height}" for height, width in preprocessing.sizes_seen)
    facts = {
        "architecture": metadata.settings.architecture,
        **metadata.settings.options,
        "skeleton": f"{metadata.skeleton.name} ({len(metadata.skeleton)} nodes)",
        "nodes": list(metadata.skeleton.node_names),
        "channels": preprocessing.channels,
        "frames": sizes or "any size",
        "output_stride": metadata.output_stride,
        "parameters": metadata.parameters,
        "keras": metadata.provenance["keras"]["version"],
    }
    return InfoResult(path, "Keras model", facts, [])


def _predictions(path: Path) -> InfoResult | None:
    from leaptui.formats.predictions import PredictionsFile, sniff

    if not path.is_file() or not sniff(path):
        return None
    with PredictionsFile(path) as found:
        facts = {
            "frames": len(found),
            "instances": found.instances,
            "skeleton": f"{found.skeleton.name} ({len(found.skeleton)} nodes)",
            "nodes": list(found.skeleton.node_names),
            "video": found.provenance.get("video"),
            "model": (found.provenance.get("model") or {}).get("path"),
            "made": found.provenance.get("made"),
        }
        return InfoResult(path, "predictions", facts, [f"frame {frame}: {reason}" for frame, reason in found.bad])


def _labels(path: Path) -> InfoResult | None:
    from leaptui.formats.guess import read_labels
    from leaptui.registry import IMPORT_FORMATS, resolve

    if not any(resolve(f"{entry.target}:sniff")(path) for entry in IMPORT_FORMATS.values()):
        return None
    try:
        imported = read_labels([path])
    except UnusableInput as error:
        # A box without its labels is a video still.
        try:
            return _video(path)
        except UnusableInput:
            raise error from None
    facts = {
        "format": imported.format,
        "labelled_frames": len(imported.frames),
        "labelled_points": sum(int(i.placed.sum()) for f in imported.frames for i in f.instances),
        "skeleton": f"{imported.skeleton.name} ({len(imported.skeleton)} nodes)",
        "nodes": list(imported.skeleton.node_names),
        "videos": [str(source.path) for source in imported.videos],
    }
    return InfoResult(path, "labels", facts, list(imported.notes))


def _video(path: Path) -> InfoResult:
    from leaptui.media import open_video

    with closing(open_video(path)) as video:
        height, width, channels = video.shape
        facts = {
            "frames": len(video),
            "width": width,
            "height": height,
            "channels": "grey" if channels == 1 else "colour",
            "dataset": video.source.dataset,
            "axes": video.source.axes,
            "identity": video.identity,
        }
        return InfoResult(path, "video", facts, [])


_DESCRIBERS: tuple[Callable[[Path], InfoResult | None], ...] = (_project, _run_directory, _model, _predictions, _labels)
