"""Where the files of a run are.

    request.json    what was asked; never changed      events.jsonl        what happens, appended
    status.json     state, process, heartbeat          events.0002.jsonl   the same after a resume
    launch.json     the process that was started       output.log          what the worker printed
    result.json     what came out                      model.safetensors   a trained network
    metrics.csv     epochs and steps as a table        notes.json          notes and tags by people
    control/        a file here asks                   checkpoints/  previews/

Each file has one writer, and every small file is replaced whole, so that readers need no lock.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import leaptui
from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.files import create_object, moment, read_object

VERSION = 1
"""Of the files here. Readers accept fields and event types they do not know."""

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_OPERATION = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SEGMENT = re.compile(r"events(?:\.(\d{4,}))?\.jsonl")
_FOLDERS = ("control", "checkpoints", "previews")


@dataclass(frozen=True)
class RunDirectory:
    """One run's folder; makes names, and touches the disk only where a method says so."""

    path: Path

    @classmethod
    def create(
        cls, parent: Path, operation: str, request: Mapping[str, Any], *, title: str | None = None
    ) -> RunDirectory:
        """Make the folder of a new run, in state queued.

        Args:
            parent: the folder that holds runs, made when it is not there.
            operation: name in the table of operations.
            request: the Request as JSON values; paths in it should be absolute.
            title: what people call the run.

        Raises:
            UsageError: if the operation's name could not be part of a file name.
            UnusableInput: if nothing can be written in `parent`.
        """
        if not _OPERATION.fullmatch(operation):
            raise UsageError(f"{operation!r} cannot be the name of an operation")
        try:
            run = cls(_make_folder(Path(parent).absolute(), operation))
            run._fill(_request_file(operation, request, title))
        except OSError as problem:
            raise UnusableInput(
                f"no run can be started here ({problem.strerror or problem})",
                where=parent,
                hint="Name a folder you may write in, on a disk with free space.",
            ) from problem
        with contextlib.suppress(OSError):
            run.request.chmod(0o444)
        return run

    def _fill(self, request: Mapping[str, Any]) -> None:
        try:
            for name in _FOLDERS:
                (self.path / name).mkdir()
            # The request comes last: a folder without it is not yet a run.
            create_object(self.request, request)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    @property
    def id(self) -> str:
        """Name of the folder: UTC time, operation and four random letters."""
        return self.path.name

    @property
    def request(self) -> Path:
        return self.path / "request.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def launch(self) -> Path:
        return self.path / "launch.json"

    @property
    def events(self) -> Path:
        """First segment of the events."""
        return self.event_segment(1)

    @property
    def output(self) -> Path:
        return self.path / "output.log"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def notes(self) -> Path:
        return self.path / "notes.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def model(self) -> Path:
        return self.path / "model.safetensors"

    def event_segment(self, number: int) -> Path:
        """File of the events' n-th segment, from 1."""
        return self.path / ("events.jsonl" if number == 1 else f"events.{number:04d}.jsonl")

    def event_segments(self) -> list[int]:
        """Numbers of the segments on disk, in order. Lists the folder."""
        found = []
        for name in _names(self.path):
            match = _SEGMENT.fullmatch(name)
            if match:
                found.append(int(match.group(1) or 1))
        return sorted(found)

    def read_request(self) -> dict[str, Any]:
        """Content of request.json: v, operation, title, request, created, host, user, leaptui.

        Raises:
            UnusableInput: if the folder is not a run.
        """
        found = read_object(self.request)
        if not _is_request(found):
            raise UnusableInput(
                "this is not a run directory: it has no readable request.json",
                where=self.path,
                hint="`leaptui runs PROJECT` lists the runs of a project.",
            )
        assert found is not None
        return found


def open_run(path: Path) -> RunDirectory:
    """The run in an existing folder, under its absolute path.

    Raises:
        UnusableInput: if there is no run.
    """
    run = RunDirectory(Path(path).absolute())
    run.read_request()
    return run


def list_runs(parent: Path) -> list[RunDirectory]:
    """The runs in a folder, newest first; what is not a run, or cannot be read, is left out."""
    found = []
    for name in _names(Path(parent)):
        run = RunDirectory(Path(parent).absolute() / name)
        created = _created(run)
        if created is not None:
            found.append((created, run))
    return [run for _, run in sorted(found, key=lambda pair: (pair[0], pair[1].id), reverse=True)]


def _created(run: RunDirectory) -> float | None:
    """When a run was made; None when the folder is no run."""
    record = read_object(run.request)
    if not _is_request(record):
        return None
    assert record is not None
    return moment(record, "created") or 0.0


def _is_request(record: dict[str, Any] | None) -> bool:
    return record is not None and isinstance(record.get("operation"), str) and isinstance(record.get("request"), dict)


def _names(folder: Path) -> list[str]:
    """What is in a folder, but for what begins with a point: the trash, and files that are being written."""
    try:
        return [each.name for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError:
        return []


def _make_folder(parent: Path, operation: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        tail = "".join(secrets.choice(_BASE32) for _ in range(4))
        folder = parent / f"{stamp}-{operation}-{tail}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def _request_file(operation: str, request: Mapping[str, Any], title: str | None) -> dict[str, Any]:
    return {
        "v": VERSION,
        "operation": operation,
        "title": title,
        "request": dict(request),
        "created": time.time(),
        "host": socket.gethostname(),
        "user": _user(),
        "leaptui": leaptui.__version__,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that no password file knows.
        return str(os.getuid())
