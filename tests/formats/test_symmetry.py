from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.symmetry import guess_symmetries, pairs_from_swap
from leaptui.pose.builtin import fly32


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("leftear", "rightear"),
        ("left_ear", "right_ear"),
        ("earLeft", "earRight"),
        ("LeftEar", "RightEar"),
        ("LEFT_EAR", "RIGHT_EAR"),
        ("ear_left", "ear_right"),
        ("earL", "earR"),
        ("ear_l", "ear_r"),
        ("l_ear", "r_ear"),
        ("lEar", "rEar"),
        ("L_ear", "R_ear"),
        ("forelegL1", "forelegR1"),
        ("paw-l-2", "paw-r-2"),
        ("L", "R"),
    ],
)
def test_pairs_are_found_whatever_the_spelling(left: str, right: str) -> None:
    assert guess_symmetries([right, "nose", left]) == [(left, right)]


@pytest.mark.parametrize(
    "names",
    [
        ["earl", "earr"],
        ["leg1", "reg1"],
        ["left", "bright"],
        ["tail", "tair"],
        ["earL"],
        ["L_legL", "R_legL", "L_legR"],
    ],
)
def test_what_is_no_clear_pair_stays_single(names: list[str]) -> None:
    assert guess_symmetries(names) == []


def test_the_fly() -> None:
    fly = fly32()
    found = {frozenset(pair) for pair in guess_symmetries(fly.node_names)}
    assert found == {frozenset((s.left, s.right)) for s in fly.symmetries}
    assert all("L" in left and "R" in right for left, right in guess_symmetries(fly.node_names))


@given(st.lists(st.text("lrLR_a1", min_size=1, max_size=5) | st.sampled_from(["left_a", "right_a"]), unique=True))
def test_no_node_is_in_two_pairs(names: list[str]) -> None:
    paired = [name for pair in guess_symmetries(names) for name in pair]
    assert len(paired) == len(set(paired))
    assert set(paired) <= set(names)


@given(st.data())
def test_consistent_swaps_come_back_whole(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    order = data.draw(st.permutations(range(count)))
    pairs = data.draw(st.integers(0, count // 2))
    swap = [-1] * count
    for i in range(pairs):
        a, b = order[2 * i], order[2 * i + 1]
        swap[a], swap[b] = b, a
    names = [f"n{i}" for i in range(count)]
    found = pairs_from_swap(names, swap)
    assert found.inconsistent == ()
    assert {frozenset(pair) for pair in found.pairs} == {
        frozenset((names[i], names[j])) for i, j in enumerate(swap) if j >= 0
    }


@given(st.data())
def test_any_swap_column_gives_at_most_one_twin_each(data: st.DataObject) -> None:
    names = ["aL", "aR", "bL", "bR", "c", "d"]
    swap = data.draw(st.lists(st.integers(-1, 5), min_size=6, max_size=6))
    found = pairs_from_swap(names, swap)
    paired = [name for pair in found.pairs for name in pair]
    assert len(paired) == len(set(paired))
    for left, right in found.pairs:
        i, j = names.index(left), names.index(right)
        assert (swap[i] == j and swap[j] == i) or (left, right) in found.by_name


def test_left_comes_first_in_mutual_pairs() -> None:
    assert pairs_from_swap(["earR", "earL"], [1, 0]).pairs == (("earL", "earR"),)
    assert pairs_from_swap(["b", "a"], [1, 0]).pairs == (("b", "a"),)


@pytest.mark.parametrize(
    ("names", "axis"),
    [
        (["abdomen", "head", "x"], ("head", "abdomen")),
        (["Tail_Base", "Snout"], ("Snout", "Tail_Base")),
        (["nose", "tail_base"], ("nose", "tail_base")),
        (["nose", "tailtip"], None),
        ([], None),
    ],
)
def test_body_axis(names: list[str], axis: tuple[str, str] | None) -> None:
    assert guess_body_axis(names) == axis
