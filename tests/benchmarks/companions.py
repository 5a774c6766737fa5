"""How fast frames and fresh predictions come from the processes beside the app.

    python -m tests.benchmarks.companions [VIDEO ...]

Prints one JSON object a source: seconds to the first frame, milliseconds of a cached frame, of steps at 30 Hz and of
jumps; then seconds until an untrained model is ready, and milliseconds a frame.
"""

from __future__ import annotations

import json
import queue
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from leaptui.bench.untrained import Silent, untrained_model
from leaptui.media.video import VideoSource
from leaptui.pose.labels import FrameKey
from leaptui.project import Project, VideoRecord
from leaptui.runners.videos import register
from leaptui.tui.companions import Found, Frame, FrameSupply, WarmPredictor
from leaptui.tui.services import Services

PATIENCE = 60.0


class Reader:
    """A supply that keeps nothing itself, so that every frame comes from the process."""

    def __init__(self, folder: Path) -> None:
        self._found: queue.Queue[Found] = queue.Queue()
        self._supply = FrameSupply(Services().frame_reader(folder), self._found.put, cache_bytes=1)

    def seconds(self, key: FrameKey) -> float:
        """Until a frame is here."""
        started = time.perf_counter()
        if self._supply.get(key) is None:
            found = self._found.get(timeout=PATIENCE)
            assert isinstance(found, Frame), found
        return time.perf_counter() - started

    def close(self) -> None:
        """End the process."""
        self._supply.close()


def measure_frames(project: Project, record: VideoRecord) -> dict[str, Any]:
    """Times of one video."""
    reader = Reader(project.folder)
    first = reader.seconds(FrameKey(record.id, 5))
    time.sleep(1.0)
    cached = [reader.seconds(FrameKey(record.id, 5 + turn % 2)) for turn in range(100)]
    steps = []
    for frame in range(10, min(70, record.frames)):
        time.sleep(1 / 30)
        steps.append(reader.seconds(FrameKey(record.id, frame)))
    places = np.random.default_rng(0).integers(0, record.frames, 20)
    jumps = [reader.seconds(FrameKey(record.id, int(frame))) for frame in places]
    reader.close()
    return {
        "video": Path(record.path).name,
        "size": [record.width, record.height],
        "first_frame_s": round(first, 3),
        "cached_ms": _milliseconds(cached),
        "step_at_30_hz_ms": _milliseconds(steps),
        "jump_ms": _milliseconds(jumps),
    }


def measure_predictor(folder: Path, size: int) -> dict[str, Any]:
    """Times of the default network on frames of that size."""
    answers: queue.Queue[Any] = queue.Queue()
    warm = WarmPredictor(Services().predictor(untrained_model(folder, "unet", size), "auto"))
    started = time.perf_counter()
    warm.when_ready(answers.put)
    assert answers.get(timeout=PATIENCE) is None, warm.error
    ready = time.perf_counter() - started
    image = np.random.default_rng(0).integers(0, 255, (size, size, 1), np.uint8)
    times = []
    for turn in range(10):
        started = time.perf_counter()
        warm.predict(Frame(FrameKey("v", turn), True, image, 0), answers.put)
        answers.get(timeout=PATIENCE)
        times.append(time.perf_counter() - started)
    warm.close()
    return {
        "network": "unet",
        "size": size,
        "device": warm.facts["device"],
        "ready_s": round(ready, 2),
        "first_ms": round(1e3 * times[0], 1),
        "frame_ms": _milliseconds(times[1:]),
    }


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    return {"median": round(1e3 * median(seconds), 2), "largest": round(1e3 * max(seconds), 2)}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Project.create(folder / "project")
        for video in map(Path, sys.argv[1:]):
            record, _ = register(project, VideoSource(video), Silent(folder), full=False)
            print(json.dumps(measure_frames(project, record)))
        for size in (192, 1024):
            print(json.dumps(measure_predictor(folder, size)))


if __name__ == "__main__":
    main()
