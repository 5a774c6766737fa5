"""RunFeed: looks at the runs of the open project again and again, whichever of its screens is on top."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from textual.screen import Screen

from leaptui.tui import messages
from leaptui.tui.run_shelf import RunShelf, ShelfLook
from leaptui.tui.services import Services
from leaptui.tui.session import Session

_EVERY = 2.0
_TICKS_ELSEWHERE = 3
"""While a screen without runs is on top, for the alerts alone: every so many ticks."""


@runtime_checkable
class ShowsRuns(Protocol):
    """A screen that wants every look at the runs of the open project."""

    def show_runs(self, look: ShelfLook) -> None:
        """Show them."""


class RunFeed:
    """Posts `RunsRead` to its host.

    Args:
        host: the screen that lives as long as the project is open.
        session: the project.
        services: how to read runs.
    """

    def __init__(self, host: Screen[None], session: Session, services: Services) -> None:
        self._host = host
        self._shelf = RunShelf(session.project.runs_folder, services)
        self._looking = False
        self._once_more = False
        self._ticks = 0

    def start(self) -> None:
        """Begin; the host must be mounted."""
        self._host.set_interval(_EVERY, self._tick)

    def look(self, *again: Path) -> None:
        """Look now.

        Args:
            again: runs to be read whatever they were.
        """
        if again:
            self._shelf.read_again(*again)
        if self._looking:
            self._once_more = True
            return
        self._looking = True
        self._host.run_worker(self._read, group="runs", thread=True)

    def taken(self, look: ShelfLook) -> None:
        """The host has got a look: go on where one was not enough."""
        self._looking = False
        if look.unread or self._once_more:
            self._once_more = False
            self.look()

    def _tick(self) -> None:
        self._ticks += 1
        if self._is_watched or self._ticks % _TICKS_ELSEWHERE == 0:
            self.look()

    @property
    def _is_watched(self) -> bool:
        top = self._host.app.screen
        return top is self._host or isinstance(top, ShowsRuns)

    def _read(self) -> None:
        self._host.post_message(messages.RunsRead(self._shelf.look()))
