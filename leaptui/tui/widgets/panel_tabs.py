"""PanelTabs: one row that names the panels, their keys, and which of them is in front."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from leaptui.tui.theme import rich_style
from leaptui.words import visible


class PanelTabs(Widget):
    """Keys and names; a click chooses.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "PanelTabs { height: 1; }"

    class Chosen(Message):
        """A panel was clicked."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs: Sequence[tuple[str, str, str]] = ()
        self._front = ""
        self._shown: frozenset[str] = frozenset()
        self._ends: list[tuple[int, str]] = []

    def show(self, tabs: Sequence[tuple[str, str, str]], front: str, shown: frozenset[str]) -> None:
        """Name these panels.

        Args:
            tabs: name, key and title of each.
            front: name of the one in front.
            shown: names of those in sight.
        """
        if (tabs, front, shown) != (self._tabs, self._front, self._shown):
            self._tabs, self._front, self._shown = tabs, front, shown
            self.refresh()

    def render_line(self, y: int) -> Strip:
        variables = self.app.theme_variables
        key = self.rich_style + Style(color=rich_style(variables, "footer-key-foreground"))
        quiet = self.rich_style + Style(color=rich_style(variables, "quiet"))
        # Where there is no room for all names, only the one in front has its own.
        is_short = sum(cell_len(f" {k} {visible(title)} ") for _, k, title in self._tabs) > self.size.width
        segments: list[Segment] = []
        self._ends = []
        at = 0
        for name, pressed, title in self._tabs:
            is_front = name == self._front
            words = visible(title) if is_front or not is_short else visible(title)[:4]
            style = self.rich_style + Style(bold=True, underline=True) if is_front else quiet
            if name in self._shown and not is_front:
                style = self.rich_style
            segments += [Segment(f" {pressed} ", key), Segment(words, style), Segment(" ", self.rich_style)]
            at += cell_len(f" {pressed} {words} ")
            self._ends.append((at, name))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        name = next((name for end, name in self._ends if event.x < end), None)
        if name is not None:
            self.post_message(self.Chosen(name))
