"""Small sixel images that change a few pixels and leave the others: fewest bytes, for the moves of one mark.

Pixels that stay may be drawn again in the colour they have, which joins what would be several characters, and
pieces of several colours that lie side by side share one pass from the left border to the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.scene import Colour
from leaptui.graphics.sixel_encode import BAND, definition

Indices = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_BLANK = 63
_LONGEST_GAP = 6
"""Columns of nothing inside a piece; a wider gap ends it."""


class _Piece(NamedTuple):
    """What one colour draws from one column on, without wide gaps."""

    start: int
    end: int
    colour: int
    code: str


def encode_changes(indices: Indices, changed: Mask, colours: Sequence[Colour]) -> bytes:
    """A device control string that draws the changed pixels of an image, and maybe others as they are.

    Args:
        indices: (H, W) the new picture there.
        changed: (H, W) which pixels the screen does not show yet; at least one.
        colours: what the indices stand for.

    Raises:
        ValueError: if nothing changed.
    """
    if not changed.any():
        raise ValueError("nothing changed")
    indices = _first_of_each(tuple(colours))[indices]
    selected: list[int] = []
    parts: list[str | int] = []
    active = last = -1
    for top in range(0, len(indices), BAND):
        band = slice(top, top + BAND)
        if not changed[band].any():
            continue
        parts.append("-" * (top // BAND - max(last, 0)))
        last = top // BAND
        passes = _passes(_pieces(indices[band], changed[band]))
        # A pass that begins in the colour at hand needs not select it.
        passes.sort(key=lambda chosen: chosen[0].colour != active)
        for number, pieces in enumerate(passes):
            if number:
                parts.append("$")
            at = 0
            for piece in pieces:
                if piece.colour != active:
                    active = piece.colour
                    selected.append(active)
                    parts.append(active)
                parts.append(_times("?", piece.start - at))
                parts.append(piece.code)
                at = piece.end
    often = np.bincount(selected)
    order = np.argsort(-often, kind="stable")[: np.count_nonzero(often)].tolist()
    register = {index: place for place, index in enumerate(order)}
    defined = b"".join(definition(place, colours[index]) for index, place in register.items())
    body = "".join(part if isinstance(part, str) else f"#{register[part]}" for part in parts)
    return b"\x1bP;1q" + defined + body.encode() + b"\x1b\\"


@lru_cache(maxsize=8)
def _first_of_each(colours: tuple[Colour, ...]) -> Indices:
    """(256,) the first index with the same colour."""
    table = np.arange(256, dtype=np.uint8)
    table[: len(colours)] = [colours.index(colour) for colour in colours]
    return table


def _pieces(rows: Indices, changed: Mask) -> list[_Piece]:
    """A band's pieces of all colours, cut at wide gaps."""
    bits = (1 << np.arange(len(rows)))[:, None]
    pieces: list[_Piece] = []
    for index in np.unique(rows[changed]).tolist():
        same = rows == index
        needed = ((changed & same) * bits).sum(axis=0)
        allowed = (same * bits).sum(axis=0)
        places = np.flatnonzero(needed)
        cuts = np.flatnonzero(np.diff(places) > _LONGEST_GAP)
        starts = places[np.append(0, cuts + 1)].tolist()
        ends = (places[np.append(cuts, len(places) - 1)] + 1).tolist()
        for start, end in zip(starts, ends, strict=True):
            pieces.append(_Piece(start, end, index, _code(needed[start:end].tolist(), allowed[start:end].tolist())))
    return pieces


def _code(needed: list[int], allowed: list[int]) -> str:
    """Columns as characters, each kept as long as it draws what is needed and nothing that is not allowed."""
    code = []
    x = 0
    while x < len(needed):
        want, may = needed[x], allowed[x]
        end = x + 1
        while end < len(needed) and not (want | needed[end]) & ~(may & allowed[end]):
            want |= needed[end]
            may &= allowed[end]
            end += 1
        code.append(_times(chr(_BLANK + want), end - x))
        x = end
    return "".join(code)


def _passes(pieces: list[_Piece]) -> list[list[_Piece]]:
    """Pieces from left to right, as many in one pass as do not overlap."""
    left = sorted(pieces, key=lambda piece: (piece.start, -piece.end))
    passes = []
    while left:
        chosen: list[_Piece] = []
        rest: list[_Piece] = []
        at = 0
        for piece in left:
            if piece.start >= at:
                chosen.append(piece)
                at = piece.end
            else:
                rest.append(piece)
        passes.append(chosen)
        left = rest
    return passes


def _times(char: str, count: int) -> str:
    return char * count if count <= 3 else f"!{count}{char}"
