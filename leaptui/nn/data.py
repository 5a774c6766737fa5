"""Training data: labelled frames, and their split without leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput, UsageError


@dataclass
class TrainingData:
    """Frames of one animal each, with its points.

    Args:
        frames: (H, W, C) uint8 each, as a list or one array (N, H, W, C); C is 1 or 3 and the same for all,
            sizes may differ.
        points: (N, J, 2) x, y in pixels; NaN is missing.
        occluded: (N, J) bool; trained on like visible ones.
        checksums: CRC-32 of each frame's pixels, None where unknown; equal ones stay together in a split.
        groups: (N,) ids; frames of one group stay together in a split. Empty: every frame for itself.

    Raises:
        UnusableInput: if the parts do not fit together, or no point is placed.
    """

    frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    points: NDArray[np.floating]
    occluded: NDArray[np.bool_] | None = None
    checksums: Sequence[int | None] = field(default_factory=list)
    groups: Sequence[int | str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.points = np.array(self.points, dtype=np.float32)
        if self.points.ndim != 3 or self.points.shape[-1] != 2 or len(self.points) != len(self.frames):
            raise UnusableInput(
                f"{len(self.frames)} frames with points of shape {self.points.shape} do not fit together"
            )
        count = len(self.frames)
        if self.occluded is None:
            self.occluded = np.zeros(self.points.shape[:2], dtype=bool)
        self.checksums = list(self.checksums) or [None] * count
        self.groups = list(self.groups) or list(range(count))
        if self.occluded.shape != self.points.shape[:2] or len(self.checksums) != count or len(self.groups) != count:
            raise UnusableInput("occluded, checksums and groups must have one entry a frame")
        for frame in self.frames:
            if frame.ndim != 3 or frame.dtype != np.uint8 or frame.shape[-1] not in (1, 3) or 0 in frame.shape:
                raise UnusableInput(f"a frame is {frame.dtype} {frame.shape}, not uint8 (H, W, 1 or 3)")
        if len({frame.shape[-1] for frame in self.frames}) > 1:
            raise UnusableInput("some frames are grey and some in colour", hint="Convert one kind to the other.")
        if not len(self.labelled):
            raise UnusableInput("no point is labelled", hint="Import labels first: leaptui import PROJECT FILE")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def labelled(self) -> NDArray[np.intp]:
        """Positions of the frames with at least one point."""
        return np.flatnonzero(np.isfinite(self.points).all(axis=-1).any(axis=-1))

    def body_length(self, axis: tuple[int, int] | None) -> float | None:
        """Mean distance between two nodes over the frames that have both, px; None when undefined."""
        if axis is None:
            return None
        distance = np.linalg.norm(self.points[:, axis[0]] - self.points[:, axis[1]], axis=-1)
        distance = distance[np.isfinite(distance)]
        return float(distance.mean()) if len(distance) and distance.mean() > 0 else None


@dataclass(frozen=True)
class Split:
    """Positions of the frames to train on and to validate with, both sorted.

    Args:
        left_out: frames in neither, because they belong with frames of the training side.
    """

    train: NDArray[np.intp]
    val: NDArray[np.intp]
    left_out: NDArray[np.intp]


def _units(data: TrainingData) -> list[list[int]]:
    """Frames that may not be parted: one group, or one checksum, directly or through others."""
    parent = list(range(len(data)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, int | str], int] = {}
    for i in data.labelled.tolist():
        keys: list[tuple[str, int | str]] = [("group", data.groups[i])]
        checksum = data.checksums[i]
        if checksum is not None:
            keys.append(("checksum", checksum))
        for key in keys:
            parent[root(i)] = root(first.setdefault(key, i))
    units: dict[int, list[int]] = {}
    for i in data.labelled.tolist():
        units.setdefault(root(i), []).append(i)
    return list(units.values())


def split(data: TrainingData, *, val_fraction: float = 0.15, labels: int | None = None, seed: int = 0) -> Split:
    """Divide the labelled frames into training and validation.

    Frames that belong together (one group, equal pixels) never stand on both sides.

    Args:
        data: the frames; those without a point are ignored.
        val_fraction: share to validate with; the result comes as close as whole units allow. Nothing
            validates with fewer than 3 frames, or where every unit is more than a third of all.
        labels: exactly so many frames train and all others validate, in place of `val_fraction`. Where a
            unit has to be cut for that, its remaining frames are left out of both.
        seed: of the choice.

    Raises:
        UsageError: if `labels` or `val_fraction` is out of range.
    """
    units = _units(data)
    order = np.random.default_rng(seed).permutation(len(units))
    shuffled = [units[i] for i in order]
    if labels is not None:
        return _exactly(shuffled, labels, len(data.labelled))
    if not 0 <= val_fraction < 1:
        raise UsageError(f"val_fraction must be from 0 to below 1, not {val_fraction:g}")
    total = len(data.labelled)
    wanted = max(1, round(val_fraction * total)) if total >= 3 and val_fraction > 0 else 0
    val: list[int] = []
    for unit in shuffled:
        grown = len(val) + len(unit)
        if abs(grown - wanted) < abs(len(val) - wanted) and grown < total:
            val += unit
    if wanted and not val:
        smallest = min(shuffled, key=len)
        val = smallest if 3 * len(smallest) <= total else []
    chosen = set(val)
    train = [i for i in data.labelled.tolist() if i not in chosen]
    return _split(train, val, [])


def _exactly(shuffled: list[list[int]], labels: int, total: int) -> Split:
    if not 1 <= labels <= total:
        raise UsageError(f"{total} frames are labelled, so training on {labels} of them is not possible")
    train: list[int] = []
    rest: list[list[int]] = []
    for unit in shuffled:
        if len(train) + len(unit) <= labels:
            train += unit
        else:
            rest.append(unit)
    left_out: list[int] = []
    missing = labels - len(train)
    if missing:
        cut = rest.pop(0)
        train += cut[:missing]
        left_out = cut[missing:]
    return _split(train, [i for unit in rest for i in unit], left_out)


def _split(train: list[int], val: list[int], left_out: list[int]) -> Split:
    return Split(*(np.array(sorted(side), dtype=np.intp) for side in (train, val, left_out)))
