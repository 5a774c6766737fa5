"""A frame with its points as a scene, as a line of words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from leaptui.graphics.scene import OVERLAY, Kind, Line, Mark, Scene
from leaptui.labelling.scene_of import node_colours
from leaptui.ops.show import ShownAnimals, ShownFrame
from leaptui.pose.instance import Instance, PredictedInstance
from leaptui.pose.skeleton import Skeleton
from leaptui.words import plural, visible


def scene(shown: ShownFrame, *, names: bool) -> Scene:
    """What is to be drawn.

    Args:
        shown: the frame.
        names: with the names of the nodes.
    """
    lines: list[Line] = []
    marks: list[Mark] = []
    for animals in shown.animals:
        kind = _kind(animals, shown)
        for number, instance in enumerate(animals.instances):
            colours = _colours(animals.skeleton, number if len(animals.instances) > 1 else None)
            lines += _lines(animals.skeleton, instance, colours, dashed=kind is not Kind.PLACED)
            marks += _marks(animals.skeleton, instance, colours, kind, names=names and kind is not Kind.OTHER)
    return Scene(shown.image, (str(shown.path), shown.frame), marks=tuple(marks), lines=tuple(lines))


def caption(shown: ShownFrame) -> str:
    """One harmless line that says what is seen."""
    parts = [visible(shown.path.name), f"frame {shown.frame:,} (0 to {shown.count - 1:,})"]
    parts += [f"{plural(animals.points, 'point')} ({animals.origin})" for animals in shown.animals]
    return "  ".join(parts if shown.animals else [*parts, "no points"])


def facts(shown: ShownFrame) -> dict[str, Any]:
    """The frame's points as JSON values."""
    height, width, channels = shown.image.shape
    return {
        "path": shown.path,
        "video": shown.video,
        "frame": shown.frame,
        "frames": shown.count,
        "width": width,
        "height": height,
        "channels": channels,
        "checksum": shown.checksum,
        "instances": [
            {"origin": animals.origin, "track": instance.track, "points": _points(animals.skeleton, instance)}
            for animals in shown.animals
            for instance in animals.instances
        ],
    }


def _points(skeleton: Skeleton, instance: Instance) -> dict[str, dict[str, Any]]:
    scores = instance.scores if isinstance(instance, PredictedInstance) else None
    found: dict[str, dict[str, Any]] = {}
    for place in np.flatnonzero(instance.placed):
        x, y = instance.points[place]
        point: dict[str, Any] = {"x": float(x), "y": float(y)}
        if scores is None:
            point["occluded"] = bool(instance.occluded[place])
        else:
            point["score"] = float(scores[place])
        found[skeleton.node_names[place]] = point
    return found


def _kind(animals: ShownAnimals, shown: ShownFrame) -> Kind:
    if animals.origin == "labels":
        return Kind.PLACED
    return Kind.PREDICTED if animals is shown.animals[0] else Kind.OTHER


def _colours(skeleton: Skeleton, number: int | None) -> Sequence[int]:
    """Colour of each node: of its animal where there are several, else its own or that of its side."""
    return node_colours(skeleton) if number is None else [number % len(OVERLAY)] * len(skeleton)


def _lines(skeleton: Skeleton, instance: Instance, colours: Sequence[int], *, dashed: bool) -> Iterator[Line]:
    placed = instance.placed
    for parent, child in skeleton.edge_indices:
        if placed[parent] and placed[child]:
            (x0, y0), (x1, y1) = instance.points[parent].tolist(), instance.points[child].tolist()
            yield Line(x0, y0, x1, y1, colours[child], dashed=dashed)


def _marks(
    skeleton: Skeleton, instance: Instance, colours: Sequence[int], kind: Kind, *, names: bool
) -> Iterator[Mark]:
    for place in np.flatnonzero(instance.placed).tolist():
        x, y = instance.points[place].tolist()
        name = visible(skeleton.node_names[place]) if names else ""
        yield Mark(x, y, colours[place], kind, occluded=bool(instance.occluded[place]), name=name)
