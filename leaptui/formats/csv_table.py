"""Predictions or labels as a table for any program: one row an instance and node.

Columns: `video`, `frame` (from 0), `instance` (from 0), `track`, `node`, `x`, `y` (source pixels, the centre of the
top-left pixel is (0, 0)), `score`, `visible`. An animal that has at least one point has a row for each of its
nodes; a missing point has no x and y. Coordinates and scores keep four decimals. `visible` is known of labels
only: 0 not placed, 1 placed but hidden by the body, 2 placed and seen.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leaptui.files import replacing
from leaptui.formats.checks import placed
from leaptui.formats.predictions import AnyPredictions, Predictions

COLUMNS = ("video", "frame", "instance", "track", "node", "x", "y", "score", "visible")
_BLOCK = 2000

Cells = tuple[str | int | float, ...]


def write(predictions: AnyPredictions, path: Path) -> None:
    """Write the table, whole or not at all; memory does not grow with its length.

    Raises:
        UnusableInput: if the operating system refuses to write.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for block in predictions.blocks(_BLOCK):
            writer.writerows(_rows(block))


def _rows(block: Predictions) -> Iterator[Cells]:
    names = block.skeleton.node_names
    points = np.round(block.points.astype(np.float64), 4).tolist()
    scores = np.round(block.scores.astype(np.float64), 4).tolist()
    visible = _visible(block)
    for row, i in np.argwhere(placed(block.points).any(axis=2)).tolist():
        start = (_video(block, row), int(block.frames[row]), i, _track(block, row, i))
        for name, (x, y), score, seen in zip(names, points[row][i], scores[row][i], visible[row][i], strict=True):
            # NaN is the one number that differs from itself; asking so is twice as fast as isnan.
            position = (x, y) if x == x and y == y else ("", "")
            yield (*start, name, *position, score if score == score else "", seen)


def _video(block: Predictions, row: int) -> str:
    if block.videos is not None:
        return block.video_names[int(block.videos[row])]
    return block.video_names[0] if block.video_names else str(block.provenance.get("video") or "")


def _track(block: Predictions, row: int, instance: int) -> str:
    if block.tracks is None or block.tracks[row, instance] < 0:
        return ""
    return block.track_names[int(block.tracks[row, instance])]


def _visible(block: Predictions) -> list[list[list[str]]]:
    """(n, I, J) what to write."""
    if block.occluded is None:
        flags = np.full(block.scores.shape, "")
    else:
        flags = np.where(placed(block.points), np.where(block.occluded, "1", "2"), "0")
    plain: list[list[list[str]]] = flags.tolist()
    return plain
