"""Bring labels from another tool into a project."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leaptui.errors import UnusableInput
from leaptui.formats.guess import read_labels
from leaptui.formats.imported import Imported, ImportedFrame
from leaptui.media.video import Video
from leaptui.ops.import_labels import ImportRequest, ImportResult
from leaptui.pose.edits import Edit, SetPoints, SetTrack
from leaptui.pose.instance import Instance
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.project import Project, VideoRecord
from leaptui.runners.videos import open_record, register
from leaptui.runs.context import RunContext


def run(request: ImportRequest, context: RunContext) -> ImportResult:
    """Read and check everything, register the videos, then write all labels at once.

    Frames that hold labels already are kept as they are unless the imported points differ; then the
    imported ones are later and win, and the journal keeps both.
    """
    project = Project.open(request.project)
    imported = read_labels(list(request.files), request.format)
    if not imported.frames:
        raise UnusableInput("there is no labelled frame in it", where=request.files[0])
    skeleton = project.skeleton or imported.skeleton
    order = skeleton.order_from(imported.skeleton.node_names, where=str(request.files[0]))
    notes = list(imported.notes)

    records = [register(project, source, context)[0] for source in imported.videos]
    if project.skeleton is None:
        project.skeleton = skeleton
        project.save()
    store = LabelStore(project.labels_folder, skeleton)
    labels = store.labels()
    videos = [open_record(project, record) for record in records]
    try:
        transactions = [
            _transaction(frame, records[frame.video], videos[frame.video], labels, order, skeleton)
            for frame in imported.frames
        ]
    finally:
        for video in videos:
            video.close()
    same = sum(not edits for edits in transactions)
    if same:
        notes.append(f"{same} frames held these labels already")
    if any(transactions):
        store.apply_all(transactions, why=f"import {imported.format} {request.files[0].name}")
        store.compact()
    store.close()
    return _result(project, imported, records, skeleton, notes)


def _transaction(
    frame: ImportedFrame, record: VideoRecord, video: Video, labels: Labels, order: list[int], skeleton: Skeleton
) -> list[Edit]:
    """Edits that make a frame hold the imported instances; none when it holds them already."""
    if not 0 <= frame.frame < record.frames:
        raise UnusableInput(f"a label is on frame {frame.frame}, but the video has {record.frames}", where=record.path)
    present = labels.frames.get(FrameKey(record.id, frame.frame))
    instances = [] if present is None else present.instances
    edits: list[Edit] = []
    for position, incoming in enumerate(frame.instances):
        instance = replace(incoming, points=incoming.points[order], occluded=incoming.occluded[order])
        target = instances[position] if position < len(instances) else None
        if target is not None and _same(target, instance):
            continue
        name = new_instance_id() if target is None else target.id
        points = {
            node: (float(x), float(y), bool(hidden)) if np.isfinite(x) and np.isfinite(y) else None
            for node, (x, y), hidden in zip(skeleton.node_names, instance.points, instance.occluded, strict=True)
        }
        edits.append(SetPoints(record.id, frame.frame, name, points, video.checksum(frame.frame)))
        if instance.track is not None:
            edits.append(SetTrack(record.id, frame.frame, name, instance.track))
    return edits


def _same(first: Instance, second: Instance) -> bool:
    return np.array_equal(first.points, second.points, equal_nan=True) and np.array_equal(
        first.occluded, second.occluded
    )


def _result(
    project: Project, imported: Imported, records: list[VideoRecord], skeleton: Skeleton, notes: list[str]
) -> ImportResult:
    instances = [instance for frame in imported.frames for instance in frame.instances]
    return ImportResult(
        project=project.folder,
        format=imported.format,
        frames=len(imported.frames),
        instances=len(instances),
        points=sum(int(instance.placed.sum()) for instance in instances),
        videos=[record.id for record in records],
        skeleton=skeleton.name,
        notes=notes,
    )
