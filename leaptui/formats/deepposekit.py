"""DeepPoseKit annotation sets: one HDF5 file with the frames and their labels.

Layout (Graving et al. 2019, DeepPoseKit's DataGenerator and initialize_dataset): `images` (N, H, W, C) uint8;
`annotations` (N, J, 2) x, y in pixels counted from 0, -1 where nothing was placed; `annotated` (N, J) bool, set
when a person confirmed a point; `skeleton` (J, 2) positions of parent and mirror twin, -1 for none;
`skeleton_names` (J,) byte strings of 10 bytes at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.checks import outside_note, placed, plural, some
from leaptui.formats.imported import Imported, ImportedFrame
from leaptui.formats.merge import merge_imported
from leaptui.formats.symmetry import pairs_from_swap
from leaptui.media.video import VideoSource
from leaptui.pose.instance import Flags, Instance
from leaptui.pose.skeleton import Skeleton, make_skeleton

FORMAT = "deepposekit"
_KEYS = ("images", "annotations", "skeleton", "skeleton_names")
_NAME_BYTES = 10


def sniff(path: Path) -> bool:
    """Whether this is an HDF5 file with DeepPoseKit's datasets."""
    return {"images", "annotations", "skeleton"} <= hdf5.dataset_shapes(path).keys()


def read(paths: Sequence[Path]) -> Imported:
    """Read one or several annotation sets that name the same nodes.

    Raises:
        UnusableInput: if a dataset is missing or not of its form.
    """
    if not paths:
        raise UnusableInput("no DeepPoseKit file was given")
    return merge_imported([_read_one(path) for path in paths])


def read_skeleton(path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    """The skeleton alone, and what had to be guessed.

    Raises:
        UnusableInput: if a dataset is missing or not of its form.
    """
    with hdf5.reading(path) as file:
        return _skeleton(file, path)


def _read_one(path: Path) -> Imported:
    with hdf5.reading(path) as file:
        missing = [key for key in _KEYS if key not in file]
        if missing:
            raise UnusableInput(f"it is not a DeepPoseKit set: it lacks {some(missing)}", where=path)
        skeleton, notes = _skeleton(file, path)
        images = _images(file, path)
        count, height, width, _ = images.shape
        points = _points(file, path, count, len(skeleton))
        confirmed, more = _confirmed(file, path, points)
    points[~confirmed] = np.nan
    labelled = confirmed.any(axis=1)
    if not labelled.any():
        raise UnusableInput("no frame has a label", where=path)
    frames = tuple(ImportedFrame(0, int(i), [Instance(points[i])]) for i in np.flatnonzero(labelled))
    notes += more
    if len(frames) < count:
        notes += (f"{plural(count - len(frames), 'frame')} of {path.name} without any placed point left out",)
    notes += outside_note(points, width, height)
    return Imported(FORMAT, skeleton, (VideoSource(path, "/images", "NHWC"),), frames, notes)


def _images(file: Any, path: Path) -> Any:
    images = hdf5.dataset(file, "images", path)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not hdf5.is_numeric(images):
        raise UnusableInput(f"'images' must be (N, H, W, 1 or 3), not {images.shape}", where=path)
    return images


def _points(file: Any, path: Path, count: int, nodes: int) -> NDArray[np.float64]:
    data = hdf5.dataset(file, "annotations", path)
    if data.shape != (count, nodes, 2) or not hdf5.is_numeric(data):
        raise UnusableInput(
            f"'annotations' must be ({count}, {nodes}, 2) for its images and skeleton, not {data.shape}", where=path
        )
    points = np.asarray(data[:], dtype=np.float64)
    points[~placed(points) | (points == -1).all(axis=2)] = np.nan
    return points


def _confirmed(file: Any, path: Path, points: NDArray[np.float64]) -> tuple[Flags, tuple[str, ...]]:
    """(N, J) points that are labels: placed, and confirmed where the set keeps that flag at all."""
    set_points = placed(points)
    if "annotated" not in file:
        return set_points, ()
    data = hdf5.dataset(file, "annotated", path)
    if data.shape != set_points.shape:
        raise UnusableInput(f"'annotated' must be {set_points.shape} like the points, not {data.shape}", where=path)
    flags = np.asarray(data[:], dtype=bool)
    if not flags.any():
        return set_points, (f"{path.name} marks no point as annotated, so every placed point counts as a label",)
    skipped = int((set_points & ~flags).sum())
    if not skipped:
        return set_points, ()
    return set_points & flags, (
        f"{plural(skipped, 'point')} of {path.name} that nobody confirmed (annotated is False) left out",
    )


def _skeleton(file: Any, path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    names = _names(file, path)
    table = hdf5.dataset(file, "skeleton", path)
    if table.shape != (len(names), 2) or table.dtype.kind not in "iu":
        raise UnusableInput(f"'skeleton' must be ({len(names)}, 2) integers, not {table.shape}", where=path)
    parents, swap = np.asarray(table[:], dtype=np.int64).T.tolist()
    for column, values in (("parent", parents), ("swap", swap)):
        if any(value >= len(names) for value in values):
            raise UnusableInput(f"the {column} column of 'skeleton' points beyond its {len(names)} nodes", where=path)
    edges = [(names[parent], name) for parent, name in zip(parents, names, strict=True) if parent >= 0]
    found = pairs_from_swap(names, swap)
    skeleton = make_skeleton(path.stem, names, edges, found.pairs, guess_body_axis(names))
    notes: tuple[str, ...] = ()
    if found.inconsistent:
        by_name = "; ".join(f"{left} - {right}" for left, right in found.by_name)
        outcome = f"paired by name instead: {by_name}" if by_name else "they stay without a mirror twin"
        notes += (f"the swap column contradicts itself at {some(found.inconsistent)}; {outcome}",)
    cut = [name for name in names if len(name.encode()) == _NAME_BYTES]
    if cut:
        notes += (f"names are cut at {_NAME_BYTES} bytes in this format; possibly cut: {some(cut)}",)
    return skeleton, notes


def _names(file: Any, path: Path) -> list[str]:
    data = hdf5.dataset(file, "skeleton_names", path)
    if data.ndim != 1 or data.dtype.kind not in "SO":
        raise UnusableInput("'skeleton_names' must be a list of names", where=path)
    return [_text(value, path) for value in data[:].tolist()]


def _text(value: object, path: Path) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        # A name cut at ten bytes may end inside a character.
        return value.rstrip(b"\0").decode("utf-8", errors="ignore")
    raise UnusableInput("'skeleton_names' must be a list of names", where=path)
