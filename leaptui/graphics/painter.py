"""Painter: turns scenes into what has to be sent, knowing what the terminal already shows.

A painter is for one canvas on one terminal. It never writes: it returns fragments, and the canvas sends them in
one write. Every painter obeys one law, which the tests check with a model of each terminal: after any sequence
of calls, the terminal shows what a fresh painter's first `draw` of the last scene would show.

Adding a new way to show pictures: a member of `terminal.Graphics`, a module with a painter, and a line in
`painters.PAINTERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Colour, Scene


class Detail(IntEnum):
    """How much of a change is sent now; the rest follows when the link is free."""

    MARKER = 1
    """Only the selected mark moves; its edges follow later."""
    EDGES = 2
    """The selected mark with its edges, and every other change of the overlay."""
    COARSE = 3
    """A new picture may come at half the resolution or with fewer greys."""
    FINE = 4
    """Everything, exactly."""


class Fragment(NamedTuple):
    """Something to send at a place.

    Args:
        column, row: cell of the canvas at which the cursor has to stand, 0-based.
        data: what to send there.
        is_text: characters and SGR, which tmux understands; other fragments are passed through it.
    """

    column: int
    row: int
    data: bytes
    is_text: bool = False


class Span(NamedTuple):
    """Cells of one row of the canvas: start <= column < end."""

    row: int
    start: int
    end: int


class Cell(NamedTuple):
    """One character cell; colours None are the terminal's own."""

    char: str
    fore: Colour | None = None
    back: Colour | None = None
    bold: bool = False
    reverse: bool = False


class Painter(Protocol):
    """See the module."""

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        """What turns the terminal's picture into this scene; everything if nothing is there.

        With a lower `detail`, a part may stay behind; `is_behind` then says so, and the next `draw` of the same
        scene with more detail sends it. The same holds for a `budget`, the bytes that should be enough: painters
        that can do with less keep to it about, and others need not.
        """

    @property
    def is_behind(self) -> bool:
        """Whether the last `draw` left something out for its detail."""

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        """Text was written over these cells of the canvas (None: the whole screen was cleared or repainted).

        What this erased comes again with the next `draw`.
        """

    def hide(self) -> list[Fragment]:
        """Take the picture away, as long as something else covers the canvas; the next `draw` shows it again.

        Terminals that keep pictures in the cells need nothing: text written there erases them.
        """

    def cells(self, scene: Scene, view: View) -> list[list[Cell]] | None:
        """For painters of characters: the area's cells, rows of columns, for the compositor; None for pixels.

        After it, these cells count as shown.
        """

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        """Send a frame ahead that may be wanted next, where the terminal can keep it; else nothing."""

    def close(self) -> list[Fragment]:
        """Free what the terminal keeps."""
