"""SkeletonThumbnail: a small drawing of a pose, with the selected node marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from leaptui.tui.theme import rich_style

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Unicode braille: the bit of each dot of a 2 x 4 cell."""


class SkeletonThumbnail(Widget):
    """Edges as dots of braille; the selected node as a full circle."""

    can_focus = False

    class Chosen(Message):
        """Somebody clicked near a node."""

        def __init__(self, index: int) -> None:
            self.index = index
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pose: NDArray[np.float64] = np.zeros((0, 2))
        self._edges: tuple[tuple[int, int], ...] = ()
        self._selected = -1
        self._lines: list[str] = []
        self._placed: NDArray[np.float64] = np.zeros((0, 2))

    def show(self, pose: NDArray[np.float64], edges: tuple[tuple[int, int], ...], selected: int) -> None:
        """Show a pose.

        Args:
            pose: (J, 2) in any unit, y down.
            edges: pairs of nodes.
            selected: the node to mark, or -1.
        """
        if self._selected == selected and edges == self._edges and np.array_equal(pose, self._pose):
            return
        self._pose, self._edges, self._selected = np.array(pose, float), edges, selected
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height
        if width < 4 or height < 3 or not len(self._pose):
            self._lines = []
            return
        self._placed = _fitted(self._pose, width * 2 - 2, height * 4 - 2)
        dots = np.zeros((height * 4, width * 2), dtype=bool)
        for a, b in self._edges:
            steps = int(np.abs(self._placed[b] - self._placed[a]).max()) + 1
            line = np.rint(np.linspace(self._placed[a], self._placed[b], steps + 1)).astype(int)
            dots[line[:, 1], line[:, 0]] = True
        for x, y in np.rint(self._placed).astype(int):
            dots[y, x] = True
        codes = np.einsum("rycx,yx->rc", dots.reshape(height, 4, width, 2).astype(int), _BITS)
        self._lines = ["".join(chr(0x2800 + code) if code else " " for code in row) for row in codes]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        quiet = self.rich_style + Style.parse(rich_style(self.app.theme_variables, "quiet"))
        line = self._lines[y]
        if not 0 <= self._selected < len(self._placed):
            return Strip([Segment(line, quiet)])
        column, row = (int(v) for v in np.rint(self._placed[self._selected]) // (2, 4))
        if row != y:
            return Strip([Segment(line, quiet)])
        marked = self.rich_style + Style(color=rich_style(self.app.theme_variables, "accent"), bold=True)
        return Strip([Segment(line[:column], quiet), Segment("●", marked), Segment(line[column + 1 :], quiet)])

    def on_click(self, event: events.Click) -> None:
        if len(self._placed):
            away = np.linalg.norm(self._placed - np.array([event.x * 2 + 1, event.y * 4 + 2]), axis=1)
            self.post_message(self.Chosen(int(away.argmin())))


def _fitted(pose: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """A pose moved and scaled into a box of dots, keeping its shape."""
    low, high = pose.min(axis=0), pose.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    scale = min((width - 1) / extent[0], (height - 1) / extent[1])
    if not np.isfinite(scale) or (high == low).all():
        scale = 0.0
    middle = np.array([width / 2, height / 2])
    return np.asarray(np.clip((pose - (low + high) / 2) * scale + middle, 0, [width, height]))
