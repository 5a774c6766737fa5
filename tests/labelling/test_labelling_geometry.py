"""Moves, reference poses, snapping and fuzzy names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from labelling_helpers import POSE, SKELETON

from leaptui.labelling import moves
from leaptui.labelling.fuzzy import ranked
from leaptui.labelling.reference import fitted, median_pose, reference_pose
from leaptui.labelling.snap import NodeMap, snap
from leaptui.pose.builtin import fly32

coordinates = st.floats(-500, 500)
poses = arrays(float, (5, 2), elements=coordinates)
angles = st.floats(-720, 720)


@given(poses)
def test_mirroring_twice_is_nothing(points):
    swap = SKELETON.swap
    assert np.array_equal(moves.mirrored(moves.mirrored(points, swap), swap), points)


@given(poses, angles, st.tuples(coordinates, coordinates))
def test_rotating_back_is_nothing_and_keeps_distances(points, degrees, about):
    turned = moves.rotated(points, degrees, about)
    assert np.allclose(moves.rotated(turned, -degrees, about), points, atol=1e-8)
    assert np.allclose(np.linalg.norm(turned - about, axis=1), np.linalg.norm(points - about, axis=1), atol=1e-8)


def test_a_quarter_turn_is_clockwise_on_the_screen():
    assert np.allclose(moves.rotated(np.array([[1.0, 0.0]]), 90, (0.0, 0.0)), [[0.0, 1.0]])


@given(poses, poses, st.floats(0, 1))
def test_interpolation_hits_both_ends_and_is_linear(before, after, share):
    assert np.array_equal(moves.interpolated(before, after, 0.0), before)
    assert np.array_equal(moves.interpolated(before, after, 1.0), after)
    assert np.allclose(moves.interpolated(before, after, share), before + share * (after - before), atol=1e-9)


@given(poses, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_a_shift_never_leads_out_and_is_no_longer_than_asked(points, dx, dy):
    inside = moves.clamped(points, 100, 80)
    moved = moves.shift_inside(inside, dx, dy, 100, 80)
    shifted = moves.shifted(inside, *moved)
    assert np.allclose(moves.clamped(shifted, 100, 80), shifted)
    assert 0 <= moved[0] * np.sign(dx) <= abs(dx) and 0 <= moved[1] * np.sign(dy) <= abs(dy)


@given(poses, angles, st.floats(0.2, 5), st.tuples(coordinates, coordinates), st.sets(st.integers(0, 4), min_size=2))
def test_a_fitted_pose_finds_turn_scale_and_shift(pose, degrees, scale, shift, nodes):
    nodes = sorted(nodes)
    assume(np.ptp(pose[nodes], axis=0).max() > 1)
    target = moves.rotated(pose, degrees, (0.0, 0.0)) * scale + np.array(shift)
    seen = np.full_like(target, np.nan)
    seen[nodes] = target[nodes]
    assert np.allclose(fitted(pose, seen), target, atol=1e-5 * (1 + np.abs(target).max()))


@given(st.lists(st.tuples(angles, coordinates, coordinates), min_size=1, max_size=5))
def test_the_median_pose_does_not_depend_on_heading(placements):
    turned = [moves.rotated(POSE, a, (0.0, 0.0)) + np.array([x, y]) for a, x, y in placements]
    found = median_pose(SKELETON, turned)
    assert np.allclose(found, POSE - (POSE.min(axis=0) + POSE.max(axis=0)) / 2, atol=1e-6)
    plain = replace(SKELETON, body_axis=None)
    found = median_pose(plain, turned)
    apart = np.linalg.norm(POSE[:, None] - POSE, axis=2)
    assert np.allclose(np.linalg.norm(found[:, None] - found, axis=2), apart, atol=1e-6)


def test_a_reference_pose_is_always_whole():
    half = POSE.copy()
    half[3:] = np.nan
    for known in ([], [half], [np.full((5, 2), np.nan)]):
        assert np.isfinite(reference_pose(SKELETON, known, 100)).all()
    assert np.allclose(reference_pose(SKELETON, [half], 100)[:3], POSE[:3] - [50, 40])


@pytest.mark.parametrize(
    ("text", "first"),
    [("midlegl2", "midlegL2"), ("ml2", "midlegL2"), ("fr4", "forelegR4"), ("wl", "wingL"), ("abd", "abdomen"), ("hl", "hindlegL1"), ("neck", "neck")],
)  # fmt: skip
def test_few_letters_find_a_node(text, first):
    names = fly32().node_names
    assert names[ranked(text, names)[0]] == first


def test_words_begin_at_capitals_digits_and_marks():
    names = ["tailbase", "tip_L1", "tipL1", "tl1"]
    assert [names[i] for i in ranked("tl1", names)] == ["tl1", "tipL1", "tip_L1"]
    assert ranked("", names) == (0, 1, 2, 3)
    assert ranked("zz", names) == ()


@given(st.text(max_size=8), st.lists(st.text(max_size=12), max_size=6))
def test_what_is_found_holds_the_letters_in_order(text, names):
    wanted = "".join(text.split()).lower()
    for position in ranked(text, names):
        letters = iter(names[position].lower())
        assert all(letter in letters for letter in wanted)
    for position, name in enumerate(names):
        letters = iter(name.lower())
        if all(letter in letters for letter in wanted):
            assert position in ranked(text, names)


@given(st.floats(20, 170), st.floats(20, 170), st.floats(-4, 4), st.floats(-4, 4), st.booleans())
def test_a_spot_is_found_below_the_pixel(x, y, dx, dy, bright):
    rows, columns = np.indices((192, 192))
    hill = 90 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    image = np.round(120 + hill if bright else 120 - hill).astype(np.uint8)[..., None]
    found = snap(image, (x + dx, y + dy), 7.0)
    assert found is not None
    if "spot" in found.feature:
        assert np.hypot(found.point[0] - x, found.point[1] - y) < 0.3


def test_a_corner_is_found():
    image = np.full((192, 192), 30, np.uint8)
    image[100:, 90:] = 200
    found = snap(image, (93.0, 97.0), 6.0)
    assert found.feature == "corner"
    assert np.hypot(found.point[0] - 89.5, found.point[1] - 99.5) < 2.0


def test_an_even_surface_has_nothing_to_snap_to():
    assert snap(np.full((50, 50, 3), 77, np.uint8), (20.0, 20.0)) is None
    noise = np.random.default_rng(1).integers(76, 79, (50, 50)).astype(np.uint8)
    assert snap(noise, (20.0, 20.0)) is None


@given(st.floats(-3, 194), st.floats(-3, 194), st.integers(0, 99))
def test_snapping_stays_near_and_in_the_frame(x, y, seed):
    image = np.random.default_rng(seed).integers(0, 255, (192, 192)).astype(np.uint8)
    found = snap(image, (x, y), 5.0)
    if found is not None:
        assert np.hypot(found.point[0] - x, found.point[1] - y) <= 5.0 + 0.75
        assert -0.5 <= found.point[0] <= 191.5 and -0.5 <= found.point[1] <= 191.5


@given(st.floats(10, 180), st.floats(10, 180), st.sampled_from([1.0, 2.0, 4.0]))
def test_the_peak_of_a_gaussian_map_is_exact(x, y, stride):
    size = int(192 / stride)
    rows, columns = (np.indices((size, size)) + 0.5) * stride - 0.5
    values = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (1.5 * stride) ** 2))
    found = snap(np.zeros((192, 192), np.uint8), (x + 3, y - 3), 12.0, NodeMap(values, (stride, stride)))
    assert np.hypot(found.point[0] - x, found.point[1] - y) < 0.05 * stride
