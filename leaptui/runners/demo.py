"""Make a project of the synthetic fly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.demo import Recording, stream, write_video
from leaptui.formats.predictions import Predictions, read_predictions, write_predictions
from leaptui.ops.demo import DemoRequest, DemoResult
from leaptui.pose.builtin import fly32
from leaptui.pose.edits import Edit, SetPoints
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.project import MANIFEST, Project, VideoRecord
from leaptui.runners.videos import open_record, register
from leaptui.runs.context import RunContext

VIDEO, TRUTH = "fly.mp4", "fly.truth.h5"


def run(request: DemoRequest, context: RunContext) -> DemoResult:
    """Draw the fly, write video, truth and labels; what a former call made is kept."""
    video, truth = request.dir / VIDEO, request.dir / TRUTH
    if (request.dir / MANIFEST).is_file():
        project = Project.open(request.dir)
    else:
        project = Project.create(request.dir, name="synthetic fly", skeleton=fly32())
    if not video.is_file() or not truth.is_file():
        _write_recording(request, video, truth, context)
    record, _ = register(project, video, context)
    store = LabelStore(project.labels_folder, project.require_skeleton())
    labelled = len(store.labels().labelled())
    if not labelled:
        labelled = _label(request, project, record, truth, store)
    store.close()
    return DemoResult(project.folder, video, truth, record.frames, labelled)


def _write_recording(request: DemoRequest, video: Path, truth: Path, context: RunContext) -> None:
    points: list[NDArray[np.float64]] = []

    def blocks() -> Iterator[Recording]:
        done = 0
        for block in stream(request.frames, seed=request.seed):
            yield block
            done += len(block.frames)
            points.append(np.where(block.inside[..., None], block.points, np.nan))
            context.emit("progress", done=done, total=request.frames, unit="frames", label="drawing the fly")

    write_video(blocks(), video)
    known = np.concatenate(points)
    predictions = Predictions(
        points=known,
        scores=np.ones(known.shape[:3], dtype=np.float32),
        frames=np.arange(request.frames, dtype=np.int64),
        skeleton=fly32(),
        provenance={"truth": True, "seed": request.seed, "video": str(video)},
    )
    write_predictions(predictions, truth)


def _label(request: DemoRequest, project: Project, record: VideoRecord, truth: Path, store: LabelStore) -> int:
    """Label frames spread over the video with the true points, as a person would who makes no mistakes."""
    known = read_predictions(truth)
    names = known.skeleton.node_names
    chosen = np.unique(np.linspace(0, record.frames - 1, min(request.labels, record.frames)).round().astype(int))
    transactions: list[list[Edit]] = []
    opened = open_record(project, record)
    for frame in chosen.tolist():
        points = {name: (float(x), float(y), False) for name, (x, y) in zip(names, known.points[frame, 0], strict=True)}
        transactions.append([SetPoints(record.id, frame, new_instance_id(), points, opened.checksum(frame))])
    opened.close()
    store.apply_all(transactions, why="the demo's own truth")
    store.compact()
    return len(transactions)
