"""A network that has learned a little, so that its maps have hills and rounding moves points only so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from leaptui.nn.model import PoseModel, build_network, count_parameters, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import TrainingSettings
from tests.nn.conftest import BLOBS, blob_animals

SIZE = (48, 56)


@dataclass(frozen=True)
class Learned:
    """The model, its file, and frames (n, H, W, 1) it did not see."""

    model: PoseModel
    path: Path
    frames: NDArray[np.uint8]


def learn(folder: Path, steps: int = 80) -> Learned:
    """Train a U-Net of three small levels on blobs for about a second."""
    torch.manual_seed(0)
    settings = TrainingSettings(options={"widths": (6, 8, 12)}, input_scale=1.0, sigma=3.0)
    network = build_network(settings, 1, len(BLOBS)).train()
    data = blob_animals(64, SIZE, 1, 0)
    preprocessing = measure(list(data.frames), input_scale=1.0, padding_multiple=int(network.padding_multiple))
    given = preprocessing.prepare(torch.from_numpy(np.stack(list(data.frames))).permute(0, 3, 1, 2))
    wide = given.shape[-1] // 4
    cells = torch.from_numpy((data.points + 0.5) // 4).long()
    target = (cells[..., 1] * wide + cells[..., 0]).flatten()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for step in range(steps):
        rows = torch.arange(16) + 16 * (step % 4)
        maps = network(given[rows]).flatten(-2).flatten(0, 1)
        loss = F.cross_entropy(maps, target.unflatten(0, (64, -1))[rows].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    metadata = ModelMetadata(
        BLOBS, settings, preprocessing.to_dict(), "softmax", int(network.output_stride), count_parameters(network),
        {"error_px": 9.0, "median_px": 2.0},
    )  # fmt: skip
    model = PoseModel(network.requires_grad_(False).eval(), preprocessing, metadata)
    path = folder / "model.safetensors"
    save_model(path, model)
    return Learned(model, path, np.stack(list(blob_animals(24, SIZE, 1, 1).frames)))
