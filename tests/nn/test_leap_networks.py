"""LEAP's networks train like any other, and an hourglass with several outputs learns from all of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from leaptui.errors import UsageError
from leaptui.nn.batches import FrameBank
from leaptui.nn.model import build_network
from leaptui.nn.model_metadata import read_metadata
from leaptui.nn.module import PoseModule
from leaptui.nn.predictor import Predictor
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import KERAS, PROFILES, TrainingSettings, parse_options
from leaptui.nn.training import train
from leaptui.ops.train import TrainRequest
from leaptui.runners.train import settings_of
from tests.nn.conftest import BLOBS, Recorder, blob_animals

QUICK = dataclasses.replace(
    PROFILES["leap"], options={"filters": 4, "bilinear": 1}, epochs=1, steps_per_epoch=2, batch_size=2, sigma=3.0
)


@pytest.mark.parametrize("name", ["leap_cnn", "hourglass", "stacked_hourglass"])
def test_training_on_frames_of_any_size(name: str, tmp_path: Path) -> None:
    data = blob_animals(8, (41, 51), 1, seed=0)
    outcome = train(
        data,
        BLOBS,
        dataclasses.replace(QUICK, architecture=name),
        seed=1,
        device="cpu",
        precision="32",
        context=Recorder(tmp_path),
        checkpoints=tmp_path / "checkpoints",
        model_path=tmp_path / "model.safetensors",
        provenance={},
        labels=6,
    )
    assert outcome.val_error_px is not None
    metadata = read_metadata(outcome.model)
    assert (metadata.settings.architecture, metadata.output_stride) == (name, 1)
    points, _ = Predictor(outcome.model, "cpu", "32").predict(np.stack(list(data.frames)))
    assert points.shape == (8, 1, 4, 2)
    assert (points >= -0.5).all()
    assert (points <= np.array([50.5, 40.5])).all()


def test_every_output_of_a_stacked_hourglass_is_supervised() -> None:
    settings = dataclasses.replace(QUICK, architecture="stacked_hourglass").resolved(32, 32)
    data = blob_animals(4, (32, 32), 1, seed=0)
    network = build_network(settings, 1, 4).train()
    preprocessing = measure(list(data.frames), input_scale=1.0, padding_multiple=16)
    bank = FrameBank(data, np.arange(4), preprocessing, torch.device("cpu"))
    module = PoseModule(network, settings, [0, 1, 3, 2], bank, bank, 0, None)
    drawn: list[tuple[Tensor, Tensor]] = []
    asked: list[Tensor] = []
    network.register_forward_hook(lambda _, __, maps: drawn.append(maps))

    class Height:
        activation = "linear"

        def __call__(self, maps: Tensor, points: Tensor, stride: int, sigma: float) -> Tensor:
            asked.append(maps)
            return maps.square().mean()

    module.loss = Height()
    module.on_train_epoch_start()
    loss = module.training_step(torch.arange(4), 0)
    early, late = drawn[0]
    assert [id(maps) for maps in asked] == [id(early), id(late)]
    expected = early.square().mean() + late.square().mean()
    assert loss.item() == pytest.approx(expected.item())
    loss.backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_network_from_keras_is_not_for_training() -> None:
    with pytest.raises(UsageError, match="only be read from its own file"):
        build_network(TrainingSettings(architecture=KERAS), 1, 2)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("filters=32,bilinear=1", {"filters": 32, "bilinear": 1}),
        (" filters = 32 ", {"filters": 32}),
        ("widths=16/32/64", {"widths": (16, 32, 64)}),
        ("slope=0.5", {"slope": 0.5}),
        ("", {}),
    ],
)
def test_options_as_typed(text: str, options: dict[str, object]) -> None:
    assert parse_options(text) == options


@pytest.mark.parametrize("text", ["filters", "filters=", "filters=many", "widths=16/x", "widths=16/"])
def test_options_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=NUMBER"):
        parse_options(text)


def test_another_network_does_not_inherit_the_options_of_the_profile() -> None:
    request = TrainRequest(Path("project"), profile="leap")
    assert settings_of(request).options == {"filters": 64}
    assert settings_of(dataclasses.replace(request, architecture="leap_cnn")).options == {"filters": 64}
    assert settings_of(dataclasses.replace(request, architecture="unet")).options == {}
    asked = dataclasses.replace(request, architecture="hourglass", options="filters=8,bilinear=1")
    assert settings_of(asked).options == {"filters": 8, "bilinear": 1}
