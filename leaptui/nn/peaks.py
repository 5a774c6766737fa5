"""Peaks of confidence maps, refined below the cell.

The highest cell is found first. The logarithm of a Gaussian is a parabola along each axis, so the vertex of
a parabola through the logarithms around that cell is the peak, without bias however coarse the map is;
a weighted mean over the same window is pulled towards the middle of it. Rows and columns of the window are
summed first, which leaves one short profile an axis and takes out much of the noise. On wide, finely sampled
Gaussians the window grows with sigma and the parabola is fitted by least squares, each cell weighted with
its height.

At the border of the map the window moves inwards instead of shrinking: the vertex may lie outside of it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from leaptui.nn.geometry import to_pixels

_MOST_RADIUS = 4
_FLOOR = 1e-12


def refinement_radius(stride: int, sigma: float) -> int:
    """Cells each side of the highest one that the parabola is fitted to: about 0.8 sigma, at least 1."""
    return min(_MOST_RADIUS, max(1, round(0.8 * sigma / stride)))


def score_radius(stride: int, sigma: float) -> int:
    """Cells each side of the highest one whose mass is the score: two sigma, rounded up."""
    return max(1, math.ceil(2 * sigma / stride))


def _window(maps: Tensor, row: Tensor, column: Tensor, radius: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a square out of each map around (row, column), moved inwards at borders.

    Returns:
        The squares (N, J, a, b), a, b <= 2 radius + 1, and the (N, J) row and column of their first cells.
    """
    height, width = maps.shape[-2:]
    tall, wide = min(2 * radius + 1, height), min(2 * radius + 1, width)
    top = (row - radius).clamp(0, height - tall)
    left = (column - radius).clamp(0, width - wide)
    rows = top[..., None, None] + torch.arange(tall, device=maps.device)[:, None]
    columns = left[..., None, None] + torch.arange(wide, device=maps.device)
    square = maps.flatten(-2).gather(-1, (rows * width + columns).flatten(-2))
    return square.unflatten(-1, (tall, wide)), top, left


def _vertex(profile: Tensor, start: Tensor, highest: Tensor) -> Tensor:
    """Vertex of the parabola through log(profile), within half a cell of the highest.

    Args:
        profile: (N, J, k) heights, not negative.
        start: (N, J) coordinate of the first of them.
        highest: (N, J) coordinate of the highest cell.

    Returns:
        (N, J) coordinate of the vertex; `highest` itself where the profile is no hill.
    """
    count = profile.shape[-1]
    highest = highest.to(profile.dtype)
    if count < 3:
        return highest
    relative = (profile / profile.amax(dim=-1, keepdim=True).clamp(min=1e-30)).clamp(min=_FLOOR)
    height = relative.log()
    middle = (count - 1) / 2
    at = torch.arange(count, dtype=profile.dtype, device=profile.device) - middle
    # Through three cells the parabola is exact whatever the weights.
    weight = relative if count > 3 else torch.ones_like(relative)
    # Orthogonal polynomials under the weights: 1, at - a, (at - a - b)(at - a) - c.
    total = weight.sum(-1, keepdim=True)
    first = at - (weight * at).sum(-1, keepdim=True) / total
    squared = (weight * first**2).sum(-1, keepdim=True)
    skew = (weight * first**3).sum(-1, keepdim=True) / squared
    second = first**2 - skew * first - squared / total
    slope = (weight * first * height).sum(-1, keepdim=True) / squared
    curve = (weight * second * height).sum(-1, keepdim=True) / (weight * second**2).sum(-1, keepdim=True)
    # height = ... + slope * first + curve * second, whose derivative vanishes at:
    first_at_vertex = (skew - slope / curve) / 2
    vertex = start + middle + (first_at_vertex - first[..., :1] + at[0])[..., 0]
    hill = (curve[..., 0] < 0) & torch.isfinite(vertex)
    offset = torch.where(hill, vertex - highest, 0.0)
    return highest + offset.clamp(-0.5, 0.5)


def highest_cells(maps: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Centre of the highest cell of each map, and how high it is, as LEAP's predictions have them.

    Args:
        maps: (N, J, h, w), what the network returned.
        stride: pixels a cell.

    Returns:
        Points (N, J, 2) x, y in pixels, whole ones at stride 1, and the values (N, J) there, of any size.
    """
    maps = maps.float()
    width = maps.shape[-1]
    peak, index = maps.flatten(-2).max(dim=-1)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    return to_pixels(torch.stack([column, row], dim=-1).float(), stride), peak


def find_peaks(maps: Tensor, activation: str, stride: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Where each map is highest, and how sure it is.

    Args:
        maps: (N, J, h, w), what the network returned.
        activation: "softmax" if they are logits of a distribution over the cells, "linear" if heights.
        stride: pixels a cell.
        sigma: width of the Gaussians the network learned, in pixels.

    Returns:
        Points (N, J, 2) x, y in pixels, and scores (N, J) in [0, 1]: for a softmax the probability mass
        within two sigma of the peak, else the height of the peak, clamped.
    """
    maps = maps.float()
    width = maps.shape[-1]
    peak, index = maps.flatten(-2).max(dim=-1)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    radius = refinement_radius(stride, sigma)
    window, top, left = _window(maps, row, column, radius)
    if activation == "softmax":
        window = torch.exp(window - peak[..., None, None])
        near, _, _ = _window(maps, row, column, score_radius(stride, sigma))
        everything = torch.logsumexp(maps.flatten(-2), dim=-1)
        scores = torch.exp(torch.logsumexp(near.flatten(-2), dim=-1) - everything).clamp(0.0, 1.0)
    else:
        window = window.clamp(min=0.0)
        scores = peak.clamp(0.0, 1.0)
    x = _vertex(window.sum(dim=-2), left, column)
    y = _vertex(window.sum(dim=-1), top, row)
    return to_pixels(torch.stack([x, y], dim=-1), stride), scores
