"""FactPanel: names and values in two columns, of which only cells that changed are sent."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from leaptui.tui.widgets.cell_panel import CellPanel
from leaptui.words import visible

_MOST_NAME = 0.5


class FactPanel(CellPanel):
    """As high as its facts; long values go on in the next row.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "FactPanel { height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts: Sequence[tuple[str, str]] = ()

    def show(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show names and values; foreign text in them is made visible."""
        if facts == self._facts:
            return
        width = max(self.size.width, 1)
        before = len(self._parts(width))
        self._facts = facts
        if len(self._parts(width)) != before:
            # Laying out the screen anew repaints all of it: only where there is a line more or less.
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(len(self._parts(width)), 1)

    def lines(self, width: int, height: int) -> list[Strip]:
        quiet, style = self.token("quiet"), self.rich_style
        return [Strip([Segment(name, quiet), Segment(value, style)]) for name, value in self._parts(width)]

    def _parts(self, width: int) -> list[tuple[str, str]]:
        names = [visible(name) for name, _ in self._facts]
        longest = min(max((cell_len(name) for name in names), default=0), int(width * _MOST_NAME))
        found = []
        for name, (_, value) in zip(names, self._facts, strict=True):
            shown = name if cell_len(name) <= longest else name[: max(longest - 1, 0)] + "…"
            parts = _wrapped(visible(value), max(width - longest - 1, 1))
            found.append((shown + " " * (longest - cell_len(shown) + 1), parts[0]))
            found += [(" " * (longest + 1), part) for part in parts[1:]]
        return found


def _wrapped(text: str, width: int) -> list[str]:
    """Text in parts, between words where there are any that are short enough."""
    parts: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            parts.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
        while cell_len(line) > width:
            first = chop_cells(line, width)[0]
            parts.append(first)
            line = line[len(first) :]
    return [*parts, line] if line or not parts else parts
