"""What screens need from below: starting operations and reading runs. Tests hand in their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaptui.tui.run_picture import RunPicture, RunReader

if TYPE_CHECKING:
    from leaptui.tui.companions import Requests

_LISTING_SOON = 1
_LISTING_LATER = 4
"""Looks at a folder of runs between two listings of it."""


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


def _run_paths(parent: Path) -> Sequence[Path]:
    from leaptui.runs.layout import list_runs

    return [run.path for run in list_runs(parent)]


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
        run_paths: the run directories in a folder, newest first.
        now: seconds since the epoch.
        frame_reader: the process that reads frames and predictions of a project.
        predictor: a process that keeps a model loaded, on a device ("auto", "cpu", ...).
    """

    submit: Callable[[Any, Path | None], Path] = _submit
    reader: Callable[[Path], RunReader] = _reader
    stop: Callable[[Path], None] = _stop
    run_paths: Callable[[Path], Sequence[Path]] = _run_paths
    now: Callable[[], float] = time.time
    frame_reader: Callable[[Path], Requests] = _frame_reader
    predictor: Callable[[Path, str], Requests] = _predictor


@dataclass(frozen=True)
class ShelfLook:
    """The runs of a folder as they are now.

    Args:
        runs: those that were read, newest first.
        unread: how many there was no time for yet; the next look goes on with them.
        older: how many more there are that are never read.
    """

    runs: Sequence[RunPicture] = ()
    unread: int = 0
    older: int = 0


class RunShelf:
    """The runs of a folder; one that has ended is read once and kept.

    Args:
        folder: the folder of runs.
        services: how to read them.
        most: how many of the newest are read.
        seconds: after which a look leaves the rest to the next one.
    """

    def __init__(self, folder: Path, services: Services, *, most: int = 200, seconds: float = 0.5) -> None:
        self._folder = folder
        self._services = services
        self._most = most
        self._seconds = seconds
        self._readers: dict[Path, RunReader] = {}
        self._ended: dict[Path, RunPicture] = {}
        self._paths: Sequence[Path] = ()
        self._changed: int | None = None
        self._looks_until_listing = 0

    def look(self) -> ShelfLook:
        """Every run as it is now."""
        self._list()
        until = time.monotonic() + self._seconds
        newest = self._paths[: self._most]
        runs: list[RunPicture] = []
        may_begin = True
        for path in newest:
            is_known = path in self._ended or path in self._readers
            if is_known or may_begin:
                runs.append(self._look_at(path))
                may_begin = may_begin and (is_known or time.monotonic() < until)
        return ShelfLook(runs, len(newest) - len(runs), len(self._paths) - len(newest))

    def _list(self) -> None:
        """List the folder when it has changed, and now and then: a run is made in two steps, and listing many
        runs on a network file system takes a while."""
        try:
            changed = self._folder.stat().st_mtime_ns
        except OSError:
            changed = None
        is_new = changed != self._changed
        if is_new or self._looks_until_listing <= 0:
            self._paths = self._services.run_paths(self._folder)
            self._looks_until_listing = _LISTING_SOON if is_new else _LISTING_LATER
            self._changed = changed
        self._looks_until_listing -= 1

    def _look_at(self, path: Path) -> RunPicture:
        known = self._ended.get(path)
        if known is not None:
            return known
        reader = self._readers.get(path)
        if reader is None:
            reader = self._readers[path] = self._services.reader(path)
        picture = reader.look()
        if picture.is_final and not picture.behind and picture.state != "broken":
            self._ended[path] = picture
            del self._readers[path]
        return picture
