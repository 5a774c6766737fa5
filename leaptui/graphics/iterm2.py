"""Painter for terminals with iTerm2's inline images (iterm2.com/documentation-images.html).

An image fills whole cells and replaces what was there, so the picture is composed here and sent as PNG: all of it
when it is new, and the rectangles of cells that changed after that.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import damage, overlay, palette, png, raster, tone
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import COLOURS, Image, Scene
from leaptui.graphics.terminal import Patch, Terminal

GREYS = 32
"""Greys of a picture; with the overlay's colours they leave small files."""
COARSE_GREYS = 16
LARGEST = 600_000
"""Characters of base64 an image may have: tmux drops what passes through it in pieces beyond a megabyte."""

_OVERHEAD = 12
"""Cells whose pixels cost about as much as the head of another image."""
_QUICK = 1 << 16
"""Pixels from which on speed counts for more than the last tenth of the size."""
_PALETTE = (*palette.greys(GREYS), *COLOURS)


@dataclass(frozen=True)
class _Ground:
    """What a frame looks like in a view; two equal ones have the same pixels."""

    key: object
    tone: object
    geometry: tuple[object, ...]


@dataclass
class _Shown:
    """What the terminal shows.

    Args:
        ground: the frame.
        scene: its overlay.
        target: the cells that show it.
        pixels: (H, W) positions in the palette, or (H, W, 3).
        is_coarse: it was sent with less detail than `pixels` has.
    """

    ground: _Ground
    scene: Scene
    target: Rect
    pixels: Image
    is_coarse: bool


class ITerm2Painter:
    """See the module."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._shown: _Shown | None = None
        self._lost: set[Span] = set()
        self._base: tuple[_Ground, Image] | None = None
        self._behind = False

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        """See `Painter`."""
        ground = _Ground(scene.key, scene.tone, (view.window, view.target, view.raster, view.cell))
        shown = self._shown
        if shown is not None and shown.ground == ground and not (shown.is_coarse and detail is Detail.FINE):
            out = self._change(shown, scene, view, detail)
        elif detail >= Detail.COARSE:
            out = self._replace(ground, scene, view, detail)
        else:
            self._behind = True
            return self._repair()
        shown = self._shown
        self._behind = shown is None or shown.is_coarse or _overlay_of(shown.scene) != _overlay_of(scene)
        return out

    @property
    def is_behind(self) -> bool:
        """See `Painter`."""
        return self._behind

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        """See `Painter`."""
        if spans is None:
            self._shown = None
            self._lost.clear()
        elif self._shown is not None:
            self._lost.update(spans)

    def hide(self) -> list[Fragment]:
        """See `Painter`: what covers the picture is text, and `lost` tells where."""
        return []

    def cells(self, scene: Scene, view: View) -> list[list[Cell]] | None:
        """None: this painter needs no characters."""
        return None

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        """Nothing: the terminal keeps no picture that is not shown."""
        return []

    def close(self) -> list[Fragment]:
        """Nothing: the picture is in the cells."""
        self.lost(None)
        return []

    # What is sent ------------------------------------------------------------------------------------------------

    def _replace(self, ground: _Ground, scene: Scene, view: View, detail: Detail) -> list[Fragment]:
        """A new picture; by its changes if it lies in the same cells and differs in few."""
        pixels = self._composed(ground, scene, view)
        target = view.target
        old = self._shown
        if old is not None and not old.is_coarse and old.target == target and old.pixels.shape == pixels.shape:
            dirty = self._dirty(old, pixels)
            if dirty.mean() < 0.5:
                self._shown = _Shown(ground, scene, target, pixels, is_coarse=False)
                return self._patches(pixels, target, dirty)
        out = _blanked(old.target, target, self._lost) if old is not None else []
        coarse = detail is Detail.COARSE
        sent = _coarse(pixels) if coarse else pixels
        out += self._images(sent, target, Rect(0, 0, target.width, target.height))
        self._shown = _Shown(ground, scene, target, pixels, coarse)
        self._lost.clear()
        return out

    def _change(self, shown: _Shown, scene: Scene, view: View, detail: Detail) -> list[Fragment]:
        """Another overlay on the same frame."""
        if detail is Detail.MARKER:
            still = tuple(mark for mark in shown.scene.marks if not mark.selected)
            scene = replace(shown.scene, marks=(*still, *(mark for mark in scene.marks if mark.selected)))
        if _overlay_of(shown.scene) == _overlay_of(scene):
            return self._repair()
        pixels = self._composed(shown.ground, scene, view)
        dirty = self._dirty(shown, pixels)
        shown.scene, shown.pixels = scene, pixels
        return self._patches(pixels, shown.target, dirty)

    def _repair(self) -> list[Fragment]:
        """What was written over."""
        shown = self._shown
        if shown is None or not self._lost:
            return []
        return self._patches(shown.pixels, shown.target, self._dirty(shown, shown.pixels))

    def _dirty(self, shown: _Shown, pixels: Image) -> NDArray[np.bool_]:
        """(rows, columns) of the target that do not show these pixels; nothing counts as lost any more."""
        target = shown.target
        if pixels is shown.pixels:
            dirty = np.zeros((target.height, target.width), bool)
        else:
            changed = pixels != shown.pixels
            changed = changed.any(axis=2) if changed.ndim == 3 else changed
            dirty = damage.changed_cells(
                changed, damage.borders(pixels.shape[1], target.width), damage.borders(pixels.shape[0], target.height)
            )
        for row, start, end in self._lost:
            if target.y <= row < target.bottom:
                dirty[row - target.y, max(start - target.x, 0) : max(end - target.x, 0)] = True
        self._lost.clear()
        return dirty

    def _patches(self, pixels: Image, target: Rect, dirty: NDArray[np.bool_]) -> list[Fragment]:
        cell = self._terminal.cell
        if self._terminal.patch is Patch.STRIP or (cell is not None and any(side % 1 for side in cell)):
            dirty = np.broadcast_to(dirty.any(axis=1, keepdims=True), dirty.shape)
        found = damage.rectangles(dirty, _OVERHEAD)
        return [fragment for rect in found for fragment in self._images(pixels, target, rect)]

    def _images(self, pixels: Image, target: Rect, rect: Rect) -> list[Fragment]:
        """Cells of the target as an image, or as several below each other where one would be too large."""
        across = damage.borders(pixels.shape[1], target.width)
        down = damage.borders(pixels.shape[0], target.height)
        part = pixels[down[rect.y] : down[rect.bottom], across[rect.x] : across[rect.right]]
        data = _file(part)
        body = base64.b64encode(data)
        if len(body) > LARGEST and rect.height > 1:
            upper = rect._replace(height=rect.height // 2)
            lower = rect._replace(y=upper.bottom, height=rect.height - upper.height)
            return [*self._images(pixels, target, upper), *self._images(pixels, target, lower)]
        head = b"\x1b]1337;File=inline=1;size=%d;width=%d;height=%d;preserveAspectRatio=0;doNotMoveCursor=1:" % (
            len(data),
            rect.width,
            rect.height,
        )
        return [Fragment(target.x + rect.x, target.y + rect.y, head + body + b"\x07")]

    # What is composed --------------------------------------------------------------------------------------------

    def _composed(self, ground: _Ground, scene: Scene, view: View) -> Image:
        base = self._based(ground, scene, view)
        if base.ndim == 2:
            pixels = base.copy()
            overlay.paint(pixels, scene, view, first=GREYS)
            return pixels
        painted = np.zeros(base.shape[:2], np.uint8)
        overlay.paint(painted, scene, view, first=1)
        colours = np.array([(0, 0, 0), *COLOURS], np.uint8)
        return np.where((painted > 0)[..., None], colours[painted], base)

    def _based(self, ground: _Ground, scene: Scene, view: View) -> Image:
        """The frame alone, kept for the next change of its overlay."""
        if self._base is None or self._base[0] != ground:
            pixels = tone.apply(raster.sample(scene.image, view, view.raster), scene.tone)
            if pixels.shape[2] == 1:
                pixels = palette.grey_levels(GREYS)[pixels[..., 0]]
            self._base = (ground, pixels)
        return self._base[1]


def _overlay_of(scene: Scene) -> tuple[object, ...]:
    return (scene.marks, scene.lines, scene.notes)


def _file(pixels: Image) -> bytes:
    level = 9 if pixels[..., :1].size < _QUICK else 6
    if pixels.ndim == 3:
        return png.encode(pixels, level=level)
    small, colours = png.compact(pixels, _PALETTE)
    return png.encode(small, palette=colours, level=level)


def _coarse(pixels: Image) -> Image:
    """Every other pixel in both directions, and half the greys; the colours of the overlay stay."""
    half = np.ascontiguousarray(pixels[::2, ::2])
    if half.ndim == 3:
        return half & np.uint8(0xF0)
    step = GREYS // COARSE_GREYS
    return np.where(half < GREYS, half // step * step, half).astype(np.uint8)


def _blanked(old: Rect, new: Rect, lost: Iterable[Span]) -> list[Fragment]:
    """Spaces over the cells of an old picture that a new one does not cover.

    Not over what text was written: that may be a dialog.
    """
    left = np.ones((old.height, old.width), bool)
    for row, start, end in (*lost, *(Span(row, new.x, new.right) for row in range(new.y, new.bottom))):
        if old.y <= row < old.bottom:
            left[row - old.y, max(start - old.x, 0) : max(end - old.x, 0)] = False
    out = []
    for row in range(old.height):
        edges = np.flatnonzero(np.diff(left[row].astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
        out += [
            Fragment(old.x + start, old.y + row, b"\x1b[m" + b" " * (end - start), is_text=True)
            for start, end in edges.tolist()
        ]
    return out
