"""Labelling at 300 ms of round trip and 64 kB/s: no edit is lost or repeated, and what is meant is soon seen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from leaptui.graphics.terminal import Graphics
from tests.terminals.slow_session import SlowSession, session

ROUND_TRIP = 0.3
_SOON = 3.0
"""Seconds after the last key, also where the tests share the machine; `tests.benchmarks.slow_link` measures."""


@pytest.mark.parametrize("graphics", [Graphics.KITTY, Graphics.SIXEL])
def test_quick_keys_over_a_slow_link_do_what_they_mean_once(tmp_path: Path, graphics: Graphics):
    with SlowSession(tmp_path, graphics, round_trip=ROUND_TRIP) as slow:
        slow.wait_until_seen()
        typed = slow.play(session(slow.view))
        seen = slow.wait_until_seen(typed)
        assert ROUND_TRIP <= seen.state - typed < ROUND_TRIP + _SOON
        until = time.monotonic() + 20
        written, meant = slow.labels()
        while len(written[-1]) < len(meant[-1]) and time.monotonic() < until:  # type: ignore[arg-type]
            time.sleep(0.1)
            written, meant = slow.labels()
    assert written == meant
