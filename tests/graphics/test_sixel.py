"""Sixel images, and the law of painters on a model of the terminal."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from numpy.typing import NDArray

from leaptui.graphics import palette, sixel_encode, sixel_patch
from leaptui.graphics.geometry import View
from leaptui.graphics.painter import Detail, Fragment, Span
from leaptui.graphics.scene import COLOURS, Colour, Mark, Scene
from leaptui.graphics.sixel import SixelPainter
from leaptui.graphics.terminal import Graphics, Patch, Terminal

from .scenes import STANDARD_VIEW, made_up, moved, scenes, selecting, standard
from .sixel_decoder import HOLE, Canvas, Sixels

PALETTE = palette.greys(20) + COLOURS


def whole_numbers(colours: Sequence[Colour]) -> NDArray[np.int64]:
    """0xRRGGBB as a terminal shows them, by index; `HOLE` for `KEEP`."""
    table = np.full(256, HOLE, np.int64)
    for index, (red, green, blue) in enumerate(map(sixel_encode.shown, colours)):
        table[index] = red << 16 | green << 8 | blue
    table[sixel_encode.KEEP] = HOLE
    return table


SHOWN = whole_numbers(PALETTE)


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Index images of all kinds: noise, few colours, smooth, with holes."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    colours = draw(st.sampled_from([1, 2, 5, len(PALETTE)]))
    if draw(st.booleans()):
        y, x = np.mgrid[:height, :width]
        indices = ((np.sin(x / 9) + np.cos(y / 7) + 2) / 4 * (colours - 1)).astype(np.uint8)
    else:
        indices = rng.integers(0, colours, (height, width)).astype(np.uint8)
    holes = draw(st.sampled_from([0.0, 0.0, 0.3, 0.95, 1.0]))
    indices[rng.random(indices.shape) < holes] = sixel_encode.KEEP
    return indices


@settings(deadline=None)
@given(pictures())
def test_what_is_encoded_is_decoded(indices: NDArray[np.uint8]) -> None:
    image = Sixels(sixel_encode.encode(indices, PALETTE))
    assert (image.pixels == SHOWN[indices]).all()
    assert image.transparent == bool((indices == sixel_encode.KEEP).any())


@settings(deadline=None)
@given(pictures(), st.integers(0, 1 << 30), st.floats(0.001, 1))
def test_changes_are_drawn_and_nothing_else_is_altered(picture: NDArray[np.uint8], seed: int, share: float) -> None:
    indices = np.where(picture == sixel_encode.KEEP, 0, picture).astype(np.uint8)
    rng = np.random.default_rng(seed)
    changed = rng.random(indices.shape) < share
    changed.flat[rng.integers(indices.size)] = True
    before = np.where(changed, 0x123456, SHOWN[indices])
    drawn = Sixels(sixel_patch.encode_changes(indices, changed, PALETTE)).pixels
    height, width = drawn.shape
    after = before.copy()
    np.copyto(after[:height, :width], drawn, where=drawn != HOLE)
    assert (after == SHOWN[indices]).all()


def test_long_runs_and_wide_images() -> None:
    indices = np.zeros((7, 12345), np.uint8)
    indices[3, 9999] = 1
    assert (Sixels(sixel_encode.encode(indices, PALETTE)).pixels == SHOWN[indices]).all()


def test_misuse() -> None:
    with pytest.raises(ValueError):
        sixel_encode.encode(np.full((2, 2), 200, np.uint8), PALETTE)
    with pytest.raises(ValueError):
        sixel_encode.encode(np.zeros((0, 2), np.uint8), PALETTE)
    with pytest.raises(ValueError):
        sixel_patch.encode_changes(np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool), PALETTE)


def test_libsixel_decodes_the_same() -> None:
    name = ctypes.util.find_library("sixel")
    if name is None:
        pytest.skip("libsixel is not installed")
    library = ctypes.CDLL(name)
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:50, :90]
    indices = ((x + y) // 7 % len(PALETTE)).astype(np.uint8)
    indices[rng.random(indices.shape) < 0.1] = 5
    data = sixel_encode.encode(indices, PALETTE)
    pixels, colours = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.POINTER(ctypes.c_ubyte)()
    width, height, count = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    pointers = (pixels, width, height, colours, count)
    arguments = [ctypes.byref(each) for each in pointers]
    assert library.sixel_decode_raw(data, len(data), *arguments, None) == 0
    found = np.ctypeslib.as_array(pixels, (height.value, width.value))
    table = np.ctypeslib.as_array(colours, (count.value, 3)).astype(np.int64)
    rgb = table[found]
    ours = Sixels(data).pixels
    apart = np.abs(rgb - np.stack([ours >> 16, ours >> 8 & 255, ours & 255], axis=-1)).max()
    assert rgb.shape[:2] == ours.shape
    assert apart <= 1, "percent is rounded in two ways"


# The painter -------------------------------------------------------------------------------------------------------


def terminal(patch: Patch, **other: object) -> Terminal:
    return Terminal(graphics=Graphics.SIXEL, patch=patch, **other)  # type: ignore[arg-type]


def fresh(scene: Scene, view: View, kind: Terminal) -> NDArray[np.int64]:
    """What the first draw of a painter shows."""
    canvas = Canvas(view.area, view.cell)
    canvas.show(SixelPainter(kind).draw(scene, view))
    return canvas.pixels


AREAS = ((16, 7), (20, 6))


class Painting(RuleBasedStateMachine):
    """Any sequence of calls ends in what a fresh painter shows."""

    kind: Terminal
    cell: tuple[float, float]

    @initialize()
    def start(self) -> None:
        self.painter = SixelPainter(self.kind)
        self.view = View.fit((48, 36), AREAS[0], self.cell)
        self.canvas = Canvas((20, 7), self.cell, composites=self.kind.patch is Patch.DELTA)
        self.scene = made_up(0, (48, 36))
        self.settled = False

    def draw(self, detail: Detail, budget: int | None = None) -> None:
        self.canvas.show(self.painter.draw(self.scene, self.view, detail, budget))
        self.settled = not self.painter.is_behind
        assert self.settled or detail < Detail.FINE or budget is not None

    @rule(budget=st.sampled_from([0, 300, 1000]))
    def refine(self, budget: int) -> None:
        self.draw(Detail.FINE, budget)

    @rule(scene=scenes, detail=st.sampled_from(list(Detail)))
    def show(self, scene: Scene, detail: Detail) -> None:
        self.scene = scene
        self.draw(detail)

    @rule(dx=st.sampled_from([-1.0, 0.25, 3.0]), dy=st.sampled_from([0.0, 1.0]), detail=st.sampled_from(list(Detail)))
    def nudge(self, dx: float, dy: float, detail: Detail) -> None:
        self.scene = moved(self.scene, dx, dy)
        self.draw(detail)

    @rule(index=st.one_of(st.none(), st.integers(0, 4)), detail=st.sampled_from(list(Detail)))
    def select(self, index: int | None, detail: Detail) -> None:
        self.scene = selecting(self.scene, index if index is not None and index < len(self.scene.marks) else None)
        self.draw(detail)

    @rule(factor=st.sampled_from([0.2, 0.8, 1.5, 3.0]), x=st.floats(0, 48), detail=st.sampled_from(list(Detail)))
    def zoom(self, factor: float, x: float, detail: Detail) -> None:
        self.view = self.view.zoomed(factor, (x, 18.0))
        self.draw(detail)

    @rule(area=st.sampled_from(AREAS))
    def resize(self, area: tuple[int, int]) -> None:
        self.view = self.view.resized(area)
        for row in range(7):  # what is no longer canvas is painted by others
            self.canvas.erase(row, area[0] if row < area[1] else 0, 20)
        self.draw(Detail.FINE)

    @rule(row=st.integers(-1, 8), start=st.integers(-2, 19), length=st.integers(0, 25))
    def text(self, row: int, start: int, length: int) -> None:
        if 0 <= row < 7:
            self.canvas.erase(row, max(start, 0), max(min(start + length, 20), 0))
        self.painter.lost([Span(row, start, start + length)])
        self.settled = False

    @rule()
    def clear(self) -> None:
        self.canvas.pixels[:] = HOLE
        self.painter.lost(None)
        self.settled = False

    @rule()
    def finish(self) -> None:
        self.draw(Detail.FINE)
        assert self.painter.draw(self.scene, self.view) == []

    @invariant()
    def shows_the_scene(self) -> None:
        if getattr(self, "settled", False):
            wanted = Canvas((20, 7), self.cell)
            wanted.show(SixelPainter(self.kind).draw(self.scene, self.view))
            assert (self.canvas.pixels == wanted.pixels).all()


@pytest.mark.parametrize("patch", list(Patch))
@pytest.mark.parametrize("cell", [(5.0, 10.0), (4.63, 10.0), (4.63, 9.7)], ids=["whole", "narrow", "odd"])
def test_the_law_of_painters(patch: Patch, cell: tuple[float, float]) -> None:
    machine = type("Machine", (Painting,), {"kind": terminal(patch), "cell": cell})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))


@pytest.mark.parametrize("patch", list(Patch))
def test_the_law_in_small_tiles_with_few_registers(patch: Patch) -> None:
    machine = type(
        "Machine", (Painting,), {"kind": terminal(patch, largest=(37, 41), registers=16), "cell": (5.0, 10.0)}
    )
    run_state_machine_as_test(machine, settings=settings(max_examples=10, stateful_step_count=10, deadline=None))


def size(fragments: Sequence[Fragment]) -> int:
    return sum(len(fragment.data) for fragment in fragments)


@pytest.mark.parametrize("registers", [14, 16, 52, 256, 1024])
@pytest.mark.parametrize("colour", [False, True])
def test_no_more_colours_than_registers(registers: int, colour: bool) -> None:
    painter = SixelPainter(terminal(Patch.CELLS, registers=registers))
    for fragment in painter.draw(
        made_up(0, (48, 36), colour=colour, notes=True), View.fit((48, 36), (30, 12), (8, 16))
    ):
        assert max(Sixels(fragment.data).defined) < registers


def test_no_picture_is_larger_than_the_terminal_can_show() -> None:
    kind = terminal(Patch.DELTA, largest=(100, 100))
    view = View.fit((48, 36), (40, 15), (8, 16))
    fragments = SixelPainter(kind).draw(made_up(0, (48, 36)), view)
    assert len(fragments) > 4
    for fragment in fragments:
        height, width = Sixels(fragment.data).pixels.shape
        assert width <= 100 and height <= 100
    assert (fresh(made_up(0, (48, 36)), view, kind) == fresh(made_up(0, (48, 36)), view, terminal(Patch.DELTA))).all()


def test_opaque_patches_are_whole_cells() -> None:
    painter = SixelPainter(terminal(Patch.CELLS))
    scene, view = made_up(0, (48, 36)), View.fit((48, 36), (40, 15), (8, 16))
    painter.draw(scene, view)
    fragments = painter.draw(moved(scene, 1, 0), view)
    assert fragments
    for fragment in fragments:
        image = Sixels(fragment.data)
        assert image.size is not None and image.pixels.shape[0] % 16 == 0 and image.pixels.shape[1] % 8 == 0
        assert (image.pixels != HOLE).all()


def test_details_leave_behind_what_they_say() -> None:
    painter = SixelPainter(terminal(Patch.DELTA))
    scene, view = made_up(0, (48, 36)), View.fit((48, 36), (40, 15), (8, 16))
    coarse = size(painter.draw(scene, view, Detail.COARSE))
    assert painter.is_behind
    assert 0 < coarse < size(SixelPainter(terminal(Patch.DELTA)).draw(scene, view))
    painter.draw(scene, view, Detail.EDGES)
    assert painter.is_behind, "a coarse picture stays one until it is asked for finely"
    painter.draw(scene, view)
    assert not painter.is_behind
    there = moved(scene, 2, 1)
    assert size(painter.draw(there, view, Detail.MARKER)) > 0
    assert painter.is_behind
    assert size(painter.draw(there, view, Detail.EDGES)) > 0
    assert not painter.is_behind
    assert painter.draw(there, view) == []
    painter.draw(moved(there, 1, 0), view, Detail.COARSE)
    assert not painter.is_behind, "the same frame stays fine"


def noisy(seed: int) -> Scene:
    image = np.random.default_rng(seed).integers(0, 255, (60, 60, 1), np.uint8)
    return Scene(image, seed, marks=(Mark(30, 50, 1, selected=True),))


def test_a_rough_picture_gets_fine_within_its_budget_where_one_looks_first() -> None:
    painter = SixelPainter(terminal(Patch.DELTA))
    scene, view = noisy(0), View.fit((60, 60), (40, 20), (8, 16))
    everything = size(SixelPainter(terminal(Patch.DELTA)).draw(scene, view))
    canvas = Canvas(view.area, view.cell, composites=True)
    canvas.show(painter.draw(scene, view, Detail.COARSE, 5000))
    fine = fresh(scene, view, terminal(Patch.DELTA))
    rows_before, sent = -1, []
    while painter.is_behind:
        fragments = painter.draw(scene, view, Detail.FINE, everything // 6)
        sent.append(size(fragments))
        canvas.show(fragments)
        right = [(canvas.pixels[y : y + 16] == fine[y : y + 16]).all() for y in range(0, 320, 16)]
        if len(sent) == 1:
            assert right[int(view.to_cell((30, 50))[1])], "the selected mark's row is the first"
        assert sum(right) > rows_before
        rows_before = sum(right)
    assert (canvas.pixels == fine).all()
    # What a row costs is learned from the first ones.
    assert len(sent) > 3 and max(sent[2:]) < 2 * (everything // 6)


def test_what_was_too_much_is_rougher_the_next_time() -> None:
    painter, view = SixelPainter(terminal(Patch.DELTA)), View.fit((60, 60), (40, 20), (8, 16))
    sizes = [size(painter.draw(noisy(seed), view, Detail.COARSE, 10)) for seed in range(4)]
    assert sizes[0] > 1.2 * max(sizes[1:])
    # A mark that moves over the rough picture does not change how rough it is.
    there = replace(moved(noisy(3), 1, 0), key=3)
    assert 0 < size(painter.draw(there, view, Detail.EDGES, 10**6)) < sizes[3] / 3
    better = [size(painter.draw(noisy(seed), view, Detail.COARSE, 10**6)) for seed in range(4, 9)]
    assert better[-1] > sizes[0], "with room for more, less rough again"


def test_text_painters_things_do_nothing() -> None:
    painter = SixelPainter(terminal(Patch.DELTA))
    scene, view = made_up(0, (48, 36)), View.fit((48, 36), (40, 15), (8, 16))
    assert painter.cells(scene, view) is None
    assert painter.hide() == painter.foresee(scene, view) == painter.close() == []


GOALS = {Patch.DELTA: 700, Patch.CELLS: 3000}


@pytest.mark.parametrize("patch", list(GOALS))
def test_bytes_of_a_nudge_on_a_real_fly(real_data: Path, patch: Patch) -> None:
    painter = SixelPainter(terminal(patch))
    nudges = []
    for index in range(32):
        scene = standard(real_data, selected=index)
        painter.draw(scene, STANDARD_VIEW)
        nudges.append(size(painter.draw(moved(scene, 1, 0), STANDARD_VIEW)))
    assert np.median(nudges) <= GOALS[patch]


def test_bytes_and_likeness_of_a_real_fly(real_data: Path) -> None:
    scene = standard(real_data)
    bare = Scene(scene.image, scene.key)
    canvas = Canvas(STANDARD_VIEW.area, STANDARD_VIEW.cell)
    assert canvas.show(SixelPainter(terminal(Patch.DELTA)).draw(scene, STANDARD_VIEW)) < 45_000
    from leaptui.graphics import raster

    wanted = raster.sample(scene.image, STANDARD_VIEW, (800, 800))[..., 0].astype(float)
    grey = (fresh(bare, STANDARD_VIEW, terminal(Patch.DELTA)) & 255)[:800, :800]
    assert 10 * np.log10(255**2 / ((grey - wanted) ** 2).mean()) > 38.2


@pytest.mark.parametrize("patch", list(Patch))
def test_one_index_of_two_palettes_is_two_colours(patch: Patch) -> None:
    view = View.fit((48, 36), (20, 7), (5, 10))
    painter, canvas = SixelPainter(terminal(patch)), Canvas(view.area, view.cell)
    grey, blue = (np.broadcast_to(np.array(colour, np.uint8), (36, 48, 3)) for colour in ((11, 11, 11), (0, 0, 64)))
    for key, image in enumerate((grey, blue, grey)):
        canvas.show(painter.draw(Scene(image, key), view))
        assert (canvas.pixels == fresh(Scene(image, key), view, terminal(patch))).all()
