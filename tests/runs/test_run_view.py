from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from fake_worker import carry_out
from hypothesis import given
from hypothesis import strategies as st

from leaptui.runs import history as history_module
from leaptui.runs.curve import Curve
from leaptui.runs.events import EventWriter
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, StatusWriter
from leaptui.runs.view import RunView


def test_a_curve_keeps_its_spikes_and_its_bounds() -> None:
    curve = Curve(limit=1000)
    noise = random.Random(1)
    for step in range(100_000):
        curve.add(step, 1e6 if step == 54_321 else -1e6 if step == 98_765 else noise.random())
        assert len(curve) <= 1000
    assert (max(curve.y), min(curve.y)) == (1e6, -1e6)
    assert curve.x[list(curve.y).index(1e6)] == 54_321
    assert list(curve.x) == sorted(set(curve.x))
    assert (curve.x[0], curve.x[-1], curve.count) == (0, 99_999, 100_000)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300))
def test_a_curve_of_any_values_keeps_both_extremes(values: list[float]) -> None:
    curve = Curve(limit=16)
    for x, y in enumerate(values):
        curve.add(x, y)
    assert min(curve.y) == min(values) and max(curve.y) == max(values)
    assert all(values[int(x)] == y for x, y in zip(curve.x, curve.y, strict=True))


def test_a_curve_counts_what_is_no_number() -> None:
    curve = Curve()
    for x, y in enumerate([1.0, None, math.nan, 2.0, math.inf]):
        curve.add(x, y)
    assert (list(curve.x), list(curve.y), curve.gaps, curve.first_gap) == ([0, 3], [1, 2], 3, 1)


def test_a_curve_that_goes_back_replaces() -> None:
    curve = Curve()
    for x in range(10):
        curve.add(x, 1.0)
    curve.add(4, 2.0)
    assert list(curve.x) == [0, 1, 2, 3, 4] and curve.last == (4, 2.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3000), st.integers(10, 400))
def test_what_is_shown_of_a_curve_has_its_ends_and_extremes(values: list[float], most: int) -> None:
    curve = Curve()
    for x, y in enumerate(values):
        curve.add(x, y)
    shown = curve.points(most)
    assert len(shown) <= most + 4 and (len(values) > most or len(shown) == len(values))
    assert shown[0] == (0, values[0]) and shown[-1] == (len(values) - 1, values[-1])
    assert [x for x, _ in shown] == sorted({x for x, _ in shown})
    assert {min(values), max(values)} <= {y for _, y in shown}
    assert curve.points(most) is shown


@given(st.lists(st.tuples(st.sampled_from(["add", "add", "back", "cut", "look"]), st.integers(0, 400)), max_size=60))
def test_a_curve_shows_the_same_however_often_it_was_looked_at(acts: list[tuple[str, int]]) -> None:
    looked, unseen = Curve(limit=200), Curve(limit=200)
    x = 0
    for act, number in acts:
        if act == "look":
            looked.points(20)
        for curve in (looked, unseen):
            if act == "add":
                for step in range(number):
                    curve.add(x + step, (step * 7919) % 101)
            elif act == "back":
                curve.add(number, 5.0)
            elif act == "cut":
                curve.cut(number)
        x = number + 1 if act == "back" else x + number if act == "add" else x
    assert looked.points(20) == unseen.points(20)


def test_a_curve_that_is_cut_forgets_what_will_be_done_again() -> None:
    curve = Curve()
    for x in range(10):
        curve.add(x, None if x == 8 else float(x))
    curve.cut(5)
    assert (curve.last, curve.gaps, curve.first_gap) == ((5, 5), 0, None)


def test_a_view_of_a_finished_run(run: RunDirectory) -> None:
    carry_out(run.path)
    view = RunView(run.path)
    events = view.refresh()
    assert [event["type"] for event in events][:3] == ["state", "state", "plan"]
    assert view.refresh() == []
    assert (view.state, view.is_over, view.operation, view.request["steps"]) == (State.FINISHED, True, "count", 3)
    assert view.plan is not None and view.plan["steps_per_epoch"] == 3
    assert list(view.steps.x) == [1, 2, 3] and view.steps.last == (3, 1 / 3)
    assert view.best is not None and view.best.val_loss is None and view.best.train_loss == 0.5
    assert view.result is not None and view.result["steps"] == 3
    assert view.elapsed is not None and view.eta is None and view.error is None


def test_a_view_of_a_crash(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "crash", {})
    carry_out(run.path)
    view = RunView(run)
    view.refresh()
    assert view.state is State.FAILED and view.error is not None
    assert "in crash" in (view.error.traceback or "")
    assert "own mistake" in view.error.what


def test_a_view_follows_a_run_under_way(run: RunDirectory) -> None:
    view = RunView(run)
    view.refresh()
    assert (view.state, view.reason) == (State.QUEUED, "waiting to be started")
    now = [1000.0]
    status = StatusWriter(run, ProcessIdentity.current(), clock=lambda: now[0])
    status.change(State.RUNNING)
    events = EventWriter(run, clock=lambda: now[0])
    events.emit("progress", done=50, total=200, unit="frames", rate=10.0, eta_s=15.0, label="fly.mp4")
    events.emit("checkpoint", kind="best", path="/c/best.ckpt")
    events.emit("log", level="warning", message="slow disk")
    events.flush()
    view.refresh()
    assert view.progress is not None and (view.progress.fraction, view.progress.label) == (0.25, "fly.mp4")
    best = view.checkpoint("best")
    assert best is not None and best.path == "/c/best.ckpt" and view.log[0].message == "slow disk"
    now[0] += 4
    status.beat()
    view.refresh()
    assert (view.eta, view.elapsed, view.is_over) == (11.0, 4.0, False)
    events.close()


def test_a_resume_takes_back_what_it_does_again(run: RunDirectory) -> None:
    def train(first: int, last: int, loss: float, *, resume: bool) -> None:
        with EventWriter(run, resume=resume) as events:
            for epoch in range(first, last + 1):
                events.emit("step", epoch=epoch, step=epoch * 10, loss=loss)
                events.emit("epoch", epoch=epoch, step=epoch * 10, train_loss=loss, best=epoch == last)

    train(1, 5, 1.0, resume=False)
    view = RunView(run)
    view.refresh()
    assert view.best is not None and view.best.epoch == 5
    train(4, 4, 0.5, resume=True)
    while view.refresh() or view.is_behind:
        continue
    assert [(point.epoch, point.train_loss) for point in view.epochs] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.5)]
    assert list(view.steps.y) == [1.0, 1.0, 1.0, 0.5]
    assert view.best.epoch == 4


def test_a_resumed_event_cuts_everything_back(run: RunDirectory) -> None:
    def epoch(events: EventWriter, number: int) -> None:
        step = 10 * number
        events.emit("step", epoch=number, step=step, loss=1.0, lr=0.1, grad=2.0)
        events.emit("epoch", epoch=number, step=step, best=number != 3, node_error_px=[number, None])
        events.emit("checkpoint", kind="last", path="checkpoints/last.ckpt", epoch=number, step=step)
        events.emit("checkpoint", kind="best", path=f"checkpoints/{number}.ckpt", epoch=number, step=step)
        events.emit("preview", epoch=number, path=f"previews/{number:04d}.npz")
        (run.previews / f"{number:04d}.npz").write_bytes(b"x")

    with EventWriter(run) as events:
        events.emit("plan", epochs=9, nodes=["head", "tail"])
        for number in range(1, 6):
            epoch(events, number)
    view = RunView(run)
    view.refresh()
    assert view.node_errors == (("head", 5.0), ("tail", None)) and len(view.preview_files) == 5
    with EventWriter(run, resume=True) as events:
        events.emit("resumed", attempt=2, epoch=3, step=30, checkpoint="checkpoints/3.ckpt")
    view.refresh()
    for curve in (view.steps, view.rates, view.metrics["grad"]):
        assert list(curve.x) == [10, 20, 30]
    assert [point.epoch for point in view.epochs] == [1, 2, 3] and view.node_errors == ()
    assert view.best is not None and view.best.epoch == 2
    assert [each.path for each in view.checkpoints] == [f"checkpoints/{number}.ckpt" for number in (1, 2, 3)]
    assert view.last_step is not None and view.last_step["step"] == 30
    assert [number for number, _ in view.preview_files] == [1, 2, 3]
    with EventWriter(run) as events:
        epoch(events, 4)
    view.refresh()
    assert [number for number, _ in view.preview_files] == [1, 2, 3, 4] and view.best.epoch == 4
    assert view.preview_files[-1] == (4, run.previews / "0004.npz") and view.preview_files is view.preview_files


def test_previews_are_found_on_disk_and_forgotten_when_they_are_thinned(run: RunDirectory) -> None:
    now = [0.0]
    for epoch in (1, 2, 3):
        (run.previews / f"{epoch:04d}.npz").write_bytes(b"x")
    (run.previews / ".0004.npz.tmp").write_bytes(b"x")
    view = RunView(run, clock=lambda: now[0])
    assert [epoch for epoch, _ in view.preview_files] == [1, 2, 3]
    (run.previews / "0002.npz").unlink()
    now[0] += 5
    assert [epoch for epoch, _ in view.preview_files] == [1, 3]


def test_gauges_are_kept_in_bounded_number(run: RunDirectory) -> None:
    gpu = {"index": 1, "name": "GPU", "use": 7.0, "memory": 5, "temperature_c": None, "power_w": 90.5, "others": 2}
    with EventWriter(run) as events:
        for number in range(1000):
            events.emit("gauge", cpu=0.5, memory=number, gpus=[gpu, "x"])
    view = RunView(run)
    view.refresh()
    assert (len(view.gauges), view.gauges_taken, view.gauges[-1].memory) == (900, 1000, 999)
    (read,) = view.gauges[0].gpus
    assert (read.index, read.use, read.power_w, read.others, read.temperature_c) == (1, 1.0, 90.5, 2, None)


def test_a_run_that_ended_waits_for_its_last_event(run: RunDirectory) -> None:
    now = [0.0]
    with EventWriter(run) as events:
        events.emit("state", state="running")
    status = StatusWriter(run, ProcessIdentity.current())
    status.finish(State.FINISHED, 0)
    view = RunView(run, clock=lambda: now[0])
    view.refresh()
    assert view.is_waiting and not view.is_over
    now[0] += 60
    assert view.is_over


def test_a_view_is_bounded_in_epochs_and_keeps_the_best(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "EPOCHS_KEPT", 20)
    with EventWriter(run) as events:
        for epoch in range(1, 301):
            events.emit("epoch", epoch=epoch, train_loss=1.0, best=epoch == 8)
    view = RunView(run)
    view.refresh()
    assert len(view.epochs) <= 20 and view.epochs[-1].epoch == 300
    assert view.best is not None and view.best.epoch == 8


def test_a_view_shrugs_at_events_that_make_no_sense(run: RunDirectory) -> None:
    with EventWriter(run) as events:
        for kind in ("step", "epoch", "progress", "plan", "log", "checkpoint", "state", "of the future"):
            events.emit(kind)
            events.emit(kind, epoch="x", step=[1], loss={}, done=None, level=3, message=None, path=7, eta_s="soon")
    view = RunView(run)
    assert len(view.refresh()) == 16
    assert len(view.steps) == 0 and view.epochs == [] and view.progress is None


def test_a_view_of_nothing(tmp_path: Path) -> None:
    view = RunView(tmp_path / "nowhere")
    assert view.refresh() == []
    assert (view.state, view.operation, view.request, view.result) == (State.QUEUED, None, {}, None)
    assert view.output() == []


def test_a_stale_run_is_over_once_its_events_are_read(run: RunDirectory) -> None:
    with EventWriter(run) as events:
        for step in range(30):
            events.emit("step", step=step, loss=1.0)
    gone = ProcessIdentity.current()
    assert gone.ticks is not None
    write_object(run.status, {"state": "running", "seq": 3, **gone.to_json(), "process_ticks": gone.ticks - 1})
    view = RunView(run)
    view.refresh(max_records=10)
    assert view.state is State.STALE and not view.is_over
    while not view.is_over:
        view.refresh(max_records=10)
    assert len(view.steps) == 30


def test_what_was_asked_and_answered_is_in_the_log(run: RunDirectory) -> None:
    writer = EventWriter(run)
    writer.emit("control", ask="lower-lr", by="ada@node1", asked=1.0, answer="from 0.002 to 0.0002", accepted=True)
    writer.emit("control", ask="extend", answer="only trainings have epochs", accepted=False)
    writer.close()
    view = RunView(run)
    view.refresh()
    assert [(line.level, line.message) for line in view.log] == [
        ("info", "lower-lr, asked by ada@node1: from 0.002 to 0.0002"),
        ("warning", "extend: only trainings have epochs"),
    ]
