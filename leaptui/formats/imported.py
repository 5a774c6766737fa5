"""What every importer returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from leaptui.media.video import VideoSource
from leaptui.pose.instance import Instance
from leaptui.pose.skeleton import Skeleton


@dataclass(frozen=True)
class ImportedFrame:
    """One labelled frame.

    Args:
        video: position of its video in `Imported.videos`.
        frame: index of the frame in that video.
        instances: the animals; points in the node order of `Imported.skeleton`, 0-based pixels.
    """

    video: int
    frame: int
    instances: list[Instance]


@dataclass(frozen=True)
class Imported:
    """Labels read from another tool's files, and where their frames are.

    Args:
        format: name of the format in `leaptui.registry.IMPORT_FORMATS`.
        skeleton: the nodes the labels name.
        videos: where the frames come from.
        frames: the labelled frames; frames without any placed point are left out.
        notes: what the user should know (frames left out, guesses made).
    """

    format: str
    skeleton: Skeleton
    videos: tuple[VideoSource, ...]
    frames: tuple[ImportedFrame, ...]
    notes: tuple[str, ...] = field(default=())
