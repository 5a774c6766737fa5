"""Notes, tags and the trash."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.runs import notes as notes_module
from leaptui.runs import trash as trash_module
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.notes import Notes, NotesReader, read_notes, write_notes
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from leaptui.runs.trash import empty_trash, list_trash, move_to_trash, restore, trash_of


@pytest.fixture(autouse=True)
def no_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPTUI_HOME", str(tmp_path / "home"))


def test_notes_and_tags_change_apart(run: RunDirectory) -> None:
    assert read_notes(run) == Notes()
    write_notes(run, note="wings\nare hard", by="ada@lab")
    write_notes(run, tag=["good", " keep ", "good"])
    now = write_notes(run, untag=["good"], tag=["paper"])
    assert (now.text, now.tags) == ("wings\nare hard", ("keep", "paper"))
    assert read_notes(run) == now
    assert write_notes(run, note="").text == "" and read_notes(run).tags == ("keep", "paper")


def test_what_changes_nothing_writes_nothing(run: RunDirectory) -> None:
    write_notes(run, note="a", tag=["b"])
    before = run.notes.stat().st_ino
    write_notes(run, note="a", tag=["b"], untag=["c"])
    assert run.notes.stat().st_ino == before


def test_tags_of_two_writers_are_both_kept(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = notes_module.write_object
    others = [["mine"]]

    def interrupted(path: Path, value: dict[str, object]) -> None:
        real(path, value)
        if others:
            # What another host wrote from the same state replaces ours.
            real(path, {**value, "tags": others.pop(), "by": "bob@elsewhere"})

    monkeypatch.setattr(notes_module, "write_object", interrupted)
    now = write_notes(run, tag=["ours"])
    assert set(now.tags) == {"ours", "mine"}


def test_a_note_that_somebody_else_changed_is_not_written_over(run: RunDirectory) -> None:
    seen = write_notes(run, note="first", by="ada@lab")
    write_notes(run, note="second", by="bob@lab")
    with pytest.raises(UsageError, match="bob@lab wrote another note"):
        write_notes(run, note="third", read=seen)
    assert read_notes(run).text == "second"


@pytest.mark.parametrize("tag", ["", "  ", "a" * 41, "a,b", "a\x1b[31m", "a\nb"])
def test_what_cannot_be_a_tag_is_refused(run: RunDirectory, tag: str) -> None:
    with pytest.raises(UsageError):
        write_notes(run, tag=[tag])
    assert not run.notes.exists()


def test_notes_are_bounded(run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="characters"):
        write_notes(run, note="x" * 20_001)
    with pytest.raises(UsageError, match="50 tags"):
        write_notes(run, tag=[str(number) for number in range(51)])


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\0" * 100, b'{"text": 3, "tags": "x"}', b'{"tags": [1, null, "", {}]}', b"x" * 1_000_000],
)
def test_notes_that_make_no_sense_are_none(run: RunDirectory, content: bytes) -> None:
    run.notes.write_bytes(content)
    assert read_notes(run) == Notes()


def test_notes_from_a_stranger_are_cut(run: RunDirectory) -> None:
    write_object(run.notes, {"text": "y" * 50_000, "tags": [f"{n} " + "z" * 90 for n in range(500)]})
    notes = read_notes(run)
    assert len(notes.text) == 20_000 and len(notes.tags) == 50 and max(map(len, notes.tags)) == 40


def test_a_reader_sees_notes_come_change_and_go(run: RunDirectory) -> None:
    reader = NotesReader(run)
    assert reader.look() == Notes()
    write_notes(run, note="a")
    assert reader.look().text == "a" and reader.look() is reader.look()
    write_notes(run, note="b")
    assert reader.look().text == "b"
    run.notes.unlink()
    assert reader.look() == Notes()


def test_a_run_goes_to_the_trash_and_back(run: RunDirectory) -> None:
    parent = run.path.parent
    moved = move_to_trash(run)
    assert not run.path.exists() and list_runs(parent) == []
    assert [each.path for each in list_trash(parent)] == [moved.path]
    with pytest.raises(UsageError, match="already"):
        move_to_trash(moved)
    assert restore(moved.path).path == run.path
    assert [each.path for each in list_runs(parent)] == [run.path] and list_trash(parent) == []
    with pytest.raises(UsageError, match="not in the trash"):
        restore(run)


def test_a_run_that_is_going_on_is_not_moved(run: RunDirectory) -> None:
    write_status(run, Status(State.RUNNING, 3, ProcessIdentity.current()))
    with pytest.raises(UsageError, match="going on"):
        move_to_trash(run)
    assert run.path.is_dir()


def test_a_run_of_another_host_is_watched_before_it_is_moved(run: RunDirectory) -> None:
    elsewhere = ProcessIdentity("another-host", 77, 1.0, 1, "boot", "pid:[1]")
    write_status(run, Status(State.RUNNING, 3, elsewhere))
    with pytest.raises(UsageError, match="going on"):
        move_to_trash(run, timeout=0.0)


def test_a_run_that_is_started_while_it_is_moved_comes_back(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = trash_module.conclude

    def then_started(run: RunDirectory, **options: float) -> object:
        verdict = real(run, **options)
        write_status(run, Status(State.STARTING, 1, ProcessIdentity.current()))
        return verdict

    monkeypatch.setattr(trash_module, "conclude", then_started)
    with pytest.raises(UsageError, match="just now"):
        move_to_trash(run)
    assert run.path.is_dir() and list_trash(run.path.parent) == []


def test_a_name_that_is_taken_is_not_replaced(run: RunDirectory) -> None:
    moved = move_to_trash(run)
    run.path.mkdir()
    with pytest.raises(UsageError, match="another run"):
        restore(moved)
    assert moved.request.is_file()


def test_emptying_deletes_runs_and_nothing_else(run: RunDirectory, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("d")
    (run.path / "link").symlink_to(precious)
    move_to_trash(run)
    trash = trash_of(run.path.parent)
    (trash / "not a run").mkdir()
    (trash / "run-by-link").symlink_to(RunDirectory.create(tmp_path / "others", "count", {}).path)
    assert empty_trash(run.path.parent) == 1
    assert sorted(each.name for each in trash.iterdir()) == ["not a run", "run-by-link"]
    assert (precious / "data").is_file() and list_runs(tmp_path / "others")
    assert empty_trash(tmp_path / "nowhere") == 0


def test_a_trash_that_leads_elsewhere_is_not_used(run: RunDirectory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    trash_of(run.path.parent).symlink_to(elsewhere)
    with pytest.raises(UsageError, match="link"):
        move_to_trash(run)
    assert empty_trash(run.path.parent) == 0 and run.path.is_dir()


def test_what_cannot_be_moved_or_deleted_says_so(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        with pytest.raises(UnusableInput, match="Permission denied"):
            move_to_trash(run)
    move_to_trash(run)
    monkeypatch.setattr(trash_module.shutil, "rmtree", refuse)
    with pytest.raises(OperationFailed, match="Permission denied"):
        empty_trash(run.path.parent)
