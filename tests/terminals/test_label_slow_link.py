"""Labelling at 300 ms of round trip and 64 kB/s: no edit is lost or repeated, and what is meant is soon seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.graphics.terminal import Graphics
from tests.terminals.slow_session import SlowSession, Stroke, go_to, hints, moves, session

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
        written, meant = slow.settled_labels()
    assert written == meant


def test_keys_that_arrive_together_do_what_they_mean_one_after_the_other(tmp_path: Path):
    """A stalled link delivers at once what was typed meanwhile: keys must wait for what those before them open."""
    with SlowSession(tmp_path, Graphics.KITTY, round_trip=0.02) as slow:
        slow.wait_until_seen()
        slow.play_at_once(
            [
                Stroke(b"5", lambda labeller: labeller.select_node(4)),
                *moves([b"l", b"L", b"k"]),
                *go_to(3),
                *moves([b"j", b"j"]),
            ]
        )
        slow.wait_until_seen()
        slow.play_at_once(
            [
                *hints(slow.view, [(60.3, 80.2), (70.0, 90.0)], 1)[:-1],
                # The grid stays open, and leaves a step to the next frame what it is.
                Stroke(b".", lambda labeller: labeller.step(1)),
            ]
        )
        written, meant = slow.settled_labels(5.0)
    assert written == meant
