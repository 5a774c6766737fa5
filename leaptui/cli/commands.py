"""The commands that are operations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaptui.cli.build import AFTER, ANYWAY, DETACH, JSON, QUEUE, parse
from leaptui.cli.context import ConsoleContext
from leaptui.cli.follow import follow
from leaptui.cli.output import note, plain, print_json
from leaptui.cli.queue_commands import in_queue, place_of, say_place
from leaptui.cli.results import show
from leaptui.config import remember_project
from leaptui.errors import ExitCode
from leaptui.ops.requests import Request
from leaptui.ops.submit import perform, submit
from leaptui.ops.table import Operation
from leaptui.project import Project


def operate(operation: Operation, args: Sequence[str]) -> int:
    """Run one operation as asked on the command line."""
    cls: type[Request] = operation.request_class()
    flags = (JSON, DETACH, QUEUE, AFTER, ANYWAY) if cls.takes_long is not Request.takes_long else (JSON,)
    parsed = parse(operation.name, cls, args, flags)
    exit_code: int = ExitCode.DONE
    if parsed.request.takes_long():
        queue = in_queue(parsed)
        run = submit(parsed.request, queue=queue).path
        _remember(parsed.request)
        if "detach" in parsed.flags:
            return _detached(run, as_json="json" in parsed.flags, is_queued=queue is not None)
        ended = follow(run)
        if ended.result is None:
            return ended.exit_code
        result, exit_code = ended.result, ended.exit_code
    else:
        result = plain(perform_here(parsed.request))
        _remember(parsed.request)
    if "json" in parsed.flags:
        print_json(result)
    else:
        show(operation.name, result)
    return exit_code


def perform_here(request: Request) -> Any:
    """Do an operation in this process, with progress on stderr."""
    with ConsoleContext(Path.cwd()) as context:
        return perform(request, context)


def _detached(run: Path, *, as_json: bool, is_queued: bool) -> int:
    if as_json:
        print_json({"run": run, **(place_of(run) if is_queued else {})})
        return ExitCode.DONE
    note(f"{'put in the queue' if is_queued else 'started'}: {run}")
    if is_queued:
        say_place(run)
    note(f"  leaptui attach {run}    follows it")
    note(f"  leaptui stop {run}    stops it")
    return ExitCode.DONE


def _remember(request: Request) -> None:
    folder = getattr(request, "project", None)
    if isinstance(folder, Path) and Project.containing(folder) is not None:
        remember_project(folder)
