"""An animal of blobs, drawn with known truth, and a context that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from leaptui.nn.data import TrainingData
from leaptui.pose.skeleton import Skeleton, make_skeleton
from leaptui.runs.control import Ask

BLOBS = make_skeleton(
    "blobs",
    ["head", "tail", "left", "right"],
    [("head", "tail")],
    [("left", "right")],
    ("head", "tail"),
)


def draw_blob(size: tuple[int, int], x: float, y: float, sigma: float = 2.0) -> NDArray[np.float64]:
    """(H, W) Gaussian of height 1."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    blob: NDArray[np.float64] = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return blob


def blob_animals(count: int, size: tuple[int, int], channels: int, seed: int) -> TrainingData:
    """Frames of an animal with a big head, a small tail and two equal sides, at any heading."""
    generator = np.random.default_rng(seed)
    local = np.array([[0.0, -9.0], [0.0, 9.0], [-6.0, -2.0], [6.0, -2.0]])
    frames, points = [], []
    for _ in range(count):
        angle = generator.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = [generator.uniform(14, size[1] - 15), generator.uniform(14, size[0] - 15)]
        at = local @ turn.T + centre
        picture = sum(
            height * draw_blob(size, x, y, sigma)
            for (x, y), height, sigma in zip(at, (200, 200, 130, 130), (3.0, 1.5, 2.0, 2.0), strict=True)
        )
        picture = np.clip(picture + generator.normal(10, 3, size), 0, 255)
        frames.append(np.repeat(picture.astype(np.uint8)[..., None], channels, axis=2))
        points.append(at)
    return TrainingData(frames, np.stack(points))


class Recorder:
    """A RunContext that keeps its events, and asks to stop after `stop_after` checks."""

    def __init__(self, directory: Path, stop_after: int | None = None) -> None:
        self.directory = directory
        self.attempt = 1
        self.flushed = 0
        self.asks: list[Ask] = []
        self.answers: list[tuple[str, bool, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._left = stop_after

    def emit(self, type: str, **fields: Any) -> None:
        self.events.append((type, fields))

    def flush(self) -> None:
        self.flushed = len(self.events)

    def stop_requested(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        return self._left <= 0

    def take_asks(self) -> list[Ask]:
        taken, self.asks = self.asks, []
        return taken

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        self.answers.append((asked.name, accepted, answer))

    def of(self, type: str) -> list[dict[str, Any]]:
        return [fields for kind, fields in self.events if kind == type]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@pytest.fixture
def skeleton() -> Skeleton:
    return BLOBS


@pytest.fixture
def animals() -> Callable[..., TrainingData]:
    return lambda count=40, size=(64, 96), channels=1, seed=0: blob_animals(count, size, channels, seed)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `tests.nn.backend_models.Learned`."""
    from tests.nn.backend_models import learn

    return learn(tmp_path_factory.mktemp("learned"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
