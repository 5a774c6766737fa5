"""`resume`, `ask` and `stop --now` on real trainings and predictions."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from leaptui.formats.predictions import read_predictions
from leaptui.runs.files import read_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import Watcher, conclude
from leaptui.runs.status import State, read_status
from tests.cli.conftest import Cli, draw_animal

Trained = tuple[Path, dict[str, Any]]
AS_TRAINED = ("--profile", "fast", "--epochs", "5", "--steps-per-epoch", "15", "--seed", "3")


def wait_for(run: RunDirectory, *states: State) -> None:
    until = time.monotonic() + 120
    while Watcher(run).look().state not in states:
        assert time.monotonic() < until, f"{run.path} is {Watcher(run).look()}"
        time.sleep(0.05)


def wait_for_event(run: RunDirectory, kind: str, after: int = 0) -> None:
    """One more of a type than `after`."""
    until = time.monotonic() + 120
    while len(of(run, kind)) <= after and conclude(run).alive:
        assert time.monotonic() < until
        time.sleep(0.02)


def of(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    found = []
    for segment in run.event_segments():
        for line in run.event_segment(segment).read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["type"] == kind:
                found.append(event)
    return found


def kill(run: RunDirectory) -> None:
    status = read_status(run)
    assert status is not None and status.process is not None
    assert status.process.send_signal(signal.SIGKILL, argument=run.path)
    wait_for(run, State.STALE)


@pytest.mark.slow
def test_killed_three_times_a_training_ends_like_one_that_was_not(cli: Cli, trained: Trained) -> None:
    project, undisturbed = trained
    started = cli("train", project, *AS_TRAINED, "--detach", "--json")
    run = RunDirectory(Path(started.json["run"]))
    rng = random.Random(5)
    for number in range(3):
        if number != 1:
            wait_for_event(run, "plan", after=len(of(run, "plan")) if number else 0)
        time.sleep(rng.uniform(0.0, 0.4))
        kill(run)
        refused = cli("ask", run.path, "checkpoint")
        assert refused.code == 2 and "process is gone" in refused.err
        again = cli("resume", run.path, "--detach", "--json")
        assert again.code == 0, again.err
        assert again.json == {"run": str(run.path), "attempt": number + 2}
    wait_for(run, State.FINISHED)
    result = read_object(run.result)
    assert result is not None
    for name in ("val_error_px", "best_epoch", "epochs", "labels", "per_node"):
        assert result[name] == undisturbed[name], name
    reference = of(RunDirectory(Path(undisturbed["run"])), "epoch")
    done = {event["epoch"]: (event["train_loss"], event["val_loss"], event["best"]) for event in of(run, "epoch")}
    assert done == {event["epoch"]: (event["train_loss"], event["val_loss"], event["best"]) for event in reference}
    assert not list(run.path.rglob(".*.tmp"))
    refused = cli("resume", run.path)
    assert refused.code == 2 and "--more-epochs" in refused.err


@pytest.mark.slow
def test_a_training_is_asked_preempted_and_extended(cli: Cli, trained: Trained) -> None:
    started = cli("train", trained[0], "--profile", "fast", "--epochs", "300", "--detach", "--json")
    run = RunDirectory(Path(started.json["run"]))
    wait_for_event(run, "step")
    kept = cli("ask", run.path, "checkpoint", "--json").json
    assert kept["accepted"], kept
    assert Path(kept["answer"].removeprefix("kept in ")).is_file()
    assert "multiplied by 0.5" in cli("ask", run.path, "lower-lr", "--factor", "0.5").err
    assert cli("ask", run.path, "lower-lr", "--factor", "2").code == 2
    assert cli("ask", run.path, "extend").code == 2
    assert cli("ask", run.path, "checkpoint", "--epochs", "2").code == 2
    refused = cli("resume", run.path, "--more-epochs", "2")
    assert refused.code == 2 and "ask" in refused.err
    status = read_status(run)
    assert status is not None and status.pid is not None
    os.kill(status.pid, signal.SIGUSR1)
    wait_for(run, State.STOPPED)
    assert read_status(run).reason == "SIGUSR1"  # type: ignore[union-attr]
    last = of(run, "checkpoint")[-1]
    epochs = of(run, "epoch")[-1]["epoch"]
    # So that it comes to its end: a course of as many epochs as are done.
    content = json.loads(run.request.read_text())
    content["request"]["epochs"] = epochs
    run.request.chmod(0o644)
    run.request.write_text(json.dumps(content))
    done = cli("resume", run.path, "--more-epochs", "2", "--json")
    assert done.code == 0, done.err
    assert done.json["epochs"] == epochs + 2
    (resumed,) = of(run, "resumed")
    assert (resumed["attempt"], resumed["step"]) == (2, last["step"])
    assert of(run, "plan")[-1]["epochs"] == epochs + 2
    changes = json.loads((run.checkpoints / "course.json").read_text())["changes"]
    assert [(change["epochs"], change["factor"]) for change in changes] == [(0, 0.5), (2, 1.0)]


@pytest.mark.slow
def test_a_prediction_that_was_stopped_goes_on(cli: Cli, trained: Trained, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["box"] = np.stack([draw_animal(rng, (64, 80))[0] for _ in range(60)] * 300)[..., None]
    out = tmp_path / "many.predictions.h5"
    started = cli(
        *("predict", trained[1]["model"], tmp_path / "many.h5", "--out", out, "--batch-size", "4"),
        *("--detach", "--json"),
    )
    run = RunDirectory(Path(started.json["run"]))
    refused = cli("ask", run.path, "lower-lr", "--json")
    assert refused.code == 1 and not refused.json["accepted"] and "learning rate" in refused.json["answer"]
    wait_for_event(run, "progress", after=1)
    process = read_status(run).process  # type: ignore[union-attr]
    assert process is not None
    # It would have time to finish while the command starts.
    process.send_signal(signal.SIGSTOP, argument=run.path)
    assert cli("stop", run.path).code == 0
    process.send_signal(signal.SIGCONT, argument=run.path)
    wait_for(run, State.STOPPED)
    assert not out.exists()
    refused = cli("resume", run.path, "--more-epochs", "2")
    assert refused.code == 2 and "only a training" in refused.err
    done = cli("resume", run.path, "--json")
    assert done.code == 0, done.err
    assert 0 < done.json["frames"] < 18_000, "the rest only"
    assert len(read_predictions(out).points) == 18_000


@pytest.mark.slow
def test_stop_now_does_not_wait(cli: Cli, trained: Trained) -> None:
    started = cli("train", trained[0], "--profile", "fast", "--epochs", "300", "--detach", "--json")
    run = RunDirectory(Path(started.json["run"]))
    done = cli("stop", "--now", run.path, "--json")
    assert done.code == 0 and done.json["now"] is True
    wait_for(run, State.STOPPED)
    assert "at once" in (read_status(run).reason or "")  # type: ignore[union-attr]


def test_what_is_no_run_is_refused(cli: Cli, tmp_path: Path) -> None:
    for command in (("resume", tmp_path), ("ask", tmp_path, "checkpoint"), ("stop", tmp_path, "--now")):
        done = cli(*command)
        assert done.code == 3 and "not a run" in done.err
