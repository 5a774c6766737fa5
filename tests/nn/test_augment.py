"""Augmentation: a point follows its pixel."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from leaptui.nn.augment import Augmenter
from leaptui.nn.settings import PROFILES, TrainingSettings
from tests.nn.conftest import BLOBS, draw_blob

WILD = TrainingSettings(rotation=180, scale_min=0.8, scale_max=1.25, shift=6, mirror=True)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [(96, 96), (70, 130), (131, 71)])
def test_points_follow_their_blobs(size: tuple[int, int]) -> None:
    """Each frame has one blob at one node; after augmentation it is found at the node it became."""
    height, width = size
    count, nodes = 48, len(BLOBS)
    generator = np.random.default_rng(3)
    points = np.full((count, nodes, 2), np.nan, dtype=np.float32)
    frames = np.zeros((count, 1, height, width), dtype=np.float32)
    for i in range(count):
        at = generator.uniform(0.35, 0.65, 2) * [width, height]
        points[i, i % nodes] = at
        frames[i, 0] = draw_blob(size, *at)
    augmenter = Augmenter(WILD, BLOBS.swap)
    affine, mirrored = augmenter.affines(count, size, _generator())
    moved, at_last = augmenter.move(
        torch.from_numpy(frames), torch.from_numpy(points), affine, mirrored, torch.zeros(1)
    )
    assert 10 < int(mirrored.sum()) < 38
    rows, columns = np.mgrid[:height, :width]
    checked = 0
    for i in range(count):
        node = BLOBS.swap[i % nodes] if mirrored[i] else i % nodes
        there = np.flatnonzero(np.isfinite(at_last[i].numpy()).all(axis=-1))
        assert there.tolist() == [node]
        x, y = at_last[i, node].tolist()
        if min(x, y, width - 1 - x, height - 1 - y) < 10:
            continue
        blob = moved[i, 0].double().numpy()
        found = ((columns * blob).sum() / blob.sum(), (rows * blob).sum() / blob.sum())
        assert math.dist(found, (x, y)) < 0.1
        checked += 1
    assert checked > count // 2


@pytest.mark.parametrize("size", [(96, 96), (70, 130)])
def test_points_follow_what_is_bent(size: tuple[int, int]) -> None:
    """A ramp of grey levels along an axis tells where each pixel of the bent and moved frame came from."""
    height, width = size
    count = 12
    rows, columns = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    ramps = torch.stack([columns, rows]).expand(count, 2, height, width)
    generator = _generator(4)
    points = torch.rand(count, 9, 2, generator=generator) * torch.tensor([width * 0.4, height * 0.4]) + 0.3 * width / 2
    points[0, 0] = math.nan
    augmenter = Augmenter(dataclasses.replace(WILD, elastic=4.0), range(9))
    affine, mirrored = augmenter.affines(count, size, generator)
    bend = augmenter.bend(count, size, generator)
    assert bend is not None and float(bend.abs().amax()) > 3
    moved, at_last = augmenter.move(ramps, points, affine, mirrored, torch.zeros(2), bend)
    assert torch.isnan(at_last[0, 0]).all()
    checked = 0
    for i in range(count):
        for j in range(9):
            x, y = at_last[i, j].tolist()
            if not (2 < x < width - 3 and 2 < y < height - 3):
                continue
            left, top = int(x), int(y)
            square = moved[i, :, top : top + 2, left : left + 2]
            right, down = x - left, y - top
            across = square[:, :, 0] * (1 - right) + square[:, :, 1] * right
            level = across[:, 0] * (1 - down) + across[:, 1] * down
            assert torch.allclose(level, points[i, j], atol=0.25)
            checked += 1
    assert checked > 50


def test_without_strength_nothing_is_bent() -> None:
    assert Augmenter(dataclasses.replace(WILD, elastic=0.0), range(2)).bend(3, (32, 32), _generator()) is None


def test_points_that_leave_are_masked() -> None:
    augmenter = Augmenter(dataclasses.replace(WILD, mirror=False), range(2))
    affine = torch.tensor([[[1.0, 0.0, 30.0], [0.0, 1.0, 0.0]]])
    points = torch.tensor([[[5.0, 5.0], [15.0, 5.0]]])
    _, moved = augmenter.move(torch.zeros(1, 1, 20, 40), points, affine, torch.tensor([False]), torch.zeros(1))
    assert moved[0, 0].tolist() == [35.0, 5.0]
    assert torch.isnan(moved[0, 1]).all()


def test_nothing_is_mirrored_without_symmetries() -> None:
    _, mirrored = Augmenter(WILD, range(4)).affines(64, (32, 32), _generator())
    assert not mirrored.any()


def test_ranges_are_kept() -> None:
    settings = PROFILES["leap"]
    affine, _ = Augmenter(dataclasses.replace(settings, mirror=False), BLOBS.swap).affines(500, (64, 64), _generator())
    angles = torch.rad2deg(torch.atan2(affine[:, 1, 0], affine[:, 0, 0]))
    assert angles.abs().max() <= 15.001
    assert angles.abs().max() > 13
    lengths = torch.linalg.vector_norm(affine[:, :, 0], dim=-1)
    assert torch.allclose(lengths, torch.ones(500), atol=1e-5)


def test_the_same_seed_draws_the_same() -> None:
    augmenter = Augmenter(WILD, BLOBS.swap)
    first, second = (augmenter.affines(8, (32, 48), _generator(5))[0] for _ in range(2))
    assert torch.equal(first, second)
    other, _ = augmenter.affines(8, (32, 48), _generator(6))
    assert not torch.equal(first, other)


def test_recolouring_is_within_range_and_the_same_over_a_frame() -> None:
    settings = dataclasses.replace(WILD, brightness=0.3, contrast=0.2, noise=0.0)
    frames = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)]).repeat(50, 1, 1, 1)
    changed = Augmenter(settings, BLOBS.swap).recolour(frames, _generator())
    assert torch.allclose(changed, changed[:, :, :1, :1].expand_as(changed))
    assert changed[::2].abs().max() <= 0.3 + 1e-6
    assert math.exp(-0.2) - 0.3 - 1e-6 <= changed[1::2].min()
    assert changed[1::2].max() <= math.exp(0.2) + 0.3 + 1e-6
    noisy = Augmenter(dataclasses.replace(settings, noise=0.5), BLOBS.swap).recolour(frames, _generator())
    assert noisy[0].std() > 0.1
