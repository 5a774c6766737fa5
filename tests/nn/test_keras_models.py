"""Networks saved by a real Keras give the maps here that they gave there. data/make_keras_files.py made the files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from leaptui.formats import keras_file, leap_predictions
from leaptui.formats.predictions import Predictions
from leaptui.nn.architectures.hourglass import Hourglass, StackedHourglass
from leaptui.nn.architectures.leap_cnn import LeapCNN
from leaptui.nn.keras_graph import KerasGraph, interpolation_of
from leaptui.nn.model import load_model, save_model
from leaptui.nn.predictor import Predictor
from leaptui.nn.settings import KERAS

ARCHIVES = Path(__file__).parent / "data" / "keras"
OWN = {"leap_cnn": LeapCNN, "hourglass": Hourglass, "stacked_hourglass": StackedHourglass}


def _cases() -> Iterator[tuple[str, str]]:
    for archive in sorted(ARCHIVES.glob("*.zip")):
        with zipfile.ZipFile(archive) as members:
            for name in sorted(members.namelist()):
                if name.endswith(".h5"):
                    yield archive.stem, name.removesuffix(".h5")


def unpack(folder: Path, keras: str, name: str) -> tuple[Path, dict[str, np.ndarray]]:
    """The Keras file, and what Keras made of it."""
    with zipfile.ZipFile(ARCHIVES / f"{keras}.zip") as members:
        members.extract(f"{name}.h5", folder)
        members.extract(f"{name}.npz", folder)
    with np.load(folder / f"{name}.npz") as arrays:
        return folder / f"{name}.h5", dict(arrays)


def test_every_keras_and_every_network_of_leap_is_there() -> None:
    cases = list(_cases())
    assert {keras for keras, _ in cases} == {"keras-2.1.6", "keras-2.2.4", "tf-keras-2.15", "keras-3"}
    assert {f"{name}{kind}" for name in OWN for kind in ("", "-bilinear")} <= {
        n for k, n in cases if k == "keras-2.1.6"
    }


@pytest.mark.parametrize(("keras", "name"), list(_cases()))
def test_same_maps_as_keras(tmp_path: Path, keras: str, name: str) -> None:
    path, there = unpack(tmp_path, keras, name)
    assert there["maps"].std() > 1e-3, "constant maps would prove nothing"
    model = load_model(path)
    frames = torch.from_numpy(there["frames"]).permute(0, 3, 1, 2)
    graph = KerasGraph(keras_file.read(path), str(path))
    with torch.inference_mode():
        prepared = model.preprocessing.prepare(frames)
        for network in (model.network, graph):
            maps = network(prepared).permute(0, 2, 3, 1).numpy()
            np.testing.assert_allclose(maps, there["maps"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("keras", "name"), [c for c in _cases() if c[1].split("-")[0] in OWN])
def test_leaps_networks_become_ours(tmp_path: Path, keras: str, name: str) -> None:
    path, there = unpack(tmp_path, keras, name)
    model = load_model(path)
    kind, _, bilinear = name.partition("-")
    settings = model.metadata.settings
    assert type(model.network) is OWN[kind]
    assert settings.architecture == kind
    assert settings.options == {"filters": 2 if kind == "leap_cnn" else 4, "bilinear": int(bool(bilinear))}
    assert model.metadata.provenance["keras"]["version"]
    assert model.preprocessing.sizes_seen == ((48, 32),)
    # and so travel as a model file.
    save_model(tmp_path / "model.safetensors", model)
    again, first = Predictor(tmp_path / "model.safetensors", "cpu", "32"), Predictor(path, "cpu", "32")
    for a, b in zip(again.predict(there["frames"]), first.predict(there["frames"]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_networks_stay_what_they_are(tmp_path: Path) -> None:
    path, there = unpack(tmp_path, "tf-keras-2.15", "others")
    model = load_model(path)
    assert model.metadata.settings.architecture == KERAS
    assert (model.metadata.output_stride, model.preprocessing.padding_multiple) == (2, 8)
    assert model.preprocessing.channels == 3
    points, scores = Predictor(path, "cpu", "32").predict(there["frames"])
    assert points.shape == (1, 1, 2, 2)
    assert np.isfinite(points).all()
    assert scores.min() > 0
    odd = Predictor(path, "cpu", "32").predict(np.zeros((1, 45, 31, 1), np.uint8))[0]
    assert odd.min() >= -0.5
    assert (odd <= np.array([30.5, 44.5])).all()


def test_a_network_that_only_looks_like_leaps_is_run_as_it_is(tmp_path: Path) -> None:
    """The name and all shapes are LEAP's, but one activation is not."""
    path, _ = unpack(tmp_path, "keras-2.1.6", "leap_cnn")
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        text = text.decode() if isinstance(text, bytes) else text
        assert '"relu"' in text
        file.attrs["model_config"] = text.replace('"relu"', '"tanh"', 1)
    assert load_model(path).metadata.settings.architecture == KERAS


def _run_directory(folder: Path, **training_set: object) -> Path:
    """LEAP's layout: models/RUN with what training left, and the training set beside the box."""
    run = folder / "models" / "run"
    run.mkdir(parents=True)
    path, _ = unpack(run, "keras-2.1.6", "leap_cnn")
    where = training_set.pop("where", "training/flies.h5")
    scipy.io.savemat(run / "training_info.mat", {"data_path": where, "net_name": "leap_cnn"})
    with h5py.File(folder / "flies.h5", "w") as file:
        file["confmaps"] = np.zeros((1, 2, 4, 4), np.float32)
        file["confmaps"].attrs["sigma"] = training_set.get("sigma", np.array([7.0]))
        file["skeleton/edges"] = np.asarray(training_set.get("edges", [[1.0], [2.0]]))
        file["skeleton"].attrs["jointNames"] = training_set.get("names", "head\nabdomen")
    return path


@pytest.mark.parametrize("where", ["../training/flies.h5", "D:\\data\\training\\flies.h5", "/gone/flies.h5"])
def test_names_come_from_leaps_training_set(tmp_path: Path, where: str) -> None:
    metadata = load_model(_run_directory(tmp_path, where=where)).metadata
    assert metadata.skeleton.node_names == ("head", "abdomen")
    assert [(e.parent, e.child) for e in metadata.skeleton.edges] == [("head", "abdomen")]
    assert metadata.settings.sigma == 7
    assert metadata.provenance["training_set"] == str(tmp_path / "flies.h5")


@pytest.mark.parametrize(
    "spoilt", [{"names": "one"}, {"names": "a\na"}, {"names": 3}, {"names": ""}, {"where": "/gone/away.h5"}]
)
def test_a_training_set_of_something_else_is_left_alone(tmp_path: Path, spoilt: dict[str, object]) -> None:
    metadata = load_model(_run_directory(tmp_path, **spoilt)).metadata
    assert metadata.skeleton.node_names == ("node1", "node2")
    assert metadata.provenance["training_set"] is None
    assert metadata.settings.sigma == 5
    assert "sigma 5 px" in metadata.provenance["assumed"]


@pytest.mark.parametrize("spoilt", [{"edges": [[1.0], [9.0]]}, {"edges": [[1.5], [2.0]]}, {"edges": [[1.0], [1.0]]}])
def test_edges_that_make_no_sense_are_left_out(tmp_path: Path, spoilt: dict[str, object]) -> None:
    metadata = load_model(_run_directory(tmp_path, **spoilt, sigma=np.array([np.nan]))).metadata
    assert metadata.skeleton.node_names == ("head", "abdomen")
    assert metadata.skeleton.edges == ()
    assert metadata.settings.sigma == 5


@pytest.mark.parametrize("name", ["leap_cnn", "hourglass-bilinear", "stacked_hourglass"])
def test_the_peaks_are_where_leap_finds_them(tmp_path: Path, name: str) -> None:
    path, there = unpack(tmp_path, "keras-2.1.6", name)
    points, scores = Predictor(path, "cpu", "32").predict(there["frames"])
    x, y, height = there["peaks"][0]
    assert np.abs(points[0, 0] - np.stack([x, y], axis=1)).max() <= 0.5
    np.testing.assert_allclose(scores[0, 0], np.clip(height, 0, 1), atol=1e-4)


@pytest.mark.parametrize("name", ["leap_cnn", "hourglass-bilinear", "stacked_hourglass-bilinear"])
def test_predictions_as_leap_writes_them(tmp_path: Path, name: str) -> None:
    """Whole pixels and heights beyond 1, in LEAP's layout."""
    path, there = unpack(tmp_path, "keras-2.1.6", name)
    predictor = Predictor(path, "cpu", "32", whole_peaks=True)
    assert predictor.description["peaks"] == "whole"
    points, scores = predictor.predict(there["frames"])
    found = Predictions(points, scores, np.arange(1), predictor.skeleton)
    leap_predictions.write(found, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        positions, confidence = file["positions_pred"][:], file["conf_pred"][:]
    assert positions.dtype == np.int32
    np.testing.assert_array_equal(positions, there["peaks"][:, :2])
    np.testing.assert_allclose(confidence, there["peaks"][:, 2], atol=1e-4)


def test_whole_peaks_stay_in_frames_that_are_padded(tmp_path: Path) -> None:
    path, _ = unpack(tmp_path, "keras-2.1.6", "hourglass")
    frames = np.random.default_rng(0).integers(0, 256, (8, 21, 35, 1), np.uint8)
    points, _ = Predictor(path, "cpu", "32", whole_peaks=True).predict(frames)
    assert (points == np.rint(points)).all()
    assert (points >= 0).all()
    assert (points <= np.array([34, 20])).all()


@pytest.mark.parametrize(
    ("name", "version", "silent", "bilinear"),
    [
        ("LeapCNN", "2.1.6", "corners", "origin"),
        ("model_1", "2.1.6", "nearest", "origin"),
        ("model_1", "2.3.1", "nearest", "origin"),
        ("model_1", "2.2.4-tf", "nearest", "bilinear"),
        ("model", "2.15.0", "nearest", "bilinear"),
        ("functional", "3.12.0", "nearest", "bilinear"),
        ("functional", "", "nearest", "bilinear"),
    ],
)
def test_what_upsampling_means(name: str, version: str, silent: str, bilinear: str) -> None:
    meant = interpolation_of(keras_file.KerasNetwork(name, (), "", version, {}))
    assert silent in meant[""]
    assert bilinear in meant["bilinear"]
