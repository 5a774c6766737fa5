"""What a run answered to an ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from leaptui.runs.control import Ask
from leaptui.runs.files import decode, tail, text
from leaptui.runs.layout import RunDirectory

_TAIL = 1 << 18
"""Bytes at the end of the events in which an answer is looked for: events of many minutes."""

_LOOK_EVERY = 0.1


@dataclass(frozen=True)
class Answer:
    """An acknowledgement.

    Args:
        words: what the run says to it. Untrusted text.
        accepted: it is done, or will be.
    """

    words: str
    accepted: bool


def find_answer(run: RunDirectory, asked: Ask) -> Answer | None:
    """The answer to an ask in the newest events; None when it is not there, or no longer."""
    for segment in reversed(run.event_segments()[-2:]):
        for line in reversed(tail(run.event_segment(segment), _TAIL).splitlines()):
            # Most lines are steps, and need not be decoded for this.
            if '"control"' not in line:
                continue
            event = decode(line.encode())
            if event is None or event.get("type") != "control" or event.get("ask") != asked.name:
                continue
            if asked.id is not None and event.get("id") == asked.id:
                return Answer(text(event, "answer") or "", event.get("accepted") is not False)
    return None


def wait_for_answer(
    run: RunDirectory,
    asked: Ask,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer | None:
    """The answer, waited for so long; None when there is none by then. The ask stands nevertheless."""
    until = clock() + seconds
    while True:
        found = find_answer(run, asked)
        if found is not None or clock() >= until:
            return found
        sleep(_LOOK_EVERY)
