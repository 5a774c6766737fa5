"""What the labeller shows, as a Scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

from leaptui.graphics.scene import OVERLAY, Image, Kind, Line, Mark, Note, Scene, Tone
from leaptui.labelling.animals import Animal, PointState
from leaptui.labelling.labeller import Labeller
from leaptui.pose.instance import PredictedInstance
from leaptui.pose.skeleton import Skeleton
from leaptui.words import visible

LEFT, RIGHT, MIDDLE = 0, 1, 2
"""Positions in `OVERLAY` of the left side, the right side and what is on neither."""


class Colours(Enum):
    """What colours tell apart."""

    SIDE = "side"
    """The node's own colour if it has one, else left, right and middle."""
    TRACK = "track"
    """Animals."""


class Names(Enum):
    """Which nodes have their names written beside them."""

    NONE = "none"
    SELECTED = "selected"
    ALL = "all"


@dataclass(frozen=True)
class SceneOptions:
    """What is shown.

    Args:
        markers: points, with their edges.
        edges: lines between points.
        names: of which nodes.
        colours: by side or by track.
        guesses: points that nobody has accepted.
        others: animals of another model, shown beside as small crosses.
        notes, guides: short texts and lines over the picture, as the hint grid has them.
    """

    markers: bool = True
    edges: bool = True
    names: Names = Names.SELECTED
    colours: Colours = Colours.SIDE
    guesses: bool = True
    others: Sequence[PredictedInstance] = ()
    notes: tuple[Note, ...] = ()
    guides: tuple[Line, ...] = ()


def scene_of(labeller: Labeller, image: Image, tone: Tone | None = None, options: SceneOptions | None = None) -> Scene:
    """The frame in sight with what lies over it; the selected point on top.

    Args:
        labeller: what is labelled and selected.
        image: (H, W, C) the pixels of the frame in sight.
        tone: how brightness is shown.
        options: what is shown.
    """
    options = options or SceneOptions()
    marks: list[Mark] = []
    lines: list[Line] = []
    if options.markers:
        for other in options.others:
            marks += _other_marks(labeller.skeleton, other)
        animals = labeller.instances()
        # The selected animal is drawn last, so that it lies on top.
        order = sorted(range(len(animals)), key=lambda i: i == labeller.instance)
        for position in order:
            colours = _colours_of(labeller, position, options.colours)
            selected = labeller.node if position == labeller.instance else None
            marks += _marks(labeller.skeleton, animals[position], colours, selected, options)
            if options.edges:
                lines += _lines(labeller.skeleton, animals[position], colours, selected, options)
        marks.sort(key=lambda mark: mark.selected)
    return Scene(image, tuple(labeller.key), tone or Tone(), tuple(marks), (*lines, *options.guides), options.notes)


def node_colours(skeleton: Skeleton) -> tuple[int, ...]:
    """Position in `OVERLAY` of the colour of each node: the nearest to its own, else that of its side."""
    left = {s.left for s in skeleton.symmetries}
    right = {s.right for s in skeleton.symmetries}
    return tuple(
        nearest_colour(node.colour)
        if node.colour is not None
        else LEFT
        if node.name in left
        else RIGHT
        if node.name in right
        else MIDDLE
        for node in skeleton.nodes
    )


@lru_cache(maxsize=256)
def nearest_colour(colour: str) -> int:
    """Position in `OVERLAY` of the colour nearest to "#rrggbb".

    Distance with weights of the eye's sensitivity ("redmean", Riemersma), since plain RGB takes green for grey.
    """
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    palette = np.array(OVERLAY, float)
    mean = (palette[:, 0] + r) / 2
    steps = palette - np.array([r, g, b], float)
    weights = np.stack([2 + mean / 256, np.full(len(palette), 4.0), 2 + (255 - mean) / 256], axis=1)
    return int((weights * steps**2).sum(axis=1).argmin())


def track_colour(labeller: Labeller, position: int) -> int:
    """Position in `OVERLAY` of the colour of an animal: that of its track everywhere, else of its place in the list."""
    track = labeller.instances()[position].track
    number = list(labeller.tracks()).index(track) if track is not None else position + len(labeller.tracks())
    return number % len(OVERLAY)


def _colours_of(labeller: Labeller, position: int, by: Colours) -> tuple[int, ...]:
    if by is Colours.TRACK:
        return (track_colour(labeller, position),) * len(labeller.skeleton)
    return node_colours(labeller.skeleton)


def _shown(animal: Animal, node: int, options: SceneOptions) -> bool:
    state = animal.states[node]
    return state is not PointState.EMPTY and (options.guesses or state is not PointState.PREDICTED)


def _marks(
    skeleton: Skeleton, animal: Animal, colours: Sequence[int], selected: int | None, options: SceneOptions
) -> list[Mark]:
    found = []
    for node, name in enumerate(skeleton.node_names):
        if not _shown(animal, node, options):
            continue
        named = options.names is Names.ALL or (options.names is Names.SELECTED and node == selected)
        state = animal.states[node]
        found.append(
            Mark(
                float(animal.points[node, 0]),
                float(animal.points[node, 1]),
                colours[node],
                Kind.PREDICTED if state is PointState.PREDICTED else Kind.PLACED,
                occluded=state is PointState.OCCLUDED,
                selected=node == selected,
                name=visible(name) if named else "",
            )
        )
    return found


def _lines(
    skeleton: Skeleton, animal: Animal, colours: Sequence[int], selected: int | None, options: SceneOptions
) -> list[Line]:
    found = []
    for up, down in skeleton.edge_indices:
        if not (_shown(animal, up, options) and _shown(animal, down, options)):
            continue
        (x0, y0), (x1, y1) = animal.points[up], animal.points[down]
        found.append(
            Line(
                float(x0),
                float(y0),
                float(x1),
                float(y1),
                colours[down],
                moving=selected in (up, down),
                dashed=PointState.PREDICTED in (animal.states[up], animal.states[down]),
            )
        )
    return found


def _other_marks(skeleton: Skeleton, other: PredictedInstance) -> list[Mark]:
    colours = node_colours(skeleton)
    return [
        Mark(float(other.points[n, 0]), float(other.points[n, 1]), colours[n], Kind.OTHER)
        for n in np.flatnonzero(other.placed)
    ]
