"""Settings: bounds, plain form, profiles, and no torch behind them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from leaptui.errors import UsageError
from leaptui.nn.settings import PROFILES, TrainingSettings, automatic_scale


@pytest.mark.parametrize("name", list(PROFILES))
def test_profiles_survive_json(name: str) -> None:
    profile = PROFILES[name]
    assert TrainingSettings.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile
    assert 20 <= profile.epochs <= 100


def test_leap_is_the_published_schedule() -> None:
    leap = PROFILES["leap"]
    assert (leap.epochs, leap.steps_per_epoch, leap.batch_size, leap.samples) == (50, 50, 32, 80_000)
    assert (leap.loss, leap.sigma, leap.learning_rate, leap.rotation, leap.mirror) == ("mse", 5.0, 1e-3, 15.0, True)
    assert (leap.schedule, leap.plateau_patience, leap.plateau_divisor) == ("plateau", 3, 10.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": True},
        {"mirror": 1},
        {"learning_rate": -1},
        {"rotation": float("nan")},
        {"sigma": 0},
        {"input_scale": 1.5},
        {"loss": "huber"},
        {"architecture": "resnet"},
        {"optimiser": None},
        {"options": {"filters": "many"}},
        {"options": [1]},
        {"no_such": 1},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        TrainingSettings.from_dict(wrong)


def test_every_number_has_bounds_that_its_default_keeps() -> None:
    for field in dataclasses.fields(TrainingSettings):
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert field.metadata["low"] <= field.default <= field.metadata["high"]


def test_automatic_scale_and_sigma() -> None:
    assert automatic_scale(192, 192) == 1.0
    assert automatic_scale(480, 640) == 0.5
    assert automatic_scale(1080, 1920) == 0.2
    small, large = PROFILES["fast"].resolved(192, 192), PROFILES["fast"].resolved(480, 640)
    assert (small.input_scale, small.sigma, large.input_scale, large.sigma) == (1.0, 3.0, 0.5, 6.0)
    assert PROFILES["leap"].resolved(480, 640) == PROFILES["leap"]


def test_settings_and_metadata_load_no_torch() -> None:
    code = (
        "import sys, leaptui.nn.settings, leaptui.nn.model_metadata\n"
        "print([m for m in ('torch', 'pytorch_lightning', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
