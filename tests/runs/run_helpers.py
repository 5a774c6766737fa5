"""Waiting for what other processes do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from leaptui.runs.layout import RunDirectory
from leaptui.runs.status import State, Status, read_status

HERE = Path(__file__).resolve().parent
PATIENCE = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something another process does; fails when it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


def until_state(run: RunDirectory, *states: State) -> Status:
    """Wait for a state."""

    def reached() -> bool:
        status = read_status(run)
        return status is not None and status.state in states

    until(reached, f"state {', '.join(states)}")
    status = read_status(run)
    assert status is not None
    return status


def until_gone(pid: int) -> None:
    """Wait for a process to end."""

    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    until(gone, f"process {pid} ends")


def worker_env() -> dict[str, str]:
    """What a process needs to find fake_worker and leaptui."""
    return {"PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent.parent)))}
