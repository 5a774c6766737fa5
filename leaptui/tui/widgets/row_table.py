"""RowTable: a table of things to open, with a cursor that stays on its thing when rows change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.widgets import DataTable

from leaptui.tui.keymap import bindings


class RowTable(DataTable[Text]):
    """Rows by key.

    Args:
        columns: headings by column key.
        id: of the widget.
    """

    BINDINGS = bindings("table")

    def __init__(self, columns: Sequence[tuple[str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._headings = dict(columns)
        self._shown: tuple[str, ...] = ()

    def on_mount(self) -> None:
        self._show_columns(tuple(self._headings))

    @property
    def chosen(self) -> str | None:
        """Key of the row under the cursor."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def show_rows(self, rows: Sequence[tuple[str, Mapping[str, Text]]], columns: Sequence[str] | None = None) -> None:
        """Show these rows, changing only cells that differ while the keys stay the same.

        Args:
            rows: key, and cells by column.
            columns: which columns, where there is no room for all.
        """
        keys = [key for key, _ in rows]
        chosen, line = self.chosen, self.cursor_row
        wanted = tuple(self._headings) if columns is None else tuple(columns)
        if wanted == self._shown and keys == [key.value for key in self.rows]:
            self._fit_columns(rows)
            for key, cells in rows:
                self._update_row(key, cells)
            return
        if wanted != self._shown:
            self._show_columns(wanted)
        self.clear()
        self._fit_columns(rows)
        for key, cells in rows:
            self.add_row(*(cells[column] for column in wanted), key=key)
        if keys:
            self.move_cursor(row=keys.index(chosen) if chosen in keys else min(line, len(keys) - 1))

    def _show_columns(self, columns: tuple[str, ...]) -> None:
        self.clear(columns=True)
        for column in columns:
            self.add_column(self._headings[column], key=column)
        self._shown = columns

    def _fit_columns(self, rows: Sequence[tuple[str, Mapping[str, Text]]]) -> None:
        # DataTable measures new cells when it is idle, but keeps lines painted before that: a line
        # painted in between would stay cut to the old width. So widths are set before the cells are.
        for key, column in zip(self._shown, self.ordered_columns, strict=True):
            column.auto_width = False
            column.width = max([column.label.cell_len, *(cells[key].cell_len for _, cells in rows)])

    def _update_row(self, key: str, cells: Mapping[str, Text]) -> None:
        for column in self._shown:
            old, new = self.get_cell(key, column), cells[column]
            if old != new or old.style != new.style:
                self.update_cell(key, column, new, update_width=True)
