"""From a file of frames to a file of points, and which of reading, predicting and writing bounds it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leaptui.bench.rates import Quartiles
from leaptui.bench.untrained import Silent
from leaptui.demo import simulate, stream, write_video
from leaptui.formats.leap_box import write_box
from leaptui.formats.parts import PartsWriter
from leaptui.media import open_video
from leaptui.media.prefetch import prefetch
from leaptui.media.video import VideoSource
from leaptui.nn.predictor import Predicting, Predictor
from leaptui.ops.predict import PredictRequest
from leaptui.runners.predict import run

Kind = Literal["box", "video"]
_UNDER_WAY = 2


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: of every way.
        seconds: least time of one measurement.
        batches: frames at a time, of torch layer by layer.
        prepared: the same of backends that are prepared; None for what they choose.
        frames: of the files.
        files: how often each file is predicted.
        side: height and width of the frames, px.
        sample: frames that a backend is prepared with.
    """

    rounds: int
    seconds: float
    batches: tuple[int, ...]
    prepared: tuple[int | None, ...]
    frames: int
    files: int
    side: int = 192
    sample: int = 128


@dataclass(frozen=True)
class FileToFile:
    """What predicting a file came to.

    Args:
        kind: "box", LEAP's HDF5 with gzip 1, or "video", h264.
        frames: how many were in it.
        input_bytes, output_bytes: a frame, on the disk.
        frames_per_s: of `leaptui predict`, without start-up.
        stages: frames a second of reading alone, predicting alone and writing alone.
        bound: the slowest of them.
        share_of_bound: how much of that stage's rate the whole reaches; near 1 when the others are hidden behind it.
        description: what the predictor says it computes with.
    """

    kind: Kind
    frames: int
    input_bytes: float
    output_bytes: float
    frames_per_s: Quartiles
    stages: dict[str, float]
    bound: str
    share_of_bound: float
    description: dict[str, Any]


def flies(count: int, side: int) -> NDArray[np.uint8]:
    """(count, side, side, 1) frames of a walking synthetic fly, the same again after 256."""
    return repeated(simulate(min(256, count), seed=1, size=(side, side), scale=side / 192).frames, count)


def repeated(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """So many frames, the same again when there are fewer."""
    return frames[np.arange(count) % len(frames)]


def timer(predictor: Predictor, block: NDArray[np.uint8], least: float) -> Callable[[], float]:
    """Measures frames a second, the block given again and again with `_UNDER_WAY` of them waiting.

    Args:
        predictor: ready.
        block: frames to give at once.
        least: seconds of a measurement; how often that is is found out the first time, which warms up.
    """
    times = 0

    def go() -> float:
        """Seconds; a result is fetched when the device is done with it."""
        waiting: deque[Predicting] = deque()
        start = time.perf_counter()
        for _ in range(times):
            waiting.append(predictor.submit(block))
            if len(waiting) > _UNDER_WAY:
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()
        return time.perf_counter() - start

    def rate() -> float:
        nonlocal times
        if times == 0:
            predictor.predict(block)
            times = 1
            times = max(1, round(least / max(go(), 1e-6)))
        return times * len(block) / go()

    return rate


def make_file(kind: Kind, folder: Path, frames: int, side: int) -> Path:
    """A file of a walking synthetic fly; a box repeats 512 frames of it."""
    if kind == "video":
        path = folder / "fly.mp4"
        if not path.exists():
            write_video(stream(frames, seed=1, size=(side, side), scale=side / 192), path)
        return path
    path = folder / "box.h5"
    if not path.exists():
        drawn = simulate(min(512, frames), seed=1, size=(side, side), scale=side / 192).frames
        write_box(_blocks(drawn, frames), path)
    return path


def _blocks(drawn: NDArray[np.uint8], frames: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, frames, len(drawn)):
        yield drawn[: min(len(drawn), frames - start)]


def file_to_file(
    kind: Kind, model: Path, folder: Path, work: Effort, device: str, say: Callable[[str], None]
) -> FileToFile:
    """Measure one kind of file.

    Args:
        kind: of file.
        model: to predict with, as chosen by itself.
        folder: for files that are not kept.
        work: how many frames, and how often.
        device: see `leaptui.nn.hardware`.
        say: told what comes next.
    """
    frames = work.frames
    say(f"writing a {kind} of {frames:,} frames")
    source = make_file(kind, folder, frames, work.side)
    out = folder / f"{kind}.predictions.h5"
    rates: list[float] = []
    for _ in range(work.files):
        out.unlink(missing_ok=True)
        say(f"predicting a {kind} of {frames:,} frames")
        rates.append(run(PredictRequest(model, (source,), out, device=device), Silent(folder)).fps)
    predictor = Predictor(model, device=device, backend="auto")
    some = flies(work.sample, work.side)
    predictor.prepare(some)
    stages = {
        "read": _reading(source, predictor),
        "predict": timer(predictor, repeated(some, predictor.batch_size(work.side, work.side)), work.seconds)(),
        "write": _writing(folder / "writing.h5", predictor, frames),
    }
    bound = min(stages, key=lambda name: stages[name])
    whole = Quartiles.of(rates)
    description = predictor.description
    predictor.close()
    return FileToFile(
        kind=kind,
        frames=frames,
        input_bytes=source.stat().st_size / frames,
        output_bytes=out.stat().st_size / frames,
        frames_per_s=whole,
        stages=stages,
        bound=bound,
        share_of_bound=(whole.median or 0.0) / stages[bound],
        description=description,
    )


def _reading(source: Path, predictor: Predictor) -> float:
    """Frames a second of reading as prediction does, with nothing done to them."""
    with closing(open_video(source)) as video:
        total, shape = len(video), video.shape
    size = predictor.batch_size(shape[0], shape[1])
    start = time.perf_counter()
    seen = 0
    with closing(prefetch(VideoSource(source), 0, total, size, grey=predictor.channels == 1)) as blocks:
        for block in blocks:
            seen += len(block.frames)
    return seen / (time.perf_counter() - start)


def _writing(path: Path, predictor: Predictor, frames: int) -> float:
    """Frames a second of writing points that are there already."""
    size, nodes = 512, len(predictor.skeleton)
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 192, (size, 1, nodes, 2)).astype(np.float32)
    scores = generator.random((size, 1, nodes)).astype(np.float32)
    checksums = np.zeros(size, np.uint32)
    start = time.perf_counter()
    with PartsWriter(path, manifest={}, skeleton=predictor.skeleton, encoding="float32") as writer:
        for first in range(0, frames, size):
            count = min(size, frames - first)
            writer.append(
                points[:count], scores[:count], np.arange(first, first + count), checksums=checksums[:count], bad=[]
            )
        writer.finish({})
    return frames / (time.perf_counter() - start)
