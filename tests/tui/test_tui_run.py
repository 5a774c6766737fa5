"""The screen of one run: what it says, and what can be asked of the run from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from tui_helpers import EVIL, FakeRuns, flat, predict_picture, screen_text, training_picture, until

from leaptui.errors import UsageError
from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import Checkpoint, EpochPoint, LogLine, RunError, RunPicture, Waiting
from leaptui.tui.screens.run import RunScreen
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
        for words in ("12 of 30", "600 of 1,500", "365 frames/s", "1 min 23 s", "2 min 10 s", "752,341", "40 %"):
            assert words in text, words
        assert "4.22 px (4.4 %)" in text and "2 min 10 s left" in text
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
    async with app.run_test(size=(120, 44)) as pilot:
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
        await shown(pilot, "it finishes its step, saves what it has and ends")
        await pilot.press("enter")
        assert isinstance(app.screen, RunScreen) and not runs.stopped
        await pilot.press("s")
        await pilot.click("#stop")
        await until(pilot, lambda: runs.stopped == [RUN])
        await shown(pilot, "train · stopping")


async def test_a_run_that_takes_its_time_to_stop_can_be_stopped_at_once(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN, state="stopping"))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · stopping")
        await pilot.press("s")
        assert "Stop this run at once?" in await shown(pilot, "finishing its step")
        await pilot.click("#now")
        await until(pilot, lambda: runs.asked == [("stop-now", {})])
        assert not runs.stopped


async def test_a_refused_stop_is_told_and_the_run_is_not_called_stopping(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    runs.broken[RUN] = UsageError("this run is not going on: its process is gone", where=RUN)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("s")
        await pilot.click("#stop")
        await shown(pilot, "its process is gone")
        await shown(pilot, "train · running")


async def test_a_training_can_be_asked_for_things(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("C")
        await until(pilot, lambda: ("checkpoint", {}) in runs.asked)
        await pilot.press("L")
        await shown(pilot, "Multiply the learning rate by 0.1")
        await pilot.press("backspace", "5", "enter")
        await until(pilot, lambda: ("lower-lr", {"factor": 0.5}) in runs.asked)
        await pilot.press("E", "1", "0", "enter")
        await until(pilot, lambda: ("extend", {"epochs": 10}) in runs.asked)
        asked = len(runs.asked)
        await pilot.press("E", "h", "i", "enter")
        await shown(pilot, "must be a whole number")
        await pilot.press("L", "ctrl+u", "3", "enter")
        await shown(pilot, "must be a number between 0 and 1")
        await pilot.press("E", "5", "escape")
        assert len(runs.asked) == asked and isinstance(app.screen, RunScreen)


async def test_a_stopped_run_resumes_and_an_ended_one_can_be_given_more_epochs(runs: FakeRuns) -> None:
    app = app_on(runs, training_picture(RUN, state="stopped", resumable=True))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "r goes on from its last checkpoint")
        await pilot.press("C", "L")
        assert "Multiply" not in screen_text(pilot)
        await pilot.press("r")
        await until(pilot, lambda: runs.done == [("resume", RUN)])
        runs.pictures[RUN] = training_picture(RUN, state="finished")
        await shown(pilot, "train · finished")
        await pilot.press("r", "E", "5", "enter")
        await until(pilot, lambda: runs.done[1:] == [("extend-resumed", RUN), ("resume", RUN)])
        assert runs.asked == [("extend-resumed", {"epochs": 5})]


async def test_nothing_can_be_asked_of_another_programs_run(runs: FakeRuns) -> None:
    metrics = {"acc": [(float(x), x / 9) for x in range(9)], EVIL: [(0.0, 1.0), (1.0, 2.0)]}
    picture = RunPicture(
        RUN,
        operation="train",
        state="running",
        foreign="Lightning CSV",
        metrics=metrics,
        epochs=[EpochPoint(3, val_loss=0.25)],
        request={"width": 4},
    )
    app = app_on(runs, picture)
    async with app.run_test(size=(100, 36)) as pilot:
        await shown(pilot, "Lightning CSV · running")
        await shown(pilot, "val loss 0.25")
        # Only what it told: it has no nodes, and so no error in pixels.
        assert "params" not in screen_text(pilot) and "best at" not in screen_text(pilot)
        await pilot.press("s", "C", "E", "L", "r")
        assert isinstance(app.screen, RunScreen) and not (runs.asked or runs.done or runs.stopped)
        await pilot.press("8")
        await shown(pilot, "[red]evil[/] \\x1b[31m\\u202ename 2")
        await pilot.press("m")
        await shown(pilot, "Which curve?")
        await pilot.press("down", "enter")
        await shown(pilot, "acc 0.889")


async def test_leaving_does_not_stop(runs: FakeRuns, project: Project) -> None:
    app = app_on(runs, training_picture(project.runs_folder / "a-train"))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · running")
        await pilot.press("escape")
        assert type(app.screen).__name__ == "ProjectScreen"
    assert not runs.stopped


async def test_a_failure_says_why_what_to_do_and_what_came_last(runs: FakeRuns) -> None:
    traceback = "\n".join(f"line {i} of [red]it[/]" for i in range(60))
    error = RunError("CUDA is out of memory", "/x/y", "Use a smaller batch.", traceback)
    picture = training_picture(
        RUN, state="failed", error=error, resumable=True, checkpoints=[Checkpoint("last", 11.5, "last.ckpt")]
    )
    app = app_on(runs, picture)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await shown(pilot, "train · failed")
        assert "CUDA is out of memory" in text and "where: /x/y" in text and "Use a smaller batch." in text
        assert "r resumes it from its last checkpoint" in text and "11.5." in text
        await pilot.press("end")
        text = await shown(pilot, "line 59 of [red]it[/]")
        assert "The last it logged" in text and "one frame is dark" in text
        await pilot.press("1")
        await shown(pilot, "━━ training 0.562")
        assert "CUDA" not in screen_text(pilot)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "its process is gone"),
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "start it again"),
        (training_picture(RUN, state="stale", reason="its process is gone", output=["Killed"]), "Killed"),
        (training_picture(RUN, state="stale", advice="Memory ran out."), "Memory ran out."),
        (training_picture(RUN, state="stale", here=False, output=["Killed"]), "resume it on its own machine"),
        (training_picture(RUN, here=False), "lab (another machine)"),
        (
            training_picture(RUN, problems=["3 lines of its events cannot be read"]),
            "3 lines of its events cannot be read",
        ),
        (RunPicture(RUN, operation="train", state="starting"), "loading its libraries"),
        (RunPicture(RUN, operation="train", state="queued", reason="waiting to be started"), "waiting to be started"),
        (
            RunPicture(RUN, operation="train", state="queued", waiting=Waiting(3, "no free GPU")),
            "It waits: no free GPU.",
        ),
        (
            RunPicture(RUN, state="broken", reason="x", error=RunError("the folder is not there", str(RUN))),
            "the folder is not there",
        ),
        (training_picture(RUN, notes=f"good\n{EVIL}", tags=["fly", "v2"]), "fly, v2"),
        (training_picture(RUN, notes=f"good\n{EVIL}"), "good [red]evil[/]"),
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
        assert not app.screen.query_one("#left").display and not app.screen.query_one("#middle").display
        assert "1 Loss" not in text
        assert app.screen.query_one(ProgressLine).fraction == pytest.approx(1 / 3, abs=0.01)


async def test_progress_of_unknown_length_has_no_percentage(runs: FakeRuns) -> None:
    app = app_on(runs, RunPicture(RUN, operation="train", state="starting"))
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, "train · starting")
        assert app.screen.query_one(ProgressLine).fraction is None


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
