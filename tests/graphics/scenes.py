"""Scenes for the tests of painters: made up ones, and the standard one on a real fly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from leaptui.graphics.geometry import View
from leaptui.graphics.scene import OVERLAY, Kind, Line, Mark, Note, Scene, Tone


def made_up(seed: int, size: tuple[int, int], *, marks: int = 5, colour: bool = False, notes: bool = False) -> Scene:
    """A smooth frame with a chain of marks; the seed says which frame, and the second mark is selected."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[:height, :width]
    waves = rng.uniform(0.05, 0.5, (3 if colour else 1, 2))
    image = np.stack([128 + 90 * np.sin(a * x + b * y + seed) for a, b in waves], 2).astype(np.uint8)
    points = rng.uniform(0, 1, (marks, 2)) * (width - 1, height - 1)
    kinds = (Kind.PLACED, Kind.PLACED, Kind.PREDICTED, Kind.OTHER)
    shown = tuple(
        Mark(px, py, k % len(OVERLAY), kinds[k % 4], occluded=k % 5 == 3, selected=k == 1, name="ab"[: k % 3])
        for k, (px, py) in enumerate(points.tolist())
    )
    lines = tuple(
        Line(*points[k].tolist(), *points[k + 1].tolist(), colour=k % 3, moving=k in (0, 1), dashed=k == 2)
        for k in range(marks - 1)
    )
    letters = (Note(3.0, 2.5, "qa"), Note(6.5, 3.5, "wx", strong=False)) if notes else ()
    return Scene(image, ("made up", seed, size, colour), marks=shown, lines=lines, notes=letters)


def moved(scene: Scene, dx: float, dy: float) -> Scene:
    """With the selected mark, and the ends of its lines, elsewhere."""
    mark = next((mark for mark in scene.marks if mark.selected), None)
    if mark is None:
        return scene

    def line(each: Line) -> Line:
        if (each.x0, each.y0) == (mark.x, mark.y):
            each = replace(each, x0=mark.x + dx, y0=mark.y + dy)
        if (each.x1, each.y1) == (mark.x, mark.y):
            each = replace(each, x1=mark.x + dx, y1=mark.y + dy)
        return each

    marks = tuple(replace(each, x=each.x + dx, y=each.y + dy) if each.selected else each for each in scene.marks)
    return replace(scene, marks=marks, lines=tuple(line(each) for each in scene.lines))


def selecting(scene: Scene, index: int | None) -> Scene:
    """With another mark selected."""
    marks = tuple(replace(mark, selected=k == index) for k, mark in enumerate(scene.marks))
    chosen = None if index is None else (scene.marks[index].x, scene.marks[index].y)
    lines = tuple(replace(line, moving=chosen in ((line.x0, line.y0), (line.x1, line.y1))) for line in scene.lines)
    return replace(scene, marks=marks, lines=lines)


def standard(real_data: Path, frame: int = 0, selected: int = 5) -> Scene:
    """A real fly with its 32 points and their edges."""
    import h5py

    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        image = file["images"][frame][..., :1]
        points = file["annotations"][frame].astype(float).tolist()
        parents = file["skeleton"][:, 0].astype(int).tolist()
    marks = tuple(Mark(x, y, k % len(OVERLAY)) for k, (x, y) in enumerate(points))
    lines = tuple(Line(*points[k], *points[up], colour=k % len(OVERLAY)) for k, up in enumerate(parents) if up >= 0)
    return selecting(Scene(image, ("fly", frame), marks=marks, lines=lines), selected)


STANDARD_VIEW = View.fit((192, 192), (80, 40), (10.0, 20.0))
"""800 x 800 pixels in 80 x 40 cells of 10 x 20 pixels."""


TONES = (Tone(), Tone(20, 200), Tone(gamma=0.6, invert=True))

scenes = st.builds(
    lambda frame, colour, shift, selected, tone, notes, n_marks: replace(
        moved(
            selecting(
                made_up(frame, (48, 36), marks=n_marks, colour=colour, notes=notes),
                selected if selected is not None and selected < n_marks else None,
            ),
            *shift,
        ),
        tone=tone,
    ),
    st.integers(0, 2),
    st.booleans(),
    st.tuples(st.sampled_from([0, 0, 0.25, 1, 7]), st.sampled_from([0, 0, -1, 3])),
    st.one_of(st.none(), st.integers(0, 4)),
    st.sampled_from((*TONES, Tone(), Tone())),
    st.sampled_from([False, False, True]),
    st.sampled_from([5, 5, 0, 2]),
)
"""Scenes of a few frames of 48 x 36 pixels, many of which differ in little."""
