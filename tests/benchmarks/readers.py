"""How fast frames can be read: `python -m tests.benchmarks.readers [--frames N] [--repeat R] [--readers P ...]`.

Makes a film and a LEAP box of the same synthetic fly and reads both from end to end, each way in turn, several
times; the median counts. CPU time is that of this process; `readers_us_per_frame` is that of reader processes, starting
them included. `--video FILE --gpu 0` times the cores and a GPU on a video of your own instead. `--repeat` puts the frames into the box several times over, since what processes gain shows in long
boxes: `--frames 1000 --repeat 100 --readers 4 8 14` on a machine of 16 cores.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from leaptui.demo import simulate, write_video
from leaptui.formats.leap_box import write_box
from leaptui.media import open_video
from leaptui.media.nvdec import gpu_decoder
from leaptui.media.prefetch import prefetch
from leaptui.media.preflight import preflight
from leaptui.media.pyav_reader import PyAVVideo
from leaptui.media.shared_reading import plan_sharing
from leaptui.media.video import VideoSource


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--readers", type=int, nargs="*", default=[2])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--gpu", type=int, default=0)
    options = parser.parse_args()
    if options.video is not None:
        print(json.dumps(decoding(options.video, options.gpu), indent=1))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = simulate(options.frames, seed=1)
        write_video(recording, folder / "fly.mp4")
        write_box(recording.frames, folder / "box.h5")
        repeat_box(folder / "box.h5", folder / "long.h5", options.repeat)
        preflight(folder / "fly.mp4").index.save(folder / "fly.npz")
        ways: dict[str, Callable[[], int]] = {
            "video, grey blocks": lambda: blocks(folder / "fly.mp4", folder / "fly.npz", grey=True),
            "video, colour blocks": lambda: blocks(folder / "fly.mp4", folder / "fly.npz", grey=False),
            "box, blocks": lambda: blocks(folder / "box.h5", None, grey=True),
            "box, h5py alone": lambda: plain_h5py(folder / "box.h5"),
        }
        counts = dict.fromkeys(ways, options.frames)
        for readers in [1, *options.readers]:
            way = f"long box, {readers} reader{'s' * (readers > 1)}"
            ways[way] = partial(ahead, folder / "long.h5", readers)
            counts[way] = options.frames * options.repeat
        times: dict[str, list[Taken]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, read in ways.items():
                before = Taken.now()
                assert read() == counts[way]
                times[way].append(Taken.now() - before)
    print(json.dumps({way: figures(taken, counts[way]) for way, taken in times.items()}, indent=1))


def decoding(path: Path, gpu: int) -> dict[str, object]:
    """Frames a second of the cores and of a GPU on the first frames of a video, as prediction times them."""
    index = preflight(path).index
    with closing(PyAVVideo(VideoSource(path), index)) as video:
        found: dict[str, object] = {}
        for grey in (True, False):
            plan = plan_sharing(video, 0, None, grey=grey)
            readers = 1 if plan is None else plan.readers
            decoder = gpu_decoder(video, gpu, 0, len(video), grey=grey, least_bytes=0)
            trial = None if decoder is None else decoder.trial(0, len(video), readers=readers, grey=grey)
            found["grey" if grey else "colour"] = {
                "readers": readers,
                "trial": None if trial is None else asdict(trial),
            }
        return {"video": path.name, "shape": video.shape, "frames": len(video), **found}


class Taken(NamedTuple):
    """Seconds on the clock, of this process, and of ended child processes."""

    wall: float
    cpu: float
    children: float

    @classmethod
    def now(cls) -> Taken:
        """Since some moment."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(time.perf_counter(), time.process_time(), ended.ru_utime + ended.ru_stime)

    def __sub__(self, other: Taken) -> Taken:
        return Taken(*(one - two for one, two in zip(self, other, strict=True)))


def repeat_box(box: Path, out: Path, repeat: int) -> None:
    """A box of the same packed frames, several times over."""
    with h5py.File(box) as file, h5py.File(out, "w") as long:
        frames = file["box"]
        count, *rest = frames.shape
        copy = long.create_dataset("box", (count * repeat, *rest), frames.dtype, chunks=frames.chunks, compression=1)
        for number in range(count * repeat):
            packed = frames.id.read_direct_chunk((number % count, 0, 0, 0))[1]
            copy.id.write_direct_chunk((number, 0, 0, 0), packed)


def ahead(path: Path, readers: int) -> int:
    """Read as the runner of predictions does."""
    with closing(prefetch(path, size=256, grey=True, readers=readers)) as found:
        return sum(len(block.frames) for block in found)


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


def figures(taken: list[Taken], frames: int) -> dict[str, float]:
    """Median rate and cost."""
    wall, cpu, children = (statistics.median(one) for one in zip(*taken, strict=True))
    return {
        "frames": frames,
        "frames_per_s": round(frames / wall),
        "cpu_us_per_frame": round(1e6 * cpu / frames, 1),
        "readers_us_per_frame": round(1e6 * children / frames, 1),
    }


if __name__ == "__main__":
    main()
