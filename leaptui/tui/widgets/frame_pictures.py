"""The two kinds of pictures in a canvas: of pixels, which lie over the text, and of characters, which are text.

Both know a painter and what of its picture the terminal shows. Neither writes: they return what to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from textual.strip import Strip

from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.painter import Detail, Painter, Span
from leaptui.graphics.scene import Scene
from leaptui.graphics.terminal import Graphics, Terminal
from leaptui.tui.widgets.frame_canvas_parts import (
    Blank,
    Place,
    Sending,
    beside,
    blanks,
    free_part,
    overlap,
    seen_in,
    spans_in,
    strips_of,
)


class Picture(Protocol):
    """What the canvas asks of either kind."""

    painter: Painter

    def strips(self, scene: Scene, view: View) -> list[Strip] | None:
        """The area's rows for the compositor; None for blanks."""

    def update(
        self, scene: Scene, view: View, place: Place, detail: Detail, budget: int | None = None
    ) -> list[Sending] | None:
        """What turns the screen into this scene; None if only the compositor can do it: it has to repaint.

        Args:
            scene, view, place, detail: what is to be seen, where, how well.
            budget: bytes that should be enough, see `Painter.draw`.
        """

    def after_text(
        self, scene: Scene, view: View, place: Place, written: Iterable[Span], detail: Detail, *, changed: bool
    ) -> list[Sending] | None:
        """What has to follow text that was just written to these cells of the screen; None as for `update`.

        Args:
            scene, view, place, detail: what is to be seen, where, how well.
            written: cells of the screen.
            changed: the scene or view is another than the last time.
        """

    def hide(self) -> list[Sending]:
        """Take the picture away; the next update shows it again."""

    def cleared(self) -> None:
        """The terminal was cleared, or nobody knows what it shows."""

    def foresee(self, scene: Scene, view: View, place: Place) -> list[Sending]:
        """Send a frame ahead, where the terminal can keep it."""


class PixelPicture:
    """A picture over blank cells."""

    def __init__(self, painter: Painter, terminal: Terminal, blank: Callable[[int], bytes]) -> None:
        self.painter = painter
        self._blank = blank
        self._in_cells = terminal.graphics is not Graphics.KITTY
        self._origin: tuple[int, int] | None = None
        self._part = Rect(0, 0, 0, 0)
        self._target = Rect(0, 0, 0, 0)
        self._view_target = Rect(0, 0, 0, 0)
        self._is_cleared = False

    def strips(self, scene: Scene, view: View) -> list[Strip] | None:
        return None

    def update(
        self, scene: Scene, view: View, place: Place, detail: Detail, budget: int | None = None
    ) -> list[Sending] | None:
        sendings: list[Sending] = []
        if self._in_cells and self._origin is not None and self._view_target != view.target:
            if not self._fills_whole_cells(view, place):
                # What the old picture left beside the new one, only a repaint by the compositor is sure to erase.
                return None
            sendings.append(self._uncover(view))
        return [*sendings, *self._draw(scene, view, place, detail, budget)]

    def _fills_whole_cells(self, view: View, place: Place) -> bool:
        """Whether the picture, as it was and will be, lies freely in whole cells of the same canvas."""
        everything = Rect(0, 0, *view.area)
        is_free = free_part(view, place) == self._part == everything and place.origin == self._origin
        return is_free and not self._is_cleared and all(float(side).is_integer() for side in view.cell)

    def _uncover(self, view: View) -> Sending:
        """Blank the cells of the old picture that the new one will not cover; the others never go blank."""
        spans = beside(self._target, overlap(view.target, self._part))
        self.painter.lost(spans)
        return Sending(self._corner, blanks(spans, self._blank))

    def _draw(self, scene: Scene, view: View, place: Place, detail: Detail, budget: int | None = None) -> list[Sending]:
        part = free_part(view, place)
        self._view_target = view.target
        if part is None:
            return self._give_way(view, place, None)
        sendings = []
        if self._origin is not None and (self._origin, self._part) != (place.origin, part):
            sendings = self._give_way(view, place, part)
        if self._is_cleared:
            self.painter.lost(None)
        self._is_cleared = False
        self._origin, self._part = place.origin, part
        self._target = overlap(view.target, part) or view.target
        seen, seen_view = seen_in(scene, view, part)
        return [*sendings, Sending(self._corner, self.painter.draw(seen, seen_view, detail, budget))]

    def after_text(
        self, scene: Scene, view: View, place: Place, written: Iterable[Span], detail: Detail, *, changed: bool
    ) -> list[Sending] | None:
        part = free_part(view, place)
        if self._origin is not None and not self._is_cleared:
            lost = spans_in(written, self._origin, self._part)
            if lost:
                self.painter.lost(lost)
            if not lost and not changed and (self._origin, self._part) == (place.origin, part):
                return []
        return self._draw(scene, view, place, detail)

    def hide(self) -> list[Sending]:
        if self._origin is None:
            return []
        corner = self._corner
        self._origin = None
        fragments = self.painter.hide()
        if self._in_cells:
            self.painter.lost(None)
        return [Sending(corner, fragments)]

    def cleared(self) -> None:
        self._is_cleared = True

    def foresee(self, scene: Scene, view: View, place: Place) -> list[Sending]:
        if self._origin is None or self._is_cleared:
            return []
        return [Sending(self._corner, self.painter.foresee(scene, view))]

    def _give_way(self, view: View, place: Place, part: Rect | None) -> list[Sending]:
        """Hide, and blank the cells that nothing else will write over."""
        if self._origin is None:
            return []
        moved = self._origin != place.origin
        sendings = self.hide()
        if self._in_cells and not moved:
            kept = None if part is None else overlap(view.target, part)
            sendings.append(Sending(place.origin, blanks(beside(self._target, kept, place.covers), self._blank)))
        return sendings

    @property
    def _corner(self) -> tuple[int, int]:
        assert self._origin is not None
        return (self._origin[0] + self._part.x, self._origin[1] + self._part.y)


class TextPicture:
    """A picture of characters: the compositor knows its cells, and changes are written around it.

    The strips are always what the terminal shows, or what it will show after the repaint that was asked for. Every
    change is sent in full: it is small, and less of it would leave the strips behind.
    """

    def __init__(self, painter: Painter, terminal: Terminal, blank: Blank) -> None:
        self.painter = painter
        self._has = terminal.colours
        self._blank = blank
        self._shown: tuple[Scene, View] | None = None
        self._strips: list[Strip] | None = None

    def strips(self, scene: Scene, view: View) -> list[Strip] | None:
        if self._shown is None or self._shown[1].area != view.area:
            self._shown, self._strips = (scene, view), None
        if self._strips is None:
            cells = self.painter.cells(*self._shown)
            self._strips = None if cells is None else strips_of(cells, self._shown[1].target, self._blank, self._has)
        return self._strips

    def update(
        self, scene: Scene, view: View, place: Place, detail: Detail, budget: int | None = None
    ) -> list[Sending] | None:
        seen_whole = not place.covers and place.visible == Rect(0, 0, *view.area)
        direct = self._shown is not None and seen_whole and self._shown[1].target == view.target
        self._shown, self._strips = (scene, view), None
        return [Sending(place.origin, self.painter.draw(scene, view, Detail.FINE))] if direct else None

    def after_text(
        self, scene: Scene, view: View, place: Place, written: Iterable[Span], detail: Detail, *, changed: bool
    ) -> list[Sending] | None:
        return []

    def hide(self) -> list[Sending]:
        return []

    def cleared(self) -> None:
        self._shown = self._strips = None

    def foresee(self, scene: Scene, view: View, place: Place) -> list[Sending]:
        return []


def picture_for(painter: Painter, terminal: Terminal, blank: Blank, render: Callable[[Strip], bytes]) -> Picture:
    """The kind of picture that a terminal shows.

    Args:
        painter: paints it.
        terminal: shows it.
        blank: so many cells of the ground.
        render: a strip as what the compositor would write.
    """
    if terminal.graphics.has_pixels:
        return PixelPicture(painter, terminal, lambda count: render(blank(count)))
    return TextPicture(painter, terminal, blank)
