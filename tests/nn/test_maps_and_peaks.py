"""Confidence maps and their peaks."""

from __future__ import annotations

import pytest
import torch

from leaptui.nn.confidence_maps import distribution_maps, gaussian_maps
from leaptui.nn.geometry import to_pixels
from leaptui.nn.peaks import find_peaks

CASES = [(3.0, 1), (3.0, 2), (3.0, 4), (3.0, 8), (5.0, 1), (5.0, 2), (5.0, 4), (5.0, 8)]


def _points(width: int, height: int, margin: float, seed: int = 0) -> torch.Tensor:
    draw = torch.rand(30, 8, 2, generator=torch.Generator().manual_seed(seed))
    return draw * torch.tensor([width - 2 * margin, height - 2 * margin]) + margin - 0.5


@pytest.mark.parametrize(("sigma", "stride"), CASES)
@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_peaks_of_ideal_maps_are_without_bias_to_the_very_border(sigma: float, stride: int, activation: str) -> None:
    width, height = 160, 96
    points = _points(width, height, 0.0)
    size = (height // stride, width // stride)
    if activation == "softmax":
        maps = distribution_maps(points, size, stride, sigma).clamp(min=1e-30).log() + 4.0
    else:
        maps = gaussian_maps(points, size, stride, sigma)
    found, scores = find_peaks(maps, activation, stride, sigma)
    assert (found - points).abs().max() < 0.05
    assert scores.min() >= 0
    assert scores.max() <= 1
    if activation == "softmax":
        assert scores.min() > 0.9


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_maps_have_their_mass_at_the_point(stride: int) -> None:
    points = _points(128, 64, 30.0)
    maps = distribution_maps(points, (64 // stride, 128 // stride), stride, 7.0)
    assert torch.allclose(maps.sum(dim=(-2, -1)), torch.ones(30, 8), atol=1e-5)
    rows, columns = torch.meshgrid(torch.arange(64 // stride), torch.arange(128 // stride), indexing="ij")
    x = to_pixels((maps * columns).sum(dim=(-2, -1)), stride)
    y = to_pixels((maps * rows).sum(dim=(-2, -1)), stride)
    assert (torch.stack([x, y], dim=-1) - points).abs().max() < 0.05


def test_gaussian_maps_have_height_one_at_a_cell_and_missing_points_none() -> None:
    points = torch.tensor([[[1.5, 5.5], [float("nan"), float("nan")]]])
    maps = gaussian_maps(points, (4, 6), 4, 3.0)
    assert maps[0, 0, 1, 0] == 1.0
    assert maps[0, 0].argmax() == 6
    assert not maps[0, 1].any()


def test_score_is_the_mass_near_the_peak() -> None:
    logits = torch.full((1, 1, 20, 20), -30.0)
    logits[0, 0, 3, 3] = torch.log(torch.tensor(0.7))
    logits[0, 0, 15, 15] = torch.log(torch.tensor(0.3))
    points, scores = find_peaks(logits, "softmax", 4, 3.0)
    assert scores.item() == pytest.approx(0.7, abs=1e-3)
    assert points[0, 0].tolist() == [13.5, 13.5]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 9), (3, 2)])
@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_tiny_and_flat_maps_give_finite_points_inside(size: tuple[int, int], activation: str) -> None:
    for maps in (torch.zeros(2, 3, *size), torch.randn(2, 3, *size), -torch.rand(2, 3, *size)):
        points, scores = find_peaks(maps, activation, 4, 3.0)
        assert torch.isfinite(points).all()
        assert ((points >= -0.5) & (points <= torch.tensor([4 * size[1] - 0.5, 4 * size[0] - 0.5]))).all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_maps_of_reduced_precision_stay_close() -> None:
    points = _points(96, 96, 8.0)
    maps = distribution_maps(points, (24, 24), 4, 3.0).clamp(min=1e-10).log()
    found, _ = find_peaks(maps.bfloat16(), "softmax", 4, 3.0)
    assert (found - points).abs().max() < 0.2
