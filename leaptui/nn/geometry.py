"""Pixel geometry of frames, maps and augmentation.

The centre of the top-left pixel is (0, 0). A map of output stride `s` has its cell (row i, column j) centred
at x = (j + 0.5) * s - 0.5, y = (i + 0.5) * s - 0.5, so that the cells of a map and the pixels of its frame
cover the same area. Resizing follows the same rule: a frame scaled by `f` holds the source point p at
(p + 0.5) * f - 0.5.

An affine is a (N, 2, 3) tensor that takes (x, y, 1) of one frame to (x, y) of another.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def to_cells(points: Tensor, stride: float) -> Tensor:
    """Pixel coordinates as (fractional) cell coordinates of a map of that stride."""
    return (points + 0.5) / stride - 0.5


def to_pixels(cells: Tensor, stride: float) -> Tensor:
    """Cell coordinates of a map of that stride as pixel coordinates; the inverse of `to_cells`."""
    return (cells + 0.5) * stride - 0.5


def scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """Height and width of a frame after scaling, at least one pixel each."""
    return max(1, round(height * scale)), max(1, round(width * scale))


def scale_points(points: Tensor, from_size: tuple[int, int], to_size: tuple[int, int]) -> Tensor:
    """Points (..., 2) of a frame of (H, W) `from_size` in the same frame resized to `to_size`.

    Sizes are whole, so the factors of the two axes may differ a little; both are taken from the sizes.
    """
    factor = points.new_tensor([to_size[1] / from_size[1], to_size[0] / from_size[0]])
    return (points + 0.5) * factor - 0.5


def resize(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize float frames (N, C, H, W) to `size` (H, W), averaging over what a pixel covers when shrinking."""
    if frames.shape[-2:] == size:
        return frames
    return F.interpolate(frames, size=size, mode="bilinear", align_corners=False, antialias=True)


def similarity(rotation: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor, size: tuple[int, int]) -> Tensor:
    """Affines that mirror, scale and rotate about the centre of a frame, then shift.

    Args:
        rotation: (N,) radians, positive turns x towards y (clockwise on the screen).
        scale: (N,) factor.
        shift: (N, 2) x, y in pixels.
        mirror: (N,) bool, left and right change places before anything else.
        size: (H, W) of the frame.

    Returns:
        (N, 2, 3), from the frame to the changed frame of the same size.
    """
    height, width = size
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=shift.dtype, device=shift.device)
    cos, sin = torch.cos(rotation) * scale, torch.sin(rotation) * scale
    side = 1.0 - 2.0 * mirror.to(shift.dtype)
    linear = torch.stack([cos * side, -sin, sin * side, cos], dim=-1).reshape(-1, 2, 2)
    offset = centre + shift - linear @ centre
    return torch.cat([linear, offset.unsqueeze(-1)], dim=-1)


def invert(affine: Tensor) -> Tensor:
    """The inverse of affines (N, 2, 3)."""
    a, b, c, d = (affine[:, i, j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    determinant = a * d - b * c
    linear = torch.stack([d, -b, -c, a], dim=-1).reshape(-1, 2, 2) / determinant[:, None, None]
    return torch.cat([linear, -(linear @ affine[:, :, 2:])], dim=-1)


def apply(affine: Tensor, points: Tensor) -> Tensor:
    """Points (N, J, 2) through affines (N, 2, 3); a missing point stays NaN."""
    return points @ affine[:, :, :2].transpose(1, 2) + affine[:, :, 2].unsqueeze(1)


def _normalised(affine: Tensor, from_size: tuple[int, int], to_size: tuple[int, int]) -> Tensor:
    """A pixel affine in the coordinates of `grid_sample(align_corners=False)`.

    There a frame spans -1 to 1 from the outer edge of its first pixel to that of its last:
    u = (2 x + 1) / W - 1.
    """
    half_from = affine.new_tensor([from_size[1] / 2, from_size[0] / 2])
    half_to = affine.new_tensor([to_size[1] / 2, to_size[0] / 2])
    linear = affine[:, :, :2] * half_from / half_to.unsqueeze(-1)
    origin = affine[:, :, :2] @ (half_from - 0.5) + affine[:, :, 2]
    offset = (origin + 0.5) / half_to - 1.0
    return torch.cat([linear, offset.unsqueeze(-1)], dim=-1)


def sampling_grid(affine: Tensor, size: tuple[int, int]) -> Tensor:
    """What `grid_sample(align_corners=False)` takes to find each pixel of a frame at `affine` of it: (N, H, W, 2)."""
    theta = _normalised(affine, size, size)
    return F.affine_grid(theta, [len(theta), 1, *size], align_corners=False)


def warp(frames: Tensor, affine: Tensor, fill: Tensor, bend: Tensor | None = None) -> Tensor:
    """Move the content of frames by affines; a point `p` of the frame is found at `affine(p)` afterwards.

    Args:
        frames: (N, C, H, W) float.
        affine: (N, 2, 3).
        fill: (C,) value of what comes in from outside.
        bend: what `leaptui.nn.bending` drew, to be applied after the affine.

    Returns:
        (N, C, H, W), bilinear.
    """
    size = (frames.shape[-2], frames.shape[-1])
    theta = _normalised(invert(affine), size, size)
    grid = F.affine_grid(theta, list(frames.shape), align_corners=False)
    if bend is not None:
        half = bend.new_tensor([size[1] / 2, size[0] / 2])
        grid = grid + (bend.permute(0, 2, 3, 1) / half) @ theta[:, None, :, :2].transpose(-2, -1)
    level = fill.to(frames.dtype).reshape(1, -1, 1, 1)
    return F.grid_sample(frames - level, grid.to(frames.dtype), padding_mode="zeros", align_corners=False) + level
