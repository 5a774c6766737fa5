"""Hint grid: any place of the picture by a few keys.

Letters lie over the part of the frame that is seen. The first letter picks a row, the second a column, then a key
of q w e / a s d / z x c picks the ninth of the cell that lies there on the keyboard, and again a ninth of that,
as often as wanted. The keys of the ninths are no row letters, so a row letter says that the point is where it
should be and begins the next one: a person who goes on to the next node types three or four keys a point.

    f  j t d    point in row j, column t, right ninth            (and the next node is selected)
       h a q q  the next one, refined twice
       escape   done
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from string import ascii_lowercase

from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Line, Note

NINTHS = "qweasdzxc"
"""Keys of the ninths of a cell, row by row, as they lie on the keyboard."""
ROW_LETTERS = "fjghkrtuypvbnm"
"""Letters of the rows: the home row first; none of `NINTHS`, and no i, l, o, which look like others."""
COLUMN_LETTERS = "fjdksaghrueiwtyqpvncmbxz"
"""Letters of the columns: the home row first; no l and o."""
_MIDDLE = "s"
_ROOM = (2.4, 1.2)
"""Cells of the area along each side from which on the borders of ninths can be told apart."""
_GUIDE_COLOUR = 4
_ARROWS = ("left", "right", "up", "down")
_NOTE_COLUMNS = 3
"""Cells of the area that two letters and a gap need."""
_NOTE_ROWS = 1


class Fed(Enum):
    """What a key meant."""

    OPEN = auto()
    """It was taken; there is no other point than before. A letter that means nothing here is taken too: it was
    meant for the grid, and as a command it might do harm."""
    POINT = auto()
    """`point` is a place now, or another one; more ninths refine it."""
    NEXT = auto()
    """The point of before is final, and the key is the first of the next one."""
    DONE = auto()
    """The point of before is final; the grid is at its beginning."""
    CLOSED = auto()
    """The grid goes away; a point of before is final."""
    UNKNOWN = auto()
    """It was not taken: it means what it means without the grid."""


class Stage(Enum):
    """How far a point is."""

    ROW = auto()
    COLUMN = auto()
    NINTH = auto()


@dataclass(frozen=True)
class _Box:
    """A rectangle of the area, in cells."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    def part(self, column: int, row: int, columns: int, rows: int) -> _Box:
        """One of columns x rows equal parts."""
        width, height = self.width / columns, self.height / rows
        return _Box(self.left + column * width, self.top + row * height, width, height)


class HintGrid:
    """The keys typed so far, and what they mean in a view.

    Args:
        view: what is seen; the grid divides what `view.target` covers.
        rows, columns: letters to use, or as many as there is room for.

    A grid is made anew when the view changes.
    """

    def __init__(self, view: View, rows: int | None = None, columns: int | None = None) -> None:
        self.view = view
        target = view.target
        self.rows = min(rows or max(target.height // _NOTE_ROWS, 1), len(ROW_LETTERS))
        self.columns = min(columns or max(target.width // _NOTE_COLUMNS, 1), len(COLUMN_LETTERS))
        self._whole = _Box(target.x, target.y, target.width, target.height)
        self._keys: list[str] = []

    @property
    def stage(self) -> Stage:
        """What the next letter picks."""
        return (Stage.ROW, Stage.COLUMN, Stage.NINTH)[min(len(self._keys), 2)]

    @property
    def keys(self) -> str:
        """What was typed for this point."""
        return "".join(self._keys)

    @property
    def point(self) -> tuple[float, float] | None:
        """Image coordinates of the middle of what was picked; None before the first ninth.

        Two letters alone are no point yet: the cell is coarse, and the ninth in its middle is a key away.
        """
        if len(self._keys) < 3:
            return None
        x, y = self.view.to_image(self._box().middle)
        return float(x), float(y)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of what was picked, in source pixels."""
        box = self._box()
        corners = self.view.to_image([(box.left, box.top), (box.left + box.width, box.top + box.height)])
        return float(corners[1, 0] - corners[0, 0]), float(corners[1, 1] - corners[0, 1])

    def feed(self, key: str) -> Fed:
        """Take a key, by Textual's name: a letter, "backspace", "enter", "space", "escape".

        After a key that is not taken, such as one that selects another node, the next letter begins a point;
        only arrows leave the point of before open to more ninths.
        """
        if key == "escape":
            self._keys.clear()
            return Fed.CLOSED
        if key == "backspace":
            if not self._keys:
                return Fed.CLOSED
            self._keys.pop()
            return Fed.POINT if len(self._keys) >= 3 else Fed.OPEN
        if key in ("enter", "space") and self.point is not None:
            self._keys.clear()
            return Fed.DONE
        if len(key) == 1 and key in ascii_lowercase:
            return self._letter(key)
        if key.rpartition("+")[2] not in _ARROWS:
            self._keys.clear()
        return Fed.UNKNOWN

    def _letter(self, letter: str) -> Fed:
        rows, columns = ROW_LETTERS[: self.rows], COLUMN_LETTERS[: self.columns]
        if self.stage is Stage.COLUMN:
            if letter in columns:
                self._keys.append(letter)
            return Fed.OPEN
        if self.stage is Stage.NINTH and letter in NINTHS:
            self._keys.append(letter)
            return Fed.POINT
        if letter not in rows:
            return Fed.OPEN
        going_on = self.point is not None
        self._keys = [letter]
        return Fed.NEXT if going_on else Fed.OPEN

    def restart(self) -> None:
        """Forget what was typed."""
        self._keys.clear()

    def keys_for(self, point: tuple[float, float], within: float = 0.0, most: int = 6) -> str | None:
        """The keys that lead to a place of the image.

        Args:
            point: image coordinates.
            within: stop as soon as the middle of what is picked is so near, in source pixels.
            most: keys at most; at least three.

        Returns:
            None if the place is not seen.
        """
        if not self.view.sees(point):
            return None
        column, row = (float(v) for v in self.view.to_cell(point))
        at = (column - self._whole.left) / self._whole.width, (row - self._whole.top) / self._whole.height
        box, keys = self._whole, ""
        parts = [(self.columns, self.rows)] + [(3, 3)] * (most - 2)
        for depth, (columns, rows) in enumerate(parts):
            x = (column - box.left) / box.width if depth else at[0]
            y = (row - box.top) / box.height if depth else at[1]
            i, j = min(int(x * columns), columns - 1), min(int(y * rows), rows - 1)
            i, j = max(i, 0), max(j, 0)
            keys += ROW_LETTERS[j] + COLUMN_LETTERS[i] if depth == 0 else NINTHS[3 * j + i]
            box = box.part(i, j, columns, rows)
            middle = self.view.to_image(box.middle)
            off = float(((middle[0] - point[0]) ** 2 + (middle[1] - point[1]) ** 2) ** 0.5)
            if depth and off <= within:
                break
        return keys

    def notes(self) -> tuple[Note, ...]:
        """What to write over the picture: the letters that can be typed now."""
        if self.stage is Stage.NINTH:
            return self._ninth_notes()
        row_picked = ROW_LETTERS.index(self._keys[0]) if self._keys else None
        found: list[Note] = []
        for row in range(self.rows):
            for column in range(self.columns):
                x, y = self._whole.part(column, row, self.columns, self.rows).middle
                if row_picked is None:
                    found.append(Note(x, y, ROW_LETTERS[row] + COLUMN_LETTERS[column]))
                elif row == row_picked:
                    found.append(Note(x, y, COLUMN_LETTERS[column]))
        return tuple(found)

    def _ninth_notes(self) -> tuple[Note, ...]:
        """The nine keys but the middle one, around what was picked, so that they do not cover it."""
        box, target = self._box(), self.view.target
        x, y = box.middle
        aside, above = box.width / 2 + 1.0, box.height / 2 + 0.6
        x = min(max(x, target.x + aside + 0.5), target.right - aside - 0.5)
        y = min(max(y, target.y + above + 0.5), target.bottom - above - 0.5)
        return tuple(
            Note(x + (i % 3 - 1) * aside, y + (i // 3 - 1) * above, letter)
            for i, letter in enumerate(NINTHS)
            if letter != _MIDDLE
        )

    def guides(self) -> tuple[Line, ...]:
        """The borders of what was picked, and of its ninths where there is room, as lines of a scene."""
        if self.stage is not Stage.NINTH:
            return ()
        box = self._box()
        roomy = box.width >= _ROOM[0] and box.height >= _ROOM[1]
        found = []
        for part in (0, 1, 2, 3) if roomy else (0, 3):
            across, down = box.left + box.width * part / 3, box.top + box.height * part / 3
            ends = [
                [(across, box.top), (across, box.top + box.height)],
                [(box.left, down), (box.left + box.width, down)],
            ]
            for (x0, y0), (x1, y1) in self.view.to_image(ends).tolist():
                found.append(Line(x0, y0, x1, y1, _GUIDE_COLOUR))
        return tuple(found)

    def _box(self) -> _Box:
        box = self._whole
        if len(self._keys) >= 2:
            row, column = ROW_LETTERS.index(self._keys[0]), COLUMN_LETTERS.index(self._keys[1])
            box = box.part(column, row, self.columns, self.rows)
        elif self._keys:
            box = box.part(0, ROW_LETTERS.index(self._keys[0]), 1, self.rows)
        for letter in self._keys[2:]:
            index = NINTHS.index(letter)
            box = box.part(index % 3, index // 3, 3, 3)
        return box


class PointHints:
    """Letters beside the shown points: one or two of them select a node without counting Tabs.

    Args:
        view: what is seen.
        points: (instance, node, x, y) of each point, the selected animal's first.
    """

    def __init__(self, view: View, points: Sequence[tuple[int, int, float, float]]) -> None:
        self.view = view
        seen = [p for p in points if view.sees((p[2], p[3]))]
        codes = _codes(len(seen))
        self._points = dict(zip(codes, seen, strict=True))
        self._typed = ""

    def feed(self, key: str) -> tuple[int, int] | Fed:
        """Take a key: (instance, node) when it is known which point is meant, else OPEN, CLOSED or UNKNOWN."""
        if key == "escape" or (key == "backspace" and not self._typed):
            return Fed.CLOSED
        if key == "backspace":
            self._typed = self._typed[:-1]
            return Fed.OPEN
        typed = self._typed + key.lower()
        if typed in self._points:
            instance, node, _, _ = self._points[typed]
            return instance, node
        if len(key) != 1 or not any(code.startswith(typed) for code in self._points):
            return Fed.UNKNOWN
        self._typed = typed
        return Fed.OPEN

    def code_of(self, instance: int, node: int) -> str | None:
        """The letters of a point; None if it is not seen."""
        return next((code for code, p in self._points.items() if p[:2] == (instance, node)), None)

    def notes(self) -> tuple[Note, ...]:
        """The letters that can be typed now, each beside its point where there is room."""
        taken: set[tuple[int, int]] = set()
        found = []
        for code, (_, _, x, y) in self._points.items():
            if not code.startswith(self._typed):
                continue
            text = code[len(self._typed) :]
            column, row = (float(v) for v in self.view.to_cell((x, y)))
            spot = self._free(column, row, len(text), taken)
            found.append(Note(spot[0] + len(text) / 2, spot[1] + 0.5, text))
        return tuple(found)

    def _free(self, column: float, row: float, length: int, taken: set[tuple[int, int]]) -> tuple[int, int]:
        """The first cell of free ones near a place, inside the area; the place itself if there is none."""
        at, line = int(column), int(row)
        width, height = self.view.area
        for dx, dy in ((1, 0), (-length, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-length, -1), (-length, 1), (2, 0)):
            cells = {(at + dx + i, line + dy) for i in range(length)}
            if not cells & taken and all(0 <= c < width and 0 <= r < height for c, r in cells):
                taken |= cells
                return at + dx, line + dy
        return at, line


def _codes(count: int) -> list[str]:
    """That many codes of one or two letters, none of which begins another, the shortest and easiest first."""
    letters = COLUMN_LETTERS
    firsts = 0
    while len(letters) - firsts + firsts * len(letters) < count and firsts < len(letters):
        firsts += 1
    single = list(letters[: len(letters) - firsts])
    double = [a + b for a in letters[len(letters) - firsts :] for b in letters]
    return (single + double)[:count]
