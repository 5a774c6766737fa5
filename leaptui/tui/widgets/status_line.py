"""StatusLine: what was done last, in which mode one is, and whether everything is saved."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from leaptui.words import visible


class StatusLine(Horizontal):
    """One line of words, always in the same places."""

    def compose(self) -> ComposeResult:
        yield Static("", id="said", markup=False)
        yield Static("", id="mode", markup=False)
        yield Static("", id="saved", markup=False)

    def on_mount(self) -> None:
        self._shown: dict[str, tuple[str, str]] = {}

    def say(self, words: str, classes: str = "") -> None:
        """What was done, or why not."""
        self._show("said", words, classes)

    def show_mode(self, words: str) -> None:
        """What keys mean now, when it is not the usual."""
        self._show("mode", words, "")

    def show_saved(self, words: str, classes: str = "") -> None:
        """Whether everything is on disk."""
        self._show("saved", words, classes)

    def _show(self, name: str, words: str, classes: str) -> None:
        if self._shown.get(name) == (words, classes):
            return
        self._shown[name] = (words, classes)
        part = self.query_one(f"#{name}", Static)
        part.update(Content(visible(words)))
        part.set_classes(classes)
