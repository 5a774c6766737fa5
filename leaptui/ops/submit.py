"""Starting operations: as a run in a detached worker, or here and now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from leaptui.ops.requests import Request, to_json, validate
from leaptui.ops.table import operation_of
from leaptui.registry import resolve
from leaptui.runs.context import RunContext
from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory


def submit(request: Request, parent: Path | None = None) -> RunDirectory:
    """Check a request, write its run directory and start its worker.

    The caller may vanish afterwards; following the run is reading its directory.

    Raises:
        LeaptuiError: if the request makes no sense, cannot succeed, or nothing can be written there.
    """
    validate(request)
    request.check()
    run = RunDirectory.create(parent or request.runs_folder(), operation_of(request).name, to_json(request))
    launch(run, env=worker_environment())
    return run


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
