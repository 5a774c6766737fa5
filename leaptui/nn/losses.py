"""Losses between the maps a network draws and the maps it should have drawn.

Both take the labelled points, not maps. A missing point (NaN) has no part in the loss and gets no
gradient. An occluded point is trained on like a visible one: the person who placed it behind the body knew
where it is, and the network shall learn to infer it the same way.

Adding a new loss: a class with `activation` and `__call__` as here, listed in `LOSSES` and in
`leaptui.nn.settings.LOSS_NAMES`; `activation` says how `leaptui.nn.peaks` has to read the maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from leaptui.nn.confidence_maps import distribution_factors, gaussian_maps


class Loss(Protocol):
    """A loss over points and maps."""

    @property
    def activation(self) -> str:
        """Either "softmax", if the maps are logits of a distribution over the cells, or "linear", if they are the
        confidence itself."""
        ...

    def __call__(self, maps: Tensor, points: Tensor, stride: int, sigma: float) -> Tensor:
        """Scalar loss of maps (N, J, h, w) for points (N, J, 2) in pixels, NaN where missing."""
        ...


def present(points: Tensor) -> Tensor:
    """(N, J) bool: which points are there."""
    return torch.isfinite(points).all(dim=-1)


def _mean_over_present(values: Tensor, there: Tensor) -> Tensor:
    """Mean of (N, J) values where a point is there; 0 if there is none (and then without gradient)."""
    return torch.where(there, values, 0.0).sum() / there.sum().clamp(min=1)


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the spatial softmax against the normalised Gaussian, mean over the points.

    Every map has to put its whole mass somewhere, so the trivial answer of an empty map, which the mean
    squared error rewards, does not exist.
    """

    activation: str = "softmax"

    def __call__(self, maps: Tensor, points: Tensor, stride: int, sigma: float) -> Tensor:
        """See `Loss`."""
        logits = maps.float()
        rows, columns = distribution_factors(points.float(), (maps.shape[-2], maps.shape[-1]), stride, sigma)
        expected = (torch.einsum("njhw,njw->njh", logits, columns) * rows).sum(dim=-1)
        entropy = torch.logsumexp(logits.flatten(-2), dim=-1) - expected
        return _mean_over_present(entropy, present(points))


@dataclass(frozen=True)
class MeanSquaredError:
    """Mean squared error against Gaussians of height 1, as in LEAP (Pereira et al. 2019)."""

    activation: str = "linear"

    def __call__(self, maps: Tensor, points: Tensor, stride: int, sigma: float) -> Tensor:
        """See `Loss`."""
        target = gaussian_maps(points.float(), (maps.shape[-2], maps.shape[-1]), stride, sigma)
        squared = ((maps.float() - target) ** 2).mean(dim=(-2, -1))
        return _mean_over_present(squared, present(points))


LOSSES: dict[str, Loss] = {"cross_entropy": CrossEntropy(), "mse": MeanSquaredError()}
