"""Which labelled frames a training uses, and on which side: kept with the run, so that a resume uses the same.

A resumed run takes the frames and the split it was begun with. Frames labelled since are left out, frames whose
labels are gone are missing, and points that were moved are taken as they are now, because the former ones are kept
nowhere; all of that is said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically
from leaptui.nn.data import Split, TrainingData, split
from leaptui.runners.dataset import LabeledArrays

NAME = "frames.json"
_SIDES = ("train", "val", "left_out")


def begin(
    path: Path, arrays: LabeledArrays, *, val_fraction: float, labels: int | None, seed: int
) -> tuple[LabeledArrays, Split]:
    """Divide the frames, and keep how; arguments as of `leaptui.nn.data.split`.

    Raises:
        UnusableInput: if it cannot be written.
    """
    parts = split(training_data(arrays), val_fraction=val_fraction, labels=labels, seed=seed)
    sides: list[str | None] = [None] * len(arrays.keys)
    for name in _SIDES:
        for position in getattr(parts, name).tolist():
            sides[position] = name
    record = {
        "v": 1,
        "labels_hash": arrays.labels_hash,
        "points_hash": _points_hash(arrays),
        "nodes": list(arrays.skeleton.node_names),
        "frames": [[video, frame, side] for (video, frame), side in zip(arrays.keys, sides, strict=True)],
    }
    write_atomically(path, json.dumps(record).encode() + b"\n")
    return arrays, parts


def again(path: Path, arrays: LabeledArrays, say: Callable[[str], None]) -> tuple[LabeledArrays, Split]:
    """The frames and the split of an earlier attempt, as far as they are still there.

    Args:
        path: what `begin` wrote.
        arrays: the labels as they are now.
        say: told what has changed.

    Raises:
        UnusableInput: if the record cannot be read, the nodes are others, or too few frames are left.
    """
    nodes, kept, points_hash = _read(path)
    hint = "Start a new run; this one keeps its model and its checkpoints."
    if nodes != list(arrays.skeleton.node_names):
        raise UnusableInput("the skeleton has other nodes than when this run began", where=path.parent, hint=hint)
    known = {key: position for position, key in enumerate(arrays.keys)}
    there = [(known[key], side) for key, side in kept if key in known]
    used = _taken(arrays, [position for position, _ in there])
    parts = Split(*(_positions(there, name) for name in _SIDES))
    lost = {name: sum(side == name for _, side in kept) - len(getattr(parts, name)) for name in _SIDES[:2]}
    for name, words in (("train", "train on"), ("val", "validate with")):
        if lost[name] and not len(getattr(parts, name)):
            raise UnusableInput(f"no frame is left to {words}: their labels are gone", where=path.parent, hint=hint)
    added = len(arrays.keys) - len(there)
    if added:
        say(f"{added:,} frames labelled since this run began are left out: a new run would use them")
    if any(lost.values()):
        say(
            f"the labels of {lost['train']:,} training and {lost['val']:,} validation frames are gone: it goes on without"
        )
    elif _points_hash(used) != points_hash:
        say(
            "points were moved since this run began: it goes on with them as they are now, so that errors "
            "before and after cannot quite be compared"
        )
    return used, parts


def training_data(arrays: LabeledArrays) -> TrainingData:
    """What the networks train on."""
    return TrainingData(
        frames=arrays.frames,
        points=arrays.points,
        occluded=arrays.occluded,
        checksums=arrays.checksums.tolist(),
        groups=arrays.groups.tolist(),
    )


def _read(path: Path) -> tuple[list[str], list[tuple[tuple[str, int], str | None]], str]:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        frames = [((str(video), int(frame)), side) for video, frame, side in record["frames"]]
        return list(record["nodes"]), frames, str(record["points_hash"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnusableInput(
            f"which frames this run was trained on cannot be read ({error})", where=path, hint="Start a new run."
        ) from error


def _taken(arrays: LabeledArrays, positions: list[int]) -> LabeledArrays:
    at = np.array(positions, dtype=np.intp)
    return replace(
        arrays,
        frames=[arrays.frames[i] for i in positions],
        points=arrays.points[at],
        occluded=arrays.occluded[at],
        checksums=arrays.checksums[at],
        groups=arrays.groups[at],
        keys=[arrays.keys[i] for i in positions],
    )


def _positions(there: list[tuple[int, str | None]], name: str) -> NDArray[np.intp]:
    return np.array([at for at, (_, side) in enumerate(there) if side == name], dtype=np.intp)


def _points_hash(arrays: LabeledArrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(arrays.points, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(arrays.occluded).tobytes())
    return digest.hexdigest()
