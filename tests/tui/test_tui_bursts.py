"""Keys that arrive all at once, as a link delivers them that stalled: each means what it would have meant alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from label_helpers import app_on, label_screen, press, worm_project
from textual import events
from textual.app import App
from tui_helpers import until

from leaptui.tui.screens.choose import ChooseScreen
from leaptui.tui.screens.confirm import ConfirmScreen
from leaptui.tui.screens.help import HelpScreen


def burst(app: App[None], *keys: str) -> None:
    """All of these keys in one read of the terminal."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize("answer", ["enter", "escape"])
@pytest.mark.parametrize("kind", ["choose", "confirm"])
async def test_keys_behind_the_answer_of_a_dialog_reach_the_screen_below(
    tmp_path: Path, kind: str, answer: str
) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "g 0 enter 1")
        x = screen.labeller.animal.points[0, 0]
        answers: list[object] = []
        dialog = (
            ChooseScreen("Which?", ["one", "two"], 1)
            if kind == "choose"
            else ConfirmScreen("Sure?", "Words.", yes="Yes", no="No")
        )
        app.push_screen(dialog, answers.append)
        await until(pilot, lambda: dialog.is_current and dialog.focused is not None)
        burst(app, answer, "l", "l", "l", "2", "h")
        await until(pilot, lambda: bool(answers) and screen.labeller.node == 1)
        await pilot.pause()
        assert answers == [
            {"choose": 1, "confirm": False}[kind] if answer == "enter" else (None if kind == "choose" else False)
        ]
        assert screen.labeller.animal.points[0, 0] == pytest.approx(x + 3)


async def test_keys_behind_the_end_of_the_help_reach_the_screen_below(tmp_path: Path) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "g 0 enter 1 question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and app.screen.focused is not None)
        x = screen.labeller.animal.points[0, 0]
        burst(app, "question_mark", "l", "l", "3")
        await until(pilot, lambda: screen.labeller.node == 2)
        assert screen.labeller.animal.points[0, 0] == pytest.approx(x + 2)
