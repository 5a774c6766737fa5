"""Timeline: what every stretch of a video is, one column a stretch, however long the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaptui.labelling.index import FrameStatus

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """The frames of a video in columns.

    Args:
        frames: number of frames of the video.
        starts, stops: (columns,) a column holds the frames start <= i < stop, at least one; in a video shorter
            than the bar neighbouring columns hold the same frame.
        counts: (columns, 4) frames of each `FrameStatus`.
    """

    frames: int
    starts: Integers
    stops: Integers
    counts: Integers

    @property
    def states(self) -> Sequence[FrameStatus]:
        """The most that any frame of each column is."""
        most = self.counts.shape[1] - 1 - (self.counts[:, ::-1] > 0).argmax(axis=1)
        return [FrameStatus(int(status)) for status in most]

    def column_of(self, frame: int) -> int:
        """The column that shows a frame; the middle one where several do."""
        first = int(np.searchsorted(self.stops, frame, side="right"))
        last = int(np.searchsorted(self.starts, frame, side="right")) - 1
        return min(max((first + last) // 2, 0), len(self.starts) - 1)

    def frame_of(self, column: int) -> int:
        """The frame a click on a column means: the best labelled end of it would surprise, so its middle."""
        column = min(max(column, 0), len(self.starts) - 1)
        return int((self.starts[column] + self.stops[column] - 1) // 2)


def timeline(
    frames: int, columns: int, labelled: Sequence[int], complete: Sequence[int], predicted: Integers
) -> Timeline:
    """Count frames by column, in O(columns + labelled) steps and a few binary searches each.

    Args:
        frames: number of frames of the video.
        columns: width of the bar.
        labelled: frames with at least one placed point, rising.
        complete: those of them that are completely labelled, rising.
        predicted: frames with a prediction, rising; may be as long as the video.
    """
    frames, columns = max(frames, 1), max(columns, 1)
    at = np.arange(columns, dtype=np.int64)
    starts = at * frames // columns
    stops = np.maximum(starts + 1, (at + 1) * frames // columns)
    some = np.asarray(labelled, np.int64)
    counts = np.zeros((columns, len(FrameStatus)), np.int64)
    counts[:, FrameStatus.LABELLED] = _within(np.asarray(complete, np.int64), starts, stops)
    counts[:, FrameStatus.PARTLY] = _within(some, starts, stops) - counts[:, FrameStatus.LABELLED]
    both = some
    if len(some) and len(predicted):
        found = np.minimum(np.searchsorted(predicted, some), len(predicted) - 1)
        both = some[predicted[found] == some]
    elif len(some):
        both = some[:0]
    counts[:, FrameStatus.PREDICTED] = _within(predicted, starts, stops) - _within(both, starts, stops)
    counts[:, FrameStatus.EMPTY] = stops - starts - counts[:, 1:].sum(axis=1)
    return Timeline(frames, starts, stops, counts)


def _within(numbers: Integers, starts: Integers, stops: Integers) -> Integers:
    return np.asarray(np.searchsorted(numbers, stops) - np.searchsorted(numbers, starts), np.int64)
