"""A run directory that was copied to another machine: read whole, and never written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from leaptui.errors import UnusableInput
from leaptui.runs.control import request_stop
from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.notes import write_notes
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from leaptui.tui.run_reading import LiveReader

ELSEWHERE = ProcessIdentity("gpu-box", 4242, 1.0, 1, "another boot", "pid:[1]")


@pytest.fixture
def copy(run: RunDirectory, tmp_path: Path) -> RunDirectory:
    """Of a run that was stopped and resumed there, and is stopped again."""
    for attempt in (1, 2):
        with EventWriter(run, resume=attempt > 1) as events:
            if attempt > 1:
                events.emit("resumed", attempt=2, epoch=2, step=20, checkpoint=str(run.checkpoints / "last.ckpt"))
            for epoch in range(3 * attempt - 2, 3 * attempt + 1):
                events.emit("step", epoch=epoch, step=epoch * 10, loss=1.0 / epoch, lr=0.1)
                events.emit("epoch", epoch=epoch, step=epoch * 10, val_error_px=9.0 / epoch, best=True)
                events.emit("preview", epoch=epoch, path=str(run.previews / f"{epoch:04d}.npz"))
                (run.previews / f"{epoch:04d}.npz").write_bytes(b"x")
            events.emit(
                "checkpoint", kind="last", path=str(run.checkpoints / "last.ckpt"), epoch=epoch, step=epoch * 10
            )
            events.emit("state", state="stopped")
    write_notes(run, note="from the box", tag=["box"])
    write_status(run, Status(State.STOPPED, 9, ELSEWHERE, 2, started=1e9, updated=1e9 + 50, ended=1e9 + 50))
    target = tmp_path / "usb" / run.id
    shutil.copytree(run.path, target)
    shutil.rmtree(run.path)
    return RunDirectory(target)


def refuse_writing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As a read-only mount answers, to whatever would write in a folder; tests run as root may write anywhere."""
    real_open, real_access = os.open, os.access

    def opened(path: object, flags: int, *args: int, **options: int) -> int:
        if not isinstance(path, int) and str(path).startswith(str(folder)) and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(30, "Read-only file system", str(path))
        return real_open(path, flags, *args, **options)  # type: ignore[call-overload, no-any-return]

    def access(path: object, mode: int, **options: bool) -> bool:
        return not mode & os.W_OK and real_access(path, mode, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "access", access)


def test_it_opens_with_its_whole_history(copy: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_writing(monkeypatch, copy.path)
    before = {each: each.stat().st_mtime_ns for each in copy.path.rglob("*")}
    picture = LiveReader(copy.path).look()
    assert (picture.state, picture.attempt, picture.host, picture.here) == ("stopped", 2, "gpu-box", False)
    assert [point[0] for point in picture.steps] == [10, 20, 40, 50, 60]
    assert [point.epoch for point in picture.epochs] == [1, 2, 4, 5, 6]
    assert [(each.epoch, each.path) for each in picture.previews] == [
        (epoch, copy.previews / f"{epoch:04d}.npz") for epoch in (1, 2, 4, 5, 6)
    ]
    assert [each.path for each in picture.checkpoints] == [str(copy.checkpoints / "last.ckpt")]
    assert (picture.notes, list(picture.tags)) == ("from the box", ["box"])
    assert not picture.resumable and any("read-only" in problem for problem in picture.problems)
    assert {each: each.stat().st_mtime_ns for each in copy.path.rglob("*")} == before


def test_what_would_write_says_that_it_cannot(copy: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    write_status(copy, Status(State.RUNNING, 10, ELSEWHERE, 2))
    refuse_writing(monkeypatch, copy.path)
    with pytest.raises(UnusableInput, match="Read-only file system"):
        write_notes(copy, note="mine")
    with pytest.raises(UnusableInput):
        request_stop(copy)


def test_where_it_can_be_written_it_can_be_resumed(copy: RunDirectory) -> None:
    picture = LiveReader(copy.path).look()
    assert picture.resumable and picture.problems == []
