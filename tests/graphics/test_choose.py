"""What is chosen for which answers, and where the size of a cell comes from."""

from __future__ import annotations

import pytest

from leaptui.graphics.answers import Answers
from leaptui.graphics.choose import WindowSize, cell_size, choose, forced
from leaptui.graphics.env import NAMES, colours, graphics_named, has_unicode
from leaptui.graphics.terminal import Colours, Graphics, Patch, Tmux
from leaptui.graphics.tmux import read_pane

ENVIRON = {"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}
WINDOW = WindowSize(100, 40, 1000, 800)
SIXEL = (62, 4, 22)


@pytest.mark.parametrize(
    ("answers", "environ", "graphics"),
    [
        (Answers((62,), kitty=True), {}, Graphics.KITTY),
        (Answers(SIXEL, "Konsole 22.12.3", kitty=True, iterm2_cell=(10, 20)), {}, Graphics.KITTY),
        (Answers(SIXEL, "foot(1.13.1)"), {}, Graphics.SIXEL),
        (Answers(SIXEL, iterm2_cell=(10, 20)), {}, Graphics.SIXEL),
        (Answers(SIXEL, "iTerm2 3.5.0", iterm2_cell=(10, 20)), {}, Graphics.ITERM2),
        (Answers((62,), iterm2_cell=(10, 20)), {}, Graphics.ITERM2),
        (Answers((62,)), {"LC_TERMINAL": "iTerm2"}, Graphics.ITERM2),
        (Answers((62,)), {"TERM_PROGRAM": "iTerm.app"}, Graphics.ITERM2),
        (Answers(), {"LC_TERMINAL": "iTerm2"}, Graphics.HALF),
        (Answers((4, 6)), {}, Graphics.HALF),
        (Answers((62, 22)), {}, Graphics.HALF),
        (Answers((62, 22)), {"LANG": "de_DE.ISO-8859-1"}, Graphics.ASCII),
    ],
)
def test_the_best_way_is_chosen(answers: Answers, environ: dict[str, str], graphics: Graphics):
    assert choose(answers, {**ENVIRON, **environ}, WINDOW).graphics is graphics


def test_an_answer_to_another_question_is_no_kitty():
    answers = Answers()
    answers.hear("\x1b_Gi=31;OK\x1b\\")
    answers.hear("\x1b_Gi=4211;ENOTSUPPORTED\x1b\\")
    assert not answers.kitty
    answers.hear("\x1b_Gi=4211;OK\x1b\\")
    assert answers.kitty


@pytest.mark.parametrize(
    ("window", "answers", "name", "expected"),
    [
        (WindowSize(100, 40, 1000, 800), Answers(), "", (10, 20)),
        (WindowSize(100, 40, 1004, 804), Answers(), "XTerm(379)", (10, 20)),
        (WindowSize(100, 40, 1004, 804), Answers(area=(1000, 800)), "", (10, 20)),
        (WindowSize(100, 40), Answers(area=(963, 800), cell=(10, 20)), "", (9.63, 20)),
        (WindowSize(100, 40), Answers(cell=(10, 20)), "", (10, 20)),
        (WindowSize(100, 40), Answers(iterm2_cell=(14, 30)), "", (14, 30)),
        (WindowSize(100, 40), Answers(largest=(1000, 800)), "XTerm(379)", (10, 20)),
        (WindowSize(100, 40), Answers(largest=(16384, 16384)), "", None),
        (WindowSize(100, 40, 100, 40), Answers(cell=(10, 20)), "", (10, 20)),
        (WindowSize(0, 0), Answers(area=(963, 800)), "", None),
        (WindowSize(100, 40), Answers(), "", None),
    ],
)
def test_the_size_of_a_cell(window: WindowSize, answers: Answers, name: str, expected: tuple[float, float] | None):
    assert cell_size(window, answers, name=name) == expected


def test_fractional_cells_are_changed_by_whole_rows():
    found = choose(Answers(SIXEL, area=(963, 800)), ENVIRON, WindowSize(100, 40))
    assert (found.graphics, found.patch) == (Graphics.SIXEL, Patch.STRIP)


def test_sixel_without_a_cell_size_is_text():
    found = choose(Answers(SIXEL), ENVIRON, WindowSize(100, 40))
    assert found.graphics is Graphics.HALF
    assert "size of its cells" in found.reasons[0]


@pytest.mark.parametrize(
    ("environ", "name", "expected"),
    [
        ({"TERM": "xterm-256color"}, "", Colours.ANSI256),
        ({"TERM": "xterm"}, "", Colours.ANSI16),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "", Colours.TRUE),
        ({"TERM": "xterm-256color"}, "XTerm(379)", Colours.TRUE),
        ({"TERM": "xterm-kitty"}, "", Colours.TRUE),
        ({"TERM": "xterm-direct"}, "", Colours.TRUE),
        ({"TERM": "vt100"}, "", Colours.MONO),
        ({"TERM": "dumb"}, "", Colours.MONO),
        ({"TERM": "linux"}, "", Colours.ANSI16),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "", Colours.MONO),
    ],
)
def test_colours_of_text(environ: dict[str, str], name: str, expected: Colours):
    assert colours(environ, name) is expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
    ],
)
def test_unicode_by_locale(environ: dict[str, str], expected: bool):
    assert has_unicode(environ) is expected


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known(name: str):
    found = graphics_named(name.upper())
    assert found == (None if name == "auto" else Graphics(name))


PANE = "/dev/pts/3|XTerm(379)|256,RGB|10|20|40|5|{passes}|{status}|{position}|1|1|0|3.3a\n"


@pytest.mark.parametrize(
    ("status", "position", "top"), [("on", "bottom", 5), ("on", "top", 6), ("off", "top", 5), ("3", "top", 8)]
)
def test_a_pane_is_placed_below_the_status_lines(status: str, position: str, top: int):
    pane = read_pane(PANE.format(passes="on", status=status, position=position))
    assert pane is not None
    assert pane.place == Tmux(left=40, top=top)
    assert pane.passes


def test_tmux_before_3_3_passes_nothing():
    pane = read_pane(PANE.format(passes="", status="on", position="bottom"))
    assert pane is not None
    assert not pane.passes


def test_nobody_attached_is_read_as_unknown():
    pane = read_pane("/dev/pts/3||||||||on|bottom|0|0|0|3.3a")
    assert pane is not None
    assert (pane.outer, pane.cell, pane.passes) == ("", None, False)
    assert read_pane("no server running") is None


def test_forced_pictures_inside_tmux_are_placed_and_the_missing_setting_is_named():
    pane = read_pane(PANE.format(passes="off", status="on", position="bottom"))
    found = forced(Graphics.KITTY, ENVIRON, WINDOW, pane)
    assert (found.graphics, found.tmux) == (Graphics.KITTY, Tmux(40, 5))
    assert any("allow-passthrough" in reason for reason in found.reasons)
    assert forced(Graphics.HALF, ENVIRON, WINDOW, pane).tmux is None


def test_text_inside_tmux_has_the_colours_tmux_hands_on():
    pane = read_pane(PANE.format(passes="off", status="on", position="bottom").replace(",RGB", ""))
    environ = {"TERM": "tmux-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    assert choose(Answers(), environ, WINDOW, pane=pane).colours is Colours.ANSI256
