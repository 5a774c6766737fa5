"""Rates and shifts of every way to compute predictions: `python -m tests.benchmarks.backends [MODEL]`.

All in one run and in turn, so that ratios count. Without a model one is trained first, for about a minute, on the
synthetic fly; a model brings its own frames with --frames (a box, or an HDF5 with `images`). Reported for each
backend, precision, batch and number of streams: frames a second from uint8 frames in memory to points, processor
time a frame, the shift of points from float32; besides, the network alone and the peaks alone in torch, and how
long choosing takes, the first time and when it was done before. JSON on stdout, progress on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from leaptui.bench.untrained import Silent
from leaptui.demo import simulate
from leaptui.errors import LeaptuiError
from leaptui.nn.backends import choose
from leaptui.nn.backends.make import Maker
from leaptui.nn.backends.plan import Plan
from leaptui.nn.backends.tolerance import measure_shift, tolerance_of
from leaptui.nn.backends.torch_cpu import TYPES
from leaptui.nn.data import TrainingData
from leaptui.nn.hardware import choose_device, describe
from leaptui.nn.model import load_model
from leaptui.nn.points_graph import PointsGraph
from leaptui.nn.predictor import Predictor
from leaptui.nn.settings import PROFILES
from leaptui.nn.training import train

LABELS = 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--frames", type=Path, help="HDF5 with frames of the model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--streams", type=int, nargs="+", help="default: one, and one a core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["LEAPTUI_HOME"] = name
        path = options.model or _train(Path(name))
        frames = _read(options.frames) if options.frames else simulate(256, seed=11).frames
        print(json.dumps(_report(path, frames, options)))


def _report(path: Path, frames: NDArray[np.uint8], options: argparse.Namespace) -> dict[str, Any]:
    model, device = load_model(path), choose_device(options.device)
    moved = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    height, width = moved.shape[2:]
    limit = tolerance_of(model.metadata, height, width)
    reference = choose.run_all(_reference(path, model, height, width), moved)
    report: dict[str, Any] = {
        "device": describe(device),
        "frames": list(frames.shape),
        "figures": {k: model.metadata.figures.get(k) for k in ("error_px", "median_px")},
        "allowed_rms_px": round(limit.rms_px, 4),
        "torch_parts_us": list(_parts(model, moved, device, options.rounds)),
    }
    maker = Maker(model, _tell)
    ready: dict[str, tuple[dict[str, Any], Callable[[], tuple[float, float]]]] = {}
    for plan in _plans(device, height, width, options):
        facts = {"backend": plan.backend, "precision": plan.precision, "batch": plan.batch, "streams": plan.streams}
        _tell(f"preparing {facts}")
        try:
            complete = maker.with_ranges(plan, moved[1::2]) if plan.precision == "int8" else plan
            if plan.precision == "int8":
                complete = replace(complete, kept=tuple(maker.kept_layers(plan)[0]))
            backend = maker.make(complete)
        except LeaptuiError as error:
            report.setdefault("left_out", []).append(facts | {"why": str(error)})
            continue
        shift = measure_shift(reference, choose.run_all(backend, moved), limit.jump_px)
        facts |= {"shift": shift.to_dict(), "exact_enough": limit.allows(shift)}
        ready[json.dumps(facts)] = facts, _timer(backend, moved, options.seconds)
    taken: dict[str, list[tuple[float, float]]] = {key: [] for key in ready}
    for turn in range(options.rounds):
        _tell(f"round {turn + 1}")
        for key, (_, measure) in ready.items():
            taken[key].append(measure())
    report["ways"] = [
        facts
        | {
            "frames_per_s": round(statistics.median(rate for rate, _ in taken[key]), 1),
            "cpu_us_per_frame": round(statistics.median(used for _, used in taken[key])),
        }
        for key, (facts, _) in ready.items()
    ]
    report["choosing"] = list(_choosing(path, frames, options.device))
    return report


def _reference(path: Path, model: Any, height: int, width: int) -> Any:
    threads = torch.get_num_threads()
    return Maker(model, _tell).make(Plan("torch", "32", "cpu", height, width, 16, threads, threads))


def _plans(device: torch.device, height: int, width: int, options: argparse.Namespace) -> Iterator[Plan]:
    cores = torch.get_num_threads()
    kinds: dict[tuple[str, str], Plan] = {}
    for backend in ("torch", "openvino", "onnxruntime"):
        for precision in ("32", "bf16", "16", "int8"):
            wanted = choose.Wanted(device, backend, precision, height, width, 16, 16)
            try:
                kinds |= {(p.backend, p.precision): p for p in choose.candidates(wanted)}
            except LeaptuiError as error:
                _tell(f"{backend} {precision}: {error}")
    for plan in kinds.values():
        for batch in options.batches:
            for streams in options.streams or sorted({1, cores}) if device.type == "cpu" else [1]:
                yield replace(plan, batch=batch, streams=streams)
                if device.type != "cpu":
                    yield replace(plan, batch=batch, compiled=False)


def _timer(backend: Any, frames: NDArray[np.uint8], seconds: float) -> Callable[[], tuple[float, float]]:
    batches = [frames[i : i + backend.batch] for i in range(0, len(frames) - backend.batch + 1, backend.batch)]

    def measure() -> tuple[float, float]:
        pending, done = [], 0
        started, used = time.perf_counter(), time.process_time()
        while time.perf_counter() - started < seconds or not done:
            pending.append(backend.submit(batches[done % len(batches)]))
            done += 1
            if len(pending) > 2 * backend.streams:
                pending.pop(0).result()
        for entry in pending:
            entry.result()
        count = done * backend.batch
        return count / (time.perf_counter() - started), (time.process_time() - used) / count * 1e6

    return measure


def _parts(model: Any, frames: NDArray[np.uint8], device: torch.device, rounds: int) -> Iterator[dict[str, Any]]:
    """Microseconds a frame of the network with its preprocessing, and of the peaks, layer by layer in torch."""
    given = torch.from_numpy(frames[:16]).to(device)
    for precision in ("32", "bf16"):
        graph = PointsGraph(model, *frames.shape[2:], TYPES[precision]).to(device)
        with torch.inference_mode():
            maps = graph.maps(given)
            yield {
                "precision": precision,
                "network": _microseconds(lambda: graph.maps(given), device, rounds),  # noqa: B023
                "peaks": _microseconds(lambda: graph.points(maps), device, rounds),  # noqa: B023
            }


def _microseconds(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    taken = []
    for _ in range(5 * rounds):
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken) / 16 * 1e6, 1)


def _choosing(path: Path, frames: NDArray[np.uint8], device: str) -> Iterator[dict[str, Any]]:
    for _ in range(2):
        predictor = Predictor(path, device, backend="auto")
        started = time.perf_counter()
        made = predictor.prepare(frames[:: max(1, len(frames) // choose.SAMPLE)], say=_tell)
        taken = time.perf_counter() - started
        predictor.close()
        yield {"seconds": round(taken, 2), "taken": made and [made["backend"], made["precision"]]}


def _train(folder: Path) -> Path:
    shown = simulate(LABELS, seed=5)
    data = TrainingData(list(shown.frames), np.asarray(shown.points, dtype=np.float64))
    _tell("training a model on the synthetic fly")
    path = folder / "model.safetensors"
    context = Silent(folder)
    train(
        data,
        shown.skeleton,
        PROFILES["fast"],
        seed=0,
        context=context,
        checkpoints=folder,
        model_path=path,
        provenance={},
    )
    return path


def _read(path: Path) -> NDArray[np.uint8]:
    with h5py.File(path) as file:
        if "images" in file:
            return np.asarray(file["images"][:256])
        return np.asarray(file["box"][:256]).transpose(0, 3, 2, 1)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
