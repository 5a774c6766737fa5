"""Text for people, and foreign text made harmless."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui_helpers import EVIL

from leaptui.tui.text import cell
from leaptui.words import ago, duration, error_text, figure, percent, plural, short_path, visible, visible_lines

any_text = st.text(st.characters(codec=None), max_size=60)


@given(any_text)
def test_nothing_that_moves_the_cursor_or_turns_text_is_left(text: str) -> None:
    for character in visible(text):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_text_that_can_be_shown_is_not_changed(text: str) -> None:
    assert visible(text) == text


@given(any_text)
def test_lines_stay_lines_and_are_harmless(text: str) -> None:
    assert all(visible(line) == line for line in visible_lines(text).split("\n"))


def test_an_escape_sequence_is_spelled_out() -> None:
    assert visible("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a"
    assert "‮" not in visible(EVIL)


def test_a_cell_never_reads_markup() -> None:
    assert cell("[red]x[/]").plain == "[red]x[/]"
    assert cell("[red]x[/]").spans == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (3700, "1 h 01 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_figures_have_three_digits_and_unknown_ones_a_dash() -> None:
    assert figure(2.5049, "px") == "2.5 px"
    assert figure(12345.6) == "12,346"
    assert figure(None) == figure(float("nan")) == "–"
    assert percent(0.0261) == "2.6 %"
    assert error_text(2.5, 0.026) == "2.5 px (2.6 %)"
    assert error_text(2.5, None) == "2.5 px"


def test_times_ago_are_coarse_and_never_negative() -> None:
    assert ago(100.0, 90.0) == "just now"
    assert ago(0.0, 7300.0) == "2 h ago"
    assert ago(None, 5.0) == "–"


def test_numbers_agree_with_their_nouns() -> None:
    assert plural(1, "video") == "1 video"
    assert plural(1200, "frame") == "1,200 frames"


@given(st.integers(4, 60), st.text("abc/", min_size=1, max_size=80))
def test_a_short_path_fits(width: int, tail: str) -> None:
    assert len(short_path(Path("/data") / tail.strip("/"), width)) <= width


def test_the_home_folder_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ana"))
    assert short_path(Path("/home/ana/fly"), 40) == "~/fly"
    assert short_path(Path("/home/anabel/fly"), 40) == "/home/anabel/fly"
