"""The map of `leaptui.nn.calibration` for tensors, in operations that every exporter knows."""

from __future__ import annotations

import torch
from torch import Tensor

from leaptui.nn.calibration import HIGHEST, LOWEST, Calibration


def confidence(scores: Tensor, calibration: Calibration) -> Tensor:
    """Confidence in [0, 1] of raw scores of any shape, the same values as `Calibration.of`."""
    if calibration.slope is None:
        return scores
    kept = scores.clamp(LOWEST, HIGHEST)
    strength = torch.log(kept) + torch.log(1 - kept) ** 2 / 2
    return torch.sigmoid(strength * calibration.slope + calibration.offset)
