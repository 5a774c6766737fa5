from __future__ import annotations

import errno
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_helpers import until

from leaptui.runs import events as events_module
from leaptui.runs.event_reader import LINE_LIMIT, PATIENCE, EventReader
from leaptui.runs.events import EventWriter
from leaptui.runs.files import ShortWrite
from leaptui.runs.layout import RunDirectory

messages = st.lists(st.text(max_size=30), max_size=12)


def lines(texts: list[str]) -> list[bytes]:
    return [
        json.dumps({"v": 1, "seq": n, "t": 0, "type": "log", "message": m}).encode() for n, m in enumerate(texts, 1)
    ]


def everything(reader: EventReader, **bounds: Any) -> list[dict[str, Any]]:
    found = reader.poll(**bounds)
    while reader.is_behind:
        found += reader.poll(**bounds)
    return found


def write(run: RunDirectory, *texts: str, resume: bool = False) -> None:
    with EventWriter(run, resume=resume) as writer:
        for each in texts:
            writer.emit("log", message=each)


def aged(run: RunDirectory) -> None:
    """Nothing of it is on its way any more."""
    for number in run.event_segments():
        os.utime(run.event_segment(number), (1e9, 1e9))


def read(run: RunDirectory) -> list[str]:
    return [event["message"] for event in everything(EventReader(run))]


def test_what_is_emitted_is_read(run: RunDirectory) -> None:
    with EventWriter(run, clock=lambda: 12.34567) as writer:
        writer.emit("step", loss=float("nan"), lr=float("inf"), step=1, path=Path("/a"), text="\ud800 \n \x1b")
    assert EventReader(run).poll() == [
        {"v": 1, "seq": 1, "t": 12.346, "type": "step", "loss": None, "lr": None, "step": 1, "path": "/a"}
        | {"text": "\ud800 \n \x1b"}
    ]


def test_events_reach_the_disk_without_being_flushed(run: RunDirectory) -> None:
    writer = EventWriter(run, interval=0.01)
    reader = EventReader(run)
    writer.emit("log", message="by itself")
    until(lambda: bool(reader.poll()), "the event is on disk")
    writer.close()


def test_a_batch_is_one_write_and_one_sync(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[bytes] = []
    syncs: list[int] = []
    monkeypatch.setattr(events_module, "write_all", lambda _fd, data: batches.append(bytes(data)) or len(data))
    monkeypatch.setattr(events_module, "sync", syncs.append)
    writer = EventWriter(run, interval=60)
    for number in range(50):
        writer.emit("step", step=number)
    writer.close()
    assert len(batches) == len(syncs) == 1
    assert batches[0].count(b"\n") == 50 and batches[0].endswith(b"\n")


def test_fields_of_the_envelope_cannot_be_taken(run: RunDirectory) -> None:
    with EventWriter(run) as writer, pytest.raises(ValueError, match="seq, t"):
        writer.emit("step", seq=1, t=2)


def test_nothing_is_emitted_after_the_end(run: RunDirectory) -> None:
    writer = EventWriter(run)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.emit("log")


def test_many_threads_write_whole_lines_in_order(run: RunDirectory) -> None:
    writer = EventWriter(run, interval=0.001)

    def work(name: int) -> None:
        for number in range(200):
            writer.emit("log", message=f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    reader = EventReader(run)
    found = everything(reader)
    assert [event["seq"] for event in found] == list(range(1, 801))
    assert reader.problems == 0
    for name in range(4):
        mine = [event["message"] for event in found if event["message"].startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(200)]


def test_a_full_disk_loses_nothing_once_there_is_room(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = events_module.write_all
    writer = EventWriter(run, interval=60)
    writer.emit("log", message="a" * 100)

    def half(descriptor: int, data: bytes) -> int:
        done = real(descriptor, data[:40])
        raise ShortWrite(done, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(events_module, "write_all", half)
    with pytest.raises(OSError, match="No space"):
        writer.flush()
    assert EventReader(run).poll() == []
    monkeypatch.setattr(events_module, "write_all", real)
    writer.emit("log", message="b")
    writer.close()
    reader = EventReader(run)
    assert [event["message"] for event in reader.poll()] == ["a" * 100, "b"]
    assert reader.problems == 0


def test_what_a_full_disk_cost_is_said(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "_BACKLOG_LIMIT", 100)
    writer = EventWriter(run, interval=60)
    for _ in range(10):
        writer.emit("log", message="a" * 60)
    assert writer.dropped == 9
    writer.close()
    assert "9 events were lost" in read(run)[-1]


def test_an_event_nobody_could_read_is_not_written(run: RunDirectory) -> None:
    with EventWriter(run) as writer:
        writer.emit("log", message="x" * LINE_LIMIT)
        writer.emit("log", message="next")
    first, second = EventReader(run).poll()
    assert first["too_long"] > LINE_LIMIT and second["message"] == "next"


def test_a_forked_child_writes_nothing(run: RunDirectory) -> None:
    writer = EventWriter(run, interval=60)
    writer.emit("log", message="parent")
    child = os.fork()
    if child == 0:
        writer.emit("log", message="child")
        writer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.close()
    assert read(run) == ["parent"]


def test_reopening_closes_a_torn_line(run: RunDirectory) -> None:
    write(run, "a", "b")
    with run.events.open("ab") as file:
        file.write(b'{"v":1,"seq":3,"t":0,"ty')
    write(run, "c")
    reader = EventReader(run)
    found = reader.poll()
    assert [(event["seq"], event["message"]) for event in found] == [(1, "a"), (2, "b"), (3, "c")]
    assert reader.problems == 1


def test_a_resume_opens_the_next_segment_and_counts_on(run: RunDirectory) -> None:
    write(run, "a", "b")
    with run.events.open("ab") as file:
        file.write(b'{"torn')
    reader = EventReader(run)
    assert len(reader.poll()) == 2
    write(run, "c", resume=True)
    write(run, resume=True)
    write(run, "d", resume=True)
    assert run.event_segments() == [1, 2, 3, 4]
    assert [(event["seq"], event["message"]) for event in everything(reader)] == [(3, "c"), (4, "d")]
    assert (reader.problems, reader.segment) == (1, 4)
    assert read(run) == ["a", "b", "c", "d"]


@settings(max_examples=60, deadline=None)
@given(messages, st.data())
def test_a_cut_anywhere_loses_no_earlier_line_and_invents_none(texts: list[str], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines(texts))
    cut = data.draw(st.integers(0, len(whole)))
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.events.write_bytes(whole[:cut])
        reader = EventReader(run)
        expected = texts[: whole[:cut].count(b"\n")]
        assert [event["message"] for event in everything(reader)] == expected
        # The writer that comes back goes on behind it.
        write(run, "after")
        complete = expected if whole[:cut].endswith(b"\n") or not cut else read(run)[:-1]
        assert complete in (expected, texts[: len(expected) + 1])
        assert [event["message"] for event in everything(reader)] == [*complete[len(expected) :], "after"]


@settings(max_examples=40, deadline=None)
@given(messages, st.lists(st.integers(0, 60), max_size=20), st.integers(1, 4))
def test_reading_while_it_grows_is_reading_it_whole(texts: list[str], pieces: list[int], most: int) -> None:
    whole = b"".join(line + b"\n" for line in lines(texts))
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        reader, hasty = EventReader(run), EventReader(run)
        found: list[str] = []
        few: list[str] = []
        at = 0
        for piece in [*pieces, len(whole)]:
            with run.events.open("ab") as file:
                file.write(whole[at : at + piece])
            at += piece
            found += [event["message"] for event in everything(reader)]
            few += [event["message"] for event in hasty.poll(max_records=most)]
        few += [event["message"] for event in everything(hasty, max_records=most)]
        assert found == few == texts
        assert reader.problems == hasty.problems == 0


def test_two_readers_do_not_disturb_each_other(run: RunDirectory) -> None:
    write(run, "a")
    first, second = EventReader(run), EventReader(run)
    assert len(first.poll()) == 1
    write(run, "b")
    assert len(first.poll()) == 1
    assert len(second.poll()) == 2


@pytest.mark.parametrize(
    ("junk", "problems"),
    [
        (b"\0" * 4096 + b"\n", 1),
        (b"\xff\xfe\xfd\n", 1),
        (b"not json\n", 1),
        (b"[1, 2]\n", 1),
        (b'{"type": 3}\n', 1),
        (b'{"no": "type"}\n', 1),
        (b"[" * 50_000 + b"\n", 1),
        (b"\n  \n", 0),
        (b"x" * (3 * LINE_LIMIT + 17) + b"\n", 1),
        (b"\0" * (2 * LINE_LIMIT) + b"\n", 1),
        (b"y" * (LINE_LIMIT - 1) + b"\n", 1),
        (b"y" * LINE_LIMIT + b"\n", 1),
    ],
    ids=[
        "zeros",
        "no UTF-8",
        "no JSON",
        "an array",
        "type is no text",
        "no type",
        "deep",
        "blank",
        "huge",
        "huge zeros",
        "as long as may be",
        "one byte longer",
    ],
)
def test_junk_between_lines_is_skipped_and_counted(run: RunDirectory, junk: bytes, problems: int) -> None:
    first, second = lines(["a", "b"])
    run.events.write_bytes(first + b"\n" + junk + second + b"\n")
    aged(run)
    reader = EventReader(run)
    assert [event["message"] for event in everything(reader)] == ["a", "b"]
    assert reader.problems == problems


def test_zeros_in_front_of_a_line_do_not_cost_it(run: RunDirectory) -> None:
    first, second = lines(["a", "b"])
    run.events.write_bytes(first + b"\n" + b"\0" * 512 + second + b"\n")
    aged(run)
    reader = EventReader(run)
    assert [event["message"] for event in reader.poll()] == ["a", "b"]
    assert reader.problems == 1


def test_a_huge_line_that_is_still_growing_is_one_problem(run: RunDirectory) -> None:
    reader = EventReader(run)
    run.events.write_bytes(b"x" * (LINE_LIMIT + 5))
    assert everything(reader) == []
    with run.events.open("ab") as file:
        file.write(b"x" * 1000)
    assert everything(reader) == []
    with run.events.open("ab") as file:
        file.write(b"end\n" + lines(["a"])[0] + b"\n")
    assert [event["message"] for event in everything(reader)] == ["a"]
    assert reader.problems == 1


def test_a_huge_torn_line_ends_with_its_segment(run: RunDirectory) -> None:
    run.events.write_bytes(b"x" * (LINE_LIMIT + 5))
    run.event_segment(2).write_bytes(lines(["a"])[0] + b"\n")
    reader = EventReader(run)
    assert [event["message"] for event in everything(reader)] == ["a"]
    assert reader.problems == 1


def test_a_poll_is_bounded_in_records(run: RunDirectory) -> None:
    write(run, *(str(number) for number in range(100)))
    reader = EventReader(run)
    assert [event["message"] for event in reader.poll(max_records=7)] == [str(number) for number in range(7)]
    assert reader.is_behind
    assert len(everything(reader, max_records=7)) == 93
    assert not reader.is_behind


def test_a_poll_is_bounded_in_time_but_gets_on(run: RunDirectory) -> None:
    write(run, *(str(number) for number in range(1000)))
    clock = iter(range(1_000_000))
    reader = EventReader(run, clock=lambda: float(next(clock)))
    first = reader.poll(max_seconds=0.5)
    assert 0 < len(first) < 1000 and reader.is_behind
    rest = everything(reader, max_seconds=0.5)
    assert [event["message"] for event in first + rest] == [str(number) for number in range(1000)]


def test_no_file_yet_is_no_event(run: RunDirectory) -> None:
    reader = EventReader(run)
    assert reader.poll() == [] and reader.problems == 0 and not reader.is_behind
    write(run, "a")
    assert len(reader.poll()) == 1


def test_a_file_replaced_on_the_server_is_read_at_the_next_poll(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run, "a")
    reader = EventReader(run)

    def stale(*_: object) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", stale)
        assert reader.poll() == []
    assert reader.problems == 0
    assert len(reader.poll()) == 1


def test_a_file_that_lost_its_end_is_left_for_the_next_segment(run: RunDirectory) -> None:
    write(run, "a", "b")
    now = [0.0]
    reader = EventReader(run, clock=lambda: now[0])
    assert len(reader.poll()) == 2
    os.truncate(run.events, 10)
    assert reader.poll() == [] and reader.is_waiting
    now[0] += PATIENCE + 1
    assert reader.poll() == [] and reader.poll() == []
    assert reader.problems == 1 and not reader.is_waiting
    write(run, "c", resume=True)
    assert [event["message"] for event in everything(reader)] == ["c"]
