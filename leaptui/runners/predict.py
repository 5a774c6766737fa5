"""Predict points in videos with a model, in constant memory."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from leaptui.errors import LeaptuiError, OperationFailed, UnusableInput, UsageError
from leaptui.formats.encoding import fits
from leaptui.formats.parts import PartsWriter, parts_folder
from leaptui.formats.predictions import PredictionsFile
from leaptui.formats.predictions import sniff as is_predictions
from leaptui.formats.skeleton_file import read_skeleton
from leaptui.media import open_video
from leaptui.media.prefetch import prefetch
from leaptui.media.video import Block, VideoSource
from leaptui.nn.predictor import Predictor
from leaptui.ops.models import find_model
from leaptui.ops.predict import PredictRequest, PredictResult
from leaptui.ops.requests import to_json
from leaptui.pose.skeleton import Skeleton
from leaptui.runners.provenance import hash_file, provenance
from leaptui.runs.context import RunContext


@dataclass
class _Done:
    """What one input came to."""

    frames: int = 0
    bad: int = 0
    stopped: bool = False


def run(request: PredictRequest, context: RunContext) -> PredictResult:
    """Predict each input into a file of its own; one that cannot be used does not lose the others.

    A later attempt goes on behind the frames that are done.
    """
    request = replace(request, resume=request.resume or context.attempt > 1)
    model = find_model(request.model)
    outputs = request.outputs()
    predictor = Predictor(
        model, device=request.device, precision=request.precision, whole_peaks=request.peaks == "whole"
    )
    skeleton = _skeleton(request, predictor)
    made = provenance("predict", to_json(request))
    made["model"] = {"path": str(model.resolve()), "hash": hash_file(model), **model_facts(predictor)}
    made.update(predictor.description)
    started = time.perf_counter()
    frames = bad = 0
    stopped = False
    files: list[Path] = []
    failed: dict[str, str] = {}
    for source, out in zip(request.inputs, outputs, strict=True):
        try:
            done = _predict(
                VideoSource(source, request.dataset, request.axes), out, predictor, skeleton, request, made, context
            )
        except LeaptuiError as error:
            if len(request.inputs) == 1:
                raise
            failed[str(source)] = str(error)
            context.emit("log", level="error", message=str(error))
            continue
        frames, bad = frames + done.frames, bad + done.bad
        if done.stopped:
            stopped = True
            break
        files.append(out)
    if failed and not files and not stopped:
        raise OperationFailed(
            "none of the inputs could be predicted", where=", ".join(failed), hint=next(iter(failed.values()))
        )
    seconds = time.perf_counter() - started
    return PredictResult(
        frames=frames,
        seconds=seconds,
        fps=frames / seconds if seconds else 0.0,
        device=made["device"],
        precision=made["precision"],
        out=request.out,
        files=files,
        bad_frames=bad,
        failed=failed,
        stopped=stopped,
        provenance=made,
    )


def _skeleton(request: PredictRequest, predictor: Predictor) -> Skeleton:
    """The names that the points get: those asked for, else the model's."""
    if request.skeleton is None:
        return predictor.skeleton
    named, _ = read_skeleton(request.skeleton)
    if len(named) != len(predictor.skeleton):
        raise UsageError(
            f"it names {len(named)} nodes, the model predicts {len(predictor.skeleton)}", where=request.skeleton
        )
    return named


def model_facts(predictor: Predictor) -> dict[str, Any]:
    """What later steps need to know of the model behind predictions."""
    metadata = predictor.metadata
    return {
        "architecture": metadata.settings.architecture,
        "training_checksums": list(metadata.training_checksums),
        "validation_checksums": list(metadata.validation_checksums),
        "calibration": metadata.calibration.to_dict(),
    }


def _predict(
    source: VideoSource,
    out: Path,
    predictor: Predictor,
    skeleton: Skeleton,
    request: PredictRequest,
    made: dict[str, Any],
    context: RunContext,
) -> _Done:
    grey = predictor.channels == 1
    with closing(open_video(source)) as video:
        total, shape, identity, source = len(video), video.shape, video.identity, video.source
    if not total:
        raise UnusableInput("it has no frames", where=source.path)
    manifest = {
        "model": made["model"]["hash"],
        "device": made["device"],
        "precision": made["precision"],
        "peaks": made["peaks"],
        "input": {
            "identity": identity,
            "frames": total,
            "shape": list(shape),
            "dataset": source.dataset,
            "axes": source.axes,
        },
    }
    if request.resume and _is_complete(out, manifest):
        context.emit("log", level="info", message=f"{out} is complete already")
        return _Done()
    if not fits(request.encoding, shape[1], shape[0]):
        raise UsageError(
            f"frames of {shape[1]} x {shape[0]} px are too large for --encoding {request.encoding}", where=source.path
        )
    make = PartsWriter.resume if request.resume else PartsWriter
    began = time.perf_counter()
    done = _Done()
    with make(out, manifest=manifest, skeleton=skeleton, encoding=request.encoding) as writer:
        start = writer.next_frame
        if start:
            context.emit("log", level="info", message=f"going on at frame {start:,} of {total:,}")
        size = request.batch_size or predictor.batch_size(shape[0], shape[1])
        pace = _Pace(context, source.path.name, start, total)
        with closing(prefetch(source, start, total, size, grey=grey)) as blocks:
            for block in blocks:
                if context.stop_requested():
                    done.stopped = True
                    return done
                done.bad += _write(block, predictor, writer)
                done.frames += len(block.frames)
                pace.tell(start + done.frames)
        pace.tell(total, last=True)
        writer.finish(
            {
                **made,
                "video": str(source.path.resolve()),
                "dataset": source.dataset,
                "frame_shape": list(shape),
                "frame_count": total,
                "work": manifest,
                "seconds": time.perf_counter() - began,
            }
        )
    return done


def _is_complete(out: Path, manifest: dict[str, Any]) -> bool:
    """Whether this very work was finished before."""
    if not out.is_file() or parts_folder(out).exists() or not is_predictions(out):
        return False
    with PredictionsFile(out) as found:
        return bool(found.provenance.get("work") == manifest)


def _write(block: Block, predictor: Predictor, writer: PartsWriter) -> int:
    points, scores = predictor.predict(block.frames)
    bad = [(index, reason) for index, reason in sorted(block.bad.items())]
    for index, _ in bad:
        points[index - block.start] = np.nan
        scores[index - block.start] = 0
    frames = np.arange(block.start, block.start + len(block.frames))
    writer.append(points, scores, frames, checksums=block.checksums, bad=bad)
    return len(bad)


class _Pace:
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
