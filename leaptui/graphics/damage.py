"""Damage: which cells of a picture changed, and the rectangles that cover them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.geometry import Rect

Borders = NDArray[np.intp]


def borders(pixels: int, cells: int) -> Borders:
    """(cells + 1,) the first pixel of each cell of a raster, and the one after the last."""
    return np.asarray(np.floor(np.arange(cells + 1) * (pixels / cells) + 0.5), np.intp)


def changed_cells(changed: NDArray[np.bool_], across: Borders, down: Borders) -> NDArray[np.bool_]:
    """(rows, columns) the cells in which a pixel of (H, W) changed; `across` and `down` are their borders."""
    rows = np.logical_or.reduceat(changed, down[:-1], axis=0)
    return np.asarray(np.logical_or.reduceat(rows, across[:-1], axis=1))


def rectangles(dirty: NDArray[np.bool_], overhead: int) -> list[Rect]:
    """Rectangles that cover all dirty cells and do not overlap, from above.

    Args:
        dirty: (rows, columns).
        overhead: clean cells that are worth covering to save a rectangle.
    """
    found: list[Rect] = []
    for row in np.flatnonzero(dirty.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(dirty[row].astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
        found.extend(Rect(start, row, stop - start, 1) for start, stop in edges.tolist())
        found = _joined(found, overhead)
    return sorted(found, key=lambda rect: (rect.y, rect.x))


def _joined(rects: list[Rect], overhead: int) -> list[Rect]:
    """The last ones with any they overlap or that lie so near that one rectangle is cheaper."""
    done: list[Rect] = []
    for rect in rects:
        at = 0
        while at < len(done):
            both = _around(rect, done[at])
            spare = both.width * both.height - rect.width * rect.height - done[at].width * done[at].height
            if spare <= overhead or _overlap(rect, done[at]):
                done.pop(at)
                rect, at = both, 0
            else:
                at += 1
        done.append(rect)
    return done


def _around(one: Rect, other: Rect) -> Rect:
    x, y = min(one.x, other.x), min(one.y, other.y)
    return Rect(x, y, max(one.right, other.right) - x, max(one.bottom, other.bottom) - y)


def _overlap(one: Rect, other: Rect) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom
