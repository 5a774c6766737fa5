"""Reading journals: forwards from where one stopped, and backwards for the latest lines.

A journal may be written while it is read, cut off by a crash, or hold what a newer version wrote. A last line without
its end is not a line yet. Any other line that cannot be understood is reported and set aside: no snapshot counts it
as contained, so that a version that understands it will find it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.pose.transactions import VERSION, Transaction, read_line

_HEADER_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 15
_ALWAYS_REOPENED = 16


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


@dataclass(frozen=True)
class Author:
    """Who wrote a journal.

    Args:
        session: the session, as stamps name it.
        user, host: who, on which machine.
    """

    session: str
    user: str
    host: str


@dataclass
class Read:
    """What was read.

    Args:
        transactions: in the order of the file.
        problems: what could not be understood.
        counter: the highest Lamport counter met, also in lines set aside.
        lines: how many lines there were.
    """

    transactions: list[Transaction] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counter: int = 0
    lines: int = 0


class JournalReader:
    """Reads one journal, each time on from where it stopped.

    Args:
        path: the journal.
        contained: bytes of it that need not be read, because a snapshot contains them.
    """

    def __init__(self, path: Path, contained: int = 0) -> None:
        self.path = path
        self.offset = contained
        self.contained = contained
        self._aside = False
        self._author: Author | None = None

    @property
    def author(self) -> Author:
        """Who writes it; by its name, where its first line cannot be read."""
        if self._author is None:
            try:
                with self.path.open("rb") as file:
                    line = file.readline(_HEADER_BYTES)
            except OSError:
                line = b""
            if not line.endswith(b"\n"):
                return _author(self.path, None)
            self._author = _author(self.path, parse(line))
        return self._author

    def read(self, limit: int = -1) -> Read:
        """Read what was appended, `limit` bytes of it at most unless a line is longer.

        Raises:
            OSError: if the file cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(limit)
            if len(data) == limit and b"\n" not in data:
                data += file.read()
        found = Read()
        position = self.offset
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            start, position = position, position + len(line)
            self._take(line, start, found)
            if not self._aside:
                self.contained = position
        self.offset = position
        return found

    def _take(self, line: bytes, start: int, found: Read) -> None:
        found.lines += 1
        plain = parse(line)
        if isinstance(plain, dict):
            if "session" in plain and "edits" not in plain:
                return
            counter = plain.get("c")
            if isinstance(counter, int):
                found.counter = max(found.counter, counter)
        try:
            found.transactions.append(transaction_of(plain, self.author.session))
        except ValueError as error:
            self._aside = True
            found.problems.append(Problem(self.path, self._number(start), str(error)))

    def _number(self, start: int) -> int:
        try:
            with self.path.open("rb") as file:
                return file.read(start).count(b"\n") + 1
        except OSError:
            return 0


class JournalReaders:
    """The journals of other sessions, each read on from where it stopped.

    Args:
        folder: the `journal` folder.
        contained: bytes of each journal that need not be read.
    """

    def __init__(self, folder: Path, contained: Mapping[str, int]) -> None:
        self.folder = folder
        self._readers = {name: JournalReader(folder / name, size) for name, size in contained.items()}

    def __iter__(self) -> Iterator[JournalReader]:
        return iter(list(self._readers.values()))

    @property
    def contained(self) -> dict[str, int]:
        """How many bytes of each have been read and understood."""
        return {name: reader.contained for name, reader in self._readers.items()}

    def grown(self, own: Collection[str], *, reopen: bool) -> list[JournalReader]:
        """Those that may have grown.

        Args:
            own: names of the journals to leave out.
            reopen: whether to name the latest ones in any case: a network share may tell an old size until a file is
                opened.

        Raises:
            OSError: if the folder cannot be listed.
        """
        found = {name: status for name, status in journals_in(self.folder).items() if name not in own}
        latest = sorted(found, key=lambda name: found[name].st_mtime)[-_ALWAYS_REOPENED:] if reopen else []
        for name in found.keys() - self._readers.keys():
            self._readers[name] = JournalReader(self.folder / name)
        return [
            self._readers[name]
            for name, status in found.items()
            if name in latest or status.st_size > self._readers[name].offset
        ]


def parse(line: bytes) -> Any:
    """The JSON of a line, None if it is none; zeros that a crash left around it are not part of it."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(line.strip(b"\0\n"))
    except (ValueError, RecursionError):
        return None


def transaction_of(plain: Any, session: str, *, history: bool = False) -> Transaction:
    """The transaction of a parsed line.

    Raises:
        ValueError: if it is none that this version understands.
    """
    if not isinstance(plain, dict):
        raise ValueError("the line is damaged")
    version = plain.get("v", 0)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(f"written by a newer leaptui (version {version}; this one knows {VERSION})")
    return read_line(plain, session, history=history)


def journals_in(folder: Path) -> dict[str, os.stat_result]:
    """The journals in a folder by name, with their status.

    Raises:
        OSError: if the folder is there but cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".jsonl")]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = {}
    for name in sorted(names):
        try:
            found[name] = (folder / name).stat()
        except FileNotFoundError:
            continue
    return found


def lines_backwards(path: Path, end: int) -> Iterator[bytes]:
    """The lines before byte `end`, last first; the file is open only while a block of it is read.

    Raises:
        OSError: if it cannot be read.
    """
    rest = b""
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        with path.open("rb") as file:
            file.seek(start)
            block = file.read(end - start) + rest
        end = start
        lines = block.split(b"\n")
        rest = lines.pop(0)
        for line in reversed(lines):
            if line:
                yield line
    if rest:
        yield rest


def _author(path: Path, header: Any) -> Author:
    parts = path.stem.split("-")
    host = "-".join(parts[1:-2])
    if not isinstance(header, dict) or "session" not in header:
        return Author(path.stem, "unknown", host)
    return Author(str(header["session"]), str(header.get("user", "unknown")), str(header.get("host", host)))
