from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_helpers import until, until_gone

from leaptui.errors import UsageError
from leaptui.runs.control import WAKE, acknowledge, ask, clear_stop, pending, request_stop, requested
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import PROCESS_GONE, Watcher, conclude
from leaptui.runs.process import Presence, ProcessIdentity
from leaptui.runs.status import ErrorSummary, State, Status, StatusWriter, read_status, write_status


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def elsewhere() -> ProcessIdentity:
    return replace(ProcessIdentity.current(), host="another-host")


@pytest.fixture
def helper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is nobody's run."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def test_a_status_survives_the_disk(run: RunDirectory) -> None:
    error = ErrorSummary("no labels", "project.toml", "Label some.", "UnusableInput", "Traceback")
    status = Status(State.FAILED, 7, ProcessIdentity.current(), 2, 1.5, 2.5, 3.5, 3, "why", error)
    write_status(run, status)
    assert read_status(run) == status
    assert json.loads(run.status.read_text())["pid"] == os.getpid()
    assert "project.toml: no labels" in error.message


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
fields = ("state", "seq", "host", "pid", "process_created", "process_ticks", "boot", "attempt", "started", "error")


@given(st.dictionaries(st.sampled_from(fields), junk), st.sampled_from([*State, "nonsense", None]))
def test_any_status_can_be_read(record: dict[str, Any], state: object) -> None:
    status = Status.from_json({**record, "state": state})
    assert status is None or status.state is state


def test_a_pid_that_could_signal_many_is_no_process() -> None:
    for pid in (0, -1, 1, True, 2**40, "7"):
        assert ProcessIdentity.from_json({"host": "h", "pid": pid}) is None


def test_the_writers_number_grows_over_attempts(run: RunDirectory) -> None:
    first = StatusWriter(run, ProcessIdentity.current())
    first.change(State.STARTING)
    first.beat()
    seen = read_status(run)
    second = StatusWriter(run, ProcessIdentity.current(), attempt=2)
    second.change(State.STARTING)
    now = read_status(run)
    assert seen is not None and now is not None and (seen.seq, now.seq, now.attempt) == (2, 3, 2)


def test_a_final_state_is_the_last(run: RunDirectory) -> None:
    writer = StatusWriter(run, ProcessIdentity.current())
    assert writer.change(State.STOPPING, reason="asked")
    assert not writer.change(State.RUNNING), "a stop that came first is not undone"
    assert writer.finish(State.STOPPED, 130)
    assert not writer.finish(State.FAILED, 1)
    assert not writer.change(State.RUNNING)
    writer.beat()
    status = read_status(run)
    assert status is not None and (status.state, status.seq, status.exit_code) == (State.STOPPED, 2, 130)


def test_a_final_state_that_could_not_be_written_can_be_tried_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = StatusWriter(run, ProcessIdentity.current())
    with monkeypatch.context() as patch:
        patch.setattr(StatusWriter, "_write", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            writer.finish(State.FINISHED, 0)
    assert writer.finish(State.FINISHED, 0)


def test_elsewhere_a_heartbeat_that_moves_is_life_and_one_that_does_not_is_none(run: RunDirectory) -> None:
    clock = Clock()
    writer = StatusWriter(run, elsewhere(), clock=lambda: 5e9)
    writer.change(State.RUNNING)
    watcher = Watcher(run, stale_after=30, clock=clock)
    assert (watcher.look().state, watcher.look().alive) == (State.RUNNING, None)
    clock.now += 29
    assert watcher.look().state is State.RUNNING
    writer.beat()
    clock.now += 29
    verdict = watcher.look()
    assert (verdict.state, verdict.alive, verdict.silent) == (State.RUNNING, True, 0)
    clock.now += 31
    verdict = watcher.look()
    assert (verdict.state, verdict.alive) == (State.STALE, False)
    assert "another-host" in verdict.reason
    writer.beat()
    assert watcher.look().state is State.RUNNING, "stale is only what a reader concludes"
    writer.finish(State.FINISHED, 0)
    clock.now += 1000
    assert watcher.look().state is State.FINISHED


def test_a_status_that_cannot_be_read_for_a_while_is_no_sign_of_life(run: RunDirectory) -> None:
    clock = Clock()
    StatusWriter(run, elsewhere()).change(State.RUNNING)
    watcher = Watcher(run, stale_after=30, clock=clock)
    watcher.look()
    content = run.status.read_bytes()
    clock.now += 20
    run.status.write_bytes(b"{")
    watcher.look()
    clock.now += 11
    run.status.write_bytes(content)
    assert watcher.look().state is State.STALE


def test_a_process_that_is_gone_is_concluded_at_once(run: RunDirectory, helper: subprocess.Popen[bytes]) -> None:
    StatusWriter(run, ProcessIdentity.of(helper.pid)).change(State.RUNNING)
    watcher = Watcher(run)
    assert watcher.look().alive is True
    helper.kill()
    until_gone(helper.pid)
    verdict = watcher.look()
    assert (verdict.state, verdict.alive, verdict.reason) == (State.STALE, False, PROCESS_GONE), "a zombie is gone"
    helper.wait()
    assert watcher.look().state is State.STALE


def test_a_process_that_is_there_is_alive_however_silent(run: RunDirectory) -> None:
    clock = Clock()
    StatusWriter(run, ProcessIdentity.current()).change(State.RUNNING)
    watcher = Watcher(run, stale_after=30, clock=clock)
    clock.now += 3600
    verdict = watcher.look()
    assert (verdict.state, verdict.alive, verdict.silent) == (State.RUNNING, True, 0)
    clock.now += 3600
    assert watcher.look().silent == 3600


def test_the_last_word_spoken_while_judging_counts(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StatusWriter(run, ProcessIdentity.current())
    writer.change(State.RUNNING)

    def ends_meanwhile(_self: ProcessIdentity) -> Presence:
        writer.finish(State.FINISHED, 0)
        return Presence.GONE

    monkeypatch.setattr(ProcessIdentity, "presence", ends_meanwhile)
    assert Watcher(run).look().state is State.FINISHED


def test_a_pid_is_believed_only_where_it_means_something(helper: subprocess.Popen[bytes]) -> None:
    here = ProcessIdentity.of(helper.pid)
    assert here.presence() is Presence.HERE
    for change in ({"host": "x"}, {"boot": "x"}, {"namespace": "x"}, {"ticks": None, "created": None}):
        assert replace(here, **change).presence() is Presence.UNKNOWN
    assert here.ticks is not None and here.created is not None
    assert replace(here, ticks=here.ticks - 500).presence() is Presence.GONE
    assert replace(here, created=here.created - 3600).presence() is Presence.HERE, "the clock was set"
    assert replace(here, ticks=None, created=here.created - 3600).presence() is Presence.GONE


def test_a_process_that_the_system_hides_is_not_called_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ProcessIdentity.current()

    def hidden(pid: int | None = None) -> psutil.Process:
        raise psutil.NoSuchProcess(pid or 0)

    def foreign(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "Process", hidden)
    monkeypatch.setattr(os, "kill", foreign)
    assert mine.presence() is Presence.UNKNOWN


def test_a_run_nobody_started_waits(run: RunDirectory) -> None:
    clock = Clock()
    watcher = Watcher(run, clock=clock)
    clock.now += 1e6
    verdict = watcher.look()
    assert (verdict.state, verdict.alive) == (State.QUEUED, False)


def test_a_worker_that_died_before_its_first_word(run: RunDirectory, helper: subprocess.Popen[bytes]) -> None:
    write_object(run.launch, ProcessIdentity.of(helper.pid).to_json())
    assert Watcher(run).look().alive is True
    helper.kill()
    helper.wait()
    assert Watcher(run).look().state is State.STALE


def test_conclude_waits_only_for_other_hosts(run: RunDirectory) -> None:
    clock = Clock()
    naps: list[float] = []
    writer = StatusWriter(run, elsewhere())
    writer.change(State.RUNNING)

    def nap(seconds: float) -> None:
        naps.append(seconds)
        clock.now += seconds

    assert conclude(run, clock=clock, sleep=nap).state is State.STALE
    assert sum(naps) >= 30

    def beat(seconds: float) -> None:
        clock.now += seconds
        writer.beat()

    assert conclude(run, clock=clock, sleep=beat).alive is True
    StatusWriter(run, ProcessIdentity.current()).change(State.RUNNING)
    assert conclude(run, sleep=lambda _: pytest.fail("no need to wait")).alive is True


def test_no_signal_reaches_a_process_that_took_the_pid(run: RunDirectory, helper: subprocess.Popen[bytes]) -> None:
    other = ProcessIdentity.of(helper.pid)
    assert other.ticks is not None and other.created is not None
    reused = replace(other, ticks=other.ticks - 100, created=other.created - 1)
    StatusWriter(run, reused).change(State.RUNNING)
    with pytest.raises(UsageError, match=PROCESS_GONE):
        request_stop(run)
    assert not reused.send_signal(signal.SIGTERM, argument=run.path)
    with pytest.raises(subprocess.TimeoutExpired):
        helper.wait(0.2)


def test_no_signal_reaches_a_process_that_is_not_at_this_run(
    run: RunDirectory, helper: subprocess.Popen[bytes]
) -> None:
    StatusWriter(run, ProcessIdentity.of(helper.pid)).change(State.RUNNING)
    assert request_stop(run).is_new
    # SIGTERM unhandled ends a process, so a signal would show.
    assert not ProcessIdentity.of(helper.pid).send_signal(signal.SIGTERM, argument=run.path)
    with pytest.raises(subprocess.TimeoutExpired):
        helper.wait(0.3)
    assert requested(run) is not None


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_a_signal_reaches_the_process_at_this_run(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, has_pidfd: bool, tmp_path: Path
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    link = tmp_path / "another-way"
    link.symlink_to(run.path.parent)
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-m", "sleeper", str(run.path)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    try:
        # For a moment after its start a process has no command line yet.
        until(lambda: bool(psutil.Process(process.pid).cmdline()), "the process has begun")
        identity = ProcessIdentity.of(process.pid)
        assert not replace(identity, host="another-host").send_signal(signal.SIGTERM, argument=run.path)
        assert not identity.send_signal(signal.SIGTERM, argument=tmp_path)
        assert identity.send_signal(WAKE, argument=run.path), "which no process without a handler notices"
        assert identity.send_signal(signal.SIGTERM, argument=link / run.id)
        assert process.wait(30) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def test_asking_twice_is_asking_once(run: RunDirectory) -> None:
    StatusWriter(run, elsewhere()).change(State.RUNNING)
    first = request_stop(run, by="ada@lab")
    second = request_stop(run, by="bob@lab")
    assert (first.is_new, second.is_new, second.by) == (True, False, "ada@lab")
    clear_stop(run)
    assert requested(run) is None


def test_a_run_that_is_over_cannot_be_stopped(run: RunDirectory) -> None:
    StatusWriter(run, ProcessIdentity.current()).finish(State.FINISHED, 0)
    with pytest.raises(UsageError, match="it is finished"):
        request_stop(run)
    assert requested(run) is None


def test_a_run_that_was_never_started_is_stopped_at_once(run: RunDirectory) -> None:
    request_stop(run, by="ada@lab")
    status = read_status(run)
    assert status is not None and status.state is State.STOPPED and "ada@lab" in (status.reason or "")


def test_what_can_be_asked_again_is_free_after_its_acknowledgement(run: RunDirectory) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    asked = ask(run, "checkpoint", by="ada@lab")
    assert pending(run).keys() == {"checkpoint"}
    acknowledge(run, asked, lambda type, **fields: said.append((type, fields)))
    told = {"ask": "checkpoint", "by": "ada@lab", "asked": asked.t, "id": asked.id}
    assert said == [("control", {**told, "answer": "accepted", "accepted": True})]
    assert pending(run) == {}
    assert ask(run, "checkpoint").is_new


def test_a_file_made_by_hand_asks_too(run: RunDirectory) -> None:
    (run.control / "stop").touch()
    asked = requested(run)
    assert asked is not None and asked.by is None
