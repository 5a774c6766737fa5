"""Figures of a network on labelled frames: loss and distance from the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Figures:
    """How far predicted points are from labelled ones, in source pixels.

    Args:
        loss: mean loss a point.
        error_px: mean distance over all points.
        median_px: median of the same.
        error_body: `error_px` as share of the body length; None where the skeleton defines none.
        node_error_px: mean distance a node; None for a node that is labelled in no frame.
        points: how many points that is.
    """

    loss: float
    error_px: float
    median_px: float
    error_body: float | None
    node_error_px: tuple[float | None, ...]
    points: int


class FigureCounter:
    """Takes batches in, gives `Figures`; holds everything on the device until asked."""

    def __init__(self) -> None:
        self._losses: list[tuple[Tensor, Tensor]] = []
        self._errors: list[Tensor] = []

    def add(self, loss: Tensor, errors: Tensor) -> None:
        """One batch: its mean loss a point, and the distances (n, J), NaN where nothing is labelled."""
        self._losses.append((loss.detach(), torch.isfinite(errors).sum()))
        self._errors.append(errors.detach())

    def figures(self, body_length: float | None) -> Figures | None:
        """All batches so far; None when there was no point in them."""
        if not self._errors:
            return None
        errors = torch.cat(self._errors).cpu()
        there = torch.isfinite(errors)
        count = int(there.sum())
        if count == 0:
            return None
        loss = sum(float(value) * int(n) for value, n in self._losses) / count
        mean = float(errors[there].double().mean())
        return Figures(
            loss=loss,
            error_px=mean,
            median_px=float(errors[there].median()),
            error_body=None if body_length is None else mean / body_length,
            node_error_px=_node_means(errors),
            points=count,
        )


def _node_means(errors: Tensor) -> tuple[float | None, ...]:
    means: Sequence[float] = errors.double().nanmean(dim=0).tolist()
    return tuple(None if mean != mean else mean for mean in means)
