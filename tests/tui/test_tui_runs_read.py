"""Runs as the screens show them, read from run directories made through `leaptui.runs`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import ErrorSummary, State, Status, write_status
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_reading import LiveReader
from leaptui.tui.run_shelf import RunShelf
from leaptui.tui.services import Services
from leaptui.tui.widgets.run_facts import count_facts, request_facts, result_facts, train_facts, worst_nodes


def make_run(parent: Path, state: State, *, epochs: int = 3, error: ErrorSummary | None = None) -> RunDirectory:
    """A training run with events, as its worker would leave it."""
    run = RunDirectory.create(parent, "train", {"project": "/data/fly", "profile": "fast"})
    with EventWriter(run) as events:
        events.emit(
            "plan", epochs=10, steps_per_epoch=20, train_frames=64, val_frames=11, parameters=1000, device="cpu"
        )
        for epoch in range(1, epochs + 1):
            for step in range(1, 21):
                number = (epoch - 1) * 20 + step
                events.emit("step", epoch=epoch, step=number, loss=1 / number, lr=0.001, samples_per_s=300.0)
            events.emit(
                "epoch",
                epoch=epoch,
                step=epoch * 20,
                train_loss=0.1,
                val_loss=0.2,
                val_error_px=9.0 / epoch,
                val_error_body=0.09 / epoch,
                lr=0.001,
                best=True,
                seconds=epoch * 2.0,
                eta_s=5.0,
            )
        events.emit("log", level="info", message="a line")
    now = time.time()
    me = ProcessIdentity.of(os.getpid())
    write_status(run, Status(state, 7, me, 1, started=now - 10, updated=now, error=error))
    return run


def test_a_running_training_is_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, State.RUNNING)
    picture = LiveReader(run.path).look()
    assert (picture.state, picture.operation, picture.epoch, picture.step) == ("running", "train", 3, 60)
    assert picture.steps[0] == (1.0, 1.0) and len(picture.steps) == 60
    assert picture.best is not None and picture.best.val_error_px == 3.0
    assert picture.fraction == pytest.approx(60 / 200)
    assert picture.can_stop and not picture.is_final and picture.here
    assert [line.message for line in picture.log] == ["a line"]
    facts = dict(train_facts(picture))
    assert facts["epoch"] == "3 of 10" and facts["best"] == "3 px (3.0 %)" and facts["frames"] == "64 + 11 held back"


def test_it_is_read_on(tmp_path: Path) -> None:
    run = make_run(tmp_path, State.RUNNING)
    reader = LiveReader(run.path)
    before = reader.look()
    with EventWriter(run) as events:
        events.emit("step", epoch=4, step=61, loss=0.5, lr=0.001, samples_per_s=200.0)
    after = reader.look()
    assert len(after.steps) == len(before.steps) + 1 and after.rate == 200.0


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    error = ErrorSummary("it broke", "file.h5", "mend it", "ValueError", "Traceback: …")
    run = make_run(tmp_path, State.FAILED, error=error)
    run.output.write_text("the last words\n")
    picture = LiveReader(run.path).look()
    assert picture.is_final and picture.error is not None
    assert (picture.error.what, picture.error.hint, picture.error.traceback) == ("it broke", "mend it", "Traceback: …")
    assert list(picture.output) == ["the last words"]


def test_a_run_whose_process_is_gone_is_stale(tmp_path: Path) -> None:
    run = make_run(tmp_path, State.RUNNING)
    gone = ProcessIdentity("", 2**22 - 1)
    me = ProcessIdentity.of(os.getpid())
    gone = ProcessIdentity(me.host, 2**22 - 1, 1.0, 1, me.boot, me.namespace)
    write_status(run, Status(State.RUNNING, 8, gone, 1, started=1.0, updated=2.0))
    picture = LiveReader(run.path).look()
    assert picture.state == "stale" and picture.reason and not picture.can_stop
    assert "killed without a last word" in picture.advice


def test_what_is_no_run_is_broken_in_words(tmp_path: Path) -> None:
    assert LiveReader(tmp_path / "none").look().reason == "the folder is not there"
    (tmp_path / "empty").mkdir()
    picture = LiveReader(tmp_path / "empty").look()
    assert picture.state == "broken" and picture.error is not None and "request.json" in picture.error.what


def test_torn_and_foreign_lines_are_counted_not_raised(tmp_path: Path) -> None:
    run = make_run(tmp_path, State.RUNNING)
    with run.events.open("ab") as file:
        file.write(b"no json\n\xff\xfe\n" + json.dumps({"v": 1}).encode() + b"\n")
    picture = LiveReader(run.path).look()
    assert any("cannot be read" in problem for problem in picture.problems)


def test_a_loss_that_is_not_a_number_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, State.RUNNING)
    with EventWriter(run) as events:
        events.emit("step", epoch=4, step=61, loss=float("nan"), lr=0.001, samples_per_s=1.0)
    picture = LiveReader(run.path).look()
    assert any("step 61" in problem for problem in picture.problems) and len(picture.steps) == 60


def test_runs_that_ended_are_read_once(tmp_path: Path) -> None:
    ended, going = make_run(tmp_path, State.FINISHED), make_run(tmp_path, State.RUNNING)
    looks: list[Path] = []

    class Counting(LiveReader):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.path = path

        def look(self) -> RunPicture:
            looks.append(self.path)
            return super().look()

    shelf = RunShelf(tmp_path, Services(reader=Counting))
    for _ in range(3):
        assert {picture.path for picture in shelf.look().runs} == {ended.path, going.path}
    assert looks.count(ended.path) == 1 and looks.count(going.path) == 3


def test_a_look_at_many_runs_is_bounded_and_goes_on(tmp_path: Path) -> None:
    paths = {make_run(tmp_path, State.FINISHED, epochs=1).path for _ in range(5)}
    shelf = RunShelf(tmp_path, Services(), most=4, seconds=0.0)
    counts = []
    for _ in range(5):
        look = shelf.look()
        assert len(look.runs) + look.unread == 4 and look.older == 1
        counts.append(len(look.runs))
    assert counts[0] == 1 and counts[-1] == 4
    assert {run.path for run in look.runs} < paths


def test_a_new_run_is_found(tmp_path: Path) -> None:
    shelf = RunShelf(tmp_path / "runs", Services())
    assert shelf.look().runs == []
    run = make_run(tmp_path / "runs", State.RUNNING)
    assert [picture.path for picture in shelf.look().runs] == [run.path]


def test_facts_of_results_and_requests() -> None:
    result = {
        "run": "/r",
        "frames": 120000,
        "seconds": 61.0,
        "val_error_body": 0.026,
        "val_error_px": 2.5,
        "model": "/m",
        "per_node": {"head": 1.0, "tail": {"mean_px": 4.0}, "wing": None},
        "provenance": {"x": 1},
        "stopped": False,
    }
    facts = result_facts(result)
    assert facts[0] == ("Validation error px", "2.5") and facts[1] == ("Error / body length", "2.6 %")
    assert ("Seconds", "1 min 01 s") in facts
    assert not {"Run", "Provenance", "Per node", "Stopped"} & {name for name, _ in facts}
    assert worst_nodes(result) == [("tail", "4 px"), ("head", "1 px")]
    assert request_facts({"inputs": ["a", "b"], "batch_size": None, "resume": False}) == [("inputs", "a, b")]


def test_counting_runs_say_how_far(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "predict", {"inputs": ["/data/a.mp4"]})
    with EventWriter(run) as events:
        events.emit("progress", done=10, total=40, unit="frames", rate=5.0, eta_s=6.0, label="a.mp4")
    write_status(run, Status(State.RUNNING, 1, ProcessIdentity.of(os.getpid()), 1, started=1.0, updated=2.0))
    picture = LiveReader(run.path).look()
    facts = dict(count_facts(picture))
    assert picture.fraction == 0.25 and facts["frames"] == "10 of 40" and facts["now"] == "a.mp4"
