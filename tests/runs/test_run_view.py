from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from fake_worker import carry_out
from hypothesis import given
from hypothesis import strategies as st

from leaptui.runs import view as view_module
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
    assert view.checkpoints == {"best": "/c/best.ckpt"} and view.log[0].message == "slow disk"
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


def test_a_view_is_bounded_in_epochs_and_keeps_the_best(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "EPOCHS_KEPT", 20)
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
