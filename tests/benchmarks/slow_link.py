"""How soon what is meant is seen over a slow link, while somebody labels quickly.

    python -m tests.benchmarks.slow_link [--round-trip 0.3] [--rate 64000] [--sessions 3]

Plays sessions of about a hundred keys, 10 to 30 a second, against the whole app on a scripted terminal, and waits
every few keys until the terminal shows what the keys mean. Prints one JSON object a protocol: milliseconds after the
last key beyond the round trip until marks and lines are right over at least a rough frame ("state"), and until every
pixel is ("exact"); and whether the labels on the disk are what the keys mean.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.terminal import Graphics
from tests.terminals.slow_session import Seen, SlowSession, go_to, moves, session, steps

BATCHES = 10
"""After each session: moves, and steps to another frame, whose last key is timed."""
_NUDGES = ([b"l", b"j", b"l"] * 3, [b"h", b"k", b"h"] * 3)


def measure(graphics: Graphics, *, round_trip: float, rate: float, sessions: int) -> dict[str, Any]:
    """Times of one protocol."""
    seen: dict[str, list[Seen]] = {"nudge": [], "step": []}
    lost = 0
    for seed in range(sessions):
        with (
            tempfile.TemporaryDirectory() as folder,
            SlowSession(Path(folder), graphics, round_trip=round_trip, rate=rate) as slow,
        ):
            slow.wait_until_seen()
            slow.play([*session(slow.view, seed), *go_to(0)], seed)
            slow.wait_until_seen()
            for batch in range(BATCHES):
                for kind, strokes in (("nudge", moves(_NUDGES[batch % 2])), ("step", steps(-1 if batch % 2 else 1))):
                    typed = slow.play(strokes, seed + batch)
                    found = slow.wait_until_seen(typed)
                    seen[kind].append(Seen(*(at - typed - round_trip for at in found)))
            written, meant = slow.labels()
            lost += written != meant
    told = {"protocol": graphics.value, "round_trip_ms": round(1000 * round_trip), "bytes_per_s": rate}
    for kind, times in seen.items():
        milliseconds = 1000 * np.array(times)
        told |= _spread(f"{kind}_state", milliseconds[:, 0]) | _spread(f"{kind}_exact", milliseconds[:, 1])
    return {**told, "waits": BATCHES * sessions, "sessions": sessions, "sessions_with_other_labels": lost}


def _spread(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    return {
        f"{name}_median_ms": round(float(np.median(values)), 1),
        f"{name}_p95_ms": round(float(np.percentile(values, 95)), 1),
        f"{name}_worst_ms": round(float(values.max()), 1),
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Labelling over a slow link.")
    parser.add_argument("--round-trip", type=float, default=0.3, help="seconds")
    parser.add_argument("--rate", type=float, default=64_000, help="bytes a second towards the terminal")
    parser.add_argument("--sessions", type=int, default=3)
    args = parser.parse_args()
    for graphics in (Graphics.KITTY, Graphics.SIXEL):
        found = measure(graphics, round_trip=args.round_trip, rate=args.rate, sessions=args.sessions)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
