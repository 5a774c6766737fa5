"""Whether predictions survive: `python -m tests.benchmarks.predict_kills [--kills N] [--frames N] [--backend B] [--inputs N]`.

A box of a synthetic fly is predicted undisturbed by `leaptui predict`. Then the same command is begun again and its
worker killed with -9 at random moments, while it starts, predicts and puts the file together; after each kill the
same command is given with `--resume`. The file it ends in must be the undisturbed one byte for byte, its times apart.
Prints one JSON object; the exit code is 1 where a file differs.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from leaptui.formats.parts import parts_folder
from leaptui.ops.predict import PredictRequest
from leaptui.ops.submit import submit
from leaptui.runs.layout import RunDirectory
from leaptui.runs.liveness import conclude
from leaptui.runs.status import State, read_status

PATIENCE = 900.0
SIDE = 96


def without_times(path: Path) -> bytes:
    """The bytes of a predictions file, its attribute `times` blanked."""
    with h5py.File(path) as file:
        times = bytes(file.attrs["times"])
        # HDF5 hands out fixed text without what pads it.
        length = file.attrs.get_id("times").dtype.itemsize
    content = path.read_bytes()
    at = content.index(times)
    return content[:at] + b" " * length + content[at + length :]


def differing(one: Path, other: Path) -> int:
    """How many bytes differ, times apart; -1 where even the lengths do."""
    first, second = (np.frombuffer(without_times(path), np.uint8) for path in (one, other))
    return -1 if len(first) != len(second) else int((first != second).sum())


def wait_for_end(run: RunDirectory, until: float) -> bool:
    """Whether it ended by itself before that moment."""
    while time.monotonic() < until:
        if conclude(run).alive is False:
            return True
        time.sleep(0.005)
    return False


def kill(run: RunDirectory) -> None:
    """kill -9 to the worker."""
    status = read_status(run)
    if status is not None and status.process is not None:
        status.process.send_signal(signal.SIGKILL, argument=run.path)
    if not wait_for_end(run, time.monotonic() + PATIENCE):
        raise TimeoutError(f"{run.path} does not end")


def undisturbed(request: PredictRequest) -> float:
    """Predict without a kill; seconds from the start to the end."""
    began = time.monotonic()
    run = submit(request)
    if not wait_for_end(run, began + PATIENCE) or conclude(run).state is not State.FINISHED:
        raise RuntimeError(f"the undisturbed prediction is {conclude(run)}: {run.path}")
    return time.monotonic() - began


def with_kills(request: PredictRequest, outs: list[Path], kills: int, seconds: float, seed: int) -> list[str]:
    """Predict with so many kills at moments spread over the time it takes; what each of them met."""
    rng = random.Random(seed)
    met = []
    for number in range(kills):
        run = submit(replace(request, resume=number > 0))
        # The first second is start-up; as parts add up, less is left to be killed.
        if wait_for_end(run, time.monotonic() + rng.uniform(0.1, max(0.5, seconds))):
            met.append("it had ended")
            if all(out.exists() for out in outs):
                for out in outs:
                    out.unlink()
            continue
        kill(run)
        parts = sum(len(list(parts_folder(out).glob("part-*.h5"))) for out in outs if parts_folder(out).exists())
        there = sum(out.exists() for out in outs)
        met.append(
            f"{parts} parts" + (f", {there} files" if there else "") if parts or there else "nothing written yet"
        )
    undisturbed(replace(request, resume=True))
    return met


def main() -> int:
    """See the module."""
    from leaptui.bench.stages import make_file
    from leaptui.bench.untrained import untrained_model

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--frames", type=int, default=60_000)
    parser.add_argument("--inputs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--batch-size", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(asked, Path(name), make_file, untrained_model)
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return int(any(found["bytes_differing"].values()))


def measure(asked: argparse.Namespace, folder: Path, make_file: Any, untrained_model: Any) -> dict[str, Any]:
    """All of it, in a folder that is thrown away."""
    model = untrained_model(folder, "unet", SIDE)
    first = make_file("box", folder, asked.frames, SIDE)
    inputs = [first]
    for number in range(1, asked.inputs):
        inputs.append(folder / f"box-{number}.h5")
        inputs[-1].write_bytes(first.read_bytes())
    out = folder / "out"
    out.mkdir()
    request = PredictRequest(
        model, tuple(inputs), out, device=asked.device, backend=asked.backend, batch_size=asked.batch_size,
        workers=asked.workers,
    )  # fmt: skip
    outs = request.outputs(inputs)
    # Once for what is found out but once: how to compute fastest.
    undisturbed(request)
    for path in outs:
        path.unlink()
    seconds = undisturbed(request)
    kept = [path.rename(folder / path.name) for path in outs]
    met = with_kills(request, outs, asked.kills, seconds, asked.seed)
    return {
        "frames": asked.frames,
        "inputs": asked.inputs,
        "seconds_undisturbed": round(seconds, 1),
        "kills": dict(Counter(met)),
        "bytes": sum(path.stat().st_size for path in outs),
        "bytes_differing": {path.name: differing(path, whole) for path, whole in zip(outs, kept, strict=True)},
        "left_behind": sorted(path.name for path in out.rglob("*") if ".parts" in path.name or ".tmp" in path.name),
    }


if __name__ == "__main__":
    sys.exit(main())
