"""LabelStore: labels on disk that no crash, kill or second session can lose.

Layout of the folder (DESIGN "Labels"):

- `journal/*.jsonl`: append-only, each with one writer. The first line says who writes; every other line is one
  transaction (see `transactions`). An edit is acknowledged once its line is written and fsynced (see `journal`).
- `snapshot.json`: the merged registers with their stamps, and how many bytes of which journals they contain.
  It is written beside, fsynced and renamed; the journals stay.

State = snapshot + journals, merged by stamp (see `merge`). A session counts on above the highest counter it has read.
No file has two writers, so nothing is locked, and network shares are fine.

Threads: `stage`, `undo`, `redo` and everything that reads the state never wait for the disk; `flush`, `apply`,
`refresh`, `compact` and `close` do, and may run in other threads. The first look at the history reads the ends of
the journals.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from leaptui.errors import LeaptuiError, OperationFailed, UnusableInput
from leaptui.pose.edits import TOMBSTONE, Edit, RenameNode, SetPoints
from leaptui.pose.history import History, Step, read_history
from leaptui.pose.instance import LabeledFrame
from leaptui.pose.journal import Journal
from leaptui.pose.journal_reader import JournalReader, JournalReaders, Problem, Read
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.log import LogEntry, read_log
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.snapshot import read_snapshot, snapshot_to_json, write_snapshot
from leaptui.pose.stamps import NEVER, Stamp
from leaptui.pose.transactions import Transaction
from leaptui.pose.undoing import do_again, take_back

_SNAPSHOT = "snapshot.json"
_BLOCK_BYTES = 1 << 20
_COMPACT_LINES = 5000


class LabelStore:
    """The labels of one project.

    Args:
        folder: the project's `labels` folder; made on the first edit.
        skeleton: the project's skeleton; set `store.skeleton` when it changes.

    Opening reads every journal; the session's own journal is made by its first edit, so readers leave no
    trace.

    Raises:
        UnusableInput: if the folder is there but cannot be read.
    """

    def __init__(self, folder: Path, skeleton: Skeleton) -> None:
        self.folder = folder
        self.skeleton = skeleton
        self.problems: list[Problem] = []
        snapshot = read_snapshot(folder / _SNAPSHOT)
        self._state = snapshot.state
        self._counter = snapshot.counter
        self._loose_lines = 0
        self._journal = Journal(folder / "journal")
        self._readers = JournalReaders(self._journal.folder, snapshot.contained)
        self._pending: deque[tuple[Transaction, bytes]] = deque()
        self._history = History()
        self._history_read = False
        # Taken in this order: the disk for writing, the journals of others, the state in memory.
        self._writing, self._reading, self._lock = threading.RLock(), threading.RLock(), threading.RLock()
        if snapshot.problem is not None:
            self._say(folder / _SNAPSHOT, snapshot.problem)
        try:
            self._read_on(whole=True)
        except OSError as error:
            raise UnusableInput(f"labels cannot be read: {error.strerror}", where=self._journal.folder) from error

    @property
    def session(self) -> str:
        """Name of this session, as in the stamps of its edits."""
        return self._journal.session

    def labels(self) -> Labels:
        """Everything labelled, as far as it has been read, and this session's edits."""
        with self._lock:
            return self._state.labels(self.skeleton)

    def frame(self, key: FrameKey) -> LabeledFrame:
        """One frame as merged; without instances where nothing is labelled."""
        with self._lock:
            return self._state.frame(key, self.skeleton)

    def unset(self, key: FrameKey) -> dict[str, frozenset[str]]:
        """Nodes of a frame whose points a person has unset, by id of the instance."""
        with self._lock:
            return self._state.unset(key, self.skeleton)

    @property
    def unsaved(self) -> int:
        """Transactions that are not on disk yet."""
        return len(self._pending)

    def stage(self, edits: Sequence[Edit], why: str = "", *, group: str | None = None) -> Transaction:
        """Take a transaction in; it counts at once, and is on disk after the next `flush` that returns.

        Args:
            edits: what changes; renames of nodes are transactions of their own.
            why: what the person did, in words, for the log and for undo.
            group: transactions of one group that follow each other are one step of undo.

        Raises:
            ValueError: if a point is not finite, or renames and other edits are mixed.
        """
        with self._lock:
            made, line = self._make(edits, why, group)
            if made.edits:
                self._pending.append((made, line))
                self._take(made)
            return made

    def flush(self) -> None:
        """Write everything staged so far with one write and one fsync.

        Raises:
            OperationFailed: if it cannot be written; it stays staged, in order, for the next call.
        """
        with self._writing:
            with self._lock:
                batch = list(self._pending)
            if not batch:
                return
            self._journal.append([line for _, line in batch])
            with self._lock:
                for _ in batch:
                    self._pending.popleft()
                self._loose_lines += len(batch)

    def apply(self, edits: Sequence[Edit], why: str = "", *, group: str | None = None) -> Transaction:
        """Write one transaction; on return it, and everything staged before, is on disk.

        Raises:
            OperationFailed: if it cannot be written; the labels are then as they were.
            ValueError: as `stage`.
        """
        with self._writing:
            with self._lock:
                made, line = self._make(edits, why, group)
                if made.edits:
                    self._pending.append((made, line))
            self._write_or_drop([made] if made.edits else [])
            return made

    def apply_all(self, transactions: Sequence[Sequence[Edit]], why: str = "") -> None:
        """Write many transactions with one `write` and one `fsync`, for imports; they are no steps of undo.

        Raises:
            OperationFailed: if they cannot be written; the labels are then as they were.
        """
        with self._writing:
            with self._lock:
                made = [self._make(edits, why, None, bulk=True) for edits in transactions if edits]
                self._pending.extend(made)
            self._write_or_drop([transaction for transaction, _ in made])

    def _write_or_drop(self, made: Sequence[Transaction]) -> None:
        try:
            self.flush()
        except BaseException:
            mine = {transaction.stamp for transaction in made}
            with self._lock:
                self._pending = deque(entry for entry in self._pending if entry[0].stamp not in mine)
            raise
        with self._lock:
            for transaction in made:
                self._take(transaction)

    def _make(
        self, edits: Sequence[Edit], why: str, group: str | None, bulk: bool = False
    ) -> tuple[Transaction, bytes]:
        """A transaction with the next stamp, and its line; the state is as before."""
        if not edits:
            return Transaction(NEVER, (), why), b""
        renames = [isinstance(edit, RenameNode) for edit in edits]
        if any(renames) and not all(renames):
            raise ValueError("renames of nodes are transactions of their own")
        new = tuple(self._without_known_checksum(edit) for edit in edits)
        was = None if bulk or any(renames) else self._state.former(new, self.skeleton)
        made = Transaction(self._next_stamp(), new, why, round(time.time(), 3), group, was)
        return made, made.to_line()

    def _next_stamp(self) -> Stamp:
        self._counter += 1
        return Stamp(self._counter, self.session)

    def _without_known_checksum(self, edit: Edit) -> Edit:
        if isinstance(edit, SetPoints) and edit.checksum is not None:
            frame = self._state.frames.get(FrameKey(edit.video, edit.frame))
            if frame is not None and frame.checksum.value == edit.checksum:
                return replace(edit, checksum=None)
        return edit

    def _take(self, made: Transaction) -> None:
        self._state.apply(made.edits, made.stamp)
        self._history.take(made)

    def undo(self) -> Transaction | None:
        """Take the last step back; staged like any edit. None if there is none.

        What somebody else changed since stays; `left` of the transaction says what that is.
        """
        self._read_history()
        with self._lock:
            step = self._history.next_undo
            if step is None:
                return None
            edits, left = take_back(self._state, step, self.skeleton, self._who)
            return self._stage_step(edits, f"undo: {step.words}", left, undoes=step)

    def redo(self) -> Transaction | None:
        """Do the step again that was undone last; staged like any edit. None if there is none."""
        self._read_history()
        with self._lock:
            step = self._history.next_redo
            if step is None:
                return None
            edits, left = do_again(self._state, step, self.skeleton, self._who)
            return self._stage_step(edits, f"redo: {step.words}", left, redoes=step)

    @property
    def undo_words(self) -> str | None:
        """What `undo` would take back."""
        self._read_history()
        with self._lock:
            step = self._history.next_undo
            return None if step is None else step.words

    @property
    def redo_words(self) -> str | None:
        """What `redo` would do again."""
        self._read_history()
        with self._lock:
            step = self._history.next_redo
            return None if step is None else step.words

    def _stage_step(
        self,
        edits: Sequence[Edit],
        why: str,
        left: tuple[str, ...],
        undoes: Step | None = None,
        redoes: Step | None = None,
    ) -> Transaction:
        made = Transaction(
            self._next_stamp(),
            tuple(edits),
            why,
            round(time.time(), 3),
            undoes=() if undoes is None else undoes.stamps,
            redoes=() if redoes is None else redoes.stamps,
            left=left,
        )
        self._pending.append((made, made.to_line()))
        self._take(made)
        return made

    def _read_history(self) -> None:
        """History of former sessions of the same person, below what this session did."""
        if self._history_read:
            return
        with self._reading:
            mine = [reader for reader in self._readers if reader.author.user == self._journal.user]
            earlier = read_history(mine)
            with self._lock:
                if not self._history_read:
                    self._history.put_before(earlier)
                    self._history_read = True

    def _who(self, session: str) -> str:
        for reader in self._readers:
            if reader.author.session == session:
                same = reader.author.user == self._journal.user
                return "you in another session" if same else reader.author.user
        return "you" if session == self.session else "somebody else"

    def refresh(self) -> set[FrameKey]:
        """Read what other sessions have written since, about a megabyte of each journal at a time.

        Returns:
            The frames that changed; every frame, after a rename.

        Raises:
            OperationFailed: if the folder cannot be read now.
        """
        try:
            return self._read_on(whole=False)
        except OSError as error:
            raise OperationFailed(
                f"the labels of other sessions cannot be read: {error.strerror}",
                where=self._journal.folder,
                hint="Your own edits are safe; it is tried again.",
            ) from error

    def log(self) -> Iterator[LogEntry]:
        """Every transaction on disk, by whomever, in the order in which they merge."""
        return read_log(self._journal.folder)

    def tombstone(self, node: str) -> str:
        """A name that no node has, under which the points of a deleted node are kept."""
        return f"{TOMBSTONE}{node}:{secrets.token_hex(4)}"

    def settle(self, node: str) -> None:
        """Before a rename to a name that another node had: keep its points where no new one replaces them."""
        with self._lock:
            moved = [[each] for each in self._state.led_away(node, self.skeleton)]
        self.apply_all(moved, f"points of the former {node} moved along")

    def afresh(self, node: str) -> list[RenameNode]:
        """Edits by which a new node starts without the points of a former one of its name; none if there was none."""
        with self._lock:
            return [RenameNode("", node)] if self._state.renames.knows(node) else []

    def compact(self) -> None:
        """Write the snapshot anew; journals stay, a reader skips what the snapshot contains.

        Raises:
            OperationFailed: if staged edits cannot be written first.
            UnusableInput: if the snapshot cannot be written; nothing is lost then.
        """
        with self._writing, self._reading:
            plain = None
            while plain is None:
                self.flush()
                with self._lock:
                    if not self._pending:
                        contained = self._readers.contained | self._journal.files
                        plain = snapshot_to_json(self._state, self._counter, contained)
            write_snapshot(self.folder / _SNAPSHOT, plain)
            self._loose_lines = 0

    def close(self) -> None:
        """Write what is staged and close this session's journal; a long tail of journals becomes a snapshot.

        Raises:
            OperationFailed: if something staged cannot be written; the store stays open.
        """
        self.flush()
        if self._journal.files and self._loose_lines > _COMPACT_LINES:
            with suppress(LeaptuiError):
                self.compact()
        self._journal.close()

    def _read_on(self, *, whole: bool) -> set[FrameKey]:
        """Read what was appended to the journals of others."""
        changed: set[FrameKey] = set()
        with self._reading:
            for reader in self._readers.grown(self._journal.files, reopen=not whole):
                changed |= self._read_journal(reader, whole)
        return changed

    def _read_journal(self, reader: JournalReader, whole: bool) -> set[FrameKey]:
        changed: set[FrameKey] = set()
        behind = True
        while behind:
            before = reader.offset
            try:
                read = reader.read(_BLOCK_BYTES)
            except OSError as error:
                self._say(reader.path, f"cannot be read: {error.strerror}")
                break
            changed |= self._merge(read)
            behind = whole and reader.offset > before
        return changed

    def _merge(self, read: Read) -> set[FrameKey]:
        changed: set[FrameKey] = set()
        with self._lock:
            self.problems += read.problems
            self._counter = max(self._counter, read.counter)
            self._loose_lines += read.lines
            for transaction in read.transactions:
                changed |= self._state.apply(transaction.edits, transaction.stamp)
                if transaction.undoes:
                    self._history.forget(transaction.undoes)
        return changed

    def _say(self, path: Path, reason: str) -> None:
        if (problem := Problem(path, 0, reason)) not in self.problems:
            self.problems.append(problem)


def new_instance_id() -> str:
    """A name for a new instance that no other session will choose."""
    return secrets.token_hex(6)
