"""The trash of a folder of runs: `.trash` in that folder, so that moving a run there is one rename on its own disk.

Whoever sees the folder, on any host, sees the same trash.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.runs.layout import RunDirectory, list_runs, open_run
from leaptui.runs.liveness import STALE_AFTER, Watcher, conclude
from leaptui.runs.queue_entries import withdraw
from leaptui.runs.status import State

TRASH = ".trash"
_DOOMED = ".emptying-"


def trash_of(parent: Path) -> Path:
    """The trash of a folder of runs; it is made when something is moved there."""
    return Path(parent).absolute() / TRASH


def is_in_trash(run: Path) -> bool:
    """Whether a run directory is in a trash."""
    return Path(run).absolute().parent.name == TRASH


def move_to_trash(run: RunDirectory, *, timeout: float = STALE_AFTER + 2.0) -> RunDirectory:
    """Move a run that is not going on into the trash of its folder; one that waits in the queue leaves it.

    Args:
        run: the run.
        timeout: seconds to watch a run of another host for signs of life.

    Returns:
        Where it is now.

    Raises:
        UsageError: if it is going on, is in a trash already, or is a link.
        UnusableInput: if it is no run, or cannot be moved.
    """
    run = RunDirectory(run.path.absolute())
    run.read_request()
    if is_in_trash(run.path):
        raise UsageError("this run is in the trash already", where=run.path)
    if run.path.is_symlink():
        raise UsageError("this is a link to a run", where=run.path, hint="Move the run itself.")
    withdraw(run)
    verdict = conclude(run, timeout=timeout)
    if verdict.alive is not False:
        raise UsageError(f"this run is going on: it is {verdict.state}", where=run.path, hint="Stop it first.")
    moved = _rename(run, RunDirectory(_trash_folder(run.path.parent) / run.id))
    if Watcher(moved).look().alive:
        # Somebody started it at this very moment.
        _rename(moved, run)
        raise UsageError("this run was started just now", where=run.path, hint="Stop it first.")
    return moved


def list_trash(parent: Path) -> list[RunDirectory]:
    """The runs in the trash of a folder of runs, newest first."""
    trash = trash_of(parent)
    return [] if trash.is_symlink() else list_runs(trash)


def restore(run: RunDirectory | Path) -> RunDirectory:
    """Move a run back out of the trash; returns where it is now.

    Raises:
        UsageError: if it is not in a trash, or another of its name has taken its place.
        UnusableInput: if it is no run, or cannot be moved.
    """
    found = open_run(run.path if isinstance(run, RunDirectory) else run)
    if not is_in_trash(found.path):
        raise UsageError("this run is not in the trash", where=found.path)
    return _rename(found, RunDirectory(found.path.parent.parent / found.id))


def empty_trash(parent: Path) -> int:
    """Delete what is in the trash of a folder of runs, for good; returns how many runs that were.

    What is no run, and a run that is going on, stays.

    Raises:
        OperationFailed: if something could not be deleted; what could be is gone.
    """
    trash = trash_of(parent)
    if trash.is_symlink() or not trash.is_dir():
        return 0
    count, problem = 0, None
    for run in list_runs(trash):
        verdict = Watcher(run).look()
        if run.path.is_symlink() or (verdict.alive and verdict.state is not State.QUEUED):
            continue
        doomed = trash / f"{_DOOMED}{secrets.token_hex(4)}"
        try:
            # Under another name first: a run that is half deleted must not look like one.
            run.path.rename(doomed)
            count += 1
        except OSError as error:
            problem = error
    for doomed in trash.glob(f"{_DOOMED}*"):
        try:
            shutil.rmtree(doomed)
        except OSError as error:
            problem = error
    with contextlib.suppress(OSError):
        trash.rmdir()
    if problem is not None:
        raise OperationFailed(
            f"not everything in the trash could be deleted ({problem.strerror})",
            where=problem.filename or trash,
            hint="Whoever owns it can delete it.",
        )
    return count


def _trash_folder(parent: Path) -> Path:
    trash = trash_of(parent)
    try:
        trash.mkdir(exist_ok=True)
    except OSError as problem:
        raise UnusableInput(
            f"there can be no trash here ({problem.strerror})", where=parent, hint="Its owner can move the run away."
        ) from problem
    if trash.is_symlink():
        raise UsageError("the trash is a link", where=trash, hint="Take the link away first.")
    return trash


def _rename(run: RunDirectory, target: RunDirectory) -> RunDirectory:
    # A rename would replace an empty folder in silence.
    if os.path.lexists(target.path):
        raise UsageError("another run of that name is there already", where=target.path, hint="Move that one first.")
    try:
        run.path.rename(target.path)
    except OSError as problem:
        raise UnusableInput(
            f"the run cannot be moved ({problem.strerror})",
            where=run.path,
            hint="Whoever may write in the folder of the runs can move it.",
        ) from problem
    return target
