"""Pictures made of characters: half blocks, quadrants, sextants, braille and ASCII, in any number of colours."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import colours, glyphs, raster, sheet, text_overlay, tone
from leaptui.graphics.geometry import View
from leaptui.graphics.glyphs import SETS, GlyphSet
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import COLOURS, DARK, Scene
from leaptui.graphics.sheet import ATTRIBUTES, BACK, CHAR, FORE, Sheet
from leaptui.graphics.terminal import Colours, Graphics, Terminal
from leaptui.graphics.text_overlay import NOTHING, Style

Cells = NDArray[np.bool_]
"""(rows, columns)."""

_NEAR = 16
"""Values of a channel by which a coarse picture may be wrong in cells that were there before."""
_FLAT = {False: 3, True: 24}
"""Cells that vary by less get one colour, in a fine and in a coarse picture."""


class _Ground(NamedTuple):
    """A picture without its overlay."""

    sheet: Sheet
    """Of the target."""
    blocks: NDArray[np.uint8]
    """(rows, columns, sub-pixels, channels), as sampled."""
    means: NDArray[np.float32]
    """(rows, columns, channels)."""


class CellPainter:
    """A picture of characters, in the terminal's best colours.

    What changes is written cell by cell. The picture alone is kept, so that a moved mark costs no resampling. A coarse
    picture is in at most 256 colours, whose codes are short; cells of which it would say nearly the same stay.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._glyphs: GlyphSet = SETS[terminal.graphics]
        self._covers = self._glyphs.covers
        self._is_ascii = terminal.graphics is Graphics.ASCII
        self._has = terminal.colours
        self._styles = {
            False: Style(self._has, self._is_ascii),
            True: Style(min(self._has, Colours.ANSI256), self._is_ascii),
        }
        self._key: Hashable = None
        self._grounds: dict[bool, _Ground] = {}
        self._is_coarse = False
        self._shown: Sheet | None = None
        self._mark_cells: Cells | None = None
        self._is_behind = False

    @property
    def is_behind(self) -> bool:
        """Whether the last `draw` moved the mark only, and more has changed, or left the picture coarse."""
        return self._is_behind

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        """See `Painter`; with `Detail.MARKER` only cells that the selected mark leaves and enters.

        A picture that comes with less than `Detail.FINE` is coarse and stays so, until a draw says FINE.
        """
        is_new = self._is_new(scene, view)
        self._is_coarse = detail is not Detail.FINE and (is_new or self._is_coarse)
        wanted = self._sheet(scene, view)
        shown = self._shown
        if shown is None or shown.shape != wanted.shape:
            shown = np.full_like(wanted, sheet.UNKNOWN)
        dirty: Cells = (shown != wanted).any(axis=0)
        if self._is_coarse:
            dirty &= ~_nearly(shown, wanted)
        mark_cells = _mark_cells(scene, view)
        now: Cells = np.ones_like(dirty)
        if detail is Detail.MARKER and not is_new and self._mark_cells is not None:
            now = (shown[CHAR] == sheet.UNKNOWN) | mark_cells | self._mark_cells
        self._is_behind = bool((dirty & ~now).any()) or (self._is_coarse and self._has > Colours.ANSI16)
        dirty &= now
        self._mark_cells = mark_cells
        self._shown = np.where(dirty, wanted, shown)
        return sheet.written(self._shown, dirty, self._style.has)

    def cells(self, scene: Scene, view: View) -> list[list[Cell]]:
        """The area's cells; they count as shown."""
        self._is_new(scene, view)
        self._is_coarse = False
        self._shown = self._sheet(scene, view)
        self._mark_cells, self._is_behind = _mark_cells(scene, view), False
        return sheet.rows_of(self._shown)

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        """See `Painter`."""
        if spans is None or self._shown is None:
            self._shown = None
            return
        for row, start, end in spans:
            if 0 <= row < self._shown.shape[1]:
                self._shown[:, row, max(start, 0) : max(end, 0)] = sheet.UNKNOWN

    def hide(self) -> list[Fragment]:
        """Nothing: text written over characters erases them."""
        return []

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        """Nothing: no terminal keeps characters that it does not show."""
        return []

    def close(self) -> list[Fragment]:
        """Nothing."""
        return []

    @property
    def _style(self) -> Style:
        return self._styles[self._is_coarse]

    def _is_new(self, scene: Scene, view: View) -> bool:
        """Whether the picture is another than that of the last scene; it is the last one from now on."""
        key = (scene.key, scene.tone, view)
        is_new = key != self._key or self._shown is None
        if key != self._key:
            self._key, self._grounds = key, {}
        return is_new

    def _sheet(self, scene: Scene, view: View) -> Sheet:
        """The whole area."""
        ground = self._ground(scene, view)
        target = view.target
        inside = ground.sheet.copy()
        if self._style.has is Colours.MONO or self._is_ascii:
            text_overlay.lay_lines(inside, scene, view, self._style)
        else:
            self._lay_lines(inside, ground, scene, view)
        text_overlay.lay(
            inside, scene, view, ground.means if self._covers else np.zeros_like(ground.means), self._style
        )
        area = sheet.empty(*view.area)
        area[:, target.y : target.bottom, target.x : target.right] = inside
        sheet.settled(area)
        return area

    def _lay_lines(self, inside: Sheet, ground: _Ground, scene: Scene, view: View) -> None:
        """Cells with a line show it in its colour on the mean of what it leaves free; dots are on black."""
        if not scene.lines:
            return
        size = self._glyphs.size(view.target.width, view.target.height)
        painted = self._glyphs.blocks(text_overlay.paint_lines(scene, view, size))
        rows, columns = np.nonzero((painted != NOTHING).any(axis=-1))
        values = painted[rows, columns]
        lit = values != NOTHING
        free = (~lit).astype(np.float32)
        left = np.einsum("ns,nsk->nk", free, ground.blocks[rows, columns].astype(np.float32))
        left /= np.maximum(free.sum(axis=-1, keepdims=True), 1)
        inks = np.array([self._style.ink(k) for k in range(len(COLOURS))], np.int32)
        inside[CHAR, rows, columns] = self._glyphs.of(lit)
        inside[FORE, rows, columns] = inks[_most(values, len(inks))]
        left *= self._covers
        inside[BACK, rows, columns] = colours.coarse(left.astype(np.uint8), self._style.has)

    def _ground(self, scene: Scene, view: View) -> _Ground:
        if self._is_coarse not in self._grounds:
            size = self._glyphs.size(view.target.width, view.target.height)
            sampled = tone.apply(raster.sample(scene.image, view, size), scene.tone)
            self._grounds[self._is_coarse] = self._fitted(sampled)
        return self._grounds[self._is_coarse]

    def _fitted(self, sampled: NDArray[np.uint8]) -> _Ground:
        """The picture in characters."""
        blocks = self._glyphs.blocks(sampled)
        ground = _Ground(sheet.empty(blocks.shape[1], blocks.shape[0]), blocks, blocks.mean(2, dtype=np.float32))
        picture = ground.sheet
        if self._has is Colours.MONO or not self._covers:
            self._shape(picture, sampled, ground.means)
            return ground
        if self._has is Colours.ANSI16:
            blocks = self._glyphs.blocks(colours.dithered_16(sampled))
        fitted = glyphs.fit(blocks, _FLAT[self._is_coarse])
        picture[FORE] = self._quantised(fitted.fore)
        picture[BACK] = self._quantised(fitted.back)
        differs = picture[FORE] != picture[BACK]
        picture[CHAR] = self._glyphs.of(fitted.lit & differs[..., None])
        return ground

    def _shape(self, picture: Sheet, sampled: NDArray[np.uint8], means: NDArray[np.float32]) -> None:
        """Brightness as dots or as ink.

        In colours, the dots and their colour share the brightness: both get its square root, on black. The colour
        is coarse, because the dots tell the rest and cells of one colour cost few bytes.
        """
        bright = glyphs.brightness(sampled)
        if self._has is not Colours.MONO:
            bright = np.sqrt(bright * 255)
        if self._is_ascii:
            picture[CHAR] = glyphs.shade(bright)
        else:
            picture[CHAR] = self._glyphs.of(self._glyphs.blocks(glyphs.dots(bright)))
        if self._has is not Colours.MONO:
            level = np.maximum(glyphs.brightness(means), 1)[..., None]
            lifted = np.minimum(means * np.sqrt(255 / level), 255)
            picture[FORE] = colours.coarse(lifted.astype(np.uint8), self._style.has)
            picture[BACK] = self._style.ink(DARK)

    def _quantised(self, values: NDArray[np.float32]) -> colours.Packed:
        rounded = (values + np.float32(0.5)).astype(np.uint8)
        return colours.quantised(rounded, self._style.has)


def _nearly(shown: Sheet, wanted: Sheet) -> Cells:
    """Cells that show the character that is wanted, in nearly its colours."""
    alike: Cells = (shown[CHAR] == wanted[CHAR]) & (shown[ATTRIBUTES] == wanted[ATTRIBUTES])
    for part in (FORE, BACK):
        old, new = shown[part], wanted[part]
        away = np.max([np.abs((old >> shift & 255) - (new >> shift & 255)) for shift in (0, 8, 16)], axis=0)
        alike &= (old == new) | ((away <= _NEAR) & (old != colours.NONE) & (new != colours.NONE))
    return alike


def _mark_cells(scene: Scene, view: View) -> Cells:
    """The area's cells that the selected mark covers, with its brackets."""
    found: Cells = np.zeros((view.area[1], view.area[0]), np.bool_)
    for mark in scene.marks:
        place = text_overlay.place_of(mark, view) if mark.selected else None
        if place is not None:
            column, row = place[0] + view.target.x, place[1] + view.target.y
            found[row, max(column - 1, view.target.x) : min(column + 2, view.target.right)] = True
    return found


def _most(values: NDArray[np.uint8], count: int) -> NDArray[np.intp]:
    """(n, sub-pixels) the value below `count` that is most often in each row; the smallest of equals."""
    counts = (values[:, :, None] == np.arange(count, dtype=np.uint8)).sum(axis=1)
    return np.asarray(counts.argmax(axis=-1))
