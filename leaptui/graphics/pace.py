"""Pace: how much can be sent so that it is soon seen.

Writing to a terminal returns at once, however slow the way is; what was written waits in buffers that cannot be
seen. So each burst ends with a question (`burst.PING`), and the answer says when the burst has arrived. From the
answers follow the round trip and the rate, and from these how far behind the screen is and what still fits.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leaptui.graphics.painter import Detail

SHARE = 0.08
"""Seconds of sending that a burst should cost at most."""
SILENCE = 3.0
"""Seconds without an answer after which the terminal is taken for one that gives none."""
UNKNOWN_WINDOW = 64 * 1024
"""Bytes that may be on the way as long as the rate is not known."""

_MEMORY = 20.0
"""Seconds that a round trip is remembered; ways change."""
_TELLING_BYTES = 1000
"""Smaller bursts say nothing about the rate."""
_SHORTEST = 0.002
"""Seconds below which a difference of times is noise."""
_WEIGHT = 0.4
"""Of a new rate against what was known, at most: answers come late for other reasons too, and the fewer bytes a burst
had, the less its time says about them."""
_WEIGHTY_BYTES = 8000
"""Bytes of a burst that has the whole weight."""
_QUICKEST = 0.025
"""Seconds between repeats of a key that nobody sets shorter."""
_STRETCH = 1.3
"""Times the seconds between repeats of a key that a burst may take; the excess adds up until one has to be small."""
_UNLIMITED = 1 << 40
_MOST_OPEN = 4096
"""Bursts kept for a terminal that gives no answers."""


@dataclass(slots=True)
class _Burst:
    """One that has no answer yet; `ends` is when its last byte goes out, as far as the rate is known."""

    sent: float
    n_bytes: int
    ends: float


class Pacer:
    """Follows the bursts of one terminal. Call `sent` for each burst that ends with a ping, `acknowledged` for each
    answer; answers nobody asked for do no harm.

    Start with a bare ping, `sent(4)`: small bursts tell the round trip, and large ones the rate only when that is
    known.

    Args:
        clock: seconds.
        round_trip: what the probe measured; an upper bound, terminals are slow to give their first answer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, round_trip: float | None = None) -> None:
        self._clock = clock
        self._open: deque[_Burst] = deque(maxlen=_MOST_OPEN)
        self._trips: deque[tuple[float, float]] = deque()
        self._bound = round_trip
        self._seconds_a_byte: float | None = None
        self._answered_at = float("-inf")
        self._sent_at = float("-inf")

    @property
    def rtt(self) -> float | None:
        """Seconds that a byte and its answer take, nothing else being on the way; None if not known."""
        return min((trip for _, trip in self._trips), default=self._bound)

    @property
    def rate(self) -> float | None:
        """Bytes a second, or None while nothing long enough was sent to tell."""
        return 1 / self._seconds_a_byte if self._seconds_a_byte else None

    @property
    def in_flight(self) -> int:
        """Bytes without an answer."""
        return sum(burst.n_bytes for burst in self._open)

    @property
    def is_silent(self) -> bool:
        """Whether the terminal gives no answers, so that nothing can be paced; its next answer ends that."""
        if not self._open:
            return False
        due = max(self._open[0].ends + (self.rtt or 0.0), self._answered_at)
        return self._clock() - due > SILENCE

    @property
    def backlog(self) -> float:
        """Seconds until the last byte sent so far has gone out, as far as the rate is known."""
        return max(0.0, self._open[-1].ends - self._clock()) if self._open else 0.0

    @property
    def can_send(self) -> bool:
        """Whether a burst sent now would not queue up behind others. Otherwise wait; the newest state is enough."""
        if not self._open or self.is_silent:
            return True
        if self._seconds_a_byte is None:
            return self.in_flight < UNKNOWN_WINDOW
        return self.backlog <= SHARE / 2

    @property
    def wait(self) -> float:
        """Seconds after which it is worth looking at `can_send` again, if no answer comes before."""
        if self.can_send:
            return 0.0
        return SILENCE if self._seconds_a_byte is None else max(0.01, self.backlog - SHARE / 2)

    def sent(self, n_bytes: int) -> None:
        """A burst that ends with a ping was written."""
        now = self._sent_at = self._clock()
        free = max(now, self._open[-1].ends) if self._open else now
        self._open.append(_Burst(now, n_bytes, free + self._seconds(n_bytes)))

    def acknowledged(self) -> None:
        """An answer came."""
        if not self._open:
            return
        now = self._clock()
        burst = self._open.popleft()
        # A burst's answer is due a round trip after its last byte has gone out, and its first byte goes out when
        # it is sent or when the burst before has gone out, whichever is later.
        if burst.n_bytes >= _TELLING_BYTES:
            self._learn_rate(burst, now)
        elif burst.sent + (self.rtt or 0.0) >= self._answered_at:
            self._learn_trip(burst, now)
        self._answered_at = now
        free = now - (self.rtt or 0.0)
        for later in self._open:
            free = later.ends = max(free, later.sent) + self._seconds(later.n_bytes)

    def budget(self, seconds: float = SHARE) -> int:
        """Bytes that go out within that time, after what is on its way already."""
        if self.is_silent:
            return _UNLIMITED
        if self._seconds_a_byte is None:
            return max(0, UNKNOWN_WINDOW - self.in_flight)
        return max(0, int((seconds - self.backlog) / self._seconds_a_byte))

    def detail(self, costs: Mapping[Detail, int]) -> Detail:
        """The finest detail that the budget allows, or else the cheapest.

        While bursts follow each other quickly, as when a key is held, each may take only a little longer than the one
        before is ago: what takes longer would queue up, and the last state would come late. A little, because what
        does not fit now and then comes after the last key, and that is later still.

        Args:
            costs: bytes by detail, about.
        """
        budget = self.budget(min(SHARE, max(_QUICKEST, _STRETCH * (self._clock() - self._sent_at))))
        fitting = [detail for detail, cost in costs.items() if cost <= budget]
        return max(fitting) if fitting else min(costs, key=lambda detail: (costs[detail], detail))

    def _learn_rate(self, burst: _Burst, now: float) -> None:
        trip = self.rtt
        if trip is None:
            self._bound = now - burst.sent
            return
        busy = now - max(burst.sent + trip, self._answered_at)
        if busy < _SHORTEST and not self._trips:
            return
        # Averaged as seconds a byte, so that a way that has become slow is soon taken for slow.
        sample = max(busy, _SHORTEST) / burst.n_bytes
        known = self._seconds_a_byte
        weight = _WEIGHT * min(1.0, burst.n_bytes / _WEIGHTY_BYTES)
        self._seconds_a_byte = sample if known is None else (1 - weight) * known + weight * sample

    def _learn_trip(self, burst: _Burst, now: float) -> None:
        self._trips.append((now, max(0.0, now - burst.sent - self._seconds(burst.n_bytes))))
        while now - self._trips[0][0] > _MEMORY:
            self._trips.popleft()

    def _seconds(self, n_bytes: int) -> float:
        return n_bytes * (self._seconds_a_byte or 0.0)
