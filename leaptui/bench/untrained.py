"""Model files with random weights, whose speed is that of trained ones, and a context that says nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from leaptui.nn.model import PoseModel, build_network, count_parameters, load_model, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import PROFILES, TrainingSettings
from leaptui.pose.builtin import fly32
from leaptui.runs.control import Ask


class Silent:
    """A RunContext for no run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.attempt = 1

    def emit(self, type: str, **fields: Any) -> None:
        """Say nothing."""

    def flush(self) -> None:
        """Nothing is kept."""

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False

    def take_asks(self) -> list[Ask]:
        """Nobody asks."""
        return []

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """Nobody asked."""


def settings_of(architecture: str) -> TrainingSettings:
    """How that architecture is trained: LEAP's own as LEAP did, all others as by default."""
    profile = PROFILES["leap" if architecture in ("leap_cnn", "hourglass", "stacked_hourglass") else "standard"]
    if profile.architecture == architecture:
        return profile
    return replace(profile, architecture=architecture, options={})


def untrained_model(folder: Path, architecture: str, size: int = 192) -> Path:
    """A model file of an architecture for square grey frames of 32 nodes."""
    settings = replace(settings_of(architecture), input_scale=1.0).resolved(size, size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(settings, 1, 32).eval()
    frames = [np.zeros((size, size, 1), np.uint8), np.full((size, size, 1), 255, np.uint8)]
    multiple: int = network.padding_multiple  # type: ignore[assignment]
    stride: int = network.output_stride  # type: ignore[assignment]
    preprocessing = measure(frames, input_scale=1.0, padding_multiple=multiple)
    metadata = ModelMetadata(
        skeleton=fly32(),
        settings=settings,
        preprocessing=preprocessing.to_dict(),
        activation="softmax" if settings.loss == "cross_entropy" else "linear",
        output_stride=stride,
        parameters=count_parameters(network),
    )
    path = folder / f"{architecture}.safetensors"
    save_model(path, PoseModel(network, preprocessing, metadata))
    return path


@dataclass(frozen=True)
class NetworkFacts:
    """What a network is and costs.

    Args:
        architecture: its name.
        parameters: trained weights.
        flops: floating-point operations of one frame; those of convolutions and products, which are nearly all.
        values: numbers that its convolutions put out for one frame.
        input: (H, W) of a frame inside the network.
    """

    architecture: str
    parameters: int
    flops: int
    values: int
    input: tuple[int, int]


def network_facts(model: Path, height: int, width: int) -> NetworkFacts:
    """Of the network of a model file, for frames of that size; nothing is computed."""
    loaded = load_model(model)
    size = loaded.preprocessing.input_size(height, width)
    network = loaded.network.to("meta")
    counter = FlopCounterMode(display=False)
    values = 0

    def count(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        nonlocal values
        values += output.numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    with torch.no_grad(), counter:
        network(torch.empty(1, loaded.preprocessing.channels, *size, device="meta"))
    for hook in hooks:
        hook.remove()
    metadata = loaded.metadata
    return NetworkFacts(
        metadata.settings.architecture, metadata.parameters, int(counter.get_total_flops()), values, size
    )
