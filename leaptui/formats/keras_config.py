"""How the layers of a Keras network are connected, from the JSON that Keras writes about it.

Four dialects: Sequential as a list of layers (Keras up to 2.2.2) or a table with one; functional models as "Model"
or "Functional", whose layers name where their input comes from, as lists `[name, node, tensor, …]` (Keras 2,
tf.keras) or as tables with a `keras_history` (Keras 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.words import visible

INPUT = "InputLayer"
_MOST_LAYERS = 5000
_MOST_INPUTS = 100
_MOST_DEPTH = 20


@dataclass(frozen=True)
class LayerConfig:
    """One layer.

    Args:
        name: unique in its network.
        kind: Keras's class name.
        config: its settings as they are in the file: not checked.
        inputs: names of the layers it takes its input from.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Layers:
    """What `model_config` says.

    Args:
        name: of the model.
        layers: each behind those it takes its input from, and first of all those that `output` needs, ending in it.
        output: name of the layer whose maps count: the last output, as LEAP takes it.
    """

    name: str
    layers: tuple[LayerConfig, ...]
    output: str


def parse_layers(plain: Any, where: str) -> Layers:
    """Read the plain form of `model_config`.

    Raises:
        UnusableInput: if it is not of a known form, or the layers do not make up a network with one input.
    """
    if not isinstance(plain, Mapping) or not isinstance(plain.get("class_name"), str):
        raise UnusableInput("its description of the network is not one that Keras writes", where=where)
    kind, config = plain["class_name"], plain.get("config")
    if kind == "Sequential":
        return _sequential(config, where)
    if kind in ("Model", "Functional") and isinstance(config, Mapping):
        return _functional(config, where)
    raise UnusableInput(
        f"its network is of the kind '{visible(kind)}'", where=where, hint="Sequential and Model (Functional) are read."
    )


def _sequential(config: Any, where: str) -> Layers:
    name = str(config.get("name") or "sequential") if isinstance(config, Mapping) else "sequential"
    entries = _entries(config.get("layers") if isinstance(config, Mapping) else config, where)
    layers: list[LayerConfig] = []
    if entries and entries[0]["class_name"] != INPUT:
        shape = entries[0]["config"].get("batch_input_shape")
        layers.append(LayerConfig("(input)", INPUT, {"batch_input_shape": shape}, ()))
    for entry in entries:
        before = (layers[-1].name,) if layers else ()
        layers.append(LayerConfig(_name(entry, where), entry["class_name"], entry["config"], before))
    return Layers(name, _ordered(layers, [layers[-1].name], where), layers[-1].name)


def _functional(config: Mapping[str, Any], where: str) -> Layers:
    layers = []
    for entry in _entries(config.get("layers"), where):
        name = _name(entry, where)
        nodes = entry.get("inbound_nodes")
        if not isinstance(nodes, list) or len(nodes) > 1:
            # A layer that is called twice shares its weights between two places.
            raise UnusableInput(f"its layer '{visible(name)}' is used in several places", where=where)
        inputs = tuple(_sources(nodes, name, where))
        if len(inputs) > _MOST_INPUTS:
            raise UnusableInput(f"its layer '{visible(name)}' has {len(inputs)} inputs", where=where)
        layers.append(LayerConfig(name, entry["class_name"], entry["config"], inputs))
    outputs = list(_sources(config.get("output_layers"), "(output)", where))
    if not outputs:
        raise UnusableInput("its network has no output", where=where)
    return Layers(str(config.get("name") or ""), _ordered(layers, outputs, where), outputs[-1])


def _entries(layers: Any, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(layers, list) or not 1 <= len(layers) <= _MOST_LAYERS:
        raise UnusableInput("its network has no layers, or far too many", where=where)
    for entry in layers:
        sound = isinstance(entry, Mapping) and isinstance(entry.get("class_name"), str)
        if not sound or not isinstance(entry.get("config"), Mapping):
            raise UnusableInput("a layer of its network has no class or no settings", where=where)
    return layers


def _name(entry: Mapping[str, Any], where: str) -> str:
    name = entry.get("name") or entry["config"].get("name")
    if not isinstance(name, str):
        raise UnusableInput(f"a layer of the kind '{visible(entry['class_name'])}' has no name", where=where)
    return name


def _sources(plain: Any, layer: str, where: str, depth: int = 0) -> Iterator[str]:
    """Names of the layers that nested lists and tables of tensors point to, in order."""
    history = _history(plain)
    if history is not None:
        name, node = history
        if node != 0:
            raise UnusableInput(f"its layer '{visible(name)}' is used in several places", where=where)
        yield name
    elif depth > _MOST_DEPTH:
        raise UnusableInput(f"the inputs of its layer '{visible(layer)}' are nested too deeply", where=where)
    elif isinstance(plain, list):
        for entry in plain:
            yield from _sources(entry, layer, where, depth + 1)
    elif isinstance(plain, Mapping):
        for entry in plain.values():
            yield from _sources(entry, layer, where, depth + 1)


def _history(plain: Any) -> tuple[str, int] | None:
    """Layer and node if this stands for a tensor: `[name, node, tensor, …]` or a table of the class KerasTensor."""
    if isinstance(plain, Mapping) and plain.get("class_name") == "__keras_tensor__":
        config = plain.get("config")
        plain = config.get("keras_history") if isinstance(config, Mapping) else None
    if not isinstance(plain, list) or len(plain) < 3 or not isinstance(plain[0], str):
        return None
    node = plain[1]
    return (plain[0], node) if isinstance(node, int) else None


def _ordered(layers: list[LayerConfig], outputs: list[str], where: str) -> tuple[LayerConfig, ...]:
    """The layers that the outputs need, each behind its inputs; those of the last output first."""
    by_name = {layer.name: layer for layer in layers}
    if len(by_name) != len(layers):
        raise UnusableInput("two layers of its network have the same name", where=where)
    order: dict[str, LayerConfig] = {}
    open_names: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting[-1]
        layer = by_name.get(name)
        if layer is None:
            raise UnusableInput(f"its network needs a layer '{visible(name)}' that is not there", where=where)
        missing = [source for source in layer.inputs if source not in order]
        if name in order or not missing:
            order.setdefault(name, layer)
            open_names.discard(name)
            waiting.pop()
        elif name in open_names:
            raise UnusableInput(f"its layer '{visible(name)}' needs its own output", where=where)
        else:
            open_names.add(name)
            waiting.extend(reversed(missing))
    if sum(layer.kind == INPUT for layer in order.values()) != 1:
        raise UnusableInput("its network must have one input", where=where)
    return tuple(order.values())
