"""Transactions: edits that are made, acknowledged and undone together, and their line in a journal.

A line is `{"v", "c", "t", "why", "edits"}`: version, Lamport counter, wall time in seconds, what the person did,
and the edits; the session comes from the first line of the file. Where they apply there are also:

- `g`: the group; consecutive transactions of one group are one step of undo,
- `was`: what the registers held before, so that the transaction can be undone by whoever reads the line,
- `undoes` or `redoes`: [counter, session] of the transactions that this one takes back or does again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from leaptui.pose.edits import TOMBSTONE, DeleteInstance, Edit, RenameNode, Restore, SetPoints, SetTrack, edit_from_json
from leaptui.pose.labels import FrameKey
from leaptui.pose.stamps import Stamp

VERSION = 1


@dataclass(frozen=True)
class Transaction:
    """Edits made together.

    Args:
        stamp: when, for merging.
        edits: what changed.
        why: what the person did, in words.
        time: wall clock of its host, seconds since 1970.
        group: transactions of one group that follow each other are one step of undo.
        was: what the registers held before; None where it cannot be undone by itself (imports, renames, undos).
        undoes, redoes: the transactions that this one takes back, or does again.
        left: what an undo or redo left as it is because it was changed since, in words.
    """

    stamp: Stamp
    edits: tuple[Edit, ...]
    why: str = ""
    time: float = 0.0
    group: str | None = None
    was: tuple[Restore, ...] | None = None
    undoes: tuple[Stamp, ...] = ()
    redoes: tuple[Stamp, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[FrameKey, ...]:
        """The frames it touches, in the order of its edits."""
        return frames_of(self.edits)

    @property
    def words(self) -> str:
        """What was done."""
        return self.why or describe(self.edits)

    def to_line(self) -> bytes:
        """The line of a journal, with its end.

        Raises:
            ValueError: if a number is not finite.
        """
        plain: dict[str, Any] = {
            "v": VERSION,
            "c": self.stamp.counter,
            "t": self.time,
            "why": self.why,
            "edits": [edit.to_json() for edit in self.edits],
        }
        if self.group is not None:
            plain["g"] = self.group
        if self.was is not None:
            plain["was"] = [restore.to_json() for restore in self.was]
        if self.undoes:
            plain["undoes"] = [[*stamp] for stamp in self.undoes]
        if self.redoes:
            plain["redoes"] = [[*stamp] for stamp in self.redoes]
        return to_line(plain)


def to_line(plain: dict[str, Any]) -> bytes:
    """A line of a journal."""
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_line(plain: dict[str, Any], session: str, *, history: bool = False) -> Transaction:
    """Read a line.

    Args:
        plain: the line's object.
        session: whose journal it is in.
        history: whether to read `was` as well, which merging does not need.

    Raises:
        ValueError: if it is no transaction, or holds an edit that this version does not know.
    """
    try:
        was = plain.get("was") if history else None
        return Transaction(
            Stamp(int(plain["c"]), session),
            tuple([edit_from_json(edit) for edit in plain["edits"]]),
            str(plain.get("why", "")),
            float(plain.get("t", 0.0)),
            None if plain.get("g") is None else str(plain["g"]),
            None if was is None else _read_was(was),
            _read_stamps(plain.get("undoes", ())),
            _read_stamps(plain.get("redoes", ())),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"not a transaction: {error}") from error


def _read_was(plain: Sequence[Any]) -> tuple[Restore, ...]:
    restores = [edit_from_json(edit) for edit in plain]
    found = tuple(restore for restore in restores if isinstance(restore, Restore))
    if len(found) < len(restores):
        raise ValueError("'was' holds something else than former values")
    return found


def _read_stamps(plain: Sequence[Any]) -> tuple[Stamp, ...]:
    return tuple(Stamp(int(counter), str(session)) for counter, session in plain)


def frames_of(edits: Iterable[Edit]) -> tuple[FrameKey, ...]:
    """The frames that edits touch, each once; a rename touches none by name."""
    keys = [FrameKey(edit.video, edit.frame) for edit in edits if not isinstance(edit, RenameNode)]
    return tuple(dict.fromkeys(keys))


def nodes_of(edits: Iterable[Edit]) -> tuple[str, ...]:
    """The nodes whose points edits set, each once."""
    found: dict[str, None] = {}
    for edit in edits:
        if isinstance(edit, SetPoints):
            found.update(dict.fromkeys(edit.points))
        elif isinstance(edit, Restore):
            found.update(dict.fromkeys(former.node for former in edit.registers if former.kind == "point"))
    return tuple(found)


def describe(edits: Sequence[Edit]) -> str:
    """Edits in words, for when nobody said what they are."""
    parts = []
    nodes = nodes_of(edits)
    if nodes:
        parts.append(some(nodes))
    for edit in edits:
        match edit:
            case SetPoints() if not edit.points:
                parts.append("animal added")
            case SetTrack():
                parts.append("track removed" if edit.track is None else f"track {edit.track}")
            case DeleteInstance():
                parts.append("animal deleted")
            case RenameNode():
                parts.append(_renamed(edit))
    return ", ".join(dict.fromkeys(parts)) or "nothing"


def _renamed(edit: RenameNode) -> str:
    if not edit.old:
        return f"node {edit.new} added"
    if edit.new.startswith(TOMBSTONE):
        return f"node {edit.old} deleted"
    if edit.old.startswith(TOMBSTONE):
        return f"node {edit.new} brought back"
    return f"node {edit.old} renamed to {edit.new}"


def some(names: Sequence[str], most: int = 4) -> str:
    """Names for people, the first few of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
