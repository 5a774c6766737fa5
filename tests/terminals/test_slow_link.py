"""The slow link is as slow as it says, and carries everything."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.terminals.fake_terminal import FakeTerminal
from tests.terminals.slow_link import DelayLine

HERE = Path(__file__).resolve().parent
MEASURE = """
import sys
from leaptui.graphics.link import measure
from leaptui.graphics.probe import probe
found = probe(0, 1).terminal
link = measure(0, 1)
print("measured", found.graphics, link.round_trip, link.rate)
sys.exit(7)
"""


def test_a_line_delays_and_limits():
    line = DelayLine(delay=0.2, rate=1000, room=1500)
    line.push(b"a" * 1000, 10.0)
    assert line.has_room(10.0)
    line.push(b"b" * 1000, 10.0)
    assert not line.has_room(10.0)
    assert line.has_room(11.0)
    assert line.pop(11.19) == b""
    assert line.pop(11.21) == b"a" * 1000
    assert line.next_arrival == pytest.approx(12.2)
    assert line.pop(12.21) == b"b" * 1000
    assert line.next_arrival is None


def test_a_command_behind_a_slow_link_sees_its_delay_and_rate_and_gives_its_exit_code():
    argv = [sys.executable, str(HERE / "slow_link.py"), "--round-trip", "0.3", "--rate", "64000", "--"]
    environ = {"PYTHONPATH": str(HERE.parents[1])}
    with FakeTerminal([*argv, sys.executable, "-c", MEASURE], "kitty", environ=environ) as terminal:
        assert terminal.wait_for(lambda: terminal.has_ended)
        said = re.search(rb"measured (\w+) ([\d.]+) ([\d.]+)", terminal.screen)
        assert said is not None, terminal.screen
        assert terminal.exit_code == 7
    assert said[1] == b"kitty"
    assert float(said[2]) >= 0.299
    assert 1_000 < float(said[3]) <= 66_000
