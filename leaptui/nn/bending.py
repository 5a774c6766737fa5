"""Elastic augmentation: frames bent by smooth random displacements, and their points with them.

Few labelled frames show few poses. A smooth displacement (as Simard et al. 2003 used for digits) moves legs and
body against each other, and so shows the network poses that nobody has labelled.

A bend is a (N, 2, H, W) tensor: at each pixel of the bent frame the x and y, in pixels, from there to where its
content comes from.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SPACING = 7
"""Pixels between the nodes of the random grid, in multiples of the strength: a bend then never folds over."""
_STEPS = 16


def draw_bend(count: int, size: tuple[int, int], strength: float, generator: torch.Generator) -> Tensor:
    """Random bends for `count` frames of (H, W) `size`.

    Args:
        strength: largest standard deviation of the displacements along each axis, px; each frame has its own share.
        generator: on the device where the bends are wanted.
    """
    device = generator.device
    rows, columns = (max(4, round(side / (_SPACING * strength)) + 1) for side in size)
    share = torch.rand(count, 1, 1, 1, generator=generator, device=device)
    nodes = torch.randn(count, 2, rows, columns, generator=generator, device=device)
    nodes = nodes.clamp(-1.5, 1.5) * (strength * share)
    return F.interpolate(nodes, size=size, mode="bicubic", align_corners=True)


def bend_points(points: Tensor, bend: Tensor) -> Tensor:
    """Where points (N, J, 2) of the frames are found in the bent frames; a missing point stays NaN."""
    there = torch.isfinite(points).all(dim=-1, keepdim=True)
    known = torch.where(there, points, 0.0)
    last = points.new_tensor([max(1, bend.shape[-1] - 1), max(1, bend.shape[-2] - 1)])
    found = known
    # A bent pixel q shows what was at q + bend(q): the point p is at the q for which that is p.
    for _ in range(_STEPS):
        at = (2 * found / last - 1).unsqueeze(2)
        moved = F.grid_sample(bend, at, padding_mode="border", align_corners=True)[..., 0]
        found = known - moved.transpose(1, 2)
    return torch.where(there, found, points)
