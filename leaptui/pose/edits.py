"""Edits of labels as values, and their JSON form in a journal.

A transaction is a list of edits acknowledged together. Points are named by node, not by position, so
that reordering a skeleton does not touch what is written.

Adding a new edit: write a frozen dataclass with `to_json`, list its `op` in `EDIT_KINDS`, and say in
`registers.writes` which registers it sets; undo then follows by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from leaptui.pose.stamps import Stamp

PointValue = tuple[float, float, bool] | None
"""x, y in source pixels and whether the point is occluded; None unsets the point."""

Kind = Literal["point", "track", "added", "deleted", "checksum"]
"""Kinds of registers of a frame; see `registers`."""

TOMBSTONE = "deleted:"
"""How the name of a deleted node begins in the journals."""


@dataclass(frozen=True)
class SetPoints:
    """Place, move, hide or unset points of one instance; the instance is made if it is not there.

    Args:
        video, frame: which frame.
        instance: id of the instance.
        points: new value a node name; none at all adds an instance without points, or brings one back.
        checksum: CRC-32 of the frame's pixels, so that a changed video is noticed later.
    """

    video: str
    frame: int
    instance: str
    points: Mapping[str, PointValue] = field(default_factory=dict)
    checksum: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON; a visible point is [x, y], an occluded one [x, y, 1]."""
        plain: dict[str, Any] = {
            "op": "points",
            "video": self.video,
            "frame": self.frame,
            "instance": self.instance,
            "points": {node: point_to_json(value) for node, value in self.points.items()},
        }
        if self.checksum is not None:
            plain["checksum"] = self.checksum
        return plain


@dataclass(frozen=True)
class SetTrack:
    """Say which animal an instance is, or with None that it is not known."""

    video: str
    frame: int
    instance: str
    track: str | None

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON."""
        return {
            "op": "track",
            "video": self.video,
            "frame": self.frame,
            "instance": self.instance,
            "track": self.track,
        }


@dataclass(frozen=True)
class DeleteInstance:
    """Take an instance away with its points and its track."""

    video: str
    frame: int
    instance: str

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON."""
        return {"op": "delete", "video": self.video, "frame": self.frame, "instance": self.instance}


@dataclass(frozen=True)
class RenameNode:
    """Give a node of the skeleton another name, in every label there is.

    Args:
        old, new: the names. A `new` that begins with TOMBSTONE deletes the node, an `old` that does brings it
            back, and an empty `old` says that a node called `new` starts afresh.
    """

    old: str
    new: str

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON."""
        return {"op": "rename", "old": self.old, "new": self.new}


class Former(NamedTuple):
    """A register's value at some time, and the stamp of the edit that gave it that value.

    Args:
        kind: which register.
        instance: id of the instance; empty for a checksum.
        node: name of the node of a point; empty for the others.
        value: PointValue, track name, checksum, or True for added and deleted; None if unset.
        origin: stamp of the edit by which it first had this value; NEVER if it had none.
    """

    kind: Kind
    instance: str
    node: str
    value: Any
    origin: Stamp


@dataclass(frozen=True)
class Restore:
    """Put registers of one frame to what they were; what undo and redo write.

    A point that is restored to None with origin NEVER is as if nobody had ever set it; one that SetPoints sets to None
    has been unset by a person (see `LabelStore.unset`).
    """

    video: str
    frame: int
    registers: tuple[Former, ...]

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON; a register is [kind, instance, node, value, counter, session]."""
        rows = [
            [r.kind, r.instance, r.node, point_to_json(r.value) if r.kind == "point" else r.value, *r.origin]
            for r in self.registers
        ]
        return {"op": "back", "video": self.video, "frame": self.frame, "registers": rows}


Edit = SetPoints | SetTrack | DeleteInstance | RenameNode | Restore


def point_to_json(value: PointValue) -> list[float] | None:
    """[x, y], with a third element 1 where it is occluded.

    Raises:
        ValueError: if it is not finite.
    """
    if value is None:
        return None
    if not (math.isfinite(value[0]) and math.isfinite(value[1])):
        raise ValueError(f"a point must be finite, not {value[:2]}")
    return [value[0], value[1], 1] if value[2] else [value[0], value[1]]


def point_from_json(plain: Any) -> PointValue:
    """Read what `point_to_json` wrote.

    Raises:
        ValueError, TypeError, IndexError: if it is something else.
    """
    if plain is None:
        return None
    x, y = float(plain[0]), float(plain[1])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("a point is not finite")
    return x, y, len(plain) > 2 and bool(plain[2])


def _read_points(plain: Mapping[str, Any]) -> SetPoints:
    points = {str(node): point_from_json(value) for node, value in plain["points"].items()}
    checksum = plain.get("checksum")
    return SetPoints(
        str(plain["video"]),
        int(plain["frame"]),
        str(plain["instance"]),
        points,
        None if checksum is None else int(checksum),
    )


def _read_track(plain: Mapping[str, Any]) -> SetTrack:
    track = plain["track"]
    return SetTrack(
        str(plain["video"]), int(plain["frame"]), str(plain["instance"]), None if track is None else str(track)
    )


def _read_delete(plain: Mapping[str, Any]) -> DeleteInstance:
    return DeleteInstance(str(plain["video"]), int(plain["frame"]), str(plain["instance"]))


def _read_rename(plain: Mapping[str, Any]) -> RenameNode:
    return RenameNode(str(plain["old"]), str(plain["new"]))


def _read_restore(plain: Mapping[str, Any]) -> Restore:
    registers = tuple(_read_former(row) for row in plain["registers"])
    return Restore(str(plain["video"]), int(plain["frame"]), registers)


def _read_former(row: Any) -> Former:
    kind, instance, node, value, counter, session = row
    if kind not in get_args(Kind):
        raise ValueError(f"no register is called {kind!r}")
    if value is not None:
        readers: dict[str, Callable[[Any], Any]] = {"point": point_from_json, "track": str, "checksum": int}
        value = readers.get(kind, bool)(value)
    return Former(kind, str(instance), str(node), value, Stamp(int(counter), str(session)))


EDIT_KINDS: dict[str, Callable[[Mapping[str, Any]], Edit]] = {
    "points": _read_points,
    "track": _read_track,
    "delete": _read_delete,
    "rename": _read_rename,
    "back": _read_restore,
}


def edit_from_json(plain: Any) -> Edit:
    """Read one edit.

    Raises:
        ValueError: if it is not one, or of a kind that this version does not know; the caller knows file and line.
    """
    try:
        kind = plain["op"]
        if kind not in EDIT_KINDS:
            raise ValueError(f"an edit of a kind that this version does not know: {kind!r}")
        return EDIT_KINDS[kind](plain)
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"not an edit: {error}") from error
