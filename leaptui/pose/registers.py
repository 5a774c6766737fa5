"""Registers: the single values that merge, and which of them an edit sets.

A frame has a checksum and animals; an animal has one register a node name (its point), its track, whether it
was added without points, and when it was deleted. A register keeps its value and two stamps: that of the edit
that wrote it, by which the later writer wins, and its origin, the edit by which it first had this value. The
two differ after an undo, which writes an old value anew; undo compares origins, so that undoing several steps
one after the other works, while a value that somebody else wrote in between is left alone.

The origin of a deletion is what hides: points, track and addition of earlier origin are gone, later ones show.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from leaptui.pose.edits import DeleteInstance, Edit, Kind, Restore, SetPoints, SetTrack
from leaptui.pose.labels import FrameKey
from leaptui.pose.stamps import NEVER, Stamp


class Register(NamedTuple):
    """A value, the stamp of the edit that wrote it, and of the edit by which it first had it."""

    value: Any
    stamp: Stamp
    origin: Stamp


EMPTY = Register(None, NEVER, NEVER)
"""A register that nobody has written."""


class Address(NamedTuple):
    """Which register: of which frame, of which instance ("" for a checksum), of which node ("" but for a point)."""

    kind: Kind
    key: FrameKey
    instance: str
    node: str


def writes(edits: Iterable[Edit], stamp: Stamp) -> dict[Address, tuple[Any, Stamp]]:
    """Value and origin of each register that a transaction sets; a later edit of it goes before an earlier one."""
    found: dict[Address, tuple[Any, Stamp]] = {}
    for edit in edits:
        match edit:
            case SetPoints():
                key = FrameKey(edit.video, edit.frame)
                for node, value in edit.points.items():
                    found[Address("point", key, edit.instance, node)] = (value, stamp)
                if not edit.points:
                    found[Address("added", key, edit.instance, "")] = (True, stamp)
                if edit.checksum is not None:
                    found[Address("checksum", key, "", "")] = (edit.checksum, stamp)
            case SetTrack():
                key = FrameKey(edit.video, edit.frame)
                found[Address("track", key, edit.instance, "")] = (edit.track, stamp)
            case DeleteInstance():
                key = FrameKey(edit.video, edit.frame)
                found[Address("deleted", key, edit.instance, "")] = (True, stamp)
            case Restore():
                key = FrameKey(edit.video, edit.frame)
                for former in edit.registers:
                    address = Address(former.kind, key, former.instance, former.node)
                    found[address] = (former.value, former.origin)
    return found
