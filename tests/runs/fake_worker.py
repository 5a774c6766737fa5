"""A worker whose operations do next to nothing: `python -m fake_worker RUN_DIR [--resume]`."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import Stopped, UnusableInput
from leaptui.runs.context import RunContext
from leaptui.runs.layout import RunDirectory
from leaptui.runs.slots import adopt_slot
from leaptui.worker import run_worker


@dataclass(frozen=True)
class FakeRequest:
    steps: int = 3
    pause: float = 0.0


@dataclass(frozen=True)
class FakeResult:
    steps: int
    loss: float
    model: Path
    stopped: bool = False


def count(request: FakeRequest, context: RunContext) -> FakeResult:
    context.emit("plan", epochs=1, steps_per_epoch=request.steps)
    step = 0
    while step < request.steps and not context.stop_requested():
        step += 1
        context.emit("step", epoch=1, step=step, loss=1.0 / step)
        time.sleep(request.pause)
    context.emit("epoch", epoch=1, step=step, train_loss=0.5, val_loss=float("nan"), best=True)
    return FakeResult(step, float("nan"), context.directory / "model.safetensors", stopped=step < request.steps)


def crash(_request: FakeRequest, _context: RunContext) -> None:
    raise ZeroDivisionError("the runner's own mistake")


def refuse(_request: FakeRequest, _context: RunContext) -> None:
    raise UnusableInput("there are no labels", where="project", hint="Label some frames.")


def give_up(_request: FakeRequest, _context: RunContext) -> None:
    raise Stopped("somebody had enough")


def no_memory(_request: FakeRequest, _context: RunContext) -> None:
    raise MemoryError


def leave(_request: FakeRequest, _context: RunContext) -> None:
    sys.exit(7)


def interrupt(_request: FakeRequest, _context: RunContext) -> None:
    raise KeyboardInterrupt


def exit_when_stopped(_request: FakeRequest, context: RunContext) -> None:
    while not context.stop_requested():
        time.sleep(0.01)
    sys.exit(143)


def odd_result(_request: FakeRequest, _context: RunContext) -> int:
    return 3


def deaf(_request: FakeRequest, context: RunContext) -> None:
    context.emit("log", level="info", message="deaf")
    time.sleep(600)


def forks(_request: FakeRequest, context: RunContext) -> dict[str, Any]:
    """A child that is told to end must end, and its signal is not the run's."""
    child = os.fork()
    if child == 0:
        context.emit("log", level="info", message="from the child")
        time.sleep(5)
        os._exit(0)
    time.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    _, code = os.waitpid(child, 0)
    time.sleep(0.2)
    return {"ended_by": os.WTERMSIG(code) if os.WIFSIGNALED(code) else None, "asked": context.stop_requested()}


def environment(_request: FakeRequest, _context: RunContext) -> dict[str, Any]:
    return dict(os.environ)


@dataclass(frozen=True)
class FakeOperation:
    runner: str
    request: str = "fake_worker:FakeRequest"


NAMES = (
    "count",
    "crash",
    "refuse",
    "give_up",
    "no_memory",
    "leave",
    "interrupt",
    "exit_when_stopped",
    "odd_result",
    "deaf",
    "forks",
    "environment",
)
OPERATIONS = {name: FakeOperation(f"fake_worker:{name}") for name in NAMES}
OPERATIONS["absent"] = FakeOperation("fake_worker:nothing_of_this_name")


def from_json(kind: type, record: dict[str, Any]) -> Any:
    return kind(**record)


def carry_out(path: Path, *, resume: bool = False) -> int:
    return run_worker(path, operations=OPERATIONS, from_json=from_json, resume=resume)


if __name__ == "__main__":
    adopt_slot(RunDirectory(Path(sys.argv[1])))
    sys.exit(carry_out(Path(sys.argv[1]), resume="--resume" in sys.argv))
