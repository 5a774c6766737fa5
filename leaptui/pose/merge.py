"""Merging edits of several sessions: last writer wins, per register.

Every reader of the same transactions, in whatever order they come, arrives at the same state: each register
(see `registers`) keeps the write with the highest stamp (a last-writer-wins register map; Shapiro et al. 2011).

When an animal lives: from its first edit until it is deleted, also when its last point was unset or it has
only a track; after a deletion, only a point that was placed later, or an explicit addition (SetPoints without
points), brings it back, and with it only what was set later. An animal whose making was undone does not live.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaptui.pose.edits import Edit, Former, RenameNode, Restore
from leaptui.pose.instance import Instance, LabeledFrame
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.registers import EMPTY, Address, Register, writes
from leaptui.pose.renames import Rename, Renames
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.stamps import NEVER, Stamp


@dataclass(slots=True)
class Animal:
    """Registers of one instance; points by the names under which they were written."""

    born: Stamp
    points: dict[str, Register] = field(default_factory=dict)
    track: Register = EMPTY
    added: Register = EMPTY
    deleted: Register = EMPTY


@dataclass(slots=True)
class Frame:
    """Registers of one frame."""

    animals: dict[str, Animal] = field(default_factory=dict)
    checksum: Register = EMPTY


class MergedState:
    """Registers of every frame, and the renames of nodes."""

    def __init__(self) -> None:
        self.frames: dict[FrameKey, Frame] = {}
        self.renames = Renames()

    def apply(self, edits: Sequence[Edit], stamp: Stamp) -> set[FrameKey]:
        """Take one transaction in; order does not matter, and taking one twice changes nothing.

        Returns:
            The frames in which something is different now; every frame, after a rename.
        """
        changed = set()
        for address, (value, origin) in writes(edits, stamp).items():
            if self._put(address, Register(value, stamp, origin)):
                changed.add(address.key)
        renames = [edit for edit in edits if isinstance(edit, RenameNode)]
        if any([self.renames.add(Rename(stamp, place, r.old, r.new)) for place, r in enumerate(renames)]):
            return set(self.frames)
        return changed

    def _put(self, address: Address, register: Register) -> bool:
        kind, key, name, node = address
        frame = self.frames.get(key)
        if frame is None:
            frame = self.frames[key] = Frame()
        if kind == "checksum":
            if frame.checksum.stamp >= register.stamp:
                return False
            frame.checksum = register
            return True
        animal = frame.animals.get(name)
        if animal is None:
            animal = frame.animals[name] = Animal(register.stamp)
        elif register.stamp < animal.born:
            animal.born = register.stamp
        if kind == "point":
            present = animal.points.get(node)
            if present is not None and present.stamp >= register.stamp:
                return False
            animal.points[node] = register
            return True
        if getattr(animal, kind).stamp >= register.stamp:
            return False
        setattr(animal, kind, register)
        return True

    def labels(self, skeleton: Skeleton) -> Labels:
        """The merged labels; nodes the skeleton does not have are left out, not lost."""
        labels = Labels(skeleton)
        for key in self.frames:
            labels.add(self.frame(key, skeleton))
        return labels

    def frame(self, key: FrameKey, skeleton: Skeleton) -> LabeledFrame:
        """One frame as merged; without instances where nothing is labelled."""
        frame = self.frames.get(key)
        if frame is None:
            return LabeledFrame(*key)
        instances = []
        for name, animal in sorted(frame.animals.items(), key=lambda item: (item[1].born, item[0])):
            points = self._points(animal, skeleton)
            if not _lives(animal, points.values()):
                continue
            instances.append(_instance(name, animal, points, skeleton))
        return LabeledFrame(key.video, key.frame, instances, frame.checksum.value)

    def unset(self, key: FrameKey, skeleton: Skeleton) -> dict[str, frozenset[str]]:
        """Nodes that a person has unset, by instance."""
        frame = self.frames.get(key)
        found = {}
        for name, animal in (frame.animals if frame else {}).items():
            points = self._points(animal, skeleton)
            if _lives(animal, points.values()):
                shown = {node for node, r in points.items() if r.value is None and r.origin > animal.deleted.origin}
                found[name] = frozenset(node for node in shown if node in skeleton)
        return found

    def current(self, address: Address, skeleton: Skeleton) -> Register:
        """A register as it is now; a point by the name that its node has now."""
        frame = self.frames.get(address.key)
        if frame is None:
            return EMPTY
        if address.kind == "checksum":
            return frame.checksum
        animal = frame.animals.get(address.instance)
        if animal is None:
            return EMPTY
        if address.kind == "point":
            return self._points(animal, skeleton).get(address.node, EMPTY)
        register: Register = getattr(animal, address.kind)
        return register

    def former(self, edits: Sequence[Edit], skeleton: Skeleton) -> tuple[Restore, ...]:
        """What the registers that a transaction is about to set hold now, one Restore a frame.

        Checksums are left out: they say something of the video, and are not to be undone.
        """
        frames: dict[FrameKey, list[Former]] = {}
        for address in writes(edits, NEVER):
            if address.kind == "checksum":
                continue
            register = self.current(address, skeleton)
            frames.setdefault(address.key, []).append(
                Former(address.kind, address.instance, address.node, register.value, register.origin)
            )
        return tuple(Restore(key.video, key.frame, tuple(registers)) for key, registers in frames.items())

    def led_away(self, node: str, skeleton: Skeleton) -> tuple[Restore, ...]:
        """Writes of the points that are kept under a name but belong to another node by now, under that node's."""
        if not self.renames.knows(node):
            return ()
        found = []
        for key, frame in self.frames.items():
            registers = []
            for name, animal in frame.animals.items():
                kept = animal.points.get(node)
                if kept is None:
                    continue
                now = self.renames.resolve(node, kept.stamp, skeleton)
                if now != node and self._points(animal, skeleton)[now] is kept:
                    registers.append(Former("point", name, now, kept.value, kept.origin))
            if registers:
                found.append(Restore(key.video, key.frame, tuple(registers)))
        return tuple(found)

    def _points(self, animal: Animal, skeleton: Skeleton) -> dict[str, Register]:
        """The point of each node; where two names lead to one node, the later one."""
        if not len(self.renames):
            return animal.points
        found: dict[str, tuple[Stamp, bool, str]] = {}
        for name, register in animal.points.items():
            node = self.renames.resolve(name, register.stamp, skeleton)
            rank = (register.stamp, name == node, name)
            if node not in found or found[node] < rank:
                found[node] = rank
        return {node: animal.points[name] for node, (_, _, name) in found.items()}


def _lives(animal: Animal, points: Iterable[Register]) -> bool:
    gone = animal.deleted.origin
    if gone == NEVER:
        return any(register.origin > NEVER for register in (animal.added, animal.track, *points))
    return animal.added.origin > gone or any(r.value is not None and r.origin > gone for r in points)


def _instance(name: str, animal: Animal, registers: dict[str, Register], skeleton: Skeleton) -> Instance:
    points = np.full((len(skeleton), 2), np.nan)
    occluded = np.zeros(len(skeleton), dtype=bool)
    gone = animal.deleted.origin
    for node, (value, _, origin) in registers.items():
        if value is not None and origin > gone and node in skeleton:
            index = skeleton.index(node)
            points[index] = value[:2]
            occluded[index] = value[2]
    return Instance(points, occluded, animal.track.value if animal.track.origin > gone else None, name)
