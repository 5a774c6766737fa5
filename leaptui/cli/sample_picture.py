"""The picture that shows whether a terminal draws what it should."""

from __future__ import annotations

import numpy as np

from leaptui.graphics.scene import Kind, Line, Mark, Scene

SIZE = (320, 240)
"""(width, height) in pixels."""
RADIUS = 92.0

_LEFT, _RIGHT, _GREEN, _PINK = 0, 1, 2, 3


def sample_scene() -> Scene:
    """A ramp of greys with a circle, and a mark of each kind in it."""
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width].astype(float)
    ramp = x * 255 / (width - 1)
    centre = ((width - 1) / 2, (height - 1) / 2)
    ring = np.clip(2.5 - np.abs(np.hypot(x - centre[0], y - centre[1]) - RADIUS), 0, 1)
    image = ramp + ring * (np.where(ramp < 128, 255.0, 0.0) - ramp)
    cx, cy = centre
    marks = (
        Mark(cx - 44, cy - 32, _LEFT),
        Mark(cx + 44, cy - 32, _RIGHT, occluded=True),
        Mark(cx - 44, cy + 36, _GREEN, Kind.PREDICTED),
        Mark(cx + 44, cy + 36, _PINK, selected=True),
    )
    ends = ((0, 1), (1, 3), (3, 2), (2, 0))
    lines = tuple(
        Line(marks[a].x, marks[a].y, marks[b].x, marks[b].y, marks[a].colour, moving=3 in (a, b), dashed=2 in (a, b))
        for a, b in ends
    )
    return Scene(image.round().astype(np.uint8)[..., None], "sample", marks=marks, lines=lines)
