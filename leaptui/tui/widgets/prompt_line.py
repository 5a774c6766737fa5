"""PromptLine: a question in one line at the bottom of a screen, answered or left without leaving the screen.

It takes keys from its screen, one after the other, and not from the focus, which changes a while after the key that
opened the question: on a link that stalls, question and answer arrive together.
"""

from __future__ import annotations

from enum import Enum, auto

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from leaptui.words import visible


class Prompted(Enum):
    """What a key did to the question."""

    TYPED = auto()
    """The answer so far is another one."""
    ANSWERED = auto()
    """It was answered, and is closed."""
    LEFT = auto()
    """It was left without an answer."""
    IGNORED = auto()
    """Nothing."""


class PromptLine(Horizontal):
    """Hidden until it asks."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.question = ""
        """Name of what is asked, or of what was asked last."""
        self.value = ""
        """What was typed."""
        self._placeholder = ""
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static("", id="prompt-words", markup=False)
        yield Static("", id="prompt-value", markup=False)

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.display

    def ask(self, question: str, words: str, value: str = "", placeholder: str = "") -> None:
        """Ask something.

        Args:
            question: a name for it.
            words: what stands before the answer.
            value: what the answer begins with.
            placeholder: what stands there while it is empty.
        """
        self.question, self.value, self._placeholder = question, value, placeholder
        self.query_one("#prompt-words", Static).update(Content(visible(words)))
        self._open(True)
        self._show()

    def _open(self, is_open: bool) -> None:
        """It takes the place of its screen's status line, so that nothing else moves."""
        self.display = is_open
        self.screen.set_class(is_open, "-asking")

    def feed(self, key: str, character: str | None) -> Prompted:
        """Take a key while the question is open.

        Args:
            key: its name.
            character: what it types, if anything.
        """
        if key in ("escape", "ctrl+c"):
            self._open(False)
            return Prompted.LEFT
        if key == "enter":
            self._open(False)
            return Prompted.ANSWERED
        if key == "backspace":
            self.value = self.value[:-1]
        elif key in ("ctrl+u", "ctrl+w"):
            self.value = self.value.rstrip().rpartition(" ")[0] if key == "ctrl+w" else ""
        elif character is not None and character.isprintable():
            self.value += character
        else:
            return Prompted.IGNORED
        self._show()
        return Prompted.TYPED

    def paste(self, text: str) -> Prompted:
        """Take pasted text, the first line of it."""
        self.value += "".join(c for c in text.partition("\n")[0] if c.isprintable())
        self._show()
        return Prompted.TYPED

    def _show(self) -> None:
        cursor = Content(" ").stylize("reverse")
        rest = Content(visible(self._placeholder)).stylize("$quiet") if not self.value else Content("")
        self.query_one("#prompt-value", Static).update(Content.assemble(Content(visible(self.value)), cursor, rest))
