"""The iTerm2 painter against a model of the terminal: what is seen, and what it costs."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.graphics import overlay, palette, raster
from leaptui.graphics.burst import burst
from leaptui.graphics.geometry import View
from leaptui.graphics.iterm2 import GREYS, ITerm2Painter
from leaptui.graphics.painter import Detail, Fragment, Painter, Span
from leaptui.graphics.scene import COLOURS, Scene, Tone
from leaptui.graphics.terminal import Graphics, Patch, Terminal
from tests.graphics.iterm2_model import ITerm2Model
from tests.graphics.scenes import STANDARD_VIEW, made_up, moved, scenes, standard

TERMINAL = Terminal(graphics=Graphics.ITERM2, cell=(10.0, 20.0))
ORIGIN = (3, 1)


class Rig:
    """A painter, and the terminal that gets what it says."""

    def __init__(self, terminal: Terminal = TERMINAL, cell: tuple[int, int] = (10, 20)) -> None:
        self.painter, self.terminal, self.model = ITerm2Painter(terminal), terminal, ITerm2Model(90, 44, cell)

    def send(self, fragments: list[Fragment]) -> int:
        data = burst(fragments, self.terminal, ORIGIN)
        self.model.feed(data)
        return len(data)

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE) -> int:
        return self.send(self.painter.draw(scene, view, detail))

    def write_over(self, row: int, start: int, end: int) -> None:
        self.model.erase(ORIGIN[0] + start, ORIGIN[1] + row, end - start)
        self.painter.lost([Span(row, start, end)])


steps = st.one_of(
    st.tuples(st.just("draw"), scenes, st.sampled_from(Detail)),
    st.tuples(st.just("draw"), scenes, st.just(Detail.FINE)),
    st.tuples(st.just("move"), st.sampled_from([(1, 0), (0, -1), (0.25, 0.5)]), st.sampled_from(Detail)),
    st.tuples(st.just("zoom"), st.sampled_from([1.25, 3.0, 0.5]), st.tuples(st.integers(0, 47), st.integers(0, 35))),
    st.tuples(st.just("text"), st.tuples(st.integers(0, 9), st.integers(0, 18), st.integers(0, 9)), st.none()),
    st.tuples(st.sampled_from(["cleared", "hide"]), st.none(), st.none()),
)


@given(scenes, st.lists(steps, max_size=10), st.one_of(st.none(), scenes), st.sampled_from([Patch.CELLS, Patch.STRIP]))
@settings(max_examples=100, deadline=None)
def test_any_history_ends_in_what_a_fresh_painter_shows(
    scene: Scene, steps: list, last: Scene | None, patch: Patch
) -> None:
    cell, terminal = (6.0, 12.0), replace(TERMINAL, cell=(6.0, 12.0), patch=patch)
    it, view = Rig(terminal, (6, 12)), View.fit((48, 36), (18, 9), cell)
    it.draw(scene, view)
    for kind, what, how in steps:
        if kind == "draw":
            scene = what
            it.draw(scene, view, how)
        elif kind == "move":
            scene = moved(scene, *what)
            it.draw(scene, view, how)
        elif kind == "zoom":
            view = view.zoomed(what, how)
            it.draw(scene, view)
        elif kind == "text":
            row, start, length = what
            it.write_over(row, start, min(start + length, 18))
        elif kind == "hide":
            assert it.painter.hide() == []
        else:
            it.model.screen[:] = 0
            it.painter.lost(None)
    last = last or scene
    it.draw(last, view)
    assert not it.painter.is_behind
    fresh = Rig(terminal, (6, 12))
    fresh.draw(last, view)
    assert (it.model.screen == fresh.model.screen).all()
    assert it.draw(last, view) == 0


@pytest.mark.parametrize("colour", [False, True])
def test_the_picture_is_the_frame_with_its_overlay(colour: bool) -> None:
    view = View.fit((48, 36), (40, 15), (10.0, 20.0))
    scene = made_up(1, (48, 36), notes=True, colour=colour)
    it = Rig()
    it.draw(scene, view)
    expected = np.broadcast_to(raster.sample(scene.image, view, view.raster), (*view.raster[::-1], 3)).copy()
    painted = np.zeros(view.raster[::-1], np.uint8)
    overlay.paint(painted, scene, view, first=1)
    if not colour:
        expected = np.array(palette.greys(GREYS), np.uint8)[palette.grey_levels(GREYS)[expected[..., 0]]]
    expected[painted > 0] = np.array(COLOURS, np.uint8)[painted[painted > 0] - 1]
    x, y = (ORIGIN[0] + view.target.x) * 10, (ORIGIN[1] + view.target.y) * 20
    assert (it.model.screen[y : y + view.raster[1], x : x + view.raster[0]] == expected).all()


def test_cells_of_a_fractional_size_are_patched_by_whole_rows() -> None:
    fractional = replace(TERMINAL, cell=(9.63, 19.5))
    view = View.fit((192, 160), (40, 15), (9.63, 19.5))
    scene = made_up(1, (192, 160))
    painter = ITerm2Painter(fractional)
    painter.draw(scene, view)
    patches = painter.draw(moved(scene, 3, 0), view)
    assert patches
    assert all(fragment.column == view.target.x for fragment in patches)
    assert all(b";width=%d;" % view.target.width in fragment.data for fragment in patches)


def test_text_over_an_old_picture_is_not_blanked() -> None:
    view = View.fit((48, 36), (40, 15), (10.0, 20.0))
    scene = made_up(1, (48, 36))
    painter = ITerm2Painter(TERMINAL)
    painter.draw(scene, view)
    painter.lost([Span(row, 10, 40) for row in range(4, 9)])
    smaller = View.fit((48, 36), (12, 15), (10.0, 20.0))
    written = {
        (fragment.row, fragment.column + k)
        for fragment in painter.draw(scene, smaller)
        if fragment.is_text
        for k in range(fragment.data.count(b" "))
    }
    old, new = view.target, smaller.target
    cells = {(row, column) for row in range(old.y, old.bottom) for column in range(old.x, old.right)}
    covered = {(row, column) for row in range(new.y, new.bottom) for column in range(new.x, new.right)}
    text = {(row, column) for row in range(4, 9) for column in range(10, 40)}
    assert written == cells - covered - text


def test_with_less_detail_the_marker_moves_and_its_edges_stay_behind() -> None:
    it, scene, view = Rig(), made_up(2, (48, 36)), View.fit((48, 36), (40, 15), (10.0, 20.0))
    it.draw(scene, view)
    after = moved(scene, 2, 0)
    cheap = it.draw(after, view, Detail.MARKER)
    assert it.painter.is_behind
    both = Rig()
    both.draw(replace(after, lines=scene.lines), view)
    assert (it.model.screen == both.model.screen).all()
    assert cheap < it.draw(after, view, Detail.EDGES)
    assert not it.painter.is_behind


def test_coarse_pictures_cost_less_and_are_made_good() -> None:
    it, view = Rig(), View.fit((400, 300), (60, 24), (10.0, 20.0))
    it.draw(made_up(1, (400, 300)), view)
    second = replace(made_up(2, (400, 300)), tone=Tone(10, 220))
    assert it.draw(second, view, Detail.EDGES) == 0
    assert it.painter.is_behind
    coarse = it.draw(second, view, Detail.COARSE)
    assert it.painter.is_behind
    it.draw(moved(second, 5, 0), view, Detail.EDGES)
    assert it.painter.is_behind
    assert coarse < it.draw(second, view) / 2
    assert not it.painter.is_behind
    fresh = Rig()
    fresh.draw(second, view)
    assert (it.model.screen == fresh.model.screen).all()


def test_bytes_on_a_real_fly(real_data: Path) -> None:
    it = Rig()
    full = it.draw(standard(real_data), STANDARD_VIEW)
    assert full <= 60_000
    nudges = []
    for node in range(0, 32, 3):
        scene = standard(real_data, selected=node)
        it.draw(scene, STANDARD_VIEW)
        nudges.append(it.draw(moved(scene, 1, 0), STANDARD_VIEW, Detail.EDGES))
    assert statistics.median(nudges) <= 3_000


def test_images_stay_below_what_tmux_passes_through() -> None:
    noise = Scene(np.random.default_rng(0).integers(0, 256, (700, 900, 3)).astype(np.uint8), "noise")
    view = View.fit((900, 700), (80, 35), (10.0, 20.0))
    it = Rig()
    fragments = it.painter.draw(noise, view)
    assert len(fragments) > 1
    assert max(len(fragment.data) for fragment in fragments) < 1_000_000
    it.send(fragments)
    expected = raster.sample(noise.image, view, view.raster)
    x, y = (ORIGIN[0] + view.target.x) * 10, (ORIGIN[1] + view.target.y) * 20
    assert (it.model.screen[y : y + view.raster[1], x : x + view.raster[0]] == expected).all()


def test_it_is_a_painter_that_keeps_nothing() -> None:
    painter: Painter = ITerm2Painter(TERMINAL)
    view = View.fit((48, 36), (18, 9), (10.0, 20.0))
    scene = made_up(1, (48, 36))
    assert painter.cells(scene, view) is None
    assert painter.foresee(scene, view) == []
    whole = painter.draw(scene, view)
    assert painter.close() == []
    assert painter.draw(scene, view) == whole
