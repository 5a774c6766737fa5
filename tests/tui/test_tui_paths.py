"""Completion of paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.widgets import Input
from tui_helpers import until

from leaptui.tui.widgets.path_input import PathInput, as_word, complete, complete_last, completions, last_word


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("flies", "flight data", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "fly.mp4").write_bytes(b"")
    (tmp_path / "fl\x1b[2J").write_bytes(b"")
    return tmp_path


def test_completions_are_what_is_there(folder: Path) -> None:
    found = completions(f"{folder}/fl", folders_only=False)
    assert found == [f"{folder}/flies/", f"{folder}/flight data/", f"{folder}/fly.mp4"]
    assert completions(f"{folder}/fl", folders_only=True) == found[:2]
    assert completions(f"{folder}/.h", folders_only=True) == [f"{folder}/.hidden/"]
    assert completions(f"{folder}/", folders_only=True) == found[:2]


def test_what_cannot_be_listed_offers_nothing(folder: Path) -> None:
    assert completions(f"{folder}/none/x", folders_only=False) == []
    assert completions("~nobody-of-that-name/x", folders_only=False) == []
    assert completions("a\0b/", folders_only=False) == []


def test_a_completion_goes_as_far_as_it_is_certain(folder: Path) -> None:
    assert complete(f"{folder}/fli", folders_only=False) == f"{folder}/fli"
    assert complete(f"{folder}/flie", folders_only=False) == f"{folder}/flies/"
    assert complete(f"{folder}/x", folders_only=False) == f"{folder}/x"


def test_the_last_of_several_paths_is_completed(folder: Path) -> None:
    assert complete_last(f"/a/b {folder}/flig", folders_only=False) == f"/a/b {folder}/flight\\ data/"
    assert complete_last("/a/b ", folders_only=False) == "/a/b "


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
def test_a_word_is_read_back(path: str) -> None:
    assert last_word("/first/one " + as_word(path)) == ("/first/one ", path)


class PathApp(App[None]):
    def compose(self) -> ComposeResult:
        yield PathInput(id="path")
        yield Input(id="next")


async def test_tab_completes_and_then_leaves(folder: Path) -> None:
    app = PathApp()
    async with app.run_test() as pilot:
        field = app.query_one(PathInput)
        field.value = f"{folder}/flie"
        await pilot.press("tab")
        assert field.value == f"{folder}/flies/" and field.has_focus
        await pilot.press("tab")
        await until(pilot, lambda: app.query_one("#next").has_focus)
