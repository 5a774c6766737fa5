"""The screen of one project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui_helpers import EVIL, FakeRuns, flat, make_project, predict_picture, screen_text, training_picture, until

from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.screens.project import ProjectScreen
from leaptui.tui.widgets.row_table import RowTable


async def opened(pilot: Pilot[Any]) -> None:
    """Wait until project and runs are read."""
    await until(pilot, lambda: isinstance(pilot.app.screen, ProjectScreen))
    await until(pilot, lambda: "reading" not in screen_text(pilot))
    session = pilot.app.screen._session  # type: ignore[attr-defined]
    await until(pilot, lambda: session.runs is not None)


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 60)])
async def test_counts_are_true_at_every_size(project: Project, runs: FakeRuns, size: tuple[int, int]) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
    assert "3 labelled frames" in text and "here.mp4" in text and "5,000" in text and "160×192" in text
    assert "away.h5:box" in text and "✗" in text
    assert "Nothing was run yet" in flat(text)


async def test_a_project_without_anything_says_what_to_do(tmp_path: Path, runs: FakeRuns) -> None:
    bare = make_project(tmp_path / "bare", skeleton=None, videos=False)
    app = LeaptuiApp(bare.folder, services=runs.services())
    async with app.run_test(size=(120, 30)) as pilot:
        await opened(pilot)
        text = flat(screen_text(pilot))
    assert "Press a to add videos, or i to import labels" in text and "no skeleton yet" in text


async def test_runs_are_shown_and_read_again(project: Project, runs: FakeRuns) -> None:
    train, predict = project.runs_folder / "20260102-train-aaaa", project.runs_folder / "20260103-predict-bbbb"
    runs.pictures = {predict: predict_picture(predict), train: training_picture(train)}
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(140, 36)) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
        assert "20260102-train-aaaa" in text and "40 %" in text and " 33 %" in text and "running" in text
        runs.pictures[train] = training_picture(train, state="failed")
        await until(pilot, lambda: "failed" in screen_text(pilot))
        assert app.screen.query_one("#runs", RowTable).row_count == 2


async def test_the_cursor_stays_on_its_run_when_another_begins(project: Project, runs: FakeRuns) -> None:
    first, second = project.runs_folder / "a-train", project.runs_folder / "b-train"
    runs.pictures = {first: training_picture(first)}
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(140, 36)) as pilot:
        await opened(pilot)
        table = app.screen.query_one("#runs", RowTable)
        assert table.chosen == str(first)
        runs.pictures = {second: training_picture(second), first: training_picture(first)}
        await until(pilot, lambda: table.row_count == 2)
        assert table.chosen == str(first) and table.cursor_row == 1


async def test_enter_opens_a_run(project: Project, runs: FakeRuns) -> None:
    path = project.runs_folder / "a-train"
    runs.pictures = {path: training_picture(path)}
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(140, 36)) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: type(app.screen).__name__ == "RunScreen")
        await pilot.press("escape")
        assert isinstance(app.screen, ProjectScreen)


@pytest.mark.parametrize(("key", "title"), [("t", "train"), ("a", "add"), ("i", "import"), ("p", "predict")])
async def test_keys_open_forms(project: Project, runs: FakeRuns, key: str, title: str) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await until(pilot, lambda: f"leaptui {title} " in screen_text(pilot))
        await pilot.press("escape")
        assert isinstance(app.screen, ProjectScreen)


async def test_predict_is_filled_in_with_the_run_and_the_videos_that_are_there(
    project: Project, runs: FakeRuns
) -> None:
    path = project.runs_folder / "a-train"
    runs.pictures = {path: training_picture(path, state="finished")}
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(200, 40)) as pilot:
        await opened(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "leaptui predict " in screen_text(pilot))
        text = flat(screen_text(pilot)).replace(" ", "")
    assert str(path) in text and "here.mp4" in text and "away.h5" not in text


async def test_problems_and_names_are_shown_harmlessly(project: Project, runs: FakeRuns) -> None:
    with (project.folder / "labels" / "journal" / "bad.jsonl").open("w") as file:
        file.write("[bold]not json[/]\n")
    video = project.videos[0]
    project.videos[0] = type(video)(**{**video.__dict__, "path": f"{EVIL.replace('/', ':')}.mp4", "problems": (EVIL,)})
    project.save()
    path = project.runs_folder / EVIL.replace("/", ":")
    runs.pictures = {path: RunPicture(path, operation=EVIL, state="broken")}
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(200, 40)) as pilot:
        await opened(pilot)
        text = flat(screen_text(pilot))
    assert "bad.jsonl, line 1" in text
    assert text.count("\\u202e") >= 4 and "\x1b" not in text and "\u202e" not in text


async def test_q_leaves_from_the_project_too(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 30)) as pilot:
        await opened(pilot)
        assert app.is_running
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
