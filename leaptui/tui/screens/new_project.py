"""NewProjectScreen: a folder and a skeleton make a project."""

from __future__ import annotations

import os
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Input, Label, Select, Static

from leaptui.errors import LeaptuiError
from leaptui.ops.new import NewRequest
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.tui.keymap import bindings
from leaptui.tui.services import Services
from leaptui.tui.styles import style
from leaptui.tui.widgets.errand_line import ErrandLine
from leaptui.tui.widgets.path_input import PathInput
from leaptui.words import visible_lines

_NONE = "none: the first import brings its own"
_FILE = "from a file …"


class NewProjectScreen(ModalScreen[Path | None]):
    """Asks for folder, name and skeleton; gives the folder of the project it made.

    Args:
        services: how to make it.
    """

    CSS_PATH = style("dialog")
    BINDINGS = bindings("dialog")
    SCOPES = ("dialog", "path")

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    def compose(self) -> ComposeResult:
        choices = [(Content(f"{name} ({len(make())} nodes)"), name) for name, make in BUILTIN_SKELETONS.items()]
        choices += [(Content(_FILE), _FILE), (Content(_NONE), _NONE)]
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "New project"
            yield Label("Folder (new or empty)")
            yield PathInput(str(Path.cwd()) + os.sep, folders_only=True, id="folder", compact=True)
            yield Label("Name (the folder's when left out)")
            yield Input(id="name", compact=True)
            yield Label("Skeleton")
            yield Select(choices, allow_blank=False, value=_NONE, id="skeleton", compact=True)
            yield PathInput(placeholder="a .toml or .csv file with a skeleton", id="file", compact=True)
            yield Static("", id="problem", classes="problem", markup=False)
            yield ErrandLine(self._services, id="errand")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Make it", id="make", variant="primary", compact=True)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#file").display = False

    @on(Select.Changed, "#skeleton")
    def _skeleton_chosen(self, event: Select.Changed) -> None:
        self.query_one("#file").display = event.value == _FILE

    @on(Input.Submitted)
    @on(Button.Pressed, "#make")
    def _make(self) -> None:
        errand = self.query_one(ErrandLine)
        if errand.is_busy:
            return
        folder = self.query_one("#folder", Input).value.strip()
        if not folder:
            self._say("give a folder")
            return
        try:
            request = NewRequest(Path(folder).expanduser(), self._skeleton(), name=self._typed_name())
        except RuntimeError:
            self._say("there is no such user")
            return
        self._say("")
        errand.begin(request)

    def _typed_name(self) -> str | None:
        return self.query_one("#name", Input).value.strip() or None

    def _skeleton(self) -> str | None:
        chosen = self.query_one("#skeleton", Select).value
        if chosen == _FILE:
            # A worker runs in its own folder, so a path must not depend on this one.
            text = self.query_one("#file", Input).value.strip()
            return str(Path(text).expanduser().absolute()) if text else text
        return None if chosen == _NONE else str(chosen)

    @on(ErrandLine.Failed)
    def _failed(self, message: ErrandLine.Failed) -> None:
        self._say(message.error)

    @on(ErrandLine.Done)
    def _done(self) -> None:
        self.dismiss(Path(self.query_one("#folder", Input).value.strip()).expanduser())

    def _say(self, error: LeaptuiError | str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(Content(visible_lines(error)))
        problem.display = bool(str(error))

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Make nothing; while it is being made, ask that to end first."""
        errand = self.query_one(ErrandLine)
        if errand.is_busy:
            errand.stop()
        else:
            self.dismiss(None)
