"""StopScreen: how a run is to end."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Static

from leaptui.tui.keymap import bindings
from leaptui.tui.styles import style

_GENTLE = "Stop: it finishes its step, saves what it has and ends; it can be resumed."
_NOW = "Stop now: it ends within seconds; what came after its last checkpoint is lost."
_LEAVE = "To leave it running, press Escape twice: it goes on without leaptui."


class StopScreen(ModalScreen[str]):
    """Asks how a run is to stop; gives "stop", "now", or "" to let it go on.

    Args:
        stopping: it was asked to stop before, so only stopping at once is left.
    """

    CSS_PATH = style("dialog")
    BINDINGS = bindings("dialog")
    SCOPES = ("dialog",)
    AUTO_FOCUS = "#no"

    def __init__(self, *, stopping: bool) -> None:
        super().__init__()
        self._stopping = stopping

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Stop this run at once?" if self._stopping else "Stop this run?"
            words = ["It was asked to stop and is finishing its step.", _NOW] if self._stopping else [_GENTLE, _NOW]
            yield Static(Content("\n".join([*words, _LEAVE])), classes="words")
            with Horizontal(classes="buttons"):
                yield Button("Let it go on", id="no", compact=True)
                if not self._stopping:
                    yield Button("Stop", id="stop", variant="error", compact=True)
                yield Button("Stop now", id="now", variant="error", compact=True)
        yield Footer()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss("" if event.button.id == "no" else str(event.button.id))

    def action_cancel(self) -> None:
        """Let it go on."""
        self.dismiss("")
