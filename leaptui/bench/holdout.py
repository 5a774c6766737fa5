"""Labelled frames, divided for cross-validation, and networks that have seen only one side of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.analysis.metrics import body_length
from leaptui.bench.untrained import Silent
from leaptui.demo import sample_poses
from leaptui.errors import UnusableInput, UsageError
from leaptui.nn.data import TrainingData, split
from leaptui.nn.predictor import Predictor
from leaptui.nn.settings import TrainingSettings
from leaptui.nn.training import TrainingOutcome, train
from leaptui.pose.skeleton import Skeleton
from leaptui.runners.truth import read_truth

DEMO = "demo"
"""Name of the synthetic flies, whose truth is exact."""


@dataclass(frozen=True)
class Material:
    """Frames of one animal each, with its points.

    Args:
        frames: (H, W, C) uint8 each.
        points: (N, J, 2) source pixels, NaN where nothing is labelled.
        occluded: (N, J).
        checksums: one a frame; equal frames are never parted.
        skeleton: of the points; names the body axis.
        body_length: px.
    """

    frames: list[NDArray[np.uint8]]
    points: NDArray[np.float64]
    occluded: NDArray[np.bool_]
    checksums: list[int]
    skeleton: Skeleton
    body_length: float


def load(data: str, demo_frames: int = 100) -> Material:
    """The labelled frames of a file, a folder, a project or the demo; colour frames that are grey in truth as grey.

    Raises:
        UnusableInput: if they cannot be read, have several animals, or no body length.
    """
    if data == DEMO:
        made = sample_poses(demo_frames, seed=7)
        points = np.where(made.inside[..., None], made.points, np.nan)[:, 0]
        return _material(list(made.frames), points, made.occluded[:, 0], list(range(demo_frames)), made.skeleton, data)
    truth = read_truth(Path(data), with_images=True)
    if truth.points.shape[1] != 1:
        raise UnusableInput("it has frames with several animals", where=data)
    frames = [np.asarray(frame, dtype=np.uint8) for frame in truth.images]
    if frames[0].shape[-1] == 3 and all(int(np.ptp(frame, axis=-1).max()) == 0 for frame in frames):
        frames = [frame[..., :1] for frame in frames]
    points = truth.points[:, 0]
    occluded = np.zeros(points.shape[:2], bool) if truth.occluded is None else truth.occluded[:, 0]
    checksums = list(range(len(frames))) if truth.checksums is None else truth.checksums.tolist()
    return _material(frames, points, occluded, checksums, truth.skeleton, data)


def _material(
    frames: list[NDArray[np.uint8]],
    points: NDArray[np.float64],
    occluded: NDArray[np.bool_],
    checksums: list[int],
    skeleton: Skeleton,
    where: str,
) -> Material:
    length = body_length(points, skeleton.body_axis_indices)
    if length is None:
        raise UnusableInput("its skeleton has no body axis, so there are no per cent of the body length", where=where)
    return Material(frames, points, occluded, checksums, skeleton, length)


def sides(
    checksums: Sequence[int], seed: int, fold: int, folds: int, labels: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions to train on and to hold out, both sorted.

    Args:
        checksums: one a frame; equal ones stay on one side.
        seed: of the order.
        fold: which of the folds is held out, from 0.
        folds: how many there are.
        labels: train on so many frames and hold out all others; the fold is then the number of the draw.

    Raises:
        UsageError: if there are not enough frames.
    """
    found = np.array(checksums)
    units = [np.flatnonzero(found == value) for value in dict.fromkeys(checksums)]
    if labels is None:
        if not 0 <= fold < folds or folds < 2 or len(units) < folds:
            raise UsageError(f"{len(units)} frames cannot be dealt into {folds} folds, of which {fold} is held out")
        order = np.random.default_rng(seed).permutation(len(units))
        train_side = [units[i] for at, i in enumerate(order) if at % folds != fold]
        held = [units[i] for i in order[fold::folds]]
        return np.sort(np.concatenate(train_side)), np.sort(np.concatenate(held))
    if not 1 <= labels < len(units):
        raise UsageError(f"of {len(units)} frames {labels} cannot be trained on and others held out")
    order = np.random.default_rng((seed, fold)).permutation(len(units))
    enough = int(np.searchsorted(np.cumsum([len(units[i]) for i in order]), labels)) + 1
    train_side = [np.concatenate([units[i] for i in order[:enough]])[:labels]]
    if enough == len(units):
        raise UsageError(f"with {labels} frames to train on nothing is left to hold out")
    return np.sort(train_side[0]), np.sort(np.concatenate([units[i] for i in order[enough:]]))


@dataclass(frozen=True)
class HeldOut:
    """What a network that has not seen some frames finds in them.

    Args:
        points: (M, J, 2).
        scores: (M, J) confidence.
        outcome: of the training.
        predictor: made of it.
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    outcome: TrainingOutcome
    predictor: Predictor


def hold_out(
    material: Material,
    train_side: NDArray[np.intp],
    held: NDArray[np.intp],
    settings: TrainingSettings,
    *,
    seed: int,
    validation: float = 0.0,
    device: str = "auto",
    precision: str = "auto",
    keep: Path | None = None,
) -> HeldOut:
    """Train on one side, predict the other.

    Args:
        material: the frames.
        train_side, held: positions.
        settings: of the training.
        seed: of the training.
        validation: share of the training side that validates; the held-out side chooses nothing.
        device, precision: see `leaptui.nn.hardware`.
        keep: where the model file stays; left out, it is gone afterwards.
    """
    # The held-out frames are not even handed over.
    data = TrainingData(
        frames=[material.frames[i] for i in train_side],
        points=material.points[train_side],
        occluded=material.occluded[train_side],
        checksums=[material.checksums[i] for i in train_side],
    )
    with tempfile.TemporaryDirectory(prefix="leaptui-holdout-") as name:
        model = Path(name) / "model.safetensors" if keep is None else keep
        outcome = train(
            data,
            material.skeleton,
            settings,
            seed=seed,
            context=Silent(Path(name)),
            checkpoints=Path(name) / "checkpoints",
            model_path=model,
            provenance={},
            device=device,
            precision=precision,
            parts=split(data, val_fraction=validation, seed=seed),
        )
        predictor = Predictor(model, device=device, precision=precision)
        points, scores = predict(predictor, [material.frames[i] for i in held])
    return HeldOut(points, scores, outcome, predictor)


def predict(
    predictor: Predictor, frames: Sequence[NDArray[np.uint8]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (N, J, 2) and scores (N, J) of frames of any sizes; those of one size go through together."""
    alike = len({frame.shape for frame in frames}) == 1
    blocks = [np.stack(list(frames))] if alike else [frame[None] for frame in frames]
    answers = [predictor.predict(block) for block in blocks]
    points = np.concatenate([found[:, 0] for found, _ in answers]).astype(np.float64)
    return points, np.concatenate([scores[:, 0] for _, scores in answers]).astype(np.float64)
