"""The queue with real workers on one slot, and its dispatcher killed."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from queue_helpers import dispatcher, is_over, names, new, put, workers
from run_helpers import until, until_gone, until_state, worker_env

from leaptui.errors import UsageError
from leaptui.runs import queue, queue_starter
from leaptui.runs.control import request_stop
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.queue_dispatcher import serve
from leaptui.runs.queue_entries import QueueFolder
from leaptui.runs.queue_settings import load_queue_settings
from leaptui.runs.shared_folder import SharedFolder, open_shared
from leaptui.runs.slots import Slots, Taken
from leaptui.runs.status import State, read_status


@pytest.fixture(autouse=True)
def one_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One CPU slot, no GPU; what is left of the runs is killed afterwards."""
    monkeypatch.setenv("LEAPTUI_GPUS", "")
    monkeypatch.setenv("LEAPTUI_CPU_SLOTS", "1")
    yield
    for pid in found_dispatchers():
        os.kill(pid, signal.SIGKILL)
    for run in list_runs(tmp_path / "runs"):
        status = read_status(run)
        if status is not None and status.process is not None:
            status.process.send_signal(signal.SIGKILL, argument=run.path)


def found_dispatchers() -> list[int]:
    """Those of this test's home."""
    slots = os.environ["LEAPTUI_SLOTS"]
    found = []
    for process in psutil.process_iter():
        try:
            is_one = queue_starter.MODULE in process.cmdline() and process.environ().get("LEAPTUI_SLOTS") == slots
        except psutil.Error:
            continue
        if is_one and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


@pytest.fixture
def nobody_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the test's own dispatcher starts runs."""
    for name in ("start_dispatcher", "start_now_and_then"):
        monkeypatch.setattr(queue, name, lambda *_: False)


def began(runs: list[RunDirectory]) -> list[float]:
    return [read_status(run).started for run in runs]  # type: ignore[union-attr, misc]


def held(run: str = "/somebody/else") -> Taken:
    """The slot, taken by this test."""
    slots = Slots(open_shared(), load_queue_settings())
    taken = slots.take(slots.all()[0], Path(run))
    assert taken is not None
    return taken


def test_four_runs_on_one_slot_keep_their_order_and_never_overlap(tmp_path: Path) -> None:
    runs = [new(tmp_path, steps=5, pause=0.02) for _ in range(4)]
    assert [put(run).run for run in runs] == [run.path for run in runs]
    until(lambda: all(is_over(run) for run in runs), "all four end")
    statuses = [read_status(run) for run in runs]
    assert [each.state for each in statuses if each] == [State.FINISHED] * 4
    for former, latter in itertools.pairwise(statuses):
        assert former is not None and latter is not None
        assert former.ended is not None and latter.started is not None and former.ended <= latter.started
    assert [workers(run) for run in runs] == [1] * 4
    until(lambda: not found_dispatchers(), "the dispatcher leaves when nothing waits")


def test_moved_and_cancelled(tmp_path: Path, nobody_starts: None) -> None:
    first, second, third, fourth = (new(tmp_path) for _ in range(4))
    for run in (first, second, third, fourth):
        put(run)
    assert queue.move(fourth, "first") == 1
    assert names() == [fourth.id, first.id, second.id, third.id]
    assert queue.move(first, "down") == 3
    assert queue.move(first, "up") == 2
    assert queue.move(fourth, "last") == 4
    assert queue.move(third, 1) == 1
    assert names() == [third.id, first.id, second.id, fourth.id]
    queue.cancel(first, by="me")
    request_stop(second)
    assert names() == [third.id, fourth.id]
    for run, words in ((first, "cancelled by me"), (second, "before it began")):
        status = read_status(run)
        assert status is not None and status.state is State.STOPPED and words in (status.reason or "")
    with pytest.raises(UsageError, match="does not wait"):
        queue.cancel(first)
    with pytest.raises(UsageError, match="no place 3"):
        queue.move(third, 3)
    starter = dispatcher()
    for _ in range(100):
        left, _ = starter.look()
        if not left:
            break
        time.sleep(0.05)
    until(lambda: is_over(third) and is_over(fourth), "the rest ends")
    assert began([third]) < began([fourth])
    assert workers(first) == workers(second) == 0


def test_many_moves_between_two_neighbours_never_run_out_of_numbers(tmp_path: Path, nobody_starts: None) -> None:
    runs = [new(tmp_path) for _ in range(3)]
    for run in runs:
        put(run)
    expected = [run.id for run in runs]
    for _ in range(60):
        queue.move(RunDirectory(tmp_path / "runs" / expected[2]), 2)
        expected[1], expected[2] = expected[2], expected[1]
        assert names() == expected


def test_a_killed_worker_frees_its_slot_and_is_noticed(tmp_path: Path, nobody_starts: None) -> None:
    long, short = new(tmp_path, operation="deaf"), new(tmp_path)
    put(long)
    put(short)
    starter = dispatcher()
    assert starter.look() == (1, True)
    status = until_state(long, State.RUNNING)
    assert starter.look() == (1, False)
    holder = queue.slots()[0].holder
    assert holder is not None and (holder.run, holder.pid) == (long.path, status.pid)
    assert status.process is not None and status.process.send_signal(signal.SIGKILL, argument=long.path)
    until_gone(status.process.pid)
    until(lambda: starter.look()[0] == 0, "the next one begins")
    until_state(short, State.FINISHED)
    said = [each.what for each in queue.notices()]
    assert len(said) == 1 and "ended without a last word" in said[0] and "leaptui resume" in said[0]


def test_the_slot_is_not_held_by_the_children_of_a_worker(tmp_path: Path) -> None:
    taken = held(str(tmp_path))
    code = (
        "import os, subprocess, sys, time; from pathlib import Path\n"
        "from leaptui.runs.layout import RunDirectory; from leaptui.runs.slots import adopt_slot\n"
        "adopt_slot(RunDirectory(Path(sys.argv[1])))\n"
        "other = subprocess.Popen(['sleep', '60'], close_fds=False)\n"
        "child = os.fork()\n"
        "if child: print(other.pid, child, flush=True)\n"
        "time.sleep(60)"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        env={**os.environ, **worker_env(), **taken.environment},
        pass_fds=taken.descriptors,
        stdout=subprocess.PIPE,
        text=True,
    )
    taken.release()
    assert worker.stdout is not None
    children = [int(word) for word in worker.stdout.readline().split()]
    try:
        look = queue.slots()[0]
        assert look.is_held and look.holder is not None and look.holder.pid == worker.pid
        worker.kill()
        worker.wait()
        until(lambda: queue.slots()[0].is_free, "the slot is free")
        assert [psutil.pid_exists(pid) for pid in children] == [True, True]
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        worker.stdout.close()


def test_a_dispatcher_that_was_killed_before_it_could_start_what_it_claimed(
    tmp_path: Path, nobody_starts: None
) -> None:
    run, other = new(tmp_path), new(tmp_path)
    put(run)
    put(other)
    folder = QueueFolder.here()
    assert folder.claim(folder.waiting()[0]) is not None
    assert names() == [other.id]
    starter = dispatcher()
    starter.look()
    until(lambda: starter.look()[0] == 0 and is_over(run) and is_over(other), "both end")
    assert began([run]) < began([other])
    assert workers(run) == workers(other) == 1


def test_a_dispatcher_that_was_killed_right_after_starting_a_worker(tmp_path: Path, nobody_starts: None) -> None:
    run, other = new(tmp_path), new(tmp_path)
    put(run)
    put(other)
    folder = QueueFolder.here()
    folder.claim(folder.waiting()[0])
    # The worker is on its way: it holds the slot and has written nothing yet.
    taken = held(str(run.path))
    starter = dispatcher()
    assert starter.look() == (1, False)
    assert workers(run) == 0
    taken.release()
    until(lambda: starter.look()[0] == 0 and is_over(run) and is_over(other), "it was killed, too, so it is started")
    assert workers(run) == workers(other) == 1


def test_a_dispatcher_killed_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(7)
    runs = [new(tmp_path, steps=3, pause=0.02) for _ in range(4)]
    for run in runs:
        put(run)
    end = time.monotonic() + 60
    kills = 0
    while not all(is_over(run) for run in runs):
        assert time.monotonic() < end, [read_status(run) for run in runs]
        for pid in found_dispatchers():
            if kills < 12:
                time.sleep(chance.uniform(0.0, 0.5))
                # With nothing left to start it may have gone by itself.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                until_gone(pid)
        queue_starter._started.clear()
        queue.entries()
        time.sleep(0.05)
    assert kills >= 2
    assert [workers(run) for run in runs] == [1] * 4
    started = began(runs)
    assert started == sorted(started)
    assert [read_status(run).state for run in runs] == [State.FINISHED] * 4  # type: ignore[union-attr]


def test_two_dispatchers_at_the_same_time_start_nothing_twice(tmp_path: Path, nobody_starts: None) -> None:
    runs = [new(tmp_path) for _ in range(4)]
    for run in runs:
        put(run)
    starters = [dispatcher() for _ in range(2)]
    end = time.monotonic() + 30

    def work(index: int) -> None:
        while not all(is_over(run) for run in runs) and time.monotonic() < end:
            starters[index].look()
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [workers(run) for run in runs] == [1] * 4
    assert [read_status(run).state for run in runs] == [State.FINISHED] * 4  # type: ignore[union-attr]
    started = began(runs)
    assert started == sorted(started)


def test_a_second_dispatcher_leaves(tmp_path: Path, nobody_starts: None) -> None:
    put(new(tmp_path))
    shared = open_shared()
    lock = shared.lock(queue_starter.dispatcher_lock(QueueFolder.here()), mode=0o600)
    assert lock is not None
    serve(QueueFolder.here(), shared, log=lambda _line: None)
    assert len(names()) == 1
    os.close(lock)


def test_two_users_share_the_slots_and_do_not_fight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two homes, one slots folder, both dispatchers at work: never two runs at the same time."""
    runs = []
    for user in ("anna", "ben"):
        monkeypatch.setenv("LEAPTUI_HOME", str(tmp_path / user))
        for _ in range(2):
            runs.append(new(tmp_path, steps=4, pause=0.02))
            put(runs[-1])
    until(lambda: all(is_over(run) for run in runs), "all four end")
    spans = sorted((status.started, status.ended) for status in map(read_status, runs) if status is not None)
    for (_, ended), (started, _) in itertools.pairwise(spans):
        assert ended <= started  # type: ignore[operator]
    assert [workers(run) for run in runs] == [1] * 4


def test_it_survives_who_put_it_in(tmp_path: Path) -> None:
    run = new(tmp_path, steps=5, pause=0.05)
    code = (
        "import sys, os, signal; from pathlib import Path; from leaptui.runs import queue\n"
        "from leaptui.runs.layout import RunDirectory\n"
        "queue.enqueue(RunDirectory(Path(sys.argv[1])), module='fake_worker')\n"
        "os.killpg(0, signal.SIGKILL)"
    )
    subprocess.run(
        [sys.executable, "-c", code, run.path], env={**os.environ, **worker_env()}, start_new_session=True, check=False
    )
    until_state(run, State.FINISHED)


def test_resumed_through_the_queue_and_stopped_while_it_waits(tmp_path: Path, nobody_starts: None) -> None:
    run = new(tmp_path, operation="refuse")
    put(run)
    starter = dispatcher()
    starter.look()
    until_state(run, State.FAILED)
    with pytest.raises(UsageError, match="started before"):
        put(run)
    put(run, resume=True)
    assert names() == [run.id]
    request_stop(run)
    assert names() == []
    assert read_status(run).state is State.FAILED  # type: ignore[union-attr]
    put(run, resume=True)
    until(lambda: starter.look()[0] == 0 and workers(run) == 2 and is_over(run), "it is begun again")


def test_nothing_waits_twice(tmp_path: Path, nobody_starts: None) -> None:
    run = new(tmp_path)
    put(run)
    with pytest.raises(UsageError, match="waits in the queue already"):
        put(run)


def test_a_folder_of_slots_is_kept_while_a_run_holds_one() -> None:
    import fcntl

    shared: SharedFolder = open_shared()
    taken = held()
    cleaner = os.open(shared.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    taken.release()
    fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(cleaner)
