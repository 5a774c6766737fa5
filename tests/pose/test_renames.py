"""Renamed, deleted and exchanged nodes keep their points, whatever the order in which sessions hear of it."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import SKELETON, everything, place, transactions, x_of

from leaptui.pose.edits import Edit, RenameNode, SetPoints
from leaptui.pose.merge import MergedState
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.stamps import Stamp
from leaptui.pose.store import LabelStore

RENAMED = make_skeleton("three", ["A", "b", "c"])
WITHOUT = make_skeleton("two", ["b", "c"])

names = st.sampled_from(["a", "b", "c", "A", "deleted:a:1", ""])
renames = st.builds(RenameNode, names, names.filter(bool)).filter(lambda rename: rename.old != rename.new)


@settings(deadline=None)
@given(st.lists(transactions | st.lists(renames, min_size=1, max_size=3), max_size=20), st.randoms())
def test_merging_with_renames_does_not_depend_on_order(changes: list[list[Edit]], shuffle: random.Random):
    stamped = [(change, Stamp(1 + i // 2, f"s{i % 2}")) for i, change in enumerate(changes)]
    forward, shuffled = MergedState(), MergedState()
    for change, stamp in stamped:
        forward.apply(change, stamp)
    shuffle.shuffle(stamped)
    for change, stamp in stamped + stamped:
        shuffled.apply(change, stamp)
    for skeleton in (SKELETON, RENAMED, WITHOUT):
        assert everything(forward.labels(skeleton)) == everything(shuffled.labels(skeleton))


def test_points_follow_a_renamed_node_and_come_back(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 2)])
    store.apply([RenameNode("a", "A")])
    assert x_of(store, "a") == 1, "a crash before project.toml was written: the old name still reads"
    store.skeleton = RENAMED
    assert (x_of(store, "A"), x_of(store, "b")) == (1, 2)
    store.apply(place("A", 3))
    assert x_of(LabelStore(tmp_path, RENAMED), "A") == 3
    store.apply([RenameNode("A", "a")])
    store.skeleton = SKELETON
    assert x_of(store, "a") == 3
    store.compact()
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 3


def test_a_session_that_has_not_heard_of_a_rename_loses_nothing(tmp_path: Path):
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    second.apply(place("b", 2))
    first.apply([RenameNode("a", "A")])
    for x in (5, 6, 7):
        second.apply(place("a", x))
    first.skeleton = RENAMED
    assert len(first.refresh()) == 1
    assert x_of(first, "A") == 7
    assert x_of(second, "a") == 7
    assert second.refresh()
    assert x_of(second, "a") == 7


def test_of_two_names_that_lead_to_one_node_the_later_point_counts(tmp_path: Path):
    store = LabelStore(tmp_path, RENAMED)
    store.apply([SetPoints("v", 0, "i", {"a": (1.0, 0.0, False)})])
    store.apply(place("A", 2))
    store.apply([RenameNode("a", "A")])
    assert x_of(store, "A") == 2
    store.apply([SetPoints("v", 0, "i", {"a": (3.0, 0.0, False)})])
    assert x_of(store, "A") == 3


def test_points_of_a_deleted_node_wait_for_its_return(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 2)])
    grave = store.tombstone("a")
    store.apply([RenameNode("a", grave)])
    store.skeleton = WITHOUT
    assert x_of(store, "b") == 2
    store.compact()
    store = LabelStore(tmp_path, WITHOUT)
    store.apply([RenameNode(grave, "a")])
    store.skeleton = SKELETON
    assert (x_of(store, "a"), x_of(store, "b")) == (1, 2)
    assert store.tombstone("a") != store.tombstone("a")


def test_a_new_node_of_a_former_name_starts_without_points(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 2)])
    assert store.afresh("a") == []
    store.apply([RenameNode("a", store.tombstone("a"))])
    store.apply(store.afresh("a"))
    assert (x_of(store, "a"), x_of(store, "b")) == (None, 2)
    store.apply(place("a", 9))
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 9


def test_a_name_given_to_another_node_does_not_carry_the_former_points(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 2)])
    store.apply([RenameNode("a", store.tombstone("a")), RenameNode("b", "a")])
    assert (x_of(store, "a"), x_of(store, "b")) == (2, None)


def test_two_nodes_can_exchange_their_names(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 2)])
    store.apply([RenameNode("a", "deleted:t"), RenameNode("b", "a"), RenameNode("deleted:t", "b")])
    assert (x_of(store, "a"), x_of(store, "b")) == (2, 1)
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 2


def test_undo_of_a_point_finds_it_under_its_new_name(tmp_path: Path):
    store, other = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.apply(place("a", 2))
    other.refresh()
    other.apply([RenameNode("a", "A")])
    store.refresh()
    store.skeleton = RENAMED
    made = store.undo()
    assert made is not None
    assert made.left == ()
    assert x_of(store, "A") == 1
    store.redo()
    assert x_of(store, "A") == 2
    store.flush()
    assert x_of(LabelStore(tmp_path, RENAMED), "A") == 2
