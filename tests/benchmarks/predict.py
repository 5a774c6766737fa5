"""Speed of the network and of prediction from file to file: `python -m tests.benchmarks.predict [--frames N]`.

The default network and LEAP's own, untrained (speed does not depend on the weights), on a LEAP box of the
synthetic fly, 192 x 192 with 32 nodes. Everything is measured in one run, in turn, so that ratios count.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from leaptui.demo import simulate
from leaptui.formats.leap_box import write_box
from leaptui.nn.predictor import Predictor
from leaptui.ops.predict import PredictRequest
from leaptui.runners.predict import run
from tests.benchmarks.untrained import Silent, untrained_model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = simulate(256, seed=1).frames
        repeated = (frames[i % 256 : i % 256 + 1] for i in range(options.frames))
        write_box(repeated, folder / "box.h5")
        models = {architecture: untrained_model(folder, architecture) for architecture in ("unet", "leap_cnn")}
        report = {"frames": options.frames, "network": network_rates(models, frames, options.rounds)}
        report["file_to_file"] = file_to_file(models["unet"], folder, options.frames)
    report["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(report))


def network_rates(models: dict[str, Path], frames: np.ndarray, rounds: int) -> dict[str, float]:
    """Frames a second of each network and precision, and how much faster the default is."""
    ways = {
        "unet fp32": (Predictor(models["unet"], precision="32"), 128),
        "unet auto": (Predictor(models["unet"]), 256),
        "leap_cnn fp32": (Predictor(models["leap_cnn"], precision="32"), 8),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (predictor, count) in ways.items():
            predictor.predict(frames[: min(count, 16)])
            start = time.perf_counter()
            predictor.predict(frames[:count])
            taken[way].append(count / (time.perf_counter() - start))
    rates = {way: round(statistics.median(values), 1) for way, values in taken.items()}
    rates["unet auto / leap_cnn fp32"] = round(rates["unet auto"] / rates["leap_cnn fp32"], 1)
    return rates


def file_to_file(model: Path, folder: Path, count: int) -> dict[str, float]:
    """Rate from a box to a predictions file, as `leaptui predict` does it."""
    request = PredictRequest(model, (folder / "box.h5",), folder / "out.h5")
    result = run(request, Silent(folder))
    assert result.frames == count
    return {
        "frames_per_s": round(result.fps, 1),
        "bytes_per_frame": round((folder / "out.h5").stat().st_size / count, 1),
    }


if __name__ == "__main__":
    main()
