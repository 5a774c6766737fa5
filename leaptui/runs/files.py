"""Small JSON files that are whole or absent, and values that JSON can hold."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import math
import numbers
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

_DEPTH = 40
"""Nesting beyond this is written as text; it also ends cycles."""

SIZE_LIMIT = 8 << 20
"""Bytes of a small file; a longer one is not read at all."""

_LAST_MOMENT = 253402300799.0
"""The end of the year 9999, where calendars end."""

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)
"""What a file system that cannot sync answers."""


def jsonable(value: Any, depth: int = 0) -> Any:
    """The value as plain JSON types.

    NaN and infinities become null, dataclasses and mappings objects, sequences and sets arrays, enumerations
    their value, arrays and array scalars of any library (whatever has `tolist`) lists and numbers, and
    everything else, paths among it, its text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if depth > _DEPTH:
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(_key(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item, depth + 1) for item in value]
    to_list = getattr(value, "tolist", None)
    return jsonable(to_list(), depth + 1) if callable(to_list) else str(value)


def _key(key: Any) -> Any:
    return key.value if isinstance(key, Enum) else key


def encode(value: Any, *, indent: int | None = None) -> bytes:
    """The value as ASCII JSON: no raw newline, NUL or escape character can be in it."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(jsonable(value), allow_nan=False, indent=indent, separators=separators).encode("ascii")


def decode(data: bytes) -> dict[str, Any] | None:
    """The JSON object in the bytes, or None when there is none in them."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def number(record: Mapping[str, Any], key: str) -> float | None:
    """The finite number a record holds under a key, or None."""
    value = record.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def integer(record: Mapping[str, Any], key: str) -> int | None:
    """The integer of at most 64 bits a record holds under a key, or None."""
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -(2**63) <= value < 2**63 else None


def moment(record: Mapping[str, Any], key: str) -> float | None:
    """The time a record holds under a key, seconds since the epoch, or None where no calendar has it."""
    found = number(record, key)
    return found if found is not None and 0 <= found <= _LAST_MOMENT else None


def text(record: Mapping[str, Any], key: str) -> str | None:
    """The text a record holds under a key, or None."""
    value = record.get(key)
    return value if isinstance(value, str) else None


@contextlib.contextmanager
def open_plain(path: Path) -> Iterator[int]:
    """A descriptor to read a plain file; nothing else is opened, so that no reader is held up by a pipe or a device.

    Raises:
        OSError: if it cannot be opened, or is no plain file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except ValueError as problem:
        raise OSError(errno.EINVAL, str(problem)) from problem
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        yield descriptor
    finally:
        os.close(descriptor)


def read_object(path: Path, limit: int = SIZE_LIMIT) -> dict[str, Any] | None:
    """The JSON object a file holds, or None when it is absent, unreadable, longer than the limit or something else.

    A file replaced on a server while it is opened answers ESTALE once; the second try sees the new one.
    """
    for _ in range(2):
        try:
            with open_plain(path) as descriptor:
                return decode(_read(descriptor, limit))
        except OSError as problem:
            if problem.errno != errno.ESTALE:
                return None
    return None


def _read(descriptor: int, limit: int) -> bytes:
    """All of a file; b"" when it is longer than the limit."""
    parts: list[bytes] = []
    size = 0
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
        size += len(part)
        if size > limit:
            return b""
    return b"".join(parts)


def write_object(path: Path, value: Mapping[str, Any], *, sync_folder: bool = True) -> None:
    """Write a JSON object so that readers meet the old file or the new one, never part of one.

    Args:
        path: the file.
        value: what to write.
        sync_folder: also make the new name survive a power failure.

    Raises:
        OSError: if it could not be written; the old file is then still there.
    """
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(scratch, encode(value, indent=1) + b"\n")
        scratch.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise
    if sync_folder:
        _sync_folder(path.parent)


def create_object(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object where nothing is yet; of two who try, one succeeds.

    Raises:
        FileExistsError: if the file is there already.
        OSError: if it could not be written.
    """
    _write_new(path, encode(value, indent=1) + b"\n")
    _sync_folder(path.parent)


def tail(path: Path, limit: int) -> str:
    """The end of a text file, in whole lines, of at most so many bytes; "" when it cannot be read."""
    try:
        with open_plain(path) as descriptor:
            size = os.fstat(descriptor).st_size
            data = os.pread(descriptor, limit, max(0, size - limit))
    except OSError:
        return ""
    if size > limit:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", "replace").strip("\n")


def write_all(descriptor: int, data: bytes | memoryview) -> int:
    """Write to the end, over as many calls as the system wants; returns the number of bytes.

    Raises:
        ShortWrite: if only the beginning could be written; it says how much.
    """
    rest = memoryview(data)
    done = 0
    while done < len(rest):
        try:
            done += os.write(descriptor, rest[done:])
        except OSError as problem:
            raise ShortWrite(done, problem) from problem
    return done


class ShortWrite(OSError):
    """Only the first `done` bytes were written."""

    def __init__(self, done: int, cause: OSError) -> None:
        super().__init__(cause.errno, cause.strerror)
        self.done = done


def sync(descriptor: int) -> None:
    """fsync, where the file system has one."""
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in _NO_SYNC:
            raise


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, data)
        sync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
