"""The kitty painter against a model of the terminal: what is seen, and what it costs."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leaptui.graphics import overlay, tone
from leaptui.graphics.burst import burst, passed_through
from leaptui.graphics.geometry import View
from leaptui.graphics.kitty import KittyPainter
from leaptui.graphics.painter import Detail, Fragment, Painter, Span
from leaptui.graphics.scene import COLOURS, Mark, Scene, Tone
from leaptui.graphics.terminal import Graphics, Terminal, Tmux
from tests.graphics.kitty_model import KittyModel
from tests.graphics.scenes import STANDARD_VIEW, made_up, moved, scenes, selecting, standard

TERMINAL = Terminal(graphics=Graphics.KITTY, cell=(10.0, 20.0), sync=True)
ORIGIN = (3, 1)


class Rig:
    """A painter, and the terminal that gets what it says."""

    def __init__(self, terminal: Terminal, model: KittyModel, **options: int) -> None:
        self.painter, self.terminal, self.model = KittyPainter(terminal, **options), terminal, model

    def send(self, fragments: list[Fragment]) -> int:
        data = burst(fragments, self.terminal, ORIGIN)
        self.model.feed(data)
        return len(data)

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE) -> int:
        return self.send(self.painter.draw(scene, view, detail))


def rig(terminal: Terminal = TERMINAL, cell: tuple[int, int] = (10, 20), area: tuple[int, int] = (80, 40)) -> Rig:
    return Rig(terminal, KittyModel(area[0] + 6, area[1] + 4, cell))


def seen_fresh(scene: Scene, view: View, like: Rig) -> NDArray[np.uint8]:
    fresh = Rig(like.terminal, KittyModel(*like.model.size, like.model.cell))
    fresh.draw(scene, view)
    return fresh.model.screen()


# What is seen ------------------------------------------------------------------------------------------------------

steps = st.one_of(
    st.tuples(st.just("draw"), scenes, st.sampled_from(Detail)),
    st.tuples(st.just("draw"), scenes, st.just(Detail.FINE)),
    st.tuples(st.just("move"), st.sampled_from([(1, 0), (0, -1), (0.25, 0.5)]), st.sampled_from(Detail)),
    st.tuples(st.just("zoom"), st.sampled_from([1.25, 2.0, 0.5]), st.tuples(st.integers(0, 47), st.integers(0, 35))),
    st.tuples(st.just("foresee"), scenes, st.none()),
    st.tuples(st.sampled_from(["hide", "cleared", "repainted", "overwritten", "another closes"]), st.none(), st.none()),
)
screens = st.sampled_from(
    [
        ((6.0, 12.0), (6, 12), True),
        ((6.0, 12.0), (6, 12), False),
        ((7.5, 15.25), (8, 15), True),
        ((7.0, 9.0), (7, 9), True),
    ]
)


@given(scenes, st.lists(steps, max_size=12), st.one_of(st.none(), scenes), screens)
@settings(max_examples=80, deadline=None)
def test_any_history_ends_in_what_a_fresh_painter_shows(
    scene: Scene, steps: list, last: Scene | None, screen: tuple
) -> None:
    cell, pixels, known = screen
    terminal = Terminal(graphics=Graphics.KITTY, cell=cell if known else None, sync=True)
    it, view = rig(terminal, pixels, (18, 9)), View.fit((48, 36), (18, 9), cell)
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
        elif kind == "foresee":
            it.send(it.painter.foresee(what, view))
        elif kind == "hide":
            it.send(it.painter.hide())
            assert not it.model.placements
        elif kind == "overwritten":
            it.painter.lost([Span(1, 2, 9)])
        elif kind == "another closes":
            other = Rig(terminal, it.model, first_id=64)
            other.draw(what or scene, view)
            other.send(other.painter.close())
        else:
            if kind == "cleared":
                it.model.clear()
            it.painter.lost(None)
    last = last or scene
    it.draw(last, view)
    assert not it.painter.is_behind
    assert (it.model.screen() == seen_fresh(last, view, it)).all()
    assert it.draw(last, view) == 0
    it.send(it.painter.close())
    assert not it.model.images
    assert not it.model.placements


@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_the_picture_is_the_frame_with_its_overlay(zoom: float) -> None:
    view = View.fit((48, 36), (40, 15), (10.0, 20.0)).zoomed(zoom)
    scene = replace(made_up(1, (48, 36), notes=True), tone=Tone(10, 240))
    it = rig()
    it.draw(scene, view)
    window, target, (width, height) = view.window, view.target, view.raster
    shown = tone.apply(scene.image, scene.tone)[window.y : window.bottom, window.x : window.right, 0]
    rows = ((np.arange(height) + 0.5) * window.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * window.width / width).astype(int)
    expected = np.repeat(shown[rows[:, None], columns][..., None], 3, 2)
    painted = np.zeros((height, width), np.uint8)
    overlay.paint(painted, scene, view, first=1)
    expected[painted > 0] = np.array(COLOURS, np.uint8)[painted[painted > 0] - 1]
    x, y = (ORIGIN[0] + target.x) * 10, (ORIGIN[1] + target.y) * 20
    screen = it.model.screen()
    different = (screen[y : y + height, x : x + width] != expected).any(2)
    # A line that moves lies under those that stand still, so a few pixels where two lines cross may differ.
    assert different.mean() < 0.0005
    screen[y : y + height, x : x + width] = 0
    assert not screen.any()


def test_a_large_frame_goes_in_the_size_of_the_screen_and_finer_when_zoomed() -> None:
    view = View.fit((1600, 1200), (40, 15), (10.0, 20.0))
    scene = made_up(4, (1600, 1200))
    it = rig()
    it.draw(scene, view)
    assert {(400, 300), (300, 400)} & {image.shape[:2] for image in it.model.images.values()}
    closer = view.zoomed(4)
    it.draw(scene, closer, Detail.EDGES)
    assert it.painter.is_behind
    it.draw(scene, closer)
    assert (1200, 1600) in {image.shape[:2] for image in it.model.images.values()}
    assert (it.model.screen() == seen_fresh(scene, closer, it)).all()


# Detail ------------------------------------------------------------------------------------------------------------


def test_with_less_detail_the_marker_moves_and_its_edges_stay_behind() -> None:
    it, scene, view = rig(), made_up(2, (48, 36)), View.fit((48, 36), (40, 15), (10.0, 20.0))
    it.draw(scene, view)
    n_images = len(it.model.images)
    assert it.draw(moved(scene, 2, 0), view, Detail.MARKER) <= 75
    assert it.painter.is_behind
    assert len(it.model.images) == n_images
    without_edges = replace(moved(scene, 2, 0), lines=scene.lines)
    assert (it.model.screen() == seen_fresh(without_edges, view, it)).all()
    it.draw(moved(scene, 2, 0), view, Detail.EDGES)
    assert not it.painter.is_behind


def test_a_new_frame_is_coarse_first_when_it_is_large() -> None:
    view = View.fit((640, 480), (80, 30), (10.0, 20.0))
    first, second = (replace(made_up(k, (640, 480)), marks=(), lines=()) for k in (1, 2))
    it = rig()
    it.draw(first, view)
    assert it.draw(second, view, Detail.EDGES) == 0
    assert it.painter.is_behind
    coarse = it.draw(second, view, Detail.COARSE)
    assert it.painter.is_behind
    fine = it.draw(second, view)
    assert not it.painter.is_behind
    assert coarse < fine / 3
    assert (it.model.screen() == seen_fresh(second, view, it)).all()
    assert it.draw(first, view, Detail.MARKER) < 130, "a frame the terminal still has costs nothing"
    assert not it.painter.is_behind


def test_marks_of_a_new_frame_never_lie_on_the_old_one() -> None:
    view = View.fit((640, 480), (80, 30), (10.0, 20.0))
    it = rig()
    it.draw(made_up(1, (640, 480)), view)
    before = it.model.screen()
    it.draw(made_up(2, (640, 480)), view, Detail.EDGES)
    assert (it.model.screen() == before).all()


# What it costs -----------------------------------------------------------------------------------------------------


def test_bytes_on_a_real_fly(real_data: Path) -> None:
    it, view = rig(), STANDARD_VIEW
    nudges = []
    for node in range(32):
        scene = standard(real_data, selected=node)
        it.draw(scene, view)
        nudges.append(it.draw(moved(scene, *((1, 0) if node % 2 else (0, 1))), view, Detail.EDGES))
        assert not it.painter.is_behind
    assert statistics.median(nudges) <= 350
    scene = standard(real_data)
    it.draw(scene, view)
    assert it.draw(moved(scene, 1, 0), view, Detail.MARKER) <= 75
    it.draw(scene, view)
    closer = view.zoomed(1.5, (scene.marks[5].x, scene.marks[5].y))
    assert it.draw(scene, closer, Detail.MARKER) <= 100
    it.draw(scene, closer)
    assert it.draw(scene, closer.panned(3, 2), Detail.MARKER) <= 100
    bare = replace(standard(real_data, frame=1), marks=(), lines=())
    assert it.draw(bare, view) <= 12_000
    assert it.draw(bare, view.zoomed(2)) <= 100
    it.draw(standard(real_data, frame=2), view)
    assert it.draw(replace(scene, marks=(), lines=()), view) < 1000, "seen before"
    assert it.model.blinks == 0


def test_a_foreseen_frame_costs_a_placement() -> None:
    view = View.fit((192, 160), (40, 15), (10.0, 20.0))
    first, second = (replace(made_up(k, (192, 160)), marks=(), lines=()) for k in (1, 2))
    it = rig()
    it.draw(first, view)
    assert it.send(it.painter.foresee(second, view)) > 1000
    assert it.send(it.painter.foresee(second, view)) == 0
    assert it.draw(second, view, Detail.MARKER) < 130
    assert not it.painter.is_behind


def test_hidden_pictures_come_back_without_their_data() -> None:
    it, scene, view = rig(), made_up(1, (192, 160)), View.fit((192, 160), (40, 15), (10.0, 20.0))
    it.draw(scene, view)
    seen = it.model.screen()
    it.send(it.painter.hide())
    assert not it.model.screen().any()
    assert it.send(it.painter.hide()) == 0
    assert it.draw(scene, view) < 900
    assert (it.model.screen() == seen).all()


def test_nothing_piles_up_in_the_terminal() -> None:
    it, view = rig(area=(18, 9)), View.fit((48, 36), (18, 9), (10.0, 20.0))
    most = 0
    for step in range(500):
        scene = selecting(made_up(step % 40, (48, 36), notes=step % 7 == 0), step % 5)
        if step % 9 == 0:
            view = view.zoomed(1.5 if step % 18 else 0.5, (step % 48, step % 36))
        it.draw(scene, view, Detail(1 + step % 4))
        if step % 11 == 0:
            it.send(it.painter.hide())
        if step % 13 == 0:
            it.send(it.painter.foresee(made_up(step % 40 + 1, (48, 36)), view))
        most = max(most, len(it.model.images))
    assert most <= 64
    it.send(it.painter.close())
    assert not it.model.images


def test_sending_all_again_over_an_intact_screen_does_not_blink() -> None:
    it, view = rig(), View.fit((192, 160), (40, 15), (10.0, 20.0))
    noise = np.random.default_rng(0).integers(0, 256, (160, 192, 1)).astype(np.uint8)
    scene = replace(made_up(3, (192, 160)), image=noise)
    it.draw(scene, view)
    seen = it.model.screen()
    it.painter.lost(None)
    it.draw(scene, view)
    assert it.model.blinks == 0
    assert (it.model.screen() == seen).all()


def test_two_painters_share_a_terminal() -> None:
    view = View.fit((48, 36), (18, 9), (10.0, 20.0))
    one = rig(area=(18, 9))
    other = Rig(TERMINAL, one.model)
    one.draw(made_up(1, (48, 36)), view)
    seen = one.model.screen()
    one.send(one.painter.hide())
    other.draw(made_up(2, (48, 36)), view)
    other.send(other.painter.close())
    one.draw(made_up(1, (48, 36)), view)
    assert (one.model.screen() == seen).all()


def test_large_pictures_pass_through_tmux_in_pieces() -> None:
    rng = np.random.default_rng(0)
    noise = Scene(rng.integers(0, 256, (700, 900, 3)).astype(np.uint8), "noise")
    inside = replace(TERMINAL, tmux=Tmux(2, 1))
    view = View.fit((900, 700), (90, 35), (10.0, 20.0))
    fragments = KittyPainter(inside, first_id=6400).draw(noise, view)
    assert sum(len(each.data) for each in fragments) > 2_000_000
    assert max(len(passed_through(each.data)) for each in fragments) < 500_000
    through = KittyModel(100, 40, (10, 20))
    through.feed(burst(fragments, replace(inside, tmux=None), (0, 0)))
    assert (through.screen()[:700, :900] == noise.image).all()


def test_it_is_a_painter_without_characters() -> None:
    painter: Painter = KittyPainter(TERMINAL)
    view = View.fit((48, 36), (18, 9), (10.0, 20.0))
    assert painter.cells(made_up(1, (48, 36)), view) is None
    assert painter.close() == []
    assert painter.hide() == []
    only = Scene(np.zeros((36, 48, 1), np.uint8), "dark", marks=(Mark(-500.0, 3.0, selected=True),))
    assert painter.draw(only, view)
