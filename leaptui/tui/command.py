"""Command: something a key does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """Something a key does.

    Args:
        id: "scope.name"; what the user's keymap overrides.
        key: its keys, separated by commas.
        action: the Textual action.
        description: two or three words, for the footer.
        tooltip: one sentence.
        show: whether the footer shows it.
        priority: works before the focused widget sees the key.
        palette: offered in the command palette.
        group: a heading inside its scope, for the help screen.
    """

    id: str
    key: str
    action: str
    description: str
    tooltip: str
    show: bool = True
    priority: bool = False
    palette: bool = True
    group: str = ""

    @property
    def scope(self) -> str:
        """Where the key works."""
        return self.id.partition(".")[0]
