"""Every registered architecture keeps the contract of `leaptui.nn.architectures`."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from leaptui.errors import UsageError
from leaptui.nn.architectures.hourglass import Hourglass, StackedHourglass
from leaptui.nn.architectures.leap_cnn import LeapCNN
from leaptui.nn.architectures.unet import UNet
from leaptui.nn.model import count_parameters
from leaptui.nn.points_graph import fold_normalisation
from leaptui.registry import ARCHITECTURES, resolve

SMALL = {
    "unet": {"widths": (4, 6, 8)},
    "leap_cnn": {"filters": 4},
    "hourglass": {"filters": 4},
    "stacked_hourglass": {"filters": 4},
}
LEAPS = [name for name in SMALL if name != "unet"]


def _make(name: str, channels: int = 1, nodes: int = 5, **options: int) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = resolve(ARCHITECTURES[name].target)(channels, nodes, **(SMALL.get(name, {}) | options))
    return network


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("tall", "wide"), [(1, 1), (1, 2), (3, 2)])
def test_contract(name: str, channels: int, tall: int, wide: int) -> None:
    _hold_to_contract(_make(name, channels).eval(), channels, tall, wide)


@pytest.mark.parametrize("name", LEAPS)
def test_contract_of_bilinear_enlargement(name: str) -> None:
    network = _make(name, bilinear=True).eval()
    _hold_to_contract(network, 1, 2, 3)
    assert not any(isinstance(layer, nn.ConvTranspose2d) for layer in network.modules())


def _hold_to_contract(network: nn.Module, channels: int, tall: int, wide: int) -> None:
    size = (tall * network.padding_multiple, wide * network.padding_multiple)
    frames = torch.randn(2, channels, *size).contiguous(memory_format=torch.channels_last)
    maps = network(frames)
    assert maps.shape == (2, 5, size[0] // network.output_stride, size[1] // network.output_stride)
    assert maps.min() < 0 < maps.max(), "an activation at the end would keep one sign"
    learner = copy.deepcopy(network).train()
    drawn = learner(frames)
    drawn = drawn if isinstance(drawn, tuple) else (drawn,)
    assert all(d.shape == maps.shape for d in drawn)
    torch.stack(drawn).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in learner.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(frames).shape == maps.shape
    assert torch.allclose(fold_normalisation(network)(frames), maps, atol=1e-4)


def test_sizes_as_designed() -> None:
    assert count_parameters(LeapCNN(1, 32)) == 2_545_952
    assert count_parameters(UNet(1, 32)) == 2_894_560
    assert UNet.output_stride == 4
    assert UNet(1, 32).padding_multiple == 64
    assert LeapCNN.output_stride == 1
    # As Keras counts them in LEAP's networks.
    assert count_parameters(LeapCNN(1, 32, bilinear=1)) == 2_398_368
    assert count_parameters(Hourglass(1, 32)) == 285_248
    assert count_parameters(StackedHourglass(1, 32)) == 564_384
    assert count_parameters(StackedHourglass(1, 32, bilinear=1)) == 268_960


def test_both_hourglasses_learn_and_the_last_one_answers() -> None:
    """Each output alone moves its own half; what the first draws is not part of the answer."""
    network = _make("stacked_hourglass")
    frames = torch.randn(1, 1, 32, 32)
    early, late = network.train()(frames)
    assert not torch.allclose(early, late)
    assert torch.equal(network.eval()(frames), late)
    early.sum().backward(retain_graph=True)
    assert all(p.grad is None for n, p in network.named_parameters() if n.startswith(("second.", "out2.")))
    assert all(p.grad is not None for n, p in network.named_parameters() if n.startswith(("first.", "out1.")))


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
        lambda: LeapCNN(1, 2, filters=2.5),
        lambda: LeapCNN(1, 2, filters=4, bilinear=2),
        lambda: Hourglass(1, 2, filters=1),
        lambda: StackedHourglass(1, 2, filters=1),
    ],
)
def test_nonsense_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]
