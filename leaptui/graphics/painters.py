"""Which painter for which terminal."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from leaptui.graphics.painter import Painter
from leaptui.graphics.terminal import Graphics, Terminal

PAINTERS: dict[Graphics, str] = {
    Graphics.KITTY: "leaptui.graphics.kitty:KittyPainter",
    Graphics.ITERM2: "leaptui.graphics.iterm2:ITerm2Painter",
    Graphics.SIXEL: "leaptui.graphics.sixel:SixelPainter",
    Graphics.SEXTANT: "leaptui.graphics.cells:CellPainter",
    Graphics.QUADRANT: "leaptui.graphics.cells:CellPainter",
    Graphics.HALF: "leaptui.graphics.cells:CellPainter",
    Graphics.BRAILLE: "leaptui.graphics.cells:CellPainter",
    Graphics.ASCII: "leaptui.graphics.cells:CellPainter",
}


def make(terminal: Terminal) -> Painter:
    """A painter for a terminal."""
    module, _, name = PAINTERS[terminal.graphics].partition(":")
    return cast(Painter, getattr(import_module(module), name)(terminal))
