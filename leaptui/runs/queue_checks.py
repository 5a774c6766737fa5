"""What may be put in the queue."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from leaptui.errors import UsageError
from leaptui.runs.control import EXTEND, requested
from leaptui.runs.layout import RunDirectory, open_run
from leaptui.runs.liveness import Watcher, conclude
from leaptui.runs.queue_entries import QueueFolder
from leaptui.runs.queue_ticket import Ticket
from leaptui.runs.status import State


def check_after(after: RunDirectory | Path, *, anyway: bool = False) -> Path:
    """The directory of a run that another one is to follow, checked.

    Raises:
        UnusableInput: if it is no run.
        UsageError: if it has failed or was stopped already, so that nothing would ever follow it.
    """
    run = open_run(Path(os.path.realpath(after.path if isinstance(after, RunDirectory) else after)))
    verdict = Watcher(run).look()
    is_lost = verdict.state in (State.FAILED, State.STOPPED, State.STALE)
    if is_lost and not anyway and not any(folder.find(run.path) for folder in QueueFolder.everywhere()):
        raise UsageError(
            f"a run follows one that finishes, and this one is {verdict.state}",
            where=run.path,
            hint="Resume that one first, or ask for --anyway.",
        )
    return run.path


def check_can_wait(run: RunDirectory, waiting: Mapping[Path, Ticket], after: Path | None, *, resume: bool) -> None:
    """Refuse what cannot wait.

    Args:
        run: what is to be put in.
        waiting: what waits already, by directory.
        after: directory of the run it is to follow.
        resume: it was begun before.

    Raises:
        UsageError: why not.
    """
    if run.path in waiting or any(folder.find(run.path) for folder in QueueFolder.everywhere()):
        raise UsageError("this run waits in the queue already", where=run.path)
    verdict = conclude(run) if resume else Watcher(run).look()
    if resume and verdict.state is State.FINISHED and requested(run, EXTEND) is None:
        raise UsageError("this run is finished: there is nothing left to do", where=run.path)
    if verdict.alive is not False:
        raise UsageError(f"this run is going on: it is {verdict.state}", where=run.path, hint="Stop it first.")
    if not resume and (verdict.state is not State.QUEUED or run.launch.exists()):
        raise UsageError(f"this run was started before and is {verdict.state}", where=run.path, hint="Resume it.")
    followed, seen = after, {run.path}
    while followed is not None:
        if followed in seen:
            raise UsageError("the run would wait for itself", where=after)
        seen.add(followed)
        ticket = waiting.get(followed)
        followed = None if ticket is None else ticket.after
