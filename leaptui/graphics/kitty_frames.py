"""The frames that a terminal with the kitty protocol keeps, and which part of which is shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from leaptui.graphics import kitty_protocol as protocol
from leaptui.graphics import tone
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.kitty_protocol import Placement, Script
from leaptui.graphics.scene import Image, Tone

FRAMES = 8
"""Frames kept in the terminal's memory."""
MEMORY = 1 << 26
"""Bytes they may take there, four a pixel; kitty keeps 320 MB, others less."""


class Level(NamedTuple):
    """A frame as an image of the terminal: reduced by `shrink`."""

    key: Hashable
    tone: Tone
    shrink: int


class Frames:
    """The frames the terminal has, least recently shown first, and the one that is shown.

    Ids are used again rather than freed, because freeing one frees every image that is not placed.
    """

    def __init__(self, start: int) -> None:
        self._ids = range(start, start + FRAMES)
        self.reset()

    def reset(self) -> None:
        """As if nothing had ever been sent."""
        self._there: OrderedDict[Level, int] = OrderedDict()
        self._placed: int | None = None
        self.used: set[int] = set()
        self.shown: Level | None = None
        self.placement: Placement | None = None

    def __contains__(self, level: Level) -> bool:
        return level in self._there

    def finest(self, like: Level) -> Level | None:
        """Of the same frame in the same tone, the least reduced."""
        same = [level for level in self._there if level[:2] == like[:2]]
        return min(same, key=lambda level: level.shrink, default=None)

    def send(self, script: Script, level: Level, image: Image) -> None:
        """Let the terminal have a frame, in place of the one not shown for longest if there is no room."""
        space = 4 * -(-image.shape[0] // level.shrink) * -(-image.shape[1] // level.shrink)
        room = min(FRAMES, max(2, MEMORY // space))
        for old in [old for old, taken in self._there.items() if taken != self._placed]:
            if len(self._there) < room:
                break
            del self._there[old]
        free = [each for each in self._ids if each not in self._there.values() and each != self._placed]
        self._there[level] = free[0]
        self.used.add(free[0])
        pixels = tone.apply(reduced(image, level.shrink), level.tone)
        script.add(protocol.send(free[0], protocol.picture(pixels)))

    def show(self, script: Script, level: Level, placement: Placement) -> None:
        """Place a frame that the terminal has, then take the one before it away."""
        image = self._there[level]
        if (image, placement) != (self._placed, self.placement):
            script.add([protocol.place(image, placement)], placement)
        if self._placed not in (None, image):
            script.add([protocol.unplace(self._placed)])
        before = self.shown
        self._there.move_to_end(level)
        if before is not None and before in self._there and before[:2] == level[:2] and before.shrink > level.shrink:
            self._there.move_to_end(before, last=False)
        self._placed, self.shown, self.placement = image, level, placement

    def unplace(self, script: Script) -> None:
        if self._placed is not None:
            script.add([protocol.unplace(self._placed)])
        self._placed = self.shown = self.placement = None

    def forget(self) -> None:
        """The data are gone; what was placed may still be seen."""
        self._there.clear()
        self.shown = self.placement = None

    def keep_shown(self) -> None:
        """The data of frames that are not shown may be gone."""
        for level in [level for level, image in self._there.items() if image != self._placed]:
            del self._there[level]


def frame_placement(view: View, level: Level) -> Placement:
    """The window of a frame that was reduced by a power of two, to half a pixel of the reduced one."""
    sides = []
    for start, length, whole in zip(view.window[:2], view.window[2:], view.frame, strict=True):
        size = -(-whole // level.shrink)
        first = min(round(start / level.shrink), size - 1)
        last = size if start + length == whole else round((start + length) / level.shrink)
        sides.append((first, max(last - first, 1), size))
    (x, width, full_width), (y, height, full_height) = sides
    source = None if (width, height) == (full_width, full_height) else Rect(x, y, width, height)
    target = view.target
    return Placement(target.x, target.y, columns=target.width, rows=target.height, source=source)


def size_of(image: Image, shrink: int) -> int:
    """Bytes of an image's pixels when it is reduced."""
    return int(-(-image.shape[0] // shrink) * -(-image.shape[1] // shrink) * image.shape[2])


def reduced(image: Image, factor: int) -> Image:
    """The mean over squares; those cut by the border repeat its pixels."""
    if factor == 1:
        return image
    spare = (-image.shape[0] % factor, -image.shape[1] % factor)
    whole = np.pad(image, ((0, spare[0]), (0, spare[1]), (0, 0)), mode="edge")
    height, width, channels = whole.shape
    blocks = whole.reshape(height // factor, factor, width // factor, factor, channels)
    return np.asarray(blocks.mean(axis=(1, 3)) + 0.5).astype(np.uint8)
