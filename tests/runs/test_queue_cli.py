"""The queue from the command line, and starting beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from queue_helpers import FakeNvml, names, new, put

from leaptui.cli.main import main
from leaptui.cli.queue_commands import in_queue
from leaptui.errors import UnusableInput, UsageError
from leaptui.ops import submit as submitting
from leaptui.ops.train import TrainRequest
from leaptui.runs import queue
from leaptui.runs.gpus import Gpus
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_settings import QueueSettings
from leaptui.runs.shared_folder import open_shared
from leaptui.runs.slots import Slots
from leaptui.runs.status import State, Status, read_status


@pytest.fixture(autouse=True)
def nobody_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPTUI_GPUS", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("start_dispatcher", "start_now_and_then"):
        monkeypatch.setattr(queue, name, lambda *_: False)


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_list_move_cancel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (new(tmp_path) for _ in range(3))
    for run in (first, second, third):
        put(run)
    assert main(["queue", "move", third.id, "first", "--json"]) == 0
    assert said(capsys) == {"run": str(third.path), "place": 1}
    # The end of the name does, and so does the directory.
    assert main(["queue", "move", second.id[-4:], "2"]) == 0
    assert main(["queue", "cancel", str(first.path)]) == 0
    capsys.readouterr()
    assert main(["queue", "--json"]) == 0
    told = said(capsys)
    assert [(each["place"], each["run"], each["state"]) for each in told["waiting"]] == [
        (1, str(third.path), "queued"),
        (2, str(second.path), "queued"),
    ]
    assert [(each["slot"], each["free"]) for each in told["slots"]] == [("CPU 0", True)]
    assert read_status(first).state is State.STOPPED  # type: ignore[union-attr]


def test_what_makes_no_sense_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = new(tmp_path)
    put(run)
    assert main(["queue", "move", run.id, "sideways"]) == 2
    assert "first, last, up, down" in capsys.readouterr().err
    assert main(["queue", "mvoe", run.id]) == 2
    assert main(["queue", "cancel", str(tmp_path / "nothing")]) == 3
    assert names() == [run.id]


def test_the_list_shows_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = new(tmp_path)
    run.path.rename(tmp_path / "runs" / "\x1b]0;x\x07")
    put(RunDirectory(tmp_path / "runs" / "\x1b]0;x\x07"))
    assert main(["queue"]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out.replace("\x1b[", "") and "\\x1b]0;x" in captured.out


class Parsed:
    def __init__(self, flags: set[str], **values: str) -> None:
        self.flags, self.values = frozenset(flags), values


def test_flags_say_whether_a_run_waits(tmp_path: Path) -> None:
    run = new(tmp_path)
    put(run)
    assert in_queue(Parsed(set())) is None  # type: ignore[arg-type]
    assert in_queue(Parsed({"queue"})) == submitting.InQueue()  # type: ignore[arg-type]
    after = in_queue(Parsed({"after", "anyway"}, after=run.id))  # type: ignore[arg-type]
    assert after == submitting.InQueue(run.path, anyway=True)
    with pytest.raises(UsageError, match="belongs to --after"):
        in_queue(Parsed({"anyway"}))  # type: ignore[arg-type]
    with pytest.raises(UnusableInput):
        in_queue(Parsed({"after"}, after="no-such-run"))  # type: ignore[arg-type]


def test_a_request_that_waits_is_a_run_in_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainRequest, "check", lambda _self: None)
    run = submitting.submit(TrainRequest(tmp_path, device="cpu"), tmp_path / "runs", queue=submitting.InQueue())
    assert names() == [run.id] and not run.launch.exists()
    with pytest.raises(UsageError, match="asks for GPU 3"):
        submitting.submit(TrainRequest(tmp_path, device="cuda:3"), tmp_path / "runs", queue=submitting.InQueue())
    assert [each.name for each in (tmp_path / "runs").iterdir()] == [run.id]


@pytest.mark.parametrize(
    ("device", "wanted"),
    [("auto", "auto"), ("cpu", "cpu"), ("mps", "cpu"), ("cuda", "gpu"), ("cuda:1", "gpu:1"), (None, None)],
)
def test_the_device_says_which_slot(device: str | None, wanted: str | None) -> None:
    assert submitting.wanted_device({"device": device}) == wanted


def test_a_run_that_does_not_wait_takes_a_free_slot_and_else_runs_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(open_shared(), QueueSettings(), gpus=Gpus(nvml=FakeNvml(1)))
    monkeypatch.setattr(submitting, "_slots", lambda: slots)
    calls: list[dict[str, Any]] = []

    def launch(_run: RunDirectory, **told: Any) -> Status:
        held = [look.slot.label for look in slots.look_at_all() if look.is_held]
        calls.append({"held": held, **told})
        return Status(State.STARTING)

    monkeypatch.setattr(submitting, "launch", launch)
    run = RunDirectory.create(tmp_path / "runs", "train", {"device": "auto"})
    submitting.start(run)
    assert calls[0]["held"] == ["GPU 0"] and len(calls[0]["keep"]) == 2
    assert calls[0]["env"]["CUDA_VISIBLE_DEVICES"] == "GPU-00000000-aaaa"
    taken = slots.take(slots.all()[0], tmp_path)
    assert taken is not None
    submitting.start(run)
    assert "keep" not in calls[1] and "CUDA_VISIBLE_DEVICES" not in calls[1]["env"]
    taken.release()


def test_without_a_folder_for_slots_a_run_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPTUI_SLOTS", "/dev/null")
    assert submitting._slots() is None
