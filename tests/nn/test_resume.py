"""A training that was stopped, killed or extended goes on as if nothing had happened."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leaptui.nn import checkpoints as checkpoints_module
from leaptui.nn.checkpoints import load, newest
from leaptui.nn.settings import TrainingSettings
from leaptui.nn.training import TrainingOutcome, train
from leaptui.runs.control import Ask
from tests.nn.conftest import BLOBS, Recorder, blob_animals

QUICK = TrainingSettings(
    options={"widths": (4, 6)},
    epochs=3,
    steps_per_epoch=4,
    batch_size=3,
    learning_rate=5e-3,
    warmup_steps=4,
    shift=4.0,
    noise=0.1,
)
DATA = blob_animals(10, (32, 40), 1, seed=0)


class Killed(BaseException):
    """Stands for kill -9: nothing that handles errors sees it."""


class Script(Recorder):
    """A run to which things happen before given steps: a callable is called with it, a class is raised."""

    def __init__(self, directory: Path, attempt: int = 1, **happens: Any) -> None:
        super().__init__(directory)
        self.attempt = attempt
        self._happens = {int(name.removeprefix("at_")): what for name, what in happens.items()}
        self._stopping = False
        self._step = 0

    def stop_requested(self) -> bool:
        self._step += 1
        what = self._happens.get(self._step)
        if what is Killed:
            raise Killed
        if what == "stop":
            self._stopping = True
        elif what is not None:
            self.asks.append(what)
        return self._stopping


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaptui.nn.callbacks._SECONDS_BETWEEN_STEPS", 0.0)
    # These epochs take no longer than a checkpoint.
    monkeypatch.setattr(checkpoints_module, "SHARE", 0)


def _go(folder: Path, context: Recorder, settings: TrainingSettings = QUICK, **changes: Any) -> TrainingOutcome:
    arguments: dict[str, Any] = {
        "seed": 1,
        "device": "cpu",
        "precision": "32",
        "context": context,
        "checkpoints": folder / "checkpoints",
        "model_path": folder / "model.safetensors",
        "provenance": {},
        "resume": context.attempt > 1,
    }
    return train(DATA, BLOBS, settings, **(arguments | changes))


def _losses(*contexts: Recorder) -> dict[int, tuple[float, float]]:
    """Loss and rate of each step; what was done twice counts as done last."""
    return {e["step"]: (e["loss"], e["lr"]) for context in contexts for e in context.of("step")}


def _epochs(*contexts: Recorder) -> dict[int, tuple[Any, ...]]:
    names = ("step", "train_loss", "val_loss", "val_error_px", "best")
    return {e["epoch"]: tuple(e[name] for name in names) for context in contexts for e in context.of("epoch")}


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return {name: value for name, value in weights.items() if isinstance(value, torch.Tensor)}


def _same(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder, TrainingOutcome]:
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leaptui.nn.callbacks._SECONDS_BETWEEN_STEPS", 0.0)
        context = Recorder(folder)
        return folder, context, _go(folder, context)


@pytest.mark.parametrize("step", [1, 4, 6, 8, 11])
def test_stopped_anywhere_and_resumed_every_bit_is_the_same(
    step: int, tmp_path: Path, whole: tuple[Path, Recorder, TrainingOutcome]
) -> None:
    folder, undisturbed, outcome = whole
    first = Script(tmp_path, **{f"at_{step}": "stop"})
    stopped = _go(tmp_path, first)
    assert stopped.stopped and stopped.model.is_file()
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    second = Script(tmp_path, attempt=2)
    resumed = _go(tmp_path, second)
    assert _losses(first, second) == _losses(undisturbed)
    assert _epochs(first, second) == _epochs(undisturbed)
    assert [s["step"] for s in second.of("step")] == list(range(step + 1, 13)), "nothing is done twice"
    assert second.of("resumed") == [
        {"attempt": 2, "epoch": step / 4, "step": step, "checkpoint": str(tmp_path / "checkpoints" / "last.ckpt")}
    ]
    assert _same(tmp_path, folder)
    assert resumed.val_error_px == outcome.val_error_px
    assert (resumed.epochs, resumed.best_epoch, resumed.stopped) == (3, outcome.best_epoch, False)
    assert not second.of("log")


@pytest.mark.parametrize("step", [1, 5, 10, 12])
def test_killed_anywhere_it_goes_on_from_its_last_checkpoint(
    step: int, tmp_path: Path, whole: tuple[Path, Recorder, TrainingOutcome]
) -> None:
    folder, undisturbed, outcome = whole
    first = Script(tmp_path, **{f"at_{step}": Killed})
    with pytest.raises(Killed):
        _go(tmp_path, first)
    second = Script(tmp_path, attempt=2)
    resumed = _go(tmp_path, second)
    assert _losses(first, second) == _losses(undisturbed)
    assert _epochs(first, second) == _epochs(undisturbed)
    assert resumed.val_error_px == outcome.val_error_px
    assert _same(tmp_path, folder)
    assert bool(second.of("log")) == (step == 1), "words only where there was no checkpoint yet"


@pytest.mark.parametrize(
    "settings",
    [
        dataclasses.replace(QUICK, schedule="plateau", plateau_patience=0, learning_rate=1e-7, epochs=6, ema_decay=0.0),
        dataclasses.replace(QUICK, optimiser="amsgrad", ema_decay=0.0, schedule="constant"),
    ],
)
def test_other_schedules_go_on_as_well(settings: TrainingSettings, tmp_path: Path) -> None:
    undisturbed = Recorder(tmp_path / "whole")
    # Without validation the plateau watches the training loss.
    labels = len(DATA) if settings.schedule == "plateau" else 8
    _go(tmp_path / "whole", undisturbed, settings, labels=labels)
    first, second = Script(tmp_path, at_6="stop"), Script(tmp_path, attempt=2, at_5=Killed)
    third = Script(tmp_path, attempt=3)
    _go(tmp_path, first, settings, labels=labels)
    with pytest.raises(Killed):
        _go(tmp_path, second, settings, labels=labels)
    _go(tmp_path, third, settings, labels=labels)
    assert _losses(first, second, third) == _losses(undisturbed)
    if settings.schedule == "plateau":
        assert len({rate for _, rate in _losses(undisturbed).values()}) > 1, "the rate was lowered at all"


def _ask(name: str, **fields: Any) -> Ask:
    return Ask(name, by="ada@lab", fields=fields, id=f"{name}-1")


def test_a_lowered_rate_stays_lowered_in_every_later_attempt(tmp_path: Path) -> None:
    plain = Recorder(tmp_path / "plain")
    _go(tmp_path / "plain", plain)
    rates = {step: rate for step, (_, rate) in _losses(plain).items()}
    # Killed after it was lowered at step 6, with the checkpoint of step 4.
    first = Script(tmp_path, at_5=_ask("lower-lr", factor=0.1), at_7=Killed)
    with pytest.raises(Killed):
        _go(tmp_path, first)
    assert first.answers == [("lower-lr", True, "the learning rate is multiplied by 0.1 from step 7 on")]
    second = Script(tmp_path, attempt=2)
    # The worker died before it could remove the file.
    second.asks.append(_ask("lower-lr", factor=0.1))
    _go(tmp_path, second)
    assert [accepted for _, accepted, _ in second.answers] == [True]
    lowered = {step: rate for step, (_, rate) in _losses(first, second).items()}
    assert lowered == {step: pytest.approx(rate * (1 if step <= 6 else 0.1)) for step, rate in rates.items()}


def test_a_run_is_extended_while_it_trains(tmp_path: Path) -> None:
    context = Script(tmp_path, at_5=_ask("extend", epochs=2))
    outcome = _go(tmp_path, context)
    assert outcome.epochs == 5
    assert outcome.settings.epochs == 5
    assert [plan["epochs"] for plan in context.of("plan")] == [3, 5]
    assert set(context.of("plan")[0]) == set(context.of("plan")[1])
    assert context.answers == [("extend", True, "2 more epochs, 5 in all")]
    rates = [rate for _, rate in _losses(context).values()]
    assert rates[11] > 2e-4, "at the former end it is not zero"
    assert rates[-1] < 1e-3 and rates[-1] == min(rates[4:])
    assert max(abs(b - a) for a, b in itertools.pairwise(rates[4:])) < 2e-3, "without jumps"


def test_a_finished_run_is_extended_and_ends_like_one_that_was_extended_in_time(tmp_path: Path) -> None:
    _go(tmp_path, Script(tmp_path))
    before = load(tmp_path / "checkpoints" / "last.ckpt")["global_step"]
    second = Script(tmp_path, attempt=2, at_3=Killed)
    second.asks.append(_ask("extend", epochs=2))
    with pytest.raises(Killed):
        _go(tmp_path, second)
    third = Script(tmp_path, attempt=3)
    outcome = _go(tmp_path, third)
    assert before == 12
    assert [s["step"] for s in second.of("step")] == [13, 14]
    assert outcome.epochs == 5 and third.of("epoch")[-1]["step"] == 20
    assert third.of("plan")[0]["epochs"] == 5
    assert all(rate > 0 for _, rate in _losses(second, third).values())


def test_a_finished_run_that_is_resumed_trains_no_more(tmp_path: Path) -> None:
    first = _go(tmp_path, Script(tmp_path))
    again = Script(tmp_path, attempt=2)
    outcome = _go(tmp_path, again)
    assert not again.of("step")
    assert (outcome.epochs, outcome.val_error_px, outcome.best_epoch) == (3, first.val_error_px, first.best_epoch)


def test_a_checkpoint_that_is_asked_for_is_kept_beside_the_others(tmp_path: Path) -> None:
    context = Script(tmp_path, at_6=_ask("checkpoint"))
    _go(tmp_path, context)
    path = tmp_path / "checkpoints" / "asked-000007.ckpt"
    assert context.answers == [("checkpoint", True, f"kept in {path}")]
    assert {"kind": "asked", "path": str(path), "epoch": 1.75, "step": 7} in context.of("checkpoint")
    assert load(path)["global_step"] == 7


def test_what_is_asked_amiss_is_refused_in_words(tmp_path: Path) -> None:
    context = Script(
        tmp_path,
        at_1=Ask("extend", fields={"epochs": "many"}),
        at_2=Ask("extend", fields={"epochs": 10_000}),
        at_3=Ask("lower-lr", fields={"factor": float("nan")}),
    )
    outcome = _go(tmp_path, context)
    assert outcome.epochs == 3
    assert [(name, accepted) for name, accepted, _ in context.answers] == [
        ("extend", False),
        ("extend", False),
        ("lower-lr", False),
    ]
    assert all(len(answer) > 20 for *_, answer in context.answers)


def test_within_a_long_epoch_the_state_is_kept_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints_module, "EVERY", 0.0)
    first = Script(tmp_path, at_7=Killed)
    with pytest.raises(Killed):
        _go(tmp_path, first)
    assert [c["step"] for c in first.of("checkpoint") if c["kind"] == "last"] == [1, 2, 3, 4, 5, 6]
    second = Script(tmp_path, attempt=2)
    _go(tmp_path, second)
    assert second.of("resumed")[0]["step"] == 6


def test_no_more_time_goes_to_checkpoints_than_to_a_twentieth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints_module, "SHARE", 1e9)
    context = Script(tmp_path)
    _go(tmp_path, context, dataclasses.replace(QUICK, epochs=6))
    kept = [c["epoch"] for c in context.of("checkpoint") if c["kind"] == "last"]
    best = [e["epoch"] for e in context.of("epoch") if e["best"]]
    assert kept == sorted({*best, 6}), "a second name for the best one, which is there anyway, and the end"
    assert len(kept) < 6


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its third epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints_module, "SHARE", 0)
        _go(folder, Script(folder, at_10="stop"))
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-2000]),
        lambda path: path.write_bytes(path.read_bytes()[:5000] + b"\0" * 3000 + path.read_bytes()[8000:]),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"global_step": 99}, path),
    ],
)
def test_a_damaged_last_checkpoint_is_left_for_the_one_before(
    damage: Callable[[Path], object], tmp_path: Path, stopped: Path
) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(stopped / "checkpoints", folder)
    said: list[str] = []
    assert newest(folder, said.append).step == 10  # type: ignore[union-attr]
    assert not said
    damage(folder / "last.ckpt")
    found = newest(folder, said.append)
    assert found is not None and found.path.name in ("previous.ckpt", "best.ckpt") and found.step == 8
    assert len(said) == (folder / "last.ckpt").exists()
    for path in folder.glob("*.ckpt"):
        path.write_bytes(b"nothing")
    (folder / ".last.ckpt.77-abc.tmp").write_bytes(b"half")
    assert newest(folder, said.append) is None
    assert not list(folder.glob(".*"))


def test_what_happened_before_a_checkpoint_is_on_disk_before_it(tmp_path: Path) -> None:
    """What goes on from it does not do that again, and nobody else could tell it."""
    context = Script(tmp_path, at_6="stop")
    missing: list[str] = []

    def emit(type: str, **fields: Any) -> None:
        if type == "checkpoint":
            missing.extend(kind for kind, _ in context.events[context.flushed :] if kind in ("step", "epoch"))
        context.events.append((type, fields))

    context.emit = emit  # type: ignore[method-assign]
    _go(tmp_path, context)
    assert len(context.of("checkpoint")) >= 3 and not missing


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "boom",))

    torch.save({"global_step": 1, "leaptui": Bomb()}, tmp_path / "last.ckpt")
    said: list[str] = []
    assert newest(tmp_path, said.append) is None
    assert len(said) == 1
    assert not (tmp_path / "boom").exists()


def test_a_course_that_cannot_be_read_is_said(tmp_path: Path, stopped: Path) -> None:
    shutil.copytree(stopped / "checkpoints", tmp_path / "checkpoints")
    changes = [{"step": 3, "epochs": -5, "factor": 1.0, "ask": None}]
    (tmp_path / "checkpoints" / "course.json").write_text(json.dumps({"v": 1, "changes": changes}))
    context = Script(tmp_path, attempt=2)
    assert _go(tmp_path, context).epochs == 3
    assert ["out of range" in line["message"] for line in context.of("log")] == [True]


def test_a_preview_that_fails_costs_the_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("leaptui.nn.previews.PreviewWriter.on_train_epoch_end", fail)
    context = Recorder(tmp_path)
    assert _go(tmp_path, context).epochs == 3
    assert [("preview failed" in line["message"], line["level"]) for line in context.of("log")] == [(True, "warning")]
