"""History: what can be undone and done again, step by step.

A step is one transaction, or those of one group that follow each other. A new edit clears what could be done again;
undo and redo are transactions themselves, so that whoever reads the journals in order of their stamps arrives at the
same stacks, after a restart as well. Imports and renames of nodes have no former values in their lines and are no
steps: an import is repeated or left, and the skeleton has an undo of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from leaptui.pose.journal_reader import JournalReader, lines_backwards, parse, transaction_of
from leaptui.pose.stamps import Stamp
from leaptui.pose.transactions import Transaction

MOST_STEPS = 1000
"""How many steps are kept, and how many transactions are read back after a restart."""


@dataclass(frozen=True)
class Step:
    """What one undo takes back: transactions, first one first."""

    transactions: tuple[Transaction, ...]

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """Their stamps, in order."""
        return tuple(t.stamp for t in self.transactions)

    @property
    def words(self) -> str:
        """What was done, as the last of them says."""
        return self.transactions[-1].words


class History:
    """Two stacks of steps."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._open_group = False
        self._touched = False

    @property
    def next_undo(self) -> Step | None:
        """The step that undo takes back."""
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Step | None:
        """The step that redo does again."""
        return self._undone[-1] if self._undone else None

    def take(self, transaction: Transaction) -> None:
        """A transaction was made: an edit, an undo or a redo."""
        self._touched = True
        if transaction.undoes:
            self._move(transaction.undoes, self._done, self._undone)
        elif transaction.redoes:
            self._move(transaction.redoes, self._undone, self._done)
        elif transaction.was is not None:
            self._push(transaction)

    def forget(self, stamps: Iterable[Stamp]) -> None:
        """Somebody else has undone these; they are not to be undone again."""
        gone = set(stamps)
        self._done = [step for step in self._done if gone.isdisjoint(step.stamps)]

    def put_before(self, earlier: History) -> None:
        """Put an earlier history below this one."""
        self._done = (earlier._done + self._done)[-MOST_STEPS:]
        if not self._touched:
            self._undone = earlier._undone

    def _push(self, transaction: Transaction) -> None:
        self._undone.clear()
        last = self._done[-1].transactions if self._done and self._open_group else ()
        if last and transaction.group is not None and _follows(last[-1], transaction):
            self._done[-1] = Step((*last, transaction))
        else:
            self._done.append(Step((transaction,)))
            del self._done[:-MOST_STEPS]
        self._open_group = True

    def _move(self, stamps: Sequence[Stamp], source: list[Step], target: list[Step]) -> None:
        self._open_group = False
        if source and source[-1].stamps == tuple(stamps):
            target.append(source.pop())
            return
        wanted = set(stamps)
        moved = [step for step in source if not wanted.isdisjoint(step.stamps)]
        source[:] = [step for step in source if wanted.isdisjoint(step.stamps)]
        if moved:
            target.append(Step(tuple(t for step in moved for t in step.transactions)))


def _follows(last: Transaction, new: Transaction) -> bool:
    return last.group == new.group and last.stamp.session == new.stamp.session


def read_history(readers: Iterable[JournalReader]) -> History:
    """The history of the latest transactions in journals, as far as they have been read."""
    streams = [_backwards(reader) for reader in readers]
    latest = islice(heapq.merge(*streams, key=lambda t: t.stamp, reverse=True), MOST_STEPS)
    history = History()
    for transaction in reversed(list({t.stamp: t for t in latest}.values())):
        history.take(transaction)
    history._touched = False
    return history


def _backwards(reader: JournalReader) -> Iterator[Transaction]:
    try:
        for line in lines_backwards(reader.path, reader.offset):
            plain = parse(line)
            if isinstance(plain, dict) and plain.keys() & {"was", "undoes", "redoes"}:
                try:
                    yield transaction_of(plain, reader.author.session, history=True)
                except ValueError:
                    continue
    except OSError:
        return
