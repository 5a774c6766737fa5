"""Predictions of a project's videos for the labelling screen: from files, and fresh from a warm model.

`ProjectPredictions` is a `leaptui.labelling.predictions.PredictionLookup` that never waits: it gives what is here,
asks the process that reads files for the rest, and calls back when that has come.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError
from leaptui.labelling.predictions import ConfidenceMaps
from leaptui.pose.instance import PredictedInstance
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import Skeleton
from leaptui.runs.companion import Answer
from leaptui.tui.companions import Found, Frame, FrameSupply, FreshPrediction, Requests, WarmPredictor

_SPANS_HELD = 16
_MAPS_BYTES = 64 << 20


@dataclass(frozen=True)
class Arrived:
    """News: something that was asked for is here.

    Args:
        video: id of the video it belongs to, None if that is not known.
        key: the frame, if it is about one.
        error: why it did not come, or None.
        path: the predictions file, if it is about one.
    """

    video: str | None = None
    key: FrameKey | None = None
    error: LeaptuiError | None = None
    path: Path | None = None


@dataclass
class PredictionsFileLook:
    """One predictions file, as far as it was read.

    Args:
        path: the file.
        video: id of the project's video that was predicted; None if it is of none, or not opened yet.
        nodes: names of its nodes.
        model: path of the model, if known.
        frames: (N,) the predicted frames.
        scores: (N,) mean score of each; NaN where it is unknown or was not read yet.
    """

    path: Path
    video: str | None = None
    nodes: tuple[str, ...] = ()
    model: str | None = None
    frames: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    spans: OrderedDict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=OrderedDict)
    asked: int | None = None

    def row(self, frame: int) -> int | None:
        """Row of a frame, None if it was not predicted."""
        row = int(np.searchsorted(self.frames, frame))
        return row if row < len(self.frames) and self.frames[row] == frame else None

    def at(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Points (I, J, 2) and scores (I, J) of a row, if they are here."""
        for start, (points, scores) in reversed(self.spans.items()):
            if start <= row < start + len(points):
                return points[row - start], scores[row - start]
        return None


class _Seen(NamedTuple):
    """What a model saw: names of its nodes, points (J, 2) and scores (J,)."""

    nodes: tuple[str, ...]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]


class ProjectPredictions:
    """Predictions by frame; see the module.

    Args:
        reader: the process that reads files (`leaptui.runners.frame_server`).
        frames: where the warm model gets frames.
        skeleton: of the project; predictions come in its node order, NaN for nodes they do not have. It may be set
            anew when the project's has changed.
        on_change: called with news, in another thread.
    """

    def __init__(
        self, reader: Requests, frames: FrameSupply, skeleton: Skeleton, on_change: Callable[[Arrived], None]
    ) -> None:
        self._reader = reader
        self._frames = frames
        self._on_change = on_change
        self.skeleton = skeleton
        self._lock = threading.RLock()
        self._files: dict[Path, PredictionsFileLook] = {}
        self._fresh: dict[FrameKey, _Seen] = {}
        self._maps: OrderedDict[FrameKey, tuple[tuple[str, ...], ConfidenceMaps]] = OrderedDict()
        self._merged: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
        self._predictor: WarmPredictor | None = None

    def open(self, paths: Iterable[Path]) -> None:
        """Use these predictions files, the preferred ones first; those of other videos stay unused."""
        for path in paths:
            with self._lock:
                if path in self._files:
                    continue
                self._files[path] = PredictionsFileLook(path)
            self._reader.request({"op": "predictions", "path": str(path)}, take=partial(self._opened, path))

    def files(self, video: str | None = None) -> Sequence[PredictionsFileLook]:
        """The files, or those of a video, the preferred first."""
        with self._lock:
            return [look for look in self._files.values() if video is None or look.video == video]

    def prefer(self, path: Path) -> None:
        """Take predictions from this file first, where it has any."""
        with self._lock:
            if path in self._files:
                self._files = {path: self._files.pop(path), **self._files}
                self._merged.clear()

    def use(self, predictor: WarmPredictor | None) -> None:
        """Take fresh predictions from another model; those of the former one are forgotten."""
        with self._lock:
            self._predictor = predictor
            self._fresh.clear()
            self._maps.clear()
            self._merged.clear()

    def predict(self, key: FrameKey) -> None:
        """Have the warm model predict a frame; the news says when it is here.

        Raises:
            ValueError: if there is no model.
        """
        predictor = self._predictor
        if predictor is None:
            raise ValueError("there is no model to predict with")
        predictor.when_ready(lambda error: self._fetch(predictor, key, error))

    def instances(self, key: FrameKey, path: Path | None = None) -> Sequence[PredictedInstance]:
        """The predicted animals of a frame that are here; what is missing is asked for.

        Args:
            key: the frame.
            path: of this file alone; by default the fresh prediction, else the preferred file that has the frame.
        """
        with self._lock:
            fresh = self._fresh.get(key) if path is None else None
            if fresh is not None:
                return self._animals(fresh.nodes, fresh.points[None], fresh.scores[None])
            looks = self.files(key.video) if path is None else [self._files[path]] if path in self._files else []
            for look in looks:
                row = look.row(key.frame)
                if row is None:
                    continue
                found = look.at(row)
                if found is not None:
                    return self._animals(look.nodes, *found)
                self._ask_points(look, key)
                return ()
        return ()

    def frames(self, video: str) -> NDArray[np.int64]:
        """(N,) the predicted frames of a video."""
        return self._of(video)[0]

    def scores(self, video: str) -> NDArray[np.float32]:
        """(N,) mean score of each of `frames`; NaN where it is not known (yet)."""
        return self._of(video)[1]

    def maps(self, key: FrameKey) -> ConfidenceMaps | None:
        """The confidence maps of a frame that the warm model predicted lately, in the project's node order."""
        with self._lock:
            if key not in self._maps:
                return None
            nodes, maps = self._maps[key]
        if nodes == self.skeleton.node_names:
            return maps
        order = self._order(nodes)
        values = np.zeros((len(order), *maps.values.shape[1:]), maps.values.dtype)
        values[order >= 0] = maps.values[order[order >= 0]]
        return ConfidenceMaps(values, maps.stride)

    def _of(self, video: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        with self._lock:
            if video not in self._merged:
                self._merged[video] = self._merge(video)
            return self._merged[video]

    def _merge(self, video: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Frames and scores of all files of a video and of the fresh predictions; the preferred come first."""
        fresh = [(key.frame, float(np.nanmean(p.scores))) for key, p in self._fresh.items() if key.video == video]
        fresh.sort()
        parts = [(look.frames, look.scores) for look in self.files(video)]
        if fresh:
            numbers, means = zip(*fresh, strict=True)
            parts.insert(0, (np.array(numbers, np.int64), np.array(means, np.float32)))
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        frames, first = np.unique(np.concatenate([frames for frames, _ in parts]), return_index=True)
        return frames, np.concatenate([scores for _, scores in parts])[first]

    def _animals(
        self, nodes: tuple[str, ...], points: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> tuple[PredictedInstance, ...]:
        """Instances in the project's node order, those without any point left out."""
        order = self._order(nodes)
        found = []
        for theirs, sure in zip(points, scores, strict=True):
            mine = np.full((len(order), 2), np.nan)
            certainty = np.full(len(order), np.nan, np.float32)
            known = order >= 0
            mine[known], certainty[known] = theirs[order[known]], sure[order[known]]
            if np.isfinite(mine).all(axis=1).any():
                found.append(PredictedInstance(mine, scores=certainty))
        return tuple(found)

    def _order(self, nodes: tuple[str, ...]) -> NDArray[np.int64]:
        """(J,) position of each node of the project among theirs, -1 for none."""
        places = {name: place for place, name in enumerate(nodes)}
        return np.array([places.get(name, -1) for name in self.skeleton.node_names], np.int64)

    def _opened(self, path: Path, answer: Answer) -> None:
        if answer.error is not None:
            with self._lock:
                self._files.pop(path, None)
            self._on_change(Arrived(error=answer.error, path=path))
            return
        head = answer.head
        with self._lock:
            look = self._files[path]
            first, count = head["first"], int(head["count"])
            look.frames = (
                np.frombuffer(answer.blobs[0], "<i8").astype(np.int64)
                if first is None
                else np.arange(first, first + count, dtype=np.int64)
            )
            look.scores = np.full(count, np.nan, np.float32)
            look.nodes = tuple(str(name) for name in head["nodes"])
            look.model = None if head["model"] is None else str(head["model"])
            look.video = head["video"]
            self._merged.clear()
        if look.video is not None:
            self._reader.request(
                {"op": "scores", "path": str(path), "rank": 2}, take=lambda part: self._have_scores(look, part)
            )
        self._on_change(Arrived(look.video, path=path))

    def _have_scores(self, look: PredictionsFileLook, answer: Answer) -> None:
        if answer.error is not None:
            self._on_change(Arrived(look.video, error=answer.error, path=look.path))
            return
        start, count = int(answer.head["start"]), int(answer.head["count"])
        if count:
            with self._lock:
                look.scores[start : start + count] = np.frombuffer(answer.blobs[0], np.float32)
                self._merged.pop(look.video or "", None)
        self._on_change(Arrived(look.video, path=look.path))

    def _ask_points(self, look: PredictionsFileLook, key: FrameKey) -> None:
        if look.asked == key.frame:
            return
        look.asked = key.frame
        head = {"op": "points", "path": str(look.path), "frame": key.frame, "lane": f"points {look.path}", "rank": 0}
        self._reader.request(head, take=lambda answer: self._have_points(look, key, answer))

    def _have_points(self, look: PredictionsFileLook, key: FrameKey, answer: Answer) -> None:
        with self._lock:
            if look.asked == key.frame:
                look.asked = None
            if answer.is_superseded:
                return
            if answer.error is None:
                shape = [int(size) for size in answer.head["shape"]]
                points = np.frombuffer(answer.blobs[0], np.float32).reshape(*shape, 2)
                scores = np.frombuffer(answer.blobs[1], np.float32).reshape(shape)
                look.spans[int(answer.head["start"])] = points, scores
                while len(look.spans) > _SPANS_HELD:
                    look.spans.popitem(last=False)
        self._on_change(Arrived(key.video, key, answer.error, look.path))

    def _fetch(self, predictor: WarmPredictor, key: FrameKey, error: LeaptuiError | None) -> None:
        """Get the frame for a model that is ready."""
        if error is not None:
            self._on_change(Arrived(key.video, key, error))
            return
        # A model of grey frames sees what it saw in training: the reader's grey, not grey made from colours here.
        self._frames.fetch(key, lambda found: self._have_predicted(predictor, found), grey=predictor.wants_grey is True)

    def _have_predicted(self, predictor: WarmPredictor, found: Found) -> None:
        if isinstance(found, Frame):
            predictor.predict(found, lambda fresh: self._have_fresh(predictor, found.key, fresh))
        else:
            self._on_change(Arrived(found.key.video, found.key, found.error))

    def _have_fresh(self, predictor: WarmPredictor, key: FrameKey, fresh: FreshPrediction | LeaptuiError) -> None:
        if isinstance(fresh, LeaptuiError):
            self._on_change(Arrived(key.video, key, fresh))
            return
        with self._lock:
            if predictor is not self._predictor:
                return
            self._fresh[key] = _Seen(fresh.nodes, fresh.points, fresh.scores)
            self._maps[key] = fresh.nodes, fresh.maps
            self._maps.move_to_end(key)
            while sum(maps.values.nbytes for _, maps in self._maps.values()) > _MAPS_BYTES and len(self._maps) > 1:
                self._maps.popitem(last=False)
            self._merged.pop(key.video, None)
        self._on_change(Arrived(key.video, key))
