"""Fitting a model's calibration at the end of its training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from leaptui.nn.calibration import Calibration, default, fit, threshold
from leaptui.nn.data import TrainingData
from leaptui.nn.model import PoseModel
from leaptui.nn.points_graph import PointsGraph

MOST_FRAMES = 512
"""Most validation frames to fit with, spread over all; two numbers need no more."""

_BATCH = 16


def calibrated(
    model: PoseModel,
    data: TrainingData,
    validation: NDArray[np.intp],
    body_length: float | None,
    device: torch.device,
) -> PoseModel:
    """The model with a calibration, fitted on frames it was not trained on.

    Args:
        model: trained.
        data: the labelled frames.
        validation: positions of those to fit with; without any the calibration is the default.
        body_length: px; None where the skeleton has none.
        device: to compute on.
    """
    settings = model.metadata.settings
    if settings.sigma is None:
        raise ValueError("settings must be resolved")
    prior = default(threshold(body_length, settings.sigma))
    raw = replace(model, metadata=replace(model.metadata, calibration=Calibration()))
    if len(validation) > MOST_FRAMES:
        validation = validation[np.linspace(0, len(validation) - 1, MOST_FRAMES).round().astype(np.intp)]
    found = prior if not len(validation) else fit(*_scores(raw, data, validation, device), prior)
    return replace(model, metadata=replace(model.metadata, calibration=found))


def _scores(
    model: PoseModel, data: TrainingData, positions: NDArray[np.intp], device: torch.device
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Raw scores and distances (N, J) px of those frames, NaN where nothing is labelled; in any order."""
    scores, distances = [], []
    sizes: dict[tuple[int, int], list[int]] = {}
    for i in positions.tolist():
        sizes.setdefault(data.frames[i].shape[:2], []).append(i)
    with torch.inference_mode():
        for (height, width), members in sizes.items():
            graph = PointsGraph(model, height, width).to(device)
            for start in range(0, len(members), _BATCH):
                chosen = members[start : start + _BATCH]
                frames = np.stack([data.frames[i] for i in chosen])
                points, score = graph(torch.from_numpy(frames).permute(0, 3, 1, 2).to(device))
                apart = points.cpu().numpy().astype(np.float64) - data.points[chosen]
                distances.append(np.linalg.norm(apart, axis=-1))
                scores.append(score.cpu().numpy().astype(np.float64))
    return np.concatenate(scores), np.concatenate(distances)
