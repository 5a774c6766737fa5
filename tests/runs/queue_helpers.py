"""A queue of runs that do next to nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from run_helpers import worker_env

from leaptui.runs import queue
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_dispatcher import Dispatcher
from leaptui.runs.queue_entries import QueueFolder
from leaptui.runs.queue_settings import QueueSettings
from leaptui.runs.shared_folder import open_shared
from leaptui.runs.slots import Slots
from leaptui.runs.status import read_status


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeNvml:
    """GPUs that are not there."""

    class NVMLError(Exception):
        pass

    def __init__(self, count: int = 2, used: dict[int, int] | None = None) -> None:
        self.count = count
        self.used = used or {}

    def nvmlInit(self) -> None: ...

    def nvmlShutdown(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-0000000{handle}-aaaa"

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"H100"

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> None:
        raise self.NVMLError

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: object = None) -> object:
        class Memory:
            used = self.used.get(handle, 0)

        return Memory()


def new(folder: Path, *, operation: str = "count", steps: int = 1, pause: float = 0.0) -> RunDirectory:
    """A run nobody started, under its real path."""
    run = RunDirectory.create(folder / "runs", operation, {"steps": steps, "pause": pause})
    return RunDirectory(Path(os.path.realpath(run.path)))


def put(run: RunDirectory, **told: object) -> queue.Entry:
    """Put a run in the queue."""
    return queue.enqueue(run, env=worker_env(), module="fake_worker", **told)  # type: ignore[arg-type]


def dispatcher(clock: Clock | None = None, slots: Slots | None = None) -> Dispatcher:
    """One in this process, that starts nothing until it looks."""
    shared = open_shared()
    slots = slots or Slots(shared, QueueSettings(gpus=()))
    return Dispatcher(QueueFolder.here(), shared, slots=slots, clock=clock or time.monotonic)


def names() -> list[str]:
    """The runs that wait, in order."""
    return [each.name for each in queue.entries(others=False)]


def workers(run: RunDirectory) -> int:
    """How many workers have begun a run."""
    return len(list(run.control.glob("worker.*")))


def is_over(run: RunDirectory) -> bool:
    """Whether a run has ended."""
    status = read_status(run)
    return status is not None and status.state.is_final
