"""Curves on braille dots: arrays of points in, characters and who owns them out.

A cell of a terminal has 2 x 4 dots. However many points a curve has, what is drawn is bounded by the columns:
of each column of dots only the first, lowest, highest and last point are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DOTS_ACROSS, DOTS_DOWN = 2, 4

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
NOBODY = -1
"""The owner of an empty cell."""


def thin_to_columns(x: Floats, y: Floats, columns: int) -> tuple[Floats, Floats]:
    """At most four points a column of dots, spikes kept.

    Args:
        x: growing, in dots; those left of 0 and right of `columns` count as one column each.
        y: in dots, as many.
        columns: of dots.
    """
    if len(x) <= DOTS_DOWN * columns:
        return x, y
    column = np.clip(np.floor(x), -1, columns).astype(np.int64)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    ends = np.append(starts[1:], len(x)) - 1
    group = np.repeat(np.arange(len(starts)), ends - starts + 1)
    # Sorted by column and then by height, the ends of each group are its lowest and its highest.
    order = np.lexsort((y, group))
    kept = np.unique(np.concatenate([starts, order[starts], order[ends], ends]))
    return x[kept], y[kept]


def line_dots(x: Floats, y: Floats, columns: int, rows: int) -> Bools:
    """A line through points, as dots.

    Args:
        x: growing, in dots from the left edge; points outside are where the line leaves the plane.
        y: in dots from the top edge.
        columns, rows: of dots.

    Returns:
        (rows, columns), True where there is a dot.
    """
    plane = np.zeros((rows, columns), dtype=np.bool_)
    x, y = thin_to_columns(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), columns)
    if len(x) == 0:
        return plane
    if len(x) == 1:
        _set(plane, x, y)
        return plane
    ax, ay, bx, by = _clipped(x[:-1], y[:-1], x[1:], y[1:], columns, rows)
    samples = np.maximum(np.ceil(np.maximum(np.abs(bx - ax), np.abs(by - ay))).astype(np.int64), 1) + 1
    owner = np.repeat(np.arange(len(ax)), samples)
    first = np.repeat(np.cumsum(samples) - samples, samples)
    share = (np.arange(len(owner)) - first) / (samples[owner] - 1)
    _set(plane, ax[owner] + share * (bx - ax)[owner], ay[owner] + share * (by - ay)[owner])
    return plane


def _clipped(ax: Floats, ay: Floats, bx: Floats, by: Floats, columns: int, rows: int) -> tuple[Floats, ...]:
    """The parts of segments that lie on the plane, by Liang and Barsky."""
    dx, dy = bx - ax, by - ay
    start, stop = np.zeros_like(ax), np.ones_like(ax)
    inside = np.ones(len(ax), dtype=np.bool_)
    for towards, room in ((-dx, ax), (dx, columns - ax), (-dy, ay), (dy, rows - ay)):
        with np.errstate(divide="ignore", invalid="ignore"):
            at = room / towards
        start = np.where(towards < 0, np.maximum(start, at), start)
        stop = np.where(towards > 0, np.minimum(stop, at), stop)
        inside &= (towards != 0) | (room >= 0)
    inside &= start <= stop
    start, stop, ax, ay, dx, dy = (each[inside] for each in (start, stop, ax, ay, dx, dy))
    return ax + start * dx, ay + start * dy, ax + stop * dx, ay + stop * dy


def _set(plane: Bools, x: Floats, y: Floats) -> None:
    rows, columns = plane.shape
    on = (x >= 0) & (x <= columns) & (y >= 0) & (y <= rows)
    column = np.minimum(np.floor(x[on]).astype(np.int64), columns - 1)
    row = np.minimum(np.floor(y[on]).astype(np.int64), rows - 1)
    plane[row, column] = True


def cells_of(layers: Sequence[Bools]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Layers of dots as text.

    Args:
        layers: (rows, columns) each, rows a multiple of 4 and columns of 2; a later one lies over an earlier one,
            and a cell shows the dots of the uppermost alone, so that its colour never lies.

    Returns:
        The lines of text, blank where there is no dot, and for each cell the number of its layer, or NOBODY.
    """
    rows, columns = layers[0].shape
    down, across = rows // DOTS_DOWN, columns // DOTS_ACROSS
    codes = np.zeros((down, across), dtype=np.uint8)
    owner = np.full((down, across), NOBODY, dtype=np.int64)
    for number, layer in enumerate(layers):
        blocks = layer.reshape(down, DOTS_DOWN, across, DOTS_ACROSS)
        found = (blocks * _BITS[None, :, None, :]).sum(axis=(1, 3)).astype(np.uint8)
        codes = np.where(found > 0, found, codes)
        owner[found > 0] = number
    points = np.where(codes > 0, codes.astype(np.uint32) + 0x2800, 0x20).astype("<u4")
    return [line.tobytes().decode("utf-32-le") for line in points], owner
