"""Edits of labels as values, and their JSON form in a journal.

A transaction is a list of edits acknowledged together. Points are named by node, not by position, so
that reordering a skeleton does not touch what is written.

Adding a new edit: write a frozen dataclass with `to_json`, and list its `kind` in `EDIT_KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PointValue = tuple[float, float, bool] | None
"""x, y in source pixels and whether the point is occluded; None unsets the point."""


@dataclass(frozen=True)
class SetPoints:
    """Place, move, hide or unset points of one instance; the instance is made if it is not there.

    Args:
        video, frame: which frame.
        instance: id of the instance.
        points: new value a node name.
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
            "points": {
                node: None if p is None else ([p[0], p[1], 1] if p[2] else [p[0], p[1]])
                for node, p in self.points.items()
            },
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
    """Take an instance away with all its points."""

    video: str
    frame: int
    instance: str

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON."""
        return {"op": "delete", "video": self.video, "frame": self.frame, "instance": self.instance}


Edit = SetPoints | SetTrack | DeleteInstance


def _read_points(plain: Mapping[str, Any]) -> SetPoints:
    points: dict[str, PointValue] = {}
    for node, value in plain["points"].items():
        points[str(node)] = (
            None if value is None else (float(value[0]), float(value[1]), len(value) > 2 and bool(value[2]))
        )
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


EDIT_KINDS: dict[str, Callable[[Mapping[str, Any]], Edit]] = {
    "points": _read_points,
    "track": _read_track,
    "delete": _read_delete,
}


def edit_from_json(plain: Mapping[str, Any]) -> Edit:
    """Read one edit.

    Raises:
        ValueError: if it is not one; the caller knows file and line.
    """
    try:
        return EDIT_KINDS[plain["op"]](plain)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"not an edit: {error}") from error
