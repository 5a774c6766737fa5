"""Every registered architecture keeps the contract of `leaptui.nn.architectures`."""

from __future__ import annotations

import pytest
import torch

from leaptui.errors import UsageError
from leaptui.nn.architectures.leap_cnn import LeapCNN
from leaptui.nn.architectures.unet import UNet
from leaptui.nn.model import count_parameters
from leaptui.nn.predictor import fold_normalisation
from leaptui.registry import ARCHITECTURES, resolve

SMALL = {"leap_cnn": {"filters": 4}, "unet": {"widths": (4, 6, 8)}}


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("tall", "wide"), [(1, 1), (1, 2), (3, 2)])
def test_contract(name: str, channels: int, tall: int, wide: int) -> None:
    torch.manual_seed(0)
    network = resolve(ARCHITECTURES[name].target)(channels, 5, **SMALL.get(name, {})).eval()
    size = (tall * network.padding_multiple, wide * network.padding_multiple)
    frames = torch.randn(2, channels, *size).contiguous(memory_format=torch.channels_last)
    maps = network(frames)
    assert maps.shape == (2, 5, size[0] // network.output_stride, size[1] // network.output_stride)
    assert maps.min() < 0 < maps.max(), "an activation at the end would keep one sign"
    maps.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(frames).shape == maps.shape
    assert torch.allclose(fold_normalisation(network)(frames), maps, atol=1e-4)


def test_sizes_as_designed() -> None:
    assert count_parameters(LeapCNN(1, 32)) == 2_545_952
    assert count_parameters(UNet(1, 32)) == 1_353_600
    assert UNet.output_stride == 4
    assert UNet(1, 32).padding_multiple == 32
    assert LeapCNN.output_stride == 1


def test_the_unet_looks_where_its_cells_are() -> None:
    """A mirrored frame through a mirrored network gives the mirrored maps: no half-pixel shift inside."""
    torch.manual_seed(0)
    network = UNet(1, 3, widths=(4, 6, 8)).eval()
    frames = torch.randn(1, 1, 32, 48)
    maps = network(frames)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.copy_(module.weight.flip(-1))
    assert torch.allclose(network(frames.flip(-1)).flip(-1), maps, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UNet(1, 2, widths=(8,)),
        lambda: UNet(1, 2, widths=(8,) * 9),
        lambda: UNet(1, 2, widths=(8, 0)),
        lambda: LeapCNN(1, 2, filters=0),
    ],
)
def test_nonsense_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]
