"""OpenProjectScreen: open a project by its path."""

from __future__ import annotations

import os
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Input, Static

from leaptui.errors import LeaptuiError
from leaptui.project import Project
from leaptui.tui.keymap import bindings
from leaptui.tui.styles import style
from leaptui.tui.widgets.path_input import PathInput
from leaptui.words import visible


class OpenProjectScreen(ModalScreen[Path | None]):
    """Asks for the folder of a project; gives it when it is one."""

    CSS_PATH = style("dialog")
    BINDINGS = bindings("dialog")
    SCOPES = ("dialog", "path")

    class Checked(Message):
        """The folder was looked at."""

        def __init__(self, folder: Path, problem: str) -> None:
            self.folder = folder
            self.problem = problem
            super().__init__()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Open a project"
            yield Static("Its folder, or a project.toml. Tab completes.", classes="words")
            yield PathInput(str(Path.cwd()) + os.sep, folders_only=True, id="path", compact=True)
            yield Static("", id="problem", classes="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Open", id="open", variant="primary", compact=True)
        yield Footer()

    @on(Input.Submitted)
    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        text = self.query_one(PathInput).value.strip()
        if not text:
            self._say("give the folder of a project")
            return
        self._check(text)

    @work(thread=True, group="check", exclusive=True)
    def _check(self, text: str) -> None:
        try:
            folder = Project.open(Path(text).expanduser()).folder
        except LeaptuiError as error:
            self.post_message(self.Checked(Path(text), error.what))
        except (RuntimeError, ValueError, OSError):
            self.post_message(self.Checked(Path(text), "this path cannot be used"))
        else:
            self.post_message(self.Checked(folder, ""))

    @on(Checked)
    def _checked(self, message: Checked) -> None:
        if message.problem:
            self._say(message.problem)
        else:
            self.dismiss(message.folder)

    def _say(self, words: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(Content(visible(words)))
        problem.display = bool(words)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Open nothing."""
        self.dismiss(None)
