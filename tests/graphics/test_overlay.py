"""What lies over the picture, and the font."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leaptui.graphics import font, overlay
from leaptui.graphics.geometry import View
from leaptui.graphics.overlay import Part
from leaptui.graphics.scene import COLOURS, DARK, LIGHT, Kind, Line, Mark, Note, Scene

from .scenes import scenes

GROUND = 200
FIRST = 20
VIEW = View.fit((40, 30), (40, 15), (10.0, 20.0))
"""400 x 300 pixels, ten to a source pixel."""
IMAGE = np.zeros((30, 40, 1), np.uint8)


def painted(
    *marks: Mark, lines: tuple[Line, ...] = (), notes: tuple[Note, ...] = (), part: Part = Part.ALL, view: View = VIEW
) -> NDArray[np.int64]:
    """Colours of the overlay, -1 where it left the ground."""
    indices = np.full(view.raster[::-1], GROUND, np.uint8)
    overlay.paint(indices, Scene(IMAGE, 0, marks=marks, lines=lines, notes=notes), view, first=FIRST, part=part)
    return np.where(indices == GROUND, -1, indices.astype(np.int64) - FIRST)


def at(found: NDArray[np.int64], x: float, y: float) -> int:
    """The colour at an image point."""
    column, row = np.floor(VIEW.to_raster((x, y))).astype(int)
    return int(found[row, column])


def test_a_disc_in_its_colour_with_a_dark_outline() -> None:
    found = painted(Mark(20, 15, colour=3))
    assert at(found, 20, 15) == 3
    assert set(np.unique(found)) == {-1, 3, DARK}
    rows, columns = np.nonzero(found == 3)
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (8, 8)
    assert rows.mean() == pytest.approx(155) and columns.mean() == pytest.approx(205)
    # Every pixel of the colour is surrounded by itself or the outline.
    for shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        assert (np.roll(found, shift[1], shift[0])[found == 3] != -1).all()


def test_kinds_differ_in_shape_alone() -> None:
    marks = [Mark(20, 15, 3), Mark(20, 15, 3, occluded=True)]
    marks += [
        Mark(20, 15, 3, kind=kind, occluded=hidden) for kind in (Kind.PREDICTED, Kind.OTHER) for hidden in (False,)
    ]
    shapes = {(painted(mark) == 3).tobytes() for mark in marks}
    assert len(shapes) == 4
    assert at(painted(marks[1]), 20, 15) == -1, "an occluded point shows what is there"
    assert at(painted(marks[2]), 20, 15) == -1


@pytest.mark.parametrize("kind", list(Kind))
def test_the_selected_mark_has_a_light_ring_and_lies_on_top(kind: Kind) -> None:
    found = painted(Mark(20, 15, 3, kind=kind, selected=True), Mark(20.2, 15, 4))
    assert (found == LIGHT).any()
    assert (found == 3).any()
    plain = painted(Mark(20, 15, 3, kind=kind))
    assert (found[plain == 3] == 3).all()


def test_sizes_follow_the_cell() -> None:
    sizes = [overlay.Sizes.of(cell) for cell in (2, 8, 14, 20, 40, 60)]
    assert [size.radius for size in sizes] == [1, 2, 3, 4, 8, 12]
    assert all(size.radius >= 2 for size in sizes[1:])
    assert sizes == sorted(sizes)


def test_text_rasters_get_tiny_marks() -> None:
    view = View.fit((40, 30), (40, 15), (1.0, 2.0))
    assert np.count_nonzero(painted(Mark(20, 15, 3), view=view) == 3) == 5
    hollow = painted(Mark(20, 15, 3, occluded=True), view=view)
    assert np.count_nonzero(hollow == 3) == 8 and hollow[15, 20] == -1


def test_lines_are_two_pixels_wide_and_end_at_their_points() -> None:
    found = painted(lines=(Line(5, 10, 25, 10, colour=6),))
    rows, columns = np.nonzero(found == 6)
    assert sorted(set(rows.tolist())) == [104, 105]
    assert (columns.min(), columns.max() + 1) == (55, 255)
    steep = painted(lines=(Line(10, 25, 10, 5, colour=6),))
    assert (np.count_nonzero(steep == 6)) == 400


def test_dashes_have_gaps_that_stay_in_place() -> None:
    whole, dashed, longer = (
        painted(lines=(Line(5, 10, end, 10, colour=6, dashed=dashed),)) == 6
        for end, dashed in ((25, False), (25, True), (27, True))
    )
    assert 0.4 < dashed.sum() / whole.sum() < 0.6
    assert (dashed <= whole).all() and (dashed <= longer).all()


def test_a_line_from_outside_is_drawn_up_to_the_border() -> None:
    found = painted(lines=(Line(20, 15, 400, 15, colour=1), Line(-1000, 5, 1000, 5.5, colour=2)))
    assert (found[155, 205:] == 1).all()
    assert ((found == 2).sum(axis=0) == 2).all()


@given(st.floats(-2, 2), st.floats(0, 29))
def test_a_cut_line_keeps_its_pixels(slope: float, start: float) -> None:
    def line(end: float) -> Line:
        return Line(2, start, end, start + slope * (end - 2), colour=1)

    near, far = (painted(lines=(line(end),)) == 1 for end in (30, 3000))
    inside = near[:, :300]
    assert (np.abs(inside.astype(int) - far[:, :300]).sum()) <= 4, "at most the rounding of a far end"


def test_marks_outside_do_nothing_and_at_the_border_are_cut() -> None:
    assert (painted(Mark(-100, 5, name="far"), Mark(1e9, -1e9)) == -1).all()
    assert (painted(Mark(-0.5, -0.5, colour=3)) == 3)[:5, :5].any()


def test_names_stand_beside_their_mark_on_dark_ground() -> None:
    named, plain = painted(Mark(20, 15, 3, name="wing")), painted(Mark(20, 15, 3))
    added = (named != plain).nonzero()
    assert added[1].min() > 205
    assert set(np.unique(named[added])) == {3, DARK}
    right = painted(Mark(39, 15, 3, name="wing"))
    assert np.count_nonzero(right[:, :390] == 3) > 20, "left of the mark, where the right has no room"


def test_notes_are_light_and_dimmed_ones_are_not() -> None:
    strong, dim = painted(notes=(Note(20, 7.5, "ab"),)), painted(notes=(Note(20, 7.5, "ab", strong=False),))
    assert LIGHT in strong and LIGHT not in dim
    rows, columns = np.nonzero(strong != -1)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(150, abs=1)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(200, abs=1)


def test_parts_make_the_whole() -> None:
    moving = Line(20, 15, 30, 20, moving=True)
    marks = (Mark(5, 5, 1), Mark(20, 15, 3, selected=True, name="x"))
    scene = Scene(IMAGE, 0, marks=marks, lines=(Line(5, 5, 9, 25, 2), moving), notes=(Note(3, 12, "q"),))
    whole, layered, marker = (np.full((300, 400), GROUND, np.uint8) for _ in range(3))
    overlay.paint(whole, scene, VIEW, first=FIRST)
    overlay.paint(layered, scene, VIEW, first=FIRST, part=Part.STILL)
    still = layered.copy()
    overlay.paint(layered, scene, VIEW, first=FIRST, part=Part.MOVING)
    overlay.paint(marker, scene, VIEW, first=FIRST, part=Part.MARKER)
    assert (whole == layered).all()
    assert (still != whole).any()
    alone = painted(marks[1])
    assert (np.where(marker == GROUND, -1, marker.astype(int) - FIRST) == alone).all()


@settings(max_examples=60, deadline=None)
@given(scenes, st.floats(1, 6), st.integers(1, 90), st.integers(1, 90))
def test_anything_can_be_painted_on_any_raster(scene: Scene, zoom: float, width: int, height: int) -> None:
    view = View.fit((48, 36), (12, 5), (5.0, 10.0)).zoomed(zoom)
    indices = np.zeros((height, width), np.uint8)
    overlay.paint(indices, replace(scene, image=scene.image), view, first=1)
    assert indices.max() <= len(COLOURS)


def test_colours_have_to_fit() -> None:
    with pytest.raises(ValueError):
        overlay.paint(np.zeros((4, 4), np.uint8), Scene(IMAGE, 0), VIEW, first=250)


def test_every_character_has_its_own_glyph() -> None:
    glyphs = {char: font.write(char).tobytes() for char in map(chr, range(33, 127))}
    assert len(set(glyphs.values())) == len(glyphs)
    assert not font.write(" ").any()
    assert all(any(glyph) for glyph in glyphs.values())


def test_text_is_scaled_by_whole_factors_and_the_unknown_is_a_question_mark() -> None:
    assert font.write("ab").shape == (8, 11)
    assert (font.write("gX", 3) == font.write("gX").repeat(3, 0).repeat(3, 1)).all()
    for strange in ("é", "\x1b", "界", "\x7f"):
        assert (font.write(strange) == font.write("?")).all()
    with pytest.raises(ValueError):
        font.write("")
