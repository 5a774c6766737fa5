"""What screens need from below: starting operations and reading runs. Tests hand in their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaptui.tui.run_picture import RunReader
from leaptui.tui.run_queue import QueueLook, SlotHeld, WaitingRun

if TYPE_CHECKING:
    from leaptui.tui.companions import Requests


def _submit(request: Any, parent: Path | None) -> Path:
    from leaptui.ops.submit import submit

    return submit(request, parent).path


def _reader(path: Path) -> RunReader:
    from leaptui.tui.run_reading import LiveReader

    return LiveReader(path)


def _stop(path: Path) -> None:
    from leaptui.runs.control import request_stop
    from leaptui.runs.layout import RunDirectory

    request_stop(RunDirectory(path))


def _ask(path: Path, name: str, fields: Mapping[str, Any]) -> None:
    from leaptui.runs import control
    from leaptui.runs.layout import open_run

    run = open_run(path)
    if name == "stop-now":
        control.request_stop(run, now=True)
    elif name == control.CHECKPOINT:
        control.request_checkpoint(run)
    elif name == control.LOWER_RATE:
        control.request_lower_rate(run, fields["factor"])
    elif name == "extend-resumed":
        control.record_extension(run, fields["epochs"])
    else:
        control.request_extension(run, fields["epochs"])


class RunListing:
    """The run directories in a folder, newest first. When a run was made never changes: it is read once."""

    def __init__(self) -> None:
        self._created: dict[Path, float] = {}

    def __call__(self, parent: Path) -> Sequence[Path]:
        from leaptui.errors import UnusableInput
        from leaptui.runs.files import number
        from leaptui.runs.layout import RunDirectory

        created: dict[Path, float] = {}
        for name in _names(parent.absolute()):
            path = parent.absolute() / name
            known = self._created.get(path)
            if known is None:
                try:
                    known = number(RunDirectory(path).read_request(), "created") or 0.0
                except UnusableInput:
                    continue
            created[path] = known
        self._created = created
        return sorted(created, key=lambda path: (created[path], path.name), reverse=True)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError:
        return []


def _write_notes(path: Path, note: str | None, put: Sequence[str], taken: Sequence[str]) -> None:
    from leaptui.runs.layout import RunDirectory
    from leaptui.runs.notes import write_notes

    write_notes(RunDirectory(path), note=note, tag=put, untag=taken)


def _resume(path: Path) -> None:
    from leaptui.ops.resume import resume
    from leaptui.runs.layout import open_run

    resume(open_run(path))


def _resume_later(path: Path) -> None:
    from leaptui.ops.resume import resume
    from leaptui.ops.submit import InQueue
    from leaptui.runs.layout import open_run

    resume(open_run(path), queue=InQueue())


def _delete(path: Path) -> None:
    from leaptui.runs.layout import open_run
    from leaptui.runs.trash import move_to_trash

    move_to_trash(open_run(path))


def _trashed(project: Path) -> Sequence[Path]:
    from leaptui.project import Project
    from leaptui.runs.trash import list_trash

    return [each.path for each in list_trash(Project.open(project).runs_folder)]


def _restore(path: Path) -> None:
    from leaptui.runs.trash import restore

    restore(path)


def _queue(with_slots: bool) -> QueueLook:
    import socket

    from leaptui.runs.queue import entries, slots

    waiting = [
        WaitingRun(each.run or Path(each.name), each.place, each.reason, each.user, each.is_own) for each in entries()
    ]
    held = []
    for look in slots() if with_slots or waiting else []:
        holder = look.holder
        name = "another program" if look.foreign else "" if holder is None or holder.run is None else holder.run.name
        by = "" if holder is None else holder.user
        held.append(SlotHeld(look.slot.label, "" if look.is_free else name or "held", by))
    return QueueLook(socket.gethostname(), waiting, held)


def _move(path: Path, places: int) -> None:
    from leaptui.runs.layout import RunDirectory
    from leaptui.runs.queue import move

    for _ in range(abs(places)):
        move(RunDirectory(path), "down" if places > 0 else "up")


def _cancel(path: Path) -> None:
    from leaptui.runs.layout import RunDirectory
    from leaptui.runs.queue import cancel

    cancel(RunDirectory(path))


def _frame_reader(project: Path) -> Requests:
    from leaptui.runs.companion import Companion

    return Companion("the frame reader", "leaptui.runners.frame_server", [str(project.absolute())])


def _predictor(model: Path, device: str) -> Requests:
    from leaptui.ops.submit import worker_environment
    from leaptui.runs.companion import Companion

    arguments = [str(model.absolute()), device]
    return Companion("the predictor", "leaptui.runners.warm_predictor", arguments, env=worker_environment())


@dataclass(frozen=True)
class Services:
    """Ways down.

    Args:
        submit: check a request, start its worker, and say which run directory it got; in a given folder, or
            where runs of that request go.
        reader: a reader of a run directory.
        stop: ask a run to stop.
        ask: ask a run for "stop-now", "checkpoint", "lower-lr" (factor), "extend" (epochs), or "extend-resumed" (epochs
            that its next attempt trains more).
        run_paths: the run directories in a folder, newest first.
        write_notes: change what is written on a run: its text (None leaves it), tags to put on, tags to take away.
        resume, resume_later: go on with a run that has ended without being finished; at once, or by the queue.
        delete: move a run to the trash.
        trashed: the runs in the trash of a project, the latest first.
        restore: bring one of them back.
        queue: who waits on this machine, and who has its slots; without any waiting only when they are asked for.
        move: move a waiting run by some places, later for positive ones.
        cancel: take a waiting run out of the queue.
        now: seconds since the epoch.
        frame_reader: the process that reads frames and predictions of a project.
        predictor: a process that keeps a model loaded, on a device ("auto", "cpu", ...).
    """

    submit: Callable[[Any, Path | None], Path] = _submit
    reader: Callable[[Path], RunReader] = _reader
    stop: Callable[[Path], None] = _stop
    ask: Callable[[Path, str, Mapping[str, Any]], None] = _ask
    run_paths: Callable[[Path], Sequence[Path]] = field(default_factory=RunListing)
    write_notes: Callable[[Path, str | None, Sequence[str], Sequence[str]], None] = _write_notes
    resume: Callable[[Path], None] = _resume
    resume_later: Callable[[Path], None] = _resume_later
    delete: Callable[[Path], None] = _delete
    trashed: Callable[[Path], Sequence[Path]] = _trashed
    restore: Callable[[Path], None] = _restore
    queue: Callable[[bool], QueueLook] = _queue
    move: Callable[[Path, int], None] = _move
    cancel: Callable[[Path], None] = _cancel
    now: Callable[[], float] = time.time
    frame_reader: Callable[[Path], Requests] = _frame_reader
    predictor: Callable[[Path, str], Requests] = _predictor
