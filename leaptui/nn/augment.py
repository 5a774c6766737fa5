"""Augmentation, on the training device and in whole batches.

One affine a frame (mirror, scale, rotation, shift) and a bend after it move pixels and points together, so a point
stays on the pixel it was placed on. What comes in from outside the frame has the fill value of the data set, the
median of the frames' borders: black where recordings are masked, arena where they are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from leaptui.nn.bending import bend_points, draw_bend
from leaptui.nn.geometry import apply, similarity, warp
from leaptui.nn.settings import TrainingSettings


class Augmenter:
    """Random changes of frames and their points.

    Args:
        settings: how far each change goes.
        swap: the node that each node becomes in a mirror; its own position throughout when the skeleton has
            no symmetries, and then nothing is mirrored.
        pixels_per_source_pixel: `input_scale`, so that shifts are in source pixels.
    """

    def __init__(self, settings: TrainingSettings, swap: Sequence[int], pixels_per_source_pixel: float = 1.0) -> None:
        self.settings = settings
        self.swap = list(swap)
        self.mirrors = settings.mirror and self.swap != list(range(len(self.swap)))
        self.shift = settings.shift * pixels_per_source_pixel
        self.elastic = (settings.elastic or 0.0) * pixels_per_source_pixel

    def affines(self, count: int, size: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw (N, 2, 3) affines for frames of (H, W) `size`, and which of them mirror, (N,) bool."""
        s = self.settings
        device = generator.device
        draw = torch.rand(5, count, generator=generator, device=device)
        signed = 2 * draw - 1
        low, high = math.log(s.scale_min), math.log(s.scale_max)
        mirrored = (draw[4] < 0.5) & self.mirrors
        affine = similarity(
            rotation=signed[0] * math.radians(s.rotation),
            scale=torch.exp(low + (high - low) * draw[1]),
            shift=signed[2:4].T * self.shift,
            mirror=mirrored,
            size=size,
        )
        return affine, mirrored

    def bend(self, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor | None:
        """Draw bends for frames of (H, W) `size`, see `leaptui.nn.bending`; None where the settings want none."""
        return draw_bend(count, size, self.elastic, generator) if self.elastic > 0 else None

    def move(
        self,
        frames: Tensor,
        points: Tensor,
        affine: Tensor,
        mirrored: Tensor,
        fill: Tensor,
        bend: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Apply affines, and then bends, to float frames (N, C, H, W) and their points (N, J, 2).

        Nodes of mirrored frames change places with their twins. Points that leave the frame become NaN.
        """
        moved = apply(affine, points)
        if bend is not None:
            moved = bend_points(moved, bend)
        moved = torch.where(mirrored[:, None, None], moved[:, self.swap], moved)
        height, width = frames.shape[-2:]
        edge = torch.tensor([width - 0.5, height - 0.5], device=points.device)
        inside = ((moved >= -0.5) & (moved <= edge)).all(dim=-1, keepdim=True)
        return warp(frames, affine, fill, bend), torch.where(inside, moved, math.nan)

    def recolour(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Change brightness and contrast of normalised frames (N, C, H, W), and add noise."""
        s = self.settings
        signed = 2 * torch.rand(2, len(frames), 1, 1, 1, generator=generator, device=generator.device) - 1
        changed = frames * torch.exp(signed[0] * s.contrast) + signed[1] * s.brightness
        if s.noise > 0:
            changed = changed + s.noise * torch.randn(frames.shape, generator=generator, device=generator.device)
        return changed
