"""Misses by kind, and whether scores mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from leaptui.analysis import misses
from leaptui.analysis.reliability import reliability

SWAP = (0, 2, 1, 3)
TRUTH = np.array([[[0.0, 0.0], [20.0, 0.0], [0.0, 40.0], [60.0, 60.0]]])


def code(node: int, at: tuple[float, float], truth: np.ndarray = TRUTH) -> int:
    """Kind of a point of a body of 100 px that was found there, the others being right."""
    found = TRUTH.copy()
    found[0, node] = at
    return int(misses.kinds(found, truth, swap=SWAP, body_length=100.0)[0, node])


@pytest.mark.parametrize(
    ("node", "at", "kind"),
    [
        (0, (3.0, 0.0), misses.HIT),
        (0, (3.1, 0.0), misses.NEAR),
        (0, (0.0, -6.0), misses.NEAR),
        (0, (0.0, -6.1), misses.FAR),
        (0, (17.5, 0.0), misses.OTHER_NODE),
        (1, (0.0, 38.0), misses.SWAPPED),
        (2, (21.0, 0.0), misses.SWAPPED),
        (1, (1.0, 1.0), misses.OTHER_NODE),
        (3, (55.0, 60.0), misses.NEAR),
        (3, (30.0, 20.0), misses.FAR),
        (1, (float("nan"), 0.0), misses.MISSING),
    ],
)
def test_a_miss_has_one_kind(node: int, at: tuple[float, float], kind: int):
    assert code(node, at) == kind


def test_a_node_without_a_twin_is_never_on_the_wrong_side():
    found = TRUTH.copy()
    found[0, 3] = [60.0, 64.0]
    assert misses.kinds(found, TRUTH, swap=SWAP, body_length=100.0)[0, 3] == misses.NEAR


def test_what_nobody_labelled_is_no_miss():
    truth = TRUTH.copy()
    truth[0, 2] = np.nan
    assert code(2, (9.0, 9.0), truth) == misses.UNLABELLED
    # The twin is not labelled, so nobody can say that it is there.
    assert code(1, (0.0, 38.0), truth) == misses.FAR


def test_misses_are_counted_over_any_number_of_frames():
    frames = misses._BLOCK + 3
    truth = np.repeat(TRUTH, frames, axis=0)
    found = truth.copy()
    found[-1, 0] += 4.0
    found[5, 1] = np.nan
    counted = misses.count(misses.kinds(found, truth, swap=SWAP, body_length=100.0))
    assert counted == {"near": 1, "far": 0, "another node": 0, "swapped side": 0, "missing": 1}
    assert misses.kinds(found[:0], truth[:0], swap=SWAP, body_length=100.0).shape == (0, 4)
    with pytest.raises(ValueError, match="body length"):
        misses.kinds(found, truth, swap=SWAP, body_length=0.0)
    with pytest.raises(ValueError, match="must be"):
        misses.kinds(found[:1], truth, swap=SWAP, body_length=1.0)


def test_scores_that_mean_what_they_say_have_no_calibration_error():
    generator = np.random.default_rng(0)
    score = generator.random(40_000)
    distance = np.where(generator.random(score.shape) < score, 1.0, 5.0)
    honest = reliability(score, distance, within=2.0)
    assert honest is not None
    assert honest.calibration_error < 0.01
    assert [b.points for b in honest.bins] == [4000] * 10
    assert all(b.low <= b.score <= b.high for b in honest.bins)
    boastful = reliability(score**0.25, distance, within=2.0)
    assert boastful is not None
    assert boastful.calibration_error == pytest.approx(np.mean(score**0.25 - score), abs=0.02)
    # The order is the same, and so is all that depends on it.
    assert boastful.auc == pytest.approx(honest.auc)
    assert boastful.spearman == pytest.approx(honest.spearman)


def test_order_is_measured_with_ties():
    score = np.array([0.9, 0.9, 0.5, 0.1])
    found = reliability(score, np.array([1.0, 9.0, 1.0, 9.0]), within=2.0)
    assert found is not None
    # Pairs of right and wrong: (.9, .9) half, (.9, .1) one, (.5, .9) none, (.5, .1) one.
    assert found.auc == pytest.approx(2.5 / 4)
    perfect = reliability(np.array([0.9, 0.5, 0.1]), np.array([1.0, 4.0, 9.0]), within=2.0)
    assert perfect is not None
    assert (perfect.auc, perfect.spearman) == (1.0, pytest.approx(-1.0))


def test_points_without_score_or_label_do_not_count():
    score = np.array([[0.9, np.nan], [0.2, 0.3]])
    distance = np.array([[1.0, 1.0], [np.nan, 7.0]])
    found = reliability(score, distance, within=2.0)
    assert found is not None
    assert (found.points, found.right) == (2, 0.5)
    assert len(found.bins) == 2
    assert found.brier == pytest.approx((0.01 + 0.09) / 2)
    assert reliability(score, np.full((2, 2), np.nan), within=2.0) is None
    alike = reliability(np.ones(3), np.zeros(3), within=2.0)
    assert alike is not None
    assert (alike.auc, alike.spearman) == (None, None)
    with pytest.raises(ValueError, match="one shape"):
        reliability(score, distance[:1], within=2.0)
