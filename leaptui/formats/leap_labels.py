"""LEAP's labels: a `.labels.mat` file beside a box of frames.

LEAP (Pereira et al. 2019, label_joints.m) keeps `positions` and `initialization` as single J x 2 x N with
x = (:, 1), y = (:, 2), **counted from 1**, NaN = unset; `skeleton.nodes` is a cell array of names,
`skeleton.edges` E x 2 node numbers counted from 1, parent first; `boxPath` the box the frames are in. The file
is created as v7.3 (HDF5) and saved again as v7, so both occur. `initialization` comes from a network or a
template: these points are not labels. A new LEAP labels file is named after its box: `x.h5`, `x.labels.mat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.checks import outside_note, placed, plural, some
from leaptui.formats.imported import Imported, ImportedFrame
from leaptui.formats.matlab import OPAQUE, read_mat, variables
from leaptui.formats.merge import merge_imported
from leaptui.formats.symmetry import guess_symmetries
from leaptui.media.video import VideoSource
from leaptui.pose.instance import Instance
from leaptui.pose.skeleton import Skeleton, make_skeleton

FORMAT = "leap"
BOX = "/box"
AXES = "NCWH"
"""Axis order of a LEAP box as h5py sees it (MATLAB's H x W x C x N reversed)."""

COMPANION_HINT = "Give its labels .mat as well, or add only the frames: leaptui add PROJECT BOX"
"""What to do with a box that came alone."""

_LABEL_KEYS = ("positions", "skeleton")


@dataclass(frozen=True)
class _Box:
    path: Path
    count: int
    height: int
    width: int


def sniff(path: Path) -> bool:
    """Whether this is a LEAP labels file, of either MATLAB version."""
    return set(_LABEL_KEYS) <= set(variables(path))


def companion(path: Path) -> bool:
    """Whether this is a box (an HDF5 file with a 4-D `/box`), which may be given beside its labels file."""
    return len(hdf5.dataset_shapes(path).get("box", ())) == 4


def read(paths: Sequence[Path]) -> Imported:
    """Read one or several labels files; boxes may be given beside them.

    The box of a labels file is, in this order: the only box given, or the given one with the stored name; the
    stored `boxPath`; a file with that name, or LEAP's name for it, beside the labels.

    Raises:
        UnusableInput: if there is no labels file, its box is not found, or the two do not fit.
    """
    for path in paths:
        hdf5.require_file(path)
    boxes = [path for path in paths if companion(path)]
    labels = [path for path in paths if path not in boxes]
    if not labels:
        raise UnusableInput(
            "it is a LEAP box: frames without labels" if boxes else "no LEAP labels file was given",
            where=boxes[0] if boxes else None,
            hint=COMPANION_HINT,
        )
    read_parts = [_read_labels(path) for path in labels]
    used = [_find_box(part, boxes, alone=len(labels) == 1) for part in read_parts]
    unused = [path.name for path in boxes if path not in {box.path for box in used}]
    if unused:
        raise UnusableInput(f"no labels file belongs to {some(unused)}", where=labels[0], hint="Leave that box out.")
    return merge_imported([part.imported(box) for part, box in zip(read_parts, used, strict=True)])


def read_skeleton(path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    """The skeleton of a labels file or of a LEAP skeleton file (`nodes` and `edges` at the top); needs no box.

    Raises:
        UnusableInput: if there is none in it.
    """
    content = read_mat(path, ("skeleton", "nodes", "edges"))
    plain = content.get("skeleton", content)
    return _skeleton(plain, path), ()


@dataclass(frozen=True)
class _Labels:
    """A labels file: points (N, J, 2) counted from 0, and how many frames are only initialised."""

    path: Path
    skeleton: Skeleton
    points: NDArray[np.float64]
    initialised: int
    stored_box: str | None

    def imported(self, box: _Box) -> Imported:
        if box.count != len(self.points):
            raise UnusableInput(
                f"it has labels for {plural(len(self.points), 'frame')}, but its box has {box.count}",
                where=self.path,
                hint=f"The box is {box.path}; give the right one beside the labels.",
            )
        labelled = placed(self.points).any(axis=1)
        if not labelled.any():
            more = f"; {plural(self.initialised, 'frame')} only initialised" if self.initialised else ""
            raise UnusableInput(f"no frame has a label{more}", where=self.path)
        frames = tuple(ImportedFrame(0, int(i), [Instance(self.points[i])]) for i in np.flatnonzero(labelled))
        notes: tuple[str, ...] = ()
        if self.initialised:
            notes += (
                f"{plural(self.initialised, 'frame')} of {self.path.name} only initialised, not labelled: left out",
            )
        notes += outside_note(self.points, box.width, box.height)
        return Imported(FORMAT, self.skeleton, (VideoSource(box.path, BOX, AXES),), frames, notes)


def _read_labels(path: Path) -> _Labels:
    content = read_mat(path, ("positions", "initialization", "skeleton", "boxPath"))
    missing = [key for key in _LABEL_KEYS if key not in content]
    if missing:
        there = variables(path)
        raise UnusableInput(
            f"it is not a LEAP labels file: it lacks {some(missing)} (it has {some(there) if there else 'nothing'})",
            where=path,
        )
    skeleton = _skeleton(content["skeleton"], path)
    points = _points(content["positions"], len(skeleton), "positions", path)
    initialised = 0
    if "initialization" in content:
        first = _points(content["initialization"], len(skeleton), "initialization", path)
        if len(first) == len(points):
            initialised = int((placed(first).any(axis=1) & ~placed(points).any(axis=1)).sum())
    stored = content.get("boxPath")
    return _Labels(path, skeleton, points, initialised, stored if isinstance(stored, str) and stored else None)


def _points(value: Any, nodes: int, key: str, path: Path) -> NDArray[np.float64]:
    """(N, J, 2) counted from 0, from MATLAB's J x 2 x N counted from 1."""
    array = np.asarray(value)
    if array.ndim == 2:
        array = array[:, :, None]  # MATLAB drops the last axis of a single frame.
    if array.dtype.kind not in "iuf" or array.ndim != 3 or array.shape[:2] != (nodes, 2):
        raise UnusableInput(f"'{key}' must be {nodes} x 2 x frames numbers, not {_size(value)}", where=path)
    with np.errstate(invalid="ignore"):  # Damaged files may hold signalling NaNs.
        points = array.transpose(2, 0, 1).astype(np.float64) - 1.0
    points[~placed(points)] = np.nan
    return points


def _size(value: Any) -> str:
    return " x ".join(map(str, value.shape)) if isinstance(value, np.ndarray) else type(value).__name__


def _skeleton(plain: Any, path: Path) -> Skeleton:
    if not isinstance(plain, dict) or "nodes" not in plain:
        raise UnusableInput("it holds no LEAP skeleton: 'skeleton.nodes' is missing", where=path)
    nodes = plain["nodes"]
    if nodes is OPAQUE:
        raise UnusableInput(
            "'skeleton.nodes' is of a MATLAB class that only MATLAB can read",
            where=path,
            hint="In MATLAB: skeleton.nodes = cellstr(skeleton.nodes), then save again.",
        )
    if not isinstance(nodes, list) or not nodes or not all(isinstance(name, str) for name in nodes):
        raise UnusableInput("'skeleton.nodes' must be a cell array of names", where=path)
    edges = _edges(plain.get("edges"), nodes, path)
    name = path.name.removesuffix(".mat").removesuffix(".labels")
    return make_skeleton(name, nodes, edges, guess_symmetries(nodes), guess_body_axis(nodes))


def _edges(value: Any, nodes: list[str], path: Path) -> list[tuple[str, str]]:
    if value is None or value is OPAQUE:
        return []
    array = np.asarray(value)
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iuf":
        raise UnusableInput(f"'skeleton.edges' must be edges x 2 node numbers, not {_size(value)}", where=path)
    numbers = array.astype(np.float64)
    if not ((numbers >= 1) & (numbers <= len(nodes)) & (numbers % 1 == 0)).all():
        raise UnusableInput(f"'skeleton.edges' must hold node numbers from 1 to {len(nodes)}", where=path)
    return [(nodes[int(parent) - 1], nodes[int(child) - 1]) for parent, child in numbers]


def _find_box(labels: _Labels, given: Sequence[Path], *, alone: bool) -> _Box:
    # boxPath was often written on another machine, so on Windows too.
    stored = labels.stored_box
    base = PureWindowsPath(stored).name if stored else None
    if given:
        named = [path for path in given if base and path.name.casefold() == base.casefold()]
        if alone and len(given) == 1:
            return _box(given[0])
        if len(named) == 1:
            return _box(named[0])
        raise UnusableInput(
            f"which of the boxes belongs to it is not clear: it names {base or 'none'}",
            where=labels.path,
            hint="Import one labels file and its box at a time.",
        )
    own_name = labels.path.name.removesuffix(".mat").removesuffix(".labels") + ".h5"
    candidates = [Path(stored)] if stored else []
    candidates += [labels.path.parent / name for name in (base, own_name) if name]
    for candidate in candidates:
        if candidate.is_file():
            return _box(candidate)
    raise UnusableInput(
        f"its box of frames is not found: {stored or own_name}",
        where=labels.path,
        hint=f"Put {base or own_name} beside the labels, or give its path too: leaptui import PROJECT LABELS BOX",
    )


def _box(path: Path) -> _Box:
    with hdf5.reading(path) as file:
        data = hdf5.dataset(file, BOX.lstrip("/"), path)
        if data.ndim != 4 or data.shape[1] not in (1, 3) or not hdf5.is_numeric(data):
            raise UnusableInput(f"'box' must be (N, 1 or 3, W, H) as h5py sees it, not {data.shape}", where=path)
        count, _, width, height = data.shape
    return _Box(path, count, height, width)
