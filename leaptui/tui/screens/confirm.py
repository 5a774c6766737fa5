"""ConfirmScreen: a question with two answers."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Footer, Static

from leaptui.tui.screens.dialog import DialogScreen
from leaptui.words import visible, visible_lines


class ConfirmScreen(DialogScreen[bool]):
    """Asks whether to go ahead; gives True or False.

    Args:
        question: what is asked.
        words: what would happen.
        yes, no: texts of the buttons.
    """

    AUTO_FOCUS = "#no"

    def __init__(self, question: str, words: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._question = question
        self._words = words
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self._question))
            yield Static(Content(visible_lines(self._words)), classes="words")
            with Horizontal(classes="buttons"):
                yield Button(Content(visible(self._no)), id="no", compact=True)
                yield Button(Content(visible(self._yes)), id="yes", variant="error", compact=True)
        yield Footer()

    def answer(self) -> bool:
        """The button that has the focus."""
        if not isinstance(self.focused, Button):
            return False
        self.dismiss(self.focused.id == "yes")
        return True

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_cancel(self) -> None:
        """No."""
        self.dismiss(False)


def may_lose(words: str) -> ConfirmScreen:
    """The question before something that is not saved is given up."""
    return ConfirmScreen("Leave without saving?", words, yes="Leave and lose them", no="Stay")
