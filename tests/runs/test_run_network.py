"""Readers, claims and heartbeats where the folder is on a network file system; `network_folder` says how that is played."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from network_folder import ClientRun, NetworkFolder
from run_helpers import until

from leaptui.errors import UsageError
from leaptui.runs.claim import claim
from leaptui.runs.control import request_stop
from leaptui.runs.event_reader import PATIENCE, EventReader
from leaptui.runs.events import EventWriter
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import STALE_AFTER, Watcher, conclude
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, StatusWriter, Superseded, read_status, write_status
from leaptui.runs.view import RunView

ELSEWHERE = ProcessIdentity("server", 4242, 1.0, 1, "another boot", "pid:[1]")


class Worker:
    """Writes a run as a worker on another host does, and is killed and resumed now and then."""

    def __init__(self, run: RunDirectory, clock: Callable[[], float], seed: int) -> None:
        self._run = run
        self._clock = clock
        self._chance = random.Random(seed)
        self._attempt = 0
        self.written: list[int] = []
        self.torn = 0
        self._begin()

    def _begin(self) -> None:
        self._attempt += 1
        self._status = StatusWriter(self._run, ELSEWHERE, attempt=self._attempt, clock=self._clock)
        self._status.change(State.RUNNING)
        self._events = EventWriter(self._run, resume=self._attempt > 1, interval=3600, clock=self._clock)
        self._say("state", state=State.RUNNING)

    def _say(self, kind: str, **fields: Any) -> None:
        number = len(self.written) + 1
        self.written.append(number)
        self._events.emit(kind, number=number, **fields)

    def work(self) -> None:
        """About a second of it."""
        for _ in range(self._chance.randint(0, 6)):
            self._say("log", message="x" * self._chance.choice((3, 300, 5000)))
        self._events.flush()
        self._status.beat()
        if self._chance.random() < 0.08:
            self._die()
            self._begin()

    def _die(self) -> None:
        last = self._run.event_segments()[-1]
        self._events.close()
        if self._chance.random() < 0.5:
            self.torn += 1
            with self._run.event_segment(last).open("ab") as file:
                file.write(b'{"v": 1, "seq": 99999, "type": "torn')

    def end(self) -> None:
        """Finish."""
        self._say("state", state=State.FINISHED)
        self._events.close()
        self._status.finish(State.FINISHED, 0)


@pytest.mark.parametrize("seed", range(25))
def test_everything_arrives_once_in_order_and_nothing_is_read_wrongly(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    now = [1000.0]
    network = NetworkFolder(run.path, tmp_path / "seen", seed=seed, clock=lambda: now[0], longest=6.0)
    monkeypatch.setattr(os, "open", network.opening(os.open))
    worker = Worker(run, lambda: now[0], seed)
    view = RunView(RunDirectory(network.client), clock=lambda: now[0])
    found: list[int] = []
    states: list[State] = []

    def look() -> None:
        events = view.refresh(max_seconds=1e9)
        found.extend(event["number"] for event in events)
        assert found == worker.written[: len(found)]
        states.append(view.state)
        now[0] += 0.5

    for round in range(60):
        worker.work()
        network.step()
        look()
        if round % 3:
            look()
    worker.end()
    for _ in range(40):
        network.step()
        look()
        if view.is_over:
            break
    assert view.is_over and view.state is State.FINISHED
    assert found == worker.written
    first = states.index(State.RUNNING)
    assert State.STALE not in states and State.QUEUED not in states[first:]
    assert view.problems <= worker.torn and not any("missing" in each for each in view.troubles)


def test_a_beat_that_is_held_back_for_long_is_no_death(run: RunDirectory, tmp_path: Path) -> None:
    now = [0.0]
    network = NetworkFolder(run.path, tmp_path / "seen", seed=1, clock=lambda: now[0], longest=0.0)
    status = StatusWriter(run, ELSEWHERE)
    watcher = Watcher(RunDirectory(network.client), clock=lambda: now[0])
    for second in range(240):
        status.beat()
        if second % 25 == 0:
            network.settle()
        now[0] += 1
        verdict = watcher.look()
        assert verdict.state is State.STARTING and verdict.alive is not False
    now[0] += STALE_AFTER
    network.settle()
    assert watcher.look().state is State.STARTING
    for _ in range(int(STALE_AFTER) + 1):
        now[0] += 1
        watcher.look()
    assert watcher.look().state is State.STALE


def test_a_status_that_is_away_or_older_for_a_moment_changes_nothing(run: RunDirectory) -> None:
    now = [0.0]
    watcher = Watcher(run, clock=lambda: now[0])
    older, newer = (Status(State.STARTING, 4, ELSEWHERE), Status(State.RUNNING, 9, ELSEWHERE))
    write_status(run, newer)
    assert watcher.look().state is State.RUNNING
    run.status.unlink()
    assert watcher.look().state is State.RUNNING
    write_status(run, older)
    for _ in range(3):
        now[0] += 5
        verdict = watcher.look()
        assert verdict.state is State.RUNNING and verdict.silent == now[0]
    write_status(run, Status(State.FINISHED, 10, ELSEWHERE))
    assert watcher.look().state is State.FINISHED


def test_a_run_that_was_put_back_from_a_copy_is_believed_in_the_end(run: RunDirectory) -> None:
    now = [0.0]
    watcher = Watcher(run, clock=lambda: now[0])
    write_status(run, Status(State.RUNNING, 900, ELSEWHERE))
    watcher.look()
    write_status(run, Status(State.STOPPED, 5, ELSEWHERE))
    assert watcher.look().state is State.RUNNING
    now[0] += STALE_AFTER
    assert watcher.look().state is State.STOPPED


def test_zeros_that_are_filled_later_are_waited_for(run: RunDirectory) -> None:
    with EventWriter(run) as events:
        for number in range(3):
            events.emit("log", message=str(number))
    whole = run.events.read_bytes()
    middle = whole.index(b"\n") + 20
    run.events.write_bytes(whole[:middle] + bytes(30) + whole[middle + 30 :])
    reader = EventReader(run)
    assert [event["message"] for event in reader.poll()] == ["0"] and reader.is_waiting
    run.events.write_bytes(whole)
    assert [event["message"] for event in reader.poll()] == ["1", "2"]
    assert (reader.problems, reader.is_waiting) == (0, False)


def test_zeros_that_a_crash_left_are_given_up(run: RunDirectory) -> None:
    now = [0.0]
    with EventWriter(run) as events:
        events.emit("log", message="before")
    with run.events.open("ab") as file:
        file.write(bytes(5000))
    reader = EventReader(run, clock=lambda: now[0])
    assert len(reader.poll()) == 1 and reader.is_waiting
    with EventWriter(run, resume=True) as events:
        events.emit("log", message="after")
    now[0] += PATIENCE + 1
    assert [event["message"] for event in reader.poll()] == ["after"]
    assert reader.problems == 1


def test_a_segment_that_is_seen_before_the_end_of_the_one_before_waits(run: RunDirectory) -> None:
    with EventWriter(run) as events:
        for number in range(4):
            events.emit("log", message=str(number))
    whole = run.events.read_bytes()
    with EventWriter(run, resume=True) as events:
        events.emit("log", message="resumed")
    run.events.write_bytes(whole[: whole.index(b"\n") + 1])
    reader = EventReader(run)
    assert [event["message"] for event in reader.poll()] == ["0"] and reader.is_waiting
    run.events.write_bytes(whole)
    assert [event["message"] for event in reader.poll()] == ["1", "2", "3", "resumed"]
    assert reader.missing == 0


def test_what_never_comes_is_counted_as_missing(run: RunDirectory) -> None:
    now = [0.0]
    with EventWriter(run) as events:
        for number in range(4):
            events.emit("log", message=str(number))
    with EventWriter(run, resume=True) as events:
        events.emit("log", message="resumed")
    run.events.write_bytes(run.events.read_bytes().split(b"\n")[0] + b"\n")
    reader = EventReader(run, clock=lambda: now[0])
    assert len(reader.poll()) == 1 and reader.is_waiting
    now[0] += PATIENCE + 1
    assert [event["message"] for event in reader.poll()] == ["resumed"]
    assert (reader.missing, reader.troubles) == (3, ["3 of its events are missing"])


def test_of_two_hosts_that_resume_at_once_one_gets_the_run(run: RunDirectory, tmp_path: Path) -> None:
    write_status(run, Status(State.STOPPED, 5, ELSEWHERE))
    hosts = []
    for number in range(2):
        network = NetworkFolder(run.path, tmp_path / f"host{number}", seed=number, clock=lambda: 0.0, longest=1.0)
        network.settle()
        hosts.append(ClientRun.at(network))
    assert claim(hosts[0], resume=True) == 2
    StatusWriter(run, ProcessIdentity.current(), attempt=2).change(State.RUNNING)
    with pytest.raises(UsageError, match="another worker"):
        # It still sees the old status: stopped, attempt 1.
        claim(hosts[1], resume=True)
    assert not (run.control / "worker.0003").exists()


def test_a_claim_of_another_host_that_says_nothing_is_waited_for(run: RunDirectory) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if 10 < now[0] < 11:
            write_status(run, Status(State.STARTING, 6, ELSEWHERE, 2))

    write_status(run, Status(State.STOPPED, 5, ELSEWHERE))
    write_object(run.control / "worker.0002", ELSEWHERE.to_json())
    with pytest.raises(UsageError, match="another worker is at this run: it is starting"):
        claim(run, resume=True, clock=lambda: now[0], sleep=sleep)


@pytest.mark.parametrize("claimer", ["elsewhere", "gone here", "empty"])
def test_a_claim_whose_worker_died_before_its_first_word_does_not_end_the_run(run: RunDirectory, claimer: str) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    here = ProcessIdentity.current()
    assert here.ticks is not None
    write_status(run, Status(State.STOPPED, 5, ELSEWHERE))
    record = {"elsewhere": ELSEWHERE.to_json(), "gone here": here.to_json() | {"process_ticks": here.ticks - 1}}
    write_object(run.control / "worker.0002", record.get(claimer, {}))
    assert claim(run, resume=True, clock=lambda: now[0], sleep=sleep) == 3
    assert now[0] < 1 if claimer == "gone here" else now[0] >= STALE_AFTER


def test_a_worker_that_was_taken_for_dead_leaves_the_run_alone(run: RunDirectory) -> None:
    first = StatusWriter(run, ELSEWHERE)
    first.change(State.RUNNING)
    second = StatusWriter(run, ProcessIdentity.current(), attempt=2)
    second.change(State.RUNNING)
    before = run.status.read_bytes()
    for act in (first.beat, lambda: first.finish(State.FINISHED, 0)):
        with pytest.raises(Superseded, match="attempt 2"):
            act()
    assert run.status.read_bytes() == before
    second.beat()
    status = read_status(run)
    assert status is not None and status.attempt == 2


def test_a_run_is_followed_and_stopped_through_the_network(
    start: Callable[..., RunDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    run = start("count")
    network = NetworkFolder(run.path, tmp_path / "seen", seed=7, clock=time.monotonic, longest=1.0)
    monkeypatch.setattr(os, "open", network.opening(os.open))
    seen = RunDirectory(network.client)
    view = RunView(seen)

    def look() -> bool:
        network.step()
        view.refresh()
        return len(view.steps) > 2

    until(look, "its steps are seen")
    request_stop(seen)
    network.back()
    # Its process is seen to be gone before its last word has come through.
    until(lambda: bool(look() and view.is_over and view.state is not State.STALE), "its last word is seen")
    assert view.state is State.STOPPED
    truth = RunView(run)
    while truth.refresh() or truth.is_behind:
        continue
    assert list(view.steps.y) == list(truth.steps.y) and view.problems == 0


def test_a_verdict_on_another_host_takes_its_time_and_is_right(run: RunDirectory) -> None:
    now = [0.0]
    status = StatusWriter(run, ELSEWHERE)

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] > 20:
            status.beat()

    status.beat()
    verdict = conclude(run, clock=lambda: now[0], sleep=sleep)
    assert verdict.alive is True and 20 < now[0] < 22
