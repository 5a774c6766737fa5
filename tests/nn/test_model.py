"""Model files, their metadata, and prediction with them."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from leaptui.errors import UnusableInput
from leaptui.nn.model import PoseModel, build_network, count_parameters, load_model, save_model
from leaptui.nn.model_metadata import METADATA_KEY, ModelMetadata, read_metadata
from leaptui.nn.predictor import Predictor
from leaptui.nn.preprocessing import Preprocessing, match_channels, measure
from leaptui.nn.settings import TrainingSettings
from tests.nn.conftest import BLOBS, blob_animals


def _model(channels: int = 1, scale: float = 1.0, architecture: str = "unet") -> PoseModel:
    torch.manual_seed(0)
    options = {"widths": (4, 6, 8)} if architecture == "unet" else {"filters": 3}
    settings = TrainingSettings(architecture=architecture, options=options, input_scale=scale, sigma=3.0)
    network = build_network(settings, channels, 4)
    for buffer in network.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    preprocessing = measure(
        list(blob_animals(3, (40, 56), channels, 0).frames),
        input_scale=scale,
        padding_multiple=network.padding_multiple,
    )
    metadata = ModelMetadata(
        BLOBS, settings, preprocessing.to_dict(), "softmax", network.output_stride, count_parameters(network),
        {"error_px": 1.25}, {"seed": 1}, (1, 2), (3,),
    )  # fmt: skip
    return PoseModel(network.eval(), preprocessing, metadata)


pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, _model())
    return path


@pytest.mark.parametrize("architecture", ["unet", "leap_cnn"])
def test_round_trip_gives_the_same_network(architecture: str, tmp_path: Path) -> None:
    model = _model(architecture=architecture)
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.metadata == ModelMetadata.from_json(model.metadata.to_json(), "x")
    assert loaded.metadata.skeleton == BLOBS
    assert loaded.metadata.settings == model.metadata.settings
    assert loaded.preprocessing == model.preprocessing
    frames = torch.rand(2, 1, 32, 48)
    with torch.no_grad():
        assert torch.equal(loaded.network(frames), model.network(frames))
    assert read_metadata(path) == loaded.metadata
    assert load_file(path).keys() == model.network.state_dict().keys()


def test_two_loads_predict_identically(path: Path) -> None:
    frames = np.stack(list(blob_animals(5, (40, 56), 1, 3).frames))
    first, second = (Predictor(path, device="cpu", precision="32").predict(frames) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("size", [(40, 56), (33, 71), (5, 5), (1, 1), (64, 32)])
@pytest.mark.parametrize("model_channels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_any_size_and_colour(
    size: tuple[int, int], model_channels: int, channels: int, scale: float, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, _model(model_channels, scale))
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, channels), dtype=np.uint8)
    points, scores = Predictor(path, device="cpu").predict(frames)
    assert (points.shape, scores.shape) == ((3, 1, 4, 2), (3, 1, 4))
    assert points.dtype == scores.dtype == np.float32
    assert np.isfinite(points).all()
    assert (points >= -0.5).all()
    assert (points <= np.array([size[1] - 0.5, size[0] - 0.5])).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_batches_do_not_change_the_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(path, device="cpu", precision="32")
    frames = np.stack(list(blob_animals(7, (40, 56), 1, 3).frames))
    frames.flags.writeable = False
    together = predictor.predict(frames)[0]
    monkeypatch.setattr(predictor, "batch_size", lambda height, width: 2)
    assert np.allclose(predictor.predict(frames)[0], together, atol=1e-3)
    empty = predictor.predict(frames[:0])
    assert (empty[0].shape, empty[1].shape) == ((0, 1, 4, 2), (0, 1, 4))


def test_reduced_precision_stays_close(path: Path) -> None:
    frames = np.stack(list(blob_animals(4, (40, 56), 1, 3).frames))
    full, reduced = (Predictor(path, device="cpu", precision=p).predict(frames) for p in ("32", "bf16"))
    assert np.abs(full[1] - reduced[1]).max() < 0.1


def test_what_a_predictor_says(path: Path) -> None:
    predictor = Predictor(path, device="cpu", precision="32")
    assert predictor.skeleton == BLOBS
    assert predictor.metadata.figures == {"error_px": 1.25}
    assert predictor.description["precision"] == "32"
    assert predictor.description["device"].startswith("cpu (")
    assert predictor.batch_size(64, 64) >= predictor.batch_size(2000, 2000) >= 1
    for wrong in (np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 1), np.float32), np.zeros((2, 8, 8, 4), np.uint8)):
        with pytest.raises(UnusableInput):
            predictor.predict(wrong)


def test_grey_and_colour() -> None:
    colour = torch.tensor([255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90], dtype=torch.uint8).reshape(4, 3, 1, 1)
    assert match_channels(colour, 1).flatten().tolist() == [77, 149, 29, 90]
    grey = torch.tensor([[[[7]]]], dtype=torch.uint8)
    assert match_channels(grey, 3).flatten().tolist() == [7, 7, 7]
    assert match_channels(grey, 1) is grey


def test_preprocessing_measures_and_prepares() -> None:
    frame = np.full((10, 20, 1), 200, dtype=np.uint8)
    frame[0], frame[-1], frame[:, 0], frame[:, -1] = 10, 10, 10, 10
    preprocessing = measure([frame], input_scale=1.0, padding_multiple=8)
    assert preprocessing.fill == (10.0,)
    assert preprocessing.mean[0] == pytest.approx(frame.mean(), abs=1e-3)
    assert preprocessing.std[0] == pytest.approx(frame.std(), abs=1e-3)
    prepared = preprocessing.prepare(torch.from_numpy(frame).permute(2, 0, 1)[None])
    assert prepared.shape == (1, 1, 16, 24)
    assert prepared[0, 0, -1, -1] == pytest.approx((10 - frame.mean()) / frame.std(), abs=1e-3)
    flat = measure([np.zeros((4, 4, 1), np.uint8)], input_scale=1.0, padding_multiple=8)
    assert flat.std == (1.0,)


def _rewrite(path: Path, change: object) -> None:
    """Change the metadata of a model file by a function on its plain form."""
    weights = load_file(path)
    header = json.loads(path.read_bytes()[8 : 8 + struct.unpack("<Q", path.read_bytes()[:8])[0]])
    plain = json.loads(header["__metadata__"][METADATA_KEY])
    change(plain)  # type: ignore[operator]
    save_file(weights, path, {METADATA_KEY: json.dumps(plain)})


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(format="other"),
        lambda p: p.update(version=2),
        lambda p: p.pop("skeleton"),
        lambda p: p["skeleton"].update(nodes=["a"]),
        lambda p: p["skeleton"].update(nodes=[]),
        lambda p: p["settings"].update(architecture="os:system"),
        lambda p: p["settings"].update(architecture="leap_cnn"),
        lambda p: p["settings"].update(options={"widths": [4, 6, 10**9]}),
        lambda p: p["settings"].update(options={"widths": [10**12, 10**12]}),
        lambda p: p["settings"].update(options={"widths": "abc"}),
        lambda p: p["settings"].update(options={"rm": 1}),
        lambda p: p["settings"].update(sigma=None),
        lambda p: p["settings"].update(sigma="3"),
        lambda p: p["settings"].update(surprise=1),
        lambda p: p["preprocessing"].update(channels=10**9),
        lambda p: p["preprocessing"].update(std=[0.0]),
        lambda p: p["preprocessing"].update(mean=[]),
        lambda p: p["preprocessing"].update(padding_multiple=64),
        lambda p: p["preprocessing"].pop("fill"),
        lambda p: p.update(activation="eval"),
        lambda p: p.update(output_stride=1),
        lambda p: p.update(training_checksums=["x"]),
        lambda p: p.update(figures=3),
    ],
)
def test_changed_metadata_is_refused(change: object, path: Path) -> None:
    _rewrite(path, change)
    with pytest.raises(UnusableInput) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def _pickled() -> bytes:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("executed",)

    return pickle.dumps(Trap())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        b"\xff" * 200,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 5) + b'{"a":',
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 24) + b'{"__metadata__": [1, 2]}',
        _pickled() + b"\0" * 100,
    ],
)
def test_files_that_are_no_models_are_refused(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    for read in (read_metadata, load_model):
        with pytest.raises(UnusableInput, match=r"hostile\.safetensors"):
            read(path)
    assert capfd.readouterr().out == ""


def test_damaged_and_missing_files_are_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(UnusableInput):
        load_model(path)
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_metadata(tmp_path / "missing")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_metadata(tmp_path)


def test_preprocessing_survives_its_plain_form() -> None:
    preprocessing = _model(3, 0.5).preprocessing
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict())), "x") == preprocessing
