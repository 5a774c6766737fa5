"""LabelIndex: which frames are labelled, and how far, kept up to date edit by edit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from leaptui.pose.instance import LabeledFrame
from leaptui.pose.labels import FrameKey

Absent = Callable[[FrameKey, str], int]
"""How many nodes of an instance a person has deleted, by frame and id."""


class FrameStatus(IntEnum):
    """How far a frame is; the larger wins where several share a column."""

    EMPTY = 0
    """Nothing."""
    PREDICTED = 1
    """A model's points only."""
    PARTLY = 2
    """Some points are placed."""
    LABELLED = 3
    """Every node of every animal that was begun is placed, or was deleted by a person."""


class LabelIndex:
    """Labelled frames by video, sorted.

    Args:
        nodes: J.
        frames: every labelled frame.
        absent: how many nodes were deleted; only asked where points are missing.
    """

    def __init__(self, nodes: int, frames: Iterable[LabeledFrame] = (), absent: Absent = lambda key, name: 0) -> None:
        self._nodes = nodes
        self._absent = absent
        self._status: dict[FrameKey, FrameStatus] = {}
        self._points: dict[FrameKey, int] = {}
        self._labelled: dict[str, list[int]] = {}
        self._complete: dict[str, list[int]] = {}
        self.points = 0
        for frame in frames:
            self._put(frame)
        for table in (self._labelled, self._complete):
            for numbers in table.values():
                numbers.sort()

    def take(self, frame: LabeledFrame) -> None:
        """A frame is now like this."""
        key = FrameKey(frame.video, frame.frame)
        for table in (self._labelled, self._complete):
            numbers = table.get(key.video, [])
            at = bisect_left(numbers, key.frame)
            if at < len(numbers) and numbers[at] == key.frame:
                del numbers[at]
        self.points -= self._points.pop(key, 0)
        self._status.pop(key, None)
        self._put(frame, ordered=True)

    def _put(self, frame: LabeledFrame, ordered: bool = False) -> None:
        key = FrameKey(frame.video, frame.frame)
        placed = [(int(i.placed.sum()), i) for i in frame.instances]
        total = sum(count for count, _ in placed)
        if not total:
            return
        complete = all(
            count == self._nodes or count + self._absent(key, i.id) >= self._nodes for count, i in placed if count
        )
        add: Callable[[list[int], int], None] = insort if ordered else list.append
        add(self._labelled.setdefault(key.video, []), key.frame)
        if complete:
            add(self._complete.setdefault(key.video, []), key.frame)
        self._status[key] = FrameStatus.LABELLED if complete else FrameStatus.PARTLY
        self._points[key] = total
        self.points += total

    def status(self, key: FrameKey) -> FrameStatus:
        """EMPTY, PARTLY or LABELLED."""
        return self._status.get(key, FrameStatus.EMPTY)

    def labelled(self, video: str) -> Sequence[int]:
        """Frames with at least one placed point, rising."""
        return self._labelled.get(video, ())

    def complete(self, video: str) -> Sequence[int]:
        """Frames that are completely labelled, rising."""
        return self._complete.get(video, ())

    def points_in(self, key: FrameKey) -> int:
        """Placed points of a frame."""
        return self._points.get(key, 0)

    def next_labelled(self, video: str, frame: int, direction: int) -> int | None:
        """The nearest labelled frame of the video after (1) or before (-1) a frame."""
        return nearest(self.labelled(video), frame, direction)

    def next_incomplete(self, video: str, frame: int, direction: int, frames: int) -> int | None:
        """The nearest frame after (1) or before (-1) that is not completely labelled, among `frames`."""
        complete = self.complete(video)
        frame += direction
        at = bisect_left(complete, frame)
        while 0 <= at < len(complete) and complete[at] == frame:
            frame += direction
            at += direction
        return frame if 0 <= frame < frames else None


def nearest(numbers: Sequence[int], frame: int, direction: int) -> int | None:
    """The nearest of rising numbers after (1) or before (-1) a frame."""
    if direction > 0:
        at = bisect_right(numbers, frame)
        return numbers[at] if at < len(numbers) else None
    at = bisect_left(numbers, frame)
    return numbers[at - 1] if at else None
