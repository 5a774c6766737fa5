"""Keras files that are damaged, strange or mean harm end in one clear refusal, without much memory or any code run."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from leaptui.errors import UnusableInput
from leaptui.nn.model import load_model
from leaptui.ops.models import find_model, is_model

Config = dict[str, Any]
Change = Callable[[Config], Any]


def _layer(kind: str, name: str, *inputs: str, **config: Any) -> Config:
    nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def _config() -> Config:
    """in -> conv -> out."""
    conv = {"kernel_size": [3, 3], "padding": "same", "use_bias": True, "strides": [1, 1]}
    layers = [
        _layer("InputLayer", "in", batch_input_shape=[None, 16, 16, 1]),
        _layer("Conv2D", "conv", "in", filters=4, activation="relu", **conv),
        _layer("Conv2D", "out", "conv", filters=2, activation="linear", **conv),
    ]
    return {"name": "net", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}


def _write(path: Path, config: Any, kind: str = "Model") -> Path:
    text = config if isinstance(config, str) else json.dumps({"class_name": kind, "config": config})
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.1.6"
        file.attrs["model_config"] = text.encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"in", b"conv", b"out"]
        group.create_group("in").attrs["weight_names"] = np.array([], "S1")
        for name, inside, outside in (("conv", 1, 4), ("out", 4, 2)):
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            layer[f"{name}/kernel:0"] = np.full((3, 3, inside, outside), 0.1, np.float32)
            layer[f"{name}/bias:0"] = np.zeros(outside, np.float32)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(UnusableInput) as refused:
        load_model(path)
    assert refused.value.where == str(path)
    assert "\n" not in refused.value.what
    assert len(refused.value.what) < 300
    assert refused.value.what.isprintable()
    return refused.value.what


def test_the_file_that_the_others_spoil_is_sound(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.h5", _config())
    model = load_model(path)
    assert list(model.metadata.skeleton.node_names) == ["node1", "node2"]
    assert is_model(path)


def _change(index: int, **settings: Any) -> Change:
    return lambda c: c["layers"][index]["config"].update(settings)


def _kind(index: int, kind: str) -> Change:
    return lambda c: c["layers"][index].update(class_name=kind)


def _inputs(index: int, nodes: Any) -> Change:
    return lambda c: c["layers"][index].update(inbound_nodes=nodes)


def _deep(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


CHANGES: dict[str, tuple[Change, str]] = {
    "code": (_kind(1, "Lambda"), "'conv' is of the kind 'Lambda'"),
    "unknown": (_kind(1, "\x1b[31mRed"), r"the kind '\x1b[31mRed'"),
    "nested": (_kind(1, "Model"), "'conv' is of the kind 'Model'"),
    "cycle": (_inputs(1, [[["out", 0, 0, {}]]]), "needs its own output"),
    "self": (_inputs(1, [[["conv", 0, 0, {}]]]), "needs its own output"),
    "nowhere": (_inputs(1, [[["ghost", 0, 0, {}]]]), "'ghost' that is not there"),
    "shared": (_inputs(1, [[["in", 0, 0, {}]], [["in", 0, 0, {}]]]), "used in several places"),
    "second call": (_inputs(2, [[["conv", 1, 0, {}]]]), "used in several places"),
    "deep": (_inputs(1, _deep(500)), "nested too deeply"),
    "no node": (_inputs(1, None), "used in several places"),
    "no input": (_inputs(1, []), "one input"),
    "two inputs": (_inputs(1, [[["in", 0, 0, {}], ["in", 0, 0, {}]]]), "2 inputs instead of one"),
    "many inputs": (_inputs(1, [[["in", 0, 0, {}]] * 1000]), "1000 inputs"),
    "filters": (_change(1, filters=10**9), "number of filters"),
    "filters text": (_change(1, filters="4"), "number of filters"),
    "fewer filters": (_change(1, filters=3), "its settings ask for"),
    "kernel": (_change(1, kernel_size=[10**9, 3]), "kernel_size"),
    "no kernel": (_change(1, kernel_size=None), "kernel_size"),
    "strides": (_change(1, strides=[0, 1]), "strides"),
    "uneven strides": (_change(1, strides=[1, 2]), "another stride along rows"),
    # Each is allowed, both together would make cells of 4096 px.
    "huge strides": (lambda c: [_change(i, strides=[64, 64])(c) for i in (1, 2)], "far too large"),
    "valid": (_change(1, padding="valid"), "shift the maps"),
    "causal": (_change(1, padding=["same"]), "shift the maps"),
    "first": (_change(1, data_format="channels_first"), "channels first"),
    "activation": (_change(1, activation="__import__('os')"), "unknown activation"),
    "activation table": (_change(1, activation={"class_name": "function"}), "unknown activation"),
    "grouped": (_change(1, groups=2), "groups"),
    "bias": (_change(1, use_bias="yes"), "use_bias"),
    "channels": (_change(0, batch_input_shape=[None, 16, 16, 10**9]), "not frames of 1 or 3 channels"),
    "rank": (_change(0, batch_input_shape=[None, 16]), "not frames of 1 or 3 channels"),
    "no shape": (_change(0, batch_input_shape=None), "not frames of 1 or 3 channels"),
    "no layers": (lambda c: c.update(layers=[]), "no layers"),
    "layers": (lambda c: c.update(layers="conv"), "no layers"),
    "layer": (lambda c: c["layers"].append(7), "no class or no settings"),
    "many layers": (lambda c: c.update(layers=c["layers"] * 5000), "far too many"),
    "twice": (lambda c: c["layers"].append(c["layers"][1]), "the same name"),
    "no output": (lambda c: c.update(output_layers=[]), "no output"),
    "other output": (lambda c: c.update(output_layers=[["ghost", 0, 0]]), "'ghost' that is not there"),
    "input as output": (lambda c: c.update(output_layers=[["in", 0, 0]]), "no weights"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_strange_networks(tmp_path: Path, name: str) -> None:
    change, words = CHANGES[name]
    config = _config()
    change(config)
    path = _write(tmp_path / "m.h5", config)
    assert words in _refusal(path)


def test_growing_without_end(tmp_path: Path) -> None:
    """Joining a map with itself doubles it each time, and so does enlarging it."""
    for kind, more in (("Concatenate", {"axis": -1}), ("UpSampling2D", {"size": [2, 2]})):
        config = _config()
        before = "conv"
        for i in range(60):
            sources = (before, before) if kind == "Concatenate" else (before,)
            config["layers"].append(_layer(kind, f"more{i}", *sources, **more))
            before = f"more{i}"
        config["output_layers"] = [[before, 0, 0]]
        assert "far too large" in _refusal(_write(tmp_path / "m.h5", config))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not one that Keras writes"),
        ('{"class_name": "Sequential", "config": 3}', "no layers"),
        ('{"class_name": "Sequential"}', "no layers"),
        ('{"class_name": "Model", "config": []}', "of the kind 'Model'"),
        ('{"class_name": "Pickle", "config": {}}', "of the kind 'Pickle'"),
    ],
)
def test_strange_descriptions(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.h5"
    # The old format of attributes ends at 64 kB.
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = text
    assert words in _refusal(path)


SPOILT: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "no weights": (lambda f: f.__delitem__("model_weights"), "'model_weights' is missing"),
    "no names": (lambda f: f["model_weights"].attrs.__delitem__("layer_names"), "no attribute 'layer_names'"),
    "no weight names": (lambda f: f["model_weights/conv"].attrs.__delitem__("weight_names"), "'weight_names'"),
    "no layer": (lambda f: f["model_weights"].__delitem__("conv"), "'conv' are missing"),
    "no dataset": (lambda f: f["model_weights/conv/conv"].__delitem__("bias:0"), "'conv' are missing"),
    "no config": (lambda f: f.attrs.__delitem__("model_config"), "no 'model_config'"),
}


@pytest.mark.parametrize("name", list(SPOILT))
def test_missing_parts(tmp_path: Path, name: str) -> None:
    spoil, words = SPOILT[name]
    path = _write(tmp_path / "m.h5", _config())
    with h5py.File(path, "r+") as file:
        spoil(file)
    assert words in _refusal(path)


def _kernel_of(values: Any, **more: Any) -> Callable[[h5py.Group], Any]:
    return lambda group: group.create_dataset("kernel:0", data=values, **more)


KERNELS: dict[str, tuple[Callable[[h5py.Group], Any], str]] = {
    "text": (_kernel_of([b"a", b"b"]), "not numbers"),
    "whole numbers": (_kernel_of(np.ones((3, 3, 1, 4), np.int64)), "not numbers"),
    "complex": (_kernel_of(np.ones((3, 3, 1, 4), np.complex64)), "not numbers"),
    "transposed": (_kernel_of(np.ones((4, 1, 3, 3), np.float32)), "its settings ask for"),
    "nan": (_kernel_of(np.full((3, 3, 1, 4), np.nan, np.float32)), "not finite"),
    "too far": (_kernel_of(np.full((3, 3, 1, 4), 1e300)), "not finite"),
    "empty": (lambda g: g.create_dataset("kernel:0", data=h5py.Empty("f4")), "not numbers"),
    "huge": (
        lambda g: g.create_dataset("kernel:0", (2**20, 2**20), "f4", chunks=(1024, 1024), compression="gzip"),
        "more than",
    ),
    "group": (lambda g: g.create_group("kernel:0"), "are missing"),
    "link": (lambda g: g.__setitem__("kernel:0", h5py.ExternalLink("other.h5", "/x")), "another file"),
    "outside": (
        lambda g: g.create_dataset("kernel:0", (3, 3, 1, 4), "f4", external=[("/etc/passwd", 0, 144)]),
        "another file",
    ),
}


@pytest.mark.parametrize("name", list(KERNELS))
def test_strange_weights(tmp_path: Path, name: str) -> None:
    make, words = KERNELS[name]
    path = _write(tmp_path / "m.h5", _config())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((3, 3, 1, 4), np.float32)
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv/conv/kernel:0"]
        make(file["model_weights/conv/conv"])
    tracemalloc.start()
    try:
        assert words in _refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_weights_alone_and_files_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
    assert "which network its weights belong to" in _refusal(path)
    whole = _write(tmp_path / "m.h5", _config()).read_bytes()
    for part in (1000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:part])
        _refusal(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    _refusal(path)
    with h5py.File(path, "w") as file:
        file["box"] = np.zeros((2, 1, 8, 8), np.uint8)
    assert "not a leaptui model" in _refusal(path)
    assert not is_model(path)


def test_leaps_run_directory_names_its_best_network(tmp_path: Path) -> None:
    final = _write(tmp_path / "final_model.h5", _config())
    assert find_model(tmp_path) == final
    best = _write(tmp_path / "best_model.h5", _config())
    assert find_model(tmp_path) == best
