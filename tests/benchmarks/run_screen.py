"""What the screen of a run costs while the run logs a thousand metrics a second.

    python -m tests.benchmarks.run_screen [--seconds 20] [--rate 1000] [--before 200000] [--sizes 80x24 160x48]

A script writes a run directory as a worker does, events, heartbeat, gauges and output, and the app shows it in a
pseudo-terminal. Prints one JSON object a size: share of a core that the app takes, bytes a second that it writes, and
how many drawings of curves' characters (braille) were among them, after everything that was there before was read.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status

STEPS_PER_EPOCH = 5000
NODES = [f"{side} leg {number}" for side in ("left", "right") for number in range(1, 16)] + ["head", "abdomen"]
_SETTLED = 0.3
"""Share of a core below which the app has read what was there before it."""


class FastRun:
    """Writes events of a training that never ends."""

    def __init__(self, folder: Path) -> None:
        self.run = RunDirectory.create(folder, "train", {"project": "/data/fly"})
        self._me = ProcessIdentity.of(os.getpid())
        self._began = time.time()
        self._seq = 0
        self._step = 0
        self._random = random.Random(0)

    def beat(self) -> None:
        """Write the status, as once a second."""
        self._seq += 1
        now = time.time()
        write_status(self.run, Status(State.RUNNING, self._seq, self._me, 1, started=self._began, updated=now))

    def plan(self, events: EventWriter) -> None:
        """What the training will do."""
        events.emit(
            "plan", epochs=100_000, steps_per_epoch=STEPS_PER_EPOCH, train_frames=64, val_frames=11, nodes=NODES,
            parameters=752_341, architecture="unet", device="cuda", precision="bf16", body_length_px=96.0,
        )  # fmt: skip

    def step(self, events: EventWriter) -> None:
        """One step, and an epoch's end where it is one."""
        self._step += 1
        noise = self._random.gauss(0, 0.1)
        loss = (0.2 + 3 * math.exp(-self._step / 50_000)) * math.exp(noise)
        epoch = 1 + (self._step - 1) // STEPS_PER_EPOCH
        lr = 1e-3 * 0.5 ** (self._step / 100_000)
        events.emit("step", epoch=epoch, step=self._step, loss=loss, lr=lr, samples_per_s=4000.0)
        if self._step % STEPS_PER_EPOCH == 0:
            error = 2 + 20 * math.exp(-epoch / 10) + abs(noise)
            events.emit(
                "epoch", epoch=epoch, step=self._step, train_loss=loss, val_loss=loss * 1.1, val_error_px=error,
                val_error_body=error / 96, lr=lr, best=epoch % 3 == 0, seconds=time.time() - self._began, eta_s=1e5,
                node_error_px=[error * (1 + 0.05 * i) for i in range(len(NODES))],
            )  # fmt: skip

    def second(self, events: EventWriter) -> None:
        """What happens beside the steps, once a second."""
        gpu = {
            "index": 0, "name": "H100", "use": self._random.uniform(0.7, 1.0), "memory": 20 << 30,
            "memory_total": 80 << 30, "temperature_c": 60, "power_w": 500 + self._random.gauss(0, 20),
            "power_limit_w": 700, "others": 1,
        }  # fmt: skip
        events.emit(
            "gauge", cpu=self._random.random(), memory=8 << 30, memory_total=16 << 30, process_cpu=1.5,
            process_memory=2 << 30, gpus=[gpu],
        )  # fmt: skip
        events.emit("log", level="info", message=f"step {self._step:,} and all is well")
        with self.run.output.open("a", encoding="utf-8") as output:
            output.writelines(f"line {self._step + i} of the output\n" for i in range(10))


def write(folder: Path, *, rate: float, before: int) -> None:
    """Write a run until this process is ended; prints its folder once it can be opened."""
    fast = FastRun(folder)
    fast.beat()
    with EventWriter(fast.run) as events:
        fast.plan(events)
        for _ in range(before):
            fast.step(events)
            if events.dropped or _ % 20_000 == 0:
                events.flush()
        events.flush()
        print(fast.run.path, flush=True)
        began, written, last = time.monotonic(), 0, 0
        while True:
            due = int((time.monotonic() - began) * rate)
            for _ in range(due - written):
                fast.step(events)
            written = due
            if int(time.monotonic() - began) > last:
                last = int(time.monotonic() - began)
                fast.beat()
                fast.second(events)
            time.sleep(0.02)


class App:
    """The app on a run, in a pseudo-terminal of its own."""

    def __init__(self, run: Path, home: Path, columns: int, rows: int) -> None:
        main, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        code = f"from pathlib import Path; from leaptui.tui.app import run_app; run_app(run=Path({str(run)!r}))"
        environment = {
            **os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LEAPTUI_HOME": str(home),
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=child,
            stdout=child,
            stderr=child,
            env=environment,
            start_new_session=True,
        )
        os.close(child)
        self._main = main
        self.received = 0
        self.tail = b""
        threading.Thread(target=self._read, daemon=True).start()
        self._measured = psutil.Process(self._process.pid)

    def _read(self) -> None:
        while True:
            try:
                got = os.read(self._main, 1 << 16)
            except OSError:
                return
            self.received += len(got)
            self.tail = (self.tail + got)[-200_000:]

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self._measured.cpu_times()
        return times.user + times.system

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._main, keys)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


def measure(columns: int, rows: int, *, seconds: float, rate: float, before: int, keys: bytes) -> dict[str, Any]:
    """Figures of one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tests.benchmarks.run_screen", "--write", name]
        command += ["--rate", str(rate), "--before", str(before)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        run = Path(writer.stdout.readline().strip())
        app = App(run, folder / "home", columns, rows)
        try:
            settled = _settle(app)
            app.press(keys)
            time.sleep(3.0)
            return {
                "columns": columns, "rows": rows, "events_per_s": rate, "events_before": before,
                "seconds_until_settled": round(settled, 1), **_figures(app, seconds),
            }  # fmt: skip
        finally:
            app.close()
            writer.terminate()
            writer.wait(timeout=10)


def _settle(app: App) -> float:
    """Wait until the app has read what was there before: from then on it takes about as much each second; seconds
    that took."""
    began, calm = time.monotonic(), 0
    while calm < 4 and time.monotonic() - began < 120:
        before = app.cpu()
        time.sleep(1.0)
        calm = calm + 1 if app.cpu() - before < _SETTLED else 0
    return time.monotonic() - began


def _figures(app: App, seconds: float) -> dict[str, Any]:
    cpu, received, began = app.cpu(), app.received, time.monotonic()
    app.tail = b""
    time.sleep(seconds)
    took = time.monotonic() - began
    braille = sum(0x2800 < ord(character) <= 0x28FF for character in app.tail.decode("utf-8", errors="ignore"))
    return {
        "seconds": round(took, 1),
        "share_of_a_core": round((app.cpu() - cpu) / took, 3),
        "bytes_per_s": round((app.received - received) / took),
        "braille_cells_per_s": round(braille / took),
    }


def main() -> None:
    """Measure and print, or be the run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--before", type=int, default=200_000)
    parser.add_argument("--sizes", nargs="+", default=["80x24", "160x48"])
    parser.add_argument("--keys", default="", help="typed before measuring")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is not None:
        write(options.write, rate=options.rate, before=options.before)
        return
    for size in options.sizes:
        columns, rows = (int(part) for part in size.split("x"))
        found = measure(
            columns, rows, seconds=options.seconds, rate=options.rate, before=options.before, keys=options.keys.encode()
        )
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
