"""TitleBar: where one is, on the left, and what is going on, on the right."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from leaptui.words import visible


class TitleBar(Horizontal):
    """One line at the top of a screen.

    Args:
        *crumbs: where one is, outermost first; foreign text is made visible.
    """

    def __init__(self, *crumbs: object) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._note = ("", "")

    def compose(self) -> ComposeResult:
        yield Static(self._path(), id="crumbs")
        yield Static("", id="note", markup=False)

    def show_crumbs(self, *crumbs: object) -> None:
        """Say where one is."""
        if crumbs == self._crumbs:
            return
        self._crumbs = crumbs
        self.query_one("#crumbs", Static).update(self._path())

    def show_note(self, text: str, classes: str = "") -> None:
        """Say what is going on.

        Args:
            text: the words.
            classes: style classes of them.
        """
        if (text, classes) == self._note:
            return
        self._note = (text, classes)
        note = self.query_one("#note", Static)
        note.update(Content(visible(text)))
        note.set_classes(classes)

    def _path(self) -> Content:
        parts = [Content("leaptui").stylize("bold $primary")]
        for crumb in self._crumbs:
            parts += [Content(" › ").stylize("$quiet"), Content(visible(crumb))]
        return Content.assemble(*parts)
