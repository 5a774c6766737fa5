"""Resampling of the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.graphics import raster
from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Image


def frame(width: int, height: int, channels: int = 1, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


def window_of(image: Image, view: View) -> Image:
    return image[view.window.y : view.window.bottom, view.window.x : view.window.right]


def test_same_size_is_the_window_itself() -> None:
    image = frame(40, 30, 3)
    view = View.fit((40, 30), (40, 15), (1, 2))
    assert (raster.sample(image, view, (40, 30)) == image).all()


def test_nearest_repeats_pixels() -> None:
    image = frame(5, 4)
    view = View.fit((5, 4), (15, 6), (1, 2))
    assert (raster.sample(image, view, (15, 12), smooth=False) == image.repeat(3, 0).repeat(3, 1)).all()


def test_shrinking_by_whole_numbers_is_the_mean() -> None:
    image = frame(40, 60, 3)
    view = View.fit((40, 60), (10, 10), (1, 2))
    mean = image.reshape(20, 3, 10, 4, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(raster.sample(image, view, (10, 20)) - mean).max() <= 0.501


def test_shrinking_keeps_the_mean_at_any_ratio() -> None:
    image = frame(101, 77)
    view = View.fit((101, 77), (60, 20), (1, 2))
    assert abs(raster.sample(image, view, (37, 23)).mean() - image.mean()) < 1


def test_enlarging_a_ramp_is_a_ramp() -> None:
    image = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (10, 1))[..., None]
    view = View.fit((20, 10), (80, 20), (1, 2))
    row = raster.sample(image, view, (80, 40))[17, :, 0].astype(float)
    expected = np.clip(((np.arange(80) + 0.5) / 4 - 0.5) * 10, 0, 190)
    assert np.abs(row - expected).max() <= 0.51


def test_pixels_beyond_the_window_count_at_its_border() -> None:
    image = frame(64, 64)
    view = View.fit((64, 64), (32, 16), (8, 16)).zoomed(4)
    shifted = view.panned(1, 0)
    scale = view.raster[0] // view.window.width
    one, other = (raster.sample(image, each, each.raster) for each in (view, shifted))
    assert (one[:, scale:] == other[:, :-scale]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.integers(1, 70),
    st.integers(1, 70),
    st.booleans(),
    st.floats(1, 5),
)
def test_any_size_stays_within_the_values(
    width: int, height: int, channels: int, across: int, down: int, smooth: bool, zoom: float
) -> None:
    image = frame(width, height, channels, seed=width)
    view = View.fit((width, height), (30, 10), (5, 10)).zoomed(zoom)
    found = raster.sample(image, view, (across, down), smooth=smooth)
    assert found.shape == (down, across, channels) and found.dtype == np.uint8
    near = image  # bilinear reads a pixel beyond the window
    assert found.min() >= near.min() and found.max() <= near.max()
    if not smooth:
        assert set(np.unique(found)) <= set(np.unique(window_of(image, view)))


def test_constant_stays_constant() -> None:
    image = np.full((33, 47, 3), 201, np.uint8)
    view = View.fit((47, 33), (80, 24), (9.63, 19.2))
    for size in ((10, 10), (771, 461), (47, 500), (500, 7)):
        assert (raster.sample(image, view, size) == 201).all()


def test_misuse() -> None:
    view = View.fit((10, 10), (10, 5), (1, 2))
    with pytest.raises(ValueError):
        raster.sample(frame(11, 10), view, (5, 5))
    with pytest.raises(ValueError):
        raster.sample(frame(10, 10), view, (0, 5))
