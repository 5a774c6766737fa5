"""Model files: one `.safetensors` with the weights and, as metadata, all it takes to use them anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from leaptui.errors import UnusableInput, UsageError
from leaptui.files import write_atomically
from leaptui.formats import keras_file
from leaptui.nn.keras_model import read_keras_model
from leaptui.nn.model_metadata import METADATA_KEY, ModelMetadata, read_header, read_metadata
from leaptui.nn.preprocessing import Preprocessing
from leaptui.nn.settings import TrainingSettings
from leaptui.registry import ARCHITECTURES, resolve

_TYPES = {"F32": torch.float32, "I64": torch.int64}


@dataclass
class PoseModel:
    """A trained network with what belongs to it.

    Args:
        network: in evaluation mode, on the CPU when loaded.
        preprocessing: of its frames.
        metadata: the rest.
        whole_peaks: points are the highest cells of the maps and scores their heights, as LEAP predicts, instead of
            peaks refined below the cell.
        looks: turned and mirrored views of a frame to predict and merge, see `leaptui.nn.looks`.
    """

    network: nn.Module
    preprocessing: Preprocessing
    metadata: ModelMetadata
    whole_peaks: bool = False
    looks: int = 1


def build_network(settings: TrainingSettings, channels: int, nodes: int) -> nn.Module:
    """The untrained network that settings name.

    Raises:
        UsageError: if its options are not of that architecture, or it can only be read from a file.
    """
    if settings.architecture not in ARCHITECTURES:
        raise UsageError(f"a network of the architecture {settings.architecture} can only be read from its own file")
    architecture = resolve(ARCHITECTURES[settings.architecture].target)
    try:
        network: nn.Module = architecture(channels, nodes, **settings.options)
    except TypeError as error:
        raise UsageError(
            f"{settings.architecture} cannot be made with the options {dict(settings.options)}: {error}"
        ) from error
    return network


def count_parameters(network: nn.Module) -> int:
    """Number of trained weights."""
    return sum(p.numel() for p in network.parameters())


def save_model(path: Path, model: PoseModel) -> None:
    """Write a model file; a reader meets the old one or the new one, never a part.

    Raises:
        UnusableInput: if it cannot be written.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    write_atomically(path, save(weights, {METADATA_KEY: model.metadata.to_json()}))


def load_model(path: Path) -> PoseModel:
    """Read a model file, or a network that LEAP saved with Keras (see `leaptui.nn.keras_model`).

    Nothing in it is executed; shapes are compared before anything is allocated.

    Raises:
        UnusableInput: if it cannot be read, is no model, or its weights do not fit its description.
    """
    if keras_file.sniff(path):
        return PoseModel(*read_keras_model(path))
    metadata = read_metadata(path)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing, str(path))
    try:
        with torch.device("meta"):
            network = build_network(metadata.settings, preprocessing.channels, len(metadata.skeleton))
    except (UsageError, RuntimeError, ValueError, TypeError) as error:
        raise UnusableInput(f"its network cannot be built: {error}", where=path) from error
    _compare(path, network.state_dict(), read_header(path))
    try:
        weights = load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise UnusableInput("its weights are damaged", where=path, hint="Copy the file again.") from error
    network.load_state_dict(weights, assign=True)
    if network.output_stride != metadata.output_stride or network.padding_multiple != preprocessing.padding_multiple:
        raise UnusableInput(f"it was made with another version of {metadata.settings.architecture}", where=path)
    network.requires_grad_(False)
    return PoseModel(network.eval(), preprocessing, metadata)


def _compare(path: Path, expected: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
    found = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if set(found) != set(expected):
        raise UnusableInput("its weights are not those of the network it names", where=path)
    for name, tensor in expected.items():
        entry = found[name]
        fits = (
            isinstance(entry, dict)
            and entry.get("shape") == list(tensor.shape)
            and _TYPES.get(str(entry.get("dtype"))) == tensor.dtype
        )
        if not fits:
            raise UnusableInput(f"its weights {name} are not those of the network it names", where=path)
