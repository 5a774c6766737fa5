"""A worker whose operations can be asked for checkpoints: `python -m asked_worker RUN_DIR [--resume]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fake_worker import FakeOperation, FakeRequest, FakeResult, from_json

from leaptui.runs.context import RunContext
from leaptui.runs.control import CHECKPOINT, EXTEND
from leaptui.worker import run_worker

ASKS = (CHECKPOINT, EXTEND)


def steps(request: FakeRequest, context: RunContext) -> FakeResult:
    """Counts; acknowledges a checkpoint, and takes an extension without ever coming to it."""
    step = 0
    while step < request.steps and not context.stop_requested():
        step += 1
        for asked in context.take_asks():
            if asked.name == CHECKPOINT:
                context.acknowledge(asked, f"kept at step {step} of attempt {context.attempt}")
        time.sleep(request.pause)
    return FakeResult(step, 0.5, context.directory / "m", stopped=step < request.steps)


OPERATIONS = {"steps": FakeOperation("asked_worker:steps")}


if __name__ == "__main__":
    sys.exit(run_worker(Path(sys.argv[1]), operations=OPERATIONS, from_json=from_json, resume="--resume" in sys.argv))
