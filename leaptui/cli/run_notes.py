"""Notes and tags on runs, and their trash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leaptui.cli.build import JSON, Flag, parse
from leaptui.cli.output import note, print_facts, print_json
from leaptui.cli.run_commands import find_run, runs_parent
from leaptui.errors import ExitCode, UnusableInput, UsageError
from leaptui.ops.requests import Request, option
from leaptui.runs.layout import RunDirectory, open_run
from leaptui.runs.notes import read_notes, write_notes
from leaptui.runs.trash import empty_trash, is_in_trash, list_trash, move_to_trash, restore, trash_of
from leaptui.words import plural, visible_lines


@dataclass(frozen=True)
class NoteRequest(Request):
    """Write a note and tags on a run, or show what is there; "" takes the note away."""

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)
    text: str | None = option("The note; it replaces the one that is there.", default=None, positional=True)
    tag: tuple[str, ...] = option("Tags to put on.", default=(), metavar="TAG …")
    untag: tuple[str, ...] = option("Tags to take away.", default=(), metavar="TAG …")


@dataclass(frozen=True)
class TrashRequest(Request):
    """Move runs to the trash of their project, or back; a run that is going on is not moved."""

    runs: tuple[Path, ...] = option("Run directories, or PROJECT/RUN.", default=(), positional=True, metavar="RUN …")
    empty: Path | None = option("Delete for good what is in the trash of this project.", default=None)
    list: Path | None = option("List what is in the trash of this project.", default=None)


RESTORE = Flag("restore", "Bring the runs back from the trash.")


def note_run(args: Sequence[str]) -> int:
    """`leaptui note`."""
    parsed = parse("note", NoteRequest, args, (JSON,))
    asked: NoteRequest = parsed.request
    run = find_run(asked.run)
    if asked.text is None and not asked.tag and not asked.untag:
        notes = read_notes(run)
    else:
        notes = write_notes(run, note=asked.text, tag=asked.tag, untag=asked.untag)
    if "json" in parsed.flags:
        print_json({"run": run.path, "note": notes.text, "tags": notes.tags, "by": notes.by, "t": notes.t})
    elif not notes.text and not notes.tags:
        note(f"nothing is written on {run.id}")
    else:
        print_facts({"note": visible_lines(notes.text), "tags": list(notes.tags), "by": notes.by})
    return ExitCode.DONE


def trash(args: Sequence[str]) -> int:
    """`leaptui trash`."""
    parsed = parse("trash", TrashRequest, args, (RESTORE, JSON))
    asked: TrashRequest = parsed.request
    if sum((bool(asked.runs), asked.empty is not None, asked.list is not None)) != 1:
        raise UsageError("name runs, or --empty PROJECT, or --list PROJECT: one of them")
    as_json = "json" in parsed.flags
    if asked.empty is not None:
        return _empty(asked.empty, as_json)
    if asked.list is not None:
        return _list(asked.list, as_json)
    back = "restore" in parsed.flags
    # All are looked up before the first is moved, so that a wrong name moves none.
    found = [_in_trash(path) if back else find_run(path) for path in asked.runs]
    moved = [restore(run) if back else move_to_trash(run) for run in found]
    if as_json:
        print_json({"runs": [run.path for run in moved]})
    else:
        note(f"{plural(len(moved), 'run')} {'brought back' if back else 'moved to the trash'}")
        if not back:
            note(f"leaptui trash --restore {moved[0].path} brings it back")
    return ExitCode.DONE


def _empty(project: Path, as_json: bool) -> int:
    count = empty_trash(runs_parent(project))
    if as_json:
        print_json({"deleted": count})
    else:
        note(f"{plural(count, 'run')} deleted")
    return ExitCode.DONE


def _list(project: Path, as_json: bool) -> int:
    runs = list_trash(runs_parent(project))
    if as_json:
        print_json({"runs": [run.path for run in runs]})
    else:
        for run in runs:
            note(run.id)
        if not runs:
            note("the trash is empty")
    return ExitCode.DONE


def _in_trash(path: Path) -> RunDirectory:
    """The run a person means by its place in the trash, by the one it had before, or by PROJECT/RUN."""
    path = path.absolute()
    places = [path, trash_of(path.parent) / path.name, trash_of(path.parent / "runs") / path.name]
    for place in places:
        if is_in_trash(place) and place.is_dir():
            return open_run(place)
    raise UnusableInput(
        "there is no such run in the trash", where=path, hint="`leaptui trash --list PROJECT` lists it."
    )
