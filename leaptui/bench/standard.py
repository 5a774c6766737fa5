"""The standard scene: a fly of 192 x 192 pixels with its points, shown in 80 x 40 cells of 10 x 20 pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError, UnusableInput
from leaptui.graphics.geometry import View
from leaptui.graphics.scene import OVERLAY, Line, Mark, Scene

AREA = (80, 40)
"""Columns and rows of the picture."""
CELL = (10, 20)
"""Pixels of a cell."""
ZOOM = 1.25
"""Of one step closer."""
FRAMES = 6
"""Frames that are stepped through, where there are as many."""

_LOOK = "leaptui.runners.show:look"


@dataclass(frozen=True)
class Source:
    """Frames with their points.

    Args:
        images: (N, H, W, C) uint8.
        points: (N, J, 2) image coordinates, finite.
        edges: (E, 2) indices of nodes.
        name: where they come from.
    """

    images: NDArray[np.uint8]
    points: NDArray[np.float64]
    edges: NDArray[np.int64]
    name: str

    def save(self, path: Path) -> None:
        """Write them for another process."""
        np.savez(path, images=self.images, points=self.points, edges=self.edges, name=np.array(self.name))

    @classmethod
    def load(cls, path: Path) -> Source:
        """What `save` wrote."""
        with np.load(path) as held:
            return cls(held["images"], held["points"], held["edges"], str(held["name"]))


def synthetic() -> Source:
    """The synthetic fly of the demo."""
    from leaptui.demo import sample_poses

    made = sample_poses(FRAMES, seed=1)
    height, width = made.frames.shape[1:3]
    points = np.clip(made.points[:, 0], 0, (width - 1, height - 1))
    edges = np.array(made.skeleton.edge_indices, np.int64).reshape(-1, 2)
    return Source(made.frames, points, edges, "the synthetic fly of the demo, seed 1")


def of_file(path: Path, first: int, context: Any) -> Source:
    """Frames of a file, from one on; frames without points of their own get those of the first.

    Args:
        path: whatever `leaptui show` takes.
        first: index of the first frame.
        context: a RunContext.

    Raises:
        UnusableInput: if the first frame has no points.
        LeaptuiError: as `leaptui show`.
    """
    from leaptui.ops.show import ShowRequest
    from leaptui.registry import resolve

    if not path.exists():
        raise UnusableInput("there is no such file or folder", where=path, hint="Check the path.")
    look: Callable[..., Any] = resolve(_LOOK)
    shown = [look(ShowRequest(path, frame=first), context)]
    animal = next((each for each in shown[0].animals if each.points), None)
    if animal is None:
        raise UnusableInput(
            f"frame {first} has no points to move", where=path, hint="Name a file with labels, or another frame."
        )
    for frame in range(first + 1, min(first + FRAMES, shown[0].count)):
        try:
            shown.append(look(ShowRequest(path, frame=frame), context))
        except LeaptuiError:
            break  # A damaged frame ends what can be stepped through.
    placed = np.flatnonzero(max(animal.instances, key=lambda instance: int(instance.placed.sum())).placed)
    order = {int(node): position for position, node in enumerate(placed)}
    edges = [(order[a], order[b]) for a, b in animal.skeleton.edge_indices if a in order and b in order]
    found = [_points(each, placed) for each in shown]
    points = np.stack([own for own in (own if own is not None else found[0] for own in found) if own is not None])
    return Source(
        np.stack([each.image for each in shown]),
        points,
        np.array(edges, np.int64).reshape(-1, 2),
        f"{path.name}, frames {first} to {first + len(shown) - 1}",
    )


def _points(shown: Any, nodes: NDArray[np.int64]) -> NDArray[np.float64] | None:
    for animal in shown.animals:
        for instance in animal.instances:
            if len(instance.placed) > nodes.max() and instance.placed[nodes].all():
                return np.asarray(instance.points[nodes], float)
    return None


class Desk:
    """What is seen and selected; both programs have one, so that the same keys do the same in both."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._points = source.points.copy()
        self.frame = 0
        self.selected = 0
        self.has_marks = True
        height, width = source.images.shape[1:3]
        self.view = View.fit((width, height), AREA, CELL)
        self._direction = 1.0

    @property
    def point(self) -> tuple[float, float]:
        """Where the selected point is."""
        x, y = self._points[self.frame, self.selected].tolist()
        return (x, y)

    def select(self, step: int) -> None:
        """The next point."""
        self.selected = (self.selected + step) % self._points.shape[1]

    def select_typical(self) -> None:
        """The point that has the median length of edges; what moves with a point makes it cheap or dear."""
        self._select_ranked(self._points.shape[1] // 2)

    def select_hardest(self) -> None:
        """The point with the longest edges."""
        self._select_ranked(self._points.shape[1] - 1)

    def _select_ranked(self, rank: int) -> None:
        points = self._source.points[0]
        lengths = np.zeros(len(points))
        for up, down in self._source.edges.tolist():
            lengths[[up, down]] += np.linalg.norm(points[up] - points[down])
        self.selected = int(np.argsort(lengths, kind="stable")[rank])
        self._direction = 1.0

    def nudge(self) -> None:
        """Move the point by one source pixel, to the right until the border and back."""
        x = self.point[0]
        if not 0 <= x + self._direction <= self._source.images.shape[2] - 1:
            self._direction = -self._direction
        self._points[self.frame, self.selected, 0] = x + self._direction

    def step(self) -> None:
        """The next frame."""
        self.frame = (self.frame + 1) % len(self._source.images)

    def zoom(self, factor: float) -> None:
        """Closer to the selected point, or farther."""
        self.view = self.view.zoomed(factor, self.point)

    @property
    def scene(self) -> Scene:
        """What is to be seen."""
        image = self._source.images[self.frame]
        key = ("bench", self.frame)
        if not self.has_marks:
            return Scene(image, key)
        points = self._points[self.frame].tolist()
        marks = [Mark(x, y, node % len(OVERLAY), selected=node == self.selected) for node, (x, y) in enumerate(points)]
        marks.sort(key=lambda mark: mark.selected)
        lines = tuple(
            Line(x0, y0, x1, y1, down % len(OVERLAY), moving=self.selected in (up, down))
            for up, down in self._source.edges.tolist()
            for (x0, y0), (x1, y1) in [(points[up], points[down])]
        )
        return Scene(image, key, marks=tuple(marks), lines=lines)
