"""ProgressLine: how far something is, on one line.

Textual's own progress bar moves while nothing is known and lays out the screen at every step, which is a
full repaint: too much for a slow link, for something that is looked at for hours.
"""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from leaptui.tui.theme import rich_style
from leaptui.words import visible


class ProgressLine(Widget):
    """A bar, the share done, and words; without a share, only the words.

    Args:
        id: of the widget.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.fraction: float | None = None
        self.words = ""

    def show(self, fraction: float | None, words: str = "") -> None:
        """Show this share, from 0 to 1, and these words."""
        if (fraction, words) == (self.fraction, self.words):
            return
        before = self._parts()
        self.fraction, self.words = fraction, words
        if self._parts() != before:
            self.refresh()

    def render(self) -> Text:
        bar, rest, share, words = self._parts()
        variables = self.app.theme_variables
        quiet = rich_style(variables, "quiet")
        return Text.assemble(
            (bar, rich_style(variables, "state-running")), (rest, quiet), f" {share}", (words, quiet), no_wrap=True
        )

    def _parts(self) -> tuple[str, str, str, str]:
        words = f"  {visible(self.words)}" if self.words else ""
        share = "  … " if self.fraction is None else f"{100 * self.fraction:3.0f} %"
        room = max(self.size.width - len(share) - len(words) - 1, 4)
        halves = 0 if self.fraction is None else round(2 * room * self.fraction)
        bar = "━" * (halves // 2) + ("╸" if halves % 2 else "")
        return bar, "─" * (room - len(bar)), share, words
