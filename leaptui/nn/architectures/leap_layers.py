"""What LEAP's three networks are made of (Pereira et al. 2019, Nature Methods 16, 117-125)."""

from __future__ import annotations

from torch import Tensor, nn

from leaptui.errors import UsageError


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution to exactly twice the size, aligned as Keras aligns padding "same"."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(inside, outside, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        height, width = x.shape[-2:]
        return super().forward(x, output_size)[..., : 2 * height, : 2 * width]


def stretching() -> nn.Upsample:
    """Bilinear interpolation to twice the size in which the centres of the corner cells stay where they are.

    That is how LEAP enlarges instead of transposed convolutions when asked to; the cells between drift by up to
    half a cell, which the convolutions behind it have to learn.
    """
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)


def convolution(inside: int, outside: int, size: int) -> nn.Conv2d:
    """Convolution that keeps the size of the maps."""
    return nn.Conv2d(inside, outside, size, padding=size // 2)


def initialise(network: nn.Module, *, normal: bool = False) -> None:
    """Draw weights as LEAP does: uniform after Glorot, but normal in transposed convolutions, or everywhere."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            draw = nn.init.xavier_normal_ if normal or isinstance(layer, Doubling) else nn.init.xavier_uniform_
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def check_options(name: str, filters: int, least: int, bilinear: int) -> None:
    """Raise UsageError unless the options make sense."""
    if isinstance(filters, bool) or not isinstance(filters, int) or filters < least:
        raise UsageError(f"{name} needs {least} or more filters, a whole number, not {filters}")
    if bilinear not in (0, 1):
        raise UsageError(f"the option bilinear of {name} is 0 or 1, not {bilinear}")
