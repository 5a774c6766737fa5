"""Recordings: deterministic, streamed as simulated, varied, and clear about what cannot be."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.demo import BEHAVIOURS, LEGS, Recording, Scene, join, sample_poses, simulate, stream
from leaptui.errors import UsageError
from leaptui.pose.builtin import fly32


def same(a: Recording, b: Recording) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Recording))


def test_shapes_and_units() -> None:
    r = simulate(7, seed=1)
    assert r.frames.shape == (7, 192, 192, 1) and r.frames.dtype == np.uint8
    assert r.points.shape == (7, 1, 32, 2) and r.points.dtype == np.float64
    assert r.occluded.shape == (7, 1, 32) and r.stance.shape == (7, 1, len(LEGS))
    assert r.behaviour.shape == r.heading.shape == r.speed.shape == (7, 1) and r.position.shape == (7, 1, 2)
    assert r.skeleton == fly32() and r.behaviour_names == BEHAVIOURS
    assert r.fps == 100.0 and r.px_per_mm == 35.0 and len(r) == 7


def test_same_seed_same_recording_other_seed_another() -> None:
    first, second = simulate(12, seed=3), simulate(12, seed=3)
    assert same(first, second)
    assert not np.array_equal(first.frames, simulate(12, seed=4).frames)


def test_same_in_another_process() -> None:
    code = (
        "import hashlib; from leaptui.demo import simulate; r = simulate(6, seed=9, size=(120, 160), view='arena');"
        "print(hashlib.sha256(r.frames.tobytes() + r.points.tobytes()).hexdigest())"
    )
    r = simulate(6, seed=9, size=(120, 160), view="arena")
    here = hashlib.sha256(r.frames.tobytes() + r.points.tobytes()).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here


def test_importing_and_simulating_loads_numpy_only() -> None:
    code = (
        "import sys; from leaptui.demo import simulate, stream; simulate(1);"
        "print([m for m in ('av', 'torch', 'scipy', 'PIL', 'h5py') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@settings(max_examples=6, deadline=None)
@given(block=st.integers(1, 40), view=st.sampled_from(["centred", "egocentric", "arena"]))
def test_stream_is_simulate_whatever_the_block(block: int, view: str) -> None:
    options = {"seed": 2, "size": (64, 80), "view": view, "scale": 0.3 if view != "arena" else None}
    whole = simulate(33, **options)
    blocks = list(stream(33, block=block, **options))
    assert [len(b) for b in blocks[:-1]] == [block] * (len(blocks) - 1)
    assert same(join(blocks), whole)


def test_a_longer_recording_begins_as_a_shorter_one() -> None:
    assert np.array_equal(simulate(20, seed=6).frames[:8], simulate(8, seed=6).frames)


def test_truth_without_pixels_is_the_same_truth() -> None:
    drawn, bare = simulate(9, seed=8), simulate(9, seed=8, draw=False)
    assert bare.frames.size == 0 and np.array_equal(drawn.points, bare.points)


def test_every_behaviour_occurs_and_early(life: Recording) -> None:
    assert set(np.unique(life.behaviour)) == set(range(len(BEHAVIOURS)))
    for seed in range(4):
        r = simulate(600, seed=seed, draw=False)
        assert len(np.unique(r.behaviour)) == len(BEHAVIOURS)


def test_behaviours_show_in_the_points(life: Recording) -> None:
    sk = life.skeleton
    thorax = life.points[:, 0, sk.index("thorax")]
    ahead = np.stack([np.cos(life.heading[:, 0]), np.sin(life.heading[:, 0])], axis=1)
    right = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    code = life.behaviour[:, 0]

    def body(node: str) -> np.ndarray:
        d = life.points[:, 0, sk.index(node)] - thorax
        return np.stack([(d * ahead).sum(1), (d * right).sum(1)], axis=1) / life.px_per_mm

    out = np.maximum(body("wingR")[:, 1], -body("wingL")[:, 1])
    assert np.percentile(out[code == BEHAVIOURS.index("wing_extension")], 60) > 2.4
    assert out[code == BEHAVIOURS.index("walk")].mean() < 0.9
    apart = np.linalg.norm(body("forelegR4") - body("forelegL4"), axis=1)
    assert np.median(apart[code == BEHAVIOURS.index("groom_forelegs")]) < 0.4
    assert np.median(apart[code == BEHAVIOURS.index("walk")]) > 0.8
    tips = body("hindlegR4")
    assert np.median(tips[code == BEHAVIOURS.index("groom_abdomen"), 1]) < 0.6
    walking = life.speed[:, 0] / life.px_per_mm
    assert np.median(walking[code == BEHAVIOURS.index("walk")]) > 3.0
    assert np.median(walking[code == BEHAVIOURS.index("stand")]) < 0.5


def test_transitions_are_smooth(life: Recording) -> None:
    """No part of the body jumps: between two frames nothing moves further than a swinging foot can."""
    moved = np.linalg.norm(np.diff(life.arena_points[:, 0], axis=0), axis=-1) / life.px_per_mm
    assert moved.max() < 1.3
    knees = [life.skeleton.index(f"{leg}2") for leg in LEGS]
    assert moved[:, knees].max() < 0.9


def test_only_the_named_behaviours() -> None:
    r = simulate(300, seed=1, draw=False, behaviours=["stand", "groom_head"])
    assert {BEHAVIOURS[c] for c in np.unique(r.behaviour)} == {"stand", "groom_head"}


def test_centred_and_egocentric_hold_the_fly_in_the_middle() -> None:
    thorax = fly32().index("thorax")
    centred = simulate(60, seed=4, draw=False, view="centred", behaviours=["walk"])
    assert np.abs(centred.points[:, 0, thorax] - 95.5).max() <= 0.5
    ego = simulate(60, seed=4, draw=False, view="egocentric", behaviours=["walk"])
    assert np.allclose(ego.points[:, 0, thorax], 95.5, atol=1e-9)
    neck = ego.points[:, 0, fly32().index("neck")]
    assert np.allclose(neck[:, 1], 95.5, atol=1e-9) and (neck[:, 0] > 115).all()
    assert np.allclose(ego.arena_points, centred.arena_points, atol=1e-8)


def test_body_is_95_px_long_and_scale_multiplies() -> None:
    lengths = []
    for seed in range(8):
        r = simulate(1, seed=seed, draw=False)
        lengths.append(np.linalg.norm(r.points[0, 0, 0] - r.points[0, 0, 5]))
    assert 93 < np.mean(lengths) < 97 and np.std(lengths) > 0.2
    half = simulate(1, seed=7, draw=False, scale=0.5)
    assert np.linalg.norm(half.points[0, 0, 0] - half.points[0, 0, 5]) == pytest.approx(0.5 * lengths[7])


def test_sample_poses_spreads_behaviours_and_headings() -> None:
    r = sample_poses(36, seed=2, scale=0.4, size=(80, 80))
    assert not r.continuous and r.frames.shape == (36, 80, 80, 1)
    counts = np.bincount(r.behaviour[:, 0], minlength=len(BEHAVIOURS))
    assert counts.min() >= 4
    sectors = np.unique(np.floor((r.heading[:, 0] % (2 * np.pi)) / (np.pi / 4)))
    assert len(sectors) == 8
    assert same(r, sample_poses(36, seed=2, scale=0.4, size=(80, 80)))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"n_flies": 2}, "arena"),
        ({"n_flies": 2, "view": "arena", "scale": 1.0}, "scale"),
        ({"view": "above"}, "centred"),
        ({"behaviours": ["fly"]}, "walk"),
        ({"behaviours": []}, "walk"),
        ({"look": "red"}, "bright"),
        ({"fps": 0.0}, "fps"),
        ({"size": (8, 192)}, "size"),
        ({"seed": -1}, "seed"),
        ({"scale": float("nan")}, "scale"),
        ({"walking_speed": (9.0, 3.0)}, "walking_speed"),
    ],
)
def test_senseless_scenes_are_refused_with_a_way_out(options: dict, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        stream(5, **options)
    assert word in str(caught.value)


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(UsageError):
        simulate(0)
    with pytest.raises(UsageError):
        sample_poses(0)
    with pytest.raises(ValueError, match="join"):
        join([])


def test_the_scale_an_error_suggests_works() -> None:
    with pytest.raises(UsageError) as caught:
        Scene(size=(200, 320), n_flies=2, view="arena", scale=1.5) and stream(
            1, size=(200, 320), n_flies=2, view="arena", scale=1.5
        )
    suggested = float(str(caught.value).split("scale of ")[1].split()[0])
    r = simulate(2, size=(200, 320), n_flies=2, view="arena", scale=suggested)
    assert r.inside.all()
