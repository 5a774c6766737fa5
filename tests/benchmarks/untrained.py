"""Model files with random weights, and a context that says nothing, for measuring speed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leaptui.nn.model import PoseModel, build_network, count_parameters, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import PROFILES
from leaptui.pose.builtin import fly32


class Silent:
    """A RunContext for no run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.attempt = 1

    def emit(self, type: str, **fields: Any) -> None:
        """Say nothing."""

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False


def untrained_model(folder: Path, architecture: str, size: int = 192) -> Path:
    """A model file of an architecture for grey frames of 32 nodes."""
    profile = PROFILES["leap" if architecture == "leap_cnn" else "standard"]
    settings = replace(profile, architecture=architecture, input_scale=1.0).resolved(size, size)
    torch.manual_seed(0)
    network = build_network(settings, 1, 32).eval()
    frames = [np.zeros((size, size, 1), np.uint8), np.full((size, size, 1), 255, np.uint8)]
    multiple = int(network.padding_multiple)
    preprocessing = measure(frames, input_scale=1.0, padding_multiple=multiple)
    metadata = ModelMetadata(
        skeleton=fly32(),
        settings=settings,
        preprocessing=preprocessing.to_dict(),
        activation="softmax" if settings.loss == "cross_entropy" else "linear",
        output_stride=int(network.output_stride),
        parameters=count_parameters(network),
    )
    path = folder / f"{architecture}.safetensors"
    save_model(path, PoseModel(network, preprocessing, metadata))
    return path
