"""Pixel conventions: cells, resizing, affines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.nn.geometry import (
    apply,
    invert,
    resize,
    scale_points,
    scaled_size,
    similarity,
    to_cells,
    to_pixels,
    warp,
)
from tests.nn.conftest import draw_blob


@given(st.floats(-500, 500), st.sampled_from([1, 2, 4, 8]))
def test_cells_and_pixels_are_inverse_and_centred(x: float, stride: int) -> None:
    point = torch.tensor([x, -x], dtype=torch.float64)
    assert torch.allclose(to_pixels(to_cells(point, stride), stride), point)
    assert to_pixels(torch.tensor(0.0), stride).item() == (stride - 1) / 2


similarities = st.tuples(
    st.floats(-math.pi, math.pi), st.floats(0.5, 2.0), st.floats(-20, 20), st.floats(-20, 20), st.booleans()
)


def _similarity(
    rotation: float, scale: float, dx: float, dy: float, mirror: bool, size: tuple[int, int]
) -> torch.Tensor:
    return similarity(
        torch.tensor([rotation], dtype=torch.float64),
        torch.tensor([scale], dtype=torch.float64),
        torch.tensor([[dx, dy]], dtype=torch.float64),
        torch.tensor([mirror]),
        size,
    )


@given(similarities)
def test_similarity_keeps_angles_scales_lengths_and_turns_about_the_centre(
    values: tuple[float, float, float, float, bool],
) -> None:
    rotation, scale, dx, dy, mirror = values
    affine = _similarity(*values, size=(41, 81))
    centre = torch.tensor([[[40.0, 20.0]]], dtype=torch.float64)
    assert torch.allclose(apply(affine, centre)[0, 0], centre[0, 0] + torch.tensor([dx, dy], dtype=torch.float64))
    linear = affine[0, :, :2]
    assert torch.allclose(linear.T @ linear, scale**2 * torch.eye(2, dtype=torch.float64), atol=1e-9)
    assert (torch.linalg.det(linear) < 0) == mirror
    moved = apply(affine, centre + torch.tensor([1.0, 0.0], dtype=torch.float64)) - apply(affine, centre)
    side = -1 if mirror else 1
    assert torch.allclose(
        moved[0, 0], side * scale * torch.tensor([math.cos(rotation), math.sin(rotation)], dtype=torch.float64)
    )


@given(similarities)
def test_invert_undoes_apply(values: tuple[float, float, float, float, bool]) -> None:
    affine = _similarity(*values, size=(30, 50))
    points = torch.tensor([[[3.0, 7.0], [-20.0, 44.0]]], dtype=torch.float64)
    assert torch.allclose(apply(invert(affine), apply(affine, points)), points, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(similarities)
def test_warp_moves_pixels_where_apply_moves_points(values: tuple[float, float, float, float, bool]) -> None:
    size, start = (70, 110), (50.3, 38.6)
    affine = _similarity(*values, size=size).float()
    target = apply(affine, torch.tensor([[start]]))[0, 0].numpy()
    if not (15 < target[0] < size[1] - 16 and 15 < target[1] < size[0] - 16):
        return
    frame = torch.from_numpy(draw_blob(size, *start)).float()[None, None]
    moved = warp(frame, affine, torch.zeros(1))[0, 0].double().numpy()
    rows, columns = np.mgrid[: size[0], : size[1]]
    found = np.array([(columns * moved).sum(), (rows * moved).sum()]) / moved.sum()
    assert np.abs(found - target).max() < 0.1


def test_warp_by_nothing_changes_nothing_and_outside_is_the_fill() -> None:
    frame = torch.rand(1, 2, 5, 9)
    still = _similarity(0, 1, 0, 0, False, (5, 9)).float()
    assert torch.allclose(warp(frame, still, torch.tensor([0.0, 0.0])), frame, atol=1e-5)
    away = _similarity(0, 1, 100, 0, False, (5, 9)).float()
    filled = warp(frame, away, torch.tensor([0.25, 0.75]))
    assert torch.allclose(filled, torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1).expand(1, 2, 5, 9))


def test_mirror_is_exact_to_the_pixel() -> None:
    frame = torch.rand(1, 1, 6, 11)
    mirrored = warp(frame, _similarity(0, 1, 0, 0, True, (6, 11)).float(), torch.zeros(1))
    assert torch.allclose(mirrored, frame.flip(-1), atol=1e-5)


@pytest.mark.parametrize(("size", "scale"), [((60, 100), 0.5), ((61, 97), 0.4), ((64, 64), 1.0)])
def test_resizing_keeps_points_on_their_pixels(size: tuple[int, int], scale: float) -> None:
    at = (33.2, 28.7)
    target_size = scaled_size(*size, scale)
    small = (
        resize(torch.from_numpy(draw_blob(size, *at, sigma=4)).float()[None, None], target_size)[0, 0].double().numpy()
    )
    rows, columns = np.mgrid[: target_size[0], : target_size[1]]
    found = np.array([(columns * small).sum(), (rows * small).sum()]) / small.sum()
    expected = scale_points(torch.tensor(at), size, target_size).numpy()
    assert np.abs(found - expected).max() < 0.05
    back = scale_points(torch.from_numpy(expected), target_size, size)
    assert np.allclose(back.numpy(), at, atol=1e-4)
