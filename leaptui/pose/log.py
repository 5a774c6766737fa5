"""Who changed what and when: the journals as a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leaptui.pose.journal_reader import JournalReader, journals_in
from leaptui.pose.labels import FrameKey
from leaptui.pose.stamps import Stamp
from leaptui.pose.transactions import Transaction, describe, nodes_of


@dataclass(frozen=True)
class LogEntry:
    """One transaction.

    Args:
        time: wall clock of its host, seconds since 1970.
        user, host, session: who, where.
        counter: its Lamport counter, which orders the log.
        why: what the person did, in words; may be empty.
        summary: the edits in words.
        frames, nodes: what it touched.
        undoes, redoes: the transactions that it takes back or does again.
        undone: it was taken back later and not done again.
    """

    time: float
    user: str
    host: str
    session: str
    counter: int
    why: str
    summary: str
    frames: tuple[FrameKey, ...]
    nodes: tuple[str, ...]
    undoes: tuple[Stamp, ...] = ()
    redoes: tuple[Stamp, ...] = ()
    undone: bool = False


def read_log(folder: Path) -> Iterator[LogEntry]:
    """Every transaction in a folder of journals, in the order in which they merge.

    Lines that cannot be read are left out; opening the store reports them.

    Raises:
        OSError: if a journal cannot be read.
    """
    found: dict[Stamp, tuple[Transaction, JournalReader]] = {}
    for name in journals_in(folder):
        reader = JournalReader(folder / name)
        for transaction in reader.read().transactions:
            found[transaction.stamp] = (transaction, reader)
    undone: set[Stamp] = set()
    for stamp in sorted(found):
        undone.update(found[stamp][0].undoes)
        undone.difference_update(found[stamp][0].redoes)
    for stamp in sorted(found):
        transaction, reader = found[stamp]
        yield LogEntry(
            time=transaction.time,
            user=reader.author.user,
            host=reader.author.host,
            session=stamp.session,
            counter=stamp.counter,
            why=transaction.why,
            summary=describe(transaction.edits),
            frames=transaction.keys,
            nodes=nodes_of(transaction.edits),
            undoes=transaction.undoes,
            redoes=transaction.redoes,
            undone=stamp in undone,
        )
