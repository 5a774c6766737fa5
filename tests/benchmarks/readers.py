"""How fast frames can be read: `python -m tests.benchmarks.readers [--frames N]`.

Makes a film and a LEAP box of the same synthetic fly and reads both from end to end, each way in turn, several
times; the median counts. CPU time is that of this process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from leaptui.demo import simulate, write_video
from leaptui.formats.leap_box import write_box
from leaptui.media import open_video
from leaptui.media.preflight import preflight


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = simulate(options.frames, seed=1)
        write_video(recording, folder / "fly.mp4")
        write_box(recording.frames, folder / "box.h5")
        preflight(folder / "fly.mp4").index.save(folder / "fly.npz")
        ways: dict[str, Callable[[], int]] = {
            "video, grey blocks": lambda: blocks(folder / "fly.mp4", folder / "fly.npz", grey=True),
            "video, colour blocks": lambda: blocks(folder / "fly.mp4", folder / "fly.npz", grey=False),
            "box, blocks": lambda: blocks(folder / "box.h5", None, grey=True),
            "box, h5py alone": lambda: plain_h5py(folder / "box.h5"),
        }
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, read in ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                assert read() == options.frames
                times[way].append((time.perf_counter() - wall, time.process_time() - cpu))
    print(
        json.dumps({"frames": options.frames, **{way: figures(taken, options.frames) for way, taken in times.items()}})
    )


def blocks(path: Path, index: Path | None, *, grey: bool) -> int:
    """Read through the Video protocol, checksums included."""
    video = open_video(path, index=index)
    count = sum(len(block.frames) for block in video.blocks(grey=grey))
    video.close()
    return count


def plain_h5py(path: Path) -> int:
    """Read frame by frame, as one would without knowing better; no checksums."""
    with h5py.File(path) as file:
        box = file["box"]
        return sum(np.asarray(box[i]).shape[0] for i in range(len(box)))


def figures(taken: list[tuple[float, float]], frames: int) -> dict[str, float]:
    """Median rate and cost."""
    wall = statistics.median(w for w, _ in taken)
    cpu = statistics.median(c for _, c in taken)
    return {"frames_per_s": round(frames / wall), "cpu_us_per_frame": round(1e6 * cpu / frames, 1)}


if __name__ == "__main__":
    main()
