"""Reading events as they grow, from a local disk or a network file system, whatever is in the files.

What a network file system may show, and what is made of it: the end of a line later than its beginning (wait for
the newline), zeros where data is still on its way (wait for the data), a file that is gone or shorter for a moment
while it is replaced (wait), a later segment before the end of the one before it (the numbers of the events tell).
Waiting ends after PATIENCE; a file that has not changed for long is not waited for.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaptui.runs.files import decode, integer, open_plain
from leaptui.runs.layout import RunDirectory

LINE_LIMIT = 1 << 20
"""Bytes of a line, its newline included; nobody writes longer ones and readers skip them."""

PATIENCE = 10.0
"""Seconds a reader waits for what a network file system may still bring, before it goes on without."""

_CHUNK = 1 << 18
_CHECK_EVERY = 64
"""Lines between two looks at the clock."""

_LONG_LINE = 1 << 13
_FRESH = 600.0
"""Seconds since a file was changed, by the clock of this host, within which it may still be on its way."""

_LIST_AGAIN = 1.0
_UNKNOWN = 1 << 62
_LOOK_AHEAD = 64
"""Segments without any event that can follow each other."""


class EventReader:
    """Reads a run's events as they grow.

    The file is opened anew at every poll, because NFS shows what others appended only then, and read from the
    last newline seen. What is not an event (a line torn by a crash, zero bytes, bytes that are no UTF-8, a line
    beyond LINE_LIMIT) is skipped and counted in `problems`.

    Args:
        run: whose events; they need not be there yet.
        clock: monotonic time.
    """

    def __init__(self, run: RunDirectory, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._offset = 0
        self._skipping = False
        self._last_seq = 0
        self._following: int | None = None
        self._folder = _FolderOfSegments(run, clock)
        self._stamp: tuple[int, int, int] | None = None
        self._changed: float | None = None
        self._wait_until: float | None = None
        self._is_counted = False
        self._refusal: str | None = None
        self.segment = 1
        """The segment being read."""
        self.problems = 0
        """Lines that could not be used."""
        self.missing = 0
        """Events that are nowhere, by the numbers of those around them."""
        self.is_behind = False
        """The last poll ended at its bounds, not at the end of the file."""
        self.is_waiting = False
        """There should be more, which cannot be seen yet."""

    @property
    def troubles(self) -> list[str]:
        """What could not be read, in words."""
        found = []
        if self._refusal is not None:
            found.append(f"{self._path.name} cannot be read ({self._refusal})")
        if self.problems:
            found.append(f"{self.problems:,} lines of its events cannot be read")
        if self.missing:
            found.append(f"{self.missing:,} of its events are missing")
        return found

    def poll(self, max_records: int = 5000, max_seconds: float = 0.05) -> list[dict[str, Any]]:
        """The next events, at most so many and for about so long; never raises for what is on disk."""
        found: list[dict[str, Any]] = []
        until = self._clock() + max_seconds
        self.is_behind, self.is_waiting = True, False
        while len(found) < max_records:
            if not self._read(found, max_records, until):
                self.is_behind = False
                break
            if self._clock() >= until:
                break
        return found

    @property
    def _path(self) -> Path:
        return self._run.event_segment(self.segment)

    def _read(self, found: list[dict[str, Any]], max_records: int, until: float) -> bool:
        """Read one chunk; False at the end of what is there."""
        try:
            chunk, size = self._chunk()
        except OSError as problem:
            return self._without(problem)
        self._refusal = None
        if size < self._offset:
            return self._shorter()
        if self._skipping and chunk:
            return self._skip(chunk)
        hole = chunk.find(b"\0")
        is_on_its_way = hole >= 0 and self._is_fresh
        end = chunk.rfind(b"\n", 0, hole if is_on_its_way else len(chunk)) + 1
        if end:
            self._wait_until = None
            self._take(chunk[:end], found, max_records, until)
            return True
        if is_on_its_way:
            self.is_waiting = True
            return False
        if len(chunk) >= LINE_LIMIT:
            self.problems += 1
            self._skipping = True
            return self._skip(chunk)
        return self._at_end(is_torn=bool(chunk) and not self._skipping)

    def _chunk(self) -> tuple[bytes, int]:
        """Bytes from the offset on, with a newline among them if there is one in reach; and the file's size."""
        with open_plain(self._path) as descriptor:
            status = os.fstat(descriptor)
            self._note(status)
            if status.st_size < self._offset:
                return b"", status.st_size
            chunk = os.pread(descriptor, _CHUNK, self._offset)
            if len(chunk) == _CHUNK and b"\n" not in chunk and not self._skipping:
                chunk = os.pread(descriptor, LINE_LIMIT, self._offset)
            return chunk, status.st_size

    def _note(self, status: os.stat_result) -> None:
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp == self._stamp:
            return
        # When it is first seen only its date tells; after that, that it changes.
        if self._stamp is not None or is_recent(status):
            self._changed = self._clock()
        self._stamp = stamp

    @property
    def _is_fresh(self) -> bool:
        return self._changed is not None and self._clock() - self._changed < PATIENCE

    def _without(self, problem: OSError) -> bool:
        """The segment cannot be opened: not there yet, or replaced on the server, or no file to read."""
        if problem.errno == errno.ESTALE:
            self.is_waiting = True
            return False
        if problem.errno != errno.ENOENT:
            self._refusal = problem.strerror or str(problem)
        following = self._folder.after(self.segment)
        if following is None or self._has_to_wait(self._folder.is_recent(following)):
            return False
        if problem.errno != errno.ENOENT:
            self.problems += 1
        self._enter(following)
        return True

    def _shorter(self) -> bool:
        """Shorter than what was read: an older version, or one that is being copied."""
        if self._is_fresh:
            self.is_waiting = True
        elif not self._is_counted:
            self._is_counted = True
            self.problems += 1
        following = self._folder.after(self.segment)
        if following is None or self.is_waiting:
            return False
        self._enter(following)
        return True

    def _at_end(self, *, is_torn: bool) -> bool:
        following = self._folder.after(self.segment)
        if following is None or following != self._following:
            # Read once more after it was found: whoever opened it had finished with this segment.
            self._following = following
            return following is not None
        first = self._folder.first_seq(self.segment)
        if first is None:
            return False
        gap = first - self._last_seq - 1
        if gap > 0 and self._has_to_wait(self._folder.is_recent(following)):
            return False
        self.problems += is_torn
        self._enter(following)
        return True

    def _has_to_wait(self, may_come: bool) -> bool:
        """Give what is missing PATIENCE to appear, counted from the first time it was missed."""
        if self._wait_until is None:
            self._wait_until = self._clock() + (PATIENCE if may_come else 0.0)
        self.is_waiting = self._clock() < self._wait_until
        return self.is_waiting

    def _enter(self, segment: int) -> None:
        self.segment, self._offset, self._skipping, self._following = segment, 0, False, None
        self._stamp = self._changed = self._wait_until = self._refusal = None
        self._is_counted = False

    def _skip(self, chunk: bytes) -> bool:
        """Go on behind the end of a line that is too long."""
        end = chunk.find(b"\n") + 1
        self._skipping = not end
        self._offset += end or len(chunk)
        return True

    def _take(self, block: bytes, found: list[dict[str, Any]], max_records: int, until: float) -> None:
        start = 0
        count = 0
        while start < len(block) and len(found) < max_records:
            end = block.index(b"\n", start) + 1
            self._take_line(block[start : end - 1], found)
            count += 1
            is_long = end - start > _LONG_LINE
            start = end
            if (is_long or count % _CHECK_EVERY == 0) and self._clock() >= until:
                break
        self._offset += start

    def _take_line(self, line: bytes, found: list[dict[str, Any]]) -> None:
        # A crash of the machine can leave a block of zeros in front of what was appended afterwards.
        content = line.lstrip(b"\0")
        if not line.strip():
            return
        if len(content) != len(line):
            self.problems += 1
            if not content.strip():
                return
        record = decode(content)
        if record is not None and isinstance(record.get("type"), str):
            self._count_missing(record)
            found.append(record)
        elif len(content) == len(line):
            self.problems += 1

    def _count_missing(self, record: dict[str, Any]) -> None:
        seq = integer(record, "seq")
        if seq is None:
            return
        if seq > self._last_seq + 1:
            self.missing += seq - self._last_seq - 1
        self._last_seq = seq


class _FolderOfSegments:
    """Which segments there are. The folder is listed, rather than names asked for: a network file system remembers
    for up to a minute that a name was not there."""

    def __init__(self, run: RunDirectory, clock: Callable[[], float]) -> None:
        self._run = run
        self._clock = clock
        self._changed: int | None = None
        self._due = 0.0
        self._numbers: list[int] = []

    def after(self, number: int) -> int | None:
        """The lowest segment beyond one."""
        try:
            changed = self._run.path.stat().st_mtime_ns
        except OSError:
            return None
        if changed != self._changed or self._clock() >= self._due:
            self._changed, self._due = changed, self._clock() + _LIST_AGAIN
            self._numbers = self._run.event_segments()
        return next((each for each in self._numbers if each > number), None)

    def first_seq(self, number: int) -> int | None:
        """Number of the first event beyond a segment; None when there is none yet."""
        beyond = [each for each in self._numbers if each > number][:_LOOK_AHEAD]
        firsts = (_first_seq(self._run.event_segment(each)) for each in beyond)
        return next((each for each in firsts if each is not None), None)

    def is_recent(self, number: int) -> bool:
        """Whether what was before that segment may still be on its way here."""
        try:
            return is_recent(self._run.event_segment(number).stat())
        except OSError:
            return True


def is_recent(status: os.stat_result) -> bool:
    """Whether a file was changed in the last minutes, or in a future that only another clock knows."""
    return status.st_mtime > time.time() - _FRESH


def _first_seq(path: Path) -> int | None:
    """Number of a segment's first event; None when there is none yet, 0 when its first line tells none."""
    try:
        with open_plain(path) as descriptor:
            chunk = os.pread(descriptor, _CHUNK, 0)
            if b"\n" not in chunk and len(chunk) == _CHUNK:
                chunk = os.pread(descriptor, LINE_LIMIT, 0)
    except OSError:
        return None
    line, newline, _ = chunk.partition(b"\n")
    if not newline:
        return 0 if len(chunk) >= LINE_LIMIT else None
    if b"\0" in line:
        # On its way, or lost in a crash: to be waited for in either case.
        return _UNKNOWN
    record = decode(line)
    return 0 if record is None else integer(record, "seq") or 0
