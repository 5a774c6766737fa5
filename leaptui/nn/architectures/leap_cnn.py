"""LEAP's network as published (Pereira et al. 2019, Nature Methods 16, 117-125).

Three blocks of three 3 x 3 convolutions at stride 1, 2 and 4, with max-pooling between them, then two
transposed convolutions back to stride 1, or, as LEAP offers too, bilinear interpolation with a convolution
behind it. Every convolution but the last is followed by a ReLU.
"""

from __future__ import annotations

from torch import Tensor, nn

from leaptui.nn.architectures.leap_layers import Doubling, check_options, convolution, initialise, stretching


def _block(inside: int, outside: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(convolutions):
        layers += [convolution(inside if i == 0 else outside, outside, 3), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class LeapCNN(nn.Module):
    """LEAP's CNN; 2.55 million parameters with 64 filters, one channel and 32 nodes.

    Args:
        in_channels: 1 for grey, 3 for colour.
        nodes: number of maps.
        filters: channels of the first block; the second has twice, the third four times as many.
        bilinear: 1 to enlarge by bilinear interpolation (corner cells stay) instead of transposed convolutions.

    Raises:
        UsageError: if `filters` is not positive or `bilinear` neither 0 nor 1.
    """

    output_stride = 1
    padding_multiple = 4

    def __init__(self, in_channels: int, nodes: int, filters: int = 64, bilinear: int = 0) -> None:
        super().__init__()
        check_options("leap_cnn", filters, 1, bilinear)
        grow: list[nn.Module]
        finish: list[nn.Module]
        if bilinear:
            grow = [stretching(), _block(4 * filters, 2 * filters, 2)]
            finish = [stretching(), convolution(2 * filters, nodes, 3)]
        else:
            grow = [Doubling(4 * filters, 2 * filters), nn.ReLU(inplace=True), _block(2 * filters, 2 * filters, 2)]
            finish = [Doubling(2 * filters, nodes)]
        self.layers = nn.Sequential(
            _block(in_channels, filters, 3),
            nn.MaxPool2d(2),
            _block(filters, 2 * filters, 3),
            nn.MaxPool2d(2),
            _block(2 * filters, 4 * filters, 3),
            *grow,
            *finish,
        )
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W), H and W multiples of 4 -> maps (N, J, H, W)."""
        return self.layers(frames)
