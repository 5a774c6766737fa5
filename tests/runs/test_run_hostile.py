"""Run directories with broken or hostile content: clear words, and nothing else happens."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.errors import UsageError
from leaptui.runs import event_reader as reader_module
from leaptui.runs.control import request_stop
from leaptui.runs.event_reader import LINE_LIMIT, EventReader
from leaptui.runs.events import EventWriter
from leaptui.runs.files import read_object, tail, write_object
from leaptui.runs.history import METRIC_POINTS, METRICS_KEPT
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.paths import inside
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, read_status, write_status
from leaptui.runs.view import RunView
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_reading import LiveReader
from leaptui.tui.widgets.run_facts import count_facts, result_facts, train_facts, worst_nodes

KINDS = ("plan", "step", "epoch", "checkpoint", "preview", "resumed", "gauge", "progress", "log", "state", "control")
FIELDS = (
    *("epoch", "step", "loss", "lr", "samples_per_s", "train_loss", "val_loss", "val_error_px", "best", "eta_s", "t"),
    *("seq", "epochs", "steps_per_epoch", "nodes", "node_error_px", "kind", "path", "gpus", "cpu", "memory", "done"),
    *("total", "rate", "label", "unit", "level", "message", "state", "index", "name", "use", "power_w", "seconds"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 30),
    st.sampled_from(
        [10**30, -(10**400), 2**63, "1e400", "\x1b[31m", "\ud800", "\0", "../../etc/passwd", "/etc/passwd"]
    ),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
)
EVENTS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(KINDS)}).flatmap(
        lambda kind: st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), VALUES, max_size=8).map(
            lambda fields: {**fields, **kind}
        )
    ),
    max_size=30,
)


def shown(run: RunDirectory) -> RunPicture:
    """The run as a screen would show it, with all that is made of it on the way."""
    picture = LiveReader(run.path).look()
    assert picture.fraction is None or 0 <= picture.fraction <= 1
    for make in (train_facts, count_facts):
        assert all(isinstance(text, str) for pair in make(picture) for text in pair)
    if picture.result is not None:
        assert isinstance(result_facts(picture.result), list) and isinstance(worst_nodes(picture.result), list)
    assert all(preview.path.is_relative_to(run.path) for preview in picture.previews)
    return picture


def write_events(run: RunDirectory, events: list[dict[str, Any]]) -> None:
    run.events.write_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    os.utime(run.events, (1e9, 1e9))


@settings(max_examples=80, deadline=None)
@given(EVENTS)
def test_any_events_make_a_picture(events: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder), "train", {})
        write_status(run, Status(State.RUNNING, 1, ProcessIdentity.current(), started=1.0, updated=2.0))
        write_events(run, events)
        shown(run)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["status.json", "result.json", "launch.json", "request.json", "notes.json"]), VALUES)
def test_any_json_in_any_small_file_makes_a_picture(name: str, value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder), "train", {})
        write_status(run, Status(State.FINISHED, 1, ProcessIdentity.current(), started=1.0, updated=2.0))
        run.request.chmod(0o644)
        (run.path / name).write_text(json.dumps(value))
        shown(run)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(("state", "seq", "pid", "attempt", "started", "updated", "error", "host")), VALUES)
)
def test_any_status_makes_a_picture(fields: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder), "train", {})
        run.status.write_text(json.dumps({"state": "running", "host": socket.gethostname(), **fields}))
        shown(run)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_make_a_picture(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder), "train", {})
        for path in (run.events, run.status, run.result, run.notes, run.output, run.event_segment(2)):
            path.write_bytes(content)
        shown(run)


@pytest.fixture
def hurry() -> Iterator[None]:
    """What blocks is ended, and fails."""

    def ended(*_: object) -> None:
        raise TimeoutError("it blocked")

    former = signal.signal(signal.SIGALRM, ended)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


MADE: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a circle": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(os.path.relpath(path)),
}


@pytest.mark.parametrize(
    "name", ["status.json", "events.jsonl", "result.json", "output.log", "launch.json", "notes.json"]
)
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.usefixtures("hurry")
def test_what_is_no_file_is_neither_read_nor_waited_for(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.chdir(run.path)
    write_status(run, Status(State.FAILED, 1, ProcessIdentity.current()))
    (run.path / name).unlink(missing_ok=True)
    MADE[kind](run.path / name)
    picture = shown(run)
    assert picture.operation == "count"
    if name == "events.jsonl" and kind in ("a pipe", "a folder", "a device", "a circle"):
        assert any("events.jsonl cannot be read" in problem for problem in picture.problems)


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.usefixtures("hurry")
def test_a_request_that_is_no_file_is_a_broken_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    MADE[kind](tmp_path / "request.json")
    assert LiveReader(tmp_path).look().state == "broken" and list_runs(tmp_path.parent) == []


@pytest.mark.usefixtures("hurry")
def test_folders_that_are_none_are_read_past(run: RunDirectory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "0001.npz").write_bytes(b"x")
    run.previews.rmdir()
    run.previews.symlink_to(elsewhere)
    run.control.rmdir()
    os.mkfifo(run.control)
    assert shown(run).previews == ()


@pytest.mark.usefixtures("hurry")
def test_a_hundred_megabytes_without_a_newline_are_passed_in_bounded_memory(run: RunDirectory) -> None:
    with run.events.open("wb") as file:
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + json.dumps({"seq": 1, "type": "step", "step": 1, "loss": 2.0}).encode() + b"\n")
    view = RunView(run)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    view.refresh()
    while view.is_behind:
        view.refresh()
    assert list(view.steps.y) == [2.0] and view.problems == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


@pytest.mark.usefixtures("hurry")
def test_a_small_file_that_is_huge_is_not_read(run: RunDirectory) -> None:
    with run.result.open("wb") as file:
        file.truncate(1 << 34)
    with run.output.open("wb") as file:
        file.truncate(1 << 34)
    assert read_object(run.result) is None
    assert len(tail(run.output, 1000)) <= 1000


def test_a_million_metrics_are_capped_and_told(run: RunDirectory) -> None:
    with run.events.open("wb") as file:
        for line in range(200):
            names = {f"m{line}_{number}\x1b[2J": number for number in range(2000)}
            file.write(json.dumps({"type": "step", "step": line, "loss": 1.0, **names}).encode() + b"\n")
    view = RunView(run)
    view.refresh()
    while view.is_behind:
        view.refresh()
    assert len(view.metrics) == METRICS_KEPT
    assert any(f"more than {METRICS_KEPT} metrics" in each for each in view.troubles)
    assert len(view.steps) == 200


def test_metrics_are_curves_in_bounded_memory(run: RunDirectory) -> None:
    with run.events.open("wb") as file:
        for step in range(1, 3 * METRIC_POINTS):
            event = {"type": "step", "step": step, "grad norm": step % 7, "word": "x", "nan": None, "b": True}
            file.write(json.dumps(event).encode() + b"\n")
    view = RunView(run)
    view.refresh()
    while view.is_behind:
        view.refresh()
    assert set(view.metrics) == {"grad norm"}
    curve = view.metrics["grad norm"]
    assert len(curve) <= METRIC_POINTS and (min(curve.y), max(curve.y)) == (0, 6)


def test_long_words_are_cut(run: RunDirectory) -> None:
    with EventWriter(run) as events:
        for _ in range(600):
            events.emit("log", level="l" * 500, message="m" * 5000)
        events.emit("plan", device="d" * 10_000, nodes=["n" * 200] * 2000, epochs=5)
        events.emit("progress", done=1, unit="u" * 10_000, label="v" * 10_000)
    view = RunView(run)
    view.refresh(max_seconds=60)
    while view.is_behind:
        view.refresh()
    assert len(view.log) == 500 and max(len(line.message) + len(line.level) for line in view.log) < 2200
    assert view.plan is not None and len(view.plan["device"]) == 120
    assert len(view.plan["nodes"]) == 1000 and len(view.plan["nodes"][0]) == 120
    assert view.progress is not None and len(view.progress.label) == 120


@pytest.mark.parametrize("said", [-1e18, 0.0, 1.0, 4e9, 1e15, 1e308])
def test_a_clock_that_jumped_is_told_and_believed_in_nothing(run: RunDirectory, said: float) -> None:
    now = time.time()
    write_status(run, Status(State.RUNNING, 5, ProcessIdentity.current(), started=said, updated=now))
    write_events(
        run,
        [
            {"type": "epoch", "epoch": 1, "t": said, "eta_s": 60.0},
            {"type": "gauge", "t": said, "cpu": 0.5},
            {"type": "log", "t": said, "message": "x"},
        ],
    )
    picture = shown(run)
    assert picture.state == "running" and len(picture.epochs) == 1
    assert picture.elapsed is None or picture.elapsed < 366 * 86400
    assert picture.eta is None or 0 <= picture.eta <= 60
    if 0 <= said < 1e9 or 4e9 <= said < 1e11:
        assert any("clock" in problem for problem in picture.problems)


def test_a_heartbeat_of_a_clock_that_jumps_is_still_a_heartbeat(run: RunDirectory) -> None:
    elsewhere = ProcessIdentity("elsewhere", 77, 1.0, 1, "b", "n")
    now = [0.0]
    view = RunView(run, clock=lambda: now[0])
    for seq, updated in enumerate((1.0, 9e9, 5.0, -7.0, 1e300), 1):
        write_status(run, Status(State.RUNNING, seq, elsewhere, started=100.0, updated=updated))
        view.refresh()
        assert view.state is State.RUNNING
        now[0] += 25


def test_steps_that_are_negative_or_go_back_keep_the_curve_in_order(run: RunDirectory) -> None:
    write_events(run, [{"type": "step", "step": step, "loss": 1.0} for step in (5, 6, -3, 7, 7, 2, 1e300, -1e300, 4)])
    picture = shown(run)
    x = [point[0] for point in picture.steps]
    assert x == sorted(set(x)) and x[-1] == 4


def test_a_pid_of_somebody_else_gets_no_signal(run: RunDirectory) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            stranger = ProcessIdentity.of(other.pid)
            write_status(run, Status(State.RUNNING, 3, stranger, started=1.0, updated=2.0))
            assert shown(run).state == "running"
            request_stop(run, now=True)
            reused = {**stranger.to_json(), "process_ticks": 5, "process_created": 3.0}
            write_object(run.status, {"state": "running", "seq": 9, **reused})
            assert shown(run).state == "stale"
            with pytest.raises(UsageError, match="process is gone"):
                request_stop(run, now=True)
            time.sleep(0.2)
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize("pid", [0, -1, 1, 2**31, 2**63, 1.5, "7", None, True])
def test_a_pid_that_names_no_process_is_no_process(run: RunDirectory, pid: object) -> None:
    record = {**ProcessIdentity.current().to_json(), "state": "running", "seq": 1, "pid": pid}
    run.status.write_text(json.dumps(record))
    status = read_status(run)
    assert status is not None and status.process is None
    shown(run)
    assert psutil.pid_exists(os.getpid())


def test_a_later_segment_alone_is_read_and_told(run: RunDirectory) -> None:
    event = {"v": 1, "seq": 301, "t": 1.0, "type": "step", "step": 300, "loss": 2.0}
    run.event_segment(7).write_bytes(json.dumps(event).encode() + b"\n")
    os.utime(run.event_segment(7), (1e9, 1e9))
    picture = shown(run)
    assert picture.steps == ((300.0, 2.0),)
    assert "300 of its events are missing" in picture.problems


def test_a_later_segment_that_is_new_waits_for_the_ones_before(run: RunDirectory) -> None:
    now = [0.0]
    with EventWriter(run) as events:
        events.emit("log", message="first")
    first = run.events.read_bytes()
    with EventWriter(run, resume=True) as events:
        events.emit("log", message="second")
    run.events.unlink()
    reader = EventReader(run, clock=lambda: now[0])
    assert reader.poll() == [] and reader.is_waiting
    now[0] += reader_module.PATIENCE / 2
    run.events.write_bytes(first)
    assert [event["message"] for event in reader.poll()] == ["first", "second"]


def test_deep_nesting_and_long_numbers_are_lines_that_cannot_be_read(run: RunDirectory) -> None:
    run.events.write_bytes(
        b'{"type": "step", "step": 1, "a": ' + b"[" * (LINE_LIMIT - 100) + b"\n"
        b'{"type": "step", "step": 1' + b"0" * 100_000 + b"}\n"
        b'{"type": "step", "step": 3, "loss": 1e400}\n{"type": "step", "step": 4, "loss": 1.0}\n'
    )
    view = RunView(run)
    view.refresh(max_seconds=60)
    assert view.problems == 2 and view.steps.last == (4, 1.0) and view.steps.gaps == 1


def test_what_may_not_be_read_is_told(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with EventWriter(run) as events:
        events.emit("log", message="x")
    real = os.open

    def refused(path: Any, *args: Any, **options: Any) -> int:
        if os.fspath(path) == str(run.events):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refused)
    assert "events.jsonl cannot be read (Permission denied)" in shown(run).problems


@pytest.mark.parametrize(
    "path",
    [
        *("../other/previews/0001.npz", "/etc/passwd", "previews/../../x", "..", ".", "", "a\0b", "\ud800", "x" * 5000),
        *("previews/link.npz", "/elsewhere/RUN/../../etc/passwd", "~/x"),
    ],
)
def test_a_path_never_leads_out_of_the_run(run: RunDirectory, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.npz").write_bytes(b"x")
    (run.previews / "link.npz").symlink_to(tmp_path / "secret.npz")
    found = inside(run, path.replace("RUN", run.id))
    assert found is None or (path == "~/x" and found == run.path / "~/x")
    write_events(run, [{"type": "preview", "epoch": 3, "path": path}])
    assert all(preview.path.is_relative_to(run.path) for preview in shown(run).previews)


def test_an_absolute_path_of_the_run_itself_is_found_in_its_copy(run: RunDirectory) -> None:
    assert inside(run, f"/data/project/runs/{run.id}/previews/0002.npz") == run.previews / "0002.npz"
    assert inside(run, "previews/0002.npz") == run.previews / "0002.npz"
