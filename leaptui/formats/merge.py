"""Several files of one format as one set of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaptui.formats.imported import Imported, ImportedFrame
from leaptui.pose.instance import Instance


def merge_imported(parts: Sequence[Imported]) -> Imported:
    """Join labels that name the same nodes, in whatever order; the first part's skeleton is kept.

    Raises:
        UnusableInput: if a part names other nodes.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    videos = list(first.videos)
    frames = list(first.frames)
    notes = list(first.notes)
    for part in parts[1:]:
        order = first.skeleton.order_from(part.skeleton.node_names, str(part.videos[0].path))
        shift = len(videos)
        videos += part.videos
        for frame in part.frames:
            moved = [_reordered(instance, order) for instance in frame.instances]
            frames.append(ImportedFrame(frame.video + shift, frame.frame, moved))
        notes += [note for note in part.notes if note not in notes]
    return Imported(first.format, first.skeleton, tuple(videos), tuple(frames), tuple(notes))


def _reordered(instance: Instance, order: Sequence[int]) -> Instance:
    index = np.asarray(order, dtype=np.intp)
    return Instance(instance.points[index], instance.occluded[index], instance.track)
