"""Commands about runs: list, follow, stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.follow import follow
from leaptui.cli.output import note, plain, print_json, print_rows, stderr, stdout
from leaptui.cli.results import show
from leaptui.cli.watch import watch
from leaptui.config import load_config
from leaptui.errors import ExitCode, UnusableInput
from leaptui.ops.requests import Request, option
from leaptui.ops.table import OPERATIONS
from leaptui.ops.watch import is_foreign_log
from leaptui.project import MANIFEST, Project
from leaptui.runs.control import request_stop
from leaptui.runs.layout import RunDirectory, list_runs, open_run
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_reading import LiveReader
from leaptui.words import duration, error_text, percent, visible

_HEADINGS = ("run", "state", "done", "best or done", "rate", "time", "left", "device", "tags")
_DISPENSABLE = ("time", "device", "rate", "done", "tags", "left", "best or done")
"""Columns that are left out, one after the other, where they do not all fit."""

_LONGEST_READ = 60.0
"""Seconds for one run of a list; a longer one is shown as far as it was read."""


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
    """Ask a run to stop: it ends after the step it is at and keeps its best and last checkpoint.

    `leaptui resume` goes on with it later.
    """

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)
    now: bool = option(
        "Do not wait for the step: what came after the last checkpoint is lost, at most about a minute.", default=False
    )


def runs(args: Sequence[str]) -> int:
    """`leaptui runs`."""
    parsed = parse("runs", RunsRequest, args, (JSON,))
    parent = runs_parent(parsed.request.project)
    rows = [_row(run) for run in list_runs(parent)]
    if "json" in parsed.flags:
        print_json({"runs": rows})
    elif not rows:
        note("no runs yet")
    else:
        _print_table([_cells(row) for row in rows])
    return ExitCode.DONE


def attach(args: Sequence[str]) -> int:
    """`leaptui attach`."""
    asked = parse("attach", AttachRequest, args).request.run
    if is_foreign_log(asked):
        return watch([str(asked), "--text"])
    run = find_run(asked)
    ended = follow(run.path, stop_on_interrupt=False)
    is_over = ended.result is not None or ended.exit_code not in (ExitCode.DONE, ExitCode.INTERRUPTED)
    if is_over and stderr.is_terminal and load_config().alerts.bell:
        # Who waits for a run looks at something else meanwhile.
        stderr.bell()
    operation = run.read_request()["operation"]
    if ended.result is not None and operation in OPERATIONS:
        show(operation, ended.result)
    return ended.exit_code


def stop(args: Sequence[str]) -> int:
    """`leaptui stop`."""
    parsed = parse("stop", StopRequest, args, (JSON,))
    run = find_run(parsed.request.run)
    now: bool = parsed.request.now
    asked = request_stop(run, now=now)
    if "json" in parsed.flags:
        print_json({"run": run.path, "asked": True, "now": now, "by": asked.by})
    else:
        note(f"asked {run.id} to stop; it ends {'at once' if now else 'after the step it is at'}")
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


def runs_parent(folder: Path) -> Path:
    """The folder of runs a person means by a project, or by that folder itself.

    Raises:
        UnusableInput: if there is neither.
    """
    if (folder / MANIFEST).is_file():
        return Project.open(folder).runs_folder
    if not folder.is_dir():
        raise UnusableInput("there is no such project or folder", where=folder, hint="Check the path.")
    return folder


def _picture(run: RunDirectory) -> RunPicture:
    reader = LiveReader(run.path)
    until = time.monotonic() + _LONGEST_READ
    while True:
        picture = reader.look()
        if not reader.is_behind or time.monotonic() >= until:
            return picture


def _print_table(rows: Sequence[Sequence[Any]]) -> None:
    """With as many columns as there is room for, and none that is empty."""
    kept = [place for place in range(len(_HEADINGS)) if any(row[place] not in (None, "", "–") for row in rows)]
    for place in map(_HEADINGS.index, _DISPENSABLE):
        widths = [max(len(_HEADINGS[each]), *(len(visible(row[each] or "")) for row in rows)) for each in kept]
        if sum(widths) + 2 * len(widths) <= stdout.width:
            break
        kept = [each for each in kept if each != place]
    print_rows([_HEADINGS[place] for place in kept], [[row[place] for place in kept] for row in rows])


def _row(run: RunDirectory) -> dict[str, Any]:
    picture = _picture(run)
    best, progress, waiting = picture.best, picture.progress, picture.waiting
    row: dict[str, Any] = plain(
        {
            "run": run.id,
            "path": run.path,
            "operation": picture.operation,
            "state": picture.state,
            "reason": picture.reason,
            "attempt": picture.attempt,
            "resumable": picture.resumable,
            "created": picture.created,
            "seconds": picture.elapsed,
            "left_s": picture.eta,
            "fraction": picture.fraction,
            "epochs": 0 if not picture.epochs else picture.epochs[-1].epoch,
            "step": picture.step,
            "val_error_px": None if best is None else best.val_error_px,
            "val_error_body": None if best is None else best.val_error_body,
            "best_epoch": None if best is None else best.epoch,
            "rate": picture.rate if progress is None else progress.rate,
            "done": None if progress is None else progress.done,
            "total": None if progress is None else progress.total,
            "host": picture.host,
            "device": picture.plan.get("device") or (picture.result or {}).get("device"),
            "queue_place": None if waiting is None else waiting.place,
            "queue_reason": None if waiting is None else waiting.reason,
            "tags": picture.tags,
            "note": picture.notes,
            "problems": picture.problems,
        }
    )
    return row


def _cells(row: dict[str, Any]) -> list[Any]:
    figure = None
    if row["val_error_px"] is not None:
        figure = error_text(row["val_error_px"], row["val_error_body"])
    elif row["done"] is not None:
        figure = f"{row['done']:,.0f}" + (f" of {row['total']:,.0f}" if row["total"] else "")
    state = row["state"] if row["queue_place"] is None else f"{row['state']} ({row['queue_place']}.)"
    if row["attempt"] > 1:
        state = f"{state}, attempt {row['attempt']}"
    return [
        row["run"],
        state,
        None if row["fraction"] is None else percent(row["fraction"]),
        figure,
        None if row["rate"] is None else f"{row['rate']:,.0f}/s",
        duration(row["seconds"]),
        None if row["left_s"] is None else duration(row["left_s"]),
        row["device"] if isinstance(row["device"], str) else None,
        ", ".join(row["tags"]),
    ]
