"""Going on with a run that was stopped, failed or was killed."""

from __future__ import annotations

from leaptui.errors import OperationFailed, UsageError
from leaptui.ops.submit import InQueue, start, wait_in_queue
from leaptui.runs.control import checked_epochs, record_extension
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import conclude
from leaptui.runs.status import State, Status, read_status

_PATIENCE = 30.0
"""Seconds a worker has to say its first word; 0.2 s are usual, many on a slow disk."""

EXTENDABLE = frozenset(("train",))
"""Operations that have epochs."""


def resume(run: RunDirectory, *, more_epochs: int | None = None, queue: InQueue | None = None) -> Status | None:
    """Start the next attempt of a run; it goes on from what the former ones left.

    Args:
        run: a run that is not going on; a finished one only with `more_epochs`.
        more_epochs: train so many more than were planned.
        queue: let it wait for its turn.

    Returns:
        Its status, as the new worker first wrote it; None when it waits.

    Raises:
        UsageError: if it is going on, finished, or has no epochs.
        UnusableInput: if it is no run, or cannot be written.
        OperationFailed: if the worker cannot be started, or says nothing.
    """
    operation = run.read_request()["operation"]
    if more_epochs is not None:
        checked_epochs(more_epochs)
        if operation not in EXTENDABLE:
            raise UsageError(f"only a training can be given more epochs, this is: {operation}", where=run.path)
        _require_over(run)
        record_extension(run, more_epochs)
    if queue is not None:
        wait_in_queue(run, queue, resume=True)
        return None
    before = read_status(run)
    status = start(run, resume=True, wait=_PATIENCE)
    if status == before or status.state is State.QUEUED:
        raise OperationFailed(
            f"the worker has not begun within {_PATIENCE:.0f} s",
            where=run.path,
            hint=f"It may still do so: leaptui attach {run.path}",
        )
    return status


def _require_over(run: RunDirectory) -> None:
    """Recording an extension for a run that goes on would extend it at once, and refuse the resume."""
    verdict = conclude(run)
    if verdict.alive is not False or verdict.state is State.QUEUED:
        raise UsageError(
            f"this run is going on: it is {verdict.state}",
            where=run.path,
            hint=f"leaptui ask {run.path} extend --epochs N",
        )
