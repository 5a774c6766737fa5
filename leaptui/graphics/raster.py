"""Raster: the view's window of a frame, resampled to the pixels or cells that show it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Image

Floats = NDArray[np.float32]


_BLOCK = 1 << 16
"""Numbers worked on at once."""


class _Taps(NamedTuple):
    """Output i is the sum over k of weights[k, i] times source element places[k, i]."""

    places: NDArray[np.intp]
    weights: Floats


def sample(image: Image, view: View, size: tuple[int, int], *, smooth: bool = True) -> Image:
    """The view's window as (height, width, C) uint8.

    Enlarged bilinearly (with the pixels beyond the window's border, so that panning shifts the picture and changes
    nothing else), shrunk by the mean over the area of each pixel.

    Args:
        image: (H, W, C) uint8, of the view's frame size.
        view: which part of it.
        size: (width, height) wanted.
        smooth: False takes the nearest pixel.

    Raises:
        ValueError: if the image is not of the view's frame size, or the size is not positive.
    """
    if image.ndim != 3 or (image.shape[1], image.shape[0]) != view.frame:
        raise ValueError(f"an image of {image.shape} does not fit a view of a {view.frame} frame")
    if min(size) < 1:
        raise ValueError(f"a raster needs a positive size, not {size}")
    window = view.window
    if not smooth:
        rows = _nearest(window.y, window.height, size[1])
        columns = _nearest(window.x, window.width, size[0])
        return np.ascontiguousarray(image[rows[:, None], columns])
    if (window.width, window.height) == size:
        return np.ascontiguousarray(image[window.y : window.bottom, window.x : window.right])
    across = _taps(window.x, window.width, size[0], image.shape[1])
    down = _taps(window.y, window.height, size[1], image.shape[0])
    return _resampled(image, across, down)


def _resampled(image: Image, across: _Taps, down: _Taps) -> Image:
    """In blocks of rows that stay in the processor's cache; whichever axis leaves less to the other goes first."""
    height, width = down.places.shape[1], across.places.shape[1]
    low = int(down.places.min())
    rows: Image | Floats = image[low : int(down.places.max()) + 1]
    columns_first = height >= rows.shape[0]
    if columns_first:
        rows = _along(1, rows, across)
    pixels = np.empty((height, width, image.shape[2]), np.uint8)
    step = max(1, _BLOCK // max(1, rows[0].size))
    for top in range(0, height, step):
        block = slice(top, top + step)
        values = _along(0, rows, _Taps(down.places[:, block] - low, down.weights[:, block]))
        if not columns_first:
            values = _along(1, values, across)
        values += np.float32(0.5)
        pixels[block] = values
    return pixels


def _along(axis: int, image: Image | Floats, taps: _Taps) -> Floats:
    """New rows (axis 0) or columns (1) out of old ones."""
    shape = (1,) * axis + (-1,) + (1,) * (image.ndim - 1 - axis)
    total: Floats = np.take(image, taps.places[0], axis=axis) * taps.weights[0].reshape(shape)
    for places, weights in zip(taps.places[1:], taps.weights[1:], strict=True):
        total += np.take(image, places, axis=axis) * weights.reshape(shape)
    return total


@lru_cache(maxsize=64)
def _nearest(start: int, length: int, count: int) -> NDArray[np.intp]:
    return start + ((np.arange(count) + 0.5) * length / count).astype(np.intp)


@lru_cache(maxsize=64)
def _taps(start: int, length: int, count: int, limit: int) -> _Taps:
    """How `count` pixels are made from `length` source pixels from `start` on, of `limit` that exist."""
    if count >= length:
        middle = np.clip(start + (np.arange(count) + 0.5) * length / count - 0.5, 0, limit - 1)
        left = np.minimum(middle.astype(np.intp), max(limit - 2, 0))
        share = middle - left
        return _Taps(
            np.stack([left, np.minimum(left + 1, limit - 1)]),
            np.stack([1 - share, share]).astype(np.float32),
        )
    borders = np.arange(count + 1) * (length / count)
    first = borders[:-1].astype(np.intp)
    reach = int((np.ceil(borders[1:]).astype(np.intp) - first).max())
    places = first + np.arange(reach)[:, None]
    covered = np.minimum(places + 1, borders[1:]) - np.maximum(places, borders[:-1])
    weights = np.clip(covered, 0, None) * (count / length)
    return _Taps(start + np.minimum(places, length - 1), weights.astype(np.float32))
