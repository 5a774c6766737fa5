"""Curves as text: axes, smoothing, dots and what is read off; no app."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui_helpers import training_picture

from leaptui.tui.run_picture import Checkpoint, EpochPoint, RunPicture
from leaptui.tui.widgets.curve_drawing import Across, Mark, Picture, Series, fitting_y, prepared, whole_x
from leaptui.tui.widgets.curve_view import CurveView
from leaptui.tui.widgets.plot_axes import Axis, axis_over
from leaptui.tui.widgets.run_curves import RunCurves
from leaptui.tui.widgets.smoothing import LEVELS, next_level, smoothed

RUN = Path("/data/fly/runs/20260102-030405-train-abcd")


def picture_of(*series: Series, log: bool = False, smoothing: float = 0.0, **more: Any) -> Picture:
    curves = prepared(series, log=log, smoothing=smoothing)
    x = whole_x(curves)
    return Picture(curves, more.pop("marks", ()), x, fitting_y(curves, x, log=log), **more)


def text_of(picture: Picture, width: int = 60, height: int = 16) -> list[str]:
    rows = picture.drawn(width, height)
    lines = ["".join(text for text, _ in row) for row in rows]
    assert len(lines) == height and all(len(line) == width for line in lines)
    return lines


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [(0, 10, 5, [0, 2, 4, 6, 8, 10]), (0.3, 9.9, 4, [5]), (0, 1, 2, [0, 0.5, 1]), (3, 3.4, 4, [3, 3.1, 3.2, 3.3, 3.4])],
)
def test_linear_ticks_are_round(low: float, high: float, most: int, ticks: list[float]) -> None:
    axis = Axis(low, high)
    assert [axis.value(place) for place, _ in axis.ticks(most)] == pytest.approx(ticks)


def test_logarithmic_ticks_are_values_and_no_more_than_fit() -> None:
    axis = Axis(-2.2, 0.6, log=True)
    for most in (2, 3, 5, 8):
        assert 2 <= len(axis.ticks(most)) <= most
    assert [label for _, label in axis.ticks(3)] == ["0.01", "0.1", "1"]
    assert 2 <= len(Axis(-300, 300, log=True).ticks(6)) <= 7
    assert [label for _, label in Axis(0.32, 0.9, log=True).ticks(6)] == ["3", "4", "5", "6", "7"]
    assert [label for _, label in Axis(0.30, 0.31, log=True).ticks(3)] == ["2", "2.02", "2.04"]


@given(
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=1, max_size=5),
    st.booleans(),
)
def test_an_axis_holds_its_values(values: list[float], log: bool) -> None:
    values = [abs(value) + 1e-6 for value in values] if log else values
    axis = axis_over(values, log=log)
    places = axis.places(np.asarray(values))
    assert axis.high > axis.low
    assert ((places > -1e-6) & (places < 1 + 1e-6)).all()


def test_smoothing_has_no_bias_at_the_start_and_keeps_a_constant() -> None:
    x = np.arange(200.0)
    assert smoothed(x, np.full(200, 3.0), 0.99) == pytest.approx(np.full(200, 3.0))
    noisy = 5 + np.random.default_rng(0).normal(0, 1, 200)
    calm = smoothed(x, noisy, 0.9)
    assert calm[0] == noisy[0] and calm[50:].std() < 0.5 * noisy[50:].std()
    assert smoothed(x, noisy, 0.0) is noisy


def test_smoothing_of_a_thinned_curve_looks_like_that_of_the_whole() -> None:
    x = np.arange(4000.0)
    y = np.exp(-x / 1000)
    whole, thin = smoothed(x, y, 0.98), smoothed(x[::8], y[::8], 0.98)
    assert np.abs(whole[::8] - thin)[20:].max() < 0.02


def test_levels_stop_at_their_ends() -> None:
    assert next_level(LEVELS[0], -1) == LEVELS[0] and next_level(LEVELS[-1], 1) == LEVELS[-1]
    assert next_level(0.6, 1) == 0.8 and next_level(0.61, -1) == 0.3


def test_a_million_points_draw_what_their_extremes_draw() -> None:
    """Spikes stay, and no more is drawn than there are columns for."""
    x = np.arange(1_000_000.0)
    y = np.sin(x / 1e5) + np.where(x == 437_000, 4, 0)
    lines = text_of(picture_of(Series("a", "curve-train", list(zip(x.tolist(), y.tolist(), strict=True)))))
    column = 8 + int(0.437 * 52)
    top = [line[column - 1 : column + 2].strip() for line in lines[1:5]]
    assert any(top), "the spike is gone"


def test_points_without_a_place_are_left_out() -> None:
    points = [(1.0, math.nan), (2.0, 0.0), (3.0, math.inf), (math.nan, 1.0)]
    assert not prepared([Series("a", "curve-train", points)], log=True, smoothing=0.0)
    kept = prepared([Series("a", "curve-train", [(1.0, -1.0), (2.0, 3.0)])], log=True, smoothing=0.0)
    assert kept[0].x.tolist() == [2.0]


def test_a_step_down_is_drawn_where_it_is() -> None:
    lines = text_of(picture_of(Series("a", "curve-train", [(0, 10), (5, 10), (5.001, 0), (10, 0)])), 48, 13)
    assert "⠉" in lines[1][10:27] and not lines[1][30:].strip("│ ")
    assert "⣀" in lines[10][30:] and not lines[10][9:26].strip()


def test_the_legend_reads_the_last_values_or_those_at_the_cursor() -> None:
    series = [
        Series("training", "curve-train", [(float(x), 10.0 - x) for x in range(10)]),
        Series("validation", "curve-validation", [(3.0, 30.0), (6.0, 60.0)]),
    ]
    assert " ".join(text_of(picture_of(*series, caption="log"))[0].split()) == "━━ training 1 ━━ validation 60 log"
    across = Across("epoch", "step", 50)
    marks = [Mark(4.0, "◆", "curve-best", "checkpoint")]
    row = text_of(picture_of(*series, cursor=4.0, across=across, marks=marks), 90)
    assert " ".join(row[0].split()) == "━━ training 6 ━━ validation 30 epoch 4 · step 200 · checkpoint"
    assert "▲" in row[-2] and "epoch" in row[-1]
    narrow = text_of(picture_of(*series, cursor=4.0, across=across), 44)[0]
    assert " ".join(narrow.split()) == "━━ 6 ━━ 30 epoch 4 · step 200"


def test_smoothed_curves_lie_over_what_they_are_made_of() -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in enumerate(rng.normal(5, 1, 300))]
    picture = picture_of(Series("a", "curve-train", points, smooth=True), smoothing=0.9)
    tokens = {token for row in picture.drawn(60, 16) for _, token in row}
    assert {"curve-train", "curve-train~"} <= tokens


@given(st.integers(0, 30), st.integers(0, 12))
def test_no_size_is_too_small(width: int, height: int) -> None:
    rows = picture_of(Series("a", "curve-train", [(0, 1), (1, 2)]), cursor=0.0).drawn(width, height)
    assert rows == [] or (len(rows) == height and all(sum(len(t) for t, _ in row) == width for row in rows))


def view_of(points: int = 101) -> CurveView:
    view = CurveView()
    view.take(prepared([Series("a", "t", [(float(x), float(x)) for x in range(points)])], log=False, smoothing=0))
    return view


def test_a_view_stays_within_the_curve() -> None:
    view = view_of()
    view.zoom(4, 0.0)
    assert view.x == Axis(0, 25)
    view.move(-1)
    assert view.x == Axis(0, 25)
    view.move(10)
    assert view.x == Axis(75, 100)
    view.zoom(1 / 100)
    assert not view.is_zoomed


def test_a_view_of_the_end_goes_on_with_the_curve() -> None:
    view, stays = view_of(), view_of()
    view.zoom(4, 1.0)
    stays.zoom(4, 0.5)
    before = stays.x
    more = prepared([Series("a", "t", [(float(x), float(x)) for x in range(151)])], log=False, smoothing=0)
    view.take(more)
    stays.take(more)
    assert view.x is not None and view.x.high >= 150 and view.x.span == pytest.approx(25)
    assert stays.x == before


def test_the_cursor_goes_from_point_to_point_and_takes_the_view_along() -> None:
    view = view_of()
    view.toggle_cursor()
    assert view.cursor == 100
    view.step_cursor(1, 0.01)
    assert view.cursor == 100
    view.step_cursor(-1, 0.01)
    assert view.cursor == 99
    view.step_cursor(-1, 0.1)
    assert view.cursor == 89
    view.zoom(10)
    for _ in range(30):
        view.step_cursor(-1, 0.1)
    assert view.cursor is not None and view.cursor < 65 and view.x is not None
    assert view.x.low <= view.cursor <= view.x.high


def test_the_curves_of_a_training_count_epochs_or_steps() -> None:
    picture = training_picture(
        RUN, rates=[(50.0, 1e-3), (600.0, 1e-6)], resumed_at=[6.5],
        checkpoints=[Checkpoint("last", 3), Checkpoint("asked", 4.5), Checkpoint("last", 12), Checkpoint("best", 11)],
    )  # fmt: skip
    by_epoch, by_step = RunCurves(picture), RunCurves(picture, by_step=True)
    loss = by_epoch.loss()
    assert loss.series[0].points[-1][0] == 12.0 and loss.series[1].points[-1][0] == 12.0
    assert by_step.loss().series[0].points[-1][0] == 600.0 and by_step.loss().series[1].points[0][0] == 50.0
    assert by_epoch.across.words(11.5) == "epoch 11.5 · step 575"
    assert by_step.across.words(575) == "step 575 · epoch 12"
    assert [(mark.x, mark.words) for mark in loss.marks] == [
        (6.5, "resumed here"), (4.5, "checkpoint asked for"), (12, "last checkpoint"), (11, "best checkpoint"),
        (11.0, "best: epoch 11"),
    ]  # fmt: skip
    assert [mark.x for mark in by_step.loss().marks] == [325.0, 225.0, 600.0, 550.0, 550.0]
    assert by_epoch.rate().log and by_epoch.rate().series[0].points[0] == (1.0, 1e-3)


def test_a_run_that_does_not_say_its_steps_counts_them() -> None:
    epochs = [EpochPoint(1, step=10, val_loss=2.0), EpochPoint(2, step=25, val_loss=1.0)]
    curves = RunCurves(RunPicture(RUN, operation="train", steps=[(1, 3.0), (25, 1.0)], epochs=epochs))
    assert curves.across == Across("step")
    assert curves.loss().series[1].points == [(10.0, 2.0), (25.0, 1.0)]
