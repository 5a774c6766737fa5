"""metrics.csv: the figures of a training as a table, for pandas, spreadsheets and R.

One row for each `step` and each `epoch` event, always the same columns, the values that do not belong to a row left
empty, as in the CSV files of Lightning. `frame.dropna(subset="train_loss")` are the epochs, `dropna(subset="loss")`
the steps. `attempt` grows with every resume; what a resumed run does again is cut out, so that every step and every
epoch is in the table once.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from leaptui.runs.files import ShortWrite, integer, jsonable, number, open_plain, sync, write_all
from leaptui.runs.layout import RunDirectory

_STEP_COLUMNS = ("loss", "lr", "samples_per_s")
_EPOCH_COLUMNS = ("train_loss", "val_loss", "val_error_px", "val_error_body", "lr", "best", "seconds")
COLUMNS = ("t", "attempt", "epoch", "step", *dict.fromkeys((*_STEP_COLUMNS, *_EPOCH_COLUMNS)))
"""t is seconds since the epoch, seconds those since training began, best 1 or 0."""

_FLUSH_EVERY = 1.0
_BACKLOG_LIMIT = 4 << 20
"""Bytes kept while the disk refuses them."""


class MetricsCsv:
    """Writes the table of one run, from any thread of its worker; the file appears with the first row.

    A disk that refuses costs rows, never the run: what cannot be written is tried again with the next rows, and
    `problem` says what was wrong.

    Args:
        run: the run.
        attempt: see `Status`.
        clock: wall time.
    """

    def __init__(self, run: RunDirectory, *, attempt: int = 1, clock: Callable[[], float] = time.time) -> None:
        self._path = run.metrics
        self._attempt = attempt
        self._clock = clock
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._descriptor = -1
        self._pending = b""
        self._last_step: float | None = None
        self._cut_after: tuple[float, float | None] | None = None
        self._flushed = time.monotonic()
        self.problem: str | None = None
        """Why the last rows could not be written."""
        self.dropped = 0
        """Rows given up because the disk refused them for too long."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in an event: its type and its fields, as they are emitted; those of other types are left out."""
        kind = event.get("type")
        if kind not in ("step", "epoch", "resumed") or os.getpid() != self._pid:
            return
        values = jsonable(dict(event))
        with self._lock:
            if kind == "resumed":
                self._resumed(number(values, "step"), number(values, "epoch"))
            else:
                self._add(kind, values)
            if kind != "step" or time.monotonic() - self._flushed >= _FLUSH_EVERY:
                self._flush()

    def close(self) -> None:
        """Bring all rows to the disk; harmless when repeated."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._flush()
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                with suppress(OSError):
                    sync(descriptor)
                os.close(descriptor)

    def __enter__(self) -> MetricsCsv:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resumed(self, step: float | None, epoch: float | None) -> None:
        if step is None:
            return
        self._flush()
        self._cut_after = (step, epoch)
        self._last_step = None

    def _add(self, kind: str, values: Mapping[str, Any]) -> None:
        step = number(values, "step")
        if kind == "step" and step is not None:
            if self._last_step is not None and step <= self._last_step:
                self._resumed(step - 1, None)
            self._last_step = step
        row = {name: number(values, name) for name in (_STEP_COLUMNS if kind == "step" else _EPOCH_COLUMNS)}
        if kind == "epoch":
            row["best"] = int(values.get("best") is True)
        t = number(values, "t")
        row |= {"t": round(self._clock() if t is None else t, 3), "attempt": self._attempt}
        row |= {"epoch": integer(values, "epoch"), "step": None if step is None else round(step)}
        line = _line(["" if row.get(name) is None else repr(row[name]) for name in COLUMNS])
        if len(self._pending) + len(line) > _BACKLOG_LIMIT:
            self.dropped += 1
            return
        self._pending += line

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if not self._pending and self._cut_after is None:
            return
        try:
            if self._cut_after is not None:
                self._cut(*self._cut_after)
                self._cut_after = None
            if not self._pending:
                return
            if self._descriptor < 0:
                self._open()
            write_all(self._descriptor, self._pending)
            self._pending, self.problem = b"", None
        except ShortWrite as problem:
            self._pending, self.problem = self._pending[problem.done :], problem.strerror
        except OSError as problem:
            self.problem = problem.strerror or str(problem)

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if not size:
                write_all(descriptor, _line(COLUMNS))
            elif os.pread(descriptor, 1, size - 1) != b"\n":
                write_all(descriptor, b"\n")
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _cut(self, step: float, epoch: float | None) -> None:
        """Write the table anew without what will be done again, and without rows that a crash left torn."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        scratch = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with open_plain(self._path) as source:
                _copy_rows(source, scratch, lambda row: _is_before(row, step, epoch))
            scratch.replace(self._path)
        except FileNotFoundError:
            return
        finally:
            scratch.unlink(missing_ok=True)


def _copy_rows(source: int, target: Path, is_kept: Callable[[dict[str, str]], bool]) -> None:
    with (
        open(source, newline="", encoding="utf-8", errors="replace", closefd=False) as old,
        target.open("x", newline="", encoding="utf-8") as new,
    ):
        writer = csv.writer(new, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in csv.DictReader(_bounded_lines(old)):
            # A row with too few values was torn: the last of them may be cut as well.
            if None not in row and None not in row.values() and is_kept(row):
                writer.writerow([row.get(name, "") for name in COLUMNS])
        new.flush()
        sync(new.fileno())


def _bounded_lines(file: io.TextIOBase) -> Any:
    """Lines of at most some thousand characters; whatever is longer, or has a NUL, is not ours."""
    while line := file.readline(1 << 13):
        if line.endswith("\n") and "\0" not in line:
            yield line


def _is_before(row: Mapping[str, str], step: float, epoch: float | None) -> bool:
    try:
        at = float(row["step"])
    except (KeyError, ValueError):
        at = None
    if at is not None:
        return at <= step
    try:
        return epoch is None or float(row["epoch"]) <= epoch
    except (KeyError, ValueError):
        return False


def _line(values: Any) -> bytes:
    return (",".join(values) + "\n").encode("ascii")
