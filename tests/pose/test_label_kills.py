"""kill -9 and two writers: nothing acknowledged is lost. The benchmark of the same name kills more often."""

from __future__ import annotations

import random
from pathlib import Path

from tests.benchmarks.label_kills import kill_at_random, losses, two_writers


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path):
    rng, seen, acknowledged = random.Random(5), set(), 0
    for number in range(12):
        known = kill_at_random(tmp_path, number, rng)
        acknowledged += len(known.counters)
        assert losses(tmp_path, number, known, seen) == []
    assert acknowledged > 100


def test_two_processes_at_once_lose_nothing_and_the_later_wins(tmp_path: Path):
    result = two_writers(tmp_path, edits=150)
    assert result == {
        "acknowledged": 2 * (150 + 2 * (150 // 7)),
        "lost": 0,
        "points_not_of_the_later_writer": 0,
        "journals": 2,
        "unreadable": 0,
    }
