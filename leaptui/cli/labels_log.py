"""`leaptui labels log`: who changed which labels, and when."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.output import note, print_json, print_rows
from leaptui.errors import ExitCode, UnusableInput, UsageError
from leaptui.ops.requests import Request, option
from leaptui.pose.journal_reader import Problem
from leaptui.pose.labels import FrameKey
from leaptui.pose.log import LogEntry
from leaptui.pose.store import LabelStore
from leaptui.pose.transactions import some
from leaptui.project import Project
from leaptui.words import plural

_USAGE = """usage: leaptui labels log PROJECT [--last N] [--video V] [--frame I] [--json]

  log  list who changed which labels, and when; `leaptui labels log --help` says more
"""


@dataclass(frozen=True)
class LabelsLogRequest(Request):
    """List who changed which labels and when, the latest at the end."""

    project: Path = option("The project.", positional=True)
    last: int = option("How many changes to list; 0 lists all.", default=50, minimum=0)
    video: str | None = option("Only changes in this video: its id, path or file name.", default=None)
    frame: int | None = option("Only changes of this frame.", default=None, minimum=0)

    def check(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            UsageError: if one is negative.
        """
        for name, number in (("--last", self.last), ("--frame", self.frame)):
            if number is not None and number < 0:
                raise UsageError(f"{name} must not be negative, but it is {number}")


def labels(args: Sequence[str]) -> int:
    """`leaptui labels`."""
    if args and args[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return ExitCode.DONE
    if not args or args[0] != "log":
        sys.stderr.write(_USAGE)
        return ExitCode.USAGE
    parsed = parse("labels log", LabelsLogRequest, args[1:], (JSON,))
    request: LabelsLogRequest = parsed.request
    request.check()
    project = Project.open(request.project)
    video = None if request.video is None else project.video(request.video).id
    store = LabelStore(project.labels_folder, project.require_skeleton())
    chosen = list(_chosen(store, request, video))
    names = {record.id: Path(record.path).name for record in project.videos}
    if "json" in parsed.flags:
        problems = [{"file": p.file, "line": p.line, "reason": p.reason} for p in store.problems]
        print_json({"changes": [_plain(entry, names) for entry in chosen], "problems": problems})
        return ExitCode.DONE
    if chosen:
        print_rows(["when", "who", "what", "where", ""], [_cells(entry, names) for entry in chosen])
    else:
        note("no changes yet" if video is None and request.frame is None else "no changes there")
    _tell(store.problems)
    return ExitCode.DONE


def _chosen(store: LabelStore, request: LabelsLogRequest, video: str | None) -> Iterator[LogEntry]:
    def wanted(key: FrameKey) -> bool:
        return (video is None or key.video == video) and (request.frame is None or key.frame == request.frame)

    unfiltered = video is None and request.frame is None
    try:
        fitting = (entry for entry in store.log() if unfiltered or any(map(wanted, entry.frames)))
        yield from deque(fitting, maxlen=request.last or None)
    except OSError as error:
        raise UnusableInput(f"the journals cannot be read: {error.strerror}", where=store.folder) from error


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        place = f", line {problem.line}" if problem.line else ""
        note(f"{problem.file.name}{place}: {problem.reason}")


def _cells(entry: LogEntry, names: Mapping[str, str]) -> list[Any]:
    when = datetime.fromtimestamp(_sane(entry.time)).strftime("%Y-%m-%d %H:%M:%S")
    what = entry.why or entry.summary
    repeats = entry.undoes or entry.redoes
    if entry.why and entry.nodes and not repeats and not all(node in entry.why for node in entry.nodes):
        what = f"{entry.why} ({some(entry.nodes)})"
    return [when, f"{entry.user}@{entry.host}", what, _where(entry.frames, names), "undone" if entry.undone else ""]


def _where(frames: Sequence[FrameKey], names: Mapping[str, str]) -> str:
    if not frames:
        return "every frame"
    videos = dict.fromkeys(names.get(key.video, key.video) for key in frames)
    if len(frames) == 1:
        return f"{next(iter(videos))} frame {frames[0].frame}"
    return f"{plural(len(frames), 'frame')} of {some(list(videos))}"


def _plain(entry: LogEntry, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(_sane(entry.time), UTC).isoformat(timespec="milliseconds"),
        "user": entry.user,
        "host": entry.host,
        "session": entry.session,
        "counter": entry.counter,
        "why": entry.why,
        "summary": entry.summary,
        "frames": [{"video": k.video, "file": names.get(k.video), "frame": k.frame} for k in entry.frames],
        "nodes": entry.nodes,
        "undone": entry.undone,
        "undoes": [{"counter": c, "session": s} for c, s in entry.undoes],
        "redoes": [{"counter": c, "session": s} for c, s in entry.redoes],
    }


def _sane(time: float) -> float:
    """A time that a calendar has; a journal may say anything."""
    return time if 0 <= time < 1e11 else 0.0
