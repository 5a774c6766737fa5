"""Suggestions: which frames to label next, and why."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.labelling.index import FrameStatus, LabelIndex
from leaptui.labelling.predictions import PredictionLookup
from leaptui.pose.labels import FrameKey
from leaptui.project import VideoRecord

SUGGESTIONS_FILE = "suggestions.json"
"""Name in the project's labels folder."""
_LOOKED_AT = 200
"""Candidates a suggestion that is wanted; so many low scores are compared for distance."""


@dataclass(frozen=True)
class Suggestion:
    """A frame proposed for labelling.

    Args:
        key: which frame.
        reason: why, in words.
    """

    key: FrameKey
    reason: str


def read_suggestions(path: Path) -> list[Suggestion]:
    """A file of suggestions, `[{"video": id, "frame": number, "reason": words}, ...]`; none if it is not there.

    Raises:
        UnusableInput: if it is something else.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return [
            Suggestion(FrameKey(str(row["video"]), int(row["frame"])), str(row.get("reason", "suggested")))
            for row in plain
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusableInput(f"the suggestions cannot be read: {error.strerror}", where=path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableInput(
            "it is no list of suggestions", where=path, hint="Make it anew with leaptui sample, or delete it."
        ) from error


def suggest(
    videos: Sequence[VideoRecord],
    index: LabelIndex,
    predictions: PredictionLookup,
    listed: Sequence[Suggestion] = (),
    most: int = 50,
) -> list[Suggestion]:
    """Frames without labels, the best to label first.

    What is listed in a file comes first, in its order. Then, of videos with predictions, the frames with the
    lowest mean score, spaced apart because neighbours look alike; of videos without, frames as far as can be from
    every labelled one (farthest-first traversal on the frame axis; Gonzalez 1985). Videos take turns.
    """
    by_id = {video.id: video for video in videos}
    chosen = [
        s
        for s in listed
        if s.key.video in by_id
        and 0 <= s.key.frame < by_id[s.key.video].frames
        and index.status(s.key) is FrameStatus.EMPTY
    ][:most]
    taken = {s.key for s in chosen}
    each = -(-most // max(len(videos), 1))
    queues = []
    for video in videos:
        found = lowest_scores(video, index, predictions, each) or spread(video, index, each)
        queues.append([s for s in found if s.key not in taken])
    for turn in range(each):
        chosen += [queue[turn] for queue in queues if turn < len(queue)]
    return chosen[:most]


def lowest_scores(video: VideoRecord, index: LabelIndex, predictions: PredictionLookup, most: int) -> list[Suggestion]:
    """Predicted frames with the lowest mean score, at least a twentieth of an even spacing apart."""
    frames, scores = predictions.frames(video.id), predictions.scores(video.id)
    inside = (frames >= 0) & (frames < video.frames) & np.isfinite(scores)
    frames, scores = frames[inside], scores[inside]
    if not len(frames):
        return []
    looked_at = min(len(frames), most * _LOOKED_AT)
    low = np.argpartition(scores, looked_at - 1)[:looked_at]
    low = low[np.lexsort((frames[low], scores[low]))]
    gap = max(1, video.frames // (20 * most)) if video.continuous or video.frames > 20 * most else 1
    near = _Spacing(index.labelled(video.id), gap)
    chosen = []
    for at in low:
        frame = int(frames[at])
        if near.far_enough(frame):
            near.add(frame)
            chosen.append(
                Suggestion(FrameKey(video.id, frame), f"the model is unsure here, mean score {scores[at]:.2f}")
            )
            if len(chosen) == most:
                break
    return chosen


class _Spacing:
    """Frames that are taken; new ones must keep a distance."""

    def __init__(self, frames: Sequence[int], gap: int) -> None:
        self._gap = gap
        self._frames = set(frames)
        self._cells: dict[int, list[int]] = {}
        for frame in frames:
            self._cells.setdefault(frame // gap, []).append(frame)

    def add(self, frame: int) -> None:
        self._cells.setdefault(frame // self._gap, []).append(frame)

    def far_enough(self, frame: int) -> bool:
        cell = frame // self._gap
        near = (other for c in (cell - 1, cell, cell + 1) for other in self._cells.get(c, ()))
        return all(abs(other - frame) >= self._gap for other in near)


def spread(video: VideoRecord, index: LabelIndex, most: int) -> list[Suggestion]:
    """Frames as far as can be from labelled ones and from each other."""
    labelled = [f for f in index.labelled(video.id) if f < video.frames]
    if not labelled:
        frames: NDArray[np.int64] = np.unique((np.arange(most) * 2 + 1) * video.frames // (2 * most))
        reason = "spread evenly over the video"
        return [Suggestion(FrameKey(video.id, int(f)), reason) for f in frames if f < video.frames]
    gaps: list[tuple[int, int, int, int]] = []

    def push(left: int, right: int) -> None:
        """The free frames left <= i < right, whose neighbours (or borders of the video) are taken."""
        if left >= right:
            return
        if left == 0:
            frame, distance = 0, right
        elif right == video.frames:
            frame, distance = video.frames - 1, right - left
        else:
            frame = (left + right - 1) // 2
            distance = frame - left + 1
        heapq.heappush(gaps, (-distance, frame, left, right))

    edges = [-1, *labelled, video.frames]
    for before, after in pairwise(edges):
        push(before + 1, after)
    chosen: list[Suggestion] = []
    while gaps and len(chosen) < most:
        distance, frame, left, right = heapq.heappop(gaps)
        words = f"{-distance:,} frame{'s' * (distance != -1)} from the nearest labelled one"
        chosen.append(Suggestion(FrameKey(video.id, frame), words))
        push(left, frame)
        push(frame + 1, right)
    return chosen
