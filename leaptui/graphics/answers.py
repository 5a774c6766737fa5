"""Answers: what a terminal said to the probe's questions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KITTY_ID = 4211
"""Number of the picture the probe asks the kitty protocol about; it is never shown."""

SYNC = 2026
IN_BAND_SIZE = 2048
PIXEL_MOUSE = 1016
MODES = (SYNC, IN_BAND_SIZE, PIXEL_MOUSE)

FENCE = b"\x1b[c"
"""DA1. Every terminal answers it, and answers come in the order of the questions: nothing follows it."""

_ATTRIBUTES = re.compile(r"\x1b\[\?([\d;]*)c")
_VERSION = re.compile(r"\x1bP>\|(.*)\x1b\\", re.DOTALL)
_KITTY = re.compile(r"\x1b_G([^;]*);(.*)\x1b\\", re.DOTALL)
_CELL = re.compile(r"\x1b\[6;(\d+);(\d+)t")
_AREA = re.compile(r"\x1b\[4;(\d+);(\d+)t")
_MODE = re.compile(r"\x1b\[\?(\d+);(\d+)\$y")
_SIXEL = re.compile(r"\x1b\[\?([12]);0;(\d+)(?:;(\d+))?S")
_BACKGROUND = re.compile(r"\x1b\]11;rgba?:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)")
_ITERM2 = re.compile(r"\x1b\]1337;ReportCellSize=([\d.]+);([\d.]+)(?:;([\d.]+))?")

Size = tuple[float, float]


def picture_questions() -> bytes:
    """What says which pictures can be shown; goes to the terminal that draws them."""
    return (
        b"\x1b_Gi=%d,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" % KITTY_ID  # kitty graphics
        + b"\x1b[>q"  # XTVERSION
        + b"\x1b[16t\x1b[14t"  # cell and text area in pixels
        + b"\x1b[?1;1;0S\x1b[?2;1;0S"  # XTSMGRAPHICS: colour registers, largest sixel picture
        + b"\x1b]1337;ReportCellSize\x07"  # iTerm2
        + b"\x1b]11;?\x1b\\"  # background
    )


def mode_questions() -> bytes:
    """What says how the screen is written and the mouse is reported (DECRQM); goes to whatever reads our output."""
    return b"".join(b"\x1b[?%d$p" % mode for mode in MODES)


@dataclass
class Answers:
    """What the terminal said; None or empty where it said nothing. Sizes are (width, height) in pixels.

    Args:
        attributes: DA1, the terminal's class first; the last answer to come.
        version: XTVERSION.
        kitty: it takes pictures by the kitty protocol.
        cell, area: of one cell, of all of them.
        modes: value by mode (DECRPM): 1 and 3 set, 2 and 4 not set, 0 unknown.
        registers: colour registers of sixel.
        largest: largest sixel picture.
        iterm2_cell: size of a cell as iTerm2 says it.
        background: colour, 8 bits a channel.
    """

    attributes: tuple[int, ...] | None = None
    version: str = ""
    kitty: bool = False
    cell: Size | None = None
    area: Size | None = None
    modes: dict[int, int] = field(default_factory=dict)
    registers: int | None = None
    largest: tuple[int, int] | None = None
    iterm2_cell: Size | None = None
    background: tuple[int, int, int] | None = None

    @property
    def has_all(self) -> bool:
        """Whether the fence was reached."""
        return self.attributes is not None

    @property
    def has_sixel(self) -> bool:
        """Whether DA1 names sixel graphics."""
        return self.attributes is not None and 4 in self.attributes[1:]

    def has_mode(self, mode: int) -> bool:
        """Whether the terminal knows a mode and lets it be set."""
        return self.modes.get(mode, 0) in (1, 2, 3)

    def hear(self, reply: str) -> None:
        """Take one reply in; whatever it is not about is left as it is."""
        if match := _ATTRIBUTES.fullmatch(reply):
            self.attributes = tuple(int(part) for part in match[1].split(";") if part)
        elif match := _VERSION.fullmatch(reply):
            self.version = "".join(char for char in match[1] if char.isprintable())[:80]
        elif match := _KITTY.fullmatch(reply):
            self.kitty = self.kitty or (f"i={KITTY_ID}" in match[1].split(",") and match[2] == "OK")
        elif match := _CELL.fullmatch(reply):
            self.cell = _size(match[2], match[1])
        elif match := _AREA.fullmatch(reply):
            self.area = _size(match[2], match[1])
        elif match := _MODE.fullmatch(reply):
            self.modes[int(match[1])] = int(match[2])
        elif match := _SIXEL.fullmatch(reply):
            self._hear_sixel(match)
        elif match := _ITERM2.match(reply):
            scale = float(match[3] or 1)
            self.iterm2_cell = _size(float(match[2]) * scale, float(match[1]) * scale)
        elif match := _BACKGROUND.match(reply):
            red, green, blue = (_eight_bits(channel) for channel in match.groups())
            self.background = (red, green, blue)

    def _hear_sixel(self, match: re.Match[str]) -> None:
        if match[1] == "1" and int(match[2]) > 0:
            self.registers = int(match[2])
        elif match[1] == "2" and match[3] and int(match[2]) > 0 and int(match[3]) > 0:
            self.largest = (int(match[2]), int(match[3]))


def _size(width: str | float, height: str | float) -> Size | None:
    size = (float(width), float(height))
    return size if min(size) > 0 else None


def _eight_bits(channel: str) -> int:
    """An X11 colour channel of 1 to 4 hexadecimal digits."""
    full: int = (1 << 4 * len(channel)) - 1
    return round(int(channel, 16) * 255 / full)
