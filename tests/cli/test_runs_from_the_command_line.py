"""Runs: detached, followed, stopped, and surviving whoever started them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from leaptui.runs.status import State
from leaptui.runs.view import RunView
from tests.cli.conftest import Cli

Trained = tuple[Path, dict[str, Any]]


def wait_until(run: Path, *states: State, seconds: float = 120) -> RunView:
    view = RunView(run)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        view.refresh()
        if view.state in states:
            while view.is_behind:
                view.refresh()
            view.refresh()
            return view
        time.sleep(0.1)
    raise AssertionError(f"{run} is {view.state} ({view.reason}), not {states}")


def wait_for_a_step(run: Path) -> None:
    view = RunView(run)
    until = time.monotonic() + 120
    while view.last_step is None and time.monotonic() < until:
        view.refresh()
        time.sleep(0.1)
    assert view.last_step is not None, view.reason


def test_a_detached_run_is_listed_stopped_and_keeps_its_model(cli: Cli, trained: Trained):
    project, _ = trained
    started = cli("train", project, "--profile", "fast", "--epochs", "500", "--detach", "--json")
    assert started.code == 0, started.err
    run = Path(started.json["run"])
    wait_for_a_step(run)
    listed = {row["path"]: row for row in cli("runs", project, "--json").json["runs"]}
    assert listed[str(run)]["state"] in ("running", "stopping")
    assert cli("stop", run).code == 0
    view = wait_until(run, State.STOPPED)
    assert view.result is not None
    assert view.result["stopped"] is True
    assert Path(view.result["model"]).is_file()
    again = cli("stop", run)
    assert again.code != 0
    assert "not going on" in again.err


def test_a_scheduler_that_ends_the_worker_gets_a_graceful_end(cli: Cli, trained: Trained):
    started = cli("train", trained[0], "--profile", "fast", "--epochs", "500", "--detach", "--json")
    run = Path(started.json["run"])
    wait_for_a_step(run)
    status = RunView(run)
    status.refresh()
    assert status.status is not None and status.status.pid is not None
    os.kill(status.status.pid, signal.SIGTERM)
    view = wait_until(run, State.STOPPED)
    assert view.result is not None
    assert view.result["val_error_px"] is not None


def test_attach_shows_a_finished_run_and_its_result(cli: Cli, trained: Trained):
    done = cli("attach", trained[1]["run"])
    assert done.code == 0
    assert "epoch 5/5" in done.err
    assert trained[1]["model"].split("/")[-1] in done.out


def test_ctrl_c_asks_the_run_to_stop_and_says_so(trained: Trained, isolated_home: Path):
    project, _ = trained
    waiting = subprocess.Popen(
        [sys.executable, "-m", "leaptui", "train", str(project), "--profile", "fast", "--epochs", "500"],
        env={**os.environ, "LEAPTUI_HOME": str(isolated_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    run = _newest(project)
    wait_for_a_step(run)
    os.killpg(waiting.pid, signal.SIGINT)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "asked the run to stop" in err
    assert "was stopped" in err
    assert wait_until(run, State.STOPPED).result is not None


def test_the_run_ends_well_when_the_terminal_is_killed(trained: Trained, isolated_home: Path):
    project, _ = trained
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["LEAPTUI_HOME"] = str(isolated_home)
        os.execv(
            sys.executable,
            [
                sys.executable,
                "-m",
                "leaptui",
                "train",
                str(project),
                "--profile",
                "fast",
                "--epochs",
                "3",
                "--steps-per-epoch",
                "15",
            ],
        )
    run = _newest(project)
    wait_for_a_step(run)
    os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)
    view = wait_until(run, State.FINISHED)
    assert [point.epoch for point in view.epochs] == [1, 2, 3]
    assert view.result is not None


def _newest(project: Path) -> Path:
    """The run that is made next."""
    before = set((project / "runs").iterdir())
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for run in set((project / "runs").iterdir()) - before:
            if (run / "status.json").exists():
                return run
        time.sleep(0.05)
    pytest.fail("no run was started")
