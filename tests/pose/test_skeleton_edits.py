"""Changes of a skeleton keep everything that hangs on its nodes together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import UnusableInput
from leaptui.pose import skeleton_edits as edits
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.pose.skeleton import Skeleton

FLY = BUILTIN_SKELETONS["fly32"]()
FLY = replace(FLY, reference=tuple((float(i), float(2 * i)) for i in range(len(FLY))))
names = st.sampled_from(FLY.node_names)


def links(skeleton: Skeleton) -> set[frozenset[str]]:
    return {frozenset((e.parent, e.child)) for e in skeleton.edges}


@given(names)
def test_renaming_there_and_back_changes_nothing(name: str) -> None:
    there = edits.rename_node(FLY, name, "something else")
    assert name not in there and "something else" in there
    assert edits.rename_node(there, "something else", name) == FLY


@given(names, st.integers(-40, 40))
def test_a_moved_node_takes_its_reference_point_along(name: str, by: int) -> None:
    moved = edits.move_node(FLY, name, by)
    assert sorted(moved.node_names) == sorted(FLY.node_names)
    assert moved.reference is not None and FLY.reference is not None
    for node in FLY.node_names:
        assert moved.reference[moved.index(node)] == FLY.reference[FLY.index(node)]
    assert links(moved) == links(FLY) and moved.index(name) == min(max(FLY.index(name) + by, 0), len(FLY) - 1)


@given(names)
def test_children_of_a_deleted_node_hang_on_its_parent(name: str) -> None:
    without = edits.delete_node(FLY, name)
    assert name not in without and len(without) == len(FLY) - 1
    assert without.reference is not None and len(without.reference) == len(without)
    parents = {e.child: e.parent for e in FLY.edges}
    for edge in FLY.edges:
        if edge.parent == name and name in parents:
            assert frozenset((parents[name], edge.child)) in links(without)
    assert all(name not in (s.left, s.right) for s in without.symmetries)


@pytest.mark.parametrize("bad", ["", "  ", "head"])
def test_a_name_that_is_empty_or_taken_is_refused(bad: str) -> None:
    with pytest.raises(UnusableInput):
        edits.add_node(FLY, bad)
    with pytest.raises(UnusableInput):
        edits.rename_node(FLY, "thorax", bad)


def test_edges_never_run_in_a_circle() -> None:
    edge = FLY.edges[0]
    with pytest.raises(UnusableInput, match="already"):
        edits.set_parent(FLY, edge.parent, edge.child)
    free = edits.set_parent(FLY, edge.child, None)
    assert edits.set_parent(free, edge.child, edge.parent).parents == FLY.parents


def test_a_node_mirrors_one_other_at_most() -> None:
    first, second = FLY.symmetries[:2]
    changed = edits.set_symmetry(FLY, first.left, second.left)
    partners = [end for s in changed.symmetries for end in (s.left, s.right)]
    assert len(partners) == len(set(partners)) == 2 * (len(FLY.symmetries) - 1)
    assert first.left not in [
        end for s in edits.set_symmetry(FLY, first.left, None).symmetries for end in (s.left, s.right)
    ]


def test_a_skeleton_keeps_colours_and_reference_in_its_plain_form() -> None:
    coloured = edits.set_colour(FLY, "head", "#12ab34")
    assert Skeleton.from_dict(coloured.to_dict()) == coloured
    with pytest.raises(UnusableInput):
        edits.set_colour(FLY, "head", "red")
    with pytest.raises(UnusableInput):
        edits.set_reference(FLY, [(0, 0)])


def test_a_new_node_lies_in_the_middle_of_the_reference_pose() -> None:
    assert FLY.reference is not None
    added = edits.add_node(FLY, "tail")
    assert added.reference is not None
    middle = tuple(sum(values) / len(FLY) for values in zip(*FLY.reference, strict=True))
    assert added.reference[-1] == pytest.approx(middle)
    assert edits.delete_node(added, "tail") == FLY
