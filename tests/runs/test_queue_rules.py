"""Who may begin, on which slot, and what is done about entries and folders that are not what they should be."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest
from queue_helpers import Clock, FakeNvml, dispatcher, is_over, names, new, put, workers
from run_helpers import until, worker_env

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs import queue
from leaptui.runs.gpus import Gpu, Gpus, permitted
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_dispatcher import YIELD_FOR
from leaptui.runs.queue_entries import QueueFolder
from leaptui.runs.queue_fitness import GONE_AFTER, Judge
from leaptui.runs.queue_notes import Told, boards, publish
from leaptui.runs.queue_settings import QueueSettings, load_queue_settings
from leaptui.runs.queue_ticket import Ticket, key, matters
from leaptui.runs.shared_folder import open_shared
from leaptui.runs.slots import Slots
from leaptui.runs.status import State, Status, read_status, write_status

GIB = 1 << 30


@pytest.fixture(autouse=True)
def nobody_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started but by the test's own dispatcher; one CPU slot, no GPU."""
    monkeypatch.setenv("LEAPTUI_GPUS", "")
    monkeypatch.setenv("LEAPTUI_CPU_SLOTS", "1")
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    for name in ("start_dispatcher", "start_now_and_then"):
        monkeypatch.setattr(queue, name, lambda *_: False)


def ended(run: RunDirectory, state: State) -> RunDirectory:
    now = time.time()
    write_status(run, Status(state, 5, started=now, updated=now, ended=now))
    return run


def reasons() -> list[str]:
    return [each.reason for each in queue.entries(others=False)]


def test_a_run_follows_one_that_finishes(tmp_path: Path) -> None:
    first, second = new(tmp_path), new(tmp_path)
    put(second, after=first)
    starter = dispatcher()
    assert starter.look() == (1, False)
    assert reasons() == [f"waits for {first.id}, which nobody has started"]
    ended(first, State.FINISHED)
    assert starter.look() == (0, True)
    until(lambda: is_over(second), "it ends")


@pytest.mark.parametrize("state", [State.FAILED, State.STOPPED])
def test_a_run_whose_forerunner_does_not_finish_is_cancelled_with_words(tmp_path: Path, state: State) -> None:
    first, second, third, anyway = (new(tmp_path) for _ in range(4))
    put(second, after=first)
    put(third, after=second)
    put(anyway, after=first, anyway=True)
    ended(first, state)
    starter = dispatcher()
    starter.look()
    starter.look()
    for run, forerunner in ((second, first), (third, second)):
        status = read_status(run)
        assert status is not None and status.state is State.STOPPED
        assert f"cancelled: {forerunner.id}, which it was to follow" in (status.reason or "")
        assert workers(run) == 0
    until(lambda: is_over(anyway), "the other one began all the same")
    assert len(queue.notices()) == 2
    with pytest.raises(UsageError, match="follows one that finishes"):
        put(new(tmp_path), after=first)


def test_no_run_waits_for_itself(tmp_path: Path) -> None:
    first, second = new(tmp_path), new(tmp_path)
    with pytest.raises(UsageError, match="wait for itself"):
        put(first, after=first)
    put(second, after=first)
    with pytest.raises(UsageError, match="wait for itself"):
        put(first, after=second)


def test_one_that_waits_for_another_run_holds_up_nobody(tmp_path: Path) -> None:
    first, second, third = new(tmp_path), new(tmp_path), new(tmp_path)
    put(second, after=first)
    put(third)
    assert dispatcher().look() == (1, True)
    until(lambda: is_over(third), "the third begins")
    assert workers(second) == 0


def test_a_run_directory_that_was_moved_is_dropped_after_a_while(tmp_path: Path) -> None:
    run, clock = new(tmp_path), Clock()
    put(run)
    run.path.rename(tmp_path / "elsewhere")
    starter = dispatcher(clock)
    assert starter.look() == (1, False)
    assert reasons() == ["its run directory cannot be found"]
    clock.now += GONE_AFTER
    assert starter.look() == (0, False)
    assert [each.what for each in queue.notices()] == ["its run directory is gone"]
    assert read_status(RunDirectory(tmp_path / "elsewhere")) is None


def test_a_run_directory_that_was_away_for_a_moment_is_not_dropped(tmp_path: Path) -> None:
    run, clock = new(tmp_path), Clock()
    put(run)
    judge = Judge(clock=clock)
    ticket = QueueFolder.here().waiting()[0].ticket
    assert ticket is not None
    for _ in range(3):
        run.path.rename(tmp_path / "away")
        assert not judge.fitness(ticket, ()).is_dropped
        clock.now += GONE_AFTER - 1
        (tmp_path / "away").rename(run.path)
        assert judge.fitness(ticket, ()).is_ready


def test_entries_that_are_not_what_they_should_be_harm_nothing(tmp_path: Path) -> None:
    run = new(tmp_path)
    put(run)
    folder = QueueFolder.here().path
    good = QueueFolder.here().waiting()[0].path.read_bytes()

    def entry(content: bytes, number: int) -> None:
        (folder / f"{number:016d}.{number:016x}.json").write_bytes(content)

    record = json.loads(good)
    for number, content in enumerate(
        (
            b"",
            b"\0" * 100,
            b"[" * 200_000,
            b'{"run": 7}',
            b'{"a": "' + b"x" * 1_000_000 + b'"}',
            json.dumps({**record, "run": "/etc/\x1b]0;gotcha\x07"}).encode(),
            json.dumps({**record, "module": "os; rm -rf /"}).encode(),
            json.dumps({**record, "wants": "everything"}).encode(),
            # Whole, but under the name of another run.
            good,
        )
    ):
        entry(content, number)
    os.mkfifo(folder / f"{50:016d}.{50:016x}.json")
    (folder / f"{51:016d}.{51:016x}.json").symlink_to("/etc/passwd")
    (folder / f"{52:016d}.{52:016x}.json").mkdir()
    (folder / "notes.txt").write_text("mine")
    assert names() == [run.id]
    starter = dispatcher()
    assert starter.look() == (0, True)
    until(lambda: is_over(run), "the good one ends")
    assert workers(run) == 1
    assert len(list(folder.glob("damaged.*"))) == 9
    assert all("damaged" in each.what for each in queue.notices())
    assert starter.look() == (0, False)


def test_a_ticket_of_a_stranger_runs_nothing(tmp_path: Path) -> None:
    run = new(tmp_path)
    put(run)
    path = QueueFolder.here().waiting()[0].path
    os.chown(path, 12345, 12345) if os.geteuid() == 0 else pytest.skip("only root can give files away")
    assert names() == []
    assert dispatcher().look() == (0, False)
    assert workers(run) == 0


def test_a_queue_that_others_can_write_is_refused(tmp_path: Path) -> None:
    put(new(tmp_path))
    QueueFolder.here().path.chmod(0o777)
    with pytest.raises(UnusableInput, match="others can write"):
        put(new(tmp_path))


def test_users_whose_files_are_their_groups_by_default_have_a_queue_of_their_own(tmp_path: Path) -> None:
    former = os.umask(0o002)
    try:
        put(new(tmp_path))
        put(new(tmp_path))
    finally:
        os.umask(former)
    folder = QueueFolder.here()
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder.path, folder.started, folder.waiting()[0].path)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_file_of_slots_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    shared = open_shared()
    (shared.path / "cpu-0").symlink_to(victim)
    slots = Slots(shared, QueueSettings(gpus=()))
    assert slots.take(slots.all()[0], tmp_path) is None
    (shared.path / "cpu-0").unlink()
    (shared.path / "cpu-0").hardlink_to(victim)
    assert slots.take(slots.all()[0], tmp_path) is None
    (shared.path / "cpu-0").unlink()
    os.mkfifo(shared.path / "cpu-0")
    assert slots.take(slots.all()[0], tmp_path) is None
    assert victim.read_text() == "precious"
    (shared.path / "cpu-0").unlink()
    (shared.path / "cpu-0").write_text("not ours")
    taken = slots.take(slots.all()[0], tmp_path)
    assert taken is not None and (shared.path / "cpu-0").read_text() == "not ours"
    taken.release()


def test_a_slots_folder_that_is_a_link_or_lets_others_delete_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("LEAPTUI_SLOTS", str(tmp_path / "link"))
    with pytest.raises(UnusableInput, match="link"):
        open_shared()
    monkeypatch.setenv("LEAPTUI_SLOTS", str(tmp_path / "real"))
    (tmp_path / "real").chmod(0o777)
    with pytest.raises(UnusableInput, match="777"):
        open_shared()
    monkeypatch.setenv("LEAPTUI_SLOTS", "relative")
    with pytest.raises(UnusableInput, match="absolute"):
        open_shared()


def test_a_new_slots_folder_and_its_slots_are_for_all_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPTUI_SLOTS", str(tmp_path / "slots"))
    former = os.umask(0o077)
    try:
        shared = open_shared()
        lock = shared.lock("cpu-0")
    finally:
        os.umask(former)
    assert lock is not None
    assert stat.S_IMODE(shared.path.stat().st_mode) == 0o1777
    assert stat.S_IMODE((shared.path / "cpu-0").stat().st_mode) == 0o666
    assert shared.is_locked("cpu-0") and shared.lock("cpu-0") is None
    os.close(lock)
    assert shared.is_locked("cpu-0") is False


def test_a_slot_file_that_was_deleted_while_held_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    shared = open_shared()
    first = shared.lock("cpu-0")
    (shared.path / "cpu-0").unlink()
    second = shared.lock("cpu-0")
    assert first is not None and second is not None and shared.lock("cpu-0") is None
    os.close(first)
    os.close(second)


def test_gpus_are_handed_out_one_each_and_by_name(tmp_path: Path) -> None:
    slots = Slots(open_shared(), QueueSettings(), gpus=Gpus(nvml=FakeNvml(2)))
    first, second = slots.suited("auto", {})
    one, two = (slots.take(slot, tmp_path, visible) for slot, visible in (first, second))
    assert one is not None and two is not None
    assert one.environment["CUDA_VISIBLE_DEVICES"] == "GPU-00000000-aaaa"
    assert two.environment["CUDA_VISIBLE_DEVICES"] == "GPU-00000001-aaaa"
    assert [look.is_free for look in slots.look_at_all()] == [False, False, True]
    assert slots.take(first[0], tmp_path) is None
    one.release()
    two.release()


def test_a_gpu_that_other_programs_use_is_not_free(tmp_path: Path) -> None:
    busy = FakeNvml(2, used={0: 3 * GIB, 1: GIB // 4})
    slots = Slots(open_shared(), QueueSettings(), gpus=Gpus(nvml=busy))
    first, second, _ = slots.look_at_all()
    assert (first.is_free, first.foreign, second.is_free) == (False, 3 * GIB, True)
    assert slots.take(first.slot, tmp_path) is None


def test_the_reason_names_the_programs_that_use_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(open_shared(), QueueSettings(), gpus=Gpus(nvml=FakeNvml(1, used={0: 3 * GIB})))
    monkeypatch.setenv("LEAPTUI_GPUS", "0")
    put(new(tmp_path), wants="gpu")
    assert dispatcher(slots=slots).look() == (1, False)
    assert reasons() == ["waits for a GPU: other programs use 3.0 GiB of GPU 0"]


def test_cuda_visible_devices_is_heeded() -> None:
    gpus = [Gpu(index, f"GPU-{index}{index}", "H100") for index in range(4)]
    assert list(permitted(gpus, {"CUDA_VISIBLE_DEVICES": "2,0"})) == ["GPU-22", "GPU-00"]
    assert permitted(gpus, {"CUDA_VISIBLE_DEVICES": "GPU-3"}) == {"GPU-33": "GPU-33"}
    assert permitted(gpus, {"CUDA_VISIBLE_DEVICES": ""}) == {}
    assert permitted(gpus, {"CUDA_VISIBLE_DEVICES": "-1,0"}) == {}
    mixed = [gpus[0], Gpu(1, "GPU-11", "GT 710")]
    # CUDA may number unlike GPUs in another order, so the user's own word is handed on.
    assert permitted(mixed, {"CUDA_VISIBLE_DEVICES": "1"}) == {"GPU-11": "1"}
    ordered = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert permitted(mixed, ordered) == {"GPU-11": "GPU-11"}


def test_auto_is_the_processor_where_there_is_no_gpu_and_a_certain_gpu_is_waited_for(tmp_path: Path) -> None:
    slots = Slots(open_shared(), QueueSettings(), gpus=Gpus(nvml=FakeNvml(2)))
    assert [slot.label for slot, _ in slots.suited("auto", {"CUDA_VISIBLE_DEVICES": ""})] == ["CPU 0"]
    assert [(slot.label, visible) for slot, visible in slots.suited("gpu:1", {})] == [("GPU 1", None)]
    assert slots.suited("gpu:5", {}) == []
    with pytest.raises(UsageError, match="asks for a GPU, which is not to be seen"):
        put(new(tmp_path), wants="gpu")


def test_a_worker_sees_its_own_gpu_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPTUI_GPUS", "0,1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    run = new(tmp_path, operation="environment")
    put(run)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    slots = Slots(open_shared(), QueueSettings(gpus=(0, 1)), gpus=Gpus((0, 1), nvml=FakeNvml(0)))
    dispatcher(slots=slots).look()
    until(lambda: is_over(run), "it ends")
    assert json.loads(run.result.read_text())["CUDA_VISIBLE_DEVICES"] == "1"


def test_who_waits_longer_at_another_desk_comes_first_but_not_for_ever(tmp_path: Path) -> None:
    run, clock = new(tmp_path), Clock()
    put(run)
    shared = open_shared()
    elder = Told("k", "theirs", "cpu", time.time() - 100, "waits", ("cpu-0",))
    mark = f"{os.geteuid()}-0123456789ab"
    publish(shared, mark, [elder])
    starter = dispatcher(clock)
    assert starter.look() == (1, False)
    assert [(each.name, each.is_own) for each in queue.entries()] == [(run.id, True), ("theirs", False)]
    clock.now += YIELD_FOR
    assert starter.look() == (0, True)
    until(lambda: is_over(run), "it ends")


def test_who_has_waited_for_less_time_is_not_waited_for(tmp_path: Path) -> None:
    put(new(tmp_path))
    publish(open_shared(), f"{os.geteuid()}-0123456789ab", [Told("k", "r", "cpu", time.time() + 9e9, "", ("cpu-0",))])
    assert dispatcher(Clock()).look() == (0, True)


def test_boards_that_are_old_or_hostile_are_left_aside() -> None:
    shared = open_shared()
    mark = f"{os.geteuid()}-0123456789ab"
    publish(shared, mark, [Told("k", "r", "cpu", 0.0, "")])
    assert [board.mark for board in boards(shared)] == [mark]
    os.utime(shared.path / f"waiting-{mark}.json", (time.time() - 3600, time.time() - 3600))
    (shared.path / "waiting-7-0123456789ab.json").write_text('{"entries": [{"run": "fake"}]}')
    (shared.path / f"waiting-{os.geteuid()}-aaaaaaaaaaaa.json").write_text('{"entries": [7, {"run": 7}, "x"]}')
    found = boards(shared)
    assert [[told.run for told in board.entries] for board in found] == [[""]]


def test_readers_learn_place_and_reason_and_never_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new(tmp_path), new(tmp_path)
    put(first)
    put(second)
    place = queue.waiting(second)
    assert place is not None and place[0] == 2
    assert place[1] == f"2nd in the queue of {QueueFolder.here().host}, waits for a free CPU slot"
    assert queue.waiting(new(tmp_path)) is None
    monkeypatch.setenv("LEAPTUI_SLOTS", "/nowhere/at/all")
    queue._cache.forget()
    assert queue.waiting(second) is None


def test_ordinals() -> None:
    assert [queue.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 103)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "103rd",
    ]  # fmt: skip


def test_what_is_kept_of_the_environment_holds_no_secrets() -> None:
    assert all(map(matters, ("PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONPATH", "CONDA_PREFIX")))
    assert not any(map(matters, ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LEAPTUI_SLOT", "HOME", "PATHOLOGY")))


def test_a_ticket_says_the_same_after_a_round_trip(tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"r\xff")
    ticket = Ticket(run, "gpu:1", tmp_path, True, True, 2, 3.0, "me", {"OMP_X": "é"}, "/usr/bin/python3", "a.b")
    assert Ticket.from_json(json.loads(json.dumps(ticket.to_json()))) == ticket
    assert len(key(run)) == 16


def test_settings_come_from_the_environment_and_the_file(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEAPTUI_GPUS")
    monkeypatch.delenv("LEAPTUI_CPU_SLOTS")
    assert load_queue_settings() == QueueSettings()
    isolated_home.mkdir(exist_ok=True)
    (isolated_home / "config.toml").write_text("[queue]\ncpu_slots = 3\ngpus = [1]\nbusy_mb = 1\n")
    assert load_queue_settings() == QueueSettings(3, (1,), 1 << 20)
    monkeypatch.setenv("LEAPTUI_CPU_SLOTS", "2")
    assert load_queue_settings().cpu_slots == 2
    (isolated_home / "config.toml").write_text("[queue]\ngpus = 'all'\n")
    with pytest.raises(UnusableInput, match="numbers of GPUs"):
        load_queue_settings()


def test_a_python_that_is_not_there_fails_the_run_with_words(tmp_path: Path) -> None:
    run = new(tmp_path)
    put(run)
    folder = QueueFolder.here()
    path = folder.waiting()[0].path
    path.write_text(json.dumps({**json.loads(path.read_text()), "python": "/no/such/python"}))
    assert dispatcher().look() == (0, True)
    status = read_status(run)
    assert status is not None and status.state is State.FAILED and status.error is not None
    assert "cannot be started" in status.error.what
    assert worker_env() and "could not be started" in queue.notices()[0].what
