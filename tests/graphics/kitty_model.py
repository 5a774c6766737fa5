"""A model of a terminal with the kitty graphics protocol: bytes in, picture out.

It does what kitty 0.26 was seen to do, and is strict where terminals are lenient: what the protocol does not allow,
or what would be answered, fails the test.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.graphics.png_decoder import decode

_TOKEN = re.compile(
    rb"\x1b_G(?P<keys>[^;\x1b]*)(?:;(?P<data>[^\x1b]*))?\x1b\\"
    rb"|\x1b\[(?P<row>\d+);(?P<column>\d+)H|(?P<save>\x1b7)|(?P<restore>\x1b8)"
    rb"|\x1b\[\?2026[hl]|(?P<clear>\x1b\[2J)",
    re.S,
)
_QUOTA = 320 * 2**20


class _Placed(NamedTuple):
    column: int
    row: int
    keys: dict[str, str]


class KittyModel:
    """A screen of so many cells, each of so many pixels, black where nothing is shown."""

    def __init__(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        self.size, self.cell = (columns, rows), cell
        self.images: dict[int, NDArray[np.uint8]] = {}
        self.placements: dict[tuple[int, int], _Placed] = {}
        self.blinks = 0
        """How often an image that was shown had to vanish before it was all there again."""
        self._cursor = self._saved = (0, 0)
        self._open: tuple[dict[str, str], list[bytes]] | None = None

    def feed(self, data: bytes) -> None:
        """What the program writes."""
        at = 0
        for match in _TOKEN.finditer(data):
            assert match.start() == at, data[at : match.start()][:80]
            at = match.end()
            if match["keys"] is not None:
                self._command(dict(pair.split("=") for pair in match["keys"].decode().split(",")), match["data"] or b"")
            elif match["row"]:
                self._cursor = (int(match["column"]) - 1, int(match["row"]) - 1)
            elif match["save"]:
                self._saved = self._cursor
            elif match["restore"]:
                self._cursor = self._saved
            elif match["clear"]:
                self.clear()
        assert at == len(data), data[at:][:80]
        assert self._open is None

    def clear(self) -> None:
        """ED 2: placements go, and the data of everything that is then placed nowhere."""
        self.placements.clear()
        self.images.clear()

    def screen(self) -> NDArray[np.uint8]:
        """(H, W, 3) what is seen."""
        (columns, rows), (width, height) = self.size, self.cell
        out = np.zeros((rows * height, columns * width, 3), np.uint8)
        for (image, _), placed in sorted(self.placements.items(), key=lambda each: (int(each[1].keys["z"]), each[0])):
            pixels = _shown(self.images[image], placed.keys, self.cell)
            x = placed.column * width + int(placed.keys["X"])
            y = placed.row * height + int(placed.keys["Y"])
            part = out[y : y + pixels.shape[0], x : x + pixels.shape[1]]
            assert part.shape[:2] == pixels.shape[:2], "beyond the screen"
            np.copyto(part, pixels[..., :3], where=pixels[..., 3:] > 0)
        return out

    def _command(self, keys: dict[str, str], data: bytes) -> None:
        assert keys.get("q") == "2", "would be answered"
        assert len(data) <= 4096
        if self._open is not None:
            assert set(keys) == {"q", "m"}, "another command between two chunks"
            self._open[1].append(data)
        elif keys.get("a") in ("t", "T"):
            self._open = (keys, [data])
            if keys.get("m") == "1" and self._drop(int(keys["i"])):
                self.blinks += 1
        elif keys["a"] == "p":
            self._place(keys)
        elif keys["a"] == "d":
            self._delete(keys)
        else:
            raise AssertionError(keys)
        if self._open is None:
            return
        if keys.get("m") == "1":
            assert len(data) % 4 == 0
            return
        first, pieces = self._open
        self._open = None
        image = int(first["i"])
        self._drop(image)
        self.images[image] = _pixels(first, base64.b64decode(b"".join(pieces), validate=True))
        assert sum(each.nbytes for each in self.images.values()) < _QUOTA
        if first["a"] == "T":
            self._place(first)

    def _drop(self, image: int) -> bool:
        """Sending an image again takes its placements away."""
        mine = [key for key in self.placements if key[0] == image]
        for key in mine:
            del self.placements[key]
        self.images.pop(image, None)
        return bool(mine)

    def _place(self, keys: dict[str, str]) -> None:
        image = int(keys["i"])
        assert image in self.images, "an image that is not there is placed"
        assert keys.get("C") == "1", "the cursor would move, and the screen scroll"
        known = {"x", "y", "w", "h", "X", "Y", "c", "r", "z"}
        assert set(keys) <= known | set("aipCqmfosv"), keys
        values = {name: keys.get(name, "0") for name in known}
        assert int(values["X"]) < self.cell[0]
        assert int(values["Y"]) < self.cell[1]
        self.placements[image, int(keys["p"])] = _Placed(*self._cursor, values)

    def _delete(self, keys: dict[str, str]) -> None:
        assert set(keys) == {"a", "d", "i", "q"}
        for key in [key for key in self.placements if key[0] == int(keys["i"])]:
            del self.placements[key]
        if keys["d"] == "I":
            placed = {image for image, _ in self.placements}
            self.images = {image: pixels for image, pixels in self.images.items() if image in placed}
        else:
            assert keys["d"] == "i"


def _pixels(keys: dict[str, str], data: bytes) -> NDArray[np.uint8]:
    if keys.get("f") == "100":
        return decode(data)
    assert keys["o"] == "z"
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(int(keys["v"]), int(keys["s"]), 4)


def _shown(pixels: NDArray[np.uint8], keys: dict[str, str], cell: tuple[int, int]) -> NDArray[np.uint8]:
    x, y, w, h, c, r = (int(keys[name]) for name in "xywhcr")
    assert x + w <= pixels.shape[1]
    assert y + h <= pixels.shape[0]
    part = pixels[y : y + h if h else None, x : x + w if w else None]
    assert (c > 0) == (r > 0)
    if not c:
        return part
    width, height = c * cell[0], r * cell[1]
    rows = ((np.arange(height) + 0.5) * part.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * part.shape[1] / width).astype(int)
    return part[rows[:, None], columns]
