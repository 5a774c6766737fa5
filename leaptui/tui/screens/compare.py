"""CompareScreen: several runs side by side, live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer

from leaptui.ops.compare import Row
from leaptui.tui import messages
from leaptui.tui.comparison import KINDS, MOST, cells, curves, table
from leaptui.tui.keymap import bindings
from leaptui.tui.run_columns import Drawing, short_name
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.services import Services
from leaptui.tui.styles import style
from leaptui.tui.widgets.curves import CurvePanel
from leaptui.tui.widgets.live_table import Cell, LiveTable, TableColumn
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import shortened, visible

_EVERY = 2.0
_NAME = 24
_NARROW_NAME = 19
_LEAST, _MOST = 12, 28
"""Cells of a run's column."""


class CompareScreen(Screen[None]):
    """Curves, settings and figures of several runs.

    Args:
        paths: their run directories; of more than 26 the first.
        services: how to read them.
    """

    CSS_PATH = [style("runs"), style("compare")]
    BINDINGS = bindings("compare")
    SCOPES = ("compare", "plot", "table")
    AUTO_FOCUS = "LiveTable"

    def __init__(self, paths: Sequence[Path], services: Services) -> None:
        super().__init__()
        self._paths = tuple(paths[:MOST])
        self._services = services
        self._readers = {path: services.reader(path) for path in self._paths}
        self._read_before: dict[Path, RunPicture] = {}
        self._pictures: Sequence[RunPicture] = ()
        self._lines: dict[str, tuple[str, Row | None]] = {}
        self._kind = 0
        self._log = True
        self._everything = False
        self._looking = False

    def compose(self) -> ComposeResult:
        yield TitleBar("runs", f"{len(self._paths)} compared")
        with Horizontal(id="middle"):
            yield CurvePanel(KINDS[0].title, KINDS[0].nothing, id="curves")
            yield LiveTable(self._cells, id="values", opens=False)
        yield Footer()

    def on_mount(self) -> None:
        self.set_interval(_EVERY, self._look)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.query_one(LiveTable).reset())
        self.query_one(TitleBar).show_note("reading …")
        self._look()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_table)

    def _look(self) -> None:
        if not self._looking and self.is_active:
            self._looking = True
            self._read()

    @work(thread=True, group="compare")
    def _read(self) -> None:
        """Runs that have ended are read once."""
        for path, reader in self._readers.items():
            known = self._read_before.get(path)
            if known is None or not known.is_final or known.behind:
                self._read_before[path] = reader.look()
        self.post_message(messages.ComparedRead([self._read_before[path] for path in self._paths]))

    @on(messages.ComparedRead)
    def _compared_read(self, message: messages.ComparedRead) -> None:
        message.stop()
        self._looking = False
        pictures = message.pictures
        same = len(pictures) == len(self._pictures) and all(
            new is old for new, old in zip(pictures, self._pictures, strict=True)
        )
        if same:
            return
        self._pictures = pictures
        self._show()

    def _show(self) -> None:
        going = sum(not picture.is_final for picture in self._pictures)
        self.query_one(TitleBar).show_note(f"{going} not over yet" if going else "all over")
        self._show_curves()
        self._lines = table(self._pictures, everything=self._everything)
        self._show_table()

    def _show_curves(self) -> None:
        series, marks = curves(self._pictures, KINDS[self._kind])
        self.query_one("#curves", CurvePanel).show(series, marks=marks, log=self._log)

    def _show_table(self) -> None:
        if not self._pictures:
            return
        shown = self.query_one(LiveTable)
        name = _NAME if shown.size.width >= 80 else _NARROW_NAME
        each = max((shown.size.width - 1 - name) // len(self._pictures) - 1, _LEAST)
        columns = [TableColumn("name", "", name)]
        for index, picture in enumerate(self._pictures):
            title = f"{ascii_uppercase[index]} {visible(short_name(picture))}"
            columns.append(TableColumn(ascii_uppercase[index], shortened(title, min(each, _MOST)), min(each, _MOST)))
        shown.show_columns(columns, "", False)
        shown.show_keys(list(self._lines))

    def _cells(self, key: str) -> Sequence[Cell]:
        draw = Drawing(self.app.theme_variables, self._services.now(), {}, frozenset())
        line = self._lines.get(key)
        return [()] * (len(self._pictures) + 1) if line is None else cells(line, len(self._pictures), draw)

    @on(LiveTable.HeadingChosen)
    def _open(self, message: LiveTable.HeadingChosen) -> None:
        """A click on a run's heading opens it."""
        index = ascii_uppercase.find(message.column)
        if 0 <= index < len(self._paths):
            self.post_message(messages.OpenRun(self._paths[index]))

    def action_curve(self) -> None:
        """The next curve."""
        self._kind = (self._kind + 1) % len(KINDS)
        self.query_one("#curves", CurvePanel).retitle(KINDS[self._kind].title)
        self._show_curves()

    def action_log_scale(self) -> None:
        """A logarithmic or a linear axis."""
        self._log = not self._log
        self._show_curves()

    def action_all_settings(self) -> None:
        """Every setting, or those that differ."""
        self._everything = not self._everything
        self._show()

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()
