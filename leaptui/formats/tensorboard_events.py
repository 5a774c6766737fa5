"""TensorBoard event files, read while they grow.

A folder holds one file for each time its program was started. A file is a row of records: length (8 bytes, little
endian), checksum of the length, an Event message, checksum of the message. Messages are read with the classes of
the `tensorboard` package, which is an extra; the frame around them here, because a file on a network disk has to
be opened anew to be seen growing, and a poll has to end in time.
"""

from __future__ import annotations

import importlib.util
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from leaptui.errors import UnusableInput
from leaptui.formats.metric_log import MetricLog, Reading
from leaptui.registry import resolve

PATTERN = "events.out.tfevents."
"""What the name of an event file begins with."""

EXTRA = "tensorboard"
"""Name of the extra that brings the package."""

_EVENT = "tensorboard.compat.proto.event_pb2:Event"
_DECODE_ERROR = "google.protobuf.message:DecodeError"
_HEAD = 12
_TAIL = 4
_RECORD_LIMIT = 1 << 20
"""Bytes of a record that is read; a number needs a hundred, pictures and graphs are passed over."""

_CHUNK = 1 << 18
_CHECK_EVERY = 32
_FORMATS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
_FIELDS = {1: "float_val", 2: "double_val", 3: "int_val", 9: "int64_val"}
"""Types of tensor that are one number: float32, float64, int32, int64."""


def require_tensorboard(where: Path | None = None, *, to: str = "read TensorBoard event files") -> None:
    """Refuse where the package is missing; costs no import of it.

    Raises:
        UnusableInput: naming the extra.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UnusableInput(
            f"to {to}, the package 'tensorboard' is needed, and it is not installed",
            where=where,
            hint=f"Install it with leaptui's extra: pip install 'leaptui[{EXTRA}]'",
        )


def event_files(folder: Path) -> list[Path]:
    """The event files of a folder in the order they were begun, which their names say."""
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError:
        return []
    return [folder / name for name in sorted(names) if name.startswith(PATTERN)]


class TensorBoardLog(MetricLog):
    """A folder of event files.

    Raises:
        UnusableInput: if the package that reads them is not installed.
    """

    kind: ClassVar[str] = "TensorBoard"

    def __init__(self, folder: Path, **clocks: Callable[[], float]) -> None:
        require_tensorboard(folder)
        super().__init__(folder, **clocks)
        self._event: Any = resolve(_EVENT)
        self._decode_error: type[Exception] = resolve(_DECODE_ERROR)
        self._offsets: dict[Path, int] = {}
        self._broken: dict[Path, int] = {}
        self._bad_records = 0

    @property
    def problems(self) -> list[str]:
        """What of it cannot be shown, in words."""
        found = super().problems
        if self._bad_records:
            found.append(f"{self._bad_records} records are broken")
        found += [f"{path.name} is broken at byte {offset:,}" for path, offset in self._broken.items()]
        return found

    def _read(self, found: list[Reading], most: int, until: float) -> None:
        self.is_behind = True
        files = event_files(self.folder)
        if files and not self._offsets.keys() <= set(files):
            self._begin_anew()
        for path in files:
            while path not in self._broken:
                if len(found) >= most:
                    return
                is_more = self._read_some(path, found, most, until)
                if self._clock() >= until:
                    return
                if not is_more:
                    break
        self.is_behind = False

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._offsets, self._broken, self._bad_records = {}, {}, 0

    def _read_some(self, path: Path, found: list[Reading], most: int, until: float) -> bool:
        """Read one chunk of a file; False at the end of what is there."""
        start = self._offsets.get(path, 0)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            self._note_file(path, status)
            chunk = os.pread(descriptor, _CHUNK, start)
            length = self._length(path, chunk, start)
            if length is None:
                return False
            whole = _HEAD + length + _TAIL
            if whole > _RECORD_LIMIT:
                if status.st_size < start + whole:
                    return False
                self._offsets[path] = start + whole
                return True
            if whole > len(chunk):
                chunk = os.pread(descriptor, whole, start)
        finally:
            os.close(descriptor)
        return self._take_records(path, chunk, found, most, until)

    def _length(self, path: Path, chunk: bytes, start: int) -> int | None:
        """Length of the message the chunk begins with; None when that is not there yet, or never will be."""
        if len(chunk) < _HEAD:
            return None
        length, checksum = struct.unpack_from("<QI", chunk)
        if _masked_crc32c(chunk[:8]) != checksum:
            self._broken[path] = start
            return None
        return int(length)

    def _take_records(self, path: Path, chunk: bytes, found: list[Reading], most: int, until: float) -> bool:
        start = self._offsets.get(path, 0)
        at = count = 0
        while len(found) < most:
            length = self._length(path, chunk[at : at + _HEAD], start + at)
            if length is None or at + _HEAD + length + _TAIL > len(chunk):
                break
            self._take_message(chunk[at + _HEAD : at + _HEAD + length], found)
            at += _HEAD + length + _TAIL
            count += 1
            if count % _CHECK_EVERY == 0 and self._clock() >= until:
                break
        self._offsets[path] = start + at
        return at > 0

    def _take_message(self, message: bytes, found: list[Reading]) -> None:
        try:
            event = self._event.FromString(message)
        except self._decode_error:
            self._bad_records += 1
            return
        if self.began is None or 0 < event.wall_time < self.began:
            self.began = event.wall_time or self.began
        for logged in event.summary.value:
            value = _number(logged)
            if value is not None:
                step = float(event.step)
                if logged.tag == "epoch" and value == value:
                    self._take_epoch(step, value)
                self._take(found, Reading(logged.tag, step, value))


def _number(logged: Any) -> float | None:
    """The one number a summary value holds; None for pictures, histograms and text."""
    kind = logged.WhichOneof("value")
    if kind == "simple_value":
        return float(logged.simple_value)
    if kind != "tensor":
        return None
    tensor = logged.tensor
    if tensor.dtype not in _FIELDS or any(side.size != 1 for side in tensor.tensor_shape.dim):
        return None
    values = getattr(tensor, _FIELDS[tensor.dtype])
    if len(values) == 1:
        return float(values[0])
    layout = _FORMATS[tensor.dtype]
    if len(tensor.tensor_content) != struct.calcsize(layout):
        return None
    return float(struct.unpack(layout, tensor.tensor_content)[0])


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def _masked_crc32c(data: bytes) -> int:
    """CRC-32C as these files have it: rotated and with a constant added."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF
