"""Whether labels survive kill -9 and two writers: `python -m tests.benchmarks.label_kills [--kills N] [--edits N]`.

A writer edits one label store at full speed and says on a pipe which Lamport counters are acknowledged; it is killed
at a random moment, also while it starts, compacts, undoes. Then the store is opened: every acknowledged transaction
must be in a journal, every point at least as new as acknowledged, no line unreadable, and undo and redo must work.
Afterwards two writers edit the same points at once. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from leaptui.pose.edits import Edit, SetPoints
from leaptui.pose.journal_reader import JournalReader
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
from leaptui.pose.transactions import Transaction

SKELETON = make_skeleton("three", ["a", "b", "c"])
FRAMES = 20
ANIMALS = 5
BASE = 1_000_000
REFRESH_EVERY, COMPACT_EVERY = 30, 70


def point(number: int, instance: str) -> list[Edit]:
    """The edit number `number` of a writer: its number is the x of the point."""
    node = SKELETON.node_names[number % 3]
    return [SetPoints("v", number % FRAMES, instance, {node: (float(number), 1.5, False)}, checksum=7)]


def write(folder: Path, instance: str, edits: int, base: int) -> None:
    """Edit at full speed; "counter number" on stdout for each acknowledged transaction, number 0 for undo and redo."""
    store = LabelStore(folder, SKELETON)
    os.write(1, b"ready\n")
    for number in range(base + 1, base + edits + 1):
        staged = [(store.stage(point(number, instance), f"edit {number}"), number)]
        if number % 7 == 0:
            staged += [(made, 0) for made in (store.undo(), store.redo()) if made is not None]
        if number % REFRESH_EVERY == 0:
            store.refresh()
        store.flush()
        os.write(1, b"".join(b"%d %d\n" % (made.stamp.counter, n) for made, n in staged))
        if number % COMPACT_EVERY == 0:
            store.compact()
    store.close()


def start(folder: Path, instance: str, edits: int, base: int = 0) -> subprocess.Popen[bytes]:
    """A writer in a process of its own; it counts its edits from `base`."""
    command = [sys.executable, "-m", "tests.benchmarks.label_kills", "--write", instance, "--base", str(base)]
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([*command, "--edits", str(edits), str(folder)], stdout=subprocess.PIPE, cwd=root)


def animal(run: int) -> str:
    """The instance that a run edits: few of them, so that the store stays small."""
    return f"animal{run % ANIMALS}"


@dataclass
class Acknowledged:
    """What a writer said before it ended: Lamport counters, and the newest number of each point."""

    counters: set[int]
    newest: dict[tuple[FrameKey, int], int]


def acknowledged(said: bytes) -> Acknowledged:
    """Read what came through the pipe, whole lines only."""
    counters, newest = set(), {}
    for line in said[: said.rfind(b"\n") + 1].splitlines():
        if line == b"ready":
            continue
        counter, number = map(int, line.split())
        counters.add(counter)
        if number:
            newest[FrameKey("v", number % FRAMES), number % 3] = number
    return Acknowledged(counters, newest)


def kill_at_random(folder: Path, run: int, rng: random.Random) -> Acknowledged:
    """Start a writer and kill it: one time in ten while it starts, else while it edits."""
    writer = start(folder, animal(run), BASE, run * BASE)
    assert writer.stdout is not None
    said = b""
    if rng.random() < 0.1:
        time.sleep(rng.uniform(0.0, 0.5))
    else:
        said = writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.25))
    os.kill(writer.pid, signal.SIGKILL)
    said += writer.stdout.read()
    writer.wait()
    return acknowledged(said)


def losses(folder: Path, run: int, known: Acknowledged, seen: set[str]) -> list[str]:
    """What is wrong after a kill, in words; nothing, if all is well. `seen` are journals checked before."""
    store = LabelStore(folder, SKELETON)
    wrong = [f"unreadable: {p.file.name} line {p.line}: {p.reason}" for p in store.problems]
    counters: set[int] = set()
    for path in sorted((folder / "journal").glob("*.jsonl")):
        if path.name not in seen:
            seen.add(path.name)
            counters.update(t.stamp.counter for t in JournalReader(path).read().transactions)
    wrong += [f"lost: transaction {counter}" for counter in sorted(known.counters - counters)]
    for (key, node), number in known.newest.items():
        found = [i for i in store.frame(key).instances if i.id == animal(run)]
        x = found[0].points[node, 0] if found else -1.0
        if not (x >= number and x % 3 == node and x % FRAMES == key.frame):
            wrong.append(f"lost: edit {number} of {key}, node {node}; it is {x}")
    return wrong + undo_faults(folder, store, seen)


def undo_faults(folder: Path, store: LabelStore, seen: set[str]) -> list[str]:
    """Undo and redo the last step, on disk."""
    if store.undo_words is None:
        return []
    before = picture(store)
    undone = store.undo()
    store.flush()
    if not undone or undone.left or picture(store) == before or picture(LabelStore(folder, SKELETON)) != picture(store):
        return [f"undo did not work: {undone}"]
    store.redo()
    store.close()
    seen.add(f"{store.session}.jsonl")
    return [] if picture(LabelStore(folder, SKELETON)) == before else ["redo did not work"]


def picture(store: LabelStore) -> dict[tuple[FrameKey, str], list[list[float]]]:
    """Every point, NaN as -1."""
    frames = store.labels()
    return {
        (FrameKey(f.video, f.frame), i.id): [[-1.0 if v != v else v for v in xy] for xy in i.points.tolist()]
        for f in frames
        for i in f.instances
    }


def two_writers(folder: Path, edits: int) -> dict[str, object]:
    """Two processes edit the same points at once; what each acknowledged, and what is there."""
    writers = [start(folder, "shared", edits) for _ in range(2)]
    known = [acknowledged(writer.communicate()[0]) for writer in writers]
    transactions: dict[str, list[Transaction]] = {}
    unreadable = 0
    for path in sorted((folder / "journal").glob("*.jsonl")):
        read = JournalReader(path).read()
        unreadable += len(read.problems)
        transactions[path.name] = read.transactions
    written = [{t.stamp.counter for t in each} for each in transactions.values()]
    lost = sum(min(len(a.counters - counters) for counters in written) for a in known)
    store = LabelStore(folder, SKELETON)
    wrong = sum(value != shown_at(store, place) for place, value in latest(transactions).items())
    return {
        "acknowledged": sum(len(a.counters) for a in known),
        "lost": lost,
        "points_not_of_the_later_writer": wrong,
        "journals": len(transactions),
        "unreadable": unreadable + len(store.problems),
    }


def latest(transactions: dict[str, list[Transaction]]) -> dict[tuple[int, str], float]:
    """The value that each point must have: that of the highest stamp."""
    found: dict[tuple[int, str], float] = {}
    for t in sorted((t for each in transactions.values() for t in each), key=lambda t: t.stamp):
        for edit in t.edits:
            if isinstance(edit, SetPoints):
                found.update({(edit.frame, node): value[0] for node, value in edit.points.items() if value})
            else:
                for former in edit.registers:
                    if former.kind == "point":
                        found[edit.frame, former.node] = former.value[0] if former.value else -1.0
    return found


def shown_at(store: LabelStore, place: tuple[int, str]) -> float:
    """The x of a point; -1 if it is not placed."""
    frame, node = place
    x = float(store.frame(FrameKey("v", frame)).instances[0].points[SKELETON.index(node), 0])
    return -1.0 if x != x else x


def main() -> None:
    """Kill, look, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--base", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.folder, options.write, options.edits, options.base)
        return
    rng = random.Random(options.seed)
    wrong: list[str] = []
    seen: set[str] = set()
    count = 0
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "killed"
        for number in range(options.kills):
            known = kill_at_random(folder, number, rng)
            count += len(known.counters)
            wrong += [f"kill {number}: {text}" for text in losses(folder, number, known, seen)]
        journals = list((folder / "journal").glob("*.jsonl"))
        torn = sum(not path.read_bytes().endswith(b"\n") for path in journals)
        result = {
            "kills": options.kills,
            "acknowledged": count,
            "wrong": wrong,
            "journals": len(journals),
            "torn_ends": torn,
            "seconds": round(time.perf_counter() - began, 1),
            "two_writers": two_writers(Path(name) / "two", options.edits),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
