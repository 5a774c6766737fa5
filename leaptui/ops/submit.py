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
    launch(run, env=_environment())
    return run


def _environment() -> dict[str, str]:
    """What a worker's environment has beyond its parent's.

    Threads that wait by spinning slow each other down many times over as soon as somebody else uses the same
    cores; the user's own choice stands.
    """
    return {} if "OMP_WAIT_POLICY" in os.environ else {"OMP_WAIT_POLICY": "PASSIVE"}


def perform(request: Request, context: RunContext) -> Any:
    """Check a request and run it in this process; for what takes no longer than a person waits."""
    validate(request)
    request.check()
    return resolve(operation_of(request).runner)(request, context)
