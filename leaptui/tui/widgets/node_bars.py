"""NodeBars: the validation error of each body part, as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from leaptui.formats.symmetry import guess_symmetries
from leaptui.graphics.scene import OVERLAY
from leaptui.tui.keymap import bindings
from leaptui.tui.widgets.cell_panel import CellPanel
from leaptui.words import figure, percent, plural, visible

_SIDES = {"left": ("L", 0), "right": ("R", 1), "": (" ", 2)}
"""Letters of the sides and positions of their colours in `OVERLAY`; the canvas uses the same colours."""
_WORST = 3
_NAME_SHARE = 0.36


class NodeBars(CellPanel, can_focus=True):
    """One line a node: its side, name, mean error as a bar, in pixels, and as share of the body length.

    The worst three are marked. Sorted by error or in the order of the skeleton; scrolls where there are more nodes
    than rows.
    """

    BINDINGS = bindings("nodes")
    DEFAULT_CSS = """
    NodeBars { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._errors: Sequence[tuple[str, float | None]] = ()
        self._body: float | None = None
        self._sides: dict[str, str] = {}
        self._by_error = True
        self._top = 0

    @property
    def by_error(self) -> bool:
        """Whether the worst come first; otherwise the order is the skeleton's."""
        return self._by_error

    @by_error.setter
    def by_error(self, by_error: bool) -> None:
        self._by_error = by_error
        self._put_top(0)

    def show(self, node_errors: Sequence[tuple[str, float | None]], body_length: float | None = None) -> None:
        """Show mean errors.

        Args:
            node_errors: name and error in px of each node, in the order of the skeleton; None where none is known.
            body_length: px, or None where the skeleton defines none.
        """
        if (node_errors, body_length) == (self._errors, self._body):
            return
        names = [name for name, _ in node_errors]
        if names != [name for name, _ in self._errors]:
            pairs = guess_symmetries(names)
            self._sides = {left: "left" for left, _ in pairs} | {right: "right" for _, right in pairs}
        self._errors, self._body = tuple(node_errors), body_length
        self._put_top(self._top)

    def lines(self, width: int, height: int) -> list[Strip]:
        if not self._errors:
            words = "no node errors: nothing was validated yet"
            return [Strip([Segment(words[:width], self.token("quiet"))])]
        known = sorted((error for _, error in self._errors if _is_known(error)), reverse=True)
        most = known[0] if known else None
        worst = known[min(_WORST, len(known)) - 1] if len(known) > _WORST else math.inf
        ordered = self._ordered()
        rows = self._rows(height)
        found = [
            self._line(name, error, most, _is_known(error) and error >= worst, width)
            for name, error in ordered[self._top : self._top + rows]
        ]
        if rows < len(ordered):
            below = len(ordered) - self._top - rows
            words = (
                f"{self._top} above, {plural(below, 'node')} below" if self._top else f"{plural(below, 'node')} below"
            )
            found.append(Strip([Segment(words[:width], self.token("quiet"))]))
        return found

    def _rows(self, height: int) -> int:
        """Nodes that can be seen; the last row says how many cannot."""
        return height if len(self._errors) <= height else max(height - 1, 1)

    def _ordered(self) -> list[tuple[str, float | None]]:
        if not self._by_error:
            return list(self._errors)
        return sorted(self._errors, key=lambda each: -each[1] if _is_known(each[1]) else math.inf)

    def _line(self, name: str, error: float | None, most: float | None, is_worst: bool, width: int) -> Strip:
        sign, colour = _SIDES[self._sides.get(name, "")]
        ground, quiet = self.rich_style, self.token("quiet")
        side = ground + Style(color=f"rgb({','.join(str(v) for v in OVERLAY[colour])})")
        value = f"{figure(error, 'px'):>8}" if _is_known(error) else f"{'–':>8}"
        if self._body and width >= 40:
            value += f"{percent(error / self._body if _is_known(error) else None):>8}"
        longest = max(cell_len(visible(each)) for each, _ in self._errors)
        room = max(min(longest, int(width * _NAME_SHARE)), 1)
        bar = max(width - room - len(value) - 5, 0)
        shown = visible(name)
        shown = shown if cell_len(shown) <= room else shown[: room - 1] + "…"
        mark = self.token("error", bold=True) if is_worst else ground
        share = None if not _is_known(error) or not most else error / most
        return Strip(
            [
                Segment(f"{sign} ", side),
                Segment(shown + " " * (room - cell_len(shown) + 1), mark),
                *self.bar(share, bar, "curve-best" if is_worst else "curve-error", track=False),
                Segment(value, quiet if not _is_known(error) else ground),
                Segment(" !" if is_worst else "  ", mark),
            ]
        )

    def _put_top(self, top: int) -> None:
        self._top = max(0, min(top, len(self._errors) - self._rows(max(self.size.height, 1))))
        self.redraw()

    def on_resize(self) -> None:
        self._put_top(self._top)

    def action_sort(self) -> None:
        """Worst first, or in the order of the skeleton."""
        self.by_error = not self.by_error

    def action_scroll(self, rows: int) -> None:
        """Scroll by so many nodes."""
        self._put_top(self._top + rows)

    def action_page(self, pages: int) -> None:
        """Scroll by so many pages."""
        self._put_top(self._top + pages * max(self.size.height - 2, 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._put_top(self._top + 3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._put_top(self._top - 3)
        event.stop()


def _is_known(error: float | None) -> TypeGuard[float]:
    return error is not None and math.isfinite(error)
