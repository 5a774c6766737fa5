"""Lists of runs, notes, tags and the trash, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.cli import output
from leaptui.cli.main import main
from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from tests.cli.conftest import Done


@pytest.fixture
def leaptui(capsys: pytest.CaptureFixture[str], isolated_home: Path):
    """The command line in this process."""

    def call(*args: str | Path) -> Done:
        code = main([str(each) for each in args])
        written = capsys.readouterr()
        return Done(int(code), written.out, written.err)

    return call


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A training that runs in this process, in its second attempt."""
    run = RunDirectory.create(tmp_path / "runs", "train", {"project": "/data/fly"})
    with EventWriter(run) as events:
        events.emit("plan", epochs=10, steps_per_epoch=10, device="cuda:0")
        events.emit("step", epoch=5, step=50, loss=0.1, lr=0.1, samples_per_s=250.0)
        events.emit("epoch", epoch=5, step=50, val_error_px=3.5, best=True, eta_s=90.0)
    write_status(run, Status(State.RUNNING, 7, ProcessIdentity.current(), 2, started=1e9, updated=1e9 + 60))
    return run


def test_runs_are_listed_with_what_matters(leaptui, run: RunDirectory, monkeypatch: pytest.MonkeyPatch):
    leaptui("note", run.path, "looks good", "--tag", "paper", "fly")
    older = RunDirectory.create(run.path.parent, "predict", {})
    (row, first) = sorted(leaptui("runs", run.path.parent, "--json").json["runs"], key=lambda row: row["state"])[::-1]
    assert (first["run"], first["state"]) == (older.id, "queued")
    assert (row["run"], row["state"], row["attempt"], row["fraction"]) == (run.id, "running", 2, 0.5)
    assert (row["val_error_px"], row["best_epoch"], row["rate"], row["device"]) == (3.5, 5, 250.0, "cuda:0")
    assert (row["tags"], row["note"], row["resumable"]) == (["paper", "fly"], "looks good", False)
    assert row["left_s"] is not None
    narrow = leaptui("runs", run.path.parent).out.splitlines()
    assert len(narrow) == 3 and all(len(line) <= 80 for line in narrow)
    assert run.id in narrow[1] + narrow[2] and "running, attempt 2" in narrow[1] + narrow[2]
    monkeypatch.setattr(output.stdout, "width", 160)
    told = leaptui("runs", run.path.parent).out
    for word in ("attempt 2", "50.0 %", "3.5 px", "250/s", "cuda:0", "paper"):
        assert word in told, told


def test_a_note_is_written_shown_and_taken_away(leaptui, run: RunDirectory):
    assert "nothing is written" in leaptui("note", run.path).err
    assert leaptui("note", run.path, "first \x1b[31m", "--json").json["note"] == "first \x1b[31m"
    shown = leaptui("note", run.path, "--tag", "good")
    assert "\x1b" not in shown.out and "first" in shown.out and "good" in shown.out
    told = leaptui("note", run.path, "", "--untag", "good", "--json").json
    assert (told["note"], told["tags"]) == ("", [])
    refused = leaptui("note", run.path, "--tag", "a,b")
    assert refused.code == 2 and "cannot be a tag" in refused.err


def test_runs_go_to_the_trash_come_back_and_are_deleted(leaptui, run: RunDirectory):
    parent = run.path.parent
    refused = leaptui("trash", run.path)
    assert refused.code == 2 and "going on" in refused.err
    write_status(run, Status(State.STOPPED, 8, attempt=2))
    assert leaptui("trash", run.path).code == 0 and not run.path.exists()
    assert leaptui("runs", parent, "--json").json["runs"] == []
    assert leaptui("trash", "--list", parent, "--json").json["runs"] == [str(parent / ".trash" / run.id)]
    assert leaptui("trash", "--restore", run.path).code == 0 and run.path.is_dir()
    leaptui("trash", run.path)
    assert leaptui("trash", "--empty", parent, "--json").json == {"deleted": 1}
    missing = leaptui("trash", "--restore", run.path)
    assert missing.code == 3 and "no such run in the trash" in missing.err


def test_a_wrong_name_among_several_moves_none(leaptui, run: RunDirectory):
    write_status(run, Status(State.STOPPED, 8))
    assert leaptui("trash", run.path, run.path.parent / "no-such-run").code == 3
    assert run.path.is_dir()
    assert leaptui("trash").code == 2
