"""OutputTail: the last lines of a growing text file, in bounded memory and time."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from leaptui.words import visible

_FIRST_READ = 1 << 17
"""Bytes read when the file is met: its end."""

_MOST_A_LOOK = 1 << 20
_LONGEST = 2000
"""Characters of a line that are kept."""


class OutputTail:
    """Follows what a program prints into a file; the file is opened anew for each look, as network disks ask for.

    Args:
        path: the file; nothing needs to be there.
        most: lines kept.
    """

    def __init__(self, path: Path, most: int = 2000) -> None:
        self._path = path
        self._lines: deque[str] = deque(maxlen=most)
        self._at: int | None = None
        self._file: tuple[int, int] | None = None
        self._open_line = b""
        self._cuts = 0
        self.dropped = 0
        """Lines that were forgotten, or never read, before the first."""

    def look(self) -> tuple[str, ...]:
        """The lines as they are now, control characters made visible; an unreadable file has none."""
        try:
            with self._path.open("rb") as file:
                self._read(file.fileno())
        except OSError:
            return tuple(self._lines)
        shown = tuple(self._lines)
        return (*shown, _shown(self._open_line)) if self._open_line else shown

    def _read(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        identity = (found.st_dev, found.st_ino)
        if self._at is not None and (identity != self._file or found.st_size < self._at):
            # Another file took its place: what was read stays above, as a terminal would show it.
            self._end_line()
            self._at = 0
        self._file = identity
        if self._at is None:
            self._at = max(found.st_size - _FIRST_READ, 0)
        skipped = found.st_size - self._at > _MOST_A_LOOK
        if skipped:
            self._end_line()
            self._at = found.st_size - _FIRST_READ
        begins_inside = self._at > 0 and (skipped or not (self._lines or self._open_line))
        new = os.pread(descriptor, found.st_size - self._at, self._at)
        self._at += len(new)
        if begins_inside:
            new = new.partition(b"\n")[2] or new[-_LONGEST:]
        self._take(new)

    def _take(self, new: bytes) -> None:
        *ended, rest = (self._open_line + new).split(b"\n")
        for line in ended:
            self._add(_shown(line))
        # A progress bar rewrites its line for hours without ever ending it.
        self._open_line = rest[-4 * _LONGEST :]

    def _end_line(self) -> None:
        if self._open_line:
            self._add(_shown(self._open_line))
            self._open_line = b""

    def _add(self, line: str) -> None:
        if len(self._lines) == self._lines.maxlen:
            self.dropped += 1
        self._lines.append(line)


def _shown(line: bytes) -> str:
    """A line as a terminal leaves it standing: of what was written over itself, the last."""
    parts = [part for part in line.rstrip(b"\r").split(b"\r") if part.strip()]
    text = (parts[-1] if parts else b"")[: 4 * _LONGEST].decode("utf-8", errors="replace").expandtabs(4)
    return visible(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
