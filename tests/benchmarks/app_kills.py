"""Whether a run outlives the app: `python -m tests.benchmarks.app_kills [--kills N]`.

A training is started by keys in the app inside tmux, and the tmux server is killed with -9. Then the app is opened
on that run again and again, in a terminal of its own, and killed with -9 at random moments. The run has to finish,
and what the app reads at last has to hold every epoch and every step that the worker wrote. Prints one JSON object,
and the last screen to stderr. Needs tmux; takes as long as the training.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from leaptui.cli.context import ConsoleContext
from leaptui.ops.demo import DemoRequest
from leaptui.runners.demo import run as make_demo
from leaptui.runs.layout import RunDirectory
from leaptui.runs.status import read_status
from leaptui.tui.run_reading import LiveReader
from tests.benchmarks.run_kills import events, has_begun, newest, until, wait_for_end

_START = ("t", "Enter", "Up", "Enter", "C-s")
"""The form, its first field, the profile above the usual one, and go."""


class Tmux:
    """A server of its own."""

    def __init__(self, name: str) -> None:
        self._command = ["tmux", "-L", f"{name}-{os.getpid()}"]

    def call(self, *words: str) -> str:
        """One command of tmux."""
        return subprocess.run([*self._command, *words], capture_output=True, text=True, check=True).stdout

    def open(self, *argv: str) -> None:
        """The server, with a program in it."""
        self.call("new-session", "-d", "-x", "120", "-y", "40", *argv)

    def shows(self, text: str) -> bool:
        """Whether the screen has these words on it."""
        return text in self.call("capture-pane", "-p")

    def kill(self) -> None:
        """The server, at once."""
        os.kill(int(self.call("display-message", "-p", "#{pid}")), signal.SIGKILL)


def app(project: Path) -> list[str]:
    """The command that opens the app."""
    return [sys.executable, "-m", "leaptui", str(project)]


def start_in_tmux(project: Path) -> RunDirectory:
    """Start a training by keys, and kill the multiplexer when it trains."""
    before = set((project / "runs").iterdir())
    tmux = Tmux("leaptui-start")
    tmux.open(*app(project))
    until(lambda: tmux.shows("Train"), "the app opens")
    for key in _START:
        time.sleep(1.5)
        tmux.call("send-keys", key)
    run = newest(project, before)
    until(lambda: has_begun(run), "training begins")
    tmux.kill()
    return run


def kill_app(project: Path, seconds: float, keys: bytes) -> None:
    """Open the app, press keys after a while, and kill it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(sys.executable, app(project), {**os.environ, "TERM": "xterm-256color", "LEAPTUI_GRAPHICS": "half"})
    drain = threading.Thread(target=_drain, args=(terminal,), daemon=True)
    drain.start()
    time.sleep(seconds / 2)
    os.write(terminal, keys)
    time.sleep(seconds / 2)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    drain.join(5)
    os.close(terminal)


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


def seen_by_the_app(run: RunDirectory) -> dict[str, Any]:
    """What a reader that begins now finds, against what is on disk."""
    written, broken = events(run)
    reader = LiveReader(run.path)
    until(lambda: not reader.look().behind, "everything is read")
    picture = reader.look()
    steps = {float(each["step"]): each["loss"] for each in written if each["type"] == "step"}
    epochs = [each["epoch"] for each in written if each["type"] == "epoch"]
    return {
        "state": picture.state,
        "broken_lines": broken,
        "steps_written": len(steps),
        "steps_seen": sum(1 for step, loss in picture.steps if steps.get(step) == loss),
        "epochs_planned": picture.plan.get("epochs"),
        "epochs_seen": len(picture.epochs) if [point.epoch for point in picture.epochs] == epochs else "others",
    }


def measure(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """All of it."""
    project = folder / "demo"
    with ConsoleContext(folder) as context:
        make_demo(DemoRequest(dir=project), context)
    (project / "runs").mkdir(exist_ok=True)
    run = start_in_tmux(project)
    rng = random.Random(seed)
    alive = 0
    for _ in range(kills):
        kill_app(project, rng.uniform(0.2, 5.0), rng.choice([b"", b"\r", b"r", b"r\r"]))
        status = read_status(run)
        alive += status is not None and not status.state.is_final
    wait_for_end(run)
    tmux = Tmux("leaptui-end")
    tmux.open(*app(project))
    until(lambda: tmux.shows("finished"), "the app shows the run")
    tmux.call("send-keys", "Enter")
    time.sleep(4)
    sys.stderr.write(tmux.call("capture-pane", "-p"))
    tmux.kill()
    return {"kills": kills, "kills_while_it_trained": alive, **seen_by_the_app(run)}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Killing the app while a run goes on.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEAPTUI_HOME"] = str(Path(folder) / "home")
        os.environ["LEAPTUI_SLOTS"] = str(Path(folder) / "slots")
        print(json.dumps(measure(Path(folder), options.kills, options.seed)))


if __name__ == "__main__":
    main()
