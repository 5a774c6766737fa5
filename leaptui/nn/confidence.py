"""The map of `leaptui.nn.calibration` for tensors, in operations that every exporter knows."""

from __future__ import annotations

import torch
from torch import Tensor

from leaptui.nn.calibration import HIGHEST, LOOKS_OFFSET, LOOKS_SLOPE, LOWEST, Calibration


def confidence(scores: Tensor, calibration: Calibration) -> Tensor:
    """Confidence in [0, 1] of raw scores of any shape, the same values as `Calibration.of`."""
    if calibration.slope is None:
        return scores
    kept = scores.clamp(LOWEST, HIGHEST)
    strength = torch.log(kept) + torch.log(1 - kept) ** 2 / 2
    return torch.sigmoid(strength * calibration.slope + calibration.offset)


def confidence_of_looks(mean: Tensor, calibration: Calibration) -> Tensor:
    """Confidence in [0, 1] of what several looks found, from the mean of theirs, of any shape."""
    if calibration.slope is None:
        return mean
    kept = mean.clamp(LOWEST, HIGHEST)
    return torch.sigmoid((torch.log(kept) - torch.log(1 - kept)) * LOOKS_SLOPE + LOOKS_OFFSET)
