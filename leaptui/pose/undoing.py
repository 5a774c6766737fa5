"""Undo and redo as edits: which registers a step sets back, and which it leaves.

A register is set back only while it still holds what the undone transaction gave it, and done again only while it
still holds what was there before; what somebody else wrote since is later and stays. "Holds" is asked of the
register's origin, not of its last writer, so that a chain of undos and redos is transparent (see `registers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from leaptui.pose.edits import Former, Restore
from leaptui.pose.history import Step
from leaptui.pose.labels import FrameKey
from leaptui.pose.merge import MergedState
from leaptui.pose.registers import Address, writes
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.stamps import Stamp
from leaptui.pose.transactions import Transaction

Who = Callable[[str], str]
"""Names the person behind a session."""


@dataclass
class _Plan:
    """Registers to set, on top of the state."""

    state: MergedState
    skeleton: Skeleton
    new: dict[Address, tuple[Any, Stamp]] = field(default_factory=dict)
    left: dict[Address, Stamp] = field(default_factory=dict)

    def swap(self, address: Address, expected: Stamp, value: Any, origin: Stamp) -> None:
        """Set a register that still has the expected origin."""
        if address in self.new:
            now = self.new[address][1]
        else:
            now = self.state.current(address, self.skeleton).origin
        if now == expected:
            self.new[address] = (value, origin)
        else:
            self.left.setdefault(address, self.state.current(address, self.skeleton).stamp)

    def edits(self) -> tuple[Restore, ...]:
        """What is to be written, one edit a frame."""
        frames: dict[FrameKey, list[Former]] = {}
        for address, (value, origin) in self.new.items():
            former = Former(address.kind, address.instance, address.node, value, origin)
            frames.setdefault(address.key, []).append(former)
        return tuple(Restore(key.video, key.frame, tuple(registers)) for key, registers in frames.items())

    def words(self, who: Who) -> tuple[str, ...]:
        """What is left as it is, in words."""
        return tuple(
            f"{_named(address)} of frame {address.key.frame} was changed later by {who(stamp.session)}"
            for address, stamp in self.left.items()
            if address not in self.new
        )


def take_back(
    state: MergedState, step: Step, skeleton: Skeleton, who: Who
) -> tuple[tuple[Restore, ...], tuple[str, ...]]:
    """The edits that undo a step, and in words what they leave."""
    plan = _Plan(state, skeleton)
    for transaction in reversed(step.transactions):
        for address, former, (_, origin) in _changes(transaction, state, skeleton):
            plan.swap(address, origin, former.value, former.origin)
    return plan.edits(), plan.words(who)


def do_again(
    state: MergedState, step: Step, skeleton: Skeleton, who: Who
) -> tuple[tuple[Restore, ...], tuple[str, ...]]:
    """The edits that do an undone step again, and in words what they leave."""
    plan = _Plan(state, skeleton)
    for transaction in step.transactions:
        for address, former, (value, origin) in _changes(transaction, state, skeleton):
            plan.swap(address, former.origin, value, origin)
    return plan.edits(), plan.words(who)


def _changes(
    transaction: Transaction, state: MergedState, skeleton: Skeleton
) -> Iterator[tuple[Address, Former, tuple[Any, Stamp]]]:
    """Each register a transaction set: its address now (nodes may have been renamed since), what it held, what it got.

    What it got is its value and origin; the origin is the transaction itself unless it restored something.
    """
    got = writes(transaction.edits, transaction.stamp)
    for restore in transaction.was or ():
        key = FrameKey(restore.video, restore.frame)
        for former in restore.registers:
            written = Address(former.kind, key, former.instance, former.node)
            if written not in got:
                continue
            node = former.node
            if former.kind == "point":
                node = state.renames.resolve(node, transaction.stamp, skeleton)
            yield Address(former.kind, key, former.instance, node), former, got[written]


def _named(address: Address) -> str:
    names = {"track": "the track", "added": "an animal", "deleted": "the deletion of an animal"}
    return address.node if address.kind == "point" else names[address.kind]
