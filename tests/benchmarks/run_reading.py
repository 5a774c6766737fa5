"""What reading a run costs: `python tests/benchmarks/run_reading.py` prints JSON.

- `live`: share of a core that a reader takes which looks four times a second at a run logging 1,000 events a second,
  1,000 values a second in one event, and 100 events of ten values each.
- `open`: processor seconds until a run of a million steps is read, and the longest look at it.
- `look`: milliseconds of one look at it when 250 more events came since the last, and when nothing did.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from leaptui.runs.files import encode
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from leaptui.tui.run_reading import LiveReader

LOOKS_A_SECOND = 4


def steps(first: int, count: int, values: int = 0) -> bytes:
    """Lines of `step` events."""
    return b"".join(
        encode(
            {"v": 1, "seq": n, "t": 1e9 + n, "type": "step", "epoch": 1 + n // 1000, "step": n, "loss": 1 / n}
            | {"lr": 1e-3, "samples_per_s": 300.0}
            | {f"value/{each}": n * each % 97 for each in range(values)}
        )
        + b"\n"
        for n in range(first, first + count)
    )


def fresh(folder: str) -> RunDirectory:
    """A run that says it is running."""
    run = RunDirectory.create(Path(folder), "train", {"project": "/data"})
    write_status(run, Status(State.RUNNING, 1, ProcessIdentity.current(), started=1e9, updated=1e9))
    return run


def live(seconds: int, batches: Callable[[], Iterator[bytes]]) -> float:
    """Share of a core."""
    with tempfile.TemporaryDirectory() as folder:
        run = fresh(folder)
        reader = LiveReader(run.path)
        reader.look()
        spent, source = 0.0, batches()
        for _ in range(seconds * LOOKS_A_SECOND):
            with run.events.open("ab") as file:
                file.write(next(source))
            begun = time.process_time()
            reader.look()
            spent += time.process_time() - begun
        return spent / seconds


def growing(a_second: int, values: int) -> Callable[[], Iterator[bytes]]:
    """What comes between two looks."""

    def batches() -> Iterator[bytes]:
        owed, number = 0.0, 1
        while True:
            owed += a_second / LOOKS_A_SECOND
            count = int(owed)
            yield steps(number, count, values)
            owed, number = owed - count, number + count

    return batches


def opened(events: int) -> dict[str, float]:
    """Of a long run."""
    with tempfile.TemporaryDirectory() as folder:
        run = fresh(folder)
        with run.events.open("wb") as file:
            for first in range(1, events + 1, 10_000):
                file.write(steps(first, 10_000))
        reader = LiveReader(run.path)
        begun, longest, looks = time.process_time(), 0.0, 0
        while True:
            look_begun = time.perf_counter()
            picture = reader.look()
            longest = max(longest, time.perf_counter() - look_begun)
            looks += 1
            if not picture.behind:
                break
        spent = time.process_time() - begun
        idle = timed(reader.look)
        with run.events.open("ab") as file:
            file.write(steps(events + 1, 250))
        return {
            "events": events,
            "cpu_s": round(spent, 2),
            "looks": looks,
            "longest_look_ms": round(1000 * longest, 1),
            "points": len(picture.steps),
            "look_idle_ms": round(1000 * idle, 2),
            "look_250_events_ms": round(1000 * timed(reader.look, 1), 2),
        }


def timed(call: Callable[[], object], count: int = 20) -> float:
    """Seconds of one call."""
    begun = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - begun) / count


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of the runs that are followed")
    parser.add_argument("--events", type=int, default=1_000_000, help="of the run that is opened")
    asked = parser.parse_args()
    found = {
        "core_share_1000_events_a_second": round(live(asked.seconds, growing(1000, 0)), 4),
        "core_share_1000_values_in_an_event": round(live(asked.seconds, growing(1, 1000)), 4),
        "core_share_100_events_of_10_values": round(live(asked.seconds, growing(100, 10)), 4),
        "open": opened(asked.events),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
