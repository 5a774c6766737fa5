"""Labels: every labelled frame of a project, merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from leaptui.pose.instance import LabeledFrame
from leaptui.pose.skeleton import Skeleton


class FrameKey(NamedTuple):
    """Which frame: the id of its video in the project, and its index."""

    video: str
    frame: int


@dataclass
class Labels:
    """Labelled frames by (video, frame).

    Args:
        skeleton: what the node axis of every instance means.
        frames: the labelled frames.
    """

    skeleton: Skeleton
    frames: dict[FrameKey, LabeledFrame] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[LabeledFrame]:
        return (self.frames[key] for key in sorted(self.frames))

    def add(self, labeled: LabeledFrame) -> None:
        """Put a frame in, in place of one of the same key."""
        self.frames[FrameKey(labeled.video, labeled.frame)] = labeled

    def labelled(self) -> list[LabeledFrame]:
        """Frames with at least one placed point, in order of video and frame."""
        return [f for f in self if any(i.placed.any() for i in f.instances)]

    def counts(self) -> LabelCounts:
        """How much is labelled."""
        return LabelCounts.of(self.labelled(), len(self.skeleton))


@dataclass(frozen=True)
class LabelCounts:
    """How much is labelled.

    Args:
        frames: frames with at least one point.
        complete: those of them in which every node of every instance is placed.
        instances: animals with at least one point.
        points: placed points.
        by_video: labelled frames a video id.
    """

    frames: int
    complete: int
    instances: int
    points: int
    by_video: dict[str, int]

    @classmethod
    def of(cls, frames: Iterable[LabeledFrame], nodes: int) -> LabelCounts:
        """Count over labelled frames of a skeleton with that many nodes."""
        total = complete = instances = points = 0
        by_video: dict[str, int] = {}
        for labelled in frames:
            placed = [int(i.placed.sum()) for i in labelled.instances]
            placed = [n for n in placed if n]
            total += 1
            complete += all(n == nodes for n in placed)
            instances += len(placed)
            points += sum(placed)
            by_video[labelled.video] = by_video.get(labelled.video, 0) + 1
        return cls(total, complete, instances, points, by_video)
