"""One direction of a slow way between a program and a terminal."""

from __future__ import annotations

from collections import deque

SEGMENT = 1400
"""Bytes that travel together, as in a TCP segment."""


class DelayLine:
    """One direction of a link. Bytes go out one after the other at `rate`, and arrive `delay` later.

    Args:
        delay: seconds on the way.
        rate: bytes a second; None for any.
        room: bytes that may wait to go out; beyond that the sender has to stop, as with the buffers of a socket.
    """

    def __init__(self, delay: float = 0.0, rate: float | None = None, room: int = 256 * 1024) -> None:
        self.delay, self.rate, self.room = delay, rate, room
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._waiting: deque[tuple[float, int]] = deque()
        self._n_waiting = 0

    def push(self, data: bytes, now: float) -> None:
        """Bytes enter the link."""
        for start in range(0, len(data), SEGMENT):
            part = data[start : start + SEGMENT]
            self._free_at = max(now, self._free_at) + (len(part) / self.rate if self.rate else 0.0)
            self._travelling.append((self._free_at + self.delay, part))
            self._waiting.append((self._free_at, len(part)))
            self._n_waiting += len(part)

    def pop(self, now: float) -> bytes:
        """Bytes that have arrived."""
        parts = []
        while self._travelling and self._travelling[0][0] <= now:
            parts.append(self._travelling.popleft()[1])
        return b"".join(parts)

    def has_room(self, now: float) -> bool:
        """Whether the sender may go on."""
        while self._waiting and self._waiting[0][0] <= now:
            self._n_waiting -= self._waiting.popleft()[1]
        return self._n_waiting < self.room

    @property
    def next_arrival(self) -> float | None:
        """When something arrives."""
        return self._travelling[0][0] if self._travelling else None
