"""Previews of a training: the same frames every epoch, points that are the network's, and little time spent."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from leaptui.formats.previews import EpochPreview, list_previews, read_preview
from leaptui.nn import previews
from leaptui.nn.batches import FrameBank
from leaptui.nn.confidence_maps import gaussian_maps
from leaptui.nn.data import TrainingData
from leaptui.nn.model import build_network
from leaptui.nn.module import PoseModule
from leaptui.nn.predictor import Predictor
from leaptui.nn.preprocessing import measure
from leaptui.nn.previews import PreviewWriter, heights, spread_frames
from leaptui.nn.settings import TrainingSettings
from leaptui.nn.training import train
from tests.nn.conftest import BLOBS, Recorder, blob_animals

TINY = TrainingSettings(
    options={"widths": (8, 16, 24)},
    epochs=3,
    steps_per_epoch=4,
    batch_size=4,
    learning_rate=5e-3,
    warmup_steps=10,
    shift=4.0,
)


def writer(folder: Path, data: TrainingData, **more: float) -> tuple[PreviewWriter, PoseModule, Recorder]:
    settings = TINY.resolved(64, 96)
    assert settings.input_scale is not None
    network = build_network(settings, 1, len(BLOBS))
    preprocessing = measure(
        list(data.frames), input_scale=settings.input_scale, padding_multiple=int(network.padding_multiple)
    )
    everything = np.arange(len(data))
    bank = FrameBank(data, everything, preprocessing, torch.device("cpu"))
    module = PoseModule(network, settings, BLOBS.swap, bank, bank, 0, None)
    recorder = Recorder(folder)
    made = PreviewWriter(recorder, data, everything, BLOBS, preprocessing, torch.device("cpu"), **more)
    return made, module, recorder


class FakeTrainer:
    """As much of a trainer as the callback looks at."""

    def __init__(self) -> None:
        self.current_epoch, self.max_epochs, self.should_stop = 0, 100, False


def epoch_end(made: PreviewWriter, module: PoseModule, trainer: FakeTrainer, error: float | None) -> None:
    module.figures = None if error is None else _figures(error)
    made.on_train_epoch_end(trainer, module)  # type: ignore[arg-type]
    made.on_fit_end(trainer, module)  # type: ignore[arg-type]
    trainer.current_epoch += 1


def _figures(error: float) -> object:
    return type("Figures", (), {"error_px": error})()


def test_training_writes_previews_that_say_what_the_model_says(tmp_path: Path) -> None:
    data = blob_animals(24, (64, 96), 1, seed=0)
    recorder = Recorder(tmp_path)
    outcome = train(
        data, BLOBS, dataclasses.replace(TINY, steps_per_epoch=12), seed=1, context=recorder, device="cpu",
        precision="32", checkpoints=tmp_path / "checkpoints", model_path=tmp_path / "model.safetensors",
        provenance={}, labels=16,
    )  # fmt: skip
    files = list_previews(tmp_path / "previews")
    told = {event["epoch"]: tmp_path / event["path"] for event in recorder.of("preview")}
    assert told == files and {1, outcome.epochs, outcome.best_epoch} <= set(files)
    found = {epoch: read_preview(path) for epoch, path in files.items()}
    first, best = found[1], found[outcome.best_epoch or 0]
    assert first.nodes == BLOBS.node_names and first.edges == BLOBS.edge_indices
    np.testing.assert_array_equal(first.frames, best.frames)
    np.testing.assert_array_equal(first.image, best.image)
    np.testing.assert_allclose(best.truth, data.points[best.frames])
    frames = np.stack([data.frames[i] for i in best.frames])
    predictor = Predictor(outcome.model, device="cpu", precision="32")
    points, scores = predictor.predict(frames)
    np.testing.assert_allclose(best.points, points[:, 0], atol=0.05)
    # Scores are calibrated when the training is over; until then they are raw.
    calibration = predictor.metadata.calibration
    assert calibration.points > 0
    np.testing.assert_allclose(calibration.of(best.scores), scores[:, 0], atol=0.01)
    assert not _peaks_lie_elsewhere(best)


def _peaks_lie_elsewhere(preview: EpochPreview) -> list[tuple[int, int]]:
    """Frames and nodes whose map is not highest within a cell of the predicted point."""
    wrong = []
    for frame in range(len(preview)):
        points = preview.to_picture(preview.points[frame], frame)
        for node in range(len(preview.nodes)):
            heat = preview.heat(frame, node)
            y, x = np.unravel_index(int(heat.argmax()), heat.shape)
            if heat.max() > 0 and np.abs(points[node] - (x, y)).max() > preview.node_cell[frame].max():
                wrong.append((frame, node))
    return wrong


def test_frames_of_other_sizes_and_scales_keep_their_points(tmp_path: Path) -> None:
    small, large = blob_animals(3, (40, 56), 1, seed=1), blob_animals(3, (64, 96), 1, seed=2)
    data = TrainingData([*small.frames, *large.frames], np.concatenate([small.points, large.points]))
    made, module, _ = writer(tmp_path, data)
    epoch_end(made, module, FakeTrainer(), 5.0)
    found = read_preview(tmp_path / "previews" / "0001.npz")
    assert sorted({tuple(size) for size in found.source_size.tolist()}) == [(40, 56), (64, 96)]
    for at, frame in enumerate(found.frames):
        np.testing.assert_array_equal(found.picture(at), data.frames[frame])
    assert not _peaks_lie_elsewhere(found)


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    made, module, _ = writer(tmp_path, blob_animals(8, (64, 96), 1, seed=0))
    module.validated.train()
    before = {name: value.clone() for name, value in module.named_buffers()}
    state = torch.get_rng_state()
    epoch_end(made, module, FakeTrainer(), 5.0)
    assert module.validated.training and before
    assert all(torch.equal(before[name], value) for name, value in module.named_buffers())
    assert torch.equal(state, torch.get_rng_state()), "a run with previews must go as one without"


def test_short_epochs_are_left_out_but_the_first_the_best_and_the_last(tmp_path: Path) -> None:
    made, module, recorder = writer(tmp_path, blob_animals(8, (64, 96), 1, seed=0), every=3600.0, share=1e9)
    trainer = FakeTrainer()
    trainer.max_epochs = 6
    for error in (5.0, 6.0, 4.0, 4.5, 4.4, 4.3):
        epoch_end(made, module, trainer, error)
    assert [event["epoch"] for event in recorder.of("preview")] == [1, 3, 6]


def test_previews_take_no_more_than_their_share_and_the_best_is_made_up_for(tmp_path: Path) -> None:
    made, module, recorder = writer(tmp_path, blob_animals(8, (64, 96), 1, seed=0), every=0.0, share=1e-9)
    trainer = FakeTrainer()
    for error in (5.0, 4.0, 3.0, None):
        epoch_end(made, module, trainer, error)
    assert [event["epoch"] for event in recorder.of("preview")] == [1]
    made.finish(module, 3)
    made.finish(module, 3)
    assert [event["epoch"] for event in recorder.of("preview")] == [1, 3]


def test_a_resumed_run_knows_the_best(tmp_path: Path) -> None:
    data = blob_animals(8, (64, 96), 1, seed=0)
    made, module, _ = writer(tmp_path, data)
    epoch_end(made, module, FakeTrainer(), 2.0)
    later, module, recorder = writer(tmp_path, data, every=3600.0, share=1e9)
    later.load_state_dict(made.state_dict())
    trainer = FakeTrainer()
    trainer.current_epoch = 1
    for error in (3.0, 2.5, 1.0):
        epoch_end(later, module, trainer, error)
    assert [event["epoch"] for event in recorder.of("preview")] == [2, 4], "its first, and a better one"


def test_a_disk_that_refuses_is_told_once_and_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "previews").write_text("no folder")
    made, module, recorder = writer(tmp_path, blob_animals(8, (64, 96), 1, seed=0), every=0.0, share=1e9)
    trainer = FakeTrainer()
    for error in (5.0, 4.0):
        epoch_end(made, module, trainer, error)
    assert [kind for kind, _ in recorder.events] == ["log"]
    assert recorder.of("log")[0]["level"] == "warning"


def test_what_a_killed_worker_left_is_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "previews"
    folder.mkdir()
    for name in (".0003.npz.77-ab12cd.tmp", "0002.npz"):
        (folder / name).write_bytes(b"")
    writer(tmp_path, blob_animals(8, (64, 96), 1, seed=0))
    assert [path.name for path in folder.iterdir()] == ["0002.npz"]


def test_without_frames_there_is_nothing_to_show(tmp_path: Path) -> None:
    data = blob_animals(8, (64, 96), 1, seed=0)
    _, module, recorder = writer(tmp_path, data)
    made = PreviewWriter(recorder, data, np.array([], int), BLOBS, module.val_bank.preprocessing, torch.device("cpu"))
    epoch_end(made, module, FakeTrainer(), 5.0)
    assert recorder.events == []


def test_the_frames_chosen_differ_most() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 50, (4, 2))
    points = np.stack([base + rng.normal(0, 0.1, (4, 2)) + rng.uniform(0, 900, 2) for _ in range(50)])
    for frame, node in ((7, 0), (19, 1), (33, 2)):
        points[frame, node] += 40
    points[44] = np.nan
    points[45, :3] = np.nan
    chosen = spread_frames(points)
    assert {7, 19, 33} <= set(chosen.tolist()), "poses, not places, tell them apart"
    assert not {44, 45} & set(chosen.tolist()) and len(chosen) == previews.FRAMES
    assert spread_frames(points[:3]).tolist() == [0, 1, 2]
    assert len(spread_frames(points[:0])) == 0


@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_a_perfect_map_is_as_high_as_a_map_can_be(sigma: float) -> None:
    perfect = gaussian_maps(torch.tensor([[[15.5, 15.5]]]), (16, 16), 2, sigma * 2)
    np.testing.assert_allclose(heights(perfect.log(), "softmax", sigma).max(), perfect.max(), atol=0.02)
    assert heights(torch.zeros(1, 1, 48, 48), "softmax", sigma).max() < 0.05, "a network that knows nothing"
    linear = torch.tensor([[[[-0.5, 0.25, 3.0]]]])
    assert heights(linear, "linear", sigma).flatten().tolist() == [0.0, 0.25, 1.0]
