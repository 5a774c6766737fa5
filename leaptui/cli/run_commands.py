"""Commands about runs: list, follow, stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.follow import follow
from leaptui.cli.output import note, plain, print_json, print_rows
from leaptui.cli.results import show
from leaptui.errors import ExitCode, UnusableInput
from leaptui.ops.requests import Request, option
from leaptui.ops.table import OPERATIONS
from leaptui.project import MANIFEST, Project
from leaptui.runs.control import request_stop
from leaptui.runs.layout import RunDirectory, list_runs, open_run
from leaptui.runs.view import RunView
from leaptui.words import duration, error_text


@dataclass(frozen=True)
class RunsRequest(Request):
    """List the runs of a project, newest first."""

    project: Path = option("The project, or a folder of runs.", positional=True)


@dataclass(frozen=True)
class AttachRequest(Request):
    """Follow a run live; Ctrl-C leaves, and the run goes on."""

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)


@dataclass(frozen=True)
class StopRequest(Request):
    """Ask a run to stop: it ends after the step it is at and keeps its best and last checkpoint."""

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)


def runs(args: Sequence[str]) -> int:
    """`leaptui runs`."""
    parsed = parse("runs", RunsRequest, args, (JSON,))
    folder: Path = parsed.request.project
    parent = Project.open(folder).runs_folder if (folder / MANIFEST).is_file() else folder
    if not parent.is_dir() and parent == folder:
        raise UnusableInput("there is no such project or folder", where=folder, hint="Check the path.")
    rows = [_row(run) for run in list_runs(parent)]
    if "json" in parsed.flags:
        print_json({"runs": rows})
    elif not rows:
        note("no runs yet")
    else:
        print_rows(["run", "state", "best or done", "time"], [_cells(row) for row in rows])
    return ExitCode.DONE


def attach(args: Sequence[str]) -> int:
    """`leaptui attach`."""
    run = find_run(parse("attach", AttachRequest, args).request.run)
    ended = follow(run.path, stop_on_interrupt=False)
    operation = run.read_request()["operation"]
    if ended.result is not None and operation in OPERATIONS:
        show(operation, ended.result)
    return ended.exit_code


def stop(args: Sequence[str]) -> int:
    """`leaptui stop`."""
    parsed = parse("stop", StopRequest, args, (JSON,))
    run = find_run(parsed.request.run)
    asked = request_stop(run)
    if "json" in parsed.flags:
        print_json({"run": run.path, "asked": True, "by": asked.by})
    else:
        note(f"asked {run.id} to stop; it ends after the step it is at")
    return ExitCode.DONE


def find_run(path: Path) -> RunDirectory:
    """The run a person means by a directory or by PROJECT/RUN.

    Raises:
        UnusableInput: if there is none.
    """
    in_project = path.parent / "runs" / path.name
    if not path.is_dir() and in_project.is_dir():
        path = in_project
    return open_run(path)


def _row(run: RunDirectory) -> dict[str, Any]:
    view = RunView(run)
    view.refresh()
    while view.is_behind:
        view.refresh()
    best, progress = view.best, view.progress
    row: dict[str, Any] = plain(
        {
            "run": run.id,
            "path": run.path,
            "operation": view.operation,
            "state": view.state,
            "created": view.created,
            "seconds": view.elapsed,
            "epochs": len(view.epochs),
            "val_error_px": None if best is None else best.val_error_px,
            "val_error_body": None if best is None else best.val_error_body,
            "done": None if progress is None else progress.done,
            "total": None if progress is None else progress.total,
        }
    )
    return row


def _cells(row: dict[str, Any]) -> list[Any]:
    figure = None
    if row["val_error_px"] is not None:
        figure = error_text(row["val_error_px"], row["val_error_body"])
    elif row["done"] is not None:
        figure = f"{row['done']:,.0f}" + (f" of {row['total']:,.0f}" if row["total"] else "")
    return [row["run"], row["state"], figure, duration(row["seconds"])]
