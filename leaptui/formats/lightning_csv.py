"""metrics.csv of Lightning's CSVLogger, read while it grows.

The logger appends rows, and writes the whole file anew when a metric appears that has no column yet: the same
rows, with more columns, in the same place. Rows are sparse: each holds what was logged together. So a reader goes
on from its offset as long as the header is the same, and otherwise reads again from the top, passes over the rows
it knows, and notices when they are not the same: then another run has taken the place.
"""

from __future__ import annotations

import csv
import os
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from leaptui.formats.metric_log import MetricLog, Reading

METRICS = "metrics.csv"
LINE_LIMIT = 1 << 20
"""Bytes of a line; a header that is longer is not read."""

_CHUNK = 1 << 18
_ANCHOR = 256
"""Bytes before the offset that must still be the same when more is read."""

_CHECK_EVERY = 32
"""Rows between two looks at the clock."""


@dataclass(frozen=True)
class _Columns:
    """What the header says: places of metrics by name, in the order of names."""

    count: int
    metrics: tuple[tuple[int, str], ...]
    step: int | None
    epoch: int | None

    @classmethod
    def of(cls, header: bytes) -> _Columns:
        names = next(csv.reader([header.decode("utf-8", "replace").rstrip("\r\n")]), [])
        first: dict[str, int] = {}
        for place, name in enumerate(names):
            first.setdefault(name, place)
        metrics = sorted((name, place) for name, place in first.items() if name not in ("step", "epoch", ""))
        return cls(len(names), tuple((p, n) for n, p in metrics), first.get("step"), first.get("epoch"))


class CsvLog(MetricLog):
    """A folder of CSVLogger.

    Args:
        folder: its version folder.
        name: of the file in it.
    """

    kind: ClassVar[str] = "Lightning CSV"

    def __init__(self, folder: Path, *, name: str = METRICS, **clocks: Callable[[], float]) -> None:
        super().__init__(folder, **clocks)
        self._path = folder / name
        self._header = b""
        self._columns = _Columns(0, (), None, None)
        self._offset = 0
        self._anchor = b""
        self._row = 0
        """Rows passed since the top of the file."""
        self._known = array("I")
        """Checksum of each row that was taken."""
        self._broken_rows = 0
        self._header_too_long = False

    @property
    def problems(self) -> list[str]:
        """What of it cannot be shown, in words."""
        found = super().problems
        if self._header_too_long:
            found.append(f"the first line of {self._path.name} is longer than {LINE_LIMIT >> 20} MiB")
        if self._broken_rows:
            found.append(f"{self._broken_rows} lines of {self._path.name} are broken")
        return found

    def _read(self, found: list[Reading], most: int, until: float) -> None:
        self.is_behind = True
        while len(found) < most:
            again, block = self._block()
            if block:
                self._take_rows(block, found, most, until)
            elif not again:
                self.is_behind = False
                break
            if self._clock() >= until:
                break

    def _block(self) -> tuple[bool, bytes]:
        """Whole lines from the offset on; and, where there are none, whether to look again at once."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._note_file(self._path, os.fstat(descriptor))
            if not self._header and not self._read_header(descriptor):
                return False, b""
            data = os.pread(descriptor, _CHUNK + len(self._anchor), self._offset - len(self._anchor))
            if len(data) > _CHUNK // 2 and b"\n" not in data[len(self._anchor) :]:
                data = os.pread(descriptor, LINE_LIMIT + len(self._anchor), self._offset - len(self._anchor))
            # The header is looked at last: what was read before it changed belongs to it.
            header = os.pread(descriptor, len(self._header), 0)
        finally:
            os.close(descriptor)
        if header != self._header or not data.startswith(self._anchor):
            self._from_the_top()
            return True, b""
        data = data[len(self._anchor) :]
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= LINE_LIMIT:
            self._broken_rows += 1
            self._move(data)
            return True, b""
        return False, data[:end]

    def _read_header(self, descriptor: int) -> bool:
        line = os.pread(descriptor, LINE_LIMIT, 0)
        end = line.find(b"\n") + 1
        while end and line.count(b'"', 0, end) % 2:
            # A name with a line break in it stands in quotes.
            end = line.find(b"\n", end) + 1
        self._header_too_long = not end and len(line) >= LINE_LIMIT
        if not end:
            return False
        self._header = line[:end]
        self._columns = _Columns.of(self._header)
        self._offset, self._anchor, self._row = end, b"", 0
        return True

    def _from_the_top(self) -> None:
        self._header = b""

    def _move(self, passed: bytes) -> None:
        self._offset += len(passed)
        self._anchor = (self._anchor + passed[-_ANCHOR:])[-_ANCHOR:]

    def _take_rows(self, block: bytes, found: list[Reading], most: int, until: float) -> None:
        start = 0
        while start < len(block) and len(found) < most:
            end = block.index(b"\n", start) + 1
            if not self._take_row(block[start:end], found):
                return
            start = end
            if self._row % _CHECK_EVERY == 0 and self._clock() >= until:
                break
        self._move(block[:start])

    def _take_row(self, line: bytes, found: list[Reading]) -> bool:
        """Take a row, or pass over a known one; False when it shows that this is another log."""
        cells = _cells(line)
        columns = self._columns
        if len(cells) != columns.count:
            self._broken_rows += bool(line.strip())
            return True
        logged = [(name, cells[place]) for place, name in columns.metrics if cells[place]]
        place = [cells[each] for each in (columns.step, columns.epoch) if each is not None]
        checksum = zlib.crc32(repr((place, logged)).encode())
        row, self._row = self._row, self._row + 1
        if row < len(self._known):
            if self._known[row] == checksum:
                return True
            self._begin_anew()
            self._from_the_top()
            return False
        self._known.append(checksum)
        epoch = None if columns.epoch is None else _number(cells[columns.epoch])
        step = epoch if columns.step is None else _number(cells[columns.step])
        if step is None:
            step = float(row)
        if epoch is not None and epoch == epoch:
            self._take_epoch(step, epoch)
        for name, text in logged:
            value = _number(text)
            if value is None:
                self._bad_values += 1
            else:
                self._take(found, Reading(name, step, value, epoch))
        return True

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._known = array("I")
        self._broken_rows = 0


def _cells(line: bytes) -> list[bytes]:
    if b'"' not in line:
        return line.rstrip(b"\r\n").split(b",")
    text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    try:
        return [cell.encode("utf-8", "surrogateescape") for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
