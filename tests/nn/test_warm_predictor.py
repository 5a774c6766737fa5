"""One frame with its maps is what a whole prediction says of it, and the warm process says the same."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leaptui.errors import LeaptuiError, UnusableInput
from leaptui.nn.model import PoseModel, build_network, count_parameters, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.predictor import Predictor
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import PROFILES
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.tui.companions import Frame, FreshPrediction, WarmPredictor, Warmth
from leaptui.tui.services import Services

PATIENCE = 60.0
NODES = ("head", "thorax", "tail")


def make_model(path: Path, *, architecture: str = "unet", channels: int = 1, scale: float = 1.0) -> Path:
    """A model with random weights."""
    profile = PROFILES["leap" if architecture == "leap_cnn" else "standard"]
    settings = replace(profile, architecture=architecture, input_scale=scale).resolved(64, 64)
    torch.manual_seed(0)
    network = build_network(settings, channels, len(NODES)).eval()
    frames = [np.full((64, 64, channels), level, np.uint8) for level in (0, 255)]
    preprocessing = measure(frames, input_scale=scale, padding_multiple=int(network.padding_multiple))
    metadata = ModelMetadata(
        skeleton=make_skeleton("worm", NODES),
        settings=settings,
        preprocessing=preprocessing.to_dict(),
        activation="softmax" if settings.loss == "cross_entropy" else "linear",
        output_stride=int(network.output_stride),
        parameters=count_parameters(network),
    )
    save_model(path, PoseModel(network, preprocessing, metadata))
    return path


def noise(height: int, width: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (height, width, channels), np.uint8)


@pytest.mark.parametrize("architecture", ["unet", "leap_cnn"])
@pytest.mark.parametrize(("size", "scale"), [((64, 80), 1.0), ((75, 91), 1.0), ((101, 66), 0.5)])
def test_maps_agree_with_points(tmp_path: Path, architecture: str, size: tuple[int, int], scale: float):
    predictor = Predictor(make_model(tmp_path / "m", architecture=architecture, scale=scale), "cpu", "32")
    frame = noise(*size)
    found = predictor.predict_with_maps(frame)
    points, scores = predictor.predict(frame[None])
    np.testing.assert_allclose(found.points, points[0, 0], atol=1e-4)
    np.testing.assert_allclose(found.scores, scores[0, 0], atol=1e-5)
    assert found.maps.shape[0] == len(NODES)
    assert found.maps.min() >= 0 and found.maps.max() <= 1
    height, width = size
    for axis, (cells, pixels) in enumerate(zip(found.maps.shape[:0:-1], (width, height), strict=True)):
        stride = found.stride[axis]
        assert (cells - 1) * stride < pixels <= cells * stride + 1e-6, "the maps cover the frame and no more"
    for node in range(len(NODES)):
        row, column = np.unravel_index(found.maps[node].argmax(), found.maps[node].shape)
        peak = (np.array([column, row]) + 0.5) * found.stride - 0.5
        inside = np.array([width, height]) - 0.5 - np.array(found.stride)
        if (found.points[node] < inside).all() and found.maps[node].max() > 0:
            assert (np.abs(peak - found.points[node]) <= np.array(found.stride)).all()


@pytest.mark.parametrize("frame", [np.zeros((0, 5, 1), np.uint8), np.zeros((8, 8, 2), np.uint8), np.zeros((8, 8, 1))])
def test_what_is_no_frame_is_refused(tmp_path: Path, frame: np.ndarray):
    predictor = Predictor(make_model(tmp_path / "m"), "cpu", "32")
    with pytest.raises(UnusableInput):
        predictor.predict_with_maps(frame)


@pytest.fixture
def start() -> Any:
    """Starts the real process for a model."""
    opened: list[WarmPredictor] = []

    def make(model: Path, on_change: Callable[[], None] = lambda: None) -> WarmPredictor:
        opened.append(WarmPredictor(Services().predictor(model, "cpu"), on_change))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_the_process_says_the_same(tmp_path: Path, start: Any):
    model = make_model(tmp_path / "m.safetensors")
    changes: queue.Queue[Warmth] = queue.Queue()
    warm = start(model, lambda: changes.put(warm.warmth))
    assert warm.warmth is Warmth.COLD
    ready: queue.Queue[LeaptuiError | None] = queue.Queue()
    warm.when_ready(ready.put)
    assert ready.get(timeout=PATIENCE) is None
    assert [changes.get(timeout=PATIENCE) for _ in range(2)] == [Warmth.LOADING, Warmth.READY]
    assert warm.wants_grey is True
    assert warm.facts["nodes"] == list(NODES)
    frame = Frame(FrameKey("v", 5), True, noise(64, 80), 0)
    answers: queue.Queue[FreshPrediction | LeaptuiError] = queue.Queue()
    warm.predict(frame, answers.put)
    fresh = answers.get(timeout=PATIENCE)
    assert isinstance(fresh, FreshPrediction), fresh
    expected = Predictor(model, "cpu").predict_with_maps(frame.image)
    assert (fresh.key, fresh.nodes) == (frame.key, NODES)
    np.testing.assert_allclose(fresh.points, expected.points, atol=0.05)
    np.testing.assert_allclose(fresh.scores, expected.scores, atol=0.01)
    np.testing.assert_allclose(fresh.maps.values, expected.maps, atol=0.01)
    assert fresh.maps.stride == expected.stride


def test_what_is_no_model_is_said_and_can_be_tried_again(tmp_path: Path, start: Any):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"not a model")
    warm = start(path)
    answers: queue.Queue[LeaptuiError | None] = queue.Queue()
    warm.when_ready(answers.put)
    error = answers.get(timeout=PATIENCE)
    assert isinstance(error, UnusableInput) and "not a leaptui model" in error.what
    assert (warm.warmth, warm.error) == (Warmth.FAILED, error)
    path.unlink()
    make_model(path)
    warm.when_ready(answers.put)
    assert answers.get(timeout=PATIENCE) is None
    assert warm.warmth is Warmth.READY
