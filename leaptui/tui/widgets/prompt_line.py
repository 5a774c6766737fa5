"""PromptLine: a question in one line at the bottom of a screen, answered or left without leaving the screen."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from leaptui.tui.keymap import bindings
from leaptui.words import visible


class PromptInput(Input):
    """The field of a prompt."""

    BINDINGS = bindings("prompt")

    class Left(Message):
        """Somebody does not want to answer."""

    def action_leave(self) -> None:
        """Leave the question."""
        self.post_message(self.Left())


class PromptLine(Horizontal):
    """Hidden until it asks."""

    class Answered(Message):
        """The answer to a question.

        Args:
            question: the name it was asked under.
            value: what was typed.
        """

        def __init__(self, question: str, value: str) -> None:
            self.question = question
            self.value = value
            super().__init__()

    class Typed(Message):
        """The answer so far; arguments as those of `Answered`, which takes no part in it: handlers of a message
        get its subclasses too.
        """

        def __init__(self, question: str, value: str) -> None:
            self.question = question
            self.value = value
            super().__init__()

    class Left(Message):
        """It was left without an answer."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._question = ""
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static("", id="prompt-words", markup=False)
        yield PromptInput("", id="prompt-input", compact=True)

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.display

    def ask(self, question: str, words: str, value: str = "", placeholder: str = "") -> None:
        """Ask something.

        Args:
            question: a name for it, given back with the answer.
            words: what stands before the field.
            value: what stands in the field.
            placeholder: what stands there while it is empty.
        """
        self._question = question
        self.query_one("#prompt-words", Static).update(Content(visible(words)))
        field = self.query_one(PromptInput)
        field.placeholder = placeholder
        field.value = value
        self.display = True
        field.focus()

    def close(self) -> None:
        """Hide it."""
        self.display = False
        self._question = ""

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Typed(self._question, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        question = self._question
        self.close()
        self.post_message(self.Answered(question, event.value))

    @on(PromptInput.Left)
    def _left(self, event: PromptInput.Left) -> None:
        event.stop()
        self.close()
        self.post_message(self.Left())
