"""CellPanel: lines of cells, of which only what has changed is drawn again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from leaptui.tui.theme import rich_style

_ACROSS = " ▏▎▍▌▋▊▉█"
_UP = "▁▂▃▄▅▆▇█"


class CellPanel(Widget):
    """A widget whose whole content is made anew after a change, compared with what is shown, and sent in parts.

    Subclasses make the content in `lines`, and call `redraw` when it may have changed.
    """

    DEFAULT_CSS = """
    CellPanel { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] = []
        self._ground: tuple[object, ...] = ()

    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """What is to be seen in so many columns and rows; fewer lines leave the rest empty."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.redraw())

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Make the content, and draw what differs from what is shown."""
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return
        style = self.rich_style
        made = [strip.adjust_cell_length(width, style) for strip in self.lines(width, height)[:height]]
        made += [Strip.blank(width, style)] * (height - len(made))
        ground = (width, height, style)
        old, self._lines = self._lines, made
        if ground != self._ground or len(old) != len(made):
            self._ground = ground
            self.refresh()
            return
        changed = [(y, _difference(a, b)) for y, (a, b) in enumerate(zip(old, made, strict=True)) if a != b]
        regions = [Region(first, y, end - first, 1) for y, (first, end) in changed if end > first]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        if self._ground[2:] != (self.rich_style,):
            # Focus and hover may change the ground without a word.
            self.call_later(self.redraw)
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def token(self, name: str, *, bold: bool = False) -> Style:
        """The ground of the panel with the colour of a token of the theme."""
        return self.rich_style + Style(color=rich_style(self.app.theme_variables, name), bold=bold or None)

    def bar(self, share: float | None, width: int, token: str, *, track: bool = True) -> list[Segment]:
        """A horizontal bar of eighths of a cell, on a track of its whole length; dots where None is known."""
        field = Style(bgcolor=rich_style(self.app.theme_variables, "field")) if track else Style()
        if share is None or share != share:
            return [Segment("·" * width, self.token("quiet"))]
        full, part = divmod(round(min(max(share, 0.0), 1.0) * width * 8), 8)
        text = "█" * full + (_ACROSS[part] if part else "")
        return [Segment(text, self.token(token) + field), Segment(" " * (width - len(text)), self.rich_style + field)]


def spark(values: Sequence[float | None], width: int) -> str:
    """The last values, 0 to 1, as columns of eighths of a cell, the newest at the right; blank where unknown."""
    shown = values[-width:] if width > 0 else ()
    text = "".join(" " if v is None or v != v else _UP[round(min(max(v, 0.0), 1.0) * 7)] for v in shown)
    return text.rjust(width)


def _difference(old: Strip, new: Strip) -> tuple[int, int]:
    """First column and column after the last in which two lines differ."""
    before, after = _cells(old), _cells(new)
    if len(before) != len(after):
        return (0, max(old.cell_length, new.cell_length))
    differ = [x for x, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return (differ[0], differ[-1] + 1) if differ else (0, 0)


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """One entry a column; the second column of a wide character has none of its own."""
    found: list[tuple[str, Style | None]] = []
    for segment in strip:
        for character in segment.text:
            found.append((character, segment.style))
            found += [("", segment.style)] * (Segment(character).cell_length - 1)
    return found
