"""The screen of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from tui_helpers import EVIL, FakeRuns, flat, predict_picture, screen_text, training_picture, until

from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import LogLine, RunError, RunPicture
from leaptui.tui.screens.run import RunScreen
from leaptui.tui.widgets.curves import CurvePanel, CurvePlot, Series, Ticks
from leaptui.tui.widgets.progress_line import ProgressLine

RUN = Path("/data/fly/runs/20260102-030405-train-abcd")


def app_on(runs: FakeRuns, picture: RunPicture) -> LeaptuiApp:
    runs.pictures[picture.path] = picture
    return LeaptuiApp(run=picture.path, services=runs.services())


async def shown(pilot: Pilot[Any], words: str) -> str:
    """The screen once it says this."""
    await until(pilot, lambda: words in flat(screen_text(pilot)))
    return flat(screen_text(pilot))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_a_running_training_says_where_it_is(runs: FakeRuns, size: tuple[int, int]) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=size) as pilot:
        text = await shown(pilot, "train · running")
        for words in ("12 of 30", "600 of 1,500", "365 frames/s", "1 min 23 s", "2 min 10 s", "epoch 11", "752,341"):
            assert words in text, words
        assert (
            "4.22 px (4.4 %)" in text and "64 + 11 held back" in text and "2 min 10 s left" in text and "40 %" in text
        )
        assert any("⠀" < character < "⣿" for character in screen_text(pilot)), "no curve is drawn"


async def test_new_looks_are_shown(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN, epochs=2))
    async with app.run_test(size=(120, 36)) as pilot:
        await shown(pilot, "2 of 30")
        runs.pictures[RUN] = training_picture(RUN, epochs=20)
        await shown(pilot, "20 of 30")


async def test_a_run_that_has_ended_is_left_in_peace(runs: FakeRuns) -> None:
    app = app_on(
        runs, training_picture(RUN, state="finished", result={"val_error_px": 2.51, "model": f"{RUN}/m.safetensors"})
    )
    async with app.run_test(size=(120, 40)) as pilot:
        text = await shown(pilot, "train · finished")
        assert "Validation error px 2.51" in text and "m.safetensors" in text
        looks = runs.looks
        for _ in range(12):
            await pilot.pause(0.1)
        assert runs.looks <= looks + 1
        assert not app.screen.query_one("#progress").display


async def test_stopping_asks_first(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("s")
        await shown(pilot, "It finishes its step, saves what it has and ends.")
        await pilot.press("enter")
        assert isinstance(app.screen, RunScreen) and not runs.stopped
        await pilot.press("s")
        await pilot.click("#yes")
        await until(pilot, lambda: runs.stopped == [RUN])
        text = await shown(pilot, "train · stopping")
        assert "s Stop" not in text.split("Log scale")[0][-20:]
        await pilot.press("s")
        assert isinstance(app.screen, RunScreen)


async def test_leaving_does_not_stop(runs: FakeRuns, project: Project) -> None:
    app = app_on(runs, training_picture(project.runs_folder / "a-train"))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("escape")
        assert type(app.screen).__name__ == "ProjectScreen"
    assert not runs.stopped


async def test_a_failure_says_why_and_its_traceback_can_be_read(runs: FakeRuns) -> None:
    traceback = "\n".join(f"line {i} of [red]it[/]" for i in range(60))
    error = RunError("CUDA is out of memory", "/x/y", "Use a smaller batch.", traceback)
    app = app_on(runs, training_picture(RUN, state="failed", error=error))
    async with app.run_test(size=(80, 24)) as pilot:
        text = await shown(pilot, "train · failed")
        assert "CUDA is out of memory" in text and "where: /x/y" in text and "Use a smaller batch." in text
        panel = app.screen.query_one("#outcome")
        panel.focus()
        await pilot.press("end")
        assert "line 59 of [red]it[/]" in await shown(pilot, "line 59")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "its process is gone"),
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "start it again"),
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "Killed"),
        (training_picture(RUN, here=False), "lab (another machine)"),
        (
            training_picture(RUN, problems=["3 lines of its events cannot be read"]),
            "3 lines of its events cannot be read",
        ),
        (RunPicture(RUN, operation="train", state="starting"), "loading its libraries"),
        (RunPicture(RUN, operation="train", state="queued", reason="waiting to be started"), "waiting to be started"),
        (
            RunPicture(RUN, state="broken", reason="x", error=RunError("the folder is not there", str(RUN))),
            "the folder is not there",
        ),
    ],
)
async def test_odd_states_are_said_in_words(runs: FakeRuns, picture: RunPicture, words: str) -> None:
    app = app_on(runs, picture)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, words)


async def test_a_prediction_shows_progress_and_what_was_asked(runs: FakeRuns) -> None:
    app = app_on(
        runs, predict_picture(RUN, request={"inputs": ["/data/fly.mp4"], "out": "/data/p.h5", "batch_size": None})
    )
    async with app.run_test(size=(100, 30)) as pilot:
        text = await shown(pilot, "predict · running")
        assert "40,000 of 120,000" in text and "612 frames/s" in text and "/data/p.h5" in text and "33 %" in text
        assert not app.screen.query_one("#curves").display
        assert "Log scale" not in text
        assert app.screen.query_one(ProgressLine).fraction == pytest.approx(1 / 3, abs=0.01)


async def test_progress_of_unknown_length_has_no_percentage(runs: FakeRuns) -> None:
    app = app_on(runs, RunPicture(RUN, operation="train", state="starting"))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · starting")
        assert app.screen.query_one(ProgressLine).fraction is None


async def test_the_error_curve_and_the_scale_can_be_switched(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "loss by epoch")
        assert "validation error by epoch" not in screen_text(pilot)
        before = screen_text(pilot)
        await pilot.press("l")
        await until(pilot, lambda: screen_text(pilot) != before)
        await pilot.press("e")
        text = await shown(pilot, "validation error by epoch")
        assert "best 4.22 px" in text and "loss by epoch" not in text


def loss_ticks(pilot: Pilot[Any]) -> str:
    """The line of epochs under the loss."""
    lines = screen_text(pilot).splitlines()
    end = next(i for i, line in enumerate(lines) if "training  ━━ validation" in line)
    return lines[end - 1].split("││")[0]


async def test_zooming_in_stays_when_new_points_come(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "12 of 30")
        whole = loss_ticks(pilot)
        app.screen.query_one("#loss CurvePlot", CurvePlot).focus()
        await pilot.press("plus", "plus", "plus")
        await until(pilot, lambda: loss_ticks(pilot) != whole)
        close = loss_ticks(pilot)
        runs.pictures[RUN] = training_picture(RUN, epochs=13)
        await shown(pilot, "13 of 30")
        assert loss_ticks(pilot) == close
        await pilot.press("0")
        await until(pilot, lambda: loss_ticks(pilot) != close)


async def test_log_lines_are_harmless_and_come_on(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN, log=[LogLine("error", EVIL)]))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "[red]evil[/] \\x1b[31m\\u202ename")
        runs.pictures[RUN] = training_picture(RUN, log=[LogLine("error", EVIL), LogLine("info", "more of it")])
        text = await shown(pilot, "more of it")
        assert text.count("[red]evil[/]") == 1


async def test_the_path_can_be_copied(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("y")
        assert app.clipboard == str(RUN)


async def test_the_theme_can_change_under_it(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "train · running")
        for theme in (
            "leaptui-light",
            *(name for name, theme in BUILTIN_THEMES.items() if theme.ansi),
            "nord",
            "leaptui-dark",
        ):
            app.theme = theme
            await pilot.pause()
        await shown(pilot, "12 of 30")


async def test_points_without_a_place_are_left_out(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN, steps=[(1, float("nan")), (2, 0.0), (3, float("inf"))], epochs=0))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "No loss yet.")
        panel = app.screen.query_one("#loss", CurvePanel)
        panel.show([Series("one", "curve-train", [(1.0, -1.0), (2.0, 3.0)])], log=True)
        await until(pilot, lambda: "No loss yet." not in screen_text(pilot))


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [(0, 10, 5, [0, 2, 4, 6, 8, 10]), (0.3, 9.9, 4, [5]), (3, 3, 5, [3]), (0, 1, 2, [0, 0.5, 1])],
)
def test_linear_ticks_are_round(low: float, high: float, most: int, ticks: list[float]) -> None:
    axis = Ticks()
    axis.most = most
    assert axis.get_ticks(low, high) == pytest.approx(ticks)


def test_logarithmic_ticks_are_values_and_no_more_than_fit() -> None:
    axis = Ticks()
    axis.log = True
    for most in (2, 3, 5, 8):
        axis.most = most
        ticks = axis.get_ticks(-2.2, 0.6)
        assert 2 <= len(ticks) <= most
    axis.most = 3
    assert axis.get_labels_for_ticks(axis.get_ticks(-2.2, 0.6)) == ["0.01", "0.1", "1"]
