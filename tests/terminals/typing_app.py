"""A small app on leaptui's driver that writes down what reaches it. Run by the tests on a scripted terminal.

Arguments: file for the notes, seconds the probe waits.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

from leaptui.graphics.probe import probe
from leaptui.tui.terminal_driver import driver_for

PING_TOO = "p"
"""Key that makes the app ask where the cursor stands."""


class TypingApp(App[None]):
    """Notes keys, mouse and cursor positions, one a line; `p` pings, `S` suspends, `Q` pings and leaves at once."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, notes: Path, wait: float) -> None:
        self.probed = probe(0, 1, timeout=wait)
        super().__init__(driver_class=driver_for(self.probed))
        self.notes = notes

    def compose(self) -> ComposeResult:
        yield Static("a place to type")

    def note(self, *words: object) -> None:
        """Append a line."""
        with self.notes.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def on_mount(self) -> None:
        self.note("ready", self.probed.terminal.graphics, self.probed.terminal.answered)

    def on_key(self, event: events.Key) -> None:
        self.note("key", event.key)
        if event.key in (PING_TOO, "Q") and self._driver is not None:
            self._driver.write("\x1b[6n")
        if event.key == "S":
            os.kill(os.getpid(), signal.SIGTSTP)
            self.note("signalled")
        if event.key == "Q":
            self.exit()

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        self.note("at", event.x, event.y)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.note("mouse", round(event.pointer_screen_x, 3), round(event.pointer_screen_y, 3))


if __name__ == "__main__":
    TypingApp(Path(sys.argv[1]), float(sys.argv[2])).run()
