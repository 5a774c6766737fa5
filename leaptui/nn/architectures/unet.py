"""A small U-Net (after Ronneberger et al. 2015) that works at reduced resolution.

A strided stem halves the frame before the first block, and the decoder stops at stride 4: the arithmetic of
a pose network is in its fine levels, and the peak is found below the cell anyway (`leaptui.nn.peaks`).
Channels are therefore few in the stem and many in the coarse levels, where they cost little time and see the
whole body: which leg it is cannot be told from the tip alone. On the way up, a coarse level is brought to the
channels of the finer one before it is enlarged and added (as in the feature pyramids of Lin et al. 2017): joining
the two side by side instead takes half as much arithmetic again and finds no better points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from leaptui.errors import UsageError

_MOST_LEVELS = 8


def _convolution(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    """Two convolutions beside the identity (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


def _block(inside: int, outside: int, residuals: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(inside, outside),
        _convolution(outside, outside),
        *(_Residual(outside) for _ in range(residuals)),
    )


class UNet(nn.Module):
    """U-Net with a stem of stride 2 and an output stride of 4.

    Args:
        in_channels: 1 for grey, 3 for colour.
        nodes: number of maps.
        widths: channels of the stem (stride 2) and of the levels at stride 4, 8, 16, ...; two to eight.
        residuals: how many of the coarsest levels have a residual block more.

    Raises:
        UsageError: if they are not so many, or not positive.
    """

    output_stride = 4

    def __init__(
        self,
        in_channels: int,
        nodes: int,
        widths: Sequence[int] = (16, 32, 64, 96, 160, 192),
        residuals: int = 3,
    ) -> None:
        super().__init__()
        if not 2 <= len(widths) <= _MOST_LEVELS or min(widths) < 1:
            raise UsageError(f"a U-Net needs two to {_MOST_LEVELS} positive widths, not {list(widths[:9])}")
        if not 0 <= residuals < _MOST_LEVELS:
            raise UsageError(f"a U-Net has from 0 to {_MOST_LEVELS - 1} levels with residual blocks, not {residuals}")
        self.padding_multiple = 2 ** len(widths)
        stem, *levels = widths
        # An even kernel keeps the stem's cells centred between the pixels they cover.
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, stem, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
        )
        self.down = nn.ModuleList(
            _block(a, b, int(len(levels) - i <= residuals))
            for i, (a, b) in enumerate(zip(widths[:-1], levels, strict=True))
        )
        self.pool = nn.MaxPool2d(2)
        fine_to_coarse = list(pairwise(levels))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in reversed(fine_to_coarse))
        self.up = nn.ModuleList(_convolution(fine, fine) for fine, _ in reversed(fine_to_coarse))
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(levels[0], nodes, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W), H and W multiples of `padding_multiple` -> maps (N, J, H / 4, W / 4)."""
        x = self.stem(frames)
        skips: list[Tensor] = []
        for block in self.down:
            x = block(self.pool(x))
            skips.append(x)
        skips.pop()
        for narrow, block in zip(self.narrow, self.up, strict=True):
            x = block(self.grow(narrow(x)) + skips.pop())
        return self.head(x)
