"""Sixel: the frame as one picture of fixed colours, changed in parts.

The palette never depends on the frame, so that what did not change has the same index as before, and comparing two
index images says exactly what has to be sent. Terminals keep sixels in their cells: text erases them, and what was
erased is marked as not shown and comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import damage, overlay, sixel_encode, sixel_patch
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import Scene
from leaptui.graphics.sixel_ground import Base, Grounds, Look, Sharpness
from leaptui.graphics.terminal import Patch, Terminal

Indices = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_NOT_SHOWN = sixel_encode.KEEP
"""The index of pixels that the terminal no longer shows, or never did."""
_FEW_PIXELS = 6000
"""So many changed pixels are worth the slower encoder of small patches."""
_MOSTLY = 0.6
"""From this share of changed pixels on, the whole picture is sent without looking for something shorter."""
_PARTLY = 0.25
"""Up to this share, only the part."""
_SPARE_CELLS = 2
"""Cells that did not change and are sent nevertheless to save an image of its own."""


class SixelPainter:
    """See the module.

    Args:
        terminal: its patch style, colour registers and largest picture count.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._scene: Scene | None = None
        """What the terminal shows, apart from what was lost."""
        self._view: View | None = None
        self._shown: Indices | None = None
        """(H, W) what the terminal shows in `view.target`; None if nothing."""
        self._ours: Mask = np.zeros((0, 0), bool)
        """(rows, columns) cells of the canvas that nothing was written over since."""
        self._look: Look | None = None
        self._base: Base | None = None
        self._sharpness = Sharpness()
        self._grounds = Grounds(terminal.registers)
        self._behind = False

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        """What turns the terminal's picture into this scene; a rough picture gets fine from the selected mark on."""
        base = Base(scene.key, scene.tone, view.window, view.raster)
        is_same_base = base == self._base and self._shown is not None
        wanted = scene
        if detail is Detail.MARKER and is_same_base and self._scene is not None:
            wanted = _only_marker_moved(self._scene, scene)
        before = self._sharpness.fine if is_same_base else None
        if before is None:
            self._sharpness.begin(view.target.height)
        if detail is Detail.FINE:
            self._sharpness.refine(scene, view, None if before is None else budget)
        look, picture = self._grounds.picture(scene, view, base, self._sharpness)
        indices = picture.copy()
        overlay.paint(indices, wanted, view, first=look.first)
        fragments = self._make_room(view)
        if self._shown is None or look is not self._look:
            self._shown = np.full_like(indices, _NOT_SHOWN)
        fragments += self._changes(self._shown, indices, look, view)
        self._scene, self._view, self._shown, self._look, self._base = wanted, view, indices, look, base
        self._behind = not self._sharpness.is_fine or wanted != scene
        self._sharpness.cost(before, _length(fragments), indices.size, budget)
        # A cell more, into which pictures may reach where cells are no whole pixels.
        self._ours = np.zeros((view.area[1] + 1, view.area[0] + 1), bool)
        self._ours[_cells(view.target)] = True
        return fragments

    @property
    def is_behind(self) -> bool:
        """Whether the last `draw` left something out for its detail."""
        return self._behind

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        """Text was written over these cells of the canvas (None: over the whole screen)."""
        if spans is None:
            self._shown = None
        if self._shown is None or self._view is None:
            return
        target = self._view.target
        height, width = self._shown.shape
        across, down = damage.borders(width, target.width), damage.borders(height, target.height)
        style = self._style(self._view)
        # Where cells are no whole pixels, the picture may reach a pixel into the next one.
        more_right, more_down = (int(not _is_whole(side)) for side in self._view.cell)
        for span in spans or ():
            if 0 <= span.row < len(self._ours):
                self._ours[span.row, max(span.start, 0) : max(span.end, 0)] = False
            start, end = max(span.start - target.x, 0), min(span.end - target.x, target.width + more_right)
            row = span.row - target.y
            if start >= end or not 0 <= row < target.height + more_down:
                continue
            if style is None:
                self._shown[:] = _NOT_SHOWN
            elif style is Patch.STRIP:
                self._shown[down[row] : down[row + 1]] = _NOT_SHOWN
            else:
                self._shown[down[row] : down[row + 1], across[start] : across[end]] = _NOT_SHOWN

    def hide(self) -> list[Fragment]:
        """Nothing: what covers the canvas erases the picture."""
        return []

    def cells(self, scene: Scene, view: View) -> list[list[Cell]] | None:
        """None: this is a painter of pixels."""
        return None

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        """Nothing: the terminal cannot keep a picture that it does not show."""
        return []

    def close(self) -> list[Fragment]:
        """Nothing to free."""
        self._grounds.forget()
        return []

    def _make_room(self, view: View) -> list[Fragment]:
        """Erase what the old picture covers and the new one will not; what is no longer canvas, others erase."""
        old = self._view
        if old is None or self._shown is None or (old.target, old.raster) == (view.target, view.raster):
            return []
        ours = self._ours
        if _is_whole(view.cell[0]) and _is_whole(view.cell[1]):
            ours[_cells(view.target)] = False
        else:
            ours[1:] |= ours[:-1]
            ours[:, 1:] |= ours[:, :-1]
        self._shown = None
        return [
            Fragment(rect.x, row, b"\x1b[0m" + b" " * rect.width, is_text=True)
            for rect in damage.rectangles(ours[: view.area[1], : view.area[0]], 0)
            for row in range(rect.y, rect.bottom)
        ]

    # Changes -------------------------------------------------------------------------------------------------------

    def _changes(self, shown: Indices, indices: Indices, look: Look, view: View) -> list[Fragment]:
        """The shortest images that make the terminal show the new indices instead of the old ones."""
        changed = indices != shown
        style = self._style(view)
        if np.count_nonzero(changed) > _MOSTLY * indices.size:
            return self._whole(indices, look, view, style)
        places = np.flatnonzero(changed)
        alike = look.same[indices.reshape(-1)[places]] == look.same[shown.reshape(-1)[places]]
        changed.reshape(-1)[places[alike]] = False
        count = len(places) - int(np.count_nonzero(alike))
        if not count:
            return []
        if style is None:
            return self._whole(indices, look, view, style)
        if style is Patch.DELTA:
            parts = self._delta(indices, changed, count, look, view)
        else:
            parts = self._opaque(indices, changed, look, view, style)
        if count > _PARTLY * indices.size or _length(parts) > indices.size // 24:
            whole = self._whole(indices, look, view, style)
            return min(parts, whole, key=_length)
        return parts

    def _style(self, view: View) -> Patch | None:
        """How parts are sent: where columns are no whole pixels, in whole rows; where rows are none, never."""
        if not _is_whole(view.cell[1]):
            return None
        return self._terminal.patch if _is_whole(view.cell[0]) else Patch.STRIP

    def _whole(self, indices: Indices, look: Look, view: View, style: Patch | None) -> list[Fragment]:
        everything = Rect(0, 0, view.target.width, view.target.height)
        return self._opaque_rects(indices, [everything], look, view, style)

    def _delta(self, indices: Indices, changed: Mask, count: int, look: Look, view: View) -> list[Fragment]:
        """Changed pixels alone, from the cell on in which the first ones are."""
        height, width = indices.shape
        across, down = damage.borders(width, view.target.width), damage.borders(height, view.target.height)
        fragments = []
        for tile in self._tiles(Rect(0, 0, view.target.width, view.target.height), view, Patch.DELTA):
            top, left = int(down[tile.y]), int(across[tile.x])
            inside = changed[top : down[tile.bottom], left : across[tile.right]]
            rows = np.flatnonzero(inside.any(axis=1))
            if not len(rows):
                continue
            columns = np.flatnonzero(inside[rows[0] : rows[-1] + 1].any(axis=0))
            row = int(np.searchsorted(down, top + rows[0], side="right")) - 1
            column = int(np.searchsorted(across, left + columns[0], side="right")) - 1
            part = (slice(down[row], top + rows[-1] + 1), slice(across[column], left + columns[-1] + 1))
            if count <= _FEW_PIXELS:
                data = sixel_patch.encode_changes(indices[part], changed[part], look.colours)
            else:
                data = sixel_encode.encode(np.where(changed[part], indices[part], np.uint8(_NOT_SHOWN)), look.colours)
            fragments.append(Fragment(view.target.x + column, view.target.y + row, data))
        return fragments

    def _opaque(self, indices: Indices, changed: Mask, look: Look, view: View, style: Patch) -> list[Fragment]:
        """Whole cells, or whole rows of them."""
        height, width = indices.shape
        across, down = damage.borders(width, view.target.width), damage.borders(height, view.target.height)
        dirty = damage.changed_cells(changed, across, down)
        if style is Patch.STRIP:
            dirty[dirty.any(axis=1)] = True
            rects = damage.rectangles(dirty, 0)
        else:
            rects = damage.rectangles(dirty, _SPARE_CELLS)
        return self._opaque_rects(indices, rects, look, view, style)

    def _opaque_rects(
        self, indices: Indices, rects: Sequence[Rect], look: Look, view: View, style: Patch | None
    ) -> list[Fragment]:
        height, width = indices.shape
        across, down = damage.borders(width, view.target.width), damage.borders(height, view.target.height)
        fragments = []
        for rect in rects:
            for tile in self._tiles(rect, view, style):
                part = indices[down[tile.y] : down[tile.bottom], across[tile.x] : across[tile.right]]
                data = sixel_encode.encode(part, look.colours)
                fragments.append(Fragment(view.target.x + tile.x, view.target.y + tile.y, data))
        return fragments

    def _tiles(self, rect: Rect, view: View, style: Patch | None) -> list[Rect]:
        """A rectangle of cells in parts that are no larger than the terminal can show at once."""
        if self._terminal.largest is None or style is None:
            return [rect]
        columns, rows = (max(1, int(self._terminal.largest[i] / view.cell[i])) for i in (0, 1))
        if style is Patch.STRIP:
            columns = rect.width
        return [
            Rect(x, y, min(columns, rect.right - x), min(rows, rect.bottom - y))
            for y in range(rect.y, rect.bottom, rows)
            for x in range(rect.x, rect.right, columns)
        ]


def _length(fragments: Sequence[Fragment]) -> int:
    """Bytes, the way to each place counted in."""
    return sum(len(fragment.data) + 8 for fragment in fragments)


def _cells(rect: Rect) -> tuple[slice, slice]:
    return (slice(rect.y, rect.bottom), slice(rect.x, rect.right))


def _is_whole(side: float) -> bool:
    return float(side).is_integer()


def _only_marker_moved(shown: Scene, scene: Scene) -> Scene:
    """The scene with the lines that are shown, and the marks that are shown apart from the selected one."""
    marks = scene.marks
    before = [mark.selected for mark in shown.marks]
    if before == [mark.selected for mark in marks] and any(before):
        marks = tuple(new if new.selected else old for old, new in zip(shown.marks, marks, strict=True))
    return replace(scene, marks=marks, lines=shown.lines)
