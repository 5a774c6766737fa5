"""DialogScreen: a question in front of another screen, and InFront for whatever else lies there.

Textual finds the binding of a key after the key has passed its widgets, and a button answers by a message after
that. Keys that arrive together with the answer, as from a link that stalled, would be lost with the dialog. So it
answers at once, and what comes after goes on to the screen below.
"""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.screen import ModalScreen

from leaptui.tui.keymap import bindings
from leaptui.tui.styles import style

Answer = TypeVar("Answer")


class InFront(ModalScreen[Answer]):
    """A screen in front of another, whose keys take effect one after the other."""

    async def on_key(self, event: events.Key) -> None:
        if not self.is_current:
            event.stop()
            event.prevent_default()
            self.app.post_message(events.Key(event.key, event.character))
            return
        active = self.active_bindings.get(event.key)
        if event.key == "enter" and self.answer():
            event.stop()
            event.prevent_default()
        elif active is not None and active.enabled:
            event.stop()
            event.prevent_default()
            await self.app.run_action(active.binding.action, active.node)

    def answer(self) -> bool:
        """Close with what is chosen; False if nothing is."""
        return False


class DialogScreen(InFront[Answer]):
    """A question."""

    CSS_PATH = style("dialog")
    BINDINGS = bindings("dialog")
    SCOPES = ("dialog",)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
