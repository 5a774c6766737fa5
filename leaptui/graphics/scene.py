"""Scene: a frame and what lies over it, before anybody knows how the terminal shows it.

Colours of marks and lines are positions in `OVERLAY`, the same on every terminal.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

OVERLAY: tuple[Colour, ...] = (
    (70, 210, 255),
    (255, 150, 60),
    (110, 235, 120),
    (255, 105, 180),
    (250, 225, 75),
    (170, 140, 255),
    (80, 240, 210),
    (255, 95, 85),
    (190, 220, 110),
    (120, 165, 255),
)
"""Colours of nodes and tracks; the first two are the left and the right side."""

LIGHT = len(OVERLAY)
"""White: names, hints, the ring of the selected mark."""
DARK = LIGHT + 1
"""Black: outlines, the ground of names."""
COLOURS: tuple[Colour, ...] = (*OVERLAY, (255, 255, 255), (0, 0, 0))
"""All colours an overlay may have."""


class Kind(Enum):
    """Who placed a point; shown by shape, so that it is seen without colour."""

    PLACED = "placed"
    """A person: a full disc; a ring where the point is occluded."""
    PREDICTED = "predicted"
    """A model, not yet accepted: a diamond outline."""
    OTHER = "other"
    """Another model's, shown beside for comparison: a small cross."""


@dataclass(frozen=True)
class Mark:
    """A point.

    Args:
        x, y: image coordinates, finite.
        colour: position in `COLOURS`.
        kind: who placed it.
        occluded: drawn hollow.
        selected: emphasised; at most one mark of a scene.
        name: written beside it; printable text, empty for none.
    """

    x: float
    y: float
    colour: int = 0
    kind: Kind = Kind.PLACED
    occluded: bool = False
    selected: bool = False
    name: str = ""


@dataclass(frozen=True)
class Line:
    """An edge between two points in image coordinates.

    Args:
        moving: it ends in the selected mark, so it moves with it.
        dashed: it belongs to predicted points.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    colour: int = 0
    moving: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Note:
    """Short text over the picture, in cells of the area: the letters of the hint grid.

    Args:
        column, row: area coordinates of the middle of the text.
        text: printable ASCII.
        strong: in the foreground; others are dimmed.
    """

    column: float
    row: float
    text: str
    strong: bool = True


@dataclass(frozen=True)
class Tone:
    """How brightness is shown.

    Args:
        low, high: the values shown black and white, 0 to 255; `high` is above `low`.
        gamma: exponent below 1 lifts the dark.
        invert: white becomes black.
    """

    low: float = 0.0
    high: float = 255.0
    gamma: float = 1.0
    invert: bool = False


@dataclass(frozen=True)
class Scene:
    """A frame with what lies over it.

    Args:
        image: (H, W, 1) or (H, W, 3) uint8.
        key: stands for the pixels: two scenes of one key have the same image, so that it is sent only once.
        tone: how brightness is shown.
        marks, lines, notes: what lies over it, later ones on top; marks over lines, notes over both.
    """

    image: Image = field(repr=False, compare=False)
    key: Hashable
    tone: Tone = Tone()
    marks: tuple[Mark, ...] = ()
    lines: tuple[Line, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in source pixels."""
        return (self.image.shape[1], self.image.shape[0])
