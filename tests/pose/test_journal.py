"""Journals: torn, cut, on a full disk, on a read-only one, and with an fsync that fails."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from label_samples import SKELETON, journals, place, shown, x_of

from leaptui.errors import OperationFailed
from leaptui.pose.store import LabelStore


def filled(folder: Path, lines: int = 3) -> Path:
    """A journal that places a at 1, 2, ... on frame 1, 2, ..."""
    store = LabelStore(folder, SKELETON)
    for x in range(1, lines + 1):
        store.apply(place("a", x, frame=x), f"line {x}")
    store.close()
    return journals(folder)[0]


def test_a_journal_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path):
    path = filled(tmp_path)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        store = LabelStore(tmp_path, SKELETON)
        assert not store.problems
        complete = max(whole[:cut].count(b"\n") - 1, 0)
        assert [x_of(store, "a", x) for x in (1, 2, 3)] == [x if x <= complete else None for x in (1, 2, 3)]
        assert store.undo_words == (f"line {complete}" if complete else None)


def test_a_line_torn_at_any_byte_costs_only_itself(tmp_path: Path):
    path = filled(tmp_path)
    header, first, second, third = path.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(second) - 1):
        path.write_bytes(header + first + second[:cut] + b"\n" + third)
        store = LabelStore(tmp_path, SKELETON)
        assert [(p.file, p.line) for p in store.problems] == [(path, 3)]
        assert [x_of(store, "a", x) for x in (1, 2, 3)] == [1, None, 3]
        assert store.undo_words == "line 3"


@pytest.mark.parametrize("zeros", [1, 4096])
def test_zeros_that_a_crash_left_hide_no_line(tmp_path: Path, zeros: int):
    path = filled(tmp_path)
    header, first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + first + b"\0" * zeros + second + third + b"\0" * zeros)
    store = LabelStore(tmp_path, SKELETON)
    assert [x_of(store, "a", x) for x in (1, 2, 3)] == [1, 2, 3]
    assert not store.problems


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00",
        pytest.param(b"[" * 100_000, id="deep"),
        b"[]",
        b"12",
        b'{"v":1,"c":"x","edits":[]}',
        b'{"v":1,"c":1e999,"edits":[]}',
        b'{"v":1,"edits":[]}',
        b'{"v":1,"c":5,"edits":[[]]}',
        b'{"v":1,"c":5,"edits":3}',
        b'{"v":[],"c":5,"edits":[]}',
        b'{"v":1,"c":5,"edits":[{"op":[]}]}',
        b'{"v":1,"c":5,"edits":[{"op":"points","video":"v","frame":0,"instance":"i","points":{"a":[1]}}]}',
        b'{"v":1,"c":5,"edits":[{"op":"points","video":"v","frame":0,"instance":"i","points":{"a":[1e999,2]}}]}',
        b'{"v":1,"c":5,"edits":[{"op":"points","video":"v","frame":0,"instance":"i","points":{"a":[NaN,2]}}]}',
        b'{"v":1,"c":5,"edits":[{"op":"points","video":"v","frame":1e999,"instance":"i","points":{}}]}',
        b'{"v":1,"c":5,"edits":[{"op":"back","video":"v","frame":0,"registers":[["x","i","",1,1,"s"]]}]}',
        b'{"v":1,"c":5,"edits":[{"op":"back","video":"v","frame":0,"registers":[1]}]}',
    ],
)
def test_nonsense_is_reported_and_left_where_it_is(tmp_path: Path, line: bytes):
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(2, line + b"\n")
    path.write_bytes(b"".join(lines))
    for store in (LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)):
        assert [(p.file, p.line) for p in store.problems] == [(path, 3)]
        assert [x_of(store, "a", x) for x in (1, 2, 3)] == [1, 2, 3]
        assert store.undo_words == "line 3"
        assert [entry.why for entry in store.log()] == ["line 1", "line 2", "line 3"]
        store.compact()
    assert line in path.read_bytes()


def test_a_journal_without_its_first_line_is_read(tmp_path: Path):
    path = filled(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    store = LabelStore(tmp_path, SKELETON)
    assert [x_of(store, "a", x) for x in (1, 2, 3)] == [1, 2, 3]
    assert {entry.session for entry in store.log()} == {path.stem}


def test_what_is_no_file_is_said_and_the_rest_read(tmp_path: Path):
    filled(tmp_path)
    (tmp_path / "journal" / "folder.jsonl").mkdir()
    (tmp_path / "journal" / "gone.jsonl").symlink_to("nowhere")
    store = LabelStore(tmp_path, SKELETON)
    assert [p.file.name for p in store.problems] == ["folder.jsonl"]
    store.refresh()
    assert len(store.problems) == 1
    assert x_of(store, "a", 3) == 3


class FailingCalls:
    """os.write, os.fsync and os.ftruncate that fail when told to; a failing write writes half first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing: set[str] = set()
        self.error = errno.EIO
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "ftruncate")}
        for name in self._real:
            monkeypatch.setattr(f"leaptui.pose.journal.os.{name}", getattr(self, name))

    def write(self, descriptor: int, data: bytes) -> int:
        if "write" in self.failing:
            if len(data) > 1:
                return int(self._real["write"](descriptor, data[: len(data) // 2]))
            raise OSError(self.error, os.strerror(self.error))
        return int(self._real["write"](descriptor, data))

    def fsync(self, descriptor: int) -> None:
        if "fsync" in self.failing:
            raise OSError(self.error, os.strerror(self.error))
        self._real["fsync"](descriptor)

    def ftruncate(self, descriptor: int, length: int) -> None:
        if "ftruncate" in self.failing:
            raise OSError(self.error, os.strerror(self.error))
        self._real["ftruncate"](descriptor, length)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> FailingCalls:
    """System calls that can be told to fail."""
    return FailingCalls(monkeypatch)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("failing", [{"write"}, {"fsync"}, {"write", "ftruncate"}, {"fsync", "ftruncate"}])
def test_what_could_not_be_written_stays_staged_and_is_written_later(
    tmp_path: Path, calls: FailingCalls, failing: set[str], begun: bool
):
    store = LabelStore(tmp_path, SKELETON)
    if begun:
        store.apply(place("a", 1, frame=1))
    reader = LabelStore(tmp_path, SKELETON)
    store.stage(place("a", 2, frame=2), "second")
    store.stage(place("a", 3, frame=3), "third")
    calls.failing = failing
    for _ in range(3):
        with pytest.raises(OperationFailed, match="the disk reports an error"):
            store.flush()
        reader.refresh()
        assert store.unsaved == 2
        assert (x_of(store, "a", 2), x_of(store, "a", 3)) == (2, 3)
    store.stage(place("a", 4, frame=4), "fourth")
    calls.failing = set()
    store.flush()
    assert store.unsaved == 0
    store.apply(place("a", 5, frame=5), "fifth")
    reader.refresh()
    reopened = LabelStore(tmp_path, SKELETON)
    for other in (reader, reopened):
        assert shown(other.labels()) == shown(store.labels())
        assert [entry.why for entry in other.log()] == [""] * begun + ["second", "third", "fourth", "fifth"]
        assert {entry.session for entry in other.log()} == {store.session}
    if "ftruncate" not in failing:
        assert not reopened.problems
        assert len(journals(tmp_path)) == 1 + begun
    reader.compact()
    assert shown(LabelStore(tmp_path, SKELETON).labels()) == shown(store.labels())


def test_apply_takes_back_only_its_own_edit(tmp_path: Path, calls: FailingCalls):
    store = LabelStore(tmp_path, SKELETON)
    store.stage(place("a", 1), "staged")
    calls.failing, calls.error = {"write"}, errno.ENOSPC
    for _ in range(2):
        with pytest.raises(OperationFailed, match="the disk is full"):
            store.apply(place("b", 2))
    with pytest.raises(OperationFailed, match="the disk is full"):
        store.apply_all([place("b", 2), place("c", 2)])
    with pytest.raises(OperationFailed, match="the disk is full"):
        store.close()
    assert (x_of(store, "a"), x_of(store, "b"), store.unsaved, store.undo_words) == (1, None, 1, "staged")
    calls.failing = set()
    store.close()
    reopened = LabelStore(tmp_path, SKELETON)
    assert (x_of(reopened, "a"), x_of(reopened, "b")) == (1, None)


def test_undo_works_while_nothing_can_be_written(tmp_path: Path, calls: FailingCalls):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    calls.failing = {"write"}
    store.stage(place("a", 2))
    with pytest.raises(OperationFailed):
        store.flush()
    store.undo()
    store.undo()
    store.redo()
    calls.failing = set()
    store.flush()
    reopened = LabelStore(tmp_path, SKELETON)
    assert x_of(reopened, "a") == 1
    reopened.redo()
    assert x_of(reopened, "a") == 2


def test_an_interrupt_in_the_middle_of_a_write_tears_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    real = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        real(descriptor, data[:20])
        raise KeyboardInterrupt

    monkeypatch.setattr("leaptui.pose.journal.os.write", interrupted)
    store.stage(place("a", 2))
    with pytest.raises(KeyboardInterrupt):
        store.flush()
    monkeypatch.undo()
    store.flush()
    reopened = LabelStore(tmp_path, SKELETON)
    assert not reopened.problems
    assert x_of(reopened, "a") == 2


def test_a_journal_that_was_deleted_or_cut_by_others_is_not_written_on(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    journals(tmp_path)[0].unlink()
    store.apply(place("b", 2))
    os.truncate(journals(tmp_path)[0], 30)
    store.apply(place("c", 3))
    assert x_of(LabelStore(tmp_path, SKELETON), "c") == 3
    assert len(journals(tmp_path)) == 2


def test_a_place_that_cannot_be_written_is_said_and_changes_nothing(tmp_path: Path):
    (tmp_path / "journal").write_text("a file is in the way")
    store = LabelStore(tmp_path, SKELETON)
    with pytest.raises(OperationFailed, match="cannot be saved") as caught:
        store.apply(place("a", 1))
    assert caught.value.where == str(tmp_path)
    assert caught.value.hint
    assert len(store.labels()) == 0


@pytest.fixture
def file_size_limit() -> Iterator[None]:
    """No file may grow beyond 4,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_is_continued_in_another(tmp_path: Path, file_size_limit: None):
    store = LabelStore(tmp_path, SKELETON)
    failed = 0
    for x in range(60):
        store.stage(place("a", x, frame=x))
        try:
            store.flush()
        except OperationFailed as error:
            assert "larger than is allowed" in error.what
            failed += 1
            store.flush()
    assert failed >= 2
    reopened = LabelStore(tmp_path, SKELETON)
    assert not reopened.problems
    assert [x_of(reopened, "a", x) for x in range(60)] == list(range(60))
    assert len({entry.session for entry in reopened.log()}) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "leaptui-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def test_a_full_disk_loses_nothing_and_is_written_on_when_there_is_room(small_disk: Path):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(40_000))
    store = LabelStore(small_disk / "labels", SKELETON)
    frame = 0
    with pytest.raises(OperationFailed, match="the disk is full"):
        for frame in range(1000):
            store.stage(place("a", frame, frame=frame), "x" * 100)
            store.flush()
    saved = LabelStore(small_disk / "labels", SKELETON)
    assert not saved.problems
    assert [x_of(saved, "a", x) for x in range(frame)] == list(range(frame))
    for extra in range(frame + 1, frame + 5):
        store.stage(place("a", extra, frame=extra))
        with pytest.raises(OperationFailed):
            store.flush()
    assert store.unsaved == 5
    ballast.unlink()
    store.flush()
    saved.refresh()
    assert [x_of(saved, "a", x) for x in range(frame + 5)] == list(range(frame + 5))
    assert not saved.problems


def test_a_read_only_disk_is_said_and_the_edit_kept(small_disk: Path):
    store = LabelStore(small_disk / "labels", SKELETON)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store.stage(place("a", 1))
    with pytest.raises(OperationFailed, match="read-only"):
        store.flush()
    assert store.unsaved == 1
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    store.flush()
    assert x_of(LabelStore(small_disk / "labels", SKELETON), "a") == 1


def test_a_journal_says_who_writes(tmp_path: Path):
    path = filled(tmp_path)
    header = json.loads(path.read_text().splitlines()[0])
    assert header["session"] == path.stem
    assert header["user"]
    assert header["host"]
    assert header["pid"] == os.getpid()
