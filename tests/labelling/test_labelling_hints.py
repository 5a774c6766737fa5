"""The hint grid reaches any place by its keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.graphics.geometry import View
from leaptui.labelling.hints import COLUMN_LETTERS, NINTHS, ROW_LETTERS, Fed, HintGrid, PointHints, Stage

FLY = View.fit((192, 192), (80, 40), (10, 20))


@st.composite
def views(draw):
    frame = draw(st.integers(16, 2000)), draw(st.integers(16, 1200))
    area = draw(st.integers(6, 200)), draw(st.integers(3, 60))
    view = View.fit(frame, area, (draw(st.floats(4, 20)), draw(st.floats(8, 40))))
    if draw(st.booleans()):
        about = draw(st.floats(0, frame[0] - 1)), draw(st.floats(0, frame[1] - 1))
        view = view.zoomed(draw(st.floats(1, 8)), about)
    return view


def inside(view, share):
    window = view.window
    return (window.x - 0.5 + share[0] * window.width, window.y - 0.5 + share[1] * window.height)


shares = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(views(), shares, st.integers(3, 6))
def test_any_place_is_reached_within_its_ninth(view, share, most):
    point = inside(view, share)
    grid = HintGrid(view)
    keys = grid.keys_for(point, most=most)
    assert keys is not None and len(keys) == most
    fed = [grid.feed(key) for key in keys]
    assert fed == [Fed.OPEN, Fed.OPEN] + [Fed.POINT] * (most - 2)
    x, y = grid.point
    width, height = grid.size
    assert abs(x - point[0]) <= width / 2 + 1e-6 and abs(y - point[1]) <= height / 2 + 1e-6
    divided = 3 ** (most - 2)
    assert width == pytest.approx(view.window.width / grid.columns / divided)
    assert height == pytest.approx(view.window.height / grid.rows / divided)


@given(views())
def test_letters_are_distinct_and_lie_inside(view):
    grid = HintGrid(view)
    notes = grid.notes()
    assert len({note.text for note in notes}) == len(notes) == grid.rows * grid.columns
    target = view.target
    assert all(target.x <= n.column <= target.right and target.y <= n.row <= target.bottom for n in notes)
    grid.feed(ROW_LETTERS[0])
    assert len(grid.notes()) == grid.columns
    grid.feed(COLUMN_LETTERS[0])
    notes = grid.notes()
    assert "".join(note.text for note in notes) == NINTHS.replace("s", "")


@given(views(), shares)
def test_letters_lie_where_their_keys_lead(view, share):
    grid = HintGrid(view)
    keys = grid.keys_for(inside(view, share), most=3)
    where = {note.text: (note.column, note.row) for note in grid.notes()}[keys[:2]]
    for key in keys[:2]:
        grid.feed(key)
    grid.feed("s")
    assert np.allclose(view.to_cell(grid.point), where)


@given(views(), shares)
def test_the_guides_enclose_what_was_picked_and_no_letter_covers_it(view, share):
    grid = HintGrid(view)
    assert grid.guides() == ()
    for key in grid.keys_for(inside(view, share), most=3)[:2]:
        grid.feed(key)
    guides = grid.guides()
    xs, ys = [v for g in guides for v in (g.x0, g.x1)], [v for g in guides for v in (g.y0, g.y1)]
    assert (max(xs) - min(xs), max(ys) - min(ys)) == pytest.approx(grid.size)
    grid.feed("s")
    x, y = grid.point
    assert (min(xs) + max(xs)) / 2 == pytest.approx(x) and (min(ys) + max(ys)) / 2 == pytest.approx(y)


def test_letters_of_ninths_do_not_cover_the_place():
    grid = HintGrid(FLY)
    for key in "ha":
        grid.feed(key)
    box = FLY.to_cell([(g.x0, g.y0) for g in grid.guides()])
    low, high = box.min(axis=0), box.max(axis=0)
    for note in grid.notes():
        assert not (low[0] < note.column < high[0] and low[1] < note.row < high[1])


def test_no_letter_looks_like_another_or_means_two_things():
    assert not set(ROW_LETTERS) & set(NINTHS)
    assert not set(ROW_LETTERS + COLUMN_LETTERS) & set("lo")
    for letters in (ROW_LETTERS, COLUMN_LETTERS, NINTHS):
        assert len(set(letters)) == len(letters)
    assert len(NINTHS) == 9


def test_a_fly_is_reached_to_the_pixel_by_four_keys():
    grid = HintGrid(FLY)
    for key in "fj" + "qq":
        grid.feed(key)
    width, height = grid.size
    assert np.hypot(width, height) / 2 < 1.0, "no place of the cell is a pixel from its middle"


def test_one_goes_on_to_the_next_point_by_its_first_letter():
    grid = HintGrid(FLY)
    for key in "fjq":
        grid.feed(key)
    assert grid.feed("h") is Fed.NEXT
    assert grid.keys == "h" and grid.point is None and grid.stage is Stage.COLUMN


def test_another_key_ends_the_point_but_an_arrow_does_not():
    grid = HintGrid(FLY)
    for key in "fjq":
        grid.feed(key)
    assert grid.feed("shift+left") is Fed.UNKNOWN and grid.keys == "fjq"
    assert grid.feed("tab") is Fed.UNKNOWN and grid.keys == ""
    assert grid.feed("f") is Fed.OPEN, "Tab has selected a node, so the letter must not go on to the next one"


def test_backspace_goes_back_key_by_key():
    grid = HintGrid(FLY)
    for key in "fjqw":
        grid.feed(key)
    first = HintGrid(FLY)
    for key in "fjq":
        first.feed(key)
    assert grid.feed("backspace") is Fed.POINT and grid.point == first.point
    assert grid.feed("backspace") is Fed.OPEN and grid.point is None
    assert grid.feed("backspace") is Fed.OPEN and grid.keys == "f"
    assert grid.feed("backspace") is Fed.OPEN
    assert grid.feed("backspace") is Fed.CLOSED


def test_keys_that_mean_nothing_here_do_no_harm():
    grid = HintGrid(FLY)
    assert grid.feed("x") is Fed.OPEN, "a ninth without a cell must not delete a point"
    assert grid.keys == ""
    for key in ("left", "tab", "A", "question_mark", "ctrl+r", "1", "enter"):
        assert grid.feed(key) is Fed.UNKNOWN
    for key in "fj":
        grid.feed(key)
    assert grid.feed("l") is Fed.OPEN and grid.keys == "fj"
    assert grid.feed("h") is Fed.OPEN and grid.keys == "h", "a row letter begins anew"
    grid.feed("f")
    grid.feed("s")
    assert grid.feed("enter") is Fed.DONE and grid.keys == ""
    assert grid.feed("escape") is Fed.CLOSED


def test_a_place_out_of_sight_has_no_keys():
    view = FLY.zoomed(6, (20, 20))
    assert HintGrid(view).keys_for((180, 180)) is None


def test_a_small_view_has_fewer_letters():
    grid = HintGrid(View.fit((192, 192), (12, 5), (10, 20)))
    assert grid.rows <= 5 and grid.columns <= 4
    assert grid.feed(ROW_LETTERS[10]) is Fed.OPEN and grid.keys == ""


@given(st.integers(0, 120), st.randoms())
@settings(deadline=None, max_examples=30)
def test_every_shown_point_can_be_picked(count, random):
    points = [(n % 3, n, random.uniform(0, 191), random.uniform(0, 191)) for n in range(count)]
    hints = PointHints(FLY, points)
    codes = {hints.code_of(instance, node): (instance, node) for instance, node, _, _ in points}
    assert len(codes) == count == len(hints.notes()) and None not in codes
    assert not any(a != b and a.startswith(b) for a in codes for b in codes)
    for code, meant in random.sample(sorted(codes.items()), min(count, 5)):
        picker = PointHints(FLY, points)
        found = [picker.feed(letter) for letter in code]
        assert found[-1] == meant and all(f is Fed.OPEN for f in found[:-1]) and len(code) <= 2


def test_picking_can_be_left():
    hints = PointHints(FLY, [(0, 0, 5.0, 5.0)])
    assert hints.feed("z") is Fed.UNKNOWN
    assert hints.feed("escape") is Fed.CLOSED
    assert hints.feed("backspace") is Fed.CLOSED
