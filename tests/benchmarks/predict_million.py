"""Whether memory stays constant: `python -m tests.benchmarks.predict_million [--frames N] [--every N]`.

Predicts many tiny frames of a LEAP box (32 x 32, gzip 1, 100 frames a chunk) through the runner and prints, as JSON, the
most memory that was resident, reader processes included, within every 50,000 frames. The run fails (exit status 1) if
the last tenth needs more than `--allowed` MiB above the second tenth.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import torch

from leaptui.nn.model import PoseModel, build_network, count_parameters, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.preprocessing import measure
from leaptui.nn.settings import TrainingSettings
from leaptui.ops.predict import PredictRequest
from leaptui.pose.skeleton import make_skeleton
from leaptui.runners import predict

SIZE, NODES, CHUNK, KINDS = 32, 4, 100, 50
MIB = 1 << 20


def main() -> int:
    """Predict, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--allowed", type=float, default=16.0, help="MiB that memory may grow by")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        box = write_long_box(folder / "box.h5", options.frames)
        model = tiny_model(folder / "model.safetensors")
        request = PredictRequest(
            model, (box,), folder / "points.h5", device="cpu", precision="32", batch_size=options.batch
        )
        watch = Watch(folder, options.every)
        with watch:
            result = predict.run(request, watch)
        size = (folder / "points.h5").stat().st_size
    peaks = watch.peaks
    tenth = max(1, len(peaks) // 10)
    grown = max(peaks[-tenth:]) - max(peaks[tenth : 2 * tenth], default=peaks[0])
    report = {
        "frames": result.frames,
        "bad_frames": result.bad_frames,
        "seconds": round(result.seconds, 1),
        "file_mib": round(size / MIB, 1),
        "peak_rss_mib": {str((i + 1) * options.every): round(peak, 1) for i, peak in enumerate(peaks)},
        "grown_mib": round(grown, 1),
    }
    print(json.dumps(report, indent=1))
    return 0 if grown <= options.allowed and result.frames == options.frames else 1


def write_long_box(path: Path, count: int) -> Path:
    """A box of `count` frames whose chunks are packed once and written again and again."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w", libver="latest") as file:
        shape = (count, 1, SIZE, SIZE)
        box = file.create_dataset("box", shape, np.uint8, chunks=(CHUNK, 1, SIZE, SIZE), compression=1)
        chunks = -(-count // CHUNK)
        kinds = min(KINDS, chunks)
        drawn = min(count, kinds * CHUNK)
        box[:drawn] = rng.integers(0, 40, (drawn, 1, SIZE, SIZE), np.uint8)
        file.flush()
        packed = [box.id.read_direct_chunk((number * CHUNK, 0, 0, 0))[1] for number in range(kinds)]
        for number in range(kinds, chunks):
            box.id.write_direct_chunk((number * CHUNK, 0, 0, 0), packed[number % KINDS])
    return path


def tiny_model(path: Path) -> Path:
    """An untrained network of a few hundred weights."""
    torch.manual_seed(0)
    settings = TrainingSettings(architecture="unet", options={"widths": (4, 6)}, input_scale=1.0, sigma=2.0)
    network = build_network(settings, 1, NODES).eval()
    multiple: int = network.padding_multiple  # type: ignore[assignment]
    stride: int = network.output_stride  # type: ignore[assignment]
    frames = [np.zeros((SIZE, SIZE, 1), np.uint8), np.full((SIZE, SIZE, 1), 255, np.uint8)]
    preprocessing = measure(frames, input_scale=1.0, padding_multiple=multiple)
    metadata = ModelMetadata(
        skeleton=make_skeleton("nodes", [f"node{k}" for k in range(NODES)]),
        settings=settings,
        preprocessing=preprocessing.to_dict(),
        activation="softmax",
        output_stride=stride,
        parameters=count_parameters(network),
    )
    save_model(path, PoseModel(network, preprocessing, metadata))
    return path


class Watch:
    """A RunContext that notes how much memory is resident while frames go by."""

    attempt = 1

    def __init__(self, directory: Path, every: int) -> None:
        self.directory = directory
        self.peaks: list[float] = []
        self._every, self._done, self._over = every, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def emit(self, type: str, **fields: Any) -> None:
        """Keep up with the frames."""
        if type == "progress":
            self._done = fields["done"]

    def flush(self) -> None:
        """Nothing is kept."""

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def take_asks(self) -> list[Any]:
        """Nobody asks."""
        return []

    def acknowledge(self, asked: Any, answer: str, *, accepted: bool = True) -> None:
        """Nobody asked."""

    def _sample(self) -> None:
        own = psutil.Process()
        began = time.perf_counter()
        while not self._over.wait(0.1):
            used = own.memory_info().rss
            for child in own.children(recursive=True):
                try:
                    used += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            window = max(0, self._done - 1) // self._every
            while len(self.peaks) <= window:
                self.peaks.append(0.0)
                print(f"{self._done:>10,} frames, {time.perf_counter() - began:6.0f} s", file=sys.stderr)
            self.peaks[window] = max(self.peaks[window], used / MIB)


if __name__ == "__main__":
    raise SystemExit(main())
