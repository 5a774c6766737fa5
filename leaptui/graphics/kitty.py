"""Painter for terminals with the kitty graphics protocol.

The terminal keeps images and shows parts of them where it is told, so that little has to be sent:

- the frame goes once, at its own size, and the terminal scales it: zoom and pan are one placement of about 65 bytes.
  A frame that is larger than its picture on the screen goes reduced by a power of two, and again when it is zoomed.
  Frames that were seen or are foreseen stay in the terminal's memory; stepping to one is a placement too;
- the overlay lies above it in images of their own: what stands still in tiles, of which only the changed ones are
  sent; the lines that move with the selected mark; the mark itself, which moves by its placement; the notes in
  tiles again. An image that is sent under its old id replaces the old one in one command, so nothing blinks.

Text is below all of it (z >= 0) and harms nothing. A cleared screen (ED 2), though, frees in kitty even the data.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import kitty_protocol as protocol
from leaptui.graphics import overlay
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.kitty_frames import FRAMES, Frames, Level, frame_placement, size_of
from leaptui.graphics.kitty_protocol import Placement, Script
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import Scene, Tone
from leaptui.graphics.terminal import Terminal

SMALL_PICTURE = 40_000
"""Bytes of pixels that a coarse picture has at most: about 12 kB to send."""
TILES = 5
"""Columns and rows of tiles."""

_BLOCK = 64
"""Ids of one painter."""
_LAYERS = ("lines", "still", "marker", "notes")
"""From below; the frame is under them."""


class _Wish(NamedTuple):
    """What an overlay layer has to show: two equal ones look alike."""

    geometry: tuple[object, ...]
    scene: Scene
    part: overlay.Part


class _Purges:
    """How often painters of this process freed images: that may have freed what others had placed nowhere."""

    count = 0


class KittyPainter:
    """See the module.

    Args:
        terminal: what shows the picture; with a known cell of whole pixels, overlays lie at their exact pixels.
        first_id: the first of 64 image ids; by default random, so that two programs in a terminal do not clash.
    """

    def __init__(self, terminal: Terminal, *, first_id: int | None = None) -> None:
        self._terminal = terminal
        # Seven digits, always, so that the length of commands does not depend on chance.
        start = first_id if first_id is not None else _BLOCK * random.SystemRandom().randrange(15_700, 156_000)
        self._frames = Frames(start)
        tiles = TILES * TILES
        counts = {"lines": 1, "still": tiles, "marker": 1, "notes": tiles}
        self._layers: dict[str, list[_Sprite]] = {}
        next_id = start + FRAMES
        for name in _LAYERS:
            self._layers[name] = [_Sprite(next_id + k) for k in range(counts[name])]
            next_id += counts[name]
        self._wishes: dict[str, _Wish] = {}
        self._behind = False
        self._purges = _Purges.count

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        """See `Painter`. With less than COARSE, a frame that the terminal does not have is not shown."""
        self._mind_purges()
        script = Script()
        wishes = self._wanted(scene, view)
        fine = Level(scene.key, scene.tone, self._shrink(view))
        if self._draw_frame(script, scene, view, fine, detail):
            for name in _LAYERS:
                if detail >= Detail.EDGES or (name == "marker" and self._marker_can_move(wishes[name])):
                    self._draw_layer(script, name, wishes[name], view)
        shown = (self._frames.shown, self._frames.placement)
        self._behind = shown != (fine, frame_placement(view, fine)) or self._wishes != wishes
        return script.fragments

    @property
    def is_behind(self) -> bool:
        """See `Painter`."""
        return self._behind

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        """See `Painter`. Text written over the canvas does no harm; a cleared screen takes images and their data."""
        if spans is not None:
            return
        self._frames.forget()
        self._wishes.clear()
        for sprite in self._sprites():
            sprite.pixels = None

    def hide(self) -> list[Fragment]:
        """See `Painter`. The data stay."""
        script = Script()
        self._frames.unplace(script)
        self._wishes.clear()
        for sprite in self._sprites():
            sprite.unplace(script)
        return script.fragments

    def cells(self, scene: Scene, view: View) -> list[list[Cell]] | None:
        """None: this painter needs no characters."""
        return None

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        """See `Painter`."""
        self._mind_purges()
        script = Script()
        level = Level(scene.key, scene.tone, self._shrink(view))
        if level not in self._frames:
            self._frames.send(script, level, scene.image)
        return script.fragments

    def close(self) -> list[Fragment]:
        """See `Painter`."""
        script = Script()
        used = self._frames.used | {sprite.image for sprite in self._sprites() if sprite.was_sent}
        script.add([protocol.free(image) for image in sorted(used)])
        self._frames.reset()
        self._wishes.clear()
        for sprite in self._sprites():
            sprite.reset()
        if used:
            _Purges.count += 1
            self._purges = _Purges.count
        return script.fragments

    def _mind_purges(self) -> None:
        if self._purges == _Purges.count:
            return
        self._purges = _Purges.count
        self._frames.keep_shown()
        for sprite in self._sprites():
            if sprite.placed is None:
                sprite.pixels = None

    def _sprites(self) -> Iterator[_Sprite]:
        for sprites in self._layers.values():
            yield from sprites

    # The frame ---------------------------------------------------------------------------------------------------

    def _shrink(self, view: View) -> int:
        """The largest power of two that leaves a pixel for every pixel of the screen.

        A terminal that does not tell its cell size may have twice the pixels that are assumed.
        """
        room = 1 if self._terminal.cell else 2
        spare = min(view.window.width / view.raster[0], view.window.height / view.raster[1]) / room
        shrink = 1
        while shrink * 2 <= spare:
            shrink *= 2
        return shrink

    def _draw_frame(self, script: Script, scene: Scene, view: View, fine: Level, detail: Detail) -> bool:
        """Whether the scene's frame is shown now, if not finely."""
        level = self._affordable(scene, fine, detail)
        if level is None:
            return False
        if level not in self._frames:
            self._frames.send(script, level, scene.image)
        self._frames.show(script, level, frame_placement(view, level))
        return True

    def _affordable(self, scene: Scene, fine: Level, detail: Detail) -> Level | None:
        if fine in self._frames or detail is Detail.FINE:
            return fine
        there = self._frames.finest(fine)
        if detail is Detail.COARSE:
            coarse = fine
            while size_of(scene.image, coarse.shrink) > SMALL_PICTURE:
                coarse = coarse._replace(shrink=coarse.shrink * 2)
            return there if there is not None and there.shrink <= coarse.shrink else coarse
        if there is not None:
            return there
        shown = self._frames.shown
        return shown if shown is not None and shown.key == scene.key else None

    # The overlay -------------------------------------------------------------------------------------------------

    def _wanted(self, scene: Scene, view: View) -> dict[str, _Wish]:
        geometry = (view.window, view.target, view.raster, view.cell)
        bare = replace(scene, key=None, tone=Tone(), marks=(), lines=(), notes=())
        selected = tuple(mark for mark in scene.marks if mark.selected)
        others = tuple(mark for mark in scene.marks if not mark.selected)
        moving = tuple(line for line in scene.lines if line.moving)
        fixed = tuple(line for line in scene.lines if not line.moving)
        return {
            "lines": _Wish(geometry, replace(bare, lines=moving), overlay.Part.MOVING),
            "still": _Wish(geometry, replace(bare, marks=others, lines=fixed), overlay.Part.STILL),
            "marker": _Wish(geometry, replace(bare, marks=selected), overlay.Part.MARKER),
            "notes": _Wish(geometry, replace(bare, notes=scene.notes), overlay.Part.STILL),
        }

    def _marker_can_move(self, wish: _Wish) -> bool:
        """Not into a picture whose other marks lie where they were before it was zoomed."""
        shown = self._wishes.get("marker")
        return shown is not None and shown.geometry == wish.geometry

    def _draw_layer(self, script: Script, name: str, wish: _Wish, view: View) -> None:
        if self._wishes.get(name) == wish:
            return
        self._wishes[name] = wish
        sprites = self._layers[name]
        z = _LAYERS.index(name) + 1
        if not (wish.scene.marks or wish.scene.lines or wish.scene.notes):
            for sprite in sprites:
                sprite.unplace(script)
            return
        pixels = np.zeros(view.raster[::-1], np.uint8)
        overlay.paint(pixels, wish.scene, view, first=1, part=wish.part)
        regions = _tiles(view) if len(sprites) > 1 else [Rect(0, 0, *view.raster)]
        cell = self._whole_cell(view)
        for sprite, region in zip(sprites, regions, strict=True):
            sprite.show(script, _cut(pixels, region, view, cell), z)

    def _whole_cell(self, view: View) -> tuple[int, int] | None:
        """The cell in whole pixels, if it is known to be that."""
        cell = self._terminal.cell
        if cell is None or cell != view.cell or any(side % 1 for side in cell):
            return None
        return (int(cell[0]), int(cell[1]))


class _Cut(NamedTuple):
    """A piece of an overlay."""

    pixels: NDArray[np.uint8]
    placement: Placement


class _Sprite:
    """An image of the overlay that the terminal has under an id."""

    def __init__(self, image: int) -> None:
        self.image = image
        self.reset()

    def reset(self) -> None:
        """As if it had never been sent."""
        self.pixels: NDArray[np.uint8] | None = None
        self.placed: Placement | None = None
        self.was_sent = False

    def show(self, script: Script, cut: _Cut | None, z: int) -> None:
        if cut is None:
            self.unplace(script)
            return
        placement = cut.placement._replace(z=z)
        if self.pixels is None or not np.array_equal(self.pixels, cut.pixels):
            script.add(protocol.send(self.image, protocol.drawing(cut.pixels), placement), placement)
        elif placement != self.placed:
            script.add([protocol.place(self.image, placement)], placement)
        self.pixels, self.placed, self.was_sent = cut.pixels, placement, True

    def unplace(self, script: Script) -> None:
        if self.placed is not None:
            script.add([protocol.unplace(self.image)])
        self.placed = None


def _tiles(view: View) -> list[Rect]:
    """The raster in tiles of whole cells; some may be empty."""
    borders = []
    for pixels, cells in zip(view.raster, view.target[2:], strict=True):
        side = -(-cells // TILES)
        borders.append([round(min(k * side, cells) * pixels / cells) for k in range(TILES + 1)])
    across, down = (list(itertools.pairwise(each)) for each in borders)
    return [Rect(x0, y0, x1 - x0, y1 - y0) for y0, y1 in down for x0, x1 in across]


def _cut(pixels: NDArray[np.uint8], region: Rect, view: View, cell: tuple[int, int] | None) -> _Cut | None:
    """What is painted in a region of a raster, and where it belongs.

    Args:
        pixels: (H, W) of the raster, 0 where nothing is painted.
        region: in the raster.
        view: of the raster.
        cell: in whole pixels; if None, the piece is of whole cells, for the terminal to scale.
    """
    part = pixels[region.y : region.bottom, region.x : region.right]
    rows = np.flatnonzero(part.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(part[rows[0] : rows[-1] + 1].any(axis=0))
    x0, x1 = region.x + int(columns[0]), region.x + int(columns[-1]) + 1
    y0, y1 = region.y + int(rows[0]), region.y + int(rows[-1]) + 1
    target = view.target
    if cell is not None:
        (left, dx), (top, dy) = divmod(x0, cell[0]), divmod(y0, cell[1])
        return _Cut(pixels[y0:y1, x0:x1].copy(), Placement(target.x + left, target.y + top, dx, dy))
    left, right, x0, x1 = _cells_around(x0, x1, pixels.shape[1], target.width)
    top, bottom, y0, y1 = _cells_around(y0, y1, pixels.shape[0], target.height)
    place = Placement(target.x + left, target.y + top, columns=right - left, rows=bottom - top)
    return _Cut(pixels[y0:y1, x0:x1].copy(), place)


def _cells_around(start: int, stop: int, pixels: int, cells: int) -> tuple[int, int, int, int]:
    """The cells start to stop lies in, and their own first pixel and the one after their last."""
    first = min(int(start * cells / pixels), cells - 1)
    last = min(max(-(-stop * cells // pixels), first + 1), cells)
    while first > 0 and round(first * pixels / cells) > start:
        first -= 1
    while last < cells and round(last * pixels / cells) < stop:
        last += 1
    return first, last, round(first * pixels / cells), round(last * pixels / cells)
