"""TensorBoard is told what the run's events say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from leaptui.errors import UnusableInput
from leaptui.formats import tensorboard_events
from leaptui.nn.board import FOLDER, board_loggers
from leaptui.nn.settings import TrainingSettings
from leaptui.nn.training import train
from leaptui.ops.train import TrainRequest
from tests.nn.conftest import BLOBS, Recorder, blob_animals

QUICK = TrainingSettings(options={"widths": (8, 16)}, epochs=2, steps_per_epoch=4, batch_size=4, shift=4.0)


def test_without_the_package_a_training_is_refused_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard_events.importlib.util, "find_spec", lambda name: None)
    assert board_loggers(tmp_path, wanted=False) == []
    for refused in (lambda: board_loggers(tmp_path, wanted=True), TrainRequest(tmp_path, tensorboard=True).check):
        with pytest.raises(UnusableInput) as caught:
            refused()
        assert "pip install 'leaptui[tensorboard]'" in str(caught.value)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="the package tensorboard is not installed (extra: tensorboard)",
)
def test_every_epoch_is_in_the_event_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    train(
        blob_animals(24, (64, 64), 1, seed=0),
        BLOBS,
        QUICK,
        seed=1,
        device="cpu",
        precision="32",
        context=recorder,
        checkpoints=tmp_path / "checkpoints",
        model_path=tmp_path / "model.safetensors",
        provenance={},
        loggers=board_loggers(tmp_path, wanted=True),
    )
    log = tensorboard_events.TensorBoardLog(tmp_path / FOLDER)
    log.poll()
    epochs = recorder.of("epoch")
    assert len(epochs) == 2
    for name in ("train_loss", "val_loss", "val_error_px"):
        assert list(log.curves[name].y) == pytest.approx([each[name] for each in epochs], rel=1e-6), name
    assert list(log.curves["train_loss"].x) == [each["step"] for each in epochs]
    assert log.problems == []
