"""The kitty graphics protocol as bytes (sw.kovidgoyal.net/kitty/graphics-protocol): direct placements only.

What holds in every terminal that has the protocol, kitty 0.20, Konsole, WezTerm and Ghostty among them, is used and
nothing else: no Unicode placeholders, no animation frames. Every command is quiet (q=2), because an answer that
comes late would be taken for keys.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics import png
from leaptui.graphics.geometry import Rect
from leaptui.graphics.painter import Fragment
from leaptui.graphics.scene import COLOURS, Image

CHUNK = 4096
"""Characters of base64 in one command, as the protocol has it."""
FRAGMENT = 1 << 18
"""Bytes after which a new fragment begins: tmux drops what passes through it in pieces beyond a megabyte."""

_MANY = 16_000
"""Pixels above which blank RGBA costs more than the head of a PNG."""
_PALETTE = ((0, 0, 0), *COLOURS)
_RGBA = np.zeros((256, 4), np.uint8)
_RGBA[1 : len(_PALETTE), :3] = COLOURS
_RGBA[1 : len(_PALETTE), 3] = 255


class Placement(NamedTuple):
    """Where an image is shown.

    Args:
        column, row: cell of the canvas its top-left corner lies in.
        dx, dy: pixels right of and below that cell's corner.
        columns, rows: cells it is scaled to; 0 for its own size in pixels.
        source: the part of it that is shown; None for all.
        z: what is higher covers what is lower.
    """

    column: int
    row: int
    dx: int = 0
    dy: int = 0
    columns: int = 0
    rows: int = 0
    source: Rect | None = None
    z: int = 0

    @property
    def keys(self) -> bytes:
        """The control keys; what is 0 is left out."""
        source = self.source or Rect(0, 0, 0, 0)
        named = zip(b"xywhXYcrz", (*source, self.dx, self.dy, self.columns, self.rows, self.z), strict=True)
        return b"p=1," + b"".join(b"%c=%d," % (name, value) for name, value in named if value) + b"C=1"


class Payload(NamedTuple):
    """Pixels in a form the terminal reads.

    Args:
        keys: the control keys that say which, each followed by a comma.
        data: the bytes, not yet as base64.
    """

    keys: bytes
    data: bytes


def picture(pixels: Image) -> Payload:
    """(H, W, 1) or (H, W, 3) as PNG; colours that are all grey as grey."""
    red = pixels[..., 0]
    if pixels.shape[2] == 1 or (np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2])):
        return Payload(b"f=100,", png.encode(red, level=6))
    return Payload(b"f=100,", png.encode(pixels, level=6))


def drawing(indices: NDArray[np.uint8]) -> Payload:
    """(H, W) indices, 0 transparent and k + 1 for colour k of `COLOURS`: as palette PNG or raw, whatever is smaller."""
    level = 9 if indices.size <= _MANY else 6
    small, colours = png.compact(indices, _PALETTE)
    best = Payload(b"f=100,", png.encode(small, palette=colours, transparent=0, level=level))
    if indices.size > _MANY:
        return best
    height, width = indices.shape
    raw = Payload(b"o=z,s=%d,v=%d," % (width, height), zlib.compress(_RGBA[indices].tobytes(), level))
    return min(raw, best, key=lambda each: len(each.keys) + len(each.data) * 4 // 3)


def send(image: int, payload: Payload, placement: Placement | None = None) -> list[bytes]:
    """Commands that store an image under an id, and show it at the cursor if there is a placement.

    What was stored under the id, with its placement, is replaced.
    """
    head = b"i=%d," % image + payload.keys
    head = b"a=t," + head if placement is None else b"a=T," + head + placement.keys + b","
    data = base64.b64encode(payload.data)
    if len(data) <= CHUNK:
        return [b"\x1b_G" + head + b"q=2;" + data + b"\x1b\\"]
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    first = b"\x1b_G" + head + b"q=2,m=1;" + pieces[0] + b"\x1b\\"
    middle = [b"\x1b_Gq=2,m=1;" + piece + b"\x1b\\" for piece in pieces[1:-1]]
    return [first, *middle, b"\x1b_Gq=2,m=0;" + pieces[-1] + b"\x1b\\"]


def place(image: int, placement: Placement) -> bytes:
    """Show an image at the cursor; its placement before that is gone."""
    return b"\x1b_Ga=p,i=%d," % image + placement.keys + b",q=2\x1b\\"


def unplace(image: int) -> bytes:
    """Show an image no more; its data stay."""
    return b"\x1b_Ga=d,d=i,i=%d,q=2\x1b\\" % image


def free(image: int) -> bytes:
    """Delete an image.

    kitty then frees every image that is placed nowhere (0.26; newer ones only this one).
    """
    return b"\x1b_Ga=d,d=I,i=%d,q=2\x1b\\" % image


class Script:
    """Commands in order, and the cell at which the cursor has to be for each."""

    def __init__(self) -> None:
        self._parts: list[tuple[tuple[int, int], list[bytes]]] = []
        self._size = 0

    def add(self, commands: Sequence[bytes], at: Placement | None = None) -> None:
        """Append commands; without a placement they do not mind the cursor."""
        for command in commands:
            cell = (at.column, at.row) if at is not None else self._parts[-1][0] if self._parts else (0, 0)
            if not self._parts or cell != self._parts[-1][0] or self._size + len(command) > FRAGMENT:
                self._parts.append((cell, []))
                self._size = 0
            self._parts[-1][1].append(command)
            self._size += len(command)

    @property
    def fragments(self) -> list[Fragment]:
        """As fragments, commands at one cell together."""
        return [Fragment(column, row, b"".join(commands)) for (column, row), commands in self._parts]
