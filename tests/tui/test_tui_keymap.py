"""The table of keys: footer, help, palette and the user's keymap all come from it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from tui_helpers import FakeRuns, flat, screen_text, until

import leaptui.tui
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.keymap import COMMANDS, GROUPS, bindings, commands, keymap_problems, keys_of, shown_keys


def all_classes() -> list[type]:
    found = []
    for info in pkgutil.walk_packages(leaptui.tui.__path__, "leaptui.tui."):
        module = importlib.import_module(info.name)
        found += [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == info.name]
    return found


def test_ids_are_unique_and_belong_to_a_group() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(ids) == len(set(ids))
    assert {command.scope for command in COMMANDS} == set(GROUPS)


@pytest.mark.parametrize("scope", GROUPS)
def test_no_key_is_given_twice_where_keys_work_together(scope: str) -> None:
    together = commands(scope)
    keys = [key for command in together for key in keys_of(command, {})]
    assert len(keys) == len(set(keys))


def test_every_command_has_words() -> None:
    for command in COMMANDS:
        assert command.description and command.tooltip.endswith(".")


def test_every_binding_of_ours_comes_from_the_table_and_has_its_action() -> None:
    ids = {command.id: command for command in COMMANDS}
    used = set()
    for cls in all_classes():
        if not issubclass(cls, DOMNode) or "BINDINGS" not in cls.__dict__:
            continue
        for binding in cls.__dict__["BINDINGS"]:
            assert isinstance(binding, Binding) and binding.id in ids, f"{cls.__name__}: {binding}"
            used.add(binding.id)
            owner: type = LeaptuiApp if binding.action.startswith("app.") else cls
            action = f"action_{binding.action.removeprefix('app.').partition('(')[0]}"
            assert hasattr(owner, action), f"{cls.__name__} has no {action}"
    assert used == set(ids)


def test_problems_of_a_keymap_are_told() -> None:
    problems = keymap_problems({"run.fly": "x", "run.stop": "l", "run.back": " ,", "project.train": "f9"})
    assert problems == [
        "there is no command 'run.fly'",
        "'run.back' has no key",
        "'l' is given to run.stop and run.log-scale",
    ]
    assert keymap_problems({"project.train": "?"}) == ["'?' is given to app.help and project.train"]
    assert keymap_problems({}) == []


def test_keys_are_shown_as_people_read_them() -> None:
    by_id = {command.id: command for command in COMMANDS}
    assert shown_keys(by_id["app.help"], {}) == "? f1"
    assert shown_keys(by_id["run.stop"], {"run.stop": "ctrl+k"}) == "^k"


def test_bindings_carry_everything() -> None:
    stop = next(b for b in bindings("run") if isinstance(b, Binding) and b.id == "run.stop")
    assert (stop.key, stop.action, stop.description) == ("s", "stop", "Stop") and stop.tooltip


def write_config(home: Path, text: str) -> None:
    (home / "config.toml").write_text(text, encoding="utf-8")


async def test_the_users_key_replaces_ours(isolated_home: Path, runs: FakeRuns) -> None:
    write_config(isolated_home, '[keymap]\n"projects.new" = "f6"\n')
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(90, 24)) as pilot:
        await pilot.press("n")
        assert type(app.screen).__name__ == "ProjectsScreen"
        assert "f6 New" in flat(screen_text(pilot))
        await pilot.press("f6")
        assert type(app.screen).__name__ == "NewProjectScreen"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[keymap]\n"run.stop" = "l"\n', "'l' is given to run.stop and run.log-scale"),
        ('[keymap]\n"run.fly" = "l"\n', "no command 'run.fly'"),
        ('theme = "[bold]none"\n', "no theme '[bold]none'"),
        ("theme = 3\n", "'theme' must be the name of a theme"),
        ("not toml", "cannot be read"),
    ],
)
async def test_a_wrong_config_is_told_and_stops_nothing(
    isolated_home: Path, runs: FakeRuns, text: str, words: str
) -> None:
    write_config(isolated_home, text)
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: words in flat(screen_text(pilot)))
        await pilot.press("n")
        assert type(app.screen).__name__ == "NewProjectScreen"


async def test_a_key_that_takes_anothers_is_told_once(isolated_home: Path, runs: FakeRuns) -> None:
    write_config(isolated_home, '[keymap]\n"projects.new" = "o"\n')
    told: list[str] = []
    app = LeaptuiApp(services=runs.services())
    original = app.warn

    def note(words: str, *, title: str = "") -> None:
        told.append(words)
        original(words, title=title)

    app.warn = note  # type: ignore[method-assign]
    async with app.run_test() as pilot:
        await pilot.press("o", "escape", "o", "escape")
    assert len([words for words in told if "projects" in words]) == len(set(told))


def palette_names(app: Any) -> dict[str, str]:
    return {command.title: command.help for command in app.get_system_commands(app.screen)}


async def test_the_palette_offers_the_screens_commands_and_textuals(runs: FakeRuns) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test() as pilot:
        names = palette_names(app)
        assert names["New"] == next(c.tooltip for c in COMMANDS if c.id == "projects.new")
        assert {"Theme", "Quit", "Help", "Filter"} <= set(names)
        command = next(c for c in app.get_system_commands(app.screen) if c.title == "New")
        await command.callback()
        await pilot.pause()
        assert type(app.screen).__name__ == "NewProjectScreen"
