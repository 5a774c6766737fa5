"""Counts: how much is labelled, for the line that is always in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaptui.labelling.index import FrameStatus, LabelIndex
from leaptui.pose.labels import FrameKey
from leaptui.project import VideoRecord
from leaptui.words import plural


@dataclass(frozen=True)
class Counts:
    """How much is labelled.

    Args:
        frames: frames with at least one placed point, in all videos.
        complete: those of them that are completely labelled.
        points: placed points.
        here: frames with at least one placed point in the video in sight.
        total_here: its frames.
        status: of the frame in sight; PREDICTED is not known here.
    """

    frames: int
    complete: int
    points: int
    here: int
    total_here: int
    status: FrameStatus

    @classmethod
    def of(cls, index: LabelIndex, videos: Sequence[VideoRecord], key: FrameKey) -> Counts:
        """Count the project's videos; labels of a video it no longer has are not counted."""
        total = next((v.frames for v in videos if v.id == key.video), 0)
        return cls(
            frames=sum(len(index.labelled(v.id)) for v in videos),
            complete=sum(len(index.complete(v.id)) for v in videos),
            points=index.points,
            here=len(index.labelled(key.video)),
            total_here=total,
            status=index.status(key),
        )

    @property
    def words(self) -> str:
        """For the line that is always in sight."""
        if not self.frames:
            return "no frame labelled"
        partly = self.frames - self.complete
        rest = f", {partly:,} of them partly" if partly else ""
        return f"{plural(self.frames, 'frame')} labelled{rest}"
