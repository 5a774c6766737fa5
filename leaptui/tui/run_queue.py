"""The queue of this machine as screens show it: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WaitingRun:
    """A run that waits.

    Args:
        path: its directory; of another user's run perhaps its name alone.
        place: from 1, in its own queue.
        reason: what it waits for, in words.
        by: whose it is.
        is_own: it is in this user's queue.
    """

    path: Path
    place: int
    reason: str = ""
    by: str = ""
    is_own: bool = True


@dataclass(frozen=True)
class SlotHeld:
    """A slot, and who has it.

    Args:
        name: "GPU 0", "CPU 1".
        holder: name of the run in it, or other words; "" while it is free.
        by: whose that is.
    """

    name: str
    holder: str = ""
    by: str = ""


@dataclass(frozen=True)
class QueueLook:
    """The queue as it is now.

    Args:
        host: the machine.
        waiting: in order.
        slots: all of them.
    """

    host: str = ""
    waiting: Sequence[WaitingRun] = ()
    slots: Sequence[SlotHeld] = ()
