"""events.jsonl: what happens in a run, one JSON object a line, appended by one writer.

Each record has `v` (version), `seq` (from 1, growing over all segments), `t` (seconds since the epoch by the
worker's clock) and `type`; `leaptui.runs.context.RunContext` lists the types and their fields.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from leaptui.runs.event_reader import LINE_LIMIT as LINE_LIMIT
from leaptui.runs.event_reader import EventReader as EventReader
from leaptui.runs.files import ShortWrite, decode, encode, integer, jsonable, sync, write_all
from leaptui.runs.layout import VERSION, RunDirectory

_ENVELOPE = frozenset(("v", "seq", "t", "type"))
_BACKLOG_LIMIT = 16 << 20
"""Bytes kept in memory while the disk refuses them."""

_TAIL = 4 * LINE_LIMIT


class EventWriter:
    """Appends events from any thread; a thread of its own brings them to the disk in batches.

    One process writes: in a forked child `emit` does nothing.

    Args:
        run: whose events.
        resume: begin the next segment; otherwise go on in the last one, after closing a line that a crash
            left torn.
        interval: seconds between batches; each is one write of whole lines and one fsync.
        clock: wall time.

    Raises:
        OSError: if the file cannot be opened for appending.
    """

    def __init__(
        self,
        run: RunDirectory,
        *,
        resume: bool = False,
        interval: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._pid = os.getpid()
        self._state = threading.Condition()
        self._disk = threading.Lock()
        self._seq = _last_seq(run)
        self._descriptor = _open_segment(run, resume)
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._rest = b""
        self._closed = False
        self.dropped = 0
        """Events given up because the disk refused them for too long."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write_batches, name="events", daemon=True)
        self._thread.start()

    def emit(self, type: str, **fields: Any) -> None:
        """Append one event; it is on disk within a second.

        Raises:
            ValueError: for a field named as one every event has, or after `close`.
        """
        if os.getpid() != self._pid:
            return
        clash = _ENVELOPE.intersection(fields)
        if clash:
            raise ValueError(f"an event cannot have a field of its own named {', '.join(sorted(clash))}")
        values = jsonable(fields)
        with self._state:
            if self._closed:
                raise ValueError(f"event {type!r} after the events were closed")
            if self._pending_bytes + len(self._rest) > _BACKLOG_LIMIT:
                self.dropped += 1
                return
            self._append(type, values)
            self._state.notify()

    def flush(self) -> None:
        """Bring everything emitted so far to the disk.

        Raises:
            OSError: if it could not be; nothing is lost by that, the next batch tries again.
        """
        if os.getpid() != self._pid:
            return
        with self._disk:
            with self._state:
                batch = self._rest + b"".join(self._pending)
                self._pending, self._pending_bytes, self._rest = [], 0, batch
            if not batch or self._descriptor < 0:
                return
            try:
                done = write_all(self._descriptor, batch)
            except ShortWrite as problem:
                with self._state:
                    self._rest = batch[problem.done :]
                raise
            with self._state:
                self._rest = batch[done:]
            sync(self._descriptor)

    def close(self) -> None:
        """Bring everything to the disk and close the file; harmless when repeated.

        Raises:
            OSError: if the last batch could not be written.
        """
        if os.getpid() != self._pid:
            return
        with self._state:
            if self._closed:
                return
            if self.dropped:
                self._append("log", {"level": "warning", "message": f"{self.dropped} events were lost: no space"})
            self._closed = True
            self._stop.set()
            self._state.notify()
        self._thread.join()
        try:
            self.flush()
        finally:
            with self._disk:
                descriptor, self._descriptor = self._descriptor, -1
                os.close(descriptor)

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, type: str, values: dict[str, Any]) -> None:
        self._seq += 1
        envelope = {"v": VERSION, "seq": self._seq, "t": round(self._clock(), 3), "type": type}
        line = encode({**envelope, **values}) + b"\n"
        if len(line) > LINE_LIMIT:
            line = encode({**envelope, "too_long": len(line)}) + b"\n"
        self._pending.append(line)
        self._pending_bytes += len(line)

    def _write_batches(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._pending or self._rest or self._closed)
                if self._closed:
                    return
            self._stop.wait(self._interval)
            try:
                self.flush()
            except OSError:
                # A full disk may have room again later; what was not written is kept till then.
                self._stop.wait(self._interval)


def _open_segment(run: RunDirectory, resume: bool) -> int:
    numbers = run.event_segments()
    number = (numbers[-1] if numbers else 0) + 1 if resume else (numbers[-1] if numbers else 1)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_EXCL if resume else 0)
    descriptor = os.open(run.event_segment(number), flags, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            write_all(descriptor, b"\n")
            sync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _last_seq(run: RunDirectory) -> int:
    """The highest number at the end of the events on disk; 0 when there is none."""
    for number in reversed(run.event_segments()):
        with run.event_segment(number).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")
        for line in reversed(lines):
            record = decode(line.lstrip(b"\0"))
            seq = None if record is None else integer(record, "seq")
            if seq is not None:
                return seq
    return 0
