"""Which of the bytes that arrived were a new picture, and when it was complete.

How it is counted:

- leaptui ends every burst with `CSI 6n`. A burst is an update if its bytes are not those of the burst before and if it
  answers to a key: what comes later than 0.2 s after the burst before, without a key in between, only makes the same
  place finer (the canvas waits 0.25 s before it does).
- textual-image sends whole pictures: a sixel string, an image and its placement, or rows of half blocks between
  synchronized-output marks. A picture is an update if it is not the picture before; sending one twice counts once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from leaptui.graphics.burst import PING, SYNC_END

_REFINING = 0.2
"""Seconds after a burst from which another one without a key is the same place again, finer."""

_BURST = re.compile(rb"(.*?)" + re.escape(PING), re.DOTALL)
_SIXEL = re.compile(rb"\x1bP[0-9;]*q.*?\x1b\\", re.DOTALL)
_KITTY = re.compile(rb"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")
_TEXT = re.compile(rb"(.*?)" + re.escape(SYNC_END), re.DOTALL)
_HALF_BLOCK = "▀".encode()


@dataclass(frozen=True)
class Arrivals:
    """What a program wrote over some time; times in seconds of one clock.

    Args:
        arrived: pieces, and when they arrived at the terminal.
        written: numbers of bytes, and when the program wrote them.
        keys: when keys were pressed.
    """

    arrived: Sequence[tuple[float, bytes]]
    written: Sequence[tuple[float, int]]
    keys: Sequence[float]

    @property
    def data(self) -> bytes:
        """Everything."""
        return b"".join(piece for _, piece in self.arrived)

    def arrival(self) -> Callable[[int], float]:
        """When the byte at a place arrived."""
        return _times([(at, len(piece)) for at, piece in self.arrived])

    def writing(self) -> Callable[[int], float]:
        """When the byte at a place was written."""
        return _times(self.written)


def ours(arrivals: Arrivals) -> list[float]:
    """When the updates of leaptui were complete."""
    arrival, writing, keys = arrivals.arrival(), arrivals.writing(), sorted(arrivals.keys)
    found = []
    before, written_before = b"", float("-inf")
    for match in _BURST.finditer(arrivals.data):
        written = writing(match.end() - 1)
        answers = bisect_right(keys, written_before) < bisect_right(keys, written)
        if match[1] != before and (answers or written - written_before < _REFINING):
            found.append(arrival(match.end() - 1))
        before, written_before = match[1], written
    return found


def of_textual_image(kind: str, arrivals: Arrivals) -> list[float]:
    """When the updates of textual-image were complete."""
    arrival = arrivals.arrival()
    pictures = {"sixel": _sixels, "kitty": _placed, "half": _blocks}[kind](arrivals.data)
    found = []
    before: bytes | None = None
    for picture, end in pictures:
        if picture != before:
            found.append(arrival(end - 1))
        before = picture
    return found


def _sixels(data: bytes) -> Iterator[tuple[bytes, int]]:
    for match in _SIXEL.finditer(data):
        yield match[0], match.end()


def _placed(data: bytes) -> Iterator[tuple[bytes, int]]:
    payload: list[bytes] = []
    for match in _KITTY.finditer(data):
        controls = match[1].split(b",")
        if b"a=p" in controls:
            yield b"".join(payload), match.end()
            payload.clear()
        elif match[2]:
            payload.append(match[2])


def _blocks(data: bytes) -> Iterator[tuple[bytes, int]]:
    for match in _TEXT.finditer(data):
        if _HALF_BLOCK in match[1]:
            yield match[1], match.end()


def _times(pieces: Sequence[tuple[float, int]]) -> Callable[[int], float]:
    ends = list(accumulate(size for _, size in pieces))

    def at(place: int) -> float:
        return pieces[min(bisect_right(ends, place), len(pieces) - 1)][0]

    return at
