"""The snapshot: the merged state as JSON, and how many bytes of which journals it contains.

Sessions are named once, in a table; a register is [value, counter, session] or, where its origin is another
edit than the one that wrote it, [value, counter, session, counter, session].
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically
from leaptui.pose.edits import point_from_json, point_to_json
from leaptui.pose.labels import FrameKey
from leaptui.pose.merge import Animal, Frame, MergedState
from leaptui.pose.registers import EMPTY, Register
from leaptui.pose.renames import Rename
from leaptui.pose.stamps import Stamp

_VERSION = 2


@dataclass
class Snapshot:
    """What a snapshot holds.

    Args:
        state: the merged registers.
        counter: the highest Lamport counter in it.
        contained: how many bytes of each journal are in it, by the journal's name.
        problem: why the file could not be used, in words; the rest is empty then.
    """

    state: MergedState = field(default_factory=MergedState)
    counter: int = 0
    contained: dict[str, int] = field(default_factory=dict)
    problem: str | None = None


def snapshot_to_json(state: MergedState, counter: int, contained: Mapping[str, int]) -> dict[str, Any]:
    """A snapshot as JSON."""
    return {"v": _VERSION, "counter": counter, "journals": dict(contained), "state": state_to_json(state)}


def write_snapshot(path: Path, plain: Mapping[str, Any]) -> None:
    """Write it beside, fsync, rename.

    Raises:
        UnusableInput: if it cannot be written.
    """
    write_atomically(path, json.dumps(plain, separators=(",", ":")).encode())


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot; an empty one if there is none, or none that this version understands.

    Raises:
        UnusableInput: if the file is there but cannot be read.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Snapshot()
    except OSError as error:
        raise UnusableInput(f"labels cannot be read: {error.strerror}", where=path) from error
    try:
        plain = json.loads(data)
        version = int(plain["v"])
        if version > _VERSION:
            return Snapshot(problem="written by a newer leaptui; the journals are read instead")
        if version < _VERSION:
            return Snapshot()
        contained = {str(name): int(size) for name, size in plain["journals"].items()}
        return Snapshot(state_from_json(plain["state"]), int(plain["counter"]), contained)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        return Snapshot(problem=f"not a snapshot ({error}); the journals are read instead")


def state_to_json(state: MergedState) -> dict[str, Any]:
    """The state as JSON."""
    sessions = _Sessions()
    frames = []
    for key in sorted(state.frames):
        frame = state.frames[key]
        item: dict[str, Any] = {"video": key.video, "frame": key.frame}
        if frame.checksum is not EMPTY:
            item["checksum"] = sessions.register(frame.checksum, frame.checksum.value)
        item["animals"] = [_animal_to_json(name, animal, sessions) for name, animal in sorted(frame.animals.items())]
        frames.append(item)
    renames = [[*sessions.stamp(r.stamp), r.place, r.old, r.new] for r in state.renames]
    return {"sessions": sessions.names, "renames": renames, "frames": frames}


def state_from_json(plain: Any) -> MergedState:
    """Read what `state_to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError, IndexError, AttributeError: if it is something else.
    """
    state = MergedState()
    names = [str(name) for name in plain["sessions"]]
    for counter, session, place, old, new in plain["renames"]:
        state.renames.add(Rename(Stamp(int(counter), names[session]), int(place), str(old), str(new)))
    for item in plain["frames"]:
        frame = Frame()
        if "checksum" in item:
            frame.checksum = _register(int(item["checksum"][0]), item["checksum"], names)
        for entry in item["animals"]:
            frame.animals[str(entry["id"])] = _animal_from_json(entry, names)
        state.frames[FrameKey(str(item["video"]), int(item["frame"]))] = frame
    return state


class _Sessions:
    """Names of sessions, each with its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        return list(self._numbers)

    def stamp(self, stamp: Stamp) -> list[int]:
        return [stamp.counter, self._numbers.setdefault(stamp.session, len(self._numbers))]

    def register(self, register: Register, value: Any) -> list[Any]:
        row = [value, *self.stamp(register.stamp)]
        return row if register.origin == register.stamp else row + self.stamp(register.origin)


def _animal_to_json(name: str, animal: Animal, sessions: _Sessions) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": name, "born": sessions.stamp(animal.born)}
    if animal.track is not EMPTY:
        plain["track"] = sessions.register(animal.track, animal.track.value)
    if animal.added is not EMPTY:
        plain["added"] = sessions.register(animal.added, animal.added.value)
    if animal.deleted is not EMPTY:
        plain["deleted"] = sessions.register(animal.deleted, animal.deleted.value)
    plain["points"] = {
        node: sessions.register(register, point_to_json(register.value))
        for node, register in sorted(animal.points.items())
    }
    return plain


def _animal_from_json(plain: Any, names: Sequence[str]) -> Animal:
    counter, session = plain["born"]
    animal = Animal(Stamp(int(counter), names[session]))
    if "track" in plain:
        track = plain["track"][0]
        animal.track = _register(None if track is None else str(track), plain["track"], names)
    if "added" in plain:
        animal.added = _register(plain["added"][0] and True, plain["added"], names)
    if "deleted" in plain:
        animal.deleted = _register(plain["deleted"][0] and True, plain["deleted"], names)
    for node, row in plain["points"].items():
        animal.points[node] = _register(point_from_json(row[0]), row, names)
    return animal


def _register(value: Any, row: Any, names: Sequence[str]) -> Register:
    stamp = Stamp(int(row[1]), names[row[2]])
    return Register(value, stamp, Stamp(int(row[3]), names[row[4]]) if len(row) > 3 else stamp)
