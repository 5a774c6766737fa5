"""LogPanel: lines of text that are followed, scrolled and searched; only rows that changed are sent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from leaptui.tui.keymap import bindings
from leaptui.tui.widgets.cell_panel import CellPanel
from leaptui.words import plural

Line = tuple[str, str]
"""Harmless text, and a theme token, "" for plain."""


class LogPanel(CellPanel, can_focus=True):
    """A head row that says what is seen, and lines under it.

    Args:
        nothing: said while there are no lines.
        id: of the widget.
    """

    BINDINGS = bindings("log")

    class Wanted(Message):
        """Somebody wants the log shown otherwise: "source" or "wrap"."""

        def __init__(self, what: str) -> None:
            self.what = what
            super().__init__()

    def __init__(self, nothing: str = "Nothing was logged yet.", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._nothing = nothing
        self._source = ""
        self._all: Sequence[Line] = ()
        self._wrap = True
        self._left = 0
        self._top = 0
        self._follows = True
        self._words = ""
        self._hits: list[int] = []
        self._hit: int | None = None
        self._from: int | None = None
        self._starts: list[int] = [0]

    @property
    def follows(self) -> bool:
        """Whether the newest line stays in sight."""
        return self._follows

    @property
    def wrap(self) -> bool:
        """Whether long lines go on in the next row."""
        return self._wrap

    @wrap.setter
    def wrap(self, wrap: bool) -> None:
        first = self._line_at(self._top)
        self._wrap, self._left = wrap, 0
        self._measure()
        self._put_top(self._starts[min(first, len(self._starts) - 1)], keep_following=True)

    @property
    def search(self) -> str:
        """What is searched, "" for nothing."""
        return self._words

    def show(self, lines: Sequence[Line], *, dropped: int = 0, name: str = "") -> None:
        """Show these lines.

        Args:
            lines: all of them, oldest first.
            dropped: how many of those that were shown before are gone from the beginning.
            name: what they are.
        """
        if name == self._source and not dropped and len(lines) == len(self._all) and lines == self._all:
            return
        is_other, before = name != self._source, len(self._all)
        top_line, inside = (0, 0) if is_other else self._anchor()
        self._all, self._source = lines, name
        self._measure()
        self._find(moved=dropped)
        at = max(top_line - dropped, 0)
        row = self._starts[min(at, len(self._starts) - 1)] + (inside if top_line >= dropped else 0)
        if is_other:
            self._follows = True
        self._put_top(row, keep_following=True)
        if self._words and self._hit is None and not before:
            self._go_near()

    def look_for(self, words: str) -> None:
        """Search; upper and lower case are one unless the words have upper case. "" ends the search."""
        if not self._words:
            # What is typed letter by letter is looked for from where it began.
            self._from = None if self._follows else self._line_at(self._top)
        self._words, self._hit = words, None
        self._find()
        self._go_near()
        self.redraw()

    def _go_near(self) -> None:
        """To the nearest hit at or before where the search began: the newest, where that was the end."""
        if self._hits:
            self._go_to(max(bisect_right(self._hits, len(self._all) if self._from is None else self._from) - 1, 0))

    def next_hit(self, by: int) -> bool:
        """Go to the next line with what is searched, around the end; False where there is none."""
        if not self._hits:
            return False
        now = -1 if self._hit is None else bisect_right(self._hits, self._hit) - 1
        self._go_to((now + by) % len(self._hits))
        return True

    def _go_to(self, position: int) -> None:
        self._hit = self._hits[position]
        row = self._starts[self._hit]
        if not self._top <= row < self._top + self._rows or self._follows:
            self._follows = False
            self._put_top(row - self._rows // 2)
        self.redraw()

    def _find(self, moved: int = 0) -> None:
        words = self._words
        if not words:
            self._hits, self._hit = [], None
            return
        has_case = words != words.lower()
        self._hits = [
            number for number, (text, _) in enumerate(self._all) if words in (text if has_case else text.lower())
        ]
        if self._hit is not None:
            self._hit = self._hit - moved if self._hit >= moved else None

    @property
    def _rows(self) -> int:
        return max(self.size.height - 1, 1)

    def _measure(self) -> None:
        """Where each line begins, in rows."""
        width = max(self.size.width, 1)
        heights = (max(-(-cell_len(text) // width), 1) if self._wrap else 1 for text, _ in self._all)
        self._starts = [0, *accumulate(heights)]

    def _line_at(self, row: int) -> int:
        return max(bisect_right(self._starts, max(row, 0)) - 1, 0)

    def _anchor(self) -> tuple[int, int]:
        line = self._line_at(self._top)
        return line, self._top - self._starts[line]

    def _put_top(self, row: int, *, keep_following: bool = False) -> None:
        last = max(self._starts[-1] - self._rows, 0)
        self._top = last if keep_following and self._follows else min(max(row, 0), last)
        self.redraw()

    def _scroll_by(self, rows: int) -> None:
        last = max(self._starts[-1] - self._rows, 0)
        self._follows = self._top + rows >= last
        self._put_top(self._top + rows)

    def on_resize(self) -> None:
        line, _ = self._anchor()
        self._measure()
        self._put_top(self._starts[min(line, len(self._starts) - 1)], keep_following=True)

    def lines(self, width: int, height: int) -> list[Strip]:
        found = [self._head(width)]
        if not self._all:
            return [*found, Strip([Segment(f" {self._nothing}"[:width], self.token("quiet"))])]
        row, number = self._top, self._line_at(self._top)
        while len(found) < height and number < len(self._all):
            text, token = self._all[number]
            parts = self._cut(text, width)[row - self._starts[number] :]
            style = self.token(token) if token else self.rich_style
            found += [self._row(part, style, is_hit=number == self._hit) for part in parts[: height - len(found)]]
            number += 1
            row = self._starts[min(number, len(self._starts) - 1)]
        return found

    def _cut(self, text: str, width: int) -> list[str]:
        if not self._wrap:
            return [text[self._left :]]
        return chop_cells(text, width) or [""]

    def _row(self, text: str, style: Style, *, is_hit: bool) -> Strip:
        words = self._words
        if not words:
            return Strip([Segment(text, style)])
        within = text if words != words.lower() else text.lower()
        shown = style + (
            Style(reverse=True, bold=True) if is_hit else Style(underline=True, bold=True) + self.token("warning")
        )
        parts, at = [], 0
        while (found := within.find(words, at)) >= 0:
            parts += [Segment(text[at:found], style), Segment(text[found : found + len(words)], shown)]
            at = found + len(words)
        return Strip([*parts, Segment(text[at:], style)])

    def _head(self, width: int) -> Strip:
        words = [self._source] if self._source else []
        if self._all:
            first, last = self._line_at(self._top) + 1, self._line_at(self._top + self._rows - 1) + 1
            last = min(last, len(self._all))
            words.append(
                plural(len(self._all), "line")
                if first == 1 and last == len(self._all)
                else f"{first:,} to {last:,} of {len(self._all):,}"
            )
        if not self._follows:
            words.append("scrolled: End follows")
        if self._words:
            at = 0 if self._hit is None else bisect_right(self._hits, self._hit)
            words.append(f"/{self._words}: {f'{at} of {len(self._hits)}' if self._hits else 'not found'}")
        return Strip([Segment(" · ".join(words)[:width], self.token("quiet"))])

    def action_source(self) -> None:
        """The other source of lines."""
        self.post_message(self.Wanted("source"))

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.post_message(self.Wanted("wrap"))

    def action_scroll(self, rows: int) -> None:
        """Scroll by rows."""
        self._scroll_by(rows)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll_by(pages * max(self._rows - 1, 1))

    def action_top(self) -> None:
        """To the oldest line."""
        self._scroll_by(-self._top)

    def action_follow(self) -> None:
        """To the newest line, and stay there."""
        self._follows = True
        self._put_top(0, keep_following=True)

    def action_sideways(self, columns: int) -> None:
        """Where lines are not wrapped, look at their later columns."""
        if not self._wrap:
            self._left = max(self._left + columns, 0)
            self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll_by(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll_by(-3)
        event.stop()


def lines_dropped(old: Sequence[Line], new: Sequence[Line]) -> int:
    """How many lines of a bounded list went from its beginning while others came at its end."""
    for gone in range(len(old) + 1):
        kept = len(old) - gone
        if kept <= len(new) and list(old[gone:]) == list(new[:kept]):
            return gone
    return len(old)
