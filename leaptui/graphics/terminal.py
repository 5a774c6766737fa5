"""Terminal: what a terminal can show, as found by the probe or said by its user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Graphics(StrEnum):
    """Ways to show a picture, best first."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"
    SEXTANT = "sextant"
    QUADRANT = "quadrant"
    HALF = "half"
    BRAILLE = "braille"
    ASCII = "ascii"

    @property
    def has_pixels(self) -> bool:
        """Whether it shows pixels; the others are made of characters."""
        return self in (Graphics.KITTY, Graphics.ITERM2, Graphics.SIXEL)


class Colours(IntEnum):
    """How many colours text can have."""

    MONO = 2
    ANSI16 = 16
    ANSI256 = 256
    TRUE = 1 << 24


class Patch(StrEnum):
    """How a part of a picture is changed so that the rest stays exact (measured on real terminals)."""

    DELTA = "delta"
    """Only the changed pixels, sixel P2 = 1: xterm and foot composite them."""
    CELLS = "cells"
    """Opaque whole cells."""
    STRIP = "strip"
    """Opaque rows over the full width: where cells have a fractional size."""


@dataclass(frozen=True)
class Tmux:
    """Where the pane lies in the outer terminal, for pictures that are passed through.

    Args:
        left, top: cells left of and above the pane, the status line counted when it is above.
    """

    left: int = 0
    top: int = 0


@dataclass(frozen=True)
class Terminal:
    """What a terminal can show.

    Args:
        graphics: the way pictures are shown.
        colours: what text can have.
        cell: (width, height) of a cell in pixels, or None when unknown.
        name: what it calls itself.
        sync: it holds back what stands between synchronized-output marks (mode 2026).
        pixel_mouse: it reports the mouse in pixels (mode 1016).
        patch: how pictures are changed in part.
        registers: colour registers of sixel.
        largest: (width, height) in pixels of the largest sixel picture, if the terminal has a limit: xterm drops
            a picture that says it is larger, and cuts off one that does not say.
        tmux: set inside tmux, when pictures can be passed through.
        answered: it answered the probe.
        round_trip: seconds the answer took.
        reasons: why it was taken for what it is, in words.
    """

    graphics: Graphics = Graphics.HALF
    colours: Colours = Colours.ANSI256
    cell: tuple[float, float] | None = None
    name: str = ""
    sync: bool = False
    pixel_mouse: bool = False
    patch: Patch = Patch.CELLS
    registers: int = 256
    largest: tuple[int, int] | None = None
    tmux: Tmux | None = None
    answered: bool = False
    round_trip: float | None = None
    reasons: tuple[str, ...] = ()

    @property
    def cell_size(self) -> tuple[float, float]:
        """Size of a cell; where it is unknown, its usual shape: twice as high as wide."""
        return self.cell or (10.0, 20.0)
