"""RunsScreen: every run of a project, live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, Input, Static

from leaptui.errors import LeaptuiError
from leaptui.tui import messages
from leaptui.tui.keymap import bindings
from leaptui.tui.run_columns import BY_KEY, COLUMNS, GOING, Drawing, columns_for, key_of, matching, ordered
from leaptui.tui.run_deeds import RunDeeds
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_queue import QueueLook
from leaptui.tui.run_shelf import ShelfLook
from leaptui.tui.screens.projects import FilterInput
from leaptui.tui.services import Services
from leaptui.tui.session import Session
from leaptui.tui.styles import style
from leaptui.tui.widgets.live_table import Cell, LiveTable
from leaptui.tui.widgets.queue_panel import QueuePanel
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import plural, shortened, visible

_SORTED_BY = "when"
_CLOCK_EVERY = 60.0
_QUEUE_EVERY = 3.0


class RunFilter(FilterInput):
    """What the runs are filtered by; escape clears it."""

    def action_leave(self) -> None:
        """Back to the table."""
        self.screen.query_one(LiveTable).focus()


class RunsScreen(RunDeeds):
    """A table of runs that changes in place.

    Args:
        session: the open project; its `runs` are what is shown.
        services: what can be done to runs.
    """

    CSS_PATH = style("runs")
    BINDINGS = bindings("runs")
    SCOPES = ("runs", "table", "filter")
    AUTO_FOCUS = "LiveTable"

    def __init__(self, session: Session, services: Services) -> None:
        super().__init__()
        self._session = session
        self._services = services
        self._runs: dict[str, RunPicture] = {}
        self._shown: list[str] = []
        self._marked: set[str] = set()
        self._order = (_SORTED_BY, True)
        self._drawing = Drawing({}, 0.0, {}, frozenset())
        self._detail = ""
        self._queue: QueueLook | None = None
        self._queue_wanted: bool | None = None
        self._reading_queue = False
        self._queue_trouble = ""

    def compose(self) -> ComposeResult:
        yield TitleBar(self._session.project.name, "runs")
        yield RunFilter(placeholder="words of a name, state, tag or operation", id="filter", compact=True)
        with Vertical(id="middle"):
            yield LiveTable(self._cells, id="runs")
            yield Static("Nothing was run yet.", id="no-runs", classes="nothing")
        yield QueuePanel(id="queue")
        yield Static("", id="detail", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.query_one("#queue").display = False
        self.set_interval(_CLOCK_EVERY, self._show)
        self.set_interval(_QUEUE_EVERY, self._look_at_queue)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())

    def on_screen_resume(self) -> None:
        if self._session.runs is not None:
            self.show_runs(self._session.runs)
        self.action_refresh()

    def on_resize(self) -> None:
        self._show()

    def show_runs(self, look: ShelfLook) -> None:
        """Take a look at the runs."""
        self._runs = {key_of(run): run for run in look.runs}
        self._marked &= self._runs.keys()
        self._show()

    def _show(self) -> None:
        """Everything again; what is the same is not drawn."""
        if not self.query(LiveTable):
            # Runs were read between the opening of the screen and its composing, which shows them.
            return
        look = self._session.runs
        if look is None:
            self.query_one(TitleBar).show_note("reading …")
            return
        wanted = self.query_one("#filter", Input).value
        by, descending = self._order
        found = ordered(matching(self._runs.values(), wanted), by, descending=descending)
        table = self.query_one(LiveTable)
        columns = columns_for(self.size.width - 1)
        widths = {column.key: column.width for column in columns}
        self._drawing = Drawing(self.app.theme_variables, self._services.now(), widths, frozenset(self._marked))
        table.show_columns(columns, by, descending)
        self._shown = [key_of(run) for run in found]
        table.show_keys(self._shown)
        table.display = bool(self._runs)
        self._show_empty(bool(self._runs), bool(found))
        self._show_note(look, len(found))
        self._show_detail()

    def _show_empty(self, has_runs: bool, has_found: bool) -> None:
        nothing = self.query_one("#no-runs", Static)
        nothing.display = not has_found
        if not has_found:
            words = "No run matches the filter." if has_runs else "Nothing was run yet."
            if str(nothing.content) != words:
                nothing.update(words)

    def _show_note(self, look: ShelfLook, found: int) -> None:
        states = [run.state for run in self._runs.values()]
        going = sum(state in GOING for state in states)
        waiting = states.count("queued")
        total = plural(len(states), "run")
        parts = [total if found == len(states) else f"{found:,} of {total}"]
        parts += [f"{going} going"] if going else []
        parts += [f"{waiting} waiting"] if waiting else []
        parts += [f"{len(self._marked)} marked"] if self._marked else []
        parts += [f"{look.unread} still to read"] if look.unread else []
        parts += [f"{look.older} older left out"] if look.older else []
        self.query_one(TitleBar).show_note(", ".join(parts))

    def _show_detail(self) -> None:
        """The run under the cursor, in two lines."""
        run = self.chosen
        lines = ["", ""]
        if run is not None:
            lines = [run.path.name, _about(run)]
            if run.tags:
                lines[0] += "  " + " ".join(f"#{tag}" for tag in run.tags)
        words = "\n".join(shortened(visible(line), max(self.size.width - 2, 10)) for line in lines)
        if words != self._detail:
            self._detail = words
            self.query_one("#detail", Static).update(Content(words), layout=False)

    def _cells(self, key: str) -> Sequence[Cell]:
        run = self._runs.get(key)
        if run is None:
            return [()] * len(self._drawing.widths)
        return [BY_KEY[column].cell(run, self._drawing) for column in self._drawing.widths]

    def _recolour(self) -> None:
        self._show()
        self.query_one(LiveTable).reset()

    @property
    def services(self) -> Services:
        """What can be done to runs."""
        return self._services

    @property
    def chosen(self) -> RunPicture | None:
        """The run under the cursor."""
        return self._runs.get(self.query_one(LiveTable).chosen or "")

    @property
    def targets(self) -> list[RunPicture]:
        """What is done is done to these: the marked runs, or the one under the cursor."""
        if self._marked:
            return [run for key, run in self._runs.items() if key in self._marked]
        return [] if self.chosen is None else [self.chosen]

    @property
    def project(self) -> Path:
        """Folder of the project."""
        return self._session.folder

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        self._show_detail()

    @on(LiveTable.Chosen)
    def _open(self, message: LiveTable.Chosen) -> None:
        self.post_message(messages.OpenRun(Path(message.key)))

    @on(LiveTable.HeadingChosen)
    def _heading_chosen(self, message: LiveTable.HeadingChosen) -> None:
        self._sort_by(message.column)

    @on(LiveTable.MarkClicked)
    def _mark_clicked(self, message: LiveTable.MarkClicked) -> None:
        self._marked ^= {message.key}
        self._show()

    @on(messages.RunsChanged)
    def _runs_changed(self, message: messages.RunsChanged) -> None:
        message.stop()
        if message.words:
            self.app.notify(visible(message.words), markup=False, timeout=6)
        self._session.look_again(*message.paths)
        self._look_at_queue()

    def action_mark(self) -> None:
        """Mark the run under the cursor, and go to the next."""
        table = self.query_one(LiveTable)
        if table.chosen is not None:
            self._marked ^= {table.chosen}
            table.action_cursor_down()
            self._show()

    def action_mark_all(self) -> None:
        """Mark what is shown."""
        self._marked |= set(self._shown)
        self._show()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self._marked.clear()
        self._show()

    def action_filter(self) -> None:
        """Show the filter and go to it."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _found(self) -> None:
        self.query_one(LiveTable).focus()

    def on_descendant_blur(self) -> None:
        field = self.query_one("#filter", Input)
        if not field.has_focus and not field.value:
            field.display = False

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        from leaptui.tui.screens.choose import ChooseScreen

        sortable = [column for column in COLUMNS if column.name]
        now = next((index for index, column in enumerate(sortable) if column.key == self._order[0]), None)

        def chosen(index: int | None) -> None:
            if index is not None:
                self._sort_by(sortable[index].key)

        self.app.push_screen(ChooseScreen("Sort by", [column.name for column in sortable], now), chosen)

    def _sort_by(self, column: str) -> None:
        """By another column; by the same one, the other way round."""
        by, descending = self._order
        downward = column in ("when", "progress", "epoch", "rate", "elapsed")
        self._order = (column, not descending if column == by else downward)
        self._show()

    def action_reverse(self) -> None:
        """The other way round."""
        self._order = (self._order[0], not self._order[1])
        self._show()

    def action_compare(self) -> None:
        """Open the marked runs side by side."""
        if len(self._marked) < 2:
            self.app.notify("Mark two runs or more with space, then compare them.", markup=False)
            return
        paths = [Path(key) for key in self._shown if key in self._marked]
        paths += [Path(key) for key in self._marked if key not in set(self._shown)]
        self.post_message(messages.OpenComparison(paths))

    def action_queue(self) -> None:
        """Show or hide the queue."""
        panel = self.query_one(QueuePanel)
        self._queue_wanted = not panel.display
        panel.display = self._queue_wanted
        self._look_at_queue()

    def _look_at_queue(self) -> None:
        if self._reading_queue or not self.is_active:
            return
        self._reading_queue = True
        self._read_queue(bool(self._queue_wanted))

    @work(thread=True, group="queue")
    def _read_queue(self, with_slots: bool) -> None:
        try:
            self.post_message(messages.QueueRead(self._services.queue(with_slots)))
        except LeaptuiError as error:
            self.post_message(messages.QueueRead(None, error))

    @on(messages.QueueRead)
    def _queue_read(self, message: messages.QueueRead) -> None:
        message.stop()
        self._reading_queue = False
        self._queue = message.look
        if message.error is not None and str(message.error) != self._queue_trouble:
            # Told once, not at every look.
            self._queue_trouble = str(message.error)
            self.post_message(messages.Trouble(message.error))
        panel = self.query_one(QueuePanel)
        panel.show(message.look or QueueLook())
        wanted = self._queue_wanted
        panel.display = bool(message.look and message.look.waiting) if wanted is None else wanted

    @property
    def queue_look(self) -> QueueLook | None:
        """The queue as it was last."""
        return self._queue

    def action_copy_path(self) -> None:
        """Copy the path of the run directory."""
        run = self.chosen
        if run is not None:
            self.app.copy_to_clipboard(str(run.path))
            self.app.notify(visible(run.path), title="Copied", markup=False)

    def action_refresh(self) -> None:
        """Read the runs again."""
        self._session.look_again()
        self._look_at_queue()

    def action_back(self) -> None:
        """Show every run again; then back to the project."""
        field = self.query_one("#filter", Input)
        if field.value:
            field.value = ""
        else:
            self.app.pop_screen()


def _about(run: RunPicture) -> str:
    """What there is to say of a run beyond its row."""
    if run.error is not None:
        return _one_line(run.error.what)
    if run.waiting is not None and run.state == "queued":
        return f"{run.waiting.place}. in the queue: {_one_line(run.waiting.reason)}"
    if run.notes.strip():
        return _one_line(run.notes)
    if run.reason:
        return _one_line(run.reason)
    asked = [f"{name.replace('_', '-')} {value}" for name, value in run.request.items() if _is_said(name, value)]
    return _one_line(", ".join(asked))


def _is_said(name: str, value: object) -> bool:
    return name != "project" and value not in (None, False, [], "auto") and not isinstance(value, dict)


def _one_line(text: str) -> str:
    return " ".join(text.split())
