"""TimelineBar: what every frame of a video is, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from leaptui.tui.theme import rich_style

GLYPHS = " ░▒█"
"""Nothing, predicted, partly labelled, labelled: told apart without colour."""
_TOKENS = ("quiet", "quiet", "state-stale", "state-finished")


class TimelineBar(Widget):
    """One column is a stretch of frames and shows the most that any of them has; a click goes there."""

    can_focus = False

    class Chosen(Message):
        """Somebody clicked on a column.

        Args:
            share: where in the video, 0 to 1, at the middle of the column.
            column: which column.
        """

        def __init__(self, share: float, column: int) -> None:
            self.share = share
            self.column = column
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns: Sequence[int] = ()
        self._cursor = 0

    def show(self, columns: Sequence[int], cursor: int) -> None:
        """Show the state of each column (an index of `GLYPHS`), and the column of the frame in sight."""
        if (list(columns), cursor) != (list(self._columns), self._cursor):
            self._columns, self._cursor = list(columns), cursor
            self.refresh()

    def render_line(self, y: int) -> Strip:
        variables = self.app.theme_variables
        styles = [self.rich_style + Style.parse(rich_style(variables, token)) for token in _TOKENS]
        cursor = self.rich_style + Style(color=rich_style(variables, "primary"), bold=True, reverse=True)
        segments = [
            Segment("▲" if i == self._cursor else GLYPHS[state], cursor if i == self._cursor else styles[state])
            for i, state in enumerate(self._columns)
        ]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, self.rich_style)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.capture_mouse()
        self._choose(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if event.button:
            self._choose(event.x)

    def on_mouse_up(self) -> None:
        self.release_mouse()

    def _choose(self, x: float) -> None:
        count = len(self._columns)
        column = int(x)
        if 0 <= column < count:
            self.post_message(self.Chosen((column + 0.5) / count, column))
