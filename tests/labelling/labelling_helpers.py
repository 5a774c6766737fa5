"""A small skeleton, a pose of it, videos and predictions without files, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaptui.labelling.predictions import ArrayPredictions
from leaptui.pose.skeleton import make_skeleton
from leaptui.project import VideoRecord

SKELETON = make_skeleton(
    "small",
    ["head", "thorax", "abdomen", "tipL", "tipR"],
    [("thorax", "head"), ("thorax", "abdomen"), ("thorax", "tipL"), ("thorax", "tipR")],
    [("tipL", "tipR")],
    ("head", "abdomen"),
)
POSE = np.array([[50.0, 20.0], [50.0, 40.0], [50.0, 60.0], [30.0, 45.0], [70.0, 45.0]])


class Clock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def video(name: str = "v1", frames: int = 10, size: tuple[int, int] = (100, 80)) -> VideoRecord:
    """A video of a project; its file is not needed."""
    return VideoRecord(name, f"videos/{name}.mp4", name, frames, size[1], size[0], 1, continuous=True)


def predicted(frames: dict[int, Sequence[np.ndarray]], name: str = "v1", score: float = 0.5) -> ArrayPredictions:
    """Predictions of animals a frame."""
    most = max(len(animals) for animals in frames.values())
    numbers = sorted(frames)
    nodes = len(SKELETON)
    points = np.full((len(numbers), most, nodes, 2), np.nan)
    scores = np.full((len(numbers), most, nodes), np.nan)
    for row, number in enumerate(numbers):
        for i, animal in enumerate(frames[number]):
            points[row, i] = animal
            scores[row, i] = np.where(np.isfinite(animal[:, 0]), score, np.nan)
    return ArrayPredictions({name: points}, {name: scores}, {name: np.array(numbers, np.int64)})
