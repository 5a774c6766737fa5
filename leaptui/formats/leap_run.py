"""What LEAP leaves beside its networks: a run directory, and in it the way to what the network learned from.

`training_info.mat` (v5) holds `data_path`, the training set as it was given to LEAP: an HDF5 file by
generate_training_set.m, where the group `skeleton` has an attribute `jointNames`, one name a line, and a dataset
`edges` (2, E), counted from 1; and the dataset `confmaps` an attribute `sigma`, px.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import h5py
import numpy as np

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.matlab import read_mat
from leaptui.formats.symmetry import guess_symmetries
from leaptui.pose.skeleton import Skeleton, make_skeleton

TRAINING_INFO = "training_info.mat"
_MOST_NODES = 1000


@dataclass(frozen=True)
class TrainingSet:
    """What a training set says.

    Args:
        path: where it is.
        skeleton: nodes and edges.
        sigma: width of the Gaussians in the maps, px; None if it does not say.
    """

    path: Path
    skeleton: Skeleton
    sigma: float | None


def training_set_of(model: Path) -> TrainingSet | None:
    """The training set of a network in LEAP's run directory; None where it is not there or of no use."""
    info = model.parent / TRAINING_INFO
    if not info.is_file():
        return None
    try:
        named = read_mat(info, ["data_path"]).get("data_path")
        if not isinstance(named, str) or not named.strip():
            return None
        path = _found(named.strip(), model.parent)
        return None if path is None else _read(path)
    except UnusableInput:
        # It only gives names, and a network can do without.
        return None


def _found(named: str, folder: Path) -> Path | None:
    """The file: where LEAP had it, else in the run directory or a folder above it."""
    places = [folder, *folder.parents[:3]]
    name = PureWindowsPath(named).name
    candidates = [Path(named), *(place / part for place in places for part in (named, name, f"training/{name}"))]
    return next((path for path in candidates if hdf5.is_hdf5(path)), None)


def _read(path: Path) -> TrainingSet | None:
    with hdf5.reading(path) as file:
        group, maps = file.get("skeleton"), file.get("confmaps")
        if not isinstance(group, h5py.Group):
            return None
        names = [line.strip() for line in _text(group.attrs.get("jointNames")).splitlines() if line.strip()]
        if not 1 <= len(names) <= _MOST_NODES:
            return None
        sigma = maps.attrs.get("sigma") if isinstance(maps, h5py.Dataset) else None
        edges = _edges(group.get("edges"), names)
    skeleton = make_skeleton(path.stem, names, edges, guess_symmetries(names), guess_body_axis(names))
    width = float(np.asarray(sigma).reshape(-1)[0]) if _is_number(sigma) else None
    return TrainingSet(path, skeleton, width if width is not None and 0.5 <= width <= 50 else None)


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind in "fiu" and array.size > 0 and bool(np.isfinite(array).all())


def _edges(data: Any, names: list[str]) -> list[tuple[str, str]]:
    """Parent and child by name; none if they point beyond the names."""
    if not isinstance(data, h5py.Dataset) or data.ndim != 2 or data.shape[0] != 2 or data.shape[1] > _MOST_NODES:
        return []
    pairs = np.asarray(data[:])
    sound = pairs.dtype.kind in "fiu" and np.isin(pairs, np.arange(1, len(names) + 1)).all()
    if not sound or (pairs[0] == pairs[1]).any():
        return []
    return [(names[a - 1], names[b - 1]) for a, b in pairs.T.astype(int).tolist()]
