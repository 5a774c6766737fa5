"""Read one frame with its points, from whatever holds them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.guess import read_labels
from leaptui.formats.imported import Imported
from leaptui.formats.leap_predictions import sniff as is_leap_predictions
from leaptui.formats.predictions import AnyPredictions, PredictionsFile, open_predictions
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.media import open_video
from leaptui.media.video import Video, VideoSource
from leaptui.ops.models import is_model
from leaptui.ops.show import ShownAnimals, ShownFrame, ShowRequest
from leaptui.pose.instance import PredictedInstance
from leaptui.pose.labels import Labels
from leaptui.pose.store import LabelStore
from leaptui.project import MANIFEST, Project
from leaptui.registry import IMPORT_FORMATS, resolve
from leaptui.runners.videos import open_record, read_frame
from leaptui.runs.context import RunContext
from leaptui.runs.files import read_object


@dataclass(frozen=True)
class _Scenery:
    """A video, and the points that came with it.

    Args:
        open: opens the video.
        name: id of the video in its project.
        first: the frame to show when none is asked for.
        animals: the points of a frame.
    """

    open: Callable[[], Video]
    name: str | None = None
    first: int = 0
    animals: Callable[[int], ShownAnimals | None] = lambda frame: None


def look(request: ShowRequest, context: RunContext) -> ShownFrame:
    """The frame that was asked for, with its points.

    Raises:
        UnusableInput: if the file holds no frames, or the points are of another video.
        UsageError: if there is no such frame or video.
        FrameError: if the frame is damaged.
    """
    scenery = _scenery(request.file, request.video)
    with closing(scenery.open()) as video:
        frame = scenery.first if request.frame is None else request.frame
        if frame >= len(video):
            raise UsageError(f"there is no frame {frame}: it has frames 0 to {len(video) - 1}", where=video.source.path)
        held = read_frame(video, frame, grey=False)
        found = [scenery.animals(frame)]
        if request.points is not None:
            found.append(_more_points(request.points, video, frame))
        return ShownFrame(
            path=video.source.path,
            video=scenery.name,
            frame=frame,
            count=len(video),
            image=held.pixels,
            checksum=held.checksum,
            animals=tuple(each for each in found if each is not None),
        )


def _scenery(path: Path, video: str | None) -> _Scenery:
    if _is_project(path):
        return _of_project(path, video)
    if video is not None:
        raise UsageError("--video is for projects", where=path)
    asked = read_object(path / "request.json") if path.is_dir() else None
    if asked is not None:
        return _of_run(path)
    if path.is_file() and is_model(path):
        raise UnusableInput("it is a model: it holds no frames", where=path, hint=f"Try: leaptui info {path}")
    if path.is_file() and (is_predictions(path) or is_leap_predictions(path)):
        return _of_predictions(path)
    return _of_labels(path) or _Scenery(lambda: open_video(path))


def _is_project(path: Path) -> bool:
    return (path / MANIFEST).is_file() or path.name == MANIFEST


def _of_project(path: Path, name: str | None) -> _Scenery:
    project = Project.open(path)
    if not project.videos:
        raise UnusableInput("the project has no videos", where=path, hint=f"Add one: leaptui add {path} VIDEO")
    labels = _labels_of(project)
    record = None if name is None else project.video(name)
    labelled = [] if labels is None else [f for f in labels.labelled() if record is None or f.video == record.id]
    known = {each.id: each for each in project.videos}
    first = next((f for f in labelled if f.video in known), None)
    if record is None:
        record = known[first.video] if first is not None else project.videos[0]

    def animals(frame: int) -> ShownAnimals | None:
        return None if labels is None else _labelled(labels, record.id, frame)

    return _Scenery(lambda: open_record(project, record), record.id, 0 if first is None else first.frame, animals)


def _labels_of(project: Project) -> Labels | None:
    if project.skeleton is None:
        return None
    return LabelStore(project.labels_folder, project.skeleton).labels()


def _labelled(labels: Labels, video: str, frame: int) -> ShownAnimals | None:
    for each in labels.labelled():
        if (each.video, each.frame) == (video, frame):
            return ShownAnimals("labels", labels.skeleton, tuple(i for i in each.instances if i.placed.any()))
    return None


def _of_run(path: Path) -> _Scenery:
    files = (read_object(path / "result.json") or {}).get("files")
    if not isinstance(files, list) or not files:
        raise UnusableInput("this run has no predictions to show", where=path)
    return _of_predictions(path / str(files[0]))


def _of_predictions(path: Path) -> _Scenery:
    found = open_predictions(path)
    made = found.provenance
    where = made.get("video")
    if not isinstance(where, str):
        raise UnusableInput(
            "it does not say which video it is of",
            where=path,
            hint=f"Name the video first: leaptui show VIDEO --points {path}",
        )
    source = VideoSource(Path(where), made.get("dataset"), made.get("axes"))
    if not source.path.exists():
        raise UnusableInput(
            "the video it was made from is not there any more",
            where=source.path,
            hint=f"Name where it is now: leaptui show VIDEO --points {path}",
        )
    frames = found.frames
    return _Scenery(
        lambda: open_video(source), None, int(frames[0]) if len(frames) else 0, lambda frame: _predicted(found, frame)
    )


def _predicted(found: AnyPredictions, frame: int) -> ShownAnimals | None:
    rows = found.at([frame])
    instances = tuple(
        PredictedInstance(points.astype(np.float64), scores=scores.astype(np.float32))
        for points, scores in zip(rows.points[0], rows.scores[0], strict=True)
        if np.isfinite(points).all(axis=1).any()
    )
    return ShownAnimals("predictions", found.skeleton, instances) if instances else None


def _of_labels(path: Path) -> _Scenery | None:
    """A labels file; None if it is none, or only the frames of one."""
    if not any(resolve(f"{entry.target}:sniff")(path) for entry in IMPORT_FORMATS.values()):
        return None
    try:
        imported = read_labels([path])
    except UnusableInput:
        return None
    if not imported.frames:
        return None
    first = imported.frames[0]
    source = imported.videos[first.video]
    return _Scenery(
        lambda: open_video(source), None, first.frame, lambda frame: _imported(imported, first.video, frame)
    )


def _imported(imported: Imported, video: int, frame: int) -> ShownAnimals | None:
    for each in imported.frames:
        if (each.video, each.frame) == (video, frame):
            return ShownAnimals("labels", imported.skeleton, tuple(each.instances))
    return None


def _more_points(path: Path, video: Video, frame: int) -> ShownAnimals | None:
    """Points of a frame from another file.

    Raises:
        UnusableInput: if they are of another video.
    """
    if _is_project(path):
        project = Project.open(path)
        labels = _labels_of(project)
        record = next((each for each in project.videos if each.identity == video.identity), None)
        if record is None or labels is None:
            raise UnusableInput("the project has no labels of this video", where=path)
        return _labelled(labels, record.id, frame)
    if any(resolve(f"{entry.target}:sniff")(path) for entry in IMPORT_FORMATS.values()):
        imported = read_labels([path])
        same = [i for i, source in enumerate(imported.videos) if source.path.resolve() == video.source.path.resolve()]
        if not same and len(imported.videos) > 1:
            raise UnusableInput("these labels are of other videos", where=path)
        return _imported(imported, same[0] if same else 0, frame)
    found = open_predictions(path)
    try:
        _check_same(found, video, path)
        return _predicted(found, frame)
    finally:
        if isinstance(found, PredictionsFile):
            found.close()


def _check_same(found: AnyPredictions, video: Video, path: Path) -> None:
    """Refuse predictions of other content; without a word about it, they are believed."""
    work = found.provenance.get("work")
    told = work.get("input") if isinstance(work, dict) else None
    identity = told.get("identity") if isinstance(told, dict) else None
    if identity is not None and identity != video.identity:
        made_of = found.provenance.get("video")
        raise UnusableInput(f"these predictions are of another video ({made_of})", where=path)
