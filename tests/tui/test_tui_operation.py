"""Forms made from requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_tui_form_values import EveryKind
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Select, Static, Switch
from tui_helpers import FakeRuns, flat, screen_text, training_picture, until

from leaptui.errors import UnusableInput
from leaptui.ops.add import AddRequest
from leaptui.ops.requests import request_fields
from leaptui.ops.train import TrainRequest
from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import Progress, RunError, RunPicture
from leaptui.tui.screens.operation import OperationScreen, result_words
from leaptui.tui.widgets.path_input import PathInput
from leaptui.tui.widgets.request_form import FieldRow, RequestForm


class FormApp(App[None]):
    """A form of every kind of field."""

    def __init__(self, given: dict[str, Any] | None = None, hidden: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.form = RequestForm(EveryKind, given=given, hidden=hidden)
        self.submitted = 0

    def compose(self) -> ComposeResult:
        yield self.form

    def on_request_form_submitted(self) -> None:
        self.submitted += 1


def control(app: App[Any], name: str) -> Any:
    return app.screen.query_one(f"#field-{name}")


async def test_every_kind_of_field_has_its_control_and_its_default() -> None:
    app = FormApp()
    async with app.run_test(size=(120, 60)):
        assert isinstance(control(app, "place"), PathInput) and isinstance(control(app, "inputs"), PathInput)
        assert isinstance(control(app, "quick"), Switch)
        for name in ("kind", "other", "mirror"):
            assert isinstance(control(app, name), Select)
        for name in ("number", "share", "maybe", "size", "words"):
            assert type(control(app, name)) is Input
        reading = app.form.read()
        assert set(reading.errors) == {"place", "inputs"}
        defaults = {field.name: field.default for field in request_fields(EveryKind) if not field.required}
        assert reading.values == defaults


async def test_what_is_needed_comes_first_and_the_rest_is_folded() -> None:
    app = FormApp()
    async with app.run_test(size=(120, 60)):
        names = [row.field.name for row in app.query(FieldRow)]
        assert names[:2] == ["place", "inputs"] and set(names[-3:]) == {"size", "other", "mirror"}
        assert not app.query_one("#advanced").display
        app.form.toggle_advanced()
        assert app.query_one("#advanced").display


async def test_values_come_back_as_the_request_wants_them() -> None:
    app = FormApp({"number": 7})
    async with app.run_test(size=(120, 60)) as pilot:
        control(app, "place").value = "/data/a place"
        control(app, "inputs").value = "/a 'b c'"
        control(app, "share").value = "0.25"
        control(app, "size").value = "2"
        control(app, "quick").value = True
        control(app, "mirror").value = False
        control(app, "other").value = "y"
        await pilot.pause()
        reading = app.form.read()
    assert not reading.errors
    expected = EveryKind(
        Path("/data/a place"),
        (Path("/a"), Path("b c")),
        number=7,
        share=0.25,
        size=2.0,
        other="y",
        quick=True,
        mirror=False,
    )
    assert EveryKind(**reading.values) == expected


async def test_a_bad_value_is_told_beside_its_field_while_typing() -> None:
    app = FormApp()
    async with app.run_test(size=(120, 60)) as pilot:
        field = control(app, "number")
        field.focus()
        field.value = ""
        await pilot.press("9", "9")
        await until(pilot, lambda: "it must be between 1 and 9" in screen_text(pilot))
        await pilot.press("backspace")
        await until(pilot, lambda: "it must be between 1 and 9" not in screen_text(pilot))


async def test_showing_what_is_wrong_goes_to_the_first_such_field_and_unfolds_it() -> None:
    app = FormApp({"place": Path("/x"), "inputs": (Path("/y"),)})
    async with app.run_test(size=(120, 60)) as pilot:
        control(app, "size").value = "0.1"
        await pilot.pause()
        assert set(app.form.read(show=True).errors) == {"size"}
        await until(pilot, lambda: control(app, "size").has_focus)
        assert app.query_one("#advanced").display


async def test_a_switch_says_what_it_stands_at() -> None:
    app = FormApp()
    async with app.run_test(size=(120, 60)) as pilot:
        answer = app.query_one("#row-quick .answer", Static)
        assert str(answer.content) == "no"
        control(app, "quick").focus()
        await pilot.press("enter")
        await until(pilot, lambda: str(answer.content) == "yes")
        assert app.form.read().values["quick"] is True


async def test_hidden_fields_keep_their_value_and_enter_submits() -> None:
    app = FormApp({"place": Path("/x"), "inputs": (Path("/y"),)}, hidden=("place",))
    async with app.run_test(size=(120, 60)) as pilot:
        assert not app.query("#field-place")
        assert app.form.read().values["place"] == Path("/x")
        control(app, "number").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.submitted == 1


async def test_help_and_range_of_every_field_are_shown() -> None:
    app = FormApp()
    async with app.run_test(size=(160, 60)) as pilot:
        app.form.toggle_advanced()
        await pilot.pause()
        text = flat(screen_text(pilot))
        for field in request_fields(EveryKind):
            assert field.option.help in text
        assert "(between 1 and 9)" in text and "(at least 0.5)" in text


async def form(pilot: Pilot[Any], key: str) -> OperationScreen:
    """Open a form of the project."""
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "ProjectScreen")
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, OperationScreen))
    assert isinstance(pilot.app.screen, OperationScreen)
    return pilot.app.screen


def answering(runs: FakeRuns, picture: Callable[[Path], RunPicture]) -> None:
    """Let a submitted request become this run."""

    def answer(request: Any, parent: Path | None) -> Path:
        path = (parent or request.runs_folder()) / "the-run"
        runs.pictures[path] = picture(path)
        return path

    runs.answer = answer


@pytest.mark.parametrize("how", ["ctrl+s", "enter", "mouse"])
async def test_train_starts_a_run_and_shows_it(project: Project, runs: FakeRuns, how: str) -> None:
    answering(runs, training_picture)
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await form(pilot, "t")
        control(app, "profile").value = "fast"
        control(app, "seed").value = "5"
        await until(pilot, lambda: "--profile fast --seed 5" in screen_text(pilot))
        if how == "mouse":
            await pilot.click("#start")
        else:
            control(app, "seed").focus()
            await pilot.press(how)
        await until(pilot, lambda: type(app.screen).__name__ == "RunScreen")
        assert screen not in app.screen_stack
        await pilot.press("escape")
        assert type(app.screen).__name__ == "ProjectScreen"
    request, parent = runs.submitted[0]
    assert request == TrainRequest(project.folder, profile="fast", seed=5) and parent is None


async def test_a_refusal_is_shown_in_place(project: Project, runs: FakeRuns) -> None:
    def refuse(request: Any, parent: Path | None) -> Path:
        raise UnusableInput("there are no labelled frames [b]to train[/] on", where="/x\x1b", hint="Import some.")

    runs.answer = refuse
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await form(pilot, "t")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Import some." in screen_text(pilot))
        assert "/x\\x1b: there are no labelled frames [b]to train[/] on" in flat(screen_text(pilot))
        assert not app.screen.query_one("#start").disabled


async def test_nothing_starts_with_a_bad_value(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await form(pilot, "t")
        control(app, "validation").value = "1.5"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "it must be between 0 and 0.9" in screen_text(pilot))
    assert not runs.submitted


async def test_adding_waits_shows_progress_and_comes_back(project: Project, runs: FakeRuns) -> None:
    progress = Progress(10, 40, "frames", None, "checking fly.mp4")
    answering(runs, lambda path: RunPicture(path, "add", "running", progress=progress))
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await form(pilot, "a")
        await pilot.press("ctrl+s")
        assert not runs.submitted
        await until(pilot, lambda: "this is needed" in screen_text(pilot))
        control(app, "videos").value = "'/data/my fly.mp4'"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "checking fly.mp4: 10 of 40 frames" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(runs.stopped) == 1)
        path = next(iter(runs.pictures))
        video = {"path": "x/my fly.mp4", "frames": 40, "problems": []}
        runs.pictures[path] = RunPicture(path, "add", "finished", result={"videos": [video], "skipped": []})
        await until(pilot, lambda: type(app.screen).__name__ == "ProjectScreen")
        await until(pilot, lambda: "added my fly.mp4: 40 frames" in flat(screen_text(pilot)))
    assert runs.submitted[0][0] == AddRequest(project.folder, (Path("/data/my fly.mp4"),))


async def test_an_errand_that_fails_leaves_the_form(project: Project, runs: FakeRuns) -> None:
    error = RunError("this is no video", "/data/a.mp4", "Give another.")
    answering(runs, lambda path: RunPicture(path, "add", "failed", error=error))
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await form(pilot, "a")
        control(app, "videos").value = "/data/a.mp4"
        await pilot.press("enter")
        await until(pilot, lambda: "Give another." in screen_text(pilot))
        assert control(app, "videos").value == "/data/a.mp4"
        assert not app.screen.query_one(RequestForm).disabled


def test_results_in_words() -> None:
    result = {"frames": 75, "points": 2400, "format": "leap", "notes": ["one label was outside"]}
    assert result_words("import", result) == "imported 75 frames with 2,400 points (leap)\none label was outside"
    assert result_words("add", {"videos": [], "skipped": ["/a.mp4"]}) == "there already: /a.mp4"
    assert result_words("export", {}) == "export: done"


async def test_a_long_path_can_be_read_in_its_field(project: Project, runs: FakeRuns) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(110, 34)) as pilot:
        await form(pilot, "p")
        await until(pilot, lambda: "leaptui predict" in screen_text(pilot))
        line = next(line for line in screen_text(pilot).splitlines() if line.startswith("  Out *"))
        assert str(project.folder)[:20] in line
