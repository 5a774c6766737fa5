"""LabelStore: labels on disk that no crash, kill or second session can lose.

Layout of the folder (DESIGN "Labels"):

- `journal/<utc>-<host>-<pid>.jsonl`: one file a session, append-only. Its first line says who writes; every
  other line is one transaction `{"v", "c", "t", "why", "edits"}` with its Lamport counter `c`. A line is one
  `write` followed by `fsync`; only then is the edit acknowledged.
- `snapshot.json`: merged registers with their stamps, and how many bytes of which journals they contain.
  It is written beside, fsynced and renamed.

State = snapshot + journals, merged by stamp. A session starts its counter above the highest it has read.
No file has two writers, so nothing is locked, and NFS is fine.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaptui.errors import OperationFailed, UnusableInput
from leaptui.files import sync, write_atomically
from leaptui.pose.edits import Edit, edit_from_json
from leaptui.pose.labels import Labels
from leaptui.pose.merge import MergedState, Stamp
from leaptui.pose.skeleton import Skeleton

_VERSION = 1


@dataclass(frozen=True)
class Problem:
    """Something in the store that could not be read; it was left where it is.

    Args:
        file: the file.
        line: number of the line, from 1; 0 for the whole file.
        reason: what is wrong with it.
    """

    file: Path
    line: int
    reason: str


class LabelStore:
    """The labels of one project.

    Args:
        folder: the project's `labels` folder; made on the first edit.
        skeleton: the project's skeleton.

    Opening reads every journal; the session's own journal is made by its first edit, so readers leave no
    trace.
    """

    def __init__(self, folder: Path, skeleton: Skeleton) -> None:
        self.folder = folder
        self.skeleton = skeleton
        self.problems: list[Problem] = []
        self._state = MergedState()
        self._contained: dict[str, int] = {}
        self._counter = 0
        self._session = ""
        self._descriptor: int | None = None
        self._load()

    @property
    def _journals(self) -> Path:
        return self.folder / "journal"

    def labels(self) -> Labels:
        """Everything labelled, as merged when the store was opened plus this session's edits."""
        return self._state.labels(self.skeleton)

    def apply(self, edits: Sequence[Edit], why: str = "") -> None:
        """Write one transaction; on return it is on disk.

        Args:
            edits: what changes.
            why: what the person did, in words, for the log.

        Raises:
            OperationFailed: if it cannot be written; the state is then unchanged.
        """
        self.apply_all([edits], why)

    def apply_all(self, transactions: Sequence[Sequence[Edit]], why: str = "") -> None:
        """Write many transactions with one `write` and one `fsync`, for imports."""
        transactions = [edits for edits in transactions if edits]
        if not transactions:
            return
        descriptor = self._open_journal()
        lines = []
        for offset, edits in enumerate(transactions, start=1):
            lines.append(
                _line(
                    {
                        "v": _VERSION,
                        "c": self._counter + offset,
                        "t": round(time.time(), 3),
                        "why": why,
                        "edits": [edit.to_json() for edit in edits],
                    }
                )
            )
        self._append(descriptor, b"".join(lines))
        for edits in transactions:
            self._counter += 1
            for edit in edits:
                self._state.apply(edit, Stamp(self._counter, self._session))

    def compact(self) -> None:
        """Write the snapshot anew; journals stay, a reader skips what the snapshot contains."""
        contained = dict(self._contained)
        if self._descriptor is not None:
            contained[self._session + ".jsonl"] = os.fstat(self._descriptor).st_size
        plain = {
            "v": _VERSION,
            "counter": self._counter,
            "journals": contained,
            "frames": self._state.to_json(),
        }
        write_atomically(self.folder / "snapshot.json", json.dumps(plain, separators=(",", ":")).encode())
        self._contained = contained

    def close(self) -> None:
        """Close this session's journal."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open_journal(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())
        session = f"{stamp}-{host}-{os.getpid()}-{secrets.token_hex(2)}"
        path = self._journals / f"{session}.jsonl"
        try:
            self._journals.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise OperationFailed(
                f"labels cannot be saved here: {error.strerror}",
                where=self.folder,
                hint="Free space or make the folder writable.",
            ) from error
        self._session = session
        self._append(
            descriptor, _line({"v": _VERSION, "session": session, "user": _user(), "t": round(time.time(), 3)})
        )
        self._descriptor = descriptor
        sync(self._journals)
        return descriptor

    def _append(self, descriptor: int, data: bytes) -> None:
        before = os.fstat(descriptor).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, before)
            raise OperationFailed(
                f"the edit could not be saved: {error.strerror}", where=self.folder, hint="Free space, then repeat it."
            ) from error

    def _load(self) -> None:
        self._load_snapshot()
        if not self._journals.is_dir():
            return
        for path in sorted(self._journals.glob("*.jsonl")):
            self._load_journal(path)

    def _load_snapshot(self) -> None:
        path = self.folder / "snapshot.json"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UnusableInput(f"labels cannot be read: {error.strerror}", where=path) from error
        try:
            plain = json.loads(data)
            state = MergedState.from_json(plain["frames"])
            counter = int(plain["counter"])
            contained = {str(name): int(size) for name, size in plain["journals"].items()}
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            self.problems.append(Problem(path, 0, f"not a snapshot ({error}); the journals are read instead"))
            return
        self._state, self._counter, self._contained = state, counter, contained

    def _load_journal(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                file.seek(self._contained.get(path.name, 0))
                data = file.read()
        except OSError as error:
            self.problems.append(Problem(path, 0, f"cannot be read: {error.strerror}"))
            return
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                plain = json.loads(line)
                if "edits" not in plain:
                    continue
                stamp = Stamp(int(plain["c"]), path.stem)
                edits = [edit_from_json(edit) for edit in plain["edits"]]
            except (ValueError, KeyError, TypeError) as error:
                self.problems.append(Problem(path, number, str(error)))
                continue
            for edit in edits:
                self._state.apply(edit, stamp)
            self._counter = max(self._counter, stamp.counter)
        self._contained[path.name] = self._contained.get(path.name, 0) + len(whole)


def new_instance_id() -> str:
    """A name for a new instance that no other session will choose."""
    return secrets.token_hex(6)


def _line(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
