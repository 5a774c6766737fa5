"""Skeleton: names, links, symmetry and their plain form."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import UnusableInput
from leaptui.pose.builtin import BUILTIN_SKELETONS, fly32
from leaptui.pose.skeleton import make_skeleton


@st.composite
def skeletons(draw: st.DrawFn):
    names = draw(st.lists(st.text(min_size=1, max_size=8).filter(str.strip), min_size=2, max_size=9, unique=True))
    order = draw(st.permutations(names))
    pairs = [(a, b) for a, b in zip(order[::2], order[1::2], strict=False)]
    edges = [(names[i - 1], names[i]) for i in range(1, len(names)) if draw(st.booleans())]
    axis = (names[0], names[1]) if draw(st.booleans()) else None
    return make_skeleton(draw(st.text(max_size=5)), names, edges, pairs, axis)


@given(skeletons())
def test_plain_form_round_trips(skeleton):
    from leaptui.pose.skeleton import Skeleton

    assert Skeleton.from_dict(skeleton.to_dict()) == skeleton


@given(skeletons())
def test_swapping_twice_changes_nothing(skeleton):
    swap = skeleton.swap
    assert [swap[swap[i]] for i in range(len(skeleton))] == list(range(len(skeleton)))


def test_every_builtin_has_a_body_axis_and_pairs_left_with_right():
    for make in BUILTIN_SKELETONS.values():
        skeleton = make()
        assert skeleton.body_axis_indices is not None
        for node, twin in zip(skeleton.node_names, (skeleton.node_names[i] for i in skeleton.swap), strict=True):
            exchanged = node.replace("legL", "leg#").replace("legR", "legL").replace("leg#", "legR")
            if "leg" in node:
                assert twin == exchanged


def test_fly32_has_the_nodes_order_and_parents_of_the_recordings(real_data: Path):
    with (real_data / "fly" / "skeleton.csv").open() as file:
        rows = list(csv.DictReader(file))
    skeleton = fly32()
    assert list(skeleton.node_names) == [row["name"] for row in rows]
    parents = [skeleton.node_names[p] if p >= 0 else "" for p in skeleton.parents]
    assert parents == [row["parent"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"nodes": []}, "no nodes"),
        ({"nodes": ["a", "a"]}, "twice: a"),
        ({"nodes": ["a", " "]}, "without a name"),
        ({"nodes": ["a", "b"], "edges": [("a", "c")]}, "names no node of it: c"),
        ({"nodes": ["a", "b"], "edges": [("a", "a")]}, "joins a node with itself"),
        ({"nodes": ["a", "b", "c"], "symmetries": [("a", "b"), ("b", "c")]}, "more than one symmetry: b"),
        ({"nodes": ["a", "b"], "body_axis": ("a", "z")}, "body_axis a - z names no node"),
    ],
)
def test_nonsense_is_refused_in_words(arguments, said):
    with pytest.raises(UnusableInput, match=said):
        make_skeleton("s", **arguments)


def test_order_from_names_what_does_not_match():
    skeleton = make_skeleton("two", ["a", "b"])
    assert skeleton.order_from(["b", "a"], where="x") == [1, 0]
    with pytest.raises(UnusableInput) as caught:
        skeleton.order_from(["b", "c"], where="labels.h5")
    assert "it lacks a" in str(caught.value)
    assert "it has c" in str(caught.value)
    assert caught.value.where == "labels.h5"
