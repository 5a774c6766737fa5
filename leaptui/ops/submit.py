"""Starting operations: as a run in a detached worker, as one that waits in the queue, or here and now."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError
from leaptui.ops.requests import Request, to_json, validate
from leaptui.ops.table import operation_of
from leaptui.registry import resolve
from leaptui.runs.context import RunContext
from leaptui.runs.launch import WAIT, launch
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue import enqueue
from leaptui.runs.queue_checks import check_after
from leaptui.runs.queue_entries import withdraw
from leaptui.runs.queue_settings import load_queue_settings
from leaptui.runs.shared_folder import open_shared
from leaptui.runs.slots import AUTO, CPU, GPU, Slots, any_free
from leaptui.runs.status import Status


@dataclass(frozen=True)
class InQueue:
    """That a run is to wait for its turn.

    Args:
        after: directory of a run that must finish first.
        anyway: it need not finish: however it ends will do.
    """

    after: Path | None = None
    anyway: bool = False


def submit(request: Request, parent: Path | None = None, *, queue: InQueue | None = None) -> RunDirectory:
    """Check a request, write its run directory and start its worker, or let it wait for its turn.

    The caller may vanish afterwards; following the run is reading its directory.

    Raises:
        LeaptuiError: if the request makes no sense, cannot succeed, or nothing can be written there.
    """
    validate(request)
    request.check()
    if queue is not None and queue.after is not None:
        check_after(queue.after, anyway=queue.anyway)
    run = RunDirectory.create(parent or request.runs_folder(), operation_of(request).name, to_json(request))
    if queue is None:
        start(run)
        return run
    try:
        wait_in_queue(run, queue)
    except LeaptuiError:
        withdraw(run)
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def start(run: RunDirectory, *, resume: bool = False, wait: float = WAIT) -> Status:
    """Start the worker of a run at once.

    If one of the machine's slots is free, the run takes it, so that the queue does not start another one beside
    it. It never waits: when all are held, it runs without one.

    Raises:
        LeaptuiError: see `leaptui.runs.launch.launch`.
    """
    environment = worker_environment()
    slots = _slots()
    asked = run.read_request()["request"]
    wants = wanted_device(asked)
    if slots is None or wants is None or (wants in (AUTO, GPU) and _takes_all_gpus(asked)):
        return launch(run, env=environment, resume=resume, wait=wait)
    with any_free(slots, wants, {**os.environ, **environment}, Path(os.path.realpath(run.path))) as taken:
        slots.close()
        if taken is None:
            return launch(run, env=environment, resume=resume, wait=wait)
        environment |= taken.environment
        return launch(run, env=environment, resume=resume, wait=wait, keep=taken.descriptors)


def wait_in_queue(run: RunDirectory, queue: InQueue, *, resume: bool = False) -> None:
    """Put a run at the end of this machine's queue.

    Raises:
        LeaptuiError: see `leaptui.runs.queue.enqueue`.
    """
    wants = wanted_device(run.read_request()["request"]) or CPU
    env = worker_environment()
    enqueue(run, after=queue.after, anyway=queue.anyway, wants=wants, resume=resume, env=env)


def wanted_device(request: Mapping[str, Any]) -> str | None:
    """Which kind of slot a request needs, by its device; None when it computes with none."""
    device = request.get("device")
    if not isinstance(device, str):
        return None
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return AUTO if kind == AUTO else CPU
    return f"{GPU}:{number}" if number.isdecimal() and len(number) <= 3 else GPU


def _takes_all_gpus(request: Mapping[str, Any]) -> bool:
    """Whether it is for several processes: in a slot they would all see the same GPU."""
    workers = request.get("workers")
    return isinstance(workers, int) and workers > 1


def _slots() -> Slots | None:
    """The machine's slots; without them, a run that does not wait starts as well."""
    try:
        return Slots(open_shared(), load_queue_settings())
    except LeaptuiError:
        return None


# Numbers of the GNU libraries that networks on a CPU run on; the user's own choices stand. Threads wait for a
# moment before they sleep: endless spinning starves whoever shares the cores, sleeping at once costs a wake-up a
# layer. And freed memory is kept for the next layer, since asking the kernel for fresh pages takes as long as
# the arithmetic on them.
_CPU_TUNING = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "20000",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


def worker_environment() -> dict[str, str]:
    """What a worker's environment has beyond its parent's."""
    return {name: value for name, value in _CPU_TUNING.items() if name not in os.environ}


def perform(request: Request, context: RunContext) -> Any:
    """Check a request and run it in this process; for what takes no longer than a person waits."""
    validate(request)
    request.check()
    return resolve(operation_of(request).runner)(request, context)
