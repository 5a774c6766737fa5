"""LiveTable: a table of thousands of rows of which only those in sight are made, and only cells that changed are sent.

Textual's own table lays out and repaints all of itself when a cell changes; over a slow link that is most of what a
screen with a few live runs would send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from leaptui.tui.keymap import bindings

Cell = tuple[tuple[str, str], ...]
"""Parts of a cell: harmless text, and its Rich style."""

MARK = "mark"
"""Key of the column in which a click marks a row."""

_GAP = 1


@dataclass(frozen=True)
class TableColumn:
    """One column.

    Args:
        key: its name.
        title: its heading.
        width: in cells.
        right: its text stands on the right.
    """

    key: str
    title: str
    width: int
    right: bool = False


@dataclass(frozen=True)
class _Line:
    """What stands in one line of the terminal."""

    key: str | None
    cells: tuple[Cell, ...]
    is_chosen: bool


class LiveTable(ScrollView, can_focus=True):
    """Rows by key, with a cursor that stays on its row when rows change.

    Args:
        cells: makes the cells of a row, in the order of the columns.
        id: of the widget.
        opens: rows are things to open.
    """

    BINDINGS = bindings("table")
    COMPONENT_CLASSES = {"live-table--header", "live-table--sorted", "live-table--cursor"}

    class Chosen(Message):
        """A row is to be opened."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Moved(Message):
        """The cursor is on another row."""

    class HeadingChosen(Message):
        """A heading was clicked."""

        def __init__(self, column: str) -> None:
            self.column = column
            super().__init__()

    class MarkClicked(Message):
        """The mark of a row was clicked."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, cells: Callable[[str], Sequence[Cell]], *, id: str | None = None, opens: bool = True) -> None:
        super().__init__(id=id)
        self._opens = opens
        self._make = cells
        self._columns: tuple[TableColumn, ...] = ()
        self._sorted = ("", False)
        self._keys: list[str] = []
        self._cursor = 0
        self._lines: dict[int, _Line] = {}

    @property
    def keys(self) -> Sequence[str]:
        """Keys of the rows, in order."""
        return self._keys

    @property
    def chosen(self) -> str | None:
        """Key of the row under the cursor."""
        return self._keys[self._cursor] if self._keys else None

    @property
    def cursor_row(self) -> int:
        """Which row the cursor is on, from 0."""
        return self._cursor

    def show_columns(self, columns: Sequence[TableColumn], sorted_by: str, descending: bool) -> None:
        """Show these columns; `sorted_by` is the key of one of them, or of none."""
        if (tuple(columns), (sorted_by, descending)) == (self._columns, self._sorted):
            return
        self._columns, self._sorted = tuple(columns), (sorted_by, descending)
        self._lines.clear()
        self._measure()
        self.refresh()

    def show_keys(self, keys: Sequence[str]) -> None:
        """Show these rows in this order; only cells that differ from what is on the screen are drawn."""
        if keys != self._keys:
            chosen, count = self.chosen, len(self._keys)
            self._keys = list(keys)
            where = self._keys.index(chosen) if chosen in set(keys) and chosen is not None else self._cursor
            self._cursor = max(min(where, len(keys) - 1), 0)
            if len(keys) != count:
                self._measure()
            if chosen != self.chosen:
                self.post_message(self.Moved())
        self.update_rows()

    def update_rows(self) -> None:
        """Draw what has changed in the rows in sight."""
        top = round(self.scroll_offset.y)
        for y in range(1, self.size.height):
            shown = self._lines.get(y)
            line = self._line(top + y - 1)
            if shown == line:
                continue
            self._lines[y] = line
            if shown is None or shown.key != line.key or shown.is_chosen != line.is_chosen:
                self.refresh(Region(0, y, self.size.width, 1))
            else:
                self._refresh_cells(y, shown, line)

    def move_to(self, key: str) -> None:
        """Put the cursor on a row."""
        if key in self._keys:
            self._move(self._keys.index(key))

    def reset(self) -> None:
        """Draw everything anew: colours have changed."""
        self._lines.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if y == 0:
            return self._header(base)
        line = self._lines[y] = self._line(round(self.scroll_offset.y) + y - 1)
        if line.key is None:
            return Strip.blank(self.size.width, base)
        style = base + self.get_component_rich_style("live-table--cursor") if line.is_chosen else base
        segments: list[Segment] = []
        for column, cell in zip(self._columns, line.cells, strict=True):
            segments += _fitted(cell, column, style, line.is_chosen)
            segments.append(Segment(" " * _GAP, style))
        return self._cropped(segments, style)

    def _header(self, base: Style) -> Strip:
        plain = base + self.get_component_rich_style("live-table--header", partial=True)
        ordered = plain + self.get_component_rich_style("live-table--sorted", partial=True)
        segments = []
        for column in self._columns:
            is_sorted = column.key == self._sorted[0]
            title = column.title + (("▼" if self._sorted[1] else "▲") if is_sorted else "")
            title = title.rjust(column.width) if column.right else title
            segments.append(Segment(set_cell_size(title, column.width), ordered if is_sorted else plain))
            segments.append(Segment(" " * _GAP, plain))
        return self._cropped(segments, plain)

    def _cropped(self, segments: list[Segment], style: Style) -> Strip:
        left = round(self.scroll_offset.x)
        strip = Strip(segments).crop(left, left + self.size.width)
        return strip.extend_cell_length(self.size.width, style)

    def _line(self, row: int) -> _Line:
        if not 0 <= row < len(self._keys):
            return _Line(None, (), False)
        key = self._keys[row]
        return _Line(key, tuple(self._make(key)), row == self._cursor)

    def _refresh_cells(self, y: int, shown: _Line, line: _Line) -> None:
        x = -round(self.scroll_offset.x)
        for column, old, new in zip(self._columns, shown.cells, line.cells, strict=True):
            if old != new:
                self.refresh(Region(x, y, column.width, 1))
            x += column.width + _GAP

    def _measure(self) -> None:
        width = sum(column.width + _GAP for column in self._columns) - _GAP
        self.virtual_size = Size(max(width, 1), len(self._keys) + 1)

    def _move(self, row: int) -> None:
        row = max(min(row, len(self._keys) - 1), 0)
        if row == self._cursor or not self._keys:
            return
        self._cursor = row
        top, height = round(self.scroll_offset.y), max(self.size.height - 1, 1)
        if row < top:
            self.scroll_to(y=row, animate=False, force=True, immediate=True)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True, immediate=True)
        self.update_rows()
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._lines.clear()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_x(old_value, new_value)
        self._lines.clear()

    def on_resize(self) -> None:
        self._lines.clear()
        self._measure()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        column = self._column_at(offset.x + round(self.scroll_offset.x))
        if offset.y == 0:
            if column is not None and column.title:
                self.post_message(self.HeadingChosen(column.key))
            return
        row = round(self.scroll_offset.y) + offset.y - 1
        if not 0 <= row < len(self._keys):
            return
        if column is not None and column.key == MARK:
            self.post_message(self.MarkClicked(self._keys[row]))
        elif row == self._cursor:
            self.action_select_cursor()
        else:
            self._move(row)

    def _column_at(self, x: int) -> TableColumn | None:
        for column in self._columns:
            if x < column.width + _GAP:
                return column
            x -= column.width + _GAP
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._opens if action == "select_cursor" else True

    def action_select_cursor(self) -> None:
        """Open the row under the cursor."""
        if self._opens and self.chosen is not None:
            self.post_message(self.Chosen(self.chosen))

    def action_cursor_down(self) -> None:
        """Next row."""
        self._move(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """Row before."""
        self._move(self._cursor - 1)

    def action_scroll_down(self) -> None:
        """Next row, by the arrow key."""
        self._move(self._cursor + 1)

    def action_scroll_up(self) -> None:
        """Row before, by the arrow key."""
        self._move(self._cursor - 1)

    def action_page_down(self) -> None:
        """A page on."""
        self._move(self._cursor + max(self.size.height - 2, 1))

    def action_page_up(self) -> None:
        """A page back."""
        self._move(self._cursor - max(self.size.height - 2, 1))

    def action_scroll_home(self) -> None:
        """First row."""
        self._move(0)

    def action_scroll_end(self) -> None:
        """Last row."""
        self._move(len(self._keys) - 1)


def _fitted(cell: Cell, column: TableColumn, style: Style, plain: bool) -> list[Segment]:
    """A cell in the width of its column, in as few segments as can be: each costs some forty bytes on the wire.

    Under the cursor it has no colours of its own, which its ground may hide.
    """
    parts = [(part, "" if plain else own) for part, own in cell if part]
    blank = column.width - sum(cell_len(part) for part, _ in parts)
    if blank < 0:
        text = set_cell_size("".join(part for part, _ in parts), max(column.width - 1, 0)) + "…"
        parts = [(text, parts[0][1])]
    elif blank > 0 and column.right and parts:
        parts[0] = (" " * blank + parts[0][0], parts[0][1])
    elif blank > 0 and parts:
        parts[-1] = (parts[-1][0] + " " * blank, parts[-1][1])
    elif blank > 0:
        parts = [(" " * blank, "")]
    return [Segment(part, style + Style.parse(own) if own else style) for part, own in parts]
