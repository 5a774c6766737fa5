from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fake_worker import carry_out
from run_helpers import PATIENCE, until, until_gone, until_state, worker_env

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.control import request_stop
from leaptui.runs.events import EventReader
from leaptui.runs.files import read_object, tail
from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import PROCESS_GONE, Watcher
from leaptui.runs.status import State, read_status

Start = Callable[..., RunDirectory]


def new(tmp_path: Path, operation: str, **request: object) -> RunDirectory:
    return RunDirectory.create(tmp_path / "runs", operation, request)


def states(run: RunDirectory) -> list[str]:
    return [event["state"] for event in EventReader(run).poll() if event["type"] == "state"]


def types(run: RunDirectory) -> list[str]:
    return [event["type"] for event in EventReader(run).poll()]


def test_a_run_from_request_to_result(run: RunDirectory) -> None:
    assert carry_out(run.path) == 0
    status = read_status(run)
    assert status is not None
    assert (status.state, status.exit_code, status.pid, status.error) == (State.FINISHED, 0, os.getpid(), None)
    assert status.started is not None and status.ended is not None and status.started <= status.ended
    model = str(run.path / "model.safetensors")
    assert read_object(run.result) == {"steps": 3, "loss": None, "model": model, "stopped": False}
    assert types(run) == ["state", "state", "plan", "step", "step", "step", "epoch", "state"]
    assert states(run) == ["starting", "running", "finished"]


@pytest.mark.parametrize(
    ("operation", "code", "state", "words"),
    [
        ("refuse", 3, State.FAILED, "there are no labels"),
        ("crash", 1, State.FAILED, "ZeroDivisionError: the runner's own mistake"),
        ("no_memory", 1, State.FAILED, "MemoryError"),
        ("leave", 1, State.FAILED, "exit code 7"),
        ("odd_result", 1, State.FAILED, "not int"),
        ("absent", 1, State.FAILED, "nothing_of_this_name"),
        ("unheard-of", 3, State.FAILED, "does not know the operation 'unheard-of'"),
        ("give_up", 130, State.STOPPED, "somebody had enough"),
        ("interrupt", 130, State.STOPPED, "interrupted"),
    ],
)
def test_every_end_is_said(tmp_path: Path, operation: str, code: int, state: State, words: str) -> None:
    run = new(tmp_path, operation)
    assert carry_out(run.path) == code
    status = read_status(run)
    assert status is not None
    assert (status.state, status.exit_code) == (state, code)
    assert words in (status.reason or "") + (status.error.what if status.error else "")
    assert states(run)[-1] == state
    assert not run.result.exists()


def test_an_expected_error_keeps_its_words(tmp_path: Path) -> None:
    run = new(tmp_path, "refuse")
    carry_out(run.path)
    status = read_status(run)
    assert status is not None and status.error is not None
    assert (status.error.where, status.error.hint, status.error.type) == (
        "project",
        "Label some frames.",
        "UnusableInput",
    )
    assert status.error.traceback is None


def test_a_bug_keeps_its_traceback(start: Start) -> None:
    run = start("crash")
    status = until_state(run, State.FAILED)
    assert status.error is not None and status.error.traceback is not None
    assert "in crash" in status.error.traceback
    assert "in crash" in run.output.read_text()


def test_a_request_that_does_not_fit_its_class_fails(tmp_path: Path) -> None:
    run = new(tmp_path, "count", nonsense=3)
    assert carry_out(run.path) == 1
    status = read_status(run)
    assert status is not None and status.state is State.FAILED and "nonsense" in str(status.error)


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(tmp_path) == 3
    assert "not a run directory" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_is_a_failure(run: RunDirectory) -> None:
    run.result.mkdir()
    (run.result / "in the way").touch()
    assert carry_out(run.path) == 1
    status = read_status(run)
    assert status is not None and status.error is not None and "result cannot be written" in status.error.what


def test_a_run_is_carried_out_once(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(run.path) == 0
    before = run.status.read_bytes()
    assert carry_out(run.path) == 2
    assert carry_out(run.path, resume=True) == 2
    assert run.status.read_bytes() == before
    with pytest.raises(UsageError, match="is finished"):
        launch(run)
    with pytest.raises(UsageError, match="nothing left to do"):
        launch(run, resume=True)


def test_two_workers_at_once(start: Start) -> None:
    run = start("count")
    until_state(run, State.RUNNING)
    for resume in (False, True):
        with pytest.raises(UsageError):
            launch(run, resume=resume, env=worker_env(), module="fake_worker")
        assert carry_out(run.path, resume=resume) == 2
    request_stop(run)
    assert until_state(run, State.STOPPED).pid != os.getpid()


def test_a_stop_asked_before_the_start_is_heard_before_the_runner(tmp_path: Path) -> None:
    run = new(tmp_path, "crash")
    (run.control / "stop").touch()
    assert carry_out(run.path) == 130
    assert states(run) == ["starting", "stopping", "stopped"]


def test_a_run_stops_when_asked(start: Start) -> None:
    run = start("count")
    until_state(run, State.RUNNING)
    request_stop(run, by="ada@lab")
    status = until_state(run, State.STOPPED)
    assert (status.exit_code, status.reason) == (130, "asked by ada@lab")
    events = EventReader(run).poll()
    assert [event["ask"] for event in events if event["type"] == "control"] == ["stop"]
    assert states(run) == ["starting", "running", "stopping", "stopped"]
    result = read_object(run.result)
    assert result is not None and result["stopped"] is True


def test_a_file_alone_stops_it(start: Start) -> None:
    run = start("count")
    until_state(run, State.RUNNING)
    (run.control / "stop").touch()
    until_state(run, State.STOPPED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_gracefully(start: Start, number: signal.Signals) -> None:
    run = start("count")
    status = until_state(run, State.RUNNING)
    assert status.pid is not None
    os.kill(status.pid, number)
    assert until_state(run, State.STOPPED).reason == number.name
    assert "epoch" in types(run), "the runner came to its end"


def test_a_library_that_exits_on_a_stop_has_stopped(start: Start) -> None:
    run = start("exit_when_stopped")
    until_state(run, State.RUNNING)
    request_stop(run)
    assert until_state(run, State.STOPPED, State.FAILED).state is State.STOPPED


def test_the_second_signal_ends_it_at_once(start: Start) -> None:
    run = start("deaf")
    status = until_state(run, State.RUNNING)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGTERM)
    until_state(run, State.STOPPING)
    os.kill(status.pid, signal.SIGTERM)
    status = until_state(run, State.STOPPED)
    assert status.exit_code == 130 and status.pid is not None
    until_gone(status.pid)
    assert "deaf" in [event.get("message") for event in EventReader(run).poll()]
    assert states(run)[-1] == "stopped"


def test_stopping_now_ends_it_at_once(start: Start) -> None:
    run = start("deaf")
    status = until_state(run, State.RUNNING)
    request_stop(run, by="ada@lab", now=True)
    assert "ada@lab" in (until_state(run, State.STOPPED).reason or "")
    assert status.pid is not None
    until_gone(status.pid)


def test_the_heartbeat_moves_while_the_runner_hears_nothing(start: Start) -> None:
    run = start("deaf")
    before = until_state(run, State.RUNNING).seq

    def moved() -> bool:
        status = read_status(run)
        return status is not None and status.seq > before + 1

    until(moved, "the heartbeat moves")


def test_a_forked_child_is_not_the_run(start: Start) -> None:
    run = start("forks")
    status = until_state(run, State.FINISHED, State.STOPPED, State.FAILED)
    assert status.state is State.FINISHED
    assert read_object(run.result) == {"ended_by": signal.SIGTERM, "asked": False}
    assert "log" not in types(run)


def test_killed_it_is_stale_and_can_be_resumed(start: Start) -> None:
    run = start("count")
    status = until_state(run, State.RUNNING)
    until(lambda: "step" in types(run), "a step is on disk")
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    until_gone(status.pid)
    verdict = Watcher(run).look()
    assert (verdict.state, verdict.reason) == (State.STALE, PROCESS_GONE)
    left = read_status(run)
    assert left is not None and left.state is State.RUNNING
    with pytest.raises(UsageError, match="started before"):
        launch(run)
    with run.events.open("ab") as file:
        file.write(b'{"torn":')
    (run.control / "stop").touch()
    resumed = launch(run, resume=True, env=worker_env(), module="fake_worker", wait=PATIENCE)
    assert resumed.attempt == 2 and resumed.pid != status.pid
    until_state(run, State.RUNNING)
    request_stop(run)
    done = until_state(run, State.STOPPED)
    assert done.seq > left.seq
    assert run.event_segments() == [1, 2]
    reader = EventReader(run)
    events = reader.poll()
    while reader.is_behind:
        events += reader.poll()
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers)) and reader.problems == 1


def test_a_closed_terminal_is_survived(start: Start) -> None:
    run = start("count")
    status = until_state(run, State.RUNNING)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGHUP)
    before = status.seq
    until(lambda: (read_status(run) or status).seq > before + 1, "it goes on")
    assert os.getsid(status.pid) == status.pid
    assert read_status(run).state is State.RUNNING  # type: ignore[union-attr]
    request_stop(run)
    until_state(run, State.STOPPED)


PARENT = """
import sys
from pathlib import Path
from leaptui.runs.launch import launch
from leaptui.runs.layout import RunDirectory
launch(RunDirectory(Path(sys.argv[1])), module="fake_worker")
sys.stdin.read()
"""


def test_the_death_of_its_parent_and_its_terminal_is_survived(tmp_path: Path) -> None:
    run = new(tmp_path, "count", steps=1_000_000, pause=0.01)
    ours, theirs = os.openpty()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(run.path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, **worker_env()},
    )
    os.close(theirs)
    status = until_state(run, State.RUNNING)
    assert status.process is not None
    try:
        os.close(ours)
        os.killpg(parent.pid, signal.SIGHUP)
        parent.kill()
        parent.wait()
        before = read_status(run)
        assert before is not None
        until(lambda: (read_status(run) or before).seq > before.seq + 1, "it goes on")
        assert Watcher(run).look().alive is True
        request_stop(run)
        until_state(run, State.STOPPED)
    finally:
        status.process.send_signal(signal.SIGKILL, argument=run.path)


def test_launching_says_what_it_started(start: Start) -> None:
    run = start("count")
    status = read_status(run)
    launched = read_object(run.launch)
    assert status is not None and launched is not None
    assert status.pid == launched["pid"] and status.process is not None
    process = psutil.Process(status.pid)
    assert process.cmdline()[-1] == str(run.path.resolve())
    assert process.cwd() == str(run.path.resolve())
    streams = [Path(f"/proc/{status.pid}/fd/{number}").readlink() for number in range(3)]
    assert streams == [Path("/dev/null"), run.output.resolve(), run.output.resolve()]
    request_stop(run)


def test_a_worker_that_dies_at_once_has_failed(run: RunDirectory) -> None:
    status = launch(run, module="leaptui.no_such_module", wait=PATIENCE)
    assert (status.state, status.exit_code) == (State.FAILED, 1)
    assert status.error is not None and "no_such_module" in (status.error.traceback or "")
    assert read_status(run) == status
    assert Watcher(run).look().state is State.FAILED


def test_launch_leaves_no_zombie(run: RunDirectory) -> None:
    launch(run, module="leaptui.no_such_module", wait=PATIENCE)
    pid = json.loads(run.launch.read_text())["pid"]
    until(lambda: not psutil.pid_exists(pid), "the child is reaped")


def test_launching_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not a run directory"):
        launch(RunDirectory(tmp_path))


def test_launching_where_nothing_can_be_written(run: RunDirectory) -> None:
    run.output.mkdir()
    with pytest.raises(UnusableInput, match="cannot be started here"):
        launch(run)


def test_the_real_worker_speaks_before_it_knows_the_operation(tmp_path: Path) -> None:
    run = new(tmp_path, "unheard-of")
    launch(run, wait=PATIENCE)
    status = until_state(run, State.FAILED)
    assert status.error is not None and "unheard-of" in status.error.what, tail(run.output, 4000)
    assert status.exit_code == 3
    assert status.pid is not None
    until_gone(status.pid)


def test_starting_is_written_before_anything_heavy_is_imported() -> None:
    probe = textwrap.dedent(
        """
        import sys
        import leaptui.worker
        heavy = {"torch", "pytorch_lightning", "numpy", "h5py", "av", "decord", "scipy", "textual", "rich"}
        sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
        """
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_usage_of_the_worker() -> None:
    done = subprocess.run([sys.executable, "-m", "leaptui.worker"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "usage" in done.stderr
