"""View: which pixels of a frame are shown in which cells, and the way from one to the other and back.

Three systems of coordinates:

- *image*: x right, y down, in pixels of the source frame; the centre of the top-left pixel is (0, 0), so that
  pixel i covers i - 0.5 to i + 0.5;
- *area*: cells of the widget, as floats; (0, 0) is the top-left corner of its first cell;
- *raster*: pixels of the picture that is sent; its top-left corner is (0, 0).

A view shows a whole number of source pixels (`window`) in a whole number of cells (`target`), because that is
what terminals can be told; scale and centre are what was asked for, and the two rectangles what comes of it.
Every conversion goes through these two rectangles and is therefore exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SMALLEST_WINDOW = 12
"""Source pixels along the shorter side of the closest view."""


class Rect(NamedTuple):
    """A rectangle of whole pixels or cells."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column after it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row after it."""
        return self.y + self.height


@dataclass(frozen=True)
class View:
    """What is shown where.

    Args:
        frame: (width, height) of the frame in source pixels.
        area: (columns, rows) of the widget.
        cell: (width, height) of one cell in screen pixels; may be fractional.
        scale: screen pixels a source pixel.
        centre: image coordinates that should lie in the middle of the area.

    Raises:
        ValueError: if a size is not positive.
    """

    frame: tuple[int, int]
    area: tuple[int, int]
    cell: tuple[float, float]
    scale: float
    centre: tuple[float, float]

    def __post_init__(self) -> None:
        if min(*self.frame, *self.area) < 1 or min(*self.cell, self.scale) <= 0:
            raise ValueError(f"a view needs positive sizes: {self}")

    @classmethod
    def fit(cls, frame: tuple[int, int], area: tuple[int, int], cell: tuple[float, float]) -> View:
        """The whole frame, as large as it can be."""
        scale = min(area[0] * cell[0] / frame[0], area[1] * cell[1] / frame[1])
        return cls(frame, area, cell, scale, ((frame[0] - 1) / 2, (frame[1] - 1) / 2))

    @property
    def fit_scale(self) -> float:
        """The scale of `fit`."""
        return min(self.area[0] * self.cell[0] / self.frame[0], self.area[1] * self.cell[1] / self.frame[1])

    @property
    def is_fit(self) -> bool:
        """Whether the whole frame is seen."""
        return self.window == Rect(0, 0, *self.frame)

    @cached_property
    def window(self) -> Rect:
        """The source pixels that are shown."""
        width, height = (
            int(np.clip(round(self.area[i] * self.cell[i] / self.scale), 1, self.frame[i])) for i in (0, 1)
        )
        left, top = (
            int(np.clip(round(self.centre[i] + 0.5 - size / 2), 0, self.frame[i] - size))
            for i, size in ((0, width), (1, height))
        )
        return Rect(left, top, width, height)

    @cached_property
    def target(self) -> Rect:
        """The cells of the area that show them; the rest of the area stays empty."""
        size = (self.window.width, self.window.height)
        columns, rows = (int(np.clip(round(size[i] * self.scale / self.cell[i]), 1, self.area[i])) for i in (0, 1))
        return Rect((self.area[0] - columns) // 2, (self.area[1] - rows) // 2, columns, rows)

    @property
    def raster(self) -> tuple[int, int]:
        """(width, height) of the picture in screen pixels."""
        return (max(1, round(self.target.width * self.cell[0])), max(1, round(self.target.height * self.cell[1])))

    def to_cell(self, points: ArrayLike) -> Floats:
        """(..., 2) image coordinates as (..., 2) area coordinates."""
        share = (np.asarray(points, float) + 0.5 - self._window_corner) / self._window_size
        return np.asarray(share * self._target_size + self._target_corner)

    def to_image(self, cells: ArrayLike) -> Floats:
        """(..., 2) area coordinates as (..., 2) image coordinates."""
        share = (np.asarray(cells, float) - self._target_corner) / self._target_size
        return np.asarray(share * self._window_size + self._window_corner - 0.5)

    def to_raster(self, points: ArrayLike, size: tuple[int, int] | None = None) -> Floats:
        """(..., 2) image coordinates as (..., 2) coordinates in a raster of `size` (`self.raster` by default)."""
        share = (np.asarray(points, float) + 0.5 - self._window_corner) / self._window_size
        return np.asarray(share * np.asarray(size or self.raster, float))

    def from_raster(self, pixels: ArrayLike, size: tuple[int, int] | None = None) -> Floats:
        """The way back from `to_raster`."""
        share = np.asarray(pixels, float) / np.asarray(size or self.raster, float)
        return np.asarray(share * self._window_size + self._window_corner - 0.5)

    def sees(self, point: ArrayLike, margin: float = 0.0) -> bool:
        """Whether an image point is in the window, at least `margin` (share of the window) from its border."""
        share = (np.asarray(point, float) + 0.5 - self._window_corner) / self._window_size
        return bool(np.all((share >= margin) & (share <= 1 - margin)))

    def zoomed(self, factor: float, about: tuple[float, float] | None = None) -> View:
        """Closer (factor > 1) or farther; the image point `about` keeps its place as well as whole pixels let it."""
        closest = min(self.area[i] * self.cell[i] for i in (0, 1)) / SMALLEST_WINDOW
        scale = float(np.clip(self.scale * factor, self.fit_scale, max(closest, self.fit_scale)))
        if about is None:
            return replace(self, scale=scale, centre=self._middle)._settled()
        ratio = self.scale / scale
        centre = tuple(about[i] + (self._middle[i] - about[i]) * ratio for i in (0, 1))
        return replace(self, scale=scale, centre=(centre[0], centre[1]))._settled()

    def panned(self, dx: float, dy: float) -> View:
        """Look (dx, dy) source pixels farther right and down."""
        return self.centred((self._middle[0] + dx, self._middle[1] + dy))

    def centred(self, point: tuple[float, float]) -> View:
        """The same scale about an image point."""
        return replace(self, centre=point)._settled()

    def resized(self, area: tuple[int, int], cell: tuple[float, float] | None = None) -> View:
        """The same look after the widget got another size: what was fitted stays fitted."""
        cell = cell or self.cell
        if self.is_fit:
            return View.fit(self.frame, area, cell)
        view = replace(self, area=area, cell=cell)
        return replace(view, scale=max(view.scale, view.fit_scale))._settled()

    def _settled(self) -> View:
        """With the centre that the window really has, so that panning back and forth does not drift past a border."""
        return replace(self, centre=self._middle_of(self.window))

    @property
    def _middle(self) -> tuple[float, float]:
        return self._middle_of(self.window)

    @staticmethod
    def _middle_of(window: Rect) -> tuple[float, float]:
        return (window.x + window.width / 2 - 0.5, window.y + window.height / 2 - 0.5)

    @property
    def _window_corner(self) -> Floats:
        return np.array([self.window.x, self.window.y], float)

    @property
    def _window_size(self) -> Floats:
        return np.array([self.window.width, self.window.height], float)

    @property
    def _target_corner(self) -> Floats:
        return np.array([self.target.x, self.target.y], float)

    @property
    def _target_size(self) -> Floats:
        return np.array([self.target.width, self.target.height], float)
