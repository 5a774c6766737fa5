"""The help: every key, and the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from textual.widgets import OptionList, Static
from tui_helpers import FakeRuns, flat, screen_text, until

import leaptui.tui.screens.help as help_module
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.keymap import COMMANDS, GROUPS, shown_keys
from leaptui.tui.screens.help import HelpScreen, documents


async def help_text(app: LeaptuiApp) -> str:
    """All of the help of keys, as wide as needed."""
    content = app.screen.query_one("#key-text", Static).content
    console = Console(width=250, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(content)
    return capture.get()


async def test_every_command_is_listed_with_the_users_key(isolated_home: Path, runs: FakeRuns) -> None:
    keymap = {"run.stop": "f9"}
    (isolated_home / "config.toml").write_text('[keymap]\n"run.stop" = "f9"\n')
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = await help_text(app)
        for command in COMMANDS:
            line = next(line for line in text.splitlines() if f"({command.id})" in line)
            assert line.split("  ")[0].strip() == shown_keys(command, keymap)
            assert command.description in line and command.tooltip in line
        for heading in GROUPS.values():
            assert heading in text.splitlines()
        await pilot.press("question_mark")
        assert type(app.screen).__name__ == "ProjectsScreen"


async def test_the_keys_of_the_screen_below_come_first(runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("f1")
        headings = [line for line in (await help_text(app)).splitlines() if line in GROUPS.values()]
        assert headings[0] == GROUPS["projects"]
        await pilot.press("escape")
        await pilot.press("n", "f1")
        headings = [line for line in (await help_text(app)).splitlines() if line in GROUPS.values()]
        assert headings[0] == GROUPS["dialog"]


async def test_a_question_mark_can_be_typed_into_a_field(runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        await pilot.press("slash", "question_mark")
        assert type(app.screen).__name__ == "ProjectsScreen"


async def test_the_documentation_can_be_read(monkeypatch: pytest.MonkeyPatch, runs: FakeRuns) -> None:
    monkeypatch.setattr(help_module, "documents", lambda: {"ARCHITECTURE": "# The layers\n\nNobody knows the screens."})
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        topics = app.screen.query_one("#topics", OptionList)
        topics.focus()
        topics.highlighted = 1
        await pilot.press("enter")
        await until(pilot, lambda: "Nobody knows the screens." in flat(screen_text(pilot)))
        await pilot.press("up", "enter")
        await until(pilot, lambda: app.screen.query_one("#keys").display)


def test_documents_are_the_markdown_files_that_come_with_us() -> None:
    folder = Path(help_module.__file__).parents[2] / "docs"
    assert set(documents()) == {path.stem for path in folder.glob("*.md")}
