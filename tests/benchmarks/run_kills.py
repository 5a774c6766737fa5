"""Whether trainings survive: `python -m tests.benchmarks.run_kills [--kills N] [--seeds N] [--epochs N] [--device D]`.

A project of the synthetic fly is trained undisturbed, once with each of some seeds, for the noise. Then the same
training is begun again and its worker killed with -9 at random moments, while it starts and while it trains, and
resumed after each by nothing but `leaptui resume`; its end is compared with the undisturbed one of its seed, epoch
by epoch. At last what a run is started from is taken away: its terminal, its parent, its tmux server. Prints one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaptui.cli.context import ConsoleContext
from leaptui.ops.demo import DemoRequest
from leaptui.ops.resume import resume
from leaptui.ops.submit import submit
from leaptui.ops.train import TrainRequest
from leaptui.runners.demo import run as make_demo
from leaptui.runs.files import read_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import conclude
from leaptui.runs.status import State, read_status

PATIENCE = 900.0
EPOCH_FIELDS = ("step", "train_loss", "val_loss", "val_error_px", "best")


def events(run: RunDirectory) -> tuple[list[dict[str, Any]], int]:
    """All events on disk in order, and the number of lines that are none."""
    found, broken = [], 0
    for segment in run.event_segments():
        for line in run.event_segment(segment).read_bytes().split(b"\n"):
            try:
                found += [json.loads(line)] if line.strip() else []
            except ValueError:
                broken += 1
    return found, broken


def epochs(run: RunDirectory) -> dict[int, list[Any]]:
    """Figures of each epoch, as it was last done."""
    return {each["epoch"]: [each[name] for name in EPOCH_FIELDS] for each in events(run)[0] if each["type"] == "epoch"}


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def wait_for_end(run: RunDirectory) -> State:
    """The last state of a run that is left alone."""
    until(lambda: conclude(run).alive is False, f"{run.path} ends")
    return conclude(run).state


def has_begun(run: RunDirectory) -> bool:
    """The newest attempt has reached its first step."""
    segments = run.event_segments()
    content = run.event_segment(segments[-1]).read_bytes() if segments else b""
    return b'"type":"plan"' in content


def kill(run: RunDirectory) -> bool:
    """kill -9 to the worker; whether it was there."""
    status = read_status(run)
    if status is None or status.process is None:
        return False
    sent = status.process.send_signal(signal.SIGKILL, argument=run.path)
    until(lambda: conclude(run).alive is False, "the worker is gone")
    return sent


def seconds_of(run: RunDirectory) -> float:
    """Of training, by the last epoch."""
    found = [each["seconds"] for each in events(run)[0] if each["type"] == "epoch"]
    return max(found)


def train_undisturbed(request: TrainRequest) -> RunDirectory:
    """A run that is left alone."""
    run = submit(request)
    state = wait_for_end(run)
    if state is not State.FINISHED:
        raise RuntimeError(f"the undisturbed run is {state}: {run.path}")
    return run


def train_with_kills(request: TrainRequest, kills: int, training: float, seed: int) -> tuple[RunDirectory, list[Any]]:
    """A run whose worker is killed so often, and resumed; and what each kill met.

    Args:
        request: what to train.
        kills: how often.
        training: seconds that the training takes undisturbed: the kills are spread over them.
        seed: of the moments.
    """
    rng = random.Random(seed)
    run = submit(request)
    met: list[Any] = []
    for number in range(kills):
        # Every fourth while it starts, imports and reads; the others while it trains.
        if number % 4 == 3:
            time.sleep(rng.uniform(0.0, 4.0))
        else:
            until(lambda: has_begun(run) or conclude(run).alive is False, "training begins")
            time.sleep(rng.uniform(0.0, 1.6 * training / max(1, kills)))
        sent = kill(run)
        verdict = conclude(run)
        done = [each["step"] for each in events(run)[0] if each["type"] in ("step", "epoch")]
        met.append(
            {"killed": sent, "state": str(verdict.state), "reason": verdict.reason, "step": max(done, default=0)}
        )
        if verdict.state is State.FINISHED:
            break
        resume(run)
    return run, met


def compare(killed: RunDirectory, undisturbed: RunDirectory) -> dict[str, Any]:
    """How the end of a killed run differs from that of an undisturbed one of the same seed."""
    ours, theirs = epochs(killed), epochs(undisturbed)
    result, reference = read_object(killed.result) or {}, read_object(undisturbed.result) or {}
    found, broken = events(killed)
    return {
        "state": str(conclude(killed).state),
        "attempts": (read_status(killed) or 0) and read_status(killed).attempt,  # type: ignore[union-attr]
        "resumed_at": [each["step"] for each in found if each["type"] == "resumed"],
        "epochs": [len(ours), len(theirs)],
        "epochs_equal_to_the_last_bit": sum(ours.get(each) == value for each, value in theirs.items()),
        "val_error_px": [result.get("val_error_px"), reference.get("val_error_px")],
        "torn_lines": broken,
        "left_over": sorted(path.name for path in killed.path.rglob(".*.tmp")),
    }


def in_terminal(command: list[str], end: Callable[[int, int], None], begun: Callable[[], RunDirectory]) -> RunDirectory:
    """Start a command in a terminal of its own, wait until its run trains, and take the terminal away.

    Args:
        command: to start.
        end: called with its pid and the terminal's descriptor.
        begun: gives the run, once there is one.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    run = begun()
    until(lambda: has_begun(run), "training begins")
    end(pid, terminal)
    os.waitpid(pid, 0)
    return run


def newest(project: Path, before: set[Path]) -> RunDirectory:
    """The run that is made next."""
    found: list[Path] = []

    def made() -> bool:
        found[:] = [path for path in set((project / "runs").iterdir()) - before if (path / "request.json").exists()]
        return bool(found)

    until(made, "a run is made")
    return RunDirectory(found[0])


def take_away(project: Path, flags: list[str]) -> dict[str, Any]:
    """What becomes of a run when its starter loses terminal, life or multiplexer."""
    command = [sys.executable, "-m", "leaptui", "train", str(project), *flags]

    def killed(pid: int, terminal: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)

    def closed(_pid: int, terminal: int) -> None:
        os.close(terminal)

    def hung_up(pid: int, terminal: int) -> None:
        os.killpg(pid, signal.SIGHUP)
        os.close(terminal)

    found: dict[str, Any] = {}
    for name, end in (("parent killed -9", killed), ("terminal closed", closed), ("SIGHUP to its group", hung_up)):
        before = set((project / "runs").iterdir())
        run = in_terminal(command, end, lambda before=before: newest(project, before))  # type: ignore[misc]
        found[name] = _after(run)
    before = set((project / "runs").iterdir())
    run = submit_here(project, flags)
    until(lambda: has_begun(run), "training begins")
    os.kill(read_status(run).pid, signal.SIGHUP)  # type: ignore[union-attr, arg-type]
    found["SIGHUP to the worker"] = _after(run)
    if shutil.which("tmux"):
        before = set((project / "runs").iterdir())
        server = ["tmux", "-L", f"leaptui-{os.getpid()}"]
        subprocess.run([*server, "new-session", "-d", *command], check=True)
        run = newest(project, before)
        until(lambda: has_begun(run), "training begins")
        pid = subprocess.run([*server, "display-message", "-p", "#{pid}"], capture_output=True, text=True, check=True)
        os.kill(int(pid.stdout), signal.SIGKILL)
        found["tmux server killed -9"] = _after(run)
    return found


def submit_here(project: Path, flags: list[str]) -> RunDirectory:
    """Start a detached run by the command line."""
    command = [sys.executable, "-m", "leaptui", "train", str(project), *flags, "--detach", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return RunDirectory(Path(json.loads(done.stdout)["run"]))


def _after(run: RunDirectory) -> dict[str, Any]:
    state = wait_for_end(run)
    return {"state": str(state), "epochs": sorted(epochs(run)), "torn_lines": events(run)[1]}


def measure(folder: Path, kills: int, seeds: int, epoch_count: int, steps: int, device: str) -> dict[str, Any]:
    """All of it."""
    with ConsoleContext(folder) as context:
        project = make_demo(DemoRequest(dir=folder / "fly", frames=800, labels=40), context).project

    def request(seed: int) -> TrainRequest:
        return TrainRequest(
            project,
            profile="fast",
            seed=seed,
            epochs=epoch_count,
            steps_per_epoch=steps,
            batch_size=4,
            device=device,
        )

    began = time.monotonic()
    undisturbed = [train_undisturbed(request(seed)) for seed in range(seeds)]
    errors = [(read_object(run.result) or {})["val_error_px"] for run in undisturbed]
    training = seconds_of(undisturbed[0])
    killed, met = train_with_kills(request(0), kills, training, seed=1)
    wait_for_end(killed)
    flags = ["--profile", "fast", "--epochs", "4", "--steps-per-epoch", str(steps), "--device", device]
    return {
        "undisturbed": {
            "val_error_px": errors,
            "mean": statistics.mean(errors),
            "standard_deviation": statistics.stdev(errors) if len(errors) > 1 else None,
            "training_seconds": training,
        },
        "killed": {**compare(killed, undisturbed[0]), "kills": met},
        "starter_taken_away": take_away(project, flags),
        "seconds": time.monotonic() - began,
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEAPTUI_HOME"] = folder
        found = measure(Path(folder), options.kills, options.seeds, options.epochs, options.steps, options.device)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
