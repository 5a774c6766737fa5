"""The way to the terminal, measured: how long it is and how much goes through."""

from __future__ import annotations

import os
import random
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from leaptui.graphics.answers import FENCE
from leaptui.graphics.burst import PING, passed_through
from leaptui.graphics.probe import unbuffered, write_all

_PINGS = 3
_SIZES = (8_000, 64_000, 512_000)
"""Bytes of the bursts; a larger one follows only where the one before went through quickly."""
_LONG_ENOUGH = 0.1
"""Seconds of sending that tell the rate well."""
_NOISE = 0.002
_PATIENCE = 3.0
_POSITION = re.compile(rb"\x1b\[\d+;\d+R")
_ATTRIBUTES = re.compile(rb"\x1b\[\?[\d;]*c")


@dataclass(frozen=True)
class Link:
    """What was measured.

    Args:
        round_trip: seconds.
        rate: bytes a second, the terminal's own speed included; None if it gave no answer in time.
    """

    round_trip: float
    rate: float | None


def measure(
    read_fd: int, write_fd: int, *, through_tmux: bool = False, clock: Callable[[], float] = time.monotonic
) -> Link | None:
    """Measure with questions, and with colour changes that show nothing; None if the terminal does not answer.

    Keys typed meanwhile are lost.

    Args:
        read_fd, write_fd: the terminal.
        through_tmux: measure the way to the terminal outside tmux, which has to pass questions through and to hand
            us the answers (`Pane.listens`); otherwise tmux itself answers.
        clock: seconds.
    """
    question, answer = (passed_through(FENCE), _ATTRIBUTES) if through_tmux else (PING, _POSITION)

    def ask(load: bytes, patience: float) -> float | None:
        start = clock()
        write_all(write_fd, (passed_through(load) if through_tmux and load else load) + question)
        heard = b""
        while (left := start + patience - clock()) > 0:
            if select.select([read_fd], [], [], left)[0]:
                heard += os.read(read_fd, 4096)
                if answer.search(heard):
                    return clock() - start
        return None

    with unbuffered(read_fd):
        trips = []
        for _ in range(_PINGS):
            trip = ask(b"", _PATIENCE)
            if trip is None:
                return None
            trips.append(trip)
        shortest, rate = min(trips), None
        for size in _SIZES:
            load = _unseen(size)
            elapsed = ask(load, _PATIENCE * 3)
            if elapsed is None:
                break
            busy = elapsed - shortest
            rate = len(load) / max(busy, _NOISE)
            if busy > _LONG_ENOUGH:
                break
    return Link(shortest, rate)


def _unseen(n_bytes: int) -> bytes:
    """About that many bytes that change nothing on the screen, and that compression cannot make much smaller."""
    chance = random.Random(n_bytes)
    parts, length = [], 0
    while length < n_bytes:
        parts.append(b"\x1b[38;2;%d;%d;%dm" % (chance.randrange(256), chance.randrange(256), chance.randrange(256)))
        length += len(parts[-1])
    return b"".join([*parts, b"\x1b[m"])
