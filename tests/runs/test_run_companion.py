"""A companion answers, survives what it does itself, and never survives its owner."""

from __future__ import annotations

import io
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import OperationFailed, UnusableInput
from leaptui.runners.companion import Desk, Request
from leaptui.runs.companion import Answer, Companion
from leaptui.runs.wire import Message, WireError, receive, send

HERE = Path(__file__).parent
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE)))}
PATIENCE = 30.0


def companion(folder: Path, **options: Any) -> Companion:
    env = {**ENVIRONMENT, **options.pop("env", {})}
    return Companion("the helper", "fake_companion", [str(folder)], env=env, backoff=(0.01,), **options)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Companion]:
    made = companion(tmp_path)
    yield made
    made.close()


def ask(made: Companion, op: str, *blobs: bytes, **head: Any) -> Answer:
    answers: queue.Queue[Answer] = queue.Queue()
    made.request({"op": op, **head}, blobs, take=answers.put)
    return answers.get(timeout=PATIENCE)


def is_gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while psutil.pid_exists(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not psutil.pid_exists(pid)


@given(
    st.dictionaries(st.text().filter(lambda name: name != "blobs"), st.integers() | st.text() | st.booleans()),
    st.lists(st.binary(max_size=200), max_size=4),
)
def test_what_is_sent_is_received(head: dict[str, Any], blobs: list[bytes]):
    pipe = io.BytesIO()
    send(pipe, Message(head, blobs))
    send(pipe, Message({"last": True}))
    pipe.seek(0)
    got = receive(pipe)
    assert got is not None
    assert got.head == head
    assert [bytes(blob) for blob in got.blobs] == blobs
    assert receive(pipe) == Message({"last": True}, [])
    assert receive(pipe) is None


@given(st.integers(1, 59))
def test_a_torn_message_is_told_from_an_end(cut: int):
    pipe = io.BytesIO()
    send(pipe, Message({"op": "frame"}, [bytes(40)]))
    whole = pipe.getvalue()
    with pytest.raises(WireError):
        receive(io.BytesIO(whole[:cut]))


@pytest.mark.parametrize("noise", [b"Traceback (most recent call last)", b"LTW1\xff\xff\xff\xff", b"LTW1\x02\0\0\0{}"])
def test_noise_is_no_message(noise: bytes):
    with pytest.raises(WireError):
        receive(io.BytesIO(noise))


def test_it_answers_with_bytes(fake: Companion):
    pixels = bytes(range(256)) * 8192
    answer = ask(fake, "echo", pixels, say="größer")
    assert answer.head["said"] == "größer"
    assert bytes(answer.blobs[0]) == pixels


def test_it_is_started_once(fake: Companion):
    assert fake.pid is None
    assert ask(fake, "echo").head["pid"] == ask(fake, "echo").head["pid"] == fake.pid


def test_an_error_comes_back_as_its_class(fake: Companion):
    answer = ask(fake, "refuse")
    assert isinstance(answer.error, UnusableInput)
    assert (answer.error.what, answer.error.where, answer.error.hint) == ("it is no good", "there", "Take another.")
    assert answer.kind == "UnusableInput"


def test_a_bug_is_an_answer_too(fake: Companion):
    assert "KeyError" in str(ask(fake, "no such thing").error)
    assert ask(fake, "echo").error is None


def test_what_libraries_print_does_not_disturb(fake: Companion):
    assert ask(fake, "noise").head["said"] == "noisy"


def test_several_answers(fake: Companion):
    answers: queue.Queue[Answer] = queue.Queue()
    fake.request({"op": "many"}, take=answers.put)
    got = [answers.get(timeout=PATIENCE) for _ in range(3)]
    assert [(a.head["said"], a.more) for a in got] == [(0, True), (1, True), (2, False)]
    assert fake.waiting == 0


def test_of_a_lane_only_the_newest_is_answered(fake: Companion):
    answers: queue.Queue[Answer] = queue.Queue()
    fake.request({"op": "sleep", "seconds": 0.3}, take=lambda answer: None)
    for number in range(5):
        fake.request({"op": "echo", "say": number, "lane": "shown"}, take=answers.put)
    got = [answers.get(timeout=PATIENCE) for _ in range(5)]
    assert sum(a.is_superseded for a in got) == 4
    assert [a.head["said"] for a in got if not a.is_superseded] == [4]


def test_the_urgent_goes_first():
    desk = Desk()
    for number, rank in enumerate((1, 2, 0, 1)):
        desk.put(Request(number, "echo", {"rank": rank}))
    order = [desk.take(0.0) for _ in range(5)]
    assert [None if request is None else request.number for request in order] == [2, 0, 3, 1, None]


def test_death_is_survived(fake: Companion):
    first = ask(fake, "echo").head["pid"]
    answer = ask(fake, "die once")
    assert answer.head["said"] == "alive"
    assert fake.pid != first


def test_a_request_that_kills_twice_is_given_up_with_its_last_words(fake: Companion):
    answer = ask(fake, "die")
    assert isinstance(answer.error, OperationFailed)
    assert answer.error.what == f"the helper was killed by signal {int(signal.SIGKILL)}"
    assert answer.error.hint == "it was too much for me"
    assert ask(fake, "echo").error is None


def test_one_that_cannot_be_started_is_reported(tmp_path: Path):
    made = Companion("the helper", "no_such_module_anywhere", backoff=(0.01,))
    answer = ask(made, "echo")
    made.close()
    assert "exit code 1" in str(answer.error)
    assert "no_such_module_anywhere" in str(answer.error)


def test_one_that_hangs_is_ended(tmp_path: Path):
    made = companion(tmp_path, patience=0.5)
    answer = ask(made, "hang")
    made.close()
    assert "did not answer" in str(answer.error)


def test_closing_ends_it_whatever_it_does(tmp_path: Path):
    made = companion(tmp_path)
    pid = ask(made, "echo").head["pid"]
    heard: list[Answer] = []
    made.request({"op": "sleep", "seconds": 600}, take=heard.append)
    made.close()
    assert is_gone(pid)
    assert not heard


def test_it_rests_after_a_while_and_comes_back(tmp_path: Path):
    made = companion(tmp_path, env={"REST_AFTER": "0.1"})
    first = ask(made, "echo").head["pid"]
    assert is_gone(first)
    second = ask(made, "echo")
    made.close()
    assert second.error is None
    assert second.head["pid"] != first


_OWNER = """
import sys, time
from leaptui.runs.companion import Companion
made = Companion("the helper", "fake_companion", ["."])
def tell(answer):
    print(answer.head["pid"], flush=True)
    made.request({"op": "sleep", "seconds": 600}, take=print)
made.request({"op": "echo"}, take=tell)
time.sleep(600)
"""


def test_it_does_not_survive_its_owner():
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert psutil.pid_exists(pid)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert is_gone(pid)
