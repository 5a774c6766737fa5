"""QueuePanel: who waits on this machine, and who has its slots."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from leaptui.tui.run_queue import QueueLook, WaitingRun
from leaptui.words import plural, visible


class QueuePanel(VerticalScroll, can_focus=False):
    """A few lines; redrawn only when they change."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._shown = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, look: QueueLook) -> None:
        """Show the queue."""
        lines = [_slots(look)] if look.slots else []
        lines += [f"{each.place}. {each.path.name}  {_whose(each)}{each.reason}" for each in look.waiting]
        words = "\n".join(visible(line) for line in lines) or "Nobody waits."
        if words == self._shown:
            return
        self._shown = words
        self.border_title = Content(visible(f"queue of {look.host}" if look.host else "queue"))
        self.border_subtitle = f"{plural(len(look.waiting), 'run')} waiting" if look.waiting else ""
        self.query_one(Static).update(Content(words))


def _slots(look: QueueLook) -> str:
    said = []
    for slot in look.slots:
        holder = f"{slot.holder} of {slot.by}" if slot.holder and slot.by else slot.holder or "free"
        said.append(f"{slot.name}: {holder}")
    return "   ".join(said)


def _whose(each: WaitingRun) -> str:
    return "" if each.is_own else f"of {each.by}: "
