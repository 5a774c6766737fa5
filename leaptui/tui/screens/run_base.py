"""What the parts of the screen of a run share."""

from __future__ import annotations

from pathlib import Path

from leaptui.tui.panel_layout import PanelLayout, load_layout
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.screens.serial_keys import SerialKeys
from leaptui.tui.services import Services
from leaptui.tui.widgets.prompt_line import PromptLine


class RunBase(SerialKeys):
    """The screen of a run without its commands.

    Args:
        path: the run directory.
        services: how to read it, and to ask it things.
    """

    def __init__(self, path: Path, services: Services) -> None:
        super().__init__()
        self.path = path
        self.services = services
        self.picture = RunPicture(path, state="queued")
        self.layout_now: PanelLayout = load_layout()
        self.asked_to_stop = False

    @property
    def shown_state(self) -> str:
        """The state in words; what was asked for is said before the run has heard of it."""
        return "stopping" if self.asked_to_stop and self.picture.can_stop else self.picture.state

    def ask_in_line(self, question: str, words: str, value: str = "", placeholder: str = "") -> None:
        """Ask something at the bottom of the screen."""
        self.query_one(PromptLine).ask(question, words, value, placeholder)

    def show_all(self) -> None:
        """Show the picture as it is."""
