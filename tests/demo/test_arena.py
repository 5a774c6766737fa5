"""Flies in an arena stay in the frame and apart."""

from __future__ import annotations

import numpy as np
import pytest

from leaptui.demo import Recording, simulate
from leaptui.demo.motion import MIN_GAP, clearance
from leaptui.demo.scene import Scene, World


@pytest.mark.parametrize(("size", "flies"), [((192, 192), 1), ((160, 420), 1), ((420, 200), 2), ((64, 48), 1)])
def test_every_point_stays_in_the_frame(size: tuple[int, int], flies: int) -> None:
    r = simulate(1500, seed=3, size=size, n_flies=flies, view="arena", draw=False)
    assert r.points.min() > 0.0
    assert (r.points.max(axis=(0, 1, 2)) < np.array([size[1], size[0]]) - 1.0).all()
    travelled = np.linalg.norm(np.diff(r.position, axis=0), axis=-1).sum(axis=0) / r.px_per_mm
    assert (travelled > 10.0).all()


@pytest.mark.parametrize("seed", range(4))
def test_two_flies_never_pass_through_one_another(seed: int) -> None:
    scene = Scene(seed=seed, size=(220, 220), n_flies=2, view="arena", behaviours=["walk", "wing_extension"])
    world = World(scene)
    gaps = []
    for _ in range(1200):
        world.step()
        first, second = world.flies
        gaps.append(clearance(first.circles(), second.circles()))
    # A wing that opens may come nearer than a body that walks, but never reaches the other.
    assert min(gaps) > 0.5 * MIN_GAP
    assert min(gaps) < 2.0, "they never met, so nothing was tested"


def test_flies_meet_and_part_again() -> None:
    r = simulate(3000, seed=1, size=(220, 220), n_flies=2, view="arena", draw=False, behaviours=["walk"])
    apart = np.linalg.norm(r.position[:, 0] - r.position[:, 1], axis=-1) / r.px_per_mm
    assert apart.min() < 4.0
    near = apart < 4.0
    longest = max(len(run) for run in "".join("x" if n else " " for n in near).split())
    assert longest < 600, "they got stuck on each other"


def test_arena_frames_have_the_asked_size_and_both_flies(pair: Recording) -> None:
    assert pair.frames.shape == (150, 300, 384, 1)
    for i in range(0, 150, 25):
        for fly in range(2):
            x, y = np.rint(pair.points[i, fly, pair.skeleton.index("thorax")]).astype(int)
            assert pair.frames[i, y, x, 0] > 120


def test_arena_pixels_are_frame_pixels(pair: Recording) -> None:
    assert np.array_equal(pair.arena_points, pair.points)
    thorax = pair.points[:, :, pair.skeleton.index("thorax")]
    assert np.allclose(thorax, pair.position)


def test_speed_and_heading_agree_with_positions() -> None:
    r = simulate(800, seed=2, size=(300, 300), view="arena", draw=False, behaviours=["walk"])
    step = np.diff(r.position[:, 0], axis=0)
    covered = np.linalg.norm(step, axis=1) * r.fps
    mean_speed = 0.5 * (r.speed[1:, 0] + r.speed[:-1, 0])
    assert np.median(np.abs(covered - mean_speed)) < 0.03 * np.median(mean_speed)
    moving = covered > 20
    off = np.arctan2(step[moving, 1], step[moving, 0]) - r.heading[1:, 0][moving]
    assert np.median(np.abs(np.angle(np.exp(1j * off)))) < 0.05
