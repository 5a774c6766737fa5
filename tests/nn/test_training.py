"""Training runs on the blob animal: they learn, report, stop, resume and repeat themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.nn import training
from leaptui.nn.batches import FrameBank
from leaptui.nn.data import TrainingData
from leaptui.nn.losses import LOSSES
from leaptui.nn.model import build_network
from leaptui.nn.model_metadata import read_metadata
from leaptui.nn.module import PoseModule
from leaptui.nn.predictor import Predictor
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import TrainingSettings
from leaptui.nn.training import TrainingOutcome, train
from leaptui.pose.skeleton import Skeleton, make_skeleton
from tests.nn.conftest import BLOBS, Recorder, blob_animals

QUICK = TrainingSettings(
    options={"widths": (8, 16, 24)},
    epochs=3,
    steps_per_epoch=4,
    batch_size=4,
    learning_rate=5e-3,
    warmup_steps=10,
    shift=4.0,
)
LEARNING = dataclasses.replace(QUICK, options={"widths": (8, 16, 24, 32)}, epochs=6, steps_per_epoch=50, batch_size=8)


def _train(data: TrainingData, folder: Path, settings: TrainingSettings = QUICK, **changes: object) -> TrainingOutcome:
    arguments: dict[str, object] = {
        "seed": 1,
        "device": "cpu",
        "precision": "32",
        "context": Recorder(folder),
        "checkpoints": folder / "checkpoints",
        "model_path": folder / "model.safetensors",
        "provenance": {"run": "test"},
    }
    return train(data, BLOBS, settings, **(arguments | changes))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_it_learns_and_the_model_predicts_as_well(
    channels: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = blob_animals(60, (64, 96), channels, seed=0)
    recorder = Recorder(tmp_path)
    outcome = _train(data, tmp_path, LEARNING, context=recorder, labels=40)
    assert outcome.val_error_px is not None
    assert outcome.val_error_px < 1.0
    assert (outcome.labels, outcome.val_frames, outcome.epochs, outcome.stopped) == (40, 20, 6, False)
    assert outcome.val_error_body == pytest.approx(outcome.val_error_px / 18.0, rel=1e-3)
    assert set(outcome.node_error_px) == set(BLOBS.node_names)
    fresh = blob_animals(30, (96, 64), channels, seed=99)
    points, scores = Predictor(outcome.model, device="cpu", precision="32").predict(np.stack(list(fresh.frames)))
    errors = np.linalg.norm(points[:, 0] - fresh.points, axis=-1)
    assert errors.mean() < 1.5
    assert scores.mean() > 0.5
    assert capfd.readouterr() == ("", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoints", "model.safetensors", "previews"]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "best.ckpt",
        "last.ckpt",
    ]


def test_events_are_those_of_the_contract(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    outcome = _train(blob_animals(12, (40, 56), 1, seed=0), tmp_path, context=recorder)
    (plan,) = recorder.of("plan")
    assert set(plan) == {
        "epochs", "steps_per_epoch", "train_frames", "val_frames", "parameters",
        "architecture", "device", "precision", "body_length_px", "nodes",
    }  # fmt: skip
    assert (plan["train_frames"], plan["val_frames"], plan["architecture"]) == (10, 2, "unet")
    assert plan["body_length_px"] == pytest.approx(18.0, abs=1e-3)
    epochs = recorder.of("epoch")
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    assert [e["step"] for e in epochs] == [4, 8, 12]
    assert set(epochs[0]) == {
        "epoch", "step", "train_loss", "val_loss", "val_error_px", "val_error_body", "lr", "best", "seconds", "eta_s",
        "node_error_px",
    }  # fmt: skip
    plain = [v for _, fields in recorder.events for v in fields.values()]
    plain += [each for v in plain if isinstance(v, list) for each in v]
    assert {type(v) for v in plain} <= {int, float, bool, str, list}
    assert plan["nodes"] == list(BLOBS.node_names)
    assert [len(e["node_error_px"]) for e in epochs] == [4, 4, 4]
    assert np.mean(epochs[0]["node_error_px"]) == pytest.approx(epochs[0]["val_error_px"], rel=1e-4)
    assert epochs[0]["best"] is True
    best = min(epochs, key=lambda e: e["val_error_px"])
    assert outcome.best_epoch == best["epoch"]
    assert outcome.val_error_px == pytest.approx(best["val_error_px"], rel=1e-4)
    kept = recorder.of("checkpoint")
    assert [c["epoch"] for c in kept if c["kind"] == "last"][-1] == 3
    assert [c["epoch"] for c in kept if c["kind"] == "best"] == [e["epoch"] for e in epochs if e["best"]]
    assert all(c["step"] == 4 * c["epoch"] for c in kept)
    for step in recorder.of("step"):
        assert set(step) == {"epoch", "step", "loss", "lr", "samples_per_s"}
    assert not recorder.of("log")


def test_step_events_come_when_time_has_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaptui.nn.callbacks._SECONDS_BETWEEN_STEPS", 0.0)
    recorder = Recorder(tmp_path)
    _train(blob_animals(6, (40, 56), 1, seed=0), tmp_path, context=recorder)
    assert [s["step"] for s in recorder.of("step")] == list(range(1, 13))
    assert [s["epoch"] for s in recorder.of("step")] == [1] * 4 + [2] * 4 + [3] * 4


def test_a_stop_is_honoured_at_the_next_step(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, stop_after=6)
    outcome = _train(blob_animals(12, (40, 56), 1, seed=0), tmp_path, context=recorder)
    assert outcome.stopped
    assert recorder.of("epoch")[-1]["step"] == 6
    assert outcome.epochs == 2
    assert outcome.val_error_px is not None
    assert read_metadata(outcome.model).figures["best_epoch"] == outcome.best_epoch


def test_the_same_seed_gives_the_same_network(tmp_path: Path) -> None:
    data = blob_animals(12, (40, 56), 1, seed=0)
    made = [(_train(data, tmp_path / n, seed=s), tmp_path / n) for n, s in (("a", 3), ("b", 3), ("c", 4))]
    weights = [folder.joinpath("model.safetensors").read_bytes()[-40_000:] for _, folder in made]
    assert weights[0] == weights[1] != weights[2]
    assert made[0][0].val_error_px == made[1][0].val_error_px


@pytest.mark.parametrize("count", [1, 2])
def test_without_validation_the_last_weights_are_written(count: int, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    outcome = _train(blob_animals(count, (40, 56), 1, seed=0), tmp_path, context=recorder)
    assert (outcome.val_frames, outcome.val_error_px, outcome.best_epoch) == (0, None, None)
    assert outcome.node_error_px == {}
    assert all(e["val_loss"] is None and e["val_error_px"] is None for e in recorder.of("epoch"))
    assert not any(c["kind"] == "best" for c in recorder.of("checkpoint"))
    assert Predictor(outcome.model, device="cpu").predict(np.zeros((1, 40, 56, 1), np.uint8))[0].shape == (1, 1, 4, 2)


@pytest.mark.parametrize(
    "settings",
    [
        dataclasses.replace(QUICK, optimiser="adam", schedule="plateau", loss="mse", ema_decay=0.0, plateau_patience=0),
        dataclasses.replace(QUICK, optimiser="amsgrad", schedule="constant", gradient_clip=1.0, noise=0.1),
        dataclasses.replace(QUICK, architecture="leap_cnn", options={"filters": 4}, loss="mse", sigma=5.0),
        dataclasses.replace(QUICK, input_scale=0.5),
    ],
)
def test_other_settings_train_too(settings: TrainingSettings, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for precision in ("32", "bf16"):
        outcome = _train(
            blob_animals(8, (40, 56), 1, seed=0), tmp_path, settings, context=recorder, precision=precision
        )
        assert outcome.epochs == 3
        assert outcome.precision == precision
        assert np.isfinite(outcome.val_error_px or np.nan)


def test_plateau_lowers_the_rate_without_validation_too(tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, schedule="plateau", plateau_patience=0, learning_rate=1e-7, epochs=6)
    recorder = Recorder(tmp_path)
    _train(blob_animals(2, (40, 56), 1, seed=0), tmp_path, settings, context=recorder)
    rates = [e["lr"] for e in recorder.of("epoch")]
    assert rates[0] == 1e-7
    assert rates[-1] < 1e-7


def test_frames_of_several_sizes_and_missing_points(tmp_path: Path) -> None:
    parts = [blob_animals(6, size, 1, seed=i) for i, size in enumerate(((40, 56), (64, 48)))]
    points = np.concatenate([p.points for p in parts])
    points[::2, 1] = np.nan
    points[:, 3] = np.nan
    frames = [f for p in parts for f in p.frames]
    for frame in frames:
        frame.flags.writeable = False
    recorder = Recorder(tmp_path)
    outcome = _train(TrainingData(frames, points, checksums=[*range(11), None]), tmp_path, labels=6, context=recorder)
    assert not recorder.of("log")
    assert outcome.node_error_px["right"] is None
    metadata = read_metadata(outcome.model)
    assert len(metadata.training_checksums) + len(metadata.validation_checksums) == 11
    assert not set(metadata.training_checksums) & set(metadata.validation_checksums)
    assert metadata.provenance == {"run": "test"}
    assert metadata.figures["error_px"] == outcome.val_error_px


def test_coordinates_keep_full_precision_under_autocast() -> None:
    """A bf16 coordinate of 150 px would be off by up to half a pixel."""
    data = blob_animals(4, (160, 200), 1, seed=0)
    settings = QUICK.resolved(160, 200)
    network = build_network(settings, 1, 4)
    preprocessing = measure(list(data.frames), input_scale=1.0, padding_multiple=8)
    bank = FrameBank(data, np.arange(4), preprocessing, torch.device("cpu"))
    module = PoseModule(network, settings, BLOBS.swap, bank, bank, 0, None)
    seen: list[torch.Tensor] = []

    class Spy:
        activation = "softmax"

        def __call__(self, maps: torch.Tensor, points: torch.Tensor, stride: int, sigma: float) -> torch.Tensor:
            seen.append(points)
            return maps.float().mean()

    module.loss = Spy()
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    for reduced in (False, True):
        module._generator = torch.Generator().manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=reduced):
            module.training_step(torch.arange(4), 0)
    assert seen[0].dtype == seen[1].dtype == torch.float32
    assert torch.equal(torch.nan_to_num(seen[0]), torch.nan_to_num(seen[1]))


def test_divergence_is_an_error_and_writes_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Diverging:
        activation = "softmax"

        def __call__(self, maps: torch.Tensor, points: torch.Tensor, stride: int, sigma: float) -> torch.Tensor:
            return maps.mean() * torch.inf

    monkeypatch.setitem(LOSSES, "cross_entropy", Diverging())
    for count in (2, 8):
        with pytest.raises(OperationFailed, match="diverged"):
            _train(blob_animals(count, (40, 56), 1, seed=0), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def test_live_validation_is_bounded_but_the_figures_are_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LIVE_VALIDATION_FRAMES", 3)
    outcome = _train(blob_animals(12, (40, 56), 1, seed=0), tmp_path, labels=4)
    assert outcome.val_frames == 8
    assert read_metadata(outcome.model).figures["points"] == 32


def test_wrong_requests_are_refused_before_anything_is_written(
    tmp_path: Path, animals: Callable[..., TrainingData], skeleton: Skeleton
) -> None:
    data = animals(6)
    other = make_skeleton("two", ["a", "b"])
    with pytest.raises(UnusableInput, match="4 nodes"):
        train(
            data,
            other,
            QUICK,
            seed=0,
            context=Recorder(tmp_path),
            checkpoints=tmp_path / "c",
            model_path=tmp_path / "m",
            provenance={},
        )
    for wrong in (
        {"labels": 7},
        {"seed": -1},
        {"provenance": {"a": object()}},
        {"device": "gpu"},
        {"precision": "8"},
        {"device": "meta"},
    ):
        with pytest.raises(UsageError):
            _train(data, tmp_path, **wrong)
    with pytest.raises(UsageError, match="options"):
        _train(data, tmp_path, dataclasses.replace(QUICK, options={"depth": 3}))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_real_flies_are_learned_from_a_few_labels(real_data: Path, tmp_path: Path) -> None:
    """Not a benchmark: a small network and few steps must be far below chance (about 50 px)."""
    h5py = pytest.importorskip("h5py")
    from leaptui.pose.builtin import fly32

    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        data = TrainingData(file["images"][:40], file["annotations"][:40])
    settings = TrainingSettings(
        options={"widths": (12, 16, 24, 32, 48)},
        epochs=3,
        steps_per_epoch=40,
        batch_size=8,
        learning_rate=5e-3,
        warmup_steps=10,
    )
    outcome = train(
        data,
        fly32(),
        settings,
        seed=0,
        context=Recorder(tmp_path),
        checkpoints=tmp_path,
        model_path=tmp_path / "m",
        provenance={},
    )
    assert outcome.val_error_px is not None
    assert outcome.val_error_px < 35
    assert outcome.body_length_px == pytest.approx(95, abs=3)
