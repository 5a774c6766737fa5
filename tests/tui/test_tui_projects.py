"""The recent projects, and the two dialogs that lead to another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Select
from tui_helpers import EVIL, FakeRuns, flat, make_project, screen_text, until

from leaptui.config import recent_projects, remember_project
from leaptui.ops.new import NewRequest
from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import RunError, RunPicture
from leaptui.tui.summary import first_look, second_look
from leaptui.tui.widgets.row_table import RowTable


def screen_name(pilot: Pilot[Any]) -> str:
    return type(pilot.app.screen).__name__


async def counted(pilot: Pilot[Any]) -> str:
    """The screen once every project is counted."""
    await until(pilot, lambda: "–" not in screen_text(pilot).replace("missing        –     –  –", ""))
    return screen_text(pilot)


async def test_without_projects_it_says_what_to_do(runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 24)) as pilot:
        text = screen_text(pilot)
    assert "Press n to make one" in text and "Press o to open one" in text


async def test_the_counts_are_those_on_disk(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: "mouse (4)" in screen_text(pilot) and " 3 " in screen_text(pilot))
        assert "1 project" in screen_text(pilot)
    summary = second_look(first_look(project.folder))
    assert (summary.labelled, summary.runs, summary.videos, summary.missing) == (3, 0, 2, False)


async def test_a_line_painted_before_the_table_is_idle_is_not_cut() -> None:
    class Tables(App[None]):
        def compose(self) -> ComposeResult:
            yield RowTable([("skeleton", "Skeleton"), ("changed", "Changed")])

    app = Tables()
    async with app.run_test(size=(60, 10)) as pilot:
        table = app.query_one(RowTable)
        table.show_rows([("fly", {"skeleton": Text("-"), "changed": Text("-")})])
        await pilot.pause()
        table.show_rows([("fly", {"skeleton": Text("mouse (4)"), "changed": Text("just now")})])
        table.render_line(1)
        await pilot.pause()
        assert "mouse (4)  just now" in screen_text(pilot)


async def test_a_missing_project_is_marked_and_can_be_removed(project: Project, tmp_path: Path, runs: FakeRuns) -> None:
    remember_project(tmp_path / "gone")
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: "1 missing" in screen_text(pilot))
        await pilot.press("enter")
        assert screen_name(pilot) == "ProjectsScreen"
        assert app.query_one(RowTable).chosen == str(tmp_path / "gone")
        await pilot.press("d")
        await until(pilot, lambda: app.query_one(RowTable).row_count == 1)
    assert recent_projects() == [project.folder] and project.manifest.exists()


async def test_enter_opens_and_escape_comes_back(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")
        await pilot.press("escape")
        assert screen_name(pilot) == "ProjectsScreen"


async def test_the_mouse_opens_too(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        await pilot.click(RowTable, offset=(3, 1))
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")


async def test_the_filter_narrows_and_clears(tmp_path: Path, runs: FakeRuns) -> None:
    for name in ("fly", "mouse", "locust"):
        remember_project(make_project(tmp_path / name, frames=0, videos=False).folder)
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 24)) as pilot:
        table = app.query_one(RowTable)
        assert not app.query_one("#filter").display
        await pilot.press("slash", *"LOC")
        await until(pilot, lambda: table.row_count == 1)
        assert table.chosen == str(tmp_path / "locust")
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == 3)
        assert table.has_focus and not app.query_one("#filter").display


async def test_the_filter_opens_the_only_one(tmp_path: Path, runs: FakeRuns) -> None:
    for name in ("fly", "mouse"):
        remember_project(make_project(tmp_path / name, frames=0, videos=False).folder)
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        await pilot.press("slash", *"mous")
        await pilot.press("enter")
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")


async def test_a_name_cannot_do_anything(tmp_path: Path, runs: FakeRuns) -> None:
    project = make_project(tmp_path / EVIL.replace("/", ":"), frames=0, videos=False)
    project.name = EVIL
    project.save()
    remember_project(project.folder)
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: "[red]evil[/] \\x1b[31m\\u202ename" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")
        assert "[red]evil[/] \\x1b[31m\\u202ename" in screen_text(pilot)


async def test_open_by_path(project: Project, tmp_path: Path, runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("o")
        field = app.screen.query_one("#path", Input)
        field.value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: "no leaptui project" in screen_text(pilot))
        field.value = str(project.folder)
        await pilot.press("enter")
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")


async def test_new_project_asks_its_operation(tmp_path: Path, runs: FakeRuns) -> None:
    """The dialog itself makes nothing: it sends the request that the command line would send."""
    made = tmp_path / "new one"

    def answer(request: Any, parent: Path | None) -> Path:
        make_project(request.project, frames=0, videos=False)
        assert parent is not None
        runs.pictures[parent / "run"] = RunPicture(parent / "run", "new", "finished", result={"project": str(made)})
        return parent / "run"

    runs.answer = answer
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("n")
        app.screen.query_one("#folder", Input).value = str(made)
        app.screen.query_one("#skeleton", Select).value = "fly32"
        await pilot.click("#make")
        await until(pilot, lambda: screen_name(pilot) == "ProjectScreen")
    request, _ = runs.submitted[0]
    assert request == NewRequest(made, "fly32")


async def test_new_project_says_what_is_wrong(tmp_path: Path, runs: FakeRuns) -> None:
    def answer(request: Any, parent: Path | None) -> Path:
        assert parent is not None
        error = RunError("the folder is not empty and is no project", str(tmp_path), "Choose a new folder.")
        runs.pictures[parent / "run"] = RunPicture(parent / "run", "new", "failed", error=error)
        return parent / "run"

    runs.answer = answer
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("n")
        app.screen.query_one("#folder", Input).value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: "Choose a new folder." in flat(screen_text(pilot)))
        assert screen_name(pilot) == "NewProjectScreen"
        await pilot.press("escape")
        assert screen_name(pilot) == "ProjectsScreen"


async def test_a_start_project_that_is_none_is_told(tmp_path: Path, runs: FakeRuns) -> None:
    app = LeaptuiApp(tmp_path / "nothing", services=runs.services())
    async with app.run_test(size=(100, 24), notifications=True) as pilot:
        await until(pilot, lambda: "there is no such folder" in flat(screen_text(pilot)))
        assert screen_name(pilot) == "ProjectsScreen"


_PAINT = """
import asyncio, json, sys
from leaptui.tui.app import LeaptuiApp

class Once(LeaptuiApp):
    def on_ready(self):
        self.exit()
        heavy = {"torch", "pytorch_lightning", "lightning_fabric", "decord", "av", "h5py", "pandas", "scipy", "numpy", "PIL", "tifffile"}
        self.found = sorted(heavy & set(sys.modules))

app = Once()
app.run(headless=True)
print(json.dumps(app.found))
"""


def test_the_first_paint_loads_nothing_heavy(project: Project) -> None:
    done = subprocess.run([sys.executable, "-c", _PAINT], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
