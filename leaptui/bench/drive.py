"""A program on the scripted terminal: keys pressed, bytes counted, times taken."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leaptui.bench.fake_terminal import FakeTerminal, Profile
from leaptui.bench.standard import AREA, CELL
from leaptui.bench.updates import Arrivals
from leaptui.errors import OperationFailed

SCREEN = (AREA[0] + 2, AREA[1] + 4)
"""Columns and rows of the terminal."""
HERTZ = 30
"""Key repeats a second."""
QUIET = 0.4
"""Seconds without a byte after which an answer to a key is over; longer than the canvas waits before it refines."""
_PATIENCE = 1.0
"""Seconds to wait for the first byte."""
_LONGEST = 90.0


@dataclass(frozen=True)
class Answer:
    """What one key did.

    Args:
        n_bytes: everything that was written because of it.
        first, last: milliseconds until its first and last byte had arrived; None without any.
    """

    n_bytes: int
    first: float | None
    last: float | None


class Driven:
    """A program that answers keys. Use it as a context manager.

    Args:
        argv: the program.
        profile: of the terminal.
        rate: bytes a second towards the terminal; None for any.
        environ: changes of the environment.
    """

    def __init__(
        self,
        argv: Sequence[str],
        profile: Profile,
        *,
        rate: float | None = None,
        environ: Mapping[str, str | None] | None = None,
    ) -> None:
        self._argv = list(argv)
        self._terminal = FakeTerminal(argv, profile, rate=rate, size=SCREEN, cell=CELL, environ=environ)

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.close()

    def await_start(self, quiet: float = 1.0) -> int:
        """Wait until the first picture is there; bytes so far.

        Raises:
            OperationFailed: if the program ends, or shows nothing.
        """
        # Two screens of blanks are less than any picture with what Textual writes before it.
        if not self._terminal.wait_for(lambda: len(self._terminal.screen) > 2000, 60) or self._terminal.has_ended:
            last = self._terminal.screen[-500:].decode(errors="replace")
            raise OperationFailed(f"`{' '.join(self._argv[1:4])}` showed nothing; its last words: {last!r}")
        self._await_quiet(0, quiet)
        return len(self._terminal.screen)

    def press(self, key: bytes) -> Answer:
        """Press a key and wait until its answer is over."""
        start = len(self._terminal.log)
        pressed = time.monotonic()
        self._terminal.type(key)
        self._await_quiet(start, QUIET)
        got = self._terminal.log[start:]
        if not got:
            return Answer(0, None, None)
        first, last = ((got[k][0] - pressed) * 1e3 for k in (0, -1))
        return Answer(sum(len(piece) for _, piece in got), first, last)

    def repeat(self, key: bytes, count: int) -> Arrivals:
        """Hold a key, `HERTZ` times a second, and wait until nothing comes any more."""
        terminal = self._terminal
        log, written = len(terminal.log), len(terminal.written)
        keys = []
        start = time.monotonic()
        for k in range(count):
            time.sleep(max(0.0, start + k / HERTZ - time.monotonic()))
            keys.append(time.monotonic())
            terminal.type(key)
        self._await_quiet(log, 1.5)
        return Arrivals(terminal.log[log:], terminal.written[written:], keys)

    def _await_quiet(self, start: int, quiet: float) -> None:
        """Wait until nothing has arrived for a while; for the first piece after `start`, longer."""
        since = time.monotonic()
        while time.monotonic() - since < _LONGEST:
            log = self._terminal.log
            if len(log) > start:
                if time.monotonic() - max(log[-1][0], since) > quiet:
                    return
            elif time.monotonic() - since > max(_PATIENCE, quiet):
                return
            time.sleep(0.01)
