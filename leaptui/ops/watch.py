"""Find what can be watched in a folder: runs of leaptui, and logs of other programs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from leaptui.errors import UnusableInput
from leaptui.formats.lightning_csv import METRICS, CsvLog
from leaptui.formats.metric_log import MetricLog
from leaptui.formats.tensorboard_events import PATTERN, TensorBoardLog, require_tensorboard
from leaptui.runs.layout import open_run

RUN = "run"
CSV = "csv"
TENSORBOARD = "tensorboard"

_DEPTH = 6
_FOLDERS = 5000
_SECONDS = 3.0
_SKIPPED = frozenset({"checkpoints", "previews", "control", "node_modules", "__pycache__", "site-packages"})

_FILES = {METRICS: CSV, "request.json": RUN, "status.json": "events", "hparams.yaml": "settings"}

_OPENERS: dict[str, Callable[[Path], MetricLog]] = {CSV: CsvLog, TENSORBOARD: TensorBoardLog}


@dataclass(frozen=True)
class FoundLog:
    """Something that can be watched.

    Args:
        path: its folder.
        kind: "run" (a run directory of leaptui), "csv" or "tensorboard".
        changed: when its files last changed, seconds since the epoch by the clock of their disk.
        name: its path below the folder that was searched; the folder's own name for that folder.
    """

    path: Path
    kind: str
    changed: float
    name: str


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Args:
        logs: newest first, at least one.
        complete: False where the folder is so large that not all of it was looked at.
    """

    logs: tuple[FoundLog, ...]
    complete: bool


def find_logs(path: Path) -> Found:
    """Everything in a folder that can be watched; a file of a log stands for its folder.

    Looks a few levels deep, follows no links below the folder, and for some seconds at most.

    Raises:
        UnusableInput: if there is no such folder, or nothing in it.
    """
    folder = path.parent if path.is_file() else path
    folder = folder.absolute()
    if not folder.is_dir():
        raise UnusableInput("there is no such folder", where=path, hint="Check the path.")
    walk = _Walk(folder)
    logs = sorted(walk.logs(), key=lambda each: (each.changed, each.name), reverse=True)
    if not logs:
        raise UnusableInput(
            f"there is nothing to watch: no {METRICS}, no {PATTERN}* and no run of leaptui",
            where=path,
            hint="Name the folder a training logs to, such as lightning_logs.",
        )
    return Found(tuple(logs), walk.complete)


def open_log(path: Path) -> MetricLog:
    """The log of another program in a folder.

    Raises:
        UnusableInput: if there is none, or the package that reads it is not installed.
    """
    kind, _ = _kind(path)
    if kind not in _OPENERS:
        raise UnusableInput("this is no folder of CSVLogger and none of TensorBoard", where=path)
    return _OPENERS[kind](path)


def is_foreign_log(path: Path) -> bool:
    """Whether a folder holds the log of another program."""
    return _kind(path)[0] in _OPENERS


def require_reader(found: FoundLog) -> None:
    """Refuse a log whose package is not installed.

    Raises:
        UnusableInput: naming the extra.
    """
    if found.kind == TENSORBOARD:
        require_tensorboard(found.path)


class _Walk:
    """One walk through a tree of folders, within bounds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._until = time.monotonic() + _SECONDS
        self._left = _FOLDERS
        self.complete = True

    def logs(self) -> Iterator[FoundLog]:
        yield from self._in(self._folder, 0)

    def _in(self, folder: Path, depth: int) -> Iterator[FoundLog]:
        self._left -= 1
        if self._left < 0 or time.monotonic() > self._until:
            self.complete = False
            return
        kind, changed = _kind(folder)
        if kind:
            name = str(folder.relative_to(self._folder))
            yield FoundLog(folder, kind, changed, self._folder.name if name == "." else name)
        if kind == RUN:
            return
        if depth >= _DEPTH:
            self.complete = self.complete and not _folders(folder)
            return
        for each in _folders(folder):
            yield from self._in(each, depth + 1)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(each.path)
                for each in entries
                if each.name not in _SKIPPED and not each.name.startswith(".") and each.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _kind(folder: Path) -> tuple[str, float]:
    """What kind of log is in a folder, and when it changed; "" when there is none.

    Both loggers of Lightning log to the same folder when nobody says otherwise: then the CSV is read, which needs
    nothing that may be missing. hparams.yaml alone is a run of Lightning that has not logged anything yet.
    """
    changed: dict[str, float] = {}
    try:
        with os.scandir(folder) as entries:
            for each in entries:
                kind = _kind_of_file(each.name)
                if kind:
                    changed[kind] = max(each.stat().st_mtime, changed.get(kind, 0.0))
    except OSError:
        # A file may be replaced while it is listed; what was seen before counts.
        pass
    if RUN in changed and _is_run(folder):
        return RUN, max(changed.values())
    for kind in (CSV, TENSORBOARD):
        if kind in changed:
            return kind, changed[kind]
    return (CSV, changed["settings"]) if "settings" in changed else ("", 0.0)


def _is_run(folder: Path) -> bool:
    try:
        open_run(folder)
    except UnusableInput:
        return False
    return True


def _kind_of_file(name: str) -> str:
    if name.startswith(PATTERN):
        return TENSORBOARD
    if name.startswith("events.") and name.endswith(".jsonl"):
        return "events"
    return _FILES.get(name, "")
