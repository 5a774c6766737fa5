"""PredictionLookup: what labelling needs of a model's predictions, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leaptui.pose.instance import PredictedInstance
from leaptui.pose.labels import FrameKey


@dataclass(frozen=True)
class ConfidenceMaps:
    """The confidence maps of one frame.

    Args:
        values: (J, h, w), larger is likelier.
        stride: source pixels a map cell along x and y; the centre of cell i is at (i + 0.5) * stride - 0.5.
    """

    values: NDArray[np.floating[Any]]
    stride: tuple[float, float]


class PredictionLookup(Protocol):
    """Predictions of the videos of a project."""

    def instances(self, key: FrameKey) -> Sequence[PredictedInstance]:
        """The predicted animals of a frame, in the order of the file; none if nothing is predicted."""
        ...

    def frames(self, video: str) -> NDArray[np.int64]:
        """(N,) the predicted frames of a video, strictly rising."""
        ...

    def scores(self, video: str) -> NDArray[np.float32]:
        """(N,) mean score of each of `frames`; NaN is unknown."""
        ...

    def maps(self, key: FrameKey) -> ConfidenceMaps | None:
        """The confidence maps of a frame where they are at hand."""
        ...


class ArrayPredictions:
    """Predictions held as arrays, one set a video.

    Args:
        points: (N, I, J, 2) a video id, NaN is missing.
        scores: (N, I, J) a video id.
        frames: (N,) strictly rising, a video id; 0 to N - 1 if left out.
    """

    def __init__(
        self,
        points: dict[str, NDArray[np.floating[Any]]],
        scores: dict[str, NDArray[np.floating[Any]]],
        frames: dict[str, NDArray[np.int64]] | None = None,
    ) -> None:
        self._points = points
        self._scores = scores
        self._frames = frames or {name: np.arange(len(p), dtype=np.int64) for name, p in points.items()}

    def instances(self, key: FrameKey) -> Sequence[PredictedInstance]:
        """The animals of a frame with at least one point."""
        frames = self.frames(key.video)
        row = int(np.searchsorted(frames, key.frame))
        if row >= len(frames) or frames[row] != key.frame:
            return ()
        points, scores = self._points[key.video][row], self._scores[key.video][row]
        return tuple(
            PredictedInstance(np.asarray(p, float), scores=np.asarray(s, np.float32))
            for p, s in zip(points, scores, strict=True)
            if np.isfinite(p).all(axis=1).any()
        )

    def frames(self, video: str) -> NDArray[np.int64]:
        """(N,) the predicted frames."""
        return self._frames.get(video, np.zeros(0, np.int64))

    def scores(self, video: str) -> NDArray[np.float32]:
        """(N,) mean score of each of them."""
        if video not in self._scores:
            return np.zeros(0, np.float32)
        scores = self._scores[video].reshape(len(self._scores[video]), -1)
        known = np.isfinite(scores)
        total = np.where(known, scores, 0).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / known.sum(axis=1), np.float32)

    def maps(self, key: FrameKey) -> ConfidenceMaps | None:
        """None: maps are not kept."""
        return None


NO_PREDICTIONS = ArrayPredictions({}, {})
"""A lookup that knows nothing."""
