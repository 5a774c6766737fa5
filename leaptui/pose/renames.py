"""Which node a stored point belongs to, when nodes were renamed.

Points are kept under the name that their writer knew. A name is resolved when labels are shown: it follows,
in order of their stamps, the renames that are later than itself. Where that ends at no node of the skeleton,

1. the last name on the way that is a node counts: a crash came between the journal and project.toml;
2. else the renames are followed whatever their stamps: the writer had not seen them.

A deleted node is renamed to a tombstone, a name that no node has, so that its points wait for the deletion to
be undone. Rule 1 gives no points back to a name that another node has taken since, by a rename to it; a new node of
a former name takes it by a rename from the empty name (`LabelStore.afresh`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from leaptui.pose.skeleton import Skeleton
from leaptui.pose.stamps import Stamp


class Rename(NamedTuple):
    """One rename: its stamp, its place in the transaction, and the names."""

    stamp: Stamp
    place: int
    old: str
    new: str


class Renames:
    """All renames of a store, in order."""

    def __init__(self) -> None:
        self._all: list[Rename] = []
        self._skeleton: Skeleton | None = None
        self._resolved: dict[tuple[str, int], str] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Rename]:
        return iter(self._all)

    def add(self, rename: Rename) -> bool:
        """Take one in; False if it is known already."""
        at = bisect_left(self._all, rename)
        if at < len(self._all) and self._all[at] == rename:
            return False
        self._all.insert(at, rename)
        self._skeleton = None
        return True

    def knows(self, name: str) -> bool:
        """Whether a node was ever renamed from or to this name."""
        return any(name in (rename.old, rename.new) for rename in self._all)

    def resolve(self, name: str, stamp: Stamp, skeleton: Skeleton) -> str:
        """The node of the skeleton that a point stored under `name` at `stamp` belongs to.

        A name that leads to no node comes back as the last name it had.
        """
        if not self._all:
            return name
        if skeleton is not self._skeleton:
            self._skeleton, self._resolved = skeleton, {}
        first = bisect_right(self._all, stamp, key=_stamp)
        known = self._resolved.get((name, first))
        if known is None:
            known = self._resolved[name, first] = self._walk(name, first, skeleton)
        return known

    def _walk(self, name: str, first: int, skeleton: Skeleton) -> str:
        way: list[Rename] = []
        for rename in self._all[first:]:
            if rename.old == name:
                way.append(rename)
                name = rename.new
        if name in skeleton:
            return name
        for rename in reversed(way):
            if rename.old in skeleton and not self._taken_since(rename):
                return rename.old
        seen = name
        for rename in self._all:
            if rename.old == seen:
                seen = rename.new
        return seen if seen in skeleton else name

    def _taken_since(self, left: Rename) -> bool:
        return any(later.new == left.old for later in self._all[bisect_right(self._all, left) :])


def _stamp(rename: Rename) -> Stamp:
    return rename.stamp
