"""Sixel images out of palette indices, encoded with array operations.

The format (DEC STD 070; VT330/VT340 programmer's reference, chapter 14): a picture is drawn in bands of six rows.
Within a band each colour is drawn on its own from the left, one character a column, its six bits the rows that get
the colour. `#` selects or defines a colour, `!` repeats, `$` goes back to the left border, `-` on to the next band.
With P2 = 1 what is not drawn keeps what was there.

A band's colours are drawn in the order of the palette, and a colour may be drawn over rows that later ones cover
anyway. With greys in order, most columns of a photograph then start with a full character, and full characters
side by side are one run: a third fewer bytes than drawing every pixel once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.scene import Colour

Indices = NDArray[np.uint8]
Integers = NDArray[np.int64]

BAND = 6
"""Rows of pixels in a band."""
KEEP = 255
"""The index of pixels that are not drawn."""

_BLANK = 63
"""The character of no bits; others follow."""
_REPEAT = ord("!")
_SHORT = 3
"""So many equal characters are not longer than their repetition."""


class _Runs(NamedTuple):
    """Equal characters side by side, sorted by plane and start."""

    plane: Integers
    """What one colour draws in one band: band * 256 + index."""
    start: Integers
    length: Integers
    bits: Integers


def definition(register: int, colour: Colour) -> bytes:
    """A register's colour; sixel counts in percent."""
    return b"#%d;2;%d;%d;%d" % (register, *((value * 100 + 127) // 255 for value in colour))


def shown(colour: Colour) -> Colour:
    """What is left of a colour after it was said in percent."""
    red, green, blue = (((value * 100 + 127) // 255 * 255 + 50) // 100 for value in colour)
    return (red, green, blue)


def encode(indices: Indices, colours: Sequence[Colour]) -> bytes:
    """A device control string that draws an index image at the cursor and defines the colours it uses.

    Args:
        indices: (H, W); `KEEP` is left as it is on the screen.
        colours: what the indices stand for, at most 255; fewest bytes where neighbours in it are neighbours in
            the picture.

    Raises:
        ValueError: if the image is empty or an index has no colour.
    """
    height, width = indices.shape
    if not height or not width:
        raise ValueError(f"an image of {width} x {height} pixels")
    bands = -(-height // BAND)
    padded = np.full((bands * BAND, width), KEEP, np.uint8)
    padded[:height] = indices
    rows = [np.ascontiguousarray(padded[row::BAND]) for row in range(BAND)]
    runs = _bridged(_runs(rows), rows, height - (bands - 1) * BAND)
    often = np.bincount(runs.plane & 255, minlength=1)
    if len(often) > len(colours):
        raise ValueError(f"an index of {len(often) - 1} in a palette of {len(colours)}")
    # The colours of most runs get the registers of one digit.
    order = np.argsort(-often, kind="stable")[: np.count_nonzero(often)]
    register = np.zeros(256, np.int64)
    register[order] = np.arange(len(order))
    has_holes = bool((indices == KEEP).any())
    head = b'\x1bP0;%d;0q"1;1;%d;%d' % (int(has_holes), width, height)
    defined = b"".join(definition(place, colours[index]) for place, index in enumerate(order.tolist()))
    return head + defined + (_written(runs, register) if len(order) else b"") + b"\x1b\\"


def _runs(rows: list[Indices]) -> _Runs:
    """Every colour of every column once: its rows and those that later colours will cover, joined to runs."""
    bands, width = rows[0].shape
    drawn = [row != KEEP for row in rows]
    first = [mask.copy() for mask in drawn]
    bits = [np.full((bands, width), 1 << row, np.uint8) for row in range(BAND)]
    for upper in range(BAND):
        for lower in range(upper + 1, BAND):
            # What is not drawn has the highest index of all and must not count as a later colour.
            above = rows[lower] >= rows[upper]
            below = rows[upper] >= rows[lower]
            first[lower] &= ~(above & below)
            bits[upper] |= (above & drawn[lower]).view(np.uint8) << lower
            bits[lower] |= (below & drawn[upper]).view(np.uint8) << upper
    where = [np.flatnonzero(mask) for mask in first]
    place = np.concatenate(where)
    colour = np.concatenate([row.reshape(-1)[at] for row, at in zip(rows, where, strict=True)])
    mask = np.concatenate([bit.reshape(-1)[at] for bit, at in zip(bits, where, strict=True)])
    band, column = np.divmod(place, width)
    # One column more, so that the last of a plane and the first of the next are no neighbours.
    key = ((band << 8 | colour) * (width + 1) + column) << BAND | mask
    key.sort()
    step = 1 << BAND
    begins = np.flatnonzero(np.diff(key, prepend=-2 * step) != step)
    length = np.diff(begins, append=len(key))
    plane, start = np.divmod(key[begins] >> BAND, width + 1)
    return _Runs(plane, start, length, key[begins] & (step - 1))


def _bridged(runs: _Runs, rows: list[Indices], rest: int) -> _Runs:
    """Full characters on both sides of a gap that later colours cover wholly become one run.

    Args:
        rest: rows in the last band.
    """
    bands, width = rows[0].shape
    lowest = np.minimum.reduce(rows)
    lowest[np.maximum.reduce(rows) == KEEP] = 0
    lowest[-1] = np.minimum.reduce(rows[:rest])[-1]
    lowest[-1][np.maximum.reduce(rows[:rest])[-1] == KEEP] = 0
    band, colour = runs.plane >> 8, runs.plane & 255
    full = np.where(band == bands - 1, (1 << rest) - 1, (1 << BAND) - 1)
    end = runs.start + runs.length
    is_full = runs.bits == full
    candidate = np.flatnonzero((runs.plane[1:] == runs.plane[:-1]) & is_full[1:] & is_full[:-1]) + 1
    if not len(candidate):
        return runs
    gaps = np.stack([band[candidate] * width + end[candidate - 1], band[candidate] * width + runs.start[candidate]], 1)
    covered = np.minimum.reduceat(np.append(lowest.reshape(-1), np.uint8(0)), gaps.reshape(-1))[::2]
    joined = np.zeros(len(end), bool)
    joined[candidate] = covered > colour[candidate]
    begins = np.flatnonzero(~joined)
    last = np.append(begins[1:], len(end)) - 1
    start = runs.start[begins]
    return _Runs(runs.plane[begins], start, end[last] - start, runs.bits[begins])


def _written(runs: _Runs, register: Integers) -> bytes:
    """The characters of all runs, each plane with its colour before it."""
    opens = np.diff(runs.plane, prepend=-1) != 0
    before = np.where(opens, 0, np.roll(runs.start + runs.length, 1))
    gap = runs.start - before
    heads = _heads(runs.plane[opens], register)
    head_size = np.zeros(len(opens), np.int64)
    head_size[opens] = [len(head) for head in heads]
    gap_size, run_size = _size(gap), _size(runs.length)
    end = np.cumsum(head_size + gap_size + run_size)
    out = np.empty(int(end[-1]), np.uint8)
    _repeat(out, end - run_size, runs.length, runs.bits + _BLANK)
    _repeat(out, end - run_size - gap_size, gap, np.full(len(gap), _BLANK))
    sizes = head_size[opens]
    at = np.repeat((end - run_size - gap_size - head_size)[opens] - (np.cumsum(sizes) - sizes), sizes)
    out[at + np.arange(len(at))] = np.frombuffer(b"".join(heads), np.uint8)
    return out.tobytes()


def _heads(planes: Integers, register: Integers) -> list[bytes]:
    """The way to each plane's left border, and its colour."""
    heads = []
    band = colour = -1
    for plane in planes.tolist():
        here, register_here = plane >> 8, int(register[plane & 255])
        way = b"$" if here == band else b"-" * (here - max(band, 0))
        heads.append(way + (b"#%d" % register_here if register_here != colour else b""))
        band, colour = here, register_here
    return heads


def _size(count: Integers) -> Integers:
    """Characters that so many repetitions take."""
    digits = 1 + (count > 9) + (count > 99) + (count > 999) + (count > 9999)
    return np.where(count <= _SHORT, count, digits + 2)


def _repeat(out: Indices, at: Integers, count: Integers, char: Integers) -> None:
    """Write each character so many times, the short way."""
    for place in range(_SHORT):
        some = (count > place) & (count <= _SHORT)
        out[at[some] + place] = char[some]
    some = count > _SHORT
    at, count, char = at[some], count[some], char[some]
    out[at] = _REPEAT
    digit = at + _size(count) - 1
    out[digit] = char
    while len(count):
        digit = digit - 1
        out[digit] = ord("0") + count % 10
        more = count > 9
        digit, count = digit[more], count[more] // 10
