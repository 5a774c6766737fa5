from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs import files
from leaptui.runs.files import decode, encode, jsonable, number, read_object, write_object
from leaptui.runs.layout import RunDirectory, list_runs, open_run

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(Path("a/b")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


class Colour(StrEnum):
    RED = "red"


@dataclass
class Thing:
    path: Path
    loss: float
    colour: Colour


@given(anything)
def test_every_value_becomes_one_ascii_line_of_strict_json(value: object) -> None:
    line = encode({"value": value})
    assert b"\n" not in line and b"\0" not in line and line.isascii()
    assert decode(line) == {"value": jsonable(value)}


def test_values_of_libraries_become_plain() -> None:
    assert jsonable(Thing(Path("a"), float("nan"), Colour.RED)) == {"path": "a", "loss": None, "colour": "red"}
    values = {"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1.0, np.nan]), "d": np.bool_(True)}
    assert jsonable(values) == {"a": 0.5, "b": 3, "c": [1.0, None], "d": True}
    assert jsonable(float("-inf")) is None


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert decode(encode({"loop": loop})) is not None


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_object_is_none(data: bytes) -> None:
    assert decode(data) is None


def test_numbers_of_a_record_are_finite_or_none() -> None:
    record = json.loads('{"a": 1e999, "b": true, "c": "x", "d": 2}')
    record["e"] = 10**400
    assert [number(record, key) for key in "abcdef"] == [None, None, None, 2.0, None, None]


def test_a_write_that_fails_leaves_the_old_file_and_no_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status.json"
    write_object(path, {"a": 1})

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match="No space"):
        write_object(path, {"a": 2})
    assert read_object(path) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_the_end_of_a_text_is_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    assert files.tail(path, 10) == ""
    path.write_bytes(b"first line\nsecond\nthird \xff\n")
    assert files.tail(path, 1000) == "first line\nsecond\nthird \N{REPLACEMENT CHARACTER}"
    assert files.tail(path, 18) == "second\nthird \N{REPLACEMENT CHARACTER}"


def test_a_new_run_holds_its_request(tmp_path: Path) -> None:
    request = {"video": Path("/data/a.mp4"), "epochs": 3, "lr": float("nan")}
    run = RunDirectory.create(tmp_path / "project" / "runs", "train", request, title="first")
    record = run.read_request()
    assert record["request"] == {"video": "/data/a.mp4", "epochs": 3, "lr": None}
    assert (record["operation"], record["title"], record["v"]) == ("train", "first", 1)
    assert {"created", "host", "user", "leaptui"} <= set(record)
    stamp, clock, operation, letters = run.id.split("-")
    assert (len(stamp), len(clock), operation, len(letters)) == (8, 6, "train", 4)
    assert run.control.is_dir() and run.checkpoints.is_dir() and run.previews.is_dir()
    assert open_run(run.path) == run


def test_runs_are_listed_newest_first_and_junk_is_not(tmp_path: Path) -> None:
    runs = [RunDirectory.create(tmp_path, "train", {"n": n}) for n in range(5)]
    (tmp_path / "20250101-000000-train-abcd").mkdir()
    (tmp_path / "notes.txt").write_text("not a run")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, text in {"a": "{", "b": "[]", "c": '{"operation": 3}', "d": "\0" * 10}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "request.json").write_text(text)
    (tmp_path / "e" / "request.json").mkdir(parents=True)
    assert list_runs(tmp_path) == runs[::-1]
    assert list_runs(tmp_path / "nowhere") == []
    assert list_runs(tmp_path / "notes.txt") == []


def test_a_request_with_an_absurd_date_is_still_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "request.json").write_text('{"operation": "train", "request": {}, "created": 1' + "0" * 400 + "}")
    assert [run.id for run in list_runs(tmp_path)] == ["odd"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not a run directory"):
        open_run(tmp_path)


def test_a_file_in_place_of_the_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UnusableInput, match="no run can be started here") as caught:
        RunDirectory.create(tmp_path / "runs", "train", {})
    assert caught.value.where == str(tmp_path / "runs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnusableInput, match="no run can be started here"):
        RunDirectory.create(tmp_path / "runs", "train", {})


def test_a_run_that_could_not_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(UnusableInput, match="No space left"):
        RunDirectory.create(tmp_path, "train", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../up", "a b", "Train", "-x"])
def test_an_operation_is_a_plain_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        RunDirectory.create(tmp_path, name, {})


def test_segments_are_in_order(run: RunDirectory) -> None:
    for name in ("events.0010.jsonl", "events.jsonl", "events.0002.jsonl", "events.x.jsonl", "events.jsonl.bak"):
        (run.path / name).touch()
    assert run.event_segments() == [1, 2, 10]
    assert run.event_segment(2).name == "events.0002.jsonl"
