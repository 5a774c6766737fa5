"""NodeList: the nodes of the skeleton with the state of each in the selected animal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from leaptui.tui.theme import rich_style
from leaptui.words import visible

GLYPHS = {"empty": "·", "predicted": "◇", "placed": "●", "occluded": "○"}
"""Signs of the states; the canvas draws the same shapes."""


@dataclass(frozen=True)
class NodeRow:
    """One node.

    Args:
        name: its name.
        state: a key of `GLYPHS`.
        colour: "#rrggbb" of its marks.
        score: how sure the model is, or None.
    """

    name: str
    state: str = "empty"
    colour: str = "#ffffff"
    score: float | None = None


class NodeList(Widget):
    """A list that shows and tells; what is selected is said by its owner."""

    can_focus = False

    class Chosen(Message):
        """Somebody clicked on a node."""

        def __init__(self, index: int) -> None:
            self.index = index
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[NodeRow] = ()
        self._selected = -1
        self._order: Sequence[int] = ()
        self._top = 0

    def show(self, rows: Sequence[NodeRow], selected: int, found: Sequence[int] | None = None) -> None:
        """Show nodes.

        Args:
            rows: every node, in the order of the skeleton.
            selected: which one is selected.
            found: only these, in this order, while one is searched for.
        """
        order = tuple(range(len(rows))) if found is None else tuple(found)
        if (rows, selected, order) == (self._rows, self._selected, self._order):
            return
        self._rows, self._selected, self._order = rows, selected, order
        self._scroll()
        self.refresh()

    def on_resize(self) -> None:
        self._scroll()

    def _scroll(self) -> None:
        height = max(1, self.size.height)
        at = self._order.index(self._selected) if self._selected in self._order else 0
        self._top = min(max(self._top, at - height + 2, 0), max(0, at - 1), max(0, len(self._order) - height))
        if at >= self._top + height:
            self._top = at - height + 1

    def render_line(self, y: int) -> Strip:
        width, at = self.size.width, self._top + y
        if at >= len(self._order):
            return Strip.blank(width, self.rich_style)
        index = self._order[at]
        row = self._rows[index]
        ground = self.rich_style
        quiet = ground + Style.parse(rich_style(self.app.theme_variables, "quiet"))
        if index == self._selected:
            ground = ground + Style(reverse=True, bold=True)
            quiet = ground
        sign = ground + Style(color=row.colour) if index != self._selected else ground
        score = "" if row.score is None or row.state != "predicted" else f"{row.score:.2f}"
        room = max(1, width - 6 - len(score))
        name = visible(row.name)[:room]
        strip = Strip(
            [
                Segment(f"{index + 1:>3} ", quiet),
                Segment(GLYPHS[row.state], sign),
                Segment(" ", ground),
                Segment(name.ljust(room), ground if row.state != "empty" or index == self._selected else quiet),
                Segment(score, quiet),
            ]
        )
        return strip.adjust_cell_length(width, ground)

    def on_click(self, event: events.Click) -> None:
        at = self._top + event.y
        if 0 <= at < len(self._order):
            self.post_message(self.Chosen(self._order[at]))

    def on_mouse_scroll_down(self) -> None:
        self._top = min(self._top + 3, max(0, len(self._order) - self.size.height))
        self.refresh()

    def on_mouse_scroll_up(self) -> None:
        self._top = max(0, self._top - 3)
        self.refresh()
