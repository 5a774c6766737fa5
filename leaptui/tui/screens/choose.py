"""ChooseScreen: one of several things."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from leaptui.tui.screens.dialog import DialogScreen
from leaptui.words import visible


class ChooseScreen(DialogScreen[int | None]):
    """Asks for one of several things; gives its position, or None.

    Args:
        question: what is asked.
        choices: the things; foreign text in them is made visible.
        now: position of the one in use.
    """

    AUTO_FOCUS = "OptionList"

    def __init__(self, question: str, choices: Sequence[str], now: int | None = None) -> None:
        super().__init__()
        self._question = question
        self._choices = choices
        self._now = now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self._question))
            yield OptionList(*[Option(Content(visible(choice))) for choice in self._choices], compact=True)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = self._now

    def answer(self) -> bool:
        """What is highlighted."""
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is None:
            return False
        self.dismiss(highlighted)
        return True

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)
