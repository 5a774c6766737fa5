"""LabelStore: nothing acknowledged is ever lost, and several writers merge."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import SKELETON, edits, everything, journals, place, shown, transactions, x_of

from leaptui.errors import OperationFailed, UnusableInput
from leaptui.pose.edits import DeleteInstance, RenameNode, Restore, SetPoints, SetTrack, edit_from_json
from leaptui.pose.labels import FrameKey
from leaptui.pose.merge import MergedState
from leaptui.pose.snapshot import state_from_json, state_to_json
from leaptui.pose.stamps import Stamp
from leaptui.pose.store import LabelStore

KEY = FrameKey("v", 0)


@settings(deadline=None)
@given(edits())
def test_an_edit_survives_its_json(edit):
    assert edit_from_json(json.loads(json.dumps(edit.to_json()))) == edit


@settings(deadline=None)
@given(transactions)
def test_former_values_survive_their_json(changes):
    state = MergedState()
    state.apply(changes, Stamp(1, "s"))
    for restore in state.former(changes, SKELETON):
        assert isinstance(restore, Restore)
        assert edit_from_json(json.loads(json.dumps(restore.to_json()))) == restore


@settings(deadline=None)
@given(st.lists(transactions, max_size=20), st.randoms())
def test_merging_does_not_depend_on_order(changes, shuffle: random.Random):
    stamped = [(change, Stamp(1 + i // 2, f"s{i % 2}")) for i, change in enumerate(changes)]
    forward, shuffled = MergedState(), MergedState()
    for change, stamp in stamped:
        forward.apply(change, stamp)
    shuffle.shuffle(stamped)
    for change, stamp in stamped + stamped:
        shuffled.apply(change, stamp)
    assert everything(forward.labels(SKELETON)) == everything(shuffled.labels(SKELETON))


@settings(deadline=None)
@given(st.lists(transactions, max_size=12))
def test_a_snapshot_holds_everything(changes):
    state = MergedState()
    for counter, change in enumerate(changes, start=1):
        state.apply(change, Stamp(counter, "s"))
    state.apply([RenameNode("a", "deleted:a:1"), RenameNode("b", "a")], Stamp(99, "s"))
    back = state_from_json(json.loads(json.dumps(state_to_json(state))))
    assert everything(back.labels(SKELETON)) == everything(state.labels(SKELETON))
    assert state_to_json(back) == state_to_json(state)


@settings(max_examples=25, deadline=None)
@given(st.lists(transactions, min_size=1, max_size=6), st.integers(0, 6))
def test_reopening_gives_what_was_written(tmp_path_factory, changes, compact_after):
    folder = tmp_path_factory.mktemp("labels")
    store = LabelStore(folder, SKELETON)
    for number, change in enumerate(changes):
        store.apply(change)
        if number == compact_after:
            store.compact()
    reopened = LabelStore(folder, SKELETON)
    assert not reopened.problems
    assert everything(reopened.labels()) == everything(store.labels())
    store.close()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_three_sessions_agree_in_the_end(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("labels")
    stores = [LabelStore(folder, SKELETON) for _ in range(3)]
    steps = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from(["edit", "edit", "edit", "undo", "redo", "flush", "refresh", "compact"]),
            ),
            max_size=25,
        )
    )
    for who, what in steps:
        store = stores[who]
        if what == "edit":
            store.stage(data.draw(transactions))
        else:
            getattr(store, what)()
    for store in stores:
        store.flush()
    for store in stores:
        store.refresh()
    expected = everything(stores[0].labels())
    assert everything(stores[1].labels()) == expected
    assert everything(stores[2].labels()) == expected
    assert everything(LabelStore(folder, SKELETON).labels()) == expected
    (folder / "snapshot.json").unlink(missing_ok=True)
    assert everything(LabelStore(folder, SKELETON).labels()) == expected
    for store in stores:
        assert not store.problems
        store.close()


def test_two_sessions_merge_and_the_later_one_wins_per_point(tmp_path: Path):
    first = LabelStore(tmp_path, SKELETON)
    first.apply([*place("a", 1), *place("b", 1)])
    second = LabelStore(tmp_path, SKELETON)
    second.apply(place("a", 2))
    first.apply(place("c", 3))
    merged = LabelStore(tmp_path, SKELETON)
    assert [x_of(merged, node) for node in "abc"] == [2, 1, 3]
    assert len(journals(tmp_path)) == 2


def test_within_a_transaction_the_later_edit_of_a_point_wins(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("a", 2)])
    assert x_of(store, "a") == 2
    assert x_of(LabelStore(tmp_path, SKELETON), "a") == 2


def test_a_point_placed_after_a_deletion_brings_only_itself_back(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([*place("a", 1), *place("b", 1), SetTrack("v", 0, "i", "one")])
    store.apply([DeleteInstance("v", 0, "i")])
    assert store.frame(KEY).instances == []
    store.apply(place("a", 5))
    (instance,) = store.frame(KEY).instances
    assert instance.placed.tolist() == [True, False, False]
    assert instance.track is None


def test_an_animal_lives_until_it_is_deleted(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply([SetPoints("v", 0, "i")])
    assert len(store.frame(KEY).instances) == 1
    store.apply(place("a", 1))
    store.apply([SetPoints("v", 0, "i", {"a": None})])
    assert [i.placed.any() for i in store.frame(KEY).instances] == [False]
    assert store.unset(KEY) == {"i": frozenset("a")}
    store.apply([DeleteInstance("v", 0, "i")])
    store.apply([SetTrack("v", 0, "i", "one"), SetPoints("v", 0, "i", {"a": None})])
    assert store.frame(KEY).instances == []
    assert store.unset(KEY) == {}
    store.apply([SetPoints("v", 0, "i")])
    assert len(store.frame(KEY).instances) == 1


def test_a_checksum_is_written_once(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    for x in (1.0, 2.0):
        store.apply([SetPoints("v", 0, "i", {"a": (x, 0.0, False)}, checksum=77)])
    assert journals(tmp_path)[0].read_text().count("checksum") == 1
    assert LabelStore(tmp_path, SKELETON).frame(KEY).checksum == 77


def test_a_broken_snapshot_falls_back_to_the_journals(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.compact()
    store.close()
    snapshot = tmp_path / "snapshot.json"
    for broken, said in (("{", "not a snapshot"), ('{"v":99}', "newer leaptui"), ("[]", "not a snapshot")):
        snapshot.write_text(broken)
        reopened = LabelStore(tmp_path, SKELETON)
        assert x_of(reopened, "a") == 1
        assert said in reopened.problems[0].reason
    snapshot.write_text('{"v":1,"frames":[]}')
    reopened = LabelStore(tmp_path, SKELETON)
    assert x_of(reopened, "a") == 1
    assert not reopened.problems


def test_reading_leaves_no_trace(tmp_path: Path):
    store = LabelStore(tmp_path / "labels", SKELETON)
    store.labels()
    assert store.refresh() == set()
    assert (store.undo(), store.redo(), store.undo_words) == (None, None, None)
    assert list(store.log()) == []
    store.flush()
    store.close()
    assert not (tmp_path / "labels").exists()


def test_staged_edits_count_at_once_and_are_on_disk_after_flush(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.stage(place("a", 1), "first")
    store.stage(place("b", 2), "second")
    assert (x_of(store, "a"), x_of(store, "b"), store.unsaved) == (1, 2, 2)
    assert not journals(tmp_path)
    store.flush()
    assert store.unsaved == 0
    assert [entry.why for entry in LabelStore(tmp_path, SKELETON).log()] == ["first", "second"]


def test_nothing_staged_writes_nothing(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    assert store.stage([]).edits == ()
    store.apply([])
    store.apply_all([[], []])
    store.flush()
    assert not journals(tmp_path)


@pytest.mark.parametrize("x", [float("nan"), float("inf")])
def test_a_point_that_is_no_number_is_refused_before_anything_changes(tmp_path: Path, x: float):
    store = LabelStore(tmp_path, SKELETON)
    for make in (store.stage, store.apply):
        with pytest.raises(ValueError, match="finite"):
            make(place("a", x))
    assert store.unsaved == 0
    assert shown(store.labels()) == {}
    assert store.undo_words is None


def test_refresh_reads_on_and_says_which_frames_changed(tmp_path: Path):
    reader, writer = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    writer.apply(place("a", 1))
    assert reader.refresh() == {KEY}
    assert reader.refresh() == set()
    writer.apply(place("a", 2, frame=1))
    writer.apply(place("a", 3, frame=2))
    assert reader.refresh() == {FrameKey("v", 1), FrameKey("v", 2)}
    reader.apply(place("a", 9))
    assert writer.refresh() == {KEY}
    assert x_of(writer, "a") == 9


def test_refresh_of_an_earlier_edit_changes_nothing(tmp_path: Path):
    early, late = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    for x in range(3):
        late.apply(place("a", x))
    early.apply(place("a", 9))
    assert late.refresh() == set()
    assert x_of(late, "a") == 2


def test_refresh_takes_a_line_only_when_it_is_whole(tmp_path: Path):
    writer = LabelStore(tmp_path, SKELETON)
    writer.apply(place("a", 1))
    writer.apply(place("a", 2))
    path = journals(tmp_path)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    reader = LabelStore(tmp_path, SKELETON)
    assert x_of(reader, "a") == 1
    path.write_bytes(whole)
    assert reader.refresh() == {KEY}
    assert x_of(reader, "a") == 2
    assert not reader.problems


def test_compaction_hides_nothing_that_others_write_before_or_after(tmp_path: Path):
    first, second = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    second.stage(place("b", 1))
    first.apply(place("a", 1))
    first.compact()
    second.flush()
    second.apply(place("c", 1, frame=1))
    before = LabelStore(tmp_path, SKELETON)
    second.refresh()
    second.compact()
    second.apply(place("c", 2, frame=1))
    after = LabelStore(tmp_path, SKELETON)
    before.refresh()
    first.refresh()
    for store in (before, first, after):
        assert everything(store.labels()) == everything(second.labels())


def test_a_line_of_a_newer_version_stays_readable_after_compaction(tmp_path: Path):
    store = LabelStore(tmp_path, SKELETON)
    store.apply(place("a", 1))
    store.close()
    path = journals(tmp_path)[0]
    newer = b'{"v":1,"c":2,"edits":[{"op":"points3d","video":"v"}]}\n{"v":7,"c":3,"edits":[]}\n'
    path.write_bytes(path.read_bytes() + newer + b'{"v":1,"c":4,"edits":[]}\n')
    other = LabelStore(tmp_path, SKELETON)
    other.apply(place("b", 2))
    other.compact()
    reopened = LabelStore(tmp_path, SKELETON)
    assert [(p.file.name, p.line) for p in reopened.problems] == [(path.name, 3), (path.name, 4)]
    assert "points3d" in reopened.problems[0].reason
    assert "newer leaptui" in reopened.problems[1].reason
    assert (x_of(reopened, "a"), x_of(reopened, "b")) == (1, 2)
    assert newer in path.read_bytes()
    assert next(entry.counter for entry in other.log() if entry.nodes == ("b",)) > 3


def test_a_long_tail_becomes_a_snapshot_on_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("leaptui.pose.store._COMPACT_LINES", 20)
    store = LabelStore(tmp_path, SKELETON)
    for x in range(15):
        store.stage(place("a", x))
    store.close()
    assert not (tmp_path / "snapshot.json").exists()
    LabelStore(tmp_path, SKELETON).close()
    store = LabelStore(tmp_path, SKELETON)
    for x in range(15):
        store.stage(place("b", x))
    store.close()
    assert (tmp_path / "snapshot.json").exists()
    reopened = LabelStore(tmp_path, SKELETON)
    assert (x_of(reopened, "a"), x_of(reopened, "b")) == (14, 14)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    LabelStore(tmp_path, SKELETON).apply(place("a", 1))
    store = LabelStore(tmp_path, SKELETON)

    def broken(_folder: Path) -> dict[str, object]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("leaptui.pose.journal_reader.journals_in", broken)
    with pytest.raises(UnusableInput, match="cannot be read"):
        LabelStore(tmp_path, SKELETON)
    with pytest.raises(OperationFailed, match="cannot be read"):
        store.refresh()


def test_one_thread_stages_while_others_write_read_and_compact(tmp_path: Path):
    store, other = LabelStore(tmp_path, SKELETON), LabelStore(tmp_path, SKELETON)
    done = threading.Event()
    failures: list[BaseException] = []

    def work(*calls: str) -> None:
        try:
            while not done.is_set():
                for call in calls:
                    getattr(store, call)()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=calls) for calls in (("flush",), ("refresh", "labels"), ("compact",))]
    for thread in threads:
        thread.start()
    for number in range(300):
        store.stage(place("a", number, frame=number))
        if number % 3 == 0:
            other.apply(place("b", number, frame=number))
        if number % 10 == 0:
            store.apply(place("c", number, frame=number))
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    assert not failures
    reopened = LabelStore(tmp_path, SKELETON)
    assert not reopened.problems
    for number in range(300):
        assert x_of(reopened, "a", number) == number
        assert number % 3 or x_of(reopened, "b", number) == number
        assert number % 10 or x_of(reopened, "c", number) == number
