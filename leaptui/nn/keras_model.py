"""Networks that LEAP trained, ready to predict with: Keras HDF5 in, PoseModel out.

LEAP feeds its networks uint8 frames divided by 255 and reads the height of each map. A file holds nothing about
the animal, nor the sigma of the maps. They are taken from the training set that LEAP's run directory points to, if
it is still there; else nodes are called node1, node2, ..., and sigma is LEAP's default (it only says how wide the
window is that a peak is refined in).

One of LEAP's three networks becomes leaptui's own of that name, which can be saved as a model file; any other is
run layer by layer, under the name `leaptui.nn.settings.KERAS`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats import keras_file
from leaptui.formats.keras_config import INPUT
from leaptui.formats.keras_file import KerasNetwork
from leaptui.formats.leap_run import TrainingSet, training_set_of
from leaptui.nn.keras_graph import LEAP_NAMES, KerasGraph
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.preprocessing import Preprocessing
from leaptui.nn.settings import KERAS, PROFILES, OptionValue
from leaptui.pose.skeleton import make_skeleton
from leaptui.registry import ARCHITECTURES, resolve

Parts = tuple[nn.Module, Preprocessing, ModelMetadata]
_SIGMA = 5.0
_TOLERANCE = 1e-5


def read_keras_model(path: Path) -> Parts:
    """Network in evaluation mode on the CPU, preprocessing and metadata of a Keras file.

    Raises:
        UnusableInput: if it is damaged, or is no network from frames to confidence maps that leaptui can compute.
    """
    found = keras_file.read(path)
    if not any(found.weights.values()):
        raise UnusableInput("its network has no weights", where=path)
    graph = KerasGraph(found, str(path))
    own = _as_our_own(found, graph)
    network, architecture, options = (graph, KERAS, {}) if own is None else own
    preprocessing = Preprocessing(
        channels=graph.in_channels,
        input_scale=1.0,
        mean=(0.0,) * graph.in_channels,
        std=(255.0,) * graph.in_channels,
        fill=(0.0,) * graph.in_channels,
        padding_multiple=graph.padding_multiple,
        sizes_seen=_size_seen(found),
    )
    learned = training_set_of(path)
    if learned is not None and len(learned.skeleton) != graph.nodes:
        learned = None
    numbered = make_skeleton(path.stem, [f"node{i + 1}" for i in range(graph.nodes)])
    sigma = None if learned is None else learned.sigma
    metadata = ModelMetadata(
        skeleton=numbered if learned is None else learned.skeleton,
        settings=dataclasses.replace(
            PROFILES["leap"], architecture=architecture, options=options, sigma=_SIGMA if sigma is None else sigma
        ),
        preprocessing=preprocessing.to_dict(),
        activation="linear",
        output_stride=graph.output_stride,
        parameters=sum(w.size for arrays in found.weights.values() for w in arrays),
        provenance=_provenance(path, found, learned, sigma),
    )
    return network.eval().requires_grad_(False), preprocessing, metadata


def _provenance(path: Path, found: KerasNetwork, learned: TrainingSet | None, sigma: float | None) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    assumed = [f"sigma {_SIGMA:g} px"] if sigma is None else []
    return {
        "operation": "read from a Keras file",
        "keras": {"path": str(path.resolve()), "hash": digest, "version": found.version, "name": found.name},
        "training_set": None if learned is None else str(learned.path.resolve()),
        "assumed": [*assumed, "the training settings are LEAP's defaults"],
    }


def _size_seen(found: KerasNetwork) -> tuple[tuple[int, int], ...]:
    """Height and width that the network was made for, if it says."""
    for layer in found.layers:
        if layer.kind == INPUT:
            shape = layer.config.get("batch_input_shape", layer.config.get("batch_shape"))
            if isinstance(shape, list) and len(shape) == 4 and all(isinstance(s, int) for s in shape[1:3]):
                return ((shape[1], shape[2]),)
    return ()


def _as_our_own(found: KerasNetwork, graph: KerasGraph) -> tuple[nn.Module, str, dict[str, OptionValue]] | None:
    """LEAP's network as ours of that name, with its options; None if it is not quite what LEAP builds."""
    architecture = LEAP_NAMES.get(found.name)
    layers = [layer.name for layer in found.layers if layer.kind in ("Conv2D", "Conv2DTranspose")]
    arrays = {name: found.weights.get(name, ()) for name in layers}
    filters = next((int(a[0].shape[-1]) for n, a in arrays.items() if _WIDTH.fullmatch(n) and a), None)
    if architecture is None or filters is None:
        return None
    bilinear = int(any(layer.kind == "UpSampling2D" for layer in found.layers))
    options: dict[str, OptionValue] = {"filters": filters, "bilinear": bilinear}
    try:
        with torch.device("meta"):
            network: nn.Module = resolve(ARCHITECTURES[architecture].target)(graph.in_channels, graph.nodes, **options)
    except UsageError:
        return None
    places = _places(architecture, layers, network)
    state: dict[str, torch.Tensor] = {}
    for name, place in places.items():
        parts = zip(("weight", "bias"), arrays[name], strict=False)
        state |= {f"{place}.{part}": _own_axes(array) for part, array in parts}
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in state.items()} != expected:
        return None
    network.load_state_dict(state, assign=True)
    return (network, architecture, options) if _agree(network.eval(), graph) else None


# The convolution whose outputs tell the number of filters.
_WIDTH = re.compile(r"conv2d(_\d+)?|x(1_)?1_Conv3")
_GLASS = re.compile(r"(?:x(?P<glass>[12])_)?x?(?P<level>\d)_(?P<part>Conv[123]|ConvSkip|ConvT)")
_HEAD = re.compile(r"x_out(?P<glass>[12])_(?P<part>Conv[123]|ConvSkip)")
_PARTS = {"Conv1": "conv1", "Conv2": "conv2", "Conv3": "conv3", "ConvSkip": "skip"}


def _places(architecture: str, layers: list[str], network: nn.Module) -> dict[str, str]:
    """Where in our network each of LEAP's layers is; those that LEAP has none of are left out."""
    if architecture == "leap_cnn":
        own = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        return dict(zip(layers, own, strict=False))
    places: dict[str, str] = {}
    for name in layers:
        head, level = _HEAD.fullmatch(name), _GLASS.fullmatch(name)
        if name == "x_out":
            places[name] = "out"
        elif head is not None:
            places[name] = f"out{head['glass']}.{_PARTS[head['part']]}"
        elif level is not None:
            glass = {None: "glass", "1": "first", "2": "second"}[level["glass"]]
            part = _PARTS.get(level["part"])
            places[name] = f"{glass}.up{level['level']}.0" if part is None else f"{glass}.x{level['level']}.{part}"
    return places


def _own_axes(array: NDArray[np.float32]) -> torch.Tensor:
    """Kernels from (height, width, inputs, outputs); of a transposed convolution the last two are the other way round."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array))


def _agree(network: nn.Module, graph: KerasGraph) -> bool:
    """Whether both draw the same maps of noise."""
    side = 2 * graph.padding_multiple
    noise = torch.rand(2, graph.in_channels, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = network(noise), graph(noise)
    return ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=_TOLERANCE * float(theirs.abs().max()))
