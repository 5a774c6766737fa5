"""Pictures of characters: what is seen on a model of a terminal, and the law of painters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import category, east_asian_width

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.graphics import colours
from leaptui.graphics.burst import burst
from leaptui.graphics.cells import CellPainter
from leaptui.graphics.geometry import View
from leaptui.graphics.glyphs import RAMP, SETS
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import COLOURS, Colour, Kind, Line, Mark, Note, Scene, Tone
from leaptui.graphics.terminal import Colours, Graphics, Terminal
from tests.graphics.scenes import STANDARD_VIEW, made_up, moved, scenes, selecting, standard
from tests.graphics.text_model import Look, Shown, TextModel, seen

TEXT = tuple(each for each in Graphics if not each.has_pixels)
BLOCKS = (Graphics.HALF, Graphics.QUADRANT, Graphics.SEXTANT)
COLOURED = (Colours.TRUE, Colours.ANSI256, Colours.ANSI16)
ORIGIN = (3, 2)
VIEW = View.fit((48, 36), (26, 10), (10.0, 20.0))
VIEWS = (VIEW, VIEW.zoomed(2.0), VIEW.zoomed(3.0, (5.0, 5.0)), VIEW.resized((20, 12)))

every_terminal = pytest.mark.parametrize(
    "terminal",
    [Terminal(graphics, has) for graphics in TEXT for has in Colours],
    ids=lambda t: f"{t.graphics}-{t.colours}",
)
every_graphics = pytest.mark.parametrize("graphics", TEXT)


class Screen:
    """A terminal with one canvas."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.model = TextModel(40, 16)
        self.painter = CellPainter(terminal)

    def draw(self, scene: Scene, view: View = VIEW, detail: Detail = Detail.FINE) -> list[Fragment]:
        fragments = self.painter.draw(scene, view, detail)
        self.model.feed(burst(fragments, self.terminal, ORIGIN))
        assert self.model.look == Look(), "the terminal is left with colours"
        return fragments

    def seen(self, view: View = VIEW) -> list[list[Shown]]:
        return self.model.part(*ORIGIN, *view.area)

    def text(self, view: View = VIEW) -> list[str]:
        return ["".join(cell.char for cell in row) for row in self.seen(view)]


def fresh(terminal: Terminal, scene: Scene, view: View = VIEW) -> Screen:
    screen = Screen(terminal)
    screen.draw(scene, view)
    return screen


def plain(image: np.ndarray, **more: object) -> Scene:
    return replace(Scene(np.asarray(image, np.uint8), "plain"), **more)  # type: ignore[arg-type]


def cells_of(painted: list[list[Cell]]) -> list[list[Shown]]:
    return [[seen(c.char, Look(c.fore, c.back, c.bold, c.reverse)) for c in row] for row in painted]


# The law -----------------------------------------------------------------------------------------------------------

spans = st.lists(st.tuples(st.integers(-1, 12), st.integers(-2, 30), st.integers(-2, 30)), max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("draw"), scenes, st.sampled_from(VIEWS), st.sampled_from(list(Detail))),
        st.tuples(st.just("nudge"), st.sampled_from([-3.0, -1.0, 0.25, 1.0]), st.sampled_from(list(Detail))),
        st.tuples(st.just("lost"), st.one_of(st.none(), spans)),
        st.tuples(st.just("cells"), scenes, st.sampled_from(VIEWS)),
        st.tuples(st.just("idle")),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXT), st.sampled_from(list(Colours)), scenes, steps)
def test_the_law_of_painters(graphics: Graphics, has: Colours, scene: Scene, sequence: list[tuple]) -> None:  # type: ignore[type-arg]
    terminal = Terminal(graphics, has, sync=True)
    screen = Screen(terminal)
    view = VIEW
    screen.draw(scene, view)
    for kind, *rest in sequence:
        if kind == "draw":
            scene, wanted, detail = rest
            if wanted.area != view.area:
                screen.model.garble()
                screen.painter.lost()
            view = wanted
            screen.draw(scene, view, detail)
        elif kind == "nudge":
            scene = moved(scene, rest[0], rest[0] / 2)
            screen.draw(scene, view, rest[1])
        elif kind == "cells":
            scene, view = rest
            painted = screen.painter.cells(scene, view)
            screen.model.garble()
            screen.model.overwrite_with(*ORIGIN, cells_of(painted))
        elif kind == "lost":
            lose(screen, view, rest[0])
        else:
            assert screen.painter.hide() == screen.painter.foresee(scene, view) == []
    if screen.painter.is_behind:
        screen.draw(scene, view)
        assert not screen.painter.is_behind
    else:
        screen.draw(scene, view)
    assert screen.seen(view) == fresh(terminal, scene, view).seen(view)
    assert screen.draw(scene, view) == []


def lose(screen: Screen, view: View, lost: list[tuple[int, int, int]] | None) -> None:
    if lost is None:
        screen.model.garble()
        screen.painter.lost()
        return
    for row, start, end in lost:
        if 0 <= row < view.area[1]:
            first, last = max(start, 0), min(end, view.area[0])
            if first < last:
                screen.model.overwrite(ORIGIN[1] + row, ORIGIN[0] + first, ORIGIN[0] + last)
    screen.painter.lost([Span(*each) for each in lost])


@every_terminal
def test_cells_are_what_is_drawn(terminal: Terminal) -> None:
    scene = made_up(1, VIEW.frame, colour=True, notes=True)
    painted = CellPainter(terminal).cells(scene, VIEW)
    assert cells_of(painted) == fresh(terminal, scene).seen()


@every_graphics
def test_what_was_erased_comes_again_and_no_more(graphics: Graphics) -> None:
    scene = made_up(0, VIEW.frame)
    screen = fresh(Terminal(graphics, Colours.TRUE), scene)
    before = screen.seen()
    lose(screen, VIEW, [(3, 4, 9), (5, 0, 2)])
    fragments = screen.draw(scene)
    assert [(each.row, each.column) for each in fragments] == [(3, 4), (5, 0)]
    assert screen.seen() == before


# What a marker alone costs -----------------------------------------------------------------------------------------


@every_terminal
def test_a_marker_alone_changes_its_cells_alone(terminal: Terminal) -> None:
    scene = made_up(0, VIEW.frame)
    screen = fresh(terminal, scene)
    before = screen.seen()
    then = moved(scene, 9.0, 6.0)
    screen.draw(then, detail=Detail.MARKER)
    mark, after = (next(m for m in each.marks if m.selected) for each in (scene, then))
    near = {
        (int(column) + d, int(row))
        for m in (mark, after)
        for column, row in [VIEW.to_cell((m.x, m.y))]
        for d in (-1, 0, 1)
    }
    changed = {
        (column, row)
        for row, (old, new) in enumerate(zip(before, screen.seen(), strict=True))
        for column, (a, b) in enumerate(zip(old, new, strict=True))
        if a != b
    }
    assert changed
    assert changed <= near
    assert screen.painter.is_behind
    screen.draw(then)
    assert not screen.painter.is_behind


def test_a_marker_that_did_all_is_not_behind() -> None:
    scene = plain(DARK_FRAME, marks=(Mark(5.0, 5.0), Mark(20.0, 20.0, selected=True)))
    screen = fresh(Terminal(Graphics.HALF), scene)
    screen.draw(moved(scene, 5.0, 0.0), detail=Detail.MARKER)
    assert not screen.painter.is_behind


# What a coarse picture costs ----------------------------------------------------------------------------------------


def size(fragments: list[Fragment]) -> int:
    return len(burst(fragments, Terminal(), (0, 0)))


@every_graphics
def test_a_coarse_picture_costs_less_and_is_made_good(real_data: Path, graphics: Graphics) -> None:
    terminal = Terminal(graphics, Colours.TRUE)
    scene = standard(real_data)
    painter = CellPainter(terminal)
    coarse = size(painter.draw(scene, STANDARD_VIEW, Detail.COARSE))
    assert painter.is_behind
    assert size(painter.draw(moved(scene, 1.0, 0.0), STANDARD_VIEW, Detail.EDGES)) < 1000, (
        "the nudge refined the picture"
    )
    assert painter.is_behind
    painter.draw(scene, STANDARD_VIEW)
    assert not painter.is_behind
    fine = size(CellPainter(terminal).draw(scene, STANDARD_VIEW))
    assert coarse < (0.6 if graphics in BLOCKS else 1.0) * fine


@pytest.mark.parametrize("graphics", BLOCKS)
def test_a_noisy_frame_of_the_same_costs_little_while_coarse(real_data: Path, graphics: Graphics) -> None:
    scene = standard(real_data)
    noise = np.random.default_rng(0).normal(0, 3, scene.image.shape)
    noisy = replace(scene, image=np.clip(scene.image + noise, 0, 255).astype(np.uint8), key="noisy")
    costs = []
    for detail in (Detail.COARSE, Detail.FINE):
        painter = CellPainter(Terminal(graphics, Colours.TRUE))
        painter.draw(scene, STANDARD_VIEW, detail)
        costs.append(size(painter.draw(noisy, STANDARD_VIEW, detail)))
    assert costs[0] < costs[1] / 3


@every_terminal
def test_a_coarse_picture_looks_alike(terminal: Terminal) -> None:
    scene = made_up(0, VIEW.frame, marks=0)
    fine, coarse = fresh(terminal, scene), Screen(terminal)
    coarse.draw(scene, detail=Detail.COARSE)
    levels = [np.array([[brightness(c, terminal.graphics) for c in row] for row in s.seen()]) for s in (fine, coarse)]
    assert np.abs(levels[0] - levels[1]).mean() < 8
    assert coarse.painter.is_behind == (terminal.colours > Colours.ANSI16)


# What is seen of the picture ---------------------------------------------------------------------------------------


def brightness(cell: Shown, graphics: Graphics) -> float:
    """About how bright a cell looks."""

    def level(colour: Colour | None, otherwise: int) -> float:
        return otherwise if colour is None else float(np.dot(colour, (0.3, 0.59, 0.11)))

    if graphics is Graphics.ASCII:
        share = RAMP.index(cell.char) / (len(RAMP) - 1)
    else:
        table = SETS[graphics]
        share = table.chars.index(cell.char).bit_count() / (table.width * table.height)
    return share * level(cell.look.fore, 255) + (1 - share) * level(cell.look.back, 0)


@every_terminal
def test_a_bright_square_is_where_it_is(terminal: Terminal) -> None:
    view = View.fit((40, 40), (20, 10), (10.0, 20.0))
    image = np.zeros((40, 40, 1))
    image[8:20, 12:28] = 255
    screen = fresh(terminal, plain(image), view)
    for row, line in enumerate(screen.seen(view)):
        for column, cell in enumerate(line):
            inside = 2 <= row < 5 and 6 <= column < 14
            level = brightness(cell, terminal.graphics)
            assert level > 150 if inside else level < 100, (row, column, cell)


@every_terminal
def test_a_gradient_grows(terminal: Terminal) -> None:
    view = View.fit((64, 32), (32, 8), (10.0, 20.0))
    image = np.tile(np.linspace(0, 255, 64)[None, :, None], (32, 1, 1))
    screen = fresh(terminal, plain(image), view)
    columns = np.array([[brightness(cell, terminal.graphics) for cell in row] for row in screen.seen(view)]).mean(
        axis=0
    )
    quarters = columns.reshape(8, 4).mean(axis=1)
    assert np.all(np.diff(quarters) > 0), quarters
    assert quarters[-1] > 200
    assert quarters[0] < 60


@pytest.mark.parametrize("graphics", BLOCKS)
def test_halves_of_a_cell_are_told_apart(graphics: Graphics) -> None:
    view = View.fit((20, 20), (10, 5), (10.0, 20.0))
    image = np.zeros((20, 20, 3))
    image[2::4], image[3::4] = (250, 20, 30), (250, 20, 30)
    if graphics is Graphics.SEXTANT:
        image[1::4] = image[2::4]
    shown = fresh(Terminal(graphics, Colours.TRUE), plain(image), view).seen(view)[2][3]
    assert {shown.look.fore, shown.look.back} >= {(250, 20, 30)} or graphics is Graphics.SEXTANT
    assert shown.char in "▀▄" if graphics is not Graphics.SEXTANT else shown.char not in " █"


@every_terminal
def test_outside_of_the_picture_is_nothing(terminal: Terminal) -> None:
    view = View.fit((20, 20), (30, 5), (10.0, 20.0))
    assert view.target.x > 1
    screen = fresh(terminal, plain(np.full((20, 20, 1), 200)), view)
    for row in screen.seen(view):
        for cell in (*row[: view.target.x], *row[view.target.right :]):
            assert cell == Shown(" ", Look())


@every_terminal
def test_tone_is_applied(terminal: Terminal) -> None:
    scene = plain(np.full((36, 48, 1), 60))
    dark, bright = (
        np.mean([brightness(cell, terminal.graphics) for row in fresh(terminal, each).seen() for cell in row[2:-2]])
        for each in (scene, replace(scene, tone=Tone(0, 70)))
    )
    assert bright > dark + 60


# Colours and characters a terminal has -----------------------------------------------------------------------------


@every_terminal
def test_only_codes_that_the_terminal_has(terminal: Terminal) -> None:
    scene = made_up(2, VIEW.frame, colour=True, notes=True)
    screen = fresh(terminal, scene)
    screen.draw(moved(scene, 4.0, 3.0))
    forms = {
        Colours.TRUE: r"[34]8;(2;\d+;\d+;\d+|5;(1[6-9]|[2-9]\d|\d{3}))",
        Colours.ANSI256: r"[34]8;5;(1[6-9]|[2-9]\d|\d{3})",
        Colours.ANSI16: r"3[0-7]|9[0-7]|4[0-7]|10[0-7]",
        Colours.MONO: r"(?!)",
    }
    attributes = {"", "0", "1", "7", "22", "27"}
    own = set() if terminal.colours is Colours.MONO else {"39", "49"}
    wrong = [code for code in screen.model.codes - attributes - own if not re.fullmatch(forms[terminal.colours], code)]
    assert not wrong


@pytest.mark.parametrize("has", list(Colours))
def test_ascii_is_ascii(has: Colours) -> None:
    scene = made_up(1, VIEW.frame, notes=True)
    named = replace(scene, marks=tuple(replace(mark, name="Fühler→") for mark in scene.marks))
    painter = CellPainter(Terminal(Graphics.ASCII, has))
    data = b"".join(fragment.data for fragment in painter.draw(named, VIEW))
    assert max(data) < 128
    assert b"F?hler?" in data


def texts() -> Iterator[str]:
    yield "\x1b[31mred\x1b]0;title\x07"
    yield "line\nbreak\ttab\r\x00\x7f\x9b5m"
    yield "頭部ａｂ가👍"
    yield "é́ñ\u0327\u200b\u200d\u202e\ufeff\ufe0f\u00ad"
    yield "\u1160\u11a8\U000e0041\ud800\ue000\uffff"


@every_graphics
@pytest.mark.parametrize("text", list(texts()))
def test_text_of_others_is_harmless(graphics: Graphics, text: str) -> None:
    """Only printable characters of one cell reach the terminal, one for each character of the text."""
    scene = plain(np.zeros((36, 48, 1)), marks=(Mark(2.0, 5.0, name=text),), notes=(Note(12.0, 7.5, text),))
    screen = fresh(Terminal(graphics, Colours.ANSI16), scene)
    shown = "".join(screen.text())
    assert "?" in shown
    for char in shown:
        assert char.isprintable()
        assert east_asian_width(char) not in ("W", "F")
        assert category(char) not in ("Mn", "Me", "Mc", "Cf", "Cc", "Co", "Cn", "Cs")


# Marks, lines, names, notes ----------------------------------------------------------------------------------------

DARK_FRAME = np.full((36, 48, 1), 40)


def at(column: int, row: int) -> tuple[float, float]:
    """The image point in the middle of a cell."""
    x, y = VIEW.to_image((column + 0.5, row + 0.5)).tolist()
    return x, y


@every_terminal
def test_marks_are_told_apart_by_their_characters(terminal: Terminal) -> None:
    marks = (
        Mark(*at(5, 2), colour=1),
        Mark(*at(8, 2), colour=1, occluded=True),
        Mark(*at(11, 2), colour=1, kind=Kind.PREDICTED),
        Mark(*at(14, 2), colour=1, kind=Kind.OTHER),
    )
    row = fresh(terminal, plain(DARK_FRAME, marks=marks)).seen()[2]
    shown = [row[column].char for column in (5, 8, 11, 14)]
    assert len(set(shown)) == 4
    assert shown == list("*o+x" if terminal.graphics is Graphics.ASCII else "●○◇×")
    if terminal.colours is Colours.TRUE:
        assert {row[column].look.fore for column in (5, 8, 11, 14)} == {COLOURS[1]}


@every_terminal
def test_the_selected_mark_is_framed(terminal: Terminal) -> None:
    marks = (Mark(*at(5, 2)), Mark(*at(9, 4), selected=True, occluded=True), Mark(*at(10, 4)))
    screen = fresh(terminal, plain(DARK_FRAME, marks=marks))
    row = screen.seen()[4]
    assert row[8].char == "["
    assert row[9].look.reverse
    assert row[9].look.bold
    assert row[10].char in "●*", "a bracket hides a mark"
    assert not screen.seen()[2][5].look.reverse


@every_terminal
def test_the_mark_follows_its_point(terminal: Terminal) -> None:
    view = VIEW.zoomed(2.0)
    for column, row in ((0, 0), (7, 3), (view.target.width - 1, view.target.height - 1)):
        place = view.target.x + column, view.target.y + row
        x, y = view.to_image((place[0] + 0.5, place[1] + 0.5)).tolist()
        shown = fresh(terminal, plain(DARK_FRAME, marks=(Mark(x, y, selected=True),)), view).seen(view)
        assert shown[place[1]][place[0]].look.reverse


@every_terminal
def test_points_outside_are_not_shown(terminal: Terminal) -> None:
    view = VIEW.zoomed(3.0)
    window = view.window
    far = Mark(window.right + 2.0, window.bottom + 2.0, name="far", selected=True)
    empty = plain(DARK_FRAME)
    assert fresh(terminal, replace(empty, marks=(far,)), view).seen(view) == fresh(terminal, empty, view).seen(view)
    assert all(cell for row in fresh(terminal, empty, view).seen(view) for cell in row)


def test_marks_stand_out_from_a_bright_frame() -> None:
    scene = plain(np.full((36, 48, 1), 250), marks=(Mark(*at(5, 2), colour=4),))
    look = fresh(Terminal(Graphics.HALF, Colours.TRUE), scene).seen()[2][5].look
    assert look.fore is not None
    assert look.back is not None
    assert sum(look.fore) - sum(look.back) > 200


@pytest.mark.parametrize("graphics", BLOCKS)
@pytest.mark.parametrize("has", COLOURED)
@pytest.mark.parametrize("level", [90, 128, 250])
def test_every_mark_is_seen_on_any_grey(graphics: Graphics, has: Colours, level: int) -> None:
    """The selected one too, which is written in the ground's colour on its own."""
    marks = tuple(Mark(*at(3 + 3 * k, 2), colour=k, selected=k == 5) for k in range(7))
    row = fresh(Terminal(graphics, has), plain(np.full((36, 48, 1), level), marks=marks)).seen()[2]
    for k in range(7):
        look = row[3 + 3 * k].look
        assert look.fore is not None
        assert look.back is not None
        assert max(look.fore) - max(look.back) >= 110
        assert k != 5 or look.back == (0, 0, 0)


@pytest.mark.parametrize("graphics", [*BLOCKS, Graphics.BRAILLE])
@pytest.mark.parametrize("has", COLOURED)
def test_lines_are_drawn_in_sub_pixels(graphics: Graphics, has: Colours) -> None:
    line = Line(*at(3, 2), *at(12, 7), colour=3)
    empty = plain(DARK_FRAME)
    with_line = fresh(Terminal(graphics, has), replace(empty, lines=(line,))).seen()
    without = fresh(Terminal(graphics, has), empty).seen()
    changed = {(c, r) for r in range(10) for c in range(26) if with_line[r][c] != without[r][c]}
    assert {(3, 2), (12, 7)} <= changed
    ink_colour = colours.unpacked(colours.ink(COLOURS[3], has))
    for column, row in changed:
        look = with_line[row][column].look
        assert ink_colour in (look.fore, look.back)
        assert abs((row - 2) * 9 - (column - 3) * 5) <= 12, "off the line"


@pytest.mark.parametrize(
    ("end", "char"),
    [((12, 3), "-"), ((3, 8), "|"), ((8, 8), "\\"), ((10, 3), "-")],
    ids=["across", "down", "slanted", "flat"],
)
def test_lines_without_sub_pixels_are_characters(end: tuple[int, int], char: str) -> None:
    line = Line(*at(3, 3), *at(*end))
    for terminal in (Terminal(Graphics.ASCII, Colours.TRUE), Terminal(Graphics.BRAILLE, Colours.MONO)):
        shown = fresh(terminal, plain(np.zeros((36, 48, 1)), lines=(line,))).text()
        assert {shown[3 + round((end[1] - 3) * part)][3 + round((end[0] - 3) * part)] for part in (0.4, 0.6)} == {char}


def test_dashed_lines_differ() -> None:
    lines = (Line(*at(3, 2), *at(12, 2)), Line(*at(3, 5), *at(12, 5), dashed=True))
    text = fresh(Terminal(Graphics.ASCII, Colours.MONO), plain(np.zeros((36, 48, 1)), lines=lines)).text()
    assert "-" in text[2]
    assert "-" not in text[5]
    assert "." in text[5]


@every_terminal
def test_names_hide_no_marks(terminal: Terminal) -> None:
    marks = (Mark(*at(5, 2), name="abdomen"), Mark(*at(8, 2)), Mark(*at(5, 4), name="head"))
    screen = fresh(terminal, plain(DARK_FRAME, marks=marks))
    assert screen.text()[2][6:13].replace("●", "*") == "ab*omen"
    assert screen.text()[4][6:10] == "head"


@every_terminal
def test_names_stay_inside(terminal: Terminal) -> None:
    right = VIEW.target.right - 2
    marks = (Mark(*at(right, 2), name="abdomen"), Mark(*at(right, 4), name="a" * 60, selected=True))
    text = fresh(terminal, plain(DARK_FRAME, marks=marks)).text()
    assert "abdomen" in text[2]
    assert all(len(line) == VIEW.area[0] for line in text)


@every_terminal
def test_notes_are_over_all(terminal: Terminal) -> None:
    marks = (Mark(*at(6, 3)),)
    scene = plain(DARK_FRAME, marks=marks, notes=(Note(7.0, 3.5, "qa"), Note(12.0, 3.5, "ws", strong=False)))
    row = fresh(terminal, scene).seen()[3]
    assert "".join(cell.char for cell in row[6:8]) == "qa"
    assert "".join(cell.char for cell in row[11:13]) == "ws"
    assert row[6].look.bold
    assert not row[11].look.bold


# Bytes -------------------------------------------------------------------------------------------------------------


@every_graphics
def test_bytes_of_a_nudge_on_a_real_fly(real_data: Path, graphics: Graphics) -> None:
    terminal = Terminal(graphics, Colours.TRUE)
    sizes, alone = [], []
    for node in range(32):
        scene = standard(real_data, selected=node)
        for dx, dy in ((1, 0), (0, 1)):
            for detail, found in ((Detail.FINE, sizes), (Detail.MARKER, alone)):
                painter = CellPainter(terminal)
                painter.draw(scene, STANDARD_VIEW)
                found.append(len(burst(painter.draw(moved(scene, dx, dy), STANDARD_VIEW, detail), terminal, (0, 0))))
    assert np.median(sizes) <= 200
    assert np.mean(alone) <= np.mean(sizes)


@every_graphics
def test_a_full_frame_costs_less_than_twenty_bytes_a_cell(real_data: Path, graphics: Graphics) -> None:
    terminal = Terminal(graphics, Colours.TRUE)
    data = burst(CellPainter(terminal).draw(standard(real_data), STANDARD_VIEW), terminal, (0, 0))
    assert len(data) < 20 * 80 * 40


def test_nothing_changed_costs_nothing() -> None:
    scene = made_up(0, VIEW.frame)
    screen = fresh(Terminal(Graphics.SEXTANT, Colours.TRUE), scene)
    assert screen.draw(selecting(scene, 1)) == []
