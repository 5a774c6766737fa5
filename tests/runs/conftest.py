"""Runs that do next to nothing, in real processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_helpers import PATIENCE, worker_env

from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.status import read_status


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run nobody started."""
    return RunDirectory.create(tmp_path / "runs", "count", {"steps": 3, "pause": 0.0})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunDirectory]]:
    """Launches a fake operation for real; what is left of it is killed afterwards."""

    def begin(operation: str, *, steps: int = 1_000_000, pause: float = 0.01) -> RunDirectory:
        run = RunDirectory.create(tmp_path / "runs", operation, {"steps": steps, "pause": pause})
        launch(run, env=worker_env(), module="fake_worker", wait=PATIENCE)
        return run

    yield begin
    for run in list_runs(tmp_path / "runs"):
        status = read_status(run)
        if status is not None and status.process is not None:
            status.process.send_signal(signal.SIGKILL, argument=run.path)
