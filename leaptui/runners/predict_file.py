"""From one file of frames to one file of predictions: reading, network and writing at the same time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.encoding import fits
from leaptui.formats.parts import PartsWriter, parts_folder, read_way
from leaptui.formats.predictions import PredictionsFile
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.media import open_video
from leaptui.media.chosen import ChosenFrames
from leaptui.media.prefetch import prefetch
from leaptui.media.video import Block, VideoSource
from leaptui.nn.predictor import Predicting
from leaptui.ops.inputs import chosen_frames
from leaptui.ops.models import find_model
from leaptui.ops.predict import PredictRequest
from leaptui.project import Project
from leaptui.runners.predict_job import Done, Job
from leaptui.runners.predict_writing import Writing
from leaptui.runners.sampling import sample_frames
from leaptui.runners.videos import stored_index
from leaptui.runs.context import RunContext
from leaptui.words import ranges

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

_WORTH_PREPARING = 3000
"""Frames from which on it pays to try ways of computing, which takes some seconds."""
_UNDER_WAY = 2
_PART_FRAMES = 20_000


def predict_file(job: Job, path: Path, out: Path) -> Done:
    """Predict one input into `out`, or go on with what an earlier attempt left.

    Raises:
        LeaptuiError: if the input cannot be used, or the output not be written.
    """
    request = job.request
    source = VideoSource(path, request.dataset, request.axes)
    with closing(open_video(source, index=_known_index(job, path))) as video:
        # Made once, for everything that opens the file.
        index: VideoIndex | None = getattr(video, "index", None)
        total, shape, identity, source = len(video), video.shape, video.identity, video.source
    if not total:
        raise UnusableInput("it has no frames", where=path)
    chosen = chosen_frames(request.frames, total)
    manifest = _manifest(job, source, identity, total, shape, chosen)
    if request.resume and _is_complete(out, manifest):
        job.say(f"{out} is complete already")
        return Done()
    if not fits(request.encoding, shape[1], shape[0]):
        raise UsageError(
            f"frames of {shape[1]} x {shape[0]} px are too large for --encoding {request.encoding}", where=path
        )
    way = _get_ready(job, source, index, len(chosen), shape, _known_way(out) if request.resume else None)
    size = int(way["block"])
    make = PartsWriter.resume if request.resume else PartsWriter
    began = time.perf_counter()
    # Parts end where blocks do: a later attempt then gives the network the same blocks.
    part = size * max(1, _PART_FRAMES // size)
    with make(out, manifest=manifest, skeleton=job.skeleton, encoding=request.encoding, part_frames=part) as writer:
        if writer.rows:
            _check_way(out)
            job.say(f"going on at frame {chosen[min(writer.rows, len(chosen) - 1)]:,}")
        else:
            writer.keep_way(way)
        done = _Pipeline(job, writer, chosen, source, index, size).run()
        done.bad = list(writer.bad_frames)
        done.description = job.predictor.description
        _tell_bad(job, done.bad)
        if not done.stopped:
            origin, times = _origin(job, path, out)
            facts = {
                "video": str(path.resolve()),
                "dataset": source.dataset,
                "frame_shape": list(shape),
                "frame_count": total,
                "work": manifest,
            }
            times |= {"reading": done.reading, "seconds": time.perf_counter() - began}
            writer.finish(origin | facts, times)
    return done


def _origin(job: Job, path: Path, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Provenance of one predictions file, and what of it the clock decides."""
    origin = {**job.made, **job.predictor.description}
    # The other inputs are no part of where this one's points come from.
    origin["request"] = {**origin["request"], "inputs": [str(path.resolve())], "out": str(out.resolve())}
    times = {"made": origin.pop("made")}
    if "plan" in origin:
        plan = dict(origin["plan"])
        times["tried"] = plan.pop("tried")
        origin["plan"] = plan
    return origin, times


def _manifest(
    job: Job, source: VideoSource, identity: str, total: int, shape: tuple[int, int, int], chosen: range
) -> dict[str, Any]:
    """What identifies the work: two attempts that agree in it belong together."""
    request = job.request
    return {
        "model": job.made["model"]["hash"],
        "device": job.made["device"],
        "precision": request.precision,
        "backend": request.backend,
        "peaks": job.made["peaks"],
        "looks": job.made["looks"],
        "frames": [chosen.start, chosen.stop, chosen.step],
        "input": {
            "identity": identity,
            "frames": total,
            "shape": list(shape),
            "dataset": source.dataset,
            "axes": source.axes,
        },
    }


def _known_way(out: Path) -> dict[str, Any] | None:
    """How an earlier attempt computed: frames a block and the predictor's plan; None if there is no record of it."""
    found = read_way(out)
    whole = found is not None and isinstance(found.get("block"), int) and isinstance(found.get("plan"), dict | None)
    return found if whole else None


def _check_way(out: Path) -> None:
    """Refuse to go on behind frames of which nobody knows how they were computed."""
    if _known_way(out) is None:
        raise UnusableInput(
            "how the frames so far were computed is not recorded",
            where=parts_folder(out),
            hint="Remove that folder to start again.",
        )


def _get_ready(
    job: Job,
    source: VideoSource,
    index: VideoIndex | None,
    count: int,
    shape: tuple[int, int, int],
    earlier: dict[str, Any] | None,
) -> dict[str, Any]:
    """Choose how to compute, or take what an earlier attempt chose: frames a block, and the predictor's plan."""
    predictor, request = job.predictor, job.request
    plan = None if earlier is None else earlier["plan"]
    predictor.close()
    if plan is not None or (earlier is None and _is_worth_preparing(request, count)):
        sample = sample_frames(source, grey=predictor.channels == 1, index=index)
        predictor.prepare(sample, plan=plan, batch_size=request.batch_size, say=job.say)
    block = earlier["block"] if earlier is not None else request.batch_size or predictor.batch_size(shape[0], shape[1])
    return {"block": max(1, int(block)), "plan": predictor.plan}


def _is_worth_preparing(request: PredictRequest, count: int) -> bool:
    return count >= _WORTH_PREPARING or request.backend != "auto" or request.precision in ("16", "int8")


def _is_complete(out: Path, manifest: dict[str, Any]) -> bool:
    """Whether this very work was finished before."""
    if not out.is_file() or parts_folder(out).exists() or not is_predictions(out):
        return False
    with PredictionsFile(out) as found:
        return bool(found.provenance.get("work") == manifest)


class _Pipeline:
    """Blocks read ahead by a thread or processes, a few in the network, and points written by another thread."""

    def __init__(
        self,
        job: Job,
        writer: PartsWriter,
        chosen: range,
        source: VideoSource,
        index: VideoIndex | None,
        size: int,
    ) -> None:
        self._job, self._writer, self._chosen, self._size = job, writer, chosen, size
        self._source, self._index = source, index
        self._heard: SimpleQueue[str] = SimpleQueue()  # from the thread that reads
        self._done = Done()
        self._first = writer.rows
        self._pace = Pace(job.context, source.path.name, self._first, len(chosen))

    def run(self) -> Done:
        """Until the end, or until somebody asks to stop; what was read by then is written."""
        total = len(self._chosen)
        if self._first >= total:
            return self._done
        waiting: deque[tuple[Block, Predicting]] = deque()
        blocks, indices = self._reading()
        with closing(blocks), Writing(self._writer, indices, self._done) as writing:
            while (block := self._next(blocks)) is not None:
                if self._job.context.stop_requested():
                    self._done.stopped = True
                    break
                with self._done.waiting_for("network"):
                    waiting.append((block, self._job.predictor.submit(block.frames)))
                if len(waiting) > _UNDER_WAY:
                    self._pass_on(*waiting.popleft(), writing)
            while waiting:
                self._pass_on(*waiting.popleft(), writing)
        if not self._done.stopped:
            self._pace.tell(total, last=True)
        return self._done

    def _reading(self) -> tuple[Generator[Block], Sequence[int]]:
        """Blocks of the frames that are left, and what index each number in them means."""
        chosen, grey = self._chosen, self._job.predictor.channels == 1
        if chosen.step == 1:
            # Straight from the source, which several processes may then read.
            first = chosen.start + self._first
            gpu = self._job.predictor.gpu
            ahead = prefetch(
                self._source, first, chosen.stop, self._size, grey=grey, index=self._index, gpu=gpu, say=self._heard.put
            )
            return ahead, range(chosen.stop)
        some = partial(_open_chosen, self._source, self._index, chosen)
        return prefetch(some, self._first, len(chosen), self._size, grey=grey), chosen

    def _next(self, blocks: Iterator[Block]) -> Block | None:
        with self._done.waiting_for("reading"):
            block = next(blocks, None)
        while not self._heard.empty():
            message = self._heard.get()
            self._done.reading.append(message)
            self._job.say(message)
        return block

    def _pass_on(self, block: Block, predicting: Predicting, writing: Writing) -> None:
        with self._done.waiting_for("network"):
            points, scores = predicting.result()
        writing.put(block, points, scores)
        self._done.frames += len(block.frames)
        self._pace.tell(self._first + self._done.frames)


def _open_chosen(source: VideoSource, index: VideoIndex | None, chosen: range) -> ChosenFrames:
    return ChosenFrames(open_video(source, index=index), chosen)


def _known_index(job: Job, path: Path) -> VideoIndex | None:
    """Of a video of the model's project: counting its frames again would take minutes where there are millions."""
    project = Project.containing(find_model(job.request.model))
    return None if project is None else stored_index(project, path)


def _tell_bad(job: Job, bad: list[int]) -> None:
    if bad:
        one = len(bad) == 1
        job.say(
            f"{len(bad):,} frame{'' if one else 's'} cannot be read and {'has' if one else 'have'} no points: {ranges(bad)}",
            "warning",
        )


class Pace:
    """Progress events, twice a second, with the rate of the last seconds."""

    def __init__(self, context: RunContext, label: str, start: int, total: int) -> None:
        self._context, self._label, self._total = context, label, total
        self._marks = [(time.perf_counter(), start)]

    def tell(self, done: int, *, last: bool = False) -> None:
        """Say how far it is, unless that was said just now."""
        now = time.perf_counter()
        if not last and now - self._marks[-1][0] < 0.5 and len(self._marks) > 1:
            return
        self._marks = [*self._marks[-20:], (now, done)]
        seconds, frames = now - self._marks[0][0], done - self._marks[0][1]
        rate = frames / seconds if seconds > 0 else None
        self._context.emit(
            "progress",
            done=done,
            total=self._total,
            unit="frames",
            rate=rate,
            eta_s=(self._total - done) / rate if rate else None,
            label=self._label,
        )
