"""ProjectsScreen: the recent projects, and ways to make or find another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static
from textual.worker import get_current_worker

from leaptui.config import forget_project, recent_projects
from leaptui.errors import LeaptuiError
from leaptui.tui import messages
from leaptui.tui.keymap import bindings
from leaptui.tui.services import Services
from leaptui.tui.styles import style
from leaptui.tui.summary import ProjectSummary, first_look, second_look
from leaptui.tui.text import cell
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.row_table import RowTable
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import ago, count, plural, short_path

_EMPTY = (
    "No projects yet. Press n to make one: a folder and a skeleton (fly32, mouse, or your own).\n"
    "Press o to open one that is already on this machine, or run: leaptui demo"
)

_COLUMNS = (
    ("name", "Project"),
    ("skeleton", "Skeleton"),
    ("labelled", "Labelled"),
    ("runs", "Runs"),
    ("changed", "Changed"),
    ("path", "Path"),
)

_COUNT_AFTER = 0.02


class FilterInput(Input):
    """What the list is filtered by; escape clears it."""

    BINDINGS = bindings("filter")

    def action_clear(self) -> None:
        """Show everything again."""
        self.value = ""
        self.action_leave()

    def action_leave(self) -> None:
        """Back to the list."""
        self.screen.query_one(RowTable).focus()


class ProjectsScreen(Screen[None]):
    """Recent projects in a table.

    Args:
        services: for the clock.
    """

    CSS_PATH = style("projects")
    BINDINGS = bindings("projects")
    SCOPES = ("projects", "table", "filter")
    AUTO_FOCUS = "RowTable"

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._summaries: dict[Path, ProjectSummary] = {}

    def compose(self) -> ComposeResult:
        yield TitleBar("recent projects")
        yield FilterInput(placeholder="part of a name or path", id="filter", compact=True)
        yield RowTable(_COLUMNS, id="projects")
        yield Static(_EMPTY, id="empty", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#filter").display = False

    def on_screen_resume(self) -> None:
        self.action_refresh()

    def on_resize(self) -> None:
        self._show()

    def action_refresh(self) -> None:
        """Read everything again; names first, then what takes longer."""
        folders = recent_projects()
        self._summaries = {
            folder: self._summaries.get(folder) or ProjectSummary(folder, folder.name) for folder in folders
        }
        self._show()
        # A moment later, so that the names are painted before anything is counted.
        self.set_timer(_COUNT_AFTER, partial(self._read, tuple(folders)))

    @work(thread=True, group="projects", exclusive=True)
    def _read(self, folders: Sequence[Path]) -> None:
        worker = get_current_worker()
        firsts = []
        for folder in folders:
            firsts.append(first_look(folder))
            self.post_message(messages.ProjectSummarised(firsts[-1]))
        for summary in firsts:
            if worker.is_cancelled:
                return
            self.post_message(messages.ProjectSummarised(second_look(summary)))

    @on(messages.ProjectSummarised)
    def _summarised(self, message: messages.ProjectSummarised) -> None:
        message.stop()
        new = message.summary
        old = self._summaries.get(new.folder)
        if old is None:
            return
        if new.labelled is None and old.labelled is not None and not new.missing:
            return
        self._summaries[new.folder] = new
        self._show()

    def _show(self) -> None:
        wanted = self.query_one("#filter", Input).value.casefold()
        found = [
            s for s in self._summaries.values() if wanted in s.name.casefold() or wanted in str(s.folder).casefold()
        ]
        table = self.query_one(RowTable)
        table.show_rows([(str(summary.folder), self._cells(summary)) for summary in found])
        table.display = bool(self._summaries)
        self.query_one("#empty").display = not self._summaries
        missing = sum(s.missing for s in found)
        note = plural(len(found), "project") if self._summaries else ""
        self.query_one(TitleBar).show_note(note + (f", {missing} missing" if missing else ""))

    def _cells(self, summary: ProjectSummary) -> dict[str, Text]:
        width = max(self.size.width - 66, 24)
        quiet = rich_style(self.app.theme_variables, "quiet")
        if summary.missing:
            bad = rich_style(self.app.theme_variables, "state-failed")
            words = cell(f"✗ {short_path(summary.folder, width)}", bad)
            unknown = {key: cell("–") for key in ("labelled", "runs", "changed")}
            return {"name": cell(summary.name, quiet), "skeleton": cell("missing", bad), **unknown, "path": words}
        return {
            "name": cell(summary.name, "bold"),
            "skeleton": cell(summary.skeleton or "–"),
            "labelled": cell(count(summary.labelled), justify="right"),
            "runs": cell(count(summary.runs), justify="right"),
            "changed": cell(ago(summary.changed, self._services.now())),
            "path": cell(short_path(summary.folder, width), quiet),
        }

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        folder = Path(event.row_key.value or "")
        summary = self._summaries.get(folder)
        if summary is not None and summary.missing:
            self.app.notify(
                f"{summary.problem}. Press d to take it off the list.",
                title=cell(folder).plain,
                severity="warning",
                markup=False,
            )
            return
        self.post_message(messages.OpenProject(folder))

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
        table = self.query_one(RowTable)
        table.focus()
        if table.row_count == 1:
            table.action_select_cursor()

    def on_descendant_blur(self) -> None:
        field = self.query_one("#filter", Input)
        if not field.has_focus and not field.value:
            field.display = False

    def action_remove(self) -> None:
        """Take the project under the cursor off the list."""
        chosen = self.query_one(RowTable).chosen
        if chosen is None:
            return
        folder = Path(chosen)
        try:
            forget_project(folder)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))
            return
        self._summaries.pop(folder, None)
        self._show()

    def action_new(self) -> None:
        """Make a project."""
        from leaptui.tui.screens.new_project import NewProjectScreen

        self.app.push_screen(NewProjectScreen(self._services), self._chosen)

    def action_open_path(self) -> None:
        """Open a project by its path."""
        from leaptui.tui.screens.open_project import OpenProjectScreen

        self.app.push_screen(OpenProjectScreen(), self._chosen)

    def _chosen(self, folder: Path | None) -> None:
        if folder is not None:
            self.post_message(messages.OpenProject(folder))
