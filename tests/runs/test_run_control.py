"""Asking things of runs: who may, what comes back, and that no signal reaches another process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_helpers import PATIENCE, until, until_gone, until_state, worker_env

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.advice import silent_end
from leaptui.runs.answers import find_answer, wait_for_answer
from leaptui.runs.control import (
    CHECKPOINT,
    EXTEND,
    LOWER_RATE,
    WAKE,
    Ask,
    acknowledge,
    ask,
    pending,
    record_extension,
    request_checkpoint,
    request_extension,
    request_lower_rate,
    request_stop,
    requested,
)
from leaptui.runs.events import EventReader, EventWriter
from leaptui.runs.inbox import Inbox
from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, StatusWriter, read_status


def elsewhere() -> ProcessIdentity:
    """A process on another host, of which only the status tells."""
    return replace(ProcessIdentity.current(), host="another-host")


def controls(run: RunDirectory) -> list[dict[str, Any]]:
    return [event for event in EventReader(run).poll() if event["type"] == "control"]


@pytest.fixture
def going(run: RunDirectory) -> RunDirectory:
    """A run that goes on, on another host."""
    StatusWriter(run, elsewhere()).change(State.RUNNING)
    return run


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[RunDirectory]:
    """A run that can be asked for checkpoints, in a process of its own."""
    run = RunDirectory.create(tmp_path / "runs", "steps", {"steps": 1_000_000, "pause": 0.01})
    launch(run, env=worker_env(), module="asked_worker", wait=PATIENCE)
    until_state(run, State.RUNNING)
    yield run
    for each in list_runs(tmp_path / "runs"):
        status = read_status(each)
        if status is not None and status.process is not None:
            status.process.send_signal(signal.SIGKILL, argument=each.path)


def test_an_ask_carries_what_belongs_to_it(going: RunDirectory) -> None:
    made = request_lower_rate(going, 0.25, by="ada@lab")
    request_extension(going, 5)
    request_checkpoint(going)
    found = pending(going)
    assert list(found) == [LOWER_RATE, EXTEND, CHECKPOINT], "oldest first"
    assert found[LOWER_RATE].fields == {"factor": 0.25}
    assert found[EXTEND].fields == {"epochs": 5}
    assert (found[LOWER_RATE].by, found[LOWER_RATE].id, found[LOWER_RATE].t) == ("ada@lab", made.id, made.t)
    again = request_extension(going, 7)
    assert (again.is_new, again.fields) == (False, {"epochs": 5})


@pytest.mark.parametrize("factor", [0, 1, 1.5, -0.1, 1e-9, float("nan"), float("inf"), True, "0.1", None])
def test_no_such_factor(going: RunDirectory, factor: Any) -> None:
    with pytest.raises(UsageError, match="multiplied by a factor from"):
        request_lower_rate(going, factor)
    assert not pending(going)


@pytest.mark.parametrize("epochs", [0, -1, 10_001, 2.5, True, "3", 10**400])
def test_no_such_number_of_epochs(going: RunDirectory, epochs: Any) -> None:
    with pytest.raises(UsageError, match="1 to 10,000 epochs"):
        request_extension(going, epochs)
    with pytest.raises(UsageError, match="1 to 10,000 epochs"):
        record_extension(going, epochs)
    assert not pending(going)


def test_a_run_that_is_over_or_has_not_begun_is_asked_nothing(run: RunDirectory) -> None:
    for request in (request_checkpoint, request_lower_rate):
        with pytest.raises(UsageError, match="has not begun"):
            request(run)
    status = StatusWriter(run, ProcessIdentity.current())
    status.finish(State.STOPPED, 130)
    for request in (request_checkpoint, request_lower_rate, lambda run: request_extension(run, 3)):
        with pytest.raises(UsageError, match="it is stopped"):
            request(run)
    with pytest.raises(UsageError) as refused:
        request_extension(run, 3)
    assert refused.value.hint == f"leaptui resume {run.path} --more-epochs 3"
    assert not pending(run)


def test_where_nothing_can_be_written_nothing_is_asked(going: RunDirectory) -> None:
    for path in going.control.iterdir():
        path.unlink()
    going.control.rmdir()
    going.control.write_text("in the way")
    with pytest.raises(UnusableInput, match="cannot be asked to checkpoint"):
        request_checkpoint(going)


def test_an_extension_that_is_recorded_twice_is_what_was_said_last(run: RunDirectory) -> None:
    record_extension(run, 5)
    record_extension(run, 8)
    found = requested(run, EXTEND)
    assert found is not None and found.fields == {"epochs": 8}


def test_hostile_files_in_control_hold_nobody_up(run: RunDirectory) -> None:
    os.mkfifo(run.control / "checkpoint")
    (run.control / "lower-lr").mkdir()
    (run.control / "extend").write_bytes(b'{"epochs":' + b"9" * 500_000 + b"}")
    (run.control / "loop").symlink_to(run.control / "loop")
    (run.control / "zero").symlink_to("/dev/zero")
    (run.control / "a\x1b[31mb").write_text('{"by": "\x1b]0;evil\x07", "t": "now", "id": 7}')
    (run.control / ".hidden").touch()
    (run.control / "worker.0001").touch()
    found = pending(run)
    assert set(found) == {"checkpoint", "lower-lr", "extend", "loop", "zero", "a\x1b[31mb"}
    assert all(each.fields == {} and each.t is None for each in found.values())
    for number in range(500):
        (run.control / f"x{number}").touch()
    (run.control / "stop").touch()
    assert len(pending(run)) <= 32 and "stop" in pending(run)


def test_what_nobody_serves_is_answered_in_words(run: RunDirectory) -> None:
    for name in (CHECKPOINT, LOWER_RATE, EXTEND, "dance"):
        ask(run, name)
    (run.control / "lower-lr").unlink()
    (run.control / "lower-lr").mkdir()
    with EventWriter(run) as events:
        inbox = Inbox(run, events.emit)
        inbox.put(pending(run).values())
        assert inbox.take() == [], "nobody knows yet what the runner serves"
        inbox.serves((CHECKPOINT,))
        for _ in range(3):
            inbox.put(pending(run).values())
        (taken,) = inbox.take()
        assert taken.name == CHECKPOINT and inbox.take() == []
        inbox.acknowledge(taken, "kept")
        inbox.put(pending(run).values())
    found = {event["ask"]: (event["accepted"], event["answer"]) for event in controls(run)}
    assert len(controls(run)) == 4, "each once, also the one that cannot be removed"
    assert found[CHECKPOINT] == (True, "kept")
    assert not found[LOWER_RATE][0] and "learning rate" in found[LOWER_RATE][1]
    assert not found[EXTEND][0] and "epochs" in found[EXTEND][1]
    assert not found["dance"][0] and "does not know" in found["dance"][1]
    assert list(pending(run)) == ["lower-lr"]


def test_a_file_without_content_can_be_touched_again(run: RunDirectory) -> None:
    said: list[str] = []
    inbox = Inbox(run, lambda _, **fields: said.append(fields["answer"]))
    inbox.serves((CHECKPOINT,))
    for number in range(2):
        (run.control / CHECKPOINT).touch()
        os.utime(run.control / CHECKPOINT, ns=(number, number))
        inbox.put(pending(run).values())
        (taken,) = inbox.take()
        inbox.acknowledge(taken, str(number))
    assert said == ["0", "1"]


def test_what_is_left_at_the_end_is_answered_too(run: RunDirectory) -> None:
    said: list[tuple[str, bool]] = []
    inbox = Inbox(run, lambda _, **fields: said.append((fields["ask"], fields["accepted"])))
    inbox.serves((CHECKPOINT, LOWER_RATE, EXTEND))
    ask(run, CHECKPOINT)
    inbox.put(pending(run).values())
    inbox.take()
    ask(run, LOWER_RATE, factor=0.1)
    ask(run, EXTEND, epochs=3)
    inbox.put(pending(run).values())
    inbox.close(keep=(EXTEND,))
    assert said == [(CHECKPOINT, False), (LOWER_RATE, False)]
    assert list(pending(run)) == [EXTEND]


def test_an_answer_is_found_by_the_ask_it_belongs_to(run: RunDirectory) -> None:
    first = ask(run, CHECKPOINT)
    with EventWriter(run) as events:
        acknowledge(run, first, events.emit, answer="kept")
        second = ask(run, CHECKPOINT)
        events.emit("log", level="info", message='"type":"control" is only said here')
        assert second.is_new and second.id != first.id
        events.flush()
        found = find_answer(run, first)
        assert found is not None and (found.words, found.accepted) == ("kept", True)
        assert find_answer(run, second) is None
        naps: list[float] = []
        assert wait_for_answer(run, second, 0.35, clock=lambda: sum(naps), sleep=naps.append) is None
        assert 3 <= len(naps) <= 5
        acknowledge(run, second, events.emit, answer="no", accepted=False)
    found = wait_for_answer(run, second, 0.0)
    assert found is not None and not found.accepted


def test_a_run_answers_from_its_own_process(asked: RunDirectory) -> None:
    request = request_checkpoint(asked)
    answer = wait_for_answer(asked, request, PATIENCE)
    assert answer is not None and answer.accepted and answer.words.startswith("kept at step")
    assert "attempt 1" in answer.words
    lower = request_lower_rate(asked)
    answer = wait_for_answer(asked, lower, PATIENCE)
    assert answer is not None and not answer.accepted and "learning rate" in answer.words
    request_extension(asked, 3)
    request_stop(asked)
    until_state(asked, State.STOPPED)
    assert list(pending(asked)) == [EXTEND, "stop"], "more epochs wait for the next attempt"
    launch(asked, resume=True, env=worker_env(), module="asked_worker", wait=PATIENCE)
    until_state(asked, State.RUNNING)
    request = request_checkpoint(asked)
    answer = wait_for_answer(asked, request, PATIENCE)
    assert answer is not None and "attempt 2" in answer.words


def test_a_finished_run_is_resumed_with_an_extension_only(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "runs", "steps", {"steps": 2, "pause": 0.0})
    launch(run, env=worker_env(), module="asked_worker", wait=PATIENCE)
    until_state(run, State.FINISHED)
    with pytest.raises(UsageError, match="nothing left to do") as refused:
        launch(run, resume=True)
    assert "--more-epochs" in (refused.value.hint or "")
    record_extension(run, 3)
    launch(run, resume=True, env=worker_env(), module="asked_worker", wait=PATIENCE)
    until(lambda: (read_status(run) or 0).attempt == 2, "the second attempt")  # type: ignore[union-attr]
    until_state(run, State.FINISHED)
    until(lambda: not pending(run), "the extension is answered, for the run is finished")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU])
def test_a_scheduler_that_takes_the_machine_away_gets_a_graceful_end(
    asked: RunDirectory, number: signal.Signals
) -> None:
    status = read_status(asked)
    assert status is not None and status.pid is not None
    for _ in range(3):
        os.kill(status.pid, number)
    ended = until_state(asked, State.STOPPED)
    assert (ended.reason, ended.exit_code) == (number.name, 130)


def test_being_woken_is_no_preemption(asked: RunDirectory) -> None:
    status = read_status(asked)
    assert status is not None and status.pid is not None
    for _ in range(20):
        os.kill(status.pid, WAKE)
    request = request_checkpoint(asked)
    assert wait_for_answer(asked, request, PATIENCE) is not None
    assert read_status(asked).state is State.RUNNING  # type: ignore[union-attr]


def test_a_term_after_a_warning_does_not_end_it_at_once(asked: RunDirectory) -> None:
    """SLURM sends what --signal names, and SIGTERM when the time is up."""
    status = read_status(asked)
    assert status is not None and status.pid is not None
    os.kill(status.pid, signal.SIGUSR1)
    os.kill(status.pid, signal.SIGTERM)
    ended = until_state(asked, State.STOPPED)
    assert "second time" not in (ended.reason or "")
    assert asked.result.exists(), "the runner came to its end"


SLEEPER = "import time; time.sleep(600)"


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Any]:
    """Starts processes that a signal would end."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}
        )
        started.append(process)
        until(lambda: len(psutil.Process(process.pid).cmdline()) > len(arguments), "the process has begun")
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_no_signal_reaches_whomever_a_hostile_status_names(run: RunDirectory, tmp_path: Path, victim: Any) -> None:
    other = RunDirectory.create(tmp_path / "runs", "count", {})
    innocent = [
        victim("-c", SLEEPER),
        # Follows this very run, and is no worker of it.
        victim("-c", SLEEPER, "attach", str(run.path)),
        victim("-c", SLEEPER, "-m", "sleeper", "--tail", str(run.path)),
        # A worker of another run, and one that only mentions this one.
        victim("-m", "sleeper", str(other.path)),
        victim("-m", "sleeper", str(other.path), str(run.path)),
        victim("-m", "sleeper", str(run.path / ".." / other.path.name)),
    ]
    for process in innocent:
        identity = ProcessIdentity.of(process.pid)
        run.status.write_text(json.dumps({"state": "running", "seq": 1, **identity.to_json()}))
        assert not identity.send_signal(signal.SIGTERM, argument=run.path)
        request_stop(run, now=True)
    for number in (1, 0, -1, -os.getpid(), os.getpid(), 2**31, 2**80):
        record = {"state": "running", "seq": 1, **ProcessIdentity.current().to_json(), "pid": number}
        run.status.write_text(json.dumps(record))
        status = read_status(run)
        if status is not None and status.process is not None:
            assert not status.process.send_signal(signal.SIGTERM, argument=run.path)
    time.sleep(0.3)
    assert [process.poll() for process in innocent] == [None] * len(innocent)


def test_a_worker_of_the_run_that_another_boot_or_container_names_is_left_alone(run: RunDirectory, victim: Any) -> None:
    process = victim("-m", "sleeper", str(run.path))
    identity = ProcessIdentity.of(process.pid)
    assert identity.ticks is not None
    for wrong in (
        replace(identity, boot="00000000-0000-0000-0000-000000000000"),
        replace(identity, boot=None),
        replace(identity, namespace="pid:[1]"),
        replace(identity, namespace=None),
        replace(identity, host="another-host"),
        replace(identity, ticks=identity.ticks + 1),
        replace(identity, ticks=None, created=None),
    ):
        assert not wrong.send_signal(signal.SIGTERM, argument=run.path)
    assert process.poll() is None
    assert identity.send_signal(signal.SIGTERM, argument=run.path)
    assert process.wait(PATIENCE) == -signal.SIGTERM
    assert not identity.send_signal(signal.SIGTERM, argument=run.path)


def test_a_bug_says_how_to_go_on(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "runs", "crash", {})
    launch(run, env=worker_env(), module="fake_worker", wait=PATIENCE)
    status = until_state(run, State.FAILED)
    assert status.error is not None
    assert status.error.hint == f"leaptui resume {run.path} begins it again."
    assert status.pid is not None
    until_gone(status.pid)


@pytest.mark.parametrize(("memory", "words"), [(15, "memory ran out"), (3, "for want of memory")])
def test_a_run_that_was_killed_is_spoken_for(run: RunDirectory, memory: int, words: str) -> None:
    assert "for want of memory" in silent_end(run)
    with EventWriter(run) as events:
        events.emit("gauge", memory=1 << 30, memory_total=16 << 30, process_memory=1 << 30)
        events.emit("gauge", memory=memory << 30, memory_total=16 << 30, process_memory=2 << 30)
        events.emit("log", level="info", message="gauge")
    assert words in silent_end(run)


def test_what_a_killed_worker_left_half_written_is_removed(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "runs", "steps", {"steps": 1, "pause": 0.0})
    for name in (".status.json.abcd.tmp", ".model.safetensors.12-ab.tmp", ".notes.json.ab.tmp"):
        (run.path / name).write_text("half")
    launch(run, env=worker_env(), module="asked_worker", wait=PATIENCE)
    until_state(run, State.FINISHED)
    assert [path.name for path in run.path.glob(".*.tmp")] == [".notes.json.ab.tmp"], "which is another's"


def test_asks_are_told_apart() -> None:
    assert Ask("extend", id="a").key != Ask("extend", id="b").key
