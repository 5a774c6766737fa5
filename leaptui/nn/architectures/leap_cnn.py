"""LEAP's network as published (Pereira et al. 2019, Nature Methods 16, 117-125).

Three blocks of three 3 x 3 convolutions at stride 1, 2 and 4, with max-pooling between them, then two
transposed convolutions back to stride 1. Every convolution but the last is followed by a ReLU.
"""

from __future__ import annotations

from torch import Tensor, nn

from leaptui.errors import UsageError


class _Doubling(nn.ConvTranspose2d):
    """Transposed convolution to exactly twice the size, aligned as Keras aligns padding "same"."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(inside, outside, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        height, width = x.shape[-2:]
        return super().forward(x, output_size)[..., : 2 * height, : 2 * width]


def _block(inside: int, outside: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(convolutions):
        layers += [nn.Conv2d(inside if i == 0 else outside, outside, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class LeapCNN(nn.Module):
    """LEAP's CNN; 2.55 million parameters with 64 filters, one channel and 32 nodes.

    Args:
        in_channels: 1 for grey, 3 for colour.
        nodes: number of maps.
        filters: channels of the first block; the second has twice, the third four times as many.

    Raises:
        UsageError: if `filters` is not positive.
    """

    output_stride = 1
    padding_multiple = 4

    def __init__(self, in_channels: int, nodes: int, filters: int = 64) -> None:
        super().__init__()
        if filters < 1:
            raise UsageError(f"leap_cnn needs one filter or more, not {filters}")
        self.layers = nn.Sequential(
            _block(in_channels, filters, 3),
            nn.MaxPool2d(2),
            _block(filters, 2 * filters, 3),
            nn.MaxPool2d(2),
            _block(2 * filters, 4 * filters, 3),
            _Doubling(4 * filters, 2 * filters),
            nn.ReLU(inplace=True),
            _block(2 * filters, 2 * filters, 2),
            _Doubling(2 * filters, nodes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W), H and W multiples of 4 -> maps (N, J, H, W)."""
        return self.layers(frames)
