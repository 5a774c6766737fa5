"""Labelled frames of a project, read from their videos, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.media.video import FrameError, Image, Video
from leaptui.pose.instance import LabeledFrame
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import Project
from leaptui.runners.provenance import hash_labels
from leaptui.runners.videos import open_record
from leaptui.runs.context import RunContext

NEIGHBOURS = 5
"""Frames of a film this close to one another are nearly the same picture, and stay on one side of a split."""


@dataclass(frozen=True)
class LabeledArrays:
    """Labelled frames as arrays.

    Args:
        skeleton: meaning of the node axis.
        frames: (H, W, C) uint8 each, all of one C.
        points: (N, J, 2) source pixels, NaN where not placed.
        occluded: (N, J).
        checksums: (N,) CRC-32 of each frame.
        groups: (N,) frames of one group are (nearly) the same picture.
        keys: (video id, frame) of each.
        labels_hash: hash of the labels.
    """

    skeleton: Skeleton
    frames: list[Image]
    points: NDArray[np.float64]
    occluded: NDArray[np.bool_]
    checksums: NDArray[np.uint32]
    groups: NDArray[np.int64]
    keys: list[tuple[str, int]]
    labels_hash: str


def load_labelled(project: Project, context: RunContext) -> LabeledArrays:
    """Read every labelled frame that has one animal.

    Raises:
        UnusableInput: if there is none, a video is missing, or frames have several animals.
    """
    skeleton = project.require_skeleton()
    labelled = LabelStore(project.labels_folder, skeleton).labels().labelled()
    if not labelled:
        raise UnusableInput("there are no labelled frames", where=project.folder, hint="leaptui import PROJECT FILE")
    several = [f for f in labelled if sum(i.placed.any() for i in f.instances) > 1]
    if several:
        first = several[0]
        raise UnusableInput(
            f"{len(several)} labelled frames have more than one animal (the first: frame {first.frame} of video "
            f"{first.video}); networks here find one animal a frame",
            where=project.folder,
            hint="Crop one animal a video, or delete the others in these frames.",
        )
    grey = any(v.channels == 1 for v in project.videos if any(f.video == v.id for f in labelled))
    frames: list[Image] = []
    checksums: list[int] = []
    groups: list[int] = []
    kept: list[LabeledFrame] = []
    changed = 0
    for video, of_video in _by_video(project, labelled):
        previous: int | None = None
        for item in of_video:
            try:
                frames.append(video.get(item.frame, grey=grey))
            except FrameError as error:
                context.emit("log", level="warning", message=f"left out: {error}")
                continue
            checksums.append(video.checksum(item.frame))
            changed += item.checksum is not None and item.checksum != checksums[-1]
            close = video.continuous and previous is not None and item.frame - previous <= NEIGHBOURS
            last = groups[-1] if groups else -1
            groups.append(last if close else last + 1)
            previous = item.frame
            kept.append(item)
        video.close()
    if changed:
        context.emit(
            "log", level="warning", message=f"{changed} labelled frames no longer look as they did when labelled"
        )
    if not kept:
        raise UnusableInput("none of the labelled frames can be read", where=project.folder)
    instances = [next(i for i in item.instances if i.placed.any()) for item in kept]
    return LabeledArrays(
        skeleton=skeleton,
        frames=frames,
        points=np.stack([i.points for i in instances]),
        occluded=np.stack([i.occluded for i in instances]),
        checksums=np.array(checksums, dtype=np.uint32),
        groups=np.array(groups, dtype=np.int64),
        keys=[(item.video, item.frame) for item in kept],
        labels_hash=hash_labels(skeleton, kept),
    )


def _by_video(project: Project, labelled: Sequence[LabeledFrame]) -> Iterator[tuple[Video, list[LabeledFrame]]]:
    known = {record.id: record for record in project.videos}
    for name in dict.fromkeys(item.video for item in labelled):
        if name not in known:
            raise UnusableInput(
                f"labels are on video {name}, which project.toml does not list",
                where=project.manifest,
                hint="Add that video.",
            )
        yield open_record(project, known[name]), [item for item in labelled if item.video == name]
