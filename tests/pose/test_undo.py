"""Undo and redo: against a simple model, after restarts, and beside other people."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import SKELETON, place, shown, transactions, x_of

from leaptui.pose.edits import DeleteInstance, Former, RenameNode, Restore, SetPoints, SetTrack
from leaptui.pose.labels import FrameKey
from leaptui.pose.stamps import NEVER
from leaptui.pose.store import LabelStore

KEY = FrameKey("v", 0)
ACTIONS = st.sampled_from(
    ["edit", "edit", "edit", "group", "group", "undo", "undo", "redo", "flush", "compact", "restart"]
)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_undo_and_redo_walk_through_the_states_that_were_seen(tmp_path_factory, data):
    """The model: a list of pictures and a position in it."""
    folder = tmp_path_factory.mktemp("labels")
    store = LabelStore(folder, SKELETON)
    seen, position, group_open = [shown(store.labels())], 0, False
    for action in data.draw(st.lists(ACTIONS, max_size=25)):
        if action in ("edit", "group"):
            store.stage(data.draw(transactions), group="g" if action == "group" else None)
            joins = action == "group" and group_open
            position += not joins
            seen[position:] = [shown(store.labels())]
            group_open = action == "group"
        elif action == "undo":
            assert (store.undo() is None) == (position == 0)
            group_open = group_open and position == 0
            position = max(position - 1, 0)
        elif action == "redo":
            assert (store.redo() is None) == (position == len(seen) - 1)
            group_open = group_open and position == len(seen) - 1
            position = min(position + 1, len(seen) - 1)
        elif action == "flush":
            store.flush()
        elif action == "compact":
            store.compact()
        else:
            store.close()
            store, group_open = LabelStore(folder, SKELETON), False
            assert not store.problems
        assert shown(store.labels()) == seen[position]
        assert (store.undo_words is None) == (position == 0)
        assert (store.redo_words is None) == (position == len(seen) - 1)
    while store.undo() is not None:
        pass
    assert shown(store.labels()) == {}
    while store.redo() is not None:
        pass
    assert shown(store.labels()) == seen[-1]
    store.close()


def test_a_deleted_animal_comes_back_with_everything(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(
        [SetPoints("v", 0, "i", {"a": (1.5, 2.5, False), "b": (3, 4, True)}), SetTrack("v", 0, "i", "one")], "begun"
    )
    before = shown(store.labels())
    store.apply([DeleteInstance("v", 0, "i")], "animal deleted")
    store.close()
    store = LabelStore(tmp_path, SKELETON)
    assert store.undo_words == "animal deleted"
    made = store.undo()
    assert made is not None
    assert made.keys == (KEY,)
    assert made.why == "undo: animal deleted"
    assert shown(store.labels()) == before
    assert (store.undo_words, store.redo_words) == ("begun", "animal deleted")


def test_undo_is_staged_and_on_disk_after_flush(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.apply(place("a", 2))
    store.undo()
    assert store.unsaved == 1
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 2
    store.flush()
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 1


def test_repeated_moves_of_one_group_are_one_step(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.stage(place("a", 0), "placed a")
    for x in (1, 2, 3):
        store.stage(place("a", x), f"moved a to {x}", group="k1")
    for x in (4, 5):
        store.stage(place("a", x), f"moved a to {x}", group="k2")
    store.close()
    store = LabelStore(tmp_path, SKELETON)
    words = []
    while (word := store.undo_words) is not None:
        store.undo()
        words.append((word, x_of(store, "a")))
    assert words == [("moved a to 5", 3), ("moved a to 3", 0), ("placed a", None)]
    store.redo()
    store.redo()
    assert x_of(store, "a") == 3


def test_a_group_ends_with_an_undo(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    for x in (1, 2):
        store.stage(place("a", x), group="k")
    store.undo()
    store.redo()
    store.stage(place("a", 3), group="k")
    store.undo()
    assert x_of(store, "a") == 2


def test_a_new_edit_ends_what_could_be_done_again(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.stage(place("a", 1))
    store.undo()
    assert store.redo_words is not None
    store.stage(place("b", 1))
    assert store.redo_words is None
    assert store.redo() is None


def test_what_somebody_else_changed_later_stays_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mine = LabelStore(tmp_path, SKELETON)
    mine.apply([*place("a", 1), *place("b", 1)], "placed two")
    monkeypatch.setattr("leaptui.pose.journal.user_name", lambda: "ana")
    hers = LabelStore(tmp_path, SKELETON)
    hers.apply(place("a", 7))
    mine.refresh()
    made = mine.undo()
    assert made is not None
    assert (x_of(mine, "a"), x_of(mine, "b")) == (7, None)
    assert made.left == ("a of frame 0 was changed later by ana",)
    again = mine.redo()
    assert again is not None
    assert (x_of(mine, "a"), x_of(mine, "b")) == (7, 1)
    assert hers.undo_words == "a"


def test_an_undo_that_can_set_nothing_back_is_one_step_all_the_same(tmp_path: Path):
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    first.apply(place("b", 1), "earlier")
    first.apply(place("a", 1), "placed a")
    second.refresh()
    second.apply(place("a", 2))
    first.refresh()
    made = first.undo()
    assert made is not None
    assert made.edits == ()
    assert "you in another session" in made.left[0]
    assert first.undo_words == "earlier"
    first.close()
    assert LabelStore(tmp_path, SKELETON).redo_words == "placed a"


def test_two_sessions_undo_their_own_first(tmp_path: Path):
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    first.apply(place("a", 1), "first")
    second.refresh()
    second.apply(place("b", 2), "second")
    first.refresh()
    assert (first.undo_words, second.undo_words) == ("first", "second")
    first.undo()
    second.undo()
    for store in (first, second):
        store.flush()
    for store in (first, second):
        store.refresh()
        assert shown(store.labels()) == {}


def test_undo_of_somebody_else_is_not_offered_again(tmp_path: Path):
    LabelStore(tmp_path, SKELETON).apply(place("a", 1), "yesterday")
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    assert second.undo_words == "yesterday"
    first.undo()
    first.flush()
    second.refresh()
    assert second.undo_words is None


def test_only_ones_own_former_sessions_can_be_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    LabelStore(tmp_path, SKELETON).apply(place("a", 1), "mine")
    monkeypatch.setattr("leaptui.pose.journal.user_name", lambda: "ana")
    hers = LabelStore(tmp_path, SKELETON)
    assert hers.undo_words is None
    hers.apply(place("a", 2), "hers")
    assert hers.undo_words == "hers"


def test_imports_and_renames_are_no_steps(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("b", 1), "placed b")
    store.apply_all([place("a", 1), place("a", 2, frame=1)], "import")
    store.apply([RenameNode("c", "C")], "renamed")
    assert store.undo_words == "placed b"
    assert LabelStore(tmp_path, SKELETON).undo_words == "placed b"
    with pytest.raises(ValueError, match="of their own"):
        store.stage([RenameNode("b", "B"), *place("a", 1)])


def test_undo_brings_nothing_back_that_somebody_deleted(tmp_path: Path):
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    first.apply(place("a", 1))
    first.apply(place("a", 2))
    second.refresh()
    second.apply([DeleteInstance("v", 0, "i")])
    first.undo()
    first.refresh()
    assert shown(first.labels()) == {}


def test_the_history_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("leaptui.pose.history.MOST_STEPS", 10)
    store = LabelStore(tmp_path, SKELETON)
    for x in range(25):
        store.stage(place("a", x))
    store.close()
    store = LabelStore(tmp_path, SKELETON)
    steps = 0
    while store.undo() is not None:
        steps += 1
    assert steps == 10
    assert x_of(store, "a") == 14


def test_history_is_read_across_block_borders(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    for x in range(300):
        store.stage(place("a", x), "ä" * (x % 97))
    store.close()
    store = LabelStore(tmp_path, SKELETON)
    store.compact()
    for x in reversed(range(1, 300)):
        assert store.undo_words == ("ä" * (x % 97) or "a")
        store.undo()
        assert x_of(store, "a") == x - 1


def test_a_point_can_become_as_if_nobody_had_set_it_and_that_is_undone(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 1), SetPoints("v", 0, "i", {"c": None})])
    forgotten = tuple(Former("point", "i", node, None, NEVER) for node in "ac")
    store.stage([Restore("v", 0, forgotten), *place("b", 2)], "forgotten")
    assert ([x_of(store, node) for node in "abc"], store.unset(KEY)) == ([None, 2, None], {"i": frozenset()})
    store.close()
    store = LabelStore(tmp_path, SKELETON)
    made = store.undo()
    assert made is not None
    assert made.left == ()
    assert ([x_of(store, node) for node in "abc"], store.unset(KEY)) == ([1, 1, None], {"i": frozenset("c")})
    store.redo()
    assert ([x_of(store, node) for node in "abc"], store.unset(KEY)) == ([None, 2, None], {"i": frozenset()})
