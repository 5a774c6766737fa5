"""NoteScreen: what people write about a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, TextArea

from leaptui.tui.keymap import bindings
from leaptui.tui.styles import style
from leaptui.words import visible


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        notes: None where only tags were asked for.
        tags: the tags, or with several runs the changes: "fly" is put on all of them, "-fly" taken away.
    """

    notes: str | None
    tags: tuple[str, ...]


class NoteScreen(ModalScreen[Written | None]):
    """Asks for notes and tags; gives None when they stay as they are.

    Args:
        title: whose they are.
        notes: as they are; None to ask for tags only.
        tags: as they are.
    """

    CSS_PATH = [style("dialog"), style("note")]
    BINDINGS = bindings("note")
    SCOPES = ("note",)
    AUTO_FOCUS = "#notes, #tags"

    def __init__(self, title: str, notes: str | None, tags: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._notes = notes
        self._tags = tags

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self._title))
            if self._notes is not None:
                yield Label("Notes")
                yield TextArea(_typed(self._notes), id="notes", compact=True)
                yield Label("Tags, with blanks between them")
            else:
                yield Label("Tags to put on all of them; -tag takes one away")
            yield Input(" ".join(_typed(tag) for tag in self._tags), id="tags", compact=True)
        yield Footer()

    def on_input_submitted(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        """Done."""
        notes = None if self._notes is None else self.query_one("#notes", TextArea).text.strip()
        self.dismiss(Written(notes, tuple(split_tags(self.query_one("#tags", Input).value))))

    def action_cancel(self) -> None:
        """Nothing changes."""
        self.dismiss(None)


def split_tags(typed: str) -> list[str]:
    """Tags as they were typed, each once."""
    return list(dict.fromkeys(word.removeprefix("#") for word in typed.replace(",", " ").split() if word != "#"))


def changed_tags(tags: Iterable[str], changes: Sequence[str]) -> tuple[str, ...]:
    """Tags with others put on, and those with a minus taken away."""
    away = {each[1:] for each in changes if each.startswith("-")}
    put = [each for each in changes if not each.startswith("-")]
    return tuple(dict.fromkeys([*(tag for tag in tags if tag not in away), *put]))


def _typed(text: str) -> str:
    """Text from a file in an editor: its control characters could reach the terminal."""
    return "\n".join(visible(line) for line in text.expandtabs(4).splitlines())
