"""LEAP's hourglass networks (Pereira et al. 2019), after Newell et al. 2016, "Stacked hourglass networks".

An hourglass goes from stride 1 down to stride 16 and back, one residual bottleneck at each level; on the way
back the maps of the same level on the way down are added. Unlike Newell's, LEAP's have no batch normalisation,
work at full resolution, and add without an activation behind it.
"""

from __future__ import annotations

from torch import Tensor, nn

from leaptui.nn.architectures.leap_layers import Doubling, check_options, convolution, initialise, stretching

_LEVELS = 4


class Bottleneck(nn.Module):
    """Convolutions of size 1, 3, 1 beside a short cut, which is a convolution where the channels differ.

    Args:
        inside, outside: channels.
        narrow: channels of the first two convolutions.
        linear: no ReLU behind the convolutions, for maps.
    """

    def __init__(self, inside: int, outside: int, narrow: int, *, linear: bool = False) -> None:
        super().__init__()
        self.conv1 = convolution(inside, narrow, 1)
        self.conv2 = convolution(narrow, narrow, 3)
        self.conv3 = convolution(narrow, outside, 1)
        self.skip = convolution(inside, outside, 1) if inside != outside else None
        self.act = nn.Identity() if linear else nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inside, h, w) -> (N, outside, h, w)."""
        side = x if self.skip is None else self.act(self.skip(x))
        for layer in (self.conv1, self.conv2, self.conv3):
            x = self.act(layer(x))
        return side + x


class _Glass(nn.Module):
    """Down to stride 16 and back; `filters` channels everywhere.

    Attributes:
        x1 ... x9: the bottlenecks in LEAP's numbering, x5 at stride 16.
        up6 ... up9: what doubles the size before x6 ... x9.
    """

    def __init__(self, inside: int, filters: int, bilinear: int) -> None:
        super().__init__()
        for i in range(1, 2 * _LEVELS + 2):
            self.add_module(f"x{i}", Bottleneck(inside if i == 1 else filters, filters, filters // 2))
        for i in range(_LEVELS + 2, 2 * _LEVELS + 2):
            grow = stretching() if bilinear else nn.Sequential(Doubling(filters, filters), nn.ReLU())
            self.add_module(f"up{i}", grow)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inside, h, w), h and w multiples of 16 -> (N, filters, h, w)."""
        sides: list[Tensor] = []
        for i in range(1, _LEVELS + 1):
            sides.append(self.get_submodule(f"x{i}")(x))
            x = self.pool(sides[-1])
        x = self.get_submodule(f"x{_LEVELS + 1}")(x)
        for i in range(_LEVELS + 2, 2 * _LEVELS + 2):
            x = self.get_submodule(f"x{i}")(sides.pop() + self.get_submodule(f"up{i}")(x))
        return x


class Hourglass(nn.Module):
    """LEAP's hourglass.

    Args:
        in_channels: 1 for grey, 3 for colour.
        nodes: number of maps.
        filters: channels at every level.
        bilinear: 1 to enlarge by bilinear interpolation (corner cells stay) instead of transposed convolutions.

    Raises:
        UsageError: if there are fewer than two filters or `bilinear` is neither 0 nor 1.
    """

    output_stride = 1
    padding_multiple = 2**_LEVELS

    def __init__(self, in_channels: int, nodes: int, filters: int = 64, bilinear: int = 0) -> None:
        super().__init__()
        check_options("hourglass", filters, 2, bilinear)
        self.glass = _Glass(in_channels, filters, bilinear)
        self.out = convolution(filters, nodes, 3)
        initialise(self.glass, normal=True)
        initialise(self.out)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W), H and W multiples of 16 -> maps (N, J, H, W)."""
        return self.out(self.glass(frames))


class StackedHourglass(nn.Module):
    """LEAP's two hourglasses, the second on the maps of the first, each with maps of its own.

    The maps of the first are drawn only to supervise it in training.

    Args:
        in_channels: 1 for grey, 3 for colour.
        nodes: number of maps.
        filters: channels at every level.
        bilinear: 1 to enlarge by bilinear interpolation (corner cells stay) instead of transposed convolutions.

    Raises:
        UsageError: if there are fewer than two filters or `bilinear` is neither 0 nor 1.
    """

    output_stride = 1
    padding_multiple = 2**_LEVELS

    def __init__(self, in_channels: int, nodes: int, filters: int = 64, bilinear: int = 0) -> None:
        super().__init__()
        check_options("stacked_hourglass", filters, 2, bilinear)
        self.first = _Glass(in_channels, filters, bilinear)
        self.second = _Glass(filters, filters, bilinear)
        self.out1 = Bottleneck(filters, nodes, nodes, linear=True)
        self.out2 = Bottleneck(filters, nodes, nodes, linear=True)
        initialise(self, normal=True)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Frames (N, C, H, W), H and W multiples of 16 -> maps (N, J, H, W); in training those of both."""
        early = self.first(frames)
        late = self.second(early)
        return (self.out1(early), self.out2(late)) if self.training else self.out2(late)
