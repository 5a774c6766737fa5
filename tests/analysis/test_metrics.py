from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leaptui.analysis.matching import match_instances
from leaptui.analysis.metrics import body_length, evaluate

NAMES = ["head", "legL", "legR", "abdomen"]
SWAP = (0, 2, 1, 3)
AXIS = (0, 3)
SIGMA = 0.1

coordinates = st.floats(-50, 400, width=32)
gaps = coordinates | st.just(float("nan"))


def arrays(animals: int) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    return st.integers(1, 5).flatmap(
        lambda n: st.tuples(*[hnp.arrays(np.float64, (n, animals, 4, 2), elements=gaps) for _ in range(2)])
    )


def is_set(point: np.ndarray) -> bool:
    return not (math.isnan(point[0]) or math.isnan(point[1]))


def by_hand(predicted: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    """The same figures of (N, J, 2) arrays, point by point."""
    distances, per_node, lengths, similarities = [], {name: [] for name in NAMES}, [], []
    frames = points = missing = swapped = 0
    for guess, true in zip(predicted, truth, strict=True):
        placed = [j for j in range(4) if is_set(true[j])]
        frames += bool(placed)
        if is_set(true[0]) and is_set(true[3]):
            lengths.append(math.dist(true[0], true[3]))
        xs, ys = [true[j][0] for j in placed], [true[j][1] for j in placed]
        area = (max(xs) - min(xs)) * (max(ys) - min(ys)) if placed else 0
        similarity = 0.0
        for j in placed:
            points += 1
            if not is_set(guess[j]):
                missing += 1
                continue
            d = math.dist(guess[j], true[j])
            distances.append(d)
            per_node[NAMES[j]].append(d)
            twin = SWAP[j]
            if twin != j and is_set(true[twin]) and math.dist(guess[j], true[twin]) < d:
                swapped += 1
            if area > 0:
                similarity += math.exp(-(d**2) / (2 * area * (2 * SIGMA) ** 2))
        if area > 0:
            similarities.append(similarity / len(placed))
    return {
        "frames": frames,
        "points": points,
        "missing": missing,
        "swapped": swapped,
        "distances": sorted(distances),
        "per_node": per_node,
        "length": sum(lengths) / len(lengths) if lengths else 0.0,
        "oks": sum(similarities) / len(similarities) if similarities else math.nan,
    }


@settings(max_examples=150, deadline=None)
@given(arrays(1))
def test_every_figure_against_loops(pair: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, truth = pair[0][:, 0], pair[1][:, 0]
    found = evaluate(predicted, truth, node_names=NAMES, body_axis=AXIS, swap=SWAP, oks_sigma=SIGMA)
    expected = by_hand(predicted, truth)
    for key in ("frames", "points", "missing", "swapped"):
        assert getattr(found, key) == expected[key]
    distances = expected["distances"]
    assert found.oks == pytest.approx(expected["oks"], nan_ok=True)
    for t, share in found.pck.items():
        hits = sum(d <= t for d in distances)
        assert share == (
            pytest.approx(hits / expected["points"]) if expected["points"] else pytest.approx(math.nan, nan_ok=True)
        )
    if not distances:
        assert math.isnan(found.mean_px)
        assert math.isnan(found.p99_px)
        return
    assert found.mean_px == pytest.approx(sum(distances) / len(distances))
    assert found.rmse_px == pytest.approx(math.sqrt(sum(d * d for d in distances) / len(distances)))
    for q in (50, 75, 90, 95, 99):
        at = (len(distances) - 1) * q / 100
        low, high = distances[math.floor(at)], distances[math.ceil(at)]
        name = "median_px" if q == 50 else f"p{q}_px"
        assert getattr(found, name) == pytest.approx(low + (high - low) * (at - math.floor(at)))
    for name, node in found.per_node.items():
        own = expected["per_node"][name]
        assert node.points - node.missing == len(own)
        assert node.mean_px == (pytest.approx(sum(own) / len(own)) if own else pytest.approx(math.nan, nan_ok=True))
    if expected["length"] == 0:
        assert found.body_length_px is found.mean_body is found.within_3pct_body is found.pck_body is None
        return
    assert found.body_length_px == pytest.approx(expected["length"])
    assert found.mean_body == pytest.approx(found.mean_px / expected["length"])
    for percent in (3, 5, 10):
        hits = sum(d <= percent / 100 * found.body_length_px for d in distances)
        assert found.pck_body[percent] == pytest.approx(hits / expected["points"])
    assert found.within_3pct_body == found.pck_body[3]


def cost_of(predicted: np.ndarray, truth: np.ndarray, i: int, k: int) -> float:
    both = [j for j in range(truth.shape[1]) if is_set(predicted[i, j]) and is_set(truth[k, j])]
    return sum(math.dist(predicted[i, j], truth[k, j]) for j in both) / len(both) if both else math.nan


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_matching_is_the_best_there_is(data: st.DataObject) -> None:
    animals = st.integers(0, 3)
    predicted = data.draw(hnp.arrays(np.float64, (1, data.draw(animals), 2, 2), elements=gaps))
    truth = data.draw(hnp.arrays(np.float64, (1, data.draw(animals), 2, 2), elements=gaps))
    match = match_instances(predicted, truth)[0]
    guesses, animals_there = range(len(predicted[0])), range(len(truth[0]))
    cost = {(i, k): cost_of(predicted[0], truth[0], i, k) for i in guesses for k in animals_there}
    farthest = max((c for c in cost.values() if not math.isnan(c)), default=0.0)
    filled = {pair: farthest if math.isnan(c) else c for pair, c in cost.items()}
    size = min(len(guesses), len(animals_there))
    least = min(
        sum(filled[pair] for pair in zip(rows, columns, strict=True))
        for rows in itertools.permutations(guesses, size)
        for columns in itertools.combinations(animals_there, size)
    )
    made = [(int(i), k) for k, i in enumerate(match) if i >= 0]
    assert len({i for i, _ in made}) == len(made)
    assert not any(math.isnan(cost[pair]) for pair in made)
    assert sum(cost[pair] for pair in made) + (size - len(made)) * farthest == pytest.approx(least)


def test_an_animal_without_common_nodes_forces_no_far_pair_on_others() -> None:
    nan = [np.nan, np.nan]
    truth = np.array([[[[0.0, 0], [0, 0]], [nan, [100, 0]]]])
    predicted = np.array([[[[1.0, 0], [1, 0]], [[90, 0], nan]]])
    assert match_instances(predicted, truth).tolist() == [[0, -1]]


def test_animals_in_another_order_are_the_same_animals() -> None:
    truth = np.random.default_rng(0).uniform(0, 200, (20, 3, 4, 2))
    truth[5, 2] = np.nan
    predicted = truth.copy()
    rng = np.random.default_rng(1)
    for frame in predicted:
        rng.shuffle(frame)
    predicted = np.concatenate([predicted, np.full((20, 1, 4, 2), 900.0)], axis=1)
    found = evaluate(predicted + 1.0, truth, node_names=NAMES)
    assert found.instances == 59
    assert found.points == 59 * 4
    assert found.missing == 0
    assert found.extra_instances == 20
    assert found.mean_px == pytest.approx(math.sqrt(2))


def test_a_lost_animal_is_missing_not_far() -> None:
    truth = np.arange(16.0).reshape(1, 2, 4, 2) * 10
    predicted = truth[:, :1]
    found = evaluate(predicted, truth, node_names=NAMES)
    assert (found.points, found.missing, found.mean_px) == (8, 4, 0.0)
    assert found.pck[1.0] == 0.5
    none = evaluate(np.empty((1, 0, 4, 2)), truth, node_names=NAMES)
    assert (none.missing, none.oks, none.pck[10.0]) == (8, 0.0, 0.0)


def test_perfect_predictions() -> None:
    truth = np.random.default_rng(0).uniform(0, 90, (7, 4, 2))
    found = evaluate(truth, truth, node_names=NAMES, body_axis=AXIS, swap=SWAP)
    assert found.mean_px == found.rmse_px == found.p99_px == 0
    assert found.oks == found.within_3pct_body == found.pck[1.0] == 1
    assert found.swapped == 0


def test_a_miss_at_the_threshold_counts_as_hit() -> None:
    truth = np.array([[[0.0, 0], [10, 0], [0, 10], [100, 0]]])
    predicted = truth + np.array([3.0, 0.0])
    found = evaluate(predicted, truth, node_names=NAMES, body_axis=AXIS)
    assert found.body_length_px == 100
    assert (found.pck[2.0], found.pck[3.0], found.within_3pct_body) == (0, 1, 1)


def test_oks_is_that_of_coco() -> None:
    truth = np.array([[[0.0, 0], [10, 0], [0, 20], [10, 20]]])
    predicted = truth.copy()
    predicted[0, 0] = (3, 4)
    predicted[0, 1] = np.nan
    expected = (math.exp(-25 / (2 * 200 * 0.05**2)) + 0 + 1 + 1) / 4
    found = evaluate(predicted, truth, node_names=NAMES)
    assert found.oks == pytest.approx(expected)
    assert found.oks_sigma == 0.025


def test_swapped_sides_are_counted() -> None:
    truth = np.array([[[0.0, 0], [10, -5], [10, 5], [30, 0]]] * 3)
    predicted = truth.copy()
    predicted[1, [1, 2]] = truth[1, [2, 1]]
    predicted[2, 1] = np.nan
    assert evaluate(predicted, truth, node_names=NAMES, swap=SWAP).swapped == 2
    assert evaluate(predicted, truth, node_names=NAMES).swapped is None


def test_hidden_points_and_the_confident_half() -> None:
    truth = np.array([[[0.0, 0], [100, 0], [0, 100], [100, 100]]])
    predicted = truth + np.array([[1.0, 0], [2, 0], [3, 0], [4, 0]])
    occluded = np.array([[False, False, True, True]])
    scores = np.array([[0.1, 0.9, 0.8, np.nan]])
    found = evaluate(predicted, truth, node_names=NAMES, scores=scores, occluded=occluded, body_axis=(0, 1))
    assert (found.visible_mean_px, found.occluded_mean_px, found.occluded_points) == (1.5, 3.5, 2)
    assert found.confident_half_mean_px == 2.5
    assert found.confident_half_within_3pct_body == 1.0


def test_body_length_needs_both_ends() -> None:
    truth = np.array([[[0.0, 0], [0, 0], [0, 0], [30, 40]], [[0, 0], [0, 0], [0, 0], [np.nan, 3]]])
    assert body_length(truth, AXIS) == 50
    assert body_length(truth[1:], AXIS) is None
    assert body_length(truth, None) is None
    assert body_length(truth, (0, 1)) is None


def test_plain_form_is_json_without_nan() -> None:
    truth = np.full((2, 4, 2), np.nan)
    truth[0, 0] = 1.0
    found = evaluate(np.full((2, 4, 2), np.nan), truth, node_names=NAMES, body_axis=AXIS)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["mean_px"] is None
    assert plain["points"] == plain["missing"] == plain["frames"] == 1
    assert plain["pck"]["10"] == 0.0
    assert plain["per_node"]["head"] == {
        "points": 1,
        "missing": 1,
        "mean_px": None,
        "median_px": None,
        "p90_px": None,
        "within_3pct_body": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"predicted": np.zeros((3, 4, 2))},
        {"predicted": np.zeros((2, 3, 2))},
        {"truth": np.zeros((2, 4, 3))},
        {"scores": np.zeros((2, 3))},
        {"occluded": np.zeros((2, 3), bool)},
    ],
)
def test_shapes_that_do_not_fit(change: dict) -> None:
    given_arrays = {"predicted": np.zeros((2, 4, 2)), "truth": np.zeros((2, 4, 2)), **change}
    with pytest.raises(ValueError, match="must be"):
        evaluate(**given_arrays, node_names=NAMES)


def test_the_real_fly_has_its_known_body_length(real_data: Path) -> None:
    from leaptui.formats.deepposekit import read

    imported = read([real_data / "fly" / "fly75.h5"])
    truth = np.stack([frame.instances[0].points for frame in imported.frames])
    skeleton = imported.skeleton
    found = evaluate(
        truth + np.array([3.0, 4.0]),
        truth,
        node_names=skeleton.node_names,
        body_axis=skeleton.body_axis_indices,
        swap=skeleton.swap,
    )
    assert (found.frames, found.points) == (75, 2400)
    assert found.body_length_px == pytest.approx(95.23, abs=0.01)
    assert found.mean_px == pytest.approx(5.0)
    assert found.mean_body == pytest.approx(5 / 95.23, abs=1e-4)
    assert found.within_3pct_body == 0
