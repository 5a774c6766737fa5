"""Merging edits of several sessions: last writer wins, per point.

Each register (a point of an instance, its track, its deletion) keeps the stamp of the edit that set it.
Stamps are (Lamport counter, session id), so that every reader of the same journals, in whatever order,
arrives at the same state (Lamport 1978; a last-writer-wins register map).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from leaptui.pose.edits import DeleteInstance, Edit, PointValue, SetPoints, SetTrack
from leaptui.pose.instance import Instance, LabeledFrame
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.skeleton import Skeleton


class Stamp(NamedTuple):
    """When, for merging: counter first, then session."""

    counter: int
    session: str


NEVER = Stamp(0, "")


@dataclass
class _Registers:
    """One instance: its points, track and deletion, each with the stamp that set it."""

    points: dict[str, tuple[PointValue, Stamp]] = field(default_factory=dict)
    track: tuple[str | None, Stamp] = (None, NEVER)
    deleted: Stamp = NEVER
    born: Stamp = NEVER

    def alive_points(self) -> dict[str, PointValue]:
        """Points set after the last deletion."""
        return {node: value for node, (value, stamp) in self.points.items() if stamp > self.deleted}

    @property
    def alive(self) -> bool:
        return any(stamp > self.deleted for _, stamp in self.points.values()) or (
            self.track[1] > self.deleted and self.deleted == NEVER
        )


class MergedState:
    """Registers of every instance of every frame."""

    def __init__(self) -> None:
        self._instances: dict[FrameKey, dict[str, _Registers]] = {}
        self._checksums: dict[FrameKey, tuple[int, Stamp]] = {}

    def apply(self, edit: Edit, stamp: Stamp) -> None:
        """Take one edit in; order does not matter, and taking one twice changes nothing."""
        key = FrameKey(edit.video, edit.frame)
        registers = self._instances.setdefault(key, {}).setdefault(edit.instance, _Registers())
        if registers.born == NEVER or stamp < registers.born:
            registers.born = stamp
        match edit:
            case SetPoints():
                for node, value in edit.points.items():
                    if node not in registers.points or registers.points[node][1] < stamp:
                        registers.points[node] = (value, stamp)
                if edit.checksum is not None and self._checksums.get(key, (0, NEVER))[1] < stamp:
                    self._checksums[key] = (edit.checksum, stamp)
            case SetTrack():
                if registers.track[1] < stamp:
                    registers.track = (edit.track, stamp)
            case DeleteInstance():
                registers.deleted = max(registers.deleted, stamp)

    def labels(self, skeleton: Skeleton) -> Labels:
        """The merged labels; nodes the skeleton does not have are left out, not lost."""
        labels = Labels(skeleton)
        for key in self._instances:
            labels.add(self.frame(key, skeleton))
        return labels

    def frame(self, key: FrameKey, skeleton: Skeleton) -> LabeledFrame:
        """One frame as merged."""
        instances = []
        for name, registers in sorted(self._instances.get(key, {}).items(), key=lambda item: (item[1].born, item[0])):
            if not registers.alive:
                continue
            points = np.full((len(skeleton), 2), np.nan)
            occluded = np.zeros(len(skeleton), dtype=bool)
            for node, value in registers.alive_points().items():
                if value is not None and node in skeleton:
                    index = skeleton.index(node)
                    points[index] = value[:2]
                    occluded[index] = value[2]
            instances.append(Instance(points, occluded, registers.track[0], name))
        checksum = self._checksums.get(key)
        return LabeledFrame(key.video, key.frame, instances, None if checksum is None else checksum[0])

    def to_json(self) -> list[dict[str, Any]]:
        """Every register with its stamp, frames in order."""
        plain = []
        for key in sorted(self._instances):
            item: dict[str, Any] = {"video": key.video, "frame": key.frame, "instances": []}
            if key in self._checksums:
                value, stamp = self._checksums[key]
                item["checksum"] = [value, *stamp]
            for name, registers in sorted(self._instances[key].items()):
                item["instances"].append(
                    {
                        "id": name,
                        "born": [*registers.born],
                        "deleted": [*registers.deleted],
                        "track": [registers.track[0], *registers.track[1]],
                        "points": {
                            node: [None if value is None else [*value], *stamp]
                            for node, (value, stamp) in sorted(registers.points.items())
                        },
                    }
                )
            plain.append(item)
        return plain

    @classmethod
    def from_json(cls, plain: list[dict[str, Any]]) -> MergedState:
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError, IndexError: if it is something else.
        """
        state = cls()
        for item in plain:
            key = FrameKey(str(item["video"]), int(item["frame"]))
            if "checksum" in item:
                value, counter, session = item["checksum"]
                state._checksums[key] = (int(value), Stamp(int(counter), str(session)))
            instances = state._instances.setdefault(key, {})
            for entry in item["instances"]:
                track, counter, session = entry["track"]
                registers = _Registers(
                    track=(track, Stamp(int(counter), str(session))),
                    deleted=Stamp(int(entry["deleted"][0]), str(entry["deleted"][1])),
                    born=Stamp(int(entry["born"][0]), str(entry["born"][1])),
                )
                for node, (value, counter, session) in entry["points"].items():
                    point = None if value is None else (float(value[0]), float(value[1]), bool(value[2]))
                    registers.points[str(node)] = (point, Stamp(int(counter), str(session)))
                instances[str(entry["id"])] = registers
        return state
