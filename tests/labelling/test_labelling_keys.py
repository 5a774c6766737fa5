"""Keys a point: the recorded sessions reach their goals and can be played again."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from leaptui.graphics.geometry import View
from leaptui.pose.builtin import fly32
from leaptui.pose.labels import FrameKey
from tests.benchmarks import label_session
from tests.benchmarks.label_session import (
    OFF,
    VIDEO,
    body_length,
    like_ten_labels,
    read_keys,
    run_session,
    write_keys,
)

VIEW = View.fit((192, 192), (80, 40), (10, 20))


@pytest.fixture(scope="module")
def made() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.uniform(5, 186, (3, 32, 2))


def test_from_empty_to_complete_takes_less_than_five_keys_a_point(made):
    figures = run_session(made, VIEW).figures()
    assert figures["missing"] == 0 and figures["largest_px"] <= 1.0
    assert figures["keys_per_point"] <= 5


def test_correcting_a_model_takes_less_than_one_and_a_half(made):
    length = body_length(made, fly32())
    figures = run_session(made, VIEW, like_ten_labels(made, length)).figures()
    assert figures["missing"] == 0 and figures["largest_px"] <= OFF * length
    assert figures["keys_per_point"] <= 1.5


@pytest.mark.parametrize("with_model", [False, True])
def test_keys_can_be_played_again(made, tmp_path, with_model):
    predictions = like_ten_labels(made, body_length(made, fly32())) if with_model else None
    first = run_session(made, VIEW, predictions)
    write_keys(first, tmp_path / "keys.jsonl")
    played = read_keys(tmp_path / "keys.jsonl")
    assert (played.view, played.frames, played.with_model) == (VIEW, first.frames, with_model)
    again = run_session(made, played.view, predictions, played.frames)
    assert all(np.array_equal(a, b) for a, b in zip(first.errors, again.errors, strict=True))


def test_real_flies(real_data):
    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        truth = np.asarray(file["annotations"][:], float)
    length = body_length(truth, fly32())
    predictions = like_ten_labels(truth, length)
    points = np.stack([predictions.instances(key)[0].points for key in _keys(len(truth))])
    errors = np.linalg.norm(points - truth, axis=-1)
    assert np.median(errors) == pytest.approx(1.4, abs=0.15)
    assert np.mean(errors > OFF * length) == pytest.approx(0.14, abs=0.02)
    scores = np.stack([predictions.instances(key)[0].scores for key in _keys(len(truth))])
    sure = scores > np.median(scores)
    assert np.mean(errors[sure] <= OFF * length) == pytest.approx(0.955, abs=0.015)
    assert run_session(truth[:5], VIEW).figures()["keys_per_point"] <= 5
    assert run_session(truth[:5], VIEW, predictions).figures()["keys_per_point"] <= 1.5


def _keys(count):
    return [FrameKey(VIDEO, frame) for frame in range(count)]


@pytest.mark.parametrize("name", ["label_session.jsonl", "label_session_model.jsonl"])
def test_the_recorded_sessions_still_label_the_flies(real_data, name):
    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        every = np.asarray(file["annotations"][:], float)
    played = read_keys(Path(label_session.__file__).with_name(name))
    truth = every[: len(played.frames)]
    length = body_length(every, fly32())
    predictions = like_ten_labels(truth, length) if played.with_model else None
    figures = run_session(truth, played.view, predictions, played.frames).figures()
    assert figures["missing"] == 0
    assert figures["largest_px"] <= (OFF * length if played.with_model else 1.0)
