"""Rectangles cover what is dirty, once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from leaptui.graphics.damage import borders, changed_cells, rectangles


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(0, 20))
@settings(max_examples=150, deadline=None)
def test_every_dirty_cell_is_covered_and_none_twice(dirty: np.ndarray, overhead: int) -> None:
    covered = np.zeros(dirty.shape, int)
    for rect in rectangles(dirty, overhead):
        covered[rect.y : rect.bottom, rect.x : rect.right] += 1
    assert covered.max(initial=0) <= 1
    assert (covered[dirty] == 1).all()
    if not overhead and dirty.sum() == 1:
        assert covered.sum() == 1


def test_far_apart_stays_apart_and_near_is_joined() -> None:
    dirty = np.zeros((20, 40), bool)
    dirty[2:4, 3:6] = dirty[15, 30:33] = True
    assert [(r.x, r.y, r.width, r.height) for r in rectangles(dirty, 12)] == [(3, 2, 3, 2), (30, 15, 3, 1)]
    dirty[4, 6] = True
    assert len(rectangles(dirty, 12)) == 2


@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_a_changed_pixel_makes_its_cell_dirty(cells: int, spare: int, seed: int) -> None:
    pixels = cells + spare
    edges = borders(pixels, cells)
    assert edges[0] == 0
    assert edges[-1] == pixels
    assert (np.diff(edges) > 0).all()
    x, y = np.random.default_rng(seed).integers(0, pixels, 2)
    changed = np.zeros((pixels, pixels), bool)
    changed[y, x] = True
    found = np.argwhere(changed_cells(changed, edges, edges))
    assert len(found) == 1
    row, column = found[0]
    assert edges[row] <= y < edges[row + 1]
    assert edges[column] <= x < edges[column + 1]
