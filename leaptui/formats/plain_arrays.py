"""Predictions as plain arrays, for whoever has their own network: `points` and, if there are, `scores`, `frames`.

In .npz or HDF5 by these names, or one .npy that is the points. `points` is (N, J, 2) or (N, I, J, 2), x, y in
source pixels counted from 0, NaN for missing; `scores` has the same shape without the last axis; `frames` (N,)
are the indices of the frames, 0, 1, ... if left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.leap_predictions import numbered_skeleton
from leaptui.formats.predictions import Predictions
from leaptui.pose.skeleton import Skeleton

_KEYS = ("points", "scores", "frames")
# What numpy raises on files that are no arrays; objects are refused (allow_pickle is False).
_DAMAGED = (ValueError, OSError, EOFError, KeyError, SyntaxError, zipfile.BadZipFile)


def sniff(path: Path) -> bool:
    """Whether this is a .npy, or a .npz or HDF5 file with `points`."""
    if hdf5.is_hdf5(path):
        return len(hdf5.dataset_shapes(path).get("points", ())) in (3, 4)
    try:
        with path.open("rb") as file:
            head = file.read(6)
        if head == b"\x93NUMPY":
            return True
        return head.startswith(b"PK") and "points.npy" in zipfile.ZipFile(path).namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read(path: Path, skeleton: Skeleton | None = None) -> Predictions:
    """Read plain arrays.

    Args:
        path: the file.
        skeleton: its nodes; node1, node2, ... if left out.

    Raises:
        UnusableInput: if the arrays are not of their form.
    """
    arrays = _load(path)
    points = arrays["points"]
    if points.ndim == 3:
        points = points[:, None]
    if points.ndim != 4 or points.shape[3] != 2 or points.shape[2] == 0 or points.dtype.kind not in "iuf":
        raise UnusableInput(
            f"'points' must be (N, J, 2) or (N, I, J, 2) numbers, not {arrays['points'].shape}", where=path
        )
    scores = arrays.get("scores")
    if scores is None:
        scores = np.full(points.shape[:3], np.nan, np.float32)
    elif scores.size != points.size // 2 or scores.shape[0] != len(points) or scores.dtype.kind not in "iuf":
        raise UnusableInput(f"'scores' must be {arrays['points'].shape[:-1]} numbers, not {scores.shape}", where=path)
    frames = arrays.get("frames", np.arange(len(points)))
    if frames.shape != (len(points),) or frames.dtype.kind not in "iu" or len(np.unique(frames)) < len(frames):
        raise UnusableInput(f"'frames' must be {len(points)} different integers", where=path)
    return Predictions(
        points.astype(np.float32),
        scores.astype(np.float32).reshape(points.shape[:3]),
        frames.astype(np.int64),
        numbered_skeleton(path, points.shape[2], skeleton),
    )


def _load(path: Path) -> Mapping[str, Any]:
    if hdf5.is_hdf5(path):
        with hdf5.reading(path) as file:
            return {key: np.asarray(hdf5.dataset(file, key, path)[()]) for key in _KEYS if key in file}
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"points": loaded}
        with loaded:
            return {key: loaded[key] for key in _KEYS if key in loaded.files}
    except _DAMAGED as error:
        raise UnusableInput("the arrays cannot be read: the file is damaged or holds objects", where=path) from error
