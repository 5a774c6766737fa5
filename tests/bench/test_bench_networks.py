"""`bench predict` and `bench train`: the arithmetic, what networks cost, and that short runs measure what is reported."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from leaptui.bench import holdout, predict, train
from leaptui.bench.command import bench
from leaptui.bench.goals import Goal
from leaptui.bench.machine import Peak, better, peak
from leaptui.bench.network_commands import _names, _numbers
from leaptui.bench.rates import NOTHING, Quartiles, in_turn, ratio
from leaptui.bench.timeline import PARTS, Timeline
from leaptui.bench.untrained import network_facts, untrained_model
from leaptui.demo import sample_poses
from leaptui.errors import ExitCode, UsageError
from leaptui.nn.backends.choose import Wanted, candidates
from leaptui.nn.backends.plan import Plan
from leaptui.nn.module import PoseModule
from leaptui.nn.settings import PROFILES


def test_quartiles_and_ratios_round_by_round():
    assert Quartiles.of([4, 1, 2, 3, 5]) == Quartiles(3, 2, 4, 5)
    assert Quartiles.of([1, 2]) == Quartiles(1.5, 1.25, 1.75, 2)
    assert Quartiles.of([]) == NOTHING
    # The machine was twice as slow in the second round: the ratio does not notice.
    assert ratio([100, 50, 120], [10, 5, 10]) == Quartiles(10, 10, 11, 3)


def test_ways_are_measured_in_turn_and_none_is_always_first():
    order: list[str] = []
    ways = {name: (lambda n=name: float(order.append(n) or len(order))) for name in "abc"}
    taken = in_turn(ways, 3)
    assert "".join(order) == "abc" + "bca" + "cab"
    assert taken == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_operations_of_a_network_are_counted(tmp_path: Path):
    model = untrained_model(tmp_path, "leap_cnn", size=64)
    found = network_facts(model, 64, 64)
    full = network_facts(model, 192, 192)
    assert full.flops == pytest.approx(26.54e9, rel=1e-3)
    assert full.flops == 9 * found.flops
    assert full.parameters == found.parameters == 2_545_952
    assert (found.input, full.values) == ((64, 64), 9 * found.values)


def test_the_machine_has_a_peak():
    found = peak(torch.device("cpu"), rounds=1, budget=1e-6)
    assert found.upload is None
    assert found.bytes > 1e8
    assert found.flops["32"] is not None and found.flops["32"] > 1e8


def rate(network: str, precision: str, batch: int, value: float) -> predict.Rate:
    way = predict.Way(network, "eager", precision, batch)
    return predict.Rate(way, frames_per_s=Quartiles(value, value, value, 1))


EFFORT = predict.Effort(rounds=1, seconds=0.001, batches=(1,), prepared=(1,), frames=24, files=1, side=64, sample=2)


def test_the_best_way_is_compared_with_the_best_of_leaps_network():
    rates = [rate("unet", "32", 4, 300), rate("unet", "bf16", 16, 900), rate("leap_cnn", "32", 4, 5)]
    rates += [rate("leap_cnn", "32", 16, 6), rate("leap_cnn", "bf16", 16, 12)]
    report = predict.Report(
        {"device": "cpu"},
        Peak({"32": 1.0, "bf16": None}, 1.0, None),
        EFFORT,
        [],
        rates,
        [],
        0,
    )
    assert report.best is not None and report.best.way.name == "unet eager bf16 x16"
    assert report.best_ratio == 150
    box, times = report.goals
    assert (box.met, times.met) == (None, True)
    on_gpu = predict.Report({"device": "cuda:0"}, report.peak, report.effort, [], rates, [], 0)
    assert on_gpu.goals == [Goal("box", "frames/s file to file", 35_000, True, None)]


def test_the_fastest_of_leaps_ways_is_the_yardstick():
    slow, quick = (predict.Way("leap_cnn", backend, "32", 4) for backend in ("eager", "torch"))
    assert predict.fastest([(slow, [1.0, 9.0, 2.0]), (quick, [3.0, 3.0, 3.0])]) == [3.0, 3.0, 3.0]
    assert predict.fastest([]) == []
    assert slow.is_reference and not predict.Way("leap_cnn", "eager", "bf16", 4).is_reference


def test_a_machine_is_as_good_as_its_better_measurement():
    found = better(Peak({"32": 2.0, "bf16": None}, 5.0, None), Peak({"32": 1.0, "bf16": None}, 6.0, None))
    assert found == Peak({"32": 2.0, "bf16": None}, 6.0, None)


def test_shares_of_a_step():
    steps = [dict.fromkeys(PARTS, 1.0) | {"backward": 5.0}, dict.fromkeys(PARTS, 2.0)]
    shares, median = train.shares_of(steps)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["backward"] == pytest.approx(7 / 22)
    assert median == pytest.approx(11)


def test_a_network_that_is_called_twice_in_a_step_is_forward_until_the_last_call():
    line = Timeline(torch.device("cpu"), warm_up=0, least=1, most_seconds=0.0)
    network = torch.nn.Identity()
    module = MagicMock(spec=PoseModule, network=network)
    trainer = MagicMock(should_stop=False)
    line.on_train_start(trainer, module)
    line.on_train_batch_start(trainer, module, None, 0)
    network(torch.zeros(1))
    sleep(0.01)
    network(torch.zeros(1))
    line.on_before_backward(trainer, module, torch.zeros(1))
    line.on_after_backward(trainer, module)
    line.on_train_batch_end(trainer, module, None, None, 0)
    line.on_train_end(trainer, module)
    (parts,) = line.parts()
    assert list(parts) == list(PARTS)
    assert parts["forward"] >= 0.01
    assert trainer.should_stop
    assert not network._forward_hooks


def test_folds_hold_every_frame_out_once_and_part_no_equal_frames():
    checksums = [7, 1, 2, 7, 3, 4, 5, 6, 7, 8]
    held = [holdout.sides(checksums, 3, fold, 4) for fold in range(4)]
    assert sorted(np.concatenate([out for _, out in held]).tolist()) == list(range(10))
    for train_side, out in held:
        assert sorted([*train_side, *out]) == list(range(10))
        assert not {checksums[i] for i in train_side} & {checksums[i] for i in out}
    other = holdout.sides(checksums, 4, 0, 4)
    assert any((other[1].tolist() != out.tolist()) for _, out in held)
    train_side, out = holdout.sides(checksums, 0, 1, 4, labels=5)
    assert len(train_side) == 5
    assert not {checksums[i] for i in train_side} & {checksums[i] for i in out}
    with pytest.raises(UsageError, match="folds"):
        holdout.sides([1, 2], 0, 0, 3)
    with pytest.raises(UsageError, match="held out"):
        holdout.sides(checksums, 0, 0, 4, labels=10)


def test_flags_with_several_values():
    assert _names("--networks", "unet, leap_cnn,unet", ("unet", "leap_cnn")) == ("unet", "leap_cnn")
    assert _numbers("--shares", "0.5,1") == (0.5, 1.0)
    with pytest.raises(UsageError, match="choose from unet"):
        _names("--networks", "vgg", ("unet",))
    for wrong in ("", "a", "0", "-1", "1,"):
        with pytest.raises(UsageError, match="--batches"):
            _numbers("--batches", wrong, whole=True)


def only_torch(wanted: Wanted) -> list[Plan]:
    return [plan for plan in candidates(wanted) if (plan.backend, plan.precision) == ("torch", "32")]


def test_a_short_run_of_prediction(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(predict, "effort", lambda device, quick: EFFORT)
    # What is installed beside torch has tests of its own.
    monkeypatch.setattr(predict, "candidates", only_torch)
    assert bench(["predict", "--json", "--device", "cpu"]) == ExitCode.DONE
    out = capsys.readouterr().out
    report = json.loads(out)
    assert out.count("\n") == 1
    by_name = {rate["name"]: rate for rate in report["rates"] if rate["skipped"] is None}
    theirs = max(
        (by_name[f"leap_cnn {backend} fp32 x1"] for backend in ("eager", "torch")),
        key=lambda rate: rate["frames_per_s"]["median"],
    )
    assert theirs["times_reference"]["median"] == 1
    reached = theirs["frames_per_s"]["median"] * report["networks"][1]["flops"]
    assert theirs["share_of_flops"] == pytest.approx(reached / report["peak"]["flops"]["32"])
    ours = by_name["unet torch fp32 x1"]
    assert ours["times_reference"]["median"] == pytest.approx(
        ours["frames_per_s"]["median"] / theirs["frames_per_s"]["median"]
    )
    assert ours["description"]["plan"]["batch"] == 1
    (box,) = report["files"]
    assert (box["kind"], box["frames"]) == ("box", 24)
    assert box["stages"][box["bound"]] == min(box["stages"].values())
    assert [network["architecture"] for network in report["networks"]] == ["unet", "leap_cnn"]
    assert {goal["what"] for goal in report["goals"]} >= {"frames/s file to file"}


def test_a_short_run_of_training(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    tiny = train.Effort(rounds=1, seconds=0.001, least=2, side=64, frames=4, validation_frames=2)
    monkeypatch.setattr(train, "effort", lambda device, quick: tiny)
    assert bench(["train", "--json", "--device", "cpu", "--networks", "unet", "--batch", "2"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    first = report["rates"][0]
    assert (first["name"], first["steps"]) == ("unet fp32 x2", 2)
    assert set(first["parts"]) == set(PARTS)
    assert sum(first["parts"].values()) == pytest.approx(1)
    assert first["samples_per_s"]["median"] == pytest.approx(2 * 1000 / first["step_ms"], rel=0.9)
    assert first["busy"] is None
    assert first["validation_ms"] > 0
    assert 0 < first["validation_share"] < 1


def test_a_short_curve(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    profile = PROFILES["fast"]
    short = type(profile).from_dict(profile.to_dict() | {"epochs": 2, "steps_per_epoch": 1, "batch_size": 2})
    monkeypatch.setitem(PROFILES, "fast", short)
    made = sample_poses(6, seed=1, size=(64, 64), scale=1 / 3)
    whole = holdout.Material(
        list(made.frames), made.points[:, 0], made.occluded[:, 0], list(range(6)), made.skeleton, body_length=32.0
    )
    monkeypatch.setattr(holdout, "load", lambda data: whole)
    asked = ["train", "--curve", "demo", "--profiles", "fast", "--shares", "1,0.5", "--labels", "3", "--draws", "1"]
    assert bench([*asked, "--json", "--device", "cpu"]) == ExitCode.DONE
    curve = json.loads(capsys.readouterr().out)
    assert [(p["epochs"], p["labels"]) for p in curve["points"]] == [(1, 3), (2, 3)]
    for point in curve["points"]:
        assert point["mean_body"] == pytest.approx(point["mean_px"] / curve["body_length_px"])
        assert point["seconds"] > 0
        assert 0 <= point["within_3pct_body"] <= 1
