"""Labels to compare with, from a project, a file of labels or a file of points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats.guess import read_labels
from leaptui.formats.predictions import read_predictions
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.media import open_video
from leaptui.media.video import Image, Video
from leaptui.pose.instance import Instance
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import MANIFEST, Project
from leaptui.runners.videos import open_record


@dataclass(frozen=True)
class Truth:
    """Labelled frames, a row each.

    Args:
        skeleton: meaning of the node axis.
        points: (N, I, J, 2) source pixels, NaN where nothing is labelled.
        occluded: (N, I, J), or None where the labels do not say.
        frames: (N,) index of the frame in its video.
        videos: (N,) which video, by any name.
        checksums: (N,) CRC-32 of the frame, or None where the frames are not at hand.
        images: the frames themselves, where they were asked for.
    """

    skeleton: Skeleton
    points: NDArray[np.float64]
    occluded: NDArray[np.bool_] | None
    frames: NDArray[np.int64]
    videos: list[str]
    checksums: NDArray[np.uint32] | None
    images: list[Image]


@dataclass(frozen=True)
class _Row:
    video: Video
    name: str
    frame: int
    instances: list[Instance]


def read_truth(path: Path, *, with_images: bool) -> Truth:
    """Read labels from wherever they are.

    Args:
        path: a project, a file or folder of labels, or a predictions file taken as the truth.
        with_images: keep the frames, for a model to predict.

    Raises:
        UnusableInput: if there is nothing labelled, or frames are wanted that are not there.
    """
    if path.is_file() and is_predictions(path):
        return _from_predictions(path, with_images=with_images)
    with ExitStack() as opened:
        if (path / MANIFEST).is_file() or path.name == MANIFEST:
            project = Project.open(path)
            skeleton = project.require_skeleton()
            rows = list(_project_rows(project, skeleton, opened))
        else:
            imported = read_labels([path])
            skeleton = imported.skeleton
            videos = [opened.enter_context(closing(open_video(source))) for source in imported.videos]
            rows = [_Row(videos[f.video], videos[f.video].identity, f.frame, f.instances) for f in imported.frames]
        if not rows:
            raise UnusableInput("there are no labelled frames to compare with", where=path)
        return _gather(skeleton, rows, with_images=with_images)


def _project_rows(project: Project, skeleton: Skeleton, opened: ExitStack) -> Iterator[_Row]:
    records = {record.id: record for record in project.videos}
    videos: dict[str, Video] = {}
    for labelled in LabelStore(project.labels_folder, skeleton).labels().labelled():
        name = labelled.video
        if name not in records:
            raise UnusableInput(f"labels are on video {name}, which project.toml does not list", where=project.manifest)
        if name not in videos:
            videos[name] = opened.enter_context(closing(open_record(project, records[name])))
        yield _Row(videos[name], name, labelled.frame, [i for i in labelled.instances if i.placed.any()])


def _gather(skeleton: Skeleton, rows: list[_Row], *, with_images: bool) -> Truth:
    most = max(len(row.instances) for row in rows)
    points = np.full((len(rows), most, len(skeleton), 2), np.nan)
    occluded = np.zeros(points.shape[:3], dtype=bool)
    for position, row in enumerate(rows):
        for column, instance in enumerate(row.instances):
            points[position, column] = instance.points
            occluded[position, column] = instance.occluded
    return Truth(
        skeleton=skeleton,
        points=points,
        occluded=occluded,
        frames=np.array([row.frame for row in rows], dtype=np.int64),
        videos=[row.name for row in rows],
        checksums=np.array([row.video.checksum(row.frame) for row in rows], dtype=np.uint32),
        images=[row.video.get(row.frame) for row in rows] if with_images else [],
    )


def _from_predictions(path: Path, *, with_images: bool) -> Truth:
    if with_images:
        raise UnusableInput(
            "it holds points without frames, and a model needs frames",
            where=path,
            hint="Predict the video first, then evaluate the predictions.",
        )
    found = read_predictions(path)
    return Truth(
        skeleton=found.skeleton,
        points=found.points.astype(np.float64),
        occluded=None,
        frames=found.frames,
        videos=[str(found.provenance.get("video", ""))] * len(found),
        checksums=found.checksums,
        images=[],
    )
