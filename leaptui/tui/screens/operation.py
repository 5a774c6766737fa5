"""OperationScreen: the form of an operation, and its start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Footer, Static

from leaptui.errors import LeaptuiError
from leaptui.ops.requests import validate
from leaptui.ops.table import OPERATIONS
from leaptui.tui import messages
from leaptui.tui.form_values import command_line
from leaptui.tui.keymap import bindings
from leaptui.tui.services import Services
from leaptui.tui.session import Session
from leaptui.tui.styles import style
from leaptui.tui.widgets.errand_line import ErrandLine
from leaptui.tui.widgets.request_form import Reading, RequestForm
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import count, visible, visible_lines


class OperationScreen(Screen[None]):
    """A form for an operation on the open project.

    What runs long becomes a run of the project, and its screen takes this one's place; what does not is done
    while this screen waits.

    Args:
        session: the open project.
        services: how to start it.
        operation: its name in the table of operations.
        given: values to begin with.
        hidden: fields not shown.
    """

    CSS_PATH = style("operation")
    BINDINGS = bindings("form")
    SCOPES = ("form", "path")
    AUTO_FOCUS = "RequestForm Input, RequestForm Select, RequestForm Switch"

    class Refused(Message):
        """It could not be started."""

        def __init__(self, error: LeaptuiError) -> None:
            self.error = error
            super().__init__()

    def __init__(
        self,
        session: Session,
        services: Services,
        operation: str,
        *,
        given: Mapping[str, Any],
        hidden: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._session = session
        self._services = services
        self._operation = OPERATIONS[operation]
        self._request = self._operation.request_class()
        self._given = given
        self._hidden = hidden
        self._starting = False

    def compose(self) -> ComposeResult:
        yield TitleBar(self._session.project.name, self._operation.name)
        summary = self._operation.summary
        yield Static(Content(summary[0].upper() + summary[1:] + "."), id="summary")
        yield RequestForm(self._request, given=self._given, hidden=self._hidden, id="form")
        with Vertical(id="below"):
            yield Static("", id="problem", classes="problem", markup=False)
            yield ErrandLine(self._services, id="errand")
            yield Static("", id="command", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Start", id="start", variant="primary", compact=True)
                yield Button("All settings", id="all", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#all").display = self.query_one(RequestForm).has_advanced
        self._show_command()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "advanced":
            return not self.is_mounted or self.query_one(RequestForm).has_advanced
        return True

    @on(RequestForm.Edited)
    def _show_command(self) -> None:
        reading = self.query_one(RequestForm).read()
        line = command_line(self._operation.name, self._request, self._as_typed(reading))
        self.query_one("#command", Static).update(Content.assemble(("$ ", "$quiet"), visible(line)))

    def _as_typed(self, reading: Reading) -> dict[str, Any]:
        """Values for the command line, the project as short as it can be from here."""
        values = dict(reading.values)
        project = values.get("project")
        if isinstance(project, Path) and project.is_relative_to(Path.cwd()):
            values["project"] = project.relative_to(Path.cwd())
        return values

    @on(RequestForm.Submitted)
    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Check the form and start."""
        if self._starting:
            return
        reading = self.query_one(RequestForm).read(show=True)
        self._say("")
        if reading.errors:
            return
        request = self._request(**reading.values)
        try:
            validate(request)
            takes_long = request.takes_long()
        except LeaptuiError as error:
            self._say(error)
            return
        self._set_starting(True)
        if takes_long:
            self.query_one(TitleBar).show_note("starting …")
            self._submit(request)
        else:
            self.query_one(ErrandLine).begin(request)

    @work(thread=True, group="submit", exclusive=True)
    def _submit(self, request: Any) -> None:
        try:
            path = self._services.submit(request, None)
        except LeaptuiError as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(messages.RunStarted(self, path))

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self._set_starting(False)
        self._say(message.error)

    @on(ErrandLine.Failed)
    def _failed(self, message: ErrandLine.Failed) -> None:
        self._set_starting(False)
        self._say(message.error)

    @on(ErrandLine.Done)
    def _done(self, message: ErrandLine.Done) -> None:
        self._set_starting(False)
        self.post_message(messages.OperationDone(self, result_words(self._operation.name, message.result)))

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        self.query_one(RequestForm).disabled = starting
        self.query_one("#start", Button).disabled = starting
        self.query_one(TitleBar).show_note("")

    def _say(self, error: LeaptuiError | str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(Content(visible_lines(error)))
        problem.display = bool(str(error))

    @on(Button.Pressed, "#all")
    def action_advanced(self) -> None:
        """Show or hide the settings few people change."""
        self.query_one(RequestForm).toggle_advanced()

    @on(Button.Pressed, "#cancel")
    def action_back(self) -> None:
        """Leave the form; while it works, ask that to end first."""
        errand = self.query_one(ErrandLine)
        if errand.is_busy:
            errand.stop()
        elif not self._starting:
            self.app.pop_screen()


def result_words(operation: str, result: Mapping[str, Any]) -> str:
    """What an operation brought, in a line or a few."""
    lines: list[str] = []
    if operation == "add":
        for video in result.get("videos") or []:
            lines.append(f"added {Path(str(video.get('path'))).name}: {count(video.get('frames'))} frames")
            lines += [f"  {problem}" for problem in video.get("problems") or []]
        lines += [f"there already: {path}" for path in result.get("skipped") or []]
    elif operation == "import":
        frames, points = result.get("frames"), result.get("points")
        lines.append(f"imported {count(frames)} frames with {count(points)} points ({result.get('format')})")
        lines += [str(note) for note in result.get("notes") or []]
    return "\n".join(lines) or f"{operation}: done"
