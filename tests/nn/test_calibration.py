"""Confidence: the map keeps order and range, finds what is wrong, and a few points cannot spoil it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.analysis.reliability import reliability
from leaptui.bench.untrained import untrained_model
from leaptui.errors import UnusableInput
from leaptui.nn.calibrating import calibrated
from leaptui.nn.calibration import HIGHEST, LOWEST, Calibration, default, fit, strength, threshold
from leaptui.nn.confidence import confidence, confidence_of_looks
from leaptui.nn.data import TrainingData
from leaptui.nn.model import load_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.settings import PROFILES
from leaptui.pose.builtin import fly32

NEAR = 3.0
PRIOR = default(NEAR)
maps = st.builds(Calibration, st.floats(0.05, 3), st.floats(-5, 5))


def drawn(frames: int, slope: float, offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores (frames, 8) and distances of points that are right as often as the map says."""
    generator = np.random.default_rng(seed)
    raw = generator.beta(12, 1, (frames, 8))
    right = generator.random(raw.shape) < Calibration(slope, offset).of(raw)
    return raw, np.where(right, 1.0, 10.0)


@given(maps, st.lists(st.floats(0, 1), min_size=2, max_size=20))
@settings(max_examples=40, deadline=None)
def test_the_map_keeps_order_and_range_and_can_be_undone(made: Calibration, scores: list[float]):
    raw = np.sort(np.array(scores))
    mapped = made.of(raw)
    assert ((mapped >= 0) & (mapped <= 1)).all()
    assert (np.diff(mapped) >= 0).all()
    # Beyond that a double is too coarse near 1.
    inner = raw[(raw > LOWEST) & (raw < HIGHEST) & (mapped < 1 - 1e-9)]
    np.testing.assert_allclose(made.undo(made.of(inner)), inner, atol=1e-4, rtol=1e-3)


@given(maps)
@settings(max_examples=20, deadline=None)
def test_tensors_get_the_same_confidence(made: Calibration):
    raw = torch.linspace(0, 1, 41)
    np.testing.assert_allclose(confidence(raw, made).numpy(), made.of(raw.numpy()), atol=3e-3)
    assert (np.diff(strength(raw.numpy())) >= 0).all()
    assert (confidence(raw, made).diff() >= 0).all()


def test_looks_that_agree_are_surer_than_each_of_them():
    mean = torch.linspace(0, 1, 41)
    merged = confidence_of_looks(mean, PRIOR)
    assert ((merged >= 0) & (merged <= 1)).all() and (merged.diff() > 0).all()
    sure = (mean >= 0.5) & (mean < 0.99)
    assert (merged > mean)[sure].all()
    assert float(merged[0]) < 1e-5, "looks that all found something else are none"
    assert (confidence_of_looks(mean, Calibration()) == mean).all()


def test_without_calibration_scores_stay_as_they_are():
    raw = np.array([0.0, 1e-9, 0.3, 1.0])
    assert (Calibration().of(raw) == raw).all()
    assert (Calibration().undo(raw) == raw).all()
    assert (confidence(torch.from_numpy(raw), Calibration()).numpy() == raw).all()


@pytest.mark.parametrize(("slope", "offset"), [(0.6, -2.5), (0.2, 0.0), (0.9, -3.0)])
def test_a_known_miscalibration_is_found(slope: float, offset: float):
    raw, distance = drawn(4000, slope, offset)
    found = fit(raw, distance, PRIOR)
    assert found.slope == pytest.approx(slope, rel=0.1)
    assert found.offset == pytest.approx(offset, abs=0.25)
    assert (found.within_px, found.points) == (NEAR, raw.size)
    others, far = drawn(2000, slope, offset, seed=1)
    before, after = (reliability(scores, far, NEAR) for scores in (others, found.of(others)))
    assert before is not None and after is not None
    assert after.calibration_error < min(0.02, before.calibration_error)


def test_a_few_points_stay_near_the_prior():
    raw = np.full((1, 8), 0.97)
    wrong, right = np.full((1, 8), 10.0), np.zeros((1, 8))
    down, before, up = (made.of(raw)[0, 0] for made in (fit(raw, wrong, PRIOR), PRIOR, fit(raw, right, PRIOR)))
    assert 0.3 < down < before - 0.1 < before < up < before + 0.15
    nothing = fit(raw, np.full((1, 8), np.nan), PRIOR)
    assert nothing == PRIOR


def test_points_of_one_frame_count_less_than_points_of_many():
    distance = np.full((16, 1), 10.0)
    one = fit(np.full((1, 16), 0.9), distance.T, PRIOR)
    many = fit(np.full((16, 1), 0.9), distance, PRIOR)
    assert many.of(np.array([0.9])) < one.of(np.array([0.9]))


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_any_points_give_a_sound_map(seed: int, share: float):
    generator = np.random.default_rng(seed)
    raw = generator.choice([0.0, 1.0, 0.5, 1e-7, 0.999], (5, 4))
    found = fit(raw, np.where(generator.random((5, 4)) < share, 0.0, 50.0), PRIOR)
    assert found.slope is not None and 0.01 < found.slope < 20
    assert abs(found.offset) < 10


def test_what_right_means():
    assert threshold(100.0, 3.0) == pytest.approx(3.0)
    assert threshold(None, 3.0) == pytest.approx(6.0)
    assert default(2.85).points == 0
    with pytest.raises(ValueError, match="no prior"):
        fit(np.ones((1, 1)), np.ones((1, 1)), Calibration())
    with pytest.raises(ValueError, match="no calibration"):
        Calibration(slope=-1.0)


def test_a_model_is_calibrated_on_its_validation_frames_alone(tmp_path: Path):
    model = load_model(untrained_model(tmp_path, "unet", size=64))
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 255, (side, 64, 1), dtype=np.uint8) for side in (64, 48, 64, 64)]
    points = generator.uniform(0, 48, (4, 32, 2))
    points[1, :5] = np.nan
    data = TrainingData(frames, points)
    cpu = torch.device("cpu")
    none = calibrated(model, data, np.array([], dtype=np.intp), 40.0, cpu).metadata.calibration
    assert none == default(1.2)
    some = calibrated(model, data, np.array([1, 3]), 40.0, cpu).metadata.calibration
    assert (some.points, some.within_px) == (27 + 32, pytest.approx(1.2))
    # An untrained network is never right.
    low = np.array([0.5])
    assert some.of(low) < default(1.2).of(low)
    # What it was before has no part in it.
    before = replace(model, metadata=replace(model.metadata, calibration=some))
    assert calibrated(before, data, np.array([1, 3]), 40.0, cpu).metadata.calibration == some
    without_body = calibrated(model, data, np.array([1, 3]), None, cpu).metadata
    assert without_body.calibration.within_px == 2 * (without_body.settings.sigma or 0)


def metadata() -> ModelMetadata:
    return ModelMetadata(
        skeleton=fly32(),
        settings=PROFILES["fast"].resolved(192, 192),
        preprocessing={},
        activation="softmax",
        output_stride=4,
        parameters=1,
    )


def test_a_model_file_keeps_its_calibration():
    for calibration in (Calibration(0.8, -0.4, 2.85, 320), Calibration(), default(3.0)):
        made = replace(metadata(), calibration=calibration)
        assert ModelMetadata.from_json(made.to_json(), "m").calibration == calibration


def test_an_older_model_file_has_none_and_a_damaged_one_is_refused():
    plain = json.loads(metadata().to_json())
    del plain["calibration"]
    assert ModelMetadata.from_json(json.dumps(plain), "m").calibration == Calibration()
    for damaged in ({"slope": -1}, {"slope": float("nan")}, {"offset": None}, {"points": "x"}):
        plain["calibration"] = Calibration().to_dict() | damaged
        with pytest.raises(UnusableInput, match="incomplete or damaged"):
            ModelMetadata.from_json(json.dumps(plain), "m")
    plain["calibration"] = 3
    with pytest.raises(UnusableInput, match="incomplete or damaged"):
        ModelMetadata.from_json(json.dumps(plain), "m")
