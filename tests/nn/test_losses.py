"""Losses: what they are smallest for, and that missing points have no part in them."""

from __future__ import annotations

import pytest
import torch

from leaptui.nn.confidence_maps import distribution_maps, gaussian_maps
from leaptui.nn.losses import LOSSES
from leaptui.nn.settings import LOSS_NAMES

NAN = float("nan")


def test_names_agree() -> None:
    assert set(LOSSES) == set(LOSS_NAMES)


def test_cross_entropy_is_that_of_the_maps() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(3, 4, 2, generator=generator) * 40
    logits = torch.randn(3, 4, 10, 12, generator=generator)
    target = distribution_maps(points, (10, 12), 4, 3.0).flatten(2)
    expected = -(target * torch.log_softmax(logits.flatten(2), dim=-1)).sum(-1).mean()
    assert LOSSES["cross_entropy"](logits, points, 4, 3.0).item() == pytest.approx(expected.item(), rel=1e-5)


def test_mse_of_perfect_maps_is_zero() -> None:
    points = torch.rand(2, 3, 2) * 30
    maps = gaussian_maps(points, (32, 40), 1, 5.0)
    assert LOSSES["mse"](maps, points, 1, 5.0).item() == pytest.approx(0.0, abs=1e-10)
    assert LOSSES["mse"](maps + 0.1, points, 1, 5.0).item() == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_missing_points_get_no_gradient_and_do_not_dilute(name: str) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 8, 8, requires_grad=True)
    points = torch.tensor([[[4.0, 4.0], [NAN, NAN], [20.0, 9.0]], [[NAN, NAN], [NAN, NAN], [3.0, 30.0]]])
    loss = LOSSES[name](maps, points, 4, 3.0)
    loss.backward()
    assert maps.grad is not None
    touched = maps.grad.abs().sum(dim=(-2, -1)) > 0
    assert torch.equal(touched, torch.isfinite(points).all(-1))
    single = [
        LOSSES[name](maps[i : i + 1, j : j + 1], points[i : i + 1, j : j + 1], 4, 3.0)
        for i, j in ((0, 0), (0, 2), (1, 2))
    ]
    assert loss.item() == pytest.approx(torch.stack(single).mean().item(), rel=1e-5)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_no_point_at_all_is_no_loss(name: str) -> None:
    maps = torch.randn(1, 2, 4, 4, requires_grad=True)
    loss = LOSSES[name](maps, torch.full((1, 2, 2), NAN), 4, 3.0)
    loss.backward()
    assert loss.item() == 0
    assert maps.grad is not None
    assert not maps.grad.any()
