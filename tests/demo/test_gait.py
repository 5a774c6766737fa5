"""Feet: fixed while they stand, coordinated as walking flies' feet are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.demo import LEGS, Recording, simulate
from leaptui.demo.anatomy import LEG_NODES
from leaptui.demo.gait import excursion, ipsilateral_lag, step_frequency, swing_duration

RF, RM, RH, LF, LM, LH = range(6)


def walking(low: float, high: float) -> Recording:
    return simulate(2000, seed=2, fps=200.0, draw=False, behaviours=["walk"], walking_speed=(low, high))


def lift_offs(r: Recording, leg: int) -> np.ndarray:
    stance = r.stance[:, 0, leg]
    return np.flatnonzero(stance[:-1] & ~stance[1:])


def phase(r: Recording, leg: int, reference: int) -> tuple[float, float]:
    """Mean phase (cycles) of the lift-offs of a leg in the cycles of another, and how constant it is (0 to 1)."""
    cycle = lift_offs(r, reference)
    at = lift_offs(r, leg)
    k = np.searchsorted(cycle, at, side="right") - 1
    ok = (k >= 0) & (k < len(cycle) - 1)
    share = (at[ok] - cycle[k[ok]]) / (cycle[k[ok] + 1] - cycle[k[ok]])
    mean = np.exp(2j * np.pi * share).mean()
    return float(np.angle(mean) / (2 * np.pi) % 1.0), float(abs(mean))


def apart(a: float, b: float) -> float:
    return abs((a - b + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize("view", ["arena", "centred", "egocentric"])
def test_standing_feet_do_not_move(view: str) -> None:
    r = simulate(1500, seed=5, view=view, size=(200, 260), draw=False)
    tips = r.arena_points[:, :, LEG_NODES[:, 3]]
    both = r.stance[1:] & r.stance[:-1]
    slip = np.linalg.norm(np.diff(tips, axis=0), axis=-1)
    assert both.mean() > 0.4
    assert slip[both].max() < 1e-8
    assert np.median(slip[~r.stance[1:] & ~r.stance[:-1]]) > 0.5


def test_fast_walking_is_a_tripod() -> None:
    r = walking(20, 30)
    expected = {RF: 0.0, LM: 0.0, LF: 0.5, RM: 0.5, LH: 0.5}
    for leg, share in expected.items():
        mean, constancy = phase(r, leg, RH)
        assert apart(mean, share) < 0.06, LEGS[leg]
        assert constancy > 0.85
    swinging = ~r.stance[:, 0]
    three = swinging[swinging.sum(axis=1) == 3]
    assert len(three) > 0.6 * len(swinging)
    tripods = {(RF, LM, RH), (LF, RM, LH)}
    named = [tuple(np.flatnonzero(row)) for row in three]
    good = sum(tuple(sorted(n)) in {tuple(sorted(t)) for t in tripods} for n in named)
    assert good > 0.95 * len(named)


def test_slow_walking_is_a_tetrapod() -> None:
    r = walking(5, 8)
    for front, back in ((RM, RH), (RF, RM), (LM, LH), (LF, LM)):
        mean, constancy = phase(r, front, back)
        assert apart(mean, 1 / 3) < 0.06, (LEGS[front], LEGS[back])
        assert constancy > 0.85
    for right, left in ((RF, LF), (RM, LM), (RH, LH)):
        assert apart(phase(r, left, right)[0], 0.5) < 0.06
    swinging = ~r.stance[:, 0]
    assert (swinging.sum(axis=1) <= 2).mean() > 0.98
    pairs = {tuple(np.flatnonzero(row)) for row in swinging[swinging.sum(axis=1) == 2]}
    usual = {tuple(sorted(p)) for p in ((RF, LH), (RM, LF), (RH, LM), (LF, RH), (LM, RF), (LH, RM))}
    assert len(pairs & usual) == 6


def test_speed_is_made_by_stance_and_not_by_swing() -> None:
    slow, fast = walking(5, 7), walking(22, 28)
    ratio = {}
    for name, r in (("slow", slow), ("fast", fast)):
        stance = r.stance[100:, 0].mean()
        steps = np.mean([len(lift_offs(r, leg)) for leg in range(6)]) / (len(r) / r.fps)
        ratio[name] = (stance / steps, (1 - stance) / steps)
    assert ratio["slow"][0] > 2.2 * ratio["fast"][0]
    assert ratio["slow"][1] < 1.7 * ratio["fast"][1]
    assert 0.02 < ratio["fast"][1] < 0.05


@given(st.floats(0.5, 40.0))
def test_gait_figures_agree_with_each_other(speed: float) -> None:
    period = 1.0 / step_frequency(speed)
    assert period == pytest.approx(excursion(speed) / speed + swing_duration(speed))
    assert 1 / 3 - 1e-12 <= ipsilateral_lag(speed) <= 0.5 + 1e-12
    assert ipsilateral_lag(speed) <= ipsilateral_lag(speed + 1.0) + 1e-12
    assert swing_duration(speed) < period


def test_standing_fly_keeps_its_feet_down() -> None:
    r = simulate(400, seed=1, draw=False, behaviours=["stand"])
    assert r.stance.mean() > 0.95
    assert r.speed.max() < 1e-6


def test_a_low_frame_rate_shows_the_same_walk() -> None:
    fine = simulate(401, seed=3, fps=200.0, draw=False, behaviours=["walk"])
    coarse = simulate(100, seed=3, fps=50.0, draw=False, behaviours=["walk"])
    assert np.allclose(fine.position[3::4][:100], coarse.position, atol=1e-6)
