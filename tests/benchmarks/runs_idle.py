"""What the table of runs costs while nobody touches it: share of a core, and bytes a second to the terminal.

    python tests/benchmarks/runs_idle.py [--runs 300] [--live 5] [--size 80x24] [--seconds 30] [--make FOLDER]

The live runs are fed by this process, which says that it is their worker: two steps a second, an epoch every ten
seconds. `--make` only makes the project and feeds its live runs until Ctrl-C, to look at it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

import psutil

from leaptui.project import Project
from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.notes import write_notes
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import ErrorSummary, State, Status, write_status

_EPOCHS = 30
_STEPS = 50


class Run:
    """A training that is only written."""

    def __init__(self, parent: Path, seed: int, *, age: float) -> None:
        self.random = random.Random(seed)
        request = {
            "project": str(parent.parent),
            "profile": self.random.choice(["fast", "standard", "leap"]),
            "seed": seed,
            "learning_rate": self.random.choice([None, 1e-3, 3e-4]),
        }
        self.run = RunDirectory.create(parent, "train", request)
        record = json.loads(self.run.request.read_text())
        record["created"] = time.time() - age
        self.run.request.chmod(0o644)
        self.run.request.write_text(json.dumps(record))
        self.events = EventWriter(self.run)
        self.step, self.level = 0, self.random.uniform(0.7, 1.5)
        self.best = math.inf
        nodes = [f"node{index}" for index in range(8)]
        self.events.emit(
            "plan",
            epochs=_EPOCHS,
            steps_per_epoch=_STEPS,
            train_frames=64,
            val_frames=11,
            parameters=752_341,
            architecture="unet",
            device=self.random.choice(["cuda:0", "cpu"]),
            precision="bf16",
            nodes=nodes,
        )

    def advance(self, steps: int) -> None:
        """Train on."""
        for _ in range(steps):
            self.step += 1
            epoch = 1 + (self.step - 1) // _STEPS
            loss = self.level * (3 * 0.997**self.step + 0.05 + 0.05 * self.random.random())
            if self.step % 5 == 0:
                self.events.emit(
                    "step",
                    epoch=epoch,
                    step=self.step,
                    loss=loss,
                    lr=1e-3,
                    samples_per_s=self.random.uniform(300, 400),
                )
            if self.step % _STEPS == 0:
                error = self.level * (2.5 + 20 * 0.8**epoch + self.random.random())
                left = (_EPOCHS - epoch) * 10.0
                self.events.emit(
                    "epoch",
                    epoch=epoch,
                    step=self.step,
                    train_loss=loss,
                    val_loss=loss * 1.1,
                    val_error_px=error,
                    val_error_body=error / 96,
                    lr=1e-3,
                    best=error < self.best,
                    seconds=epoch * 10.0,
                    eta_s=left,
                    node_error_px=[error * self.random.uniform(0.5, 2) for _ in range(8)],
                )
                self.best = min(self.best, error)
        self.events.flush()

    def beat(self, state: State, seq: int, error: ErrorSummary | None = None) -> None:
        """Say that its worker, this process, is at it; or that it has ended."""
        now = time.time()
        me = ProcessIdentity.current()
        ended = now if state.is_final else None
        write_status(self.run, Status(state, seq, me, 1, now - 300, now, ended, error=error))


def make(folder: Path, runs: int, live: int) -> list[Run]:
    """A project with ended runs, and some that go on; returns these."""
    project = Project.create(folder)
    parent = project.runs_folder
    going = []
    for index in range(runs):
        is_live = index >= runs - live
        run = Run(parent, index, age=(runs - index) * 600.0)
        run.advance(_STEPS * (5 if is_live else _EPOCHS))
        if is_live:
            run.beat(State.RUNNING, 1)
            going.append(run)
            continue
        failed = ErrorSummary("the GPU has no room left", hint="Take a smaller batch.") if index % 9 == 4 else None
        run.events.close()
        run.beat(State.FAILED if failed else State.STOPPED if index % 7 == 3 else State.FINISHED, 1, failed)
        if index % 5 == 0:
            write_notes(run.run, note=f"try {index}: wider network", tag=["wide", f"series{index % 3}"])
    return going


def feed(going: list[Run], stop: threading.Event) -> None:
    """Let the live runs go on, as their workers would."""
    seq = 1
    while not stop.wait(0.5):
        seq += 1
        for run in going:
            if run.step < _STEPS * _EPOCHS:
                run.advance(5)
            if seq % 2 == 0:
                run.beat(State.RUNNING, seq)


def measure(project: Path, size: tuple[int, int], keys: bytes, seconds: float, settle: float) -> dict[str, float]:
    """Open the app in a terminal nobody looks at, press keys, and count."""
    code = "import sys; from leaptui.tui.app import run_app; from pathlib import Path; run_app(Path(sys.argv[1]))"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LEAPTUI_HOME=tempfile.mkdtemp(), COLORTERM="truecolor")
        os.execv(sys.executable, [sys.executable, "-c", code, str(project)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = psutil.Process(pid)
    drain(terminal, 4.0)
    os.write(terminal, keys)
    drain(terminal, settle)
    before, began = process.cpu_times(), time.monotonic()
    sent = drain(terminal, seconds)
    after, took = process.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    process.kill()
    os.waitpid(pid, 0)
    os.close(terminal)
    return {"cpu_percent_of_a_core": round(100 * used / took, 2), "bytes_a_second": round(sent / took)}


def drain(terminal: int, seconds: float) -> int:
    """Read what comes; returns how much."""
    until, count = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            count += len(os.read(terminal, 65536))
    return count


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--live", type=int, default=5)
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--make", type=Path)
    asked = parser.parse_args()
    width, _, height = asked.size.partition("x")
    folder = asked.make or Path(tempfile.mkdtemp()) / "fly"
    stop = threading.Event()
    going = make(folder, asked.runs, asked.live)
    feeder = threading.Thread(target=feed, args=(going, stop), daemon=True)
    feeder.start()
    if asked.make:
        print(f"{asked.runs} runs in {folder}; Ctrl-C ends the {asked.live} live ones", flush=True)
        threading.Event().wait()
    found = measure(folder, (int(width), int(height)), b"r", asked.seconds, asked.settle)
    stop.set()
    print(json.dumps({"runs": asked.runs, "live": asked.live, "size": asked.size, **found}))


if __name__ == "__main__":
    main()
