"""Style sheets and themes."""

from __future__ import annotations

import importlib
import pkgutil
from itertools import pairwise

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.app import App
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme
from tui_helpers import FakeRuns

import leaptui.tui
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.styles import style, styles_folder
from leaptui.tui.theme import DARK, LIGHT, rich_style, tokens


def test_every_style_sheet_is_used_and_there() -> None:
    named = set()
    for info in pkgutil.walk_packages(leaptui.tui.__path__, "leaptui.tui."):
        for each in vars(importlib.import_module(info.name)).values():
            if isinstance(each, type) and issubclass(each, App | Screen) and each.__module__.startswith("leaptui."):
                paths = each.CSS_PATH if isinstance(each.CSS_PATH, list) else [each.CSS_PATH]
                named |= {*paths} - {None}
    assert named == set(styles_folder().glob("*.tcss"))
    assert style("base") in named


def sixteen(colour: str) -> int | None:
    return RichColor.parse(colour).downgrade(ColorSystem.STANDARD).number


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_sixteen_colours_keep_text_and_ground_apart(theme: Theme) -> None:
    made = tokens(theme)
    grounds = {
        sixteen(str(theme.background)),
        sixteen(str(theme.surface)),
        sixteen(str(theme.panel)),
        sixteen(made["field"]),
    }
    inks = [
        str(theme.foreground),
        made["quiet"],
        *(made[name] for name in made if name.startswith(("state-", "curve-"))),
    ]
    ground = sixteen(str(theme.background))
    assert all(sixteen(ink) != ground for ink in inks)
    assert sixteen(str(theme.foreground)) not in grounds
    cursor = sixteen(theme.variables["block-cursor-background"])
    assert cursor not in grounds
    assert cursor != sixteen(theme.variables["block-cursor-foreground"])


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_states_that_differ_much_differ_in_colour(theme: Theme) -> None:
    made = tokens(theme)
    told_apart = ["state-running", "state-finished", "state-failed", "state-stopped"]
    assert len({sixteen(made[name]) for name in told_apart}) == len(told_apart)
    curves = ["curve-train", "curve-validation", "curve-error"]
    assert all(made[a] != made[b] for a, b in pairwise(curves))


async def test_every_theme_can_be_chosen(runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        assert {*BUILTIN_THEMES, DARK.name, LIGHT.name} <= set(app.available_themes)
        for name in app.available_themes:
            app.theme = name
            await pilot.pause()
            for token in tokens(app.current_theme):
                assert RichColor.parse(rich_style(app.theme_variables, token)) is not None
