"""Networks saved by Keras as HDF5, such as LEAP's `final_model.h5` and `best_model.h5`; read with h5py alone.

`model.save("….h5")` writes the attribute `model_config`, JSON text with the layers and how they are connected, the
attribute `keras_version`, and the group `model_weights`: its attribute `layer_names` lists a subgroup a layer,
whose attribute `weight_names` lists that layer's datasets in order. An attribute of more than 64 kB is spread
over `NAME0`, `NAME1`, ... Nothing in such a file is executed: layers that hold code (Lambda) are refused by name.
Format: keras/engine/saving.py of Keras 2.1 to 2.3, hdf5_format.py of tf.keras, legacy_h5_format.py of Keras 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.keras_config import LayerConfig, parse_layers
from leaptui.words import visible

MOST_WEIGHTS = 2**27
"""Numbers that a network may have, 50 times as many as LEAP's largest; a file may claim any shape."""
_MOST_TEXT = 2**24
_MOST_CHUNKS = 1000


@dataclass(frozen=True)
class KerasNetwork:
    """A network as the file describes it.

    Args:
        name: of the model.
        layers, output: see `leaptui.formats.keras_config.Layers`.
        version: of the Keras that wrote it, "" if it does not say.
        weights: float32 arrays by layer, in Keras's order and axes.
    """

    name: str
    layers: tuple[LayerConfig, ...]
    output: str
    version: str
    weights: Mapping[str, tuple[NDArray[np.float32], ...]]


def sniff(path: Path) -> bool:
    """Whether this is an HDF5 file written by Keras: a model, or the weights of one."""
    if not hdf5.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return any(key in file.attrs for key in ("model_config", "keras_version", "layer_names"))
    except hdf5.DAMAGED:
        return False


def read(path: Path) -> KerasNetwork:
    """Read a model.

    Raises:
        UnusableInput: if it is damaged, holds weights without their network, or something unexpected.
    """
    with hdf5.reading(path) as file:
        text = _text(file.attrs, "model_config")
        if text is None:
            raise UnusableInput(
                "it does not say which network its weights belong to (there is no 'model_config')",
                where=path,
                hint="LEAP's final_model.h5 and best_model.h5 do; files of save_weights do not.",
            )
        version = _text(file.attrs, "keras_version")
        found = parse_layers(_json(text, path), str(path))
        weights = _read_weights(file, path, {layer.name for layer in found.layers})
    return KerasNetwork(found.name, found.layers, found.output, version or "", weights)


def _json(text: str, path: Path) -> Any:
    if len(text) > _MOST_TEXT:
        raise UnusableInput("its description of the network is too long", where=path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableInput("its description of the network ('model_config') is no JSON", where=path) from error


def _text(attributes: Any, key: str) -> str | None:
    """A text attribute, whole or in chunks; None if there is none."""
    value = attributes.get(key)
    if value is None:
        return None
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _names(group: Any, key: str, path: Path) -> list[str]:
    """A list of names kept as an attribute, or as several of them."""
    parts = []
    if key in group.attrs:
        parts.append(group.attrs[key])
    for i in range(_MOST_CHUNKS):
        if f"{key}{i}" not in group.attrs:
            break
        parts.append(group.attrs[f"{key}{i}"])
    if not parts:
        raise UnusableInput(f"'{visible(group.name)}' has no attribute '{key}'", where=path)
    names: list[str] = []
    for part in parts:
        for name in np.asarray(part).reshape(-1).tolist():
            names.append(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))
    return names


def _read_weights(file: Any, path: Path, layers: set[str]) -> dict[str, tuple[NDArray[np.float32], ...]]:
    """The arrays of each layer of the network; those of other layers stay unread."""
    group = file.get("model_weights")
    if not isinstance(group, h5py.Group):
        raise UnusableInput("the group 'model_weights' is missing", where=path)
    weights: dict[str, tuple[NDArray[np.float32], ...]] = {}
    room = MOST_WEIGHTS
    for name in _names(group, "layer_names", path):
        if name not in layers or name in weights:
            continue
        member = group.get(name)
        if not isinstance(member, h5py.Group):
            raise UnusableInput(f"the weights of its layer '{visible(name)}' are missing", where=path)
        arrays = []
        for key in _names(member, "weight_names", path):
            data = _weight(file, member.get(key), name, path)
            room -= data.size
            if room < 0:
                raise UnusableInput(f"it has more than {MOST_WEIGHTS:,} weights", where=path)
            arrays.append(_array(data, name, path))
        weights[name] = tuple(arrays)
    return weights


def _weight(file: Any, data: Any, layer: str, path: Path) -> Any:
    """The dataset, if it is one of numbers that lie in this very file."""
    if not isinstance(data, h5py.Dataset):
        raise UnusableInput(f"weights of its layer '{visible(layer)}' are missing", where=path)
    if data.file.id != file.id or data.is_virtual or data.external:
        raise UnusableInput(f"weights of its layer '{visible(layer)}' lie in another file", where=path)
    if data.shape is None or data.dtype.kind != "f" or 0 in data.shape:
        raise UnusableInput(
            f"weights of its layer '{visible(layer)}' are {data.dtype} {data.shape}, not numbers", where=path
        )
    return data


def _array(data: Any, layer: str, path: Path) -> NDArray[np.float32]:
    # A value beyond float32 turns into infinity, which is refused as well.
    with np.errstate(over="ignore"):
        array = np.asarray(data[()], dtype=np.float32)
    if not np.isfinite(array).all():
        raise UnusableInput(f"weights of its layer '{visible(layer)}' are not finite numbers", where=path)
    return array
