"""Confidence maps: what the network is asked to draw for each node.

A map of output stride `s` holds a Gaussian of width `sigma` (source pixels) around the point, sampled at the
centres of its cells. Either normalised to sum 1 (a distribution over the cells, for the cross-entropy of
the spatial softmax) or with its peak at 1 (LEAP's maps, for the mean squared error).
"""

from __future__ import annotations

import torch
from torch import Tensor

from leaptui.nn.geometry import to_cells


def _axis(position: Tensor, cells: int, sigma: float) -> Tensor:
    """log of an unnormalised Gaussian along one axis: (N, J) positions in cells -> (N, J, cells)."""
    centres = torch.arange(cells, dtype=position.dtype, device=position.device)
    return -0.5 * ((centres - position.unsqueeze(-1)) / sigma) ** 2


def gaussian_maps(points: Tensor, size: tuple[int, int], stride: int, sigma: float) -> Tensor:
    """Gaussians whose height at the point itself is 1.

    Args:
        points: (N, J, 2) x, y in pixels; NaN is missing.
        size: (h, w) of the map in cells.
        stride: pixels a cell.
        sigma: width in pixels.

    Returns:
        (N, J, h, w); a missing point has an empty map (all 0).
    """
    cells = to_cells(torch.nan_to_num(points), stride)
    rows = torch.exp(_axis(cells[..., 1], size[0], sigma / stride))
    columns = torch.exp(_axis(cells[..., 0], size[1], sigma / stride))
    present = torch.isfinite(points).all(dim=-1).to(rows.dtype)
    return rows.unsqueeze(-1) * (columns * present.unsqueeze(-1)).unsqueeze(-2)


def distribution_factors(points: Tensor, size: tuple[int, int], stride: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Row and column factors of `distribution_maps`: (N, J, h) and (N, J, w), each with sum 1.

    The map is their outer product. A missing point gets some distribution too; it is the loss that leaves
    it out.
    """
    cells = to_cells(torch.nan_to_num(points), stride)
    rows = torch.softmax(_axis(cells[..., 1], size[0], sigma / stride), dim=-1)
    columns = torch.softmax(_axis(cells[..., 0], size[1], sigma / stride), dim=-1)
    return rows, columns


def distribution_maps(points: Tensor, size: tuple[int, int], stride: int, sigma: float) -> Tensor:
    """Gaussians as distributions over the cells: (N, J, h, w), the sum of each map is 1.

    A point near the border keeps its whole mass inside the map. Arguments as for `gaussian_maps`.
    """
    rows, columns = distribution_factors(points, size, stride, sigma)
    return rows.unsqueeze(-1) * columns.unsqueeze(-2)
