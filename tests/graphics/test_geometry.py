"""The way between image, cells and raster, and how views zoom and pan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.graphics.geometry import SMALLEST_WINDOW, Rect, View

frames = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
areas = st.tuples(st.integers(1, 300), st.integers(1, 100))
cells = st.tuples(st.floats(1, 40), st.floats(1, 60))
factors = st.floats(0.05, 20)
shares = st.floats(-0.5, 1.5)


@st.composite
def views(draw: st.DrawFn) -> View:
    view = View.fit(draw(frames), draw(areas), draw(cells))
    for _ in range(draw(st.integers(0, 3))):
        about = tuple(draw(shares) * side for side in view.frame)
        view = view.zoomed(draw(factors), draw(st.sampled_from([None, (about[0], about[1])])))
    if draw(st.booleans()):
        view = view.panned(draw(st.floats(-500, 500)), draw(st.floats(-500, 500)))
    return view


points = st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=5)


@given(views(), points)
def test_to_cells_and_back(view: View, some: list[tuple[float, float]]) -> None:
    there = view.to_cell(some)
    assert there.shape == (len(some), 2)
    assert np.allclose(view.to_image(there), some, rtol=1e-9, atol=1e-6)


@given(views(), points, st.one_of(st.none(), st.tuples(st.integers(1, 2000), st.integers(1, 2000))))
def test_to_raster_and_back(view: View, some: list[tuple[float, float]], size: tuple[int, int] | None) -> None:
    assert np.allclose(view.from_raster(view.to_raster(some, size), size), some, rtol=1e-9, atol=1e-6)


@given(views())
def test_corners_of_the_window_are_corners_of_target_and_raster(view: View) -> None:
    window, target = view.window, view.target
    corners = [(window.x - 0.5, window.y - 0.5), (window.right - 0.5, window.bottom - 0.5)]
    assert np.allclose(view.to_cell(corners), [(target.x, target.y), (target.right, target.bottom)])
    assert np.allclose(view.to_raster(corners), [(0, 0), view.raster])


@given(views())
def test_window_is_in_the_frame_and_target_in_the_area(view: View) -> None:
    whole = ((view.window, view.frame), (view.target, view.area))
    for rect, (width, height) in whole:
        assert rect.x >= 0 and rect.y >= 0
        assert rect.width >= 1 and rect.height >= 1
        assert rect.right <= width and rect.bottom <= height


@given(frames, areas, cells)
def test_fit_shows_everything(frame: tuple[int, int], area: tuple[int, int], cell: tuple[float, float]) -> None:
    view = View.fit(frame, area, cell)
    assert view.is_fit
    assert view.window == Rect(0, 0, *frame)
    assert view.scale == view.fit_scale


@given(views(), factors, st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_zoom_keeps_its_point_in_place(view: View, factor: float, right: float, down: float) -> None:
    window = view.window
    about = (window.x + right * window.width - 0.5, window.y + down * window.height - 0.5)
    closer = view.zoomed(factor, about)
    before, after = view.to_cell(about), closer.to_cell(about)
    for axis in (0, 1):
        if closer.window[axis] in (0, closer.frame[axis] - closer.window[axis + 2]):
            continue  # held by the border of the frame
        # A window is whole source pixels, a target whole cells, and it lies at a whole cell.
        whole = (view.scale + closer.scale) / view.cell[axis] + 2
        assert abs(before[axis] - after[axis]) <= whole


@given(views(), factors)
def test_zoom_stays_between_fit_and_closest(view: View, factor: float) -> None:
    closer = view.zoomed(factor)
    assert closer.scale >= closer.fit_scale * (1 - 1e-12)
    shorter = min(closer.window.width, closer.window.height)
    assert shorter >= min(SMALLEST_WINDOW, *closer.frame) - 1


@given(views(), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_pan_keeps_size_and_stays_in_the_frame(view: View, dx: float, dy: float) -> None:
    there = view.panned(dx, dy)
    assert (there.window.width, there.window.height) == (view.window.width, view.window.height)
    assert 0 <= there.window.x <= view.frame[0] - there.window.width
    assert 0 <= there.window.y <= view.frame[1] - there.window.height


def test_pan_by_whole_pixels_and_back_is_where_it_was() -> None:
    view = View.fit((640, 480), (80, 40), (10, 20)).zoomed(4)
    there = view.panned(7, -3)
    assert (there.window.x, there.window.y) == (view.window.x + 7, view.window.y - 3)
    assert there.panned(-7, 3).window == view.window


def test_pan_against_a_border_is_not_remembered() -> None:
    view = View.fit((640, 480), (80, 40), (10, 20)).zoomed(4)
    at_border = view.panned(-5000, 0)
    assert at_border.window.x == 0
    assert at_border.panned(10, 0).window.x == 10


def test_resizing_keeps_fit_and_the_middle() -> None:
    view = View.fit((640, 480), (80, 40), (10, 20))
    assert view.resized((40, 20)) == View.fit((640, 480), (40, 20), (10, 20))
    close = view.zoomed(4)
    larger = close.resized((120, 40))
    assert larger.scale == close.scale
    assert abs((larger.window.x + larger.window.width / 2) - (close.window.x + close.window.width / 2)) <= 1


def test_sees_with_margin() -> None:
    view = View.fit((100, 100), (20, 10), (10, 20))
    assert view.sees((0, 0)) and view.sees((99, 99))
    assert not view.sees((0, 50), margin=0.1)
    assert not view.sees((-1, 50))


@pytest.mark.parametrize(
    ("frame", "area", "cell", "scale"),
    [
        ((0, 5), (1, 1), (1, 1), 1),
        ((5, 5), (0, 1), (1, 1), 1),
        ((5, 5), (1, 1), (0, 1), 1),
        ((5, 5), (1, 1), (1, 1), 0),
    ],
)
def test_sizes_have_to_be_positive(
    frame: tuple[int, int], area: tuple[int, int], cell: tuple[float, float], scale: float
) -> None:
    with pytest.raises(ValueError):
        View(frame, area, cell, scale, (0.0, 0.0))
