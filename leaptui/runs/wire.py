"""Messages between a process and its companions, over a pipe.

A message is a head, which is a JSON object, and any number of blobs, which are raw bytes (pixels, points, maps).
On the pipe: four bytes `LTW1`, the length of the head (uint32, little-endian), the head with the lengths of the
blobs under `blobs`, then the blobs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

MAGIC = b"LTW1"
_PREFIX = struct.Struct("<4sI")
LONGEST_HEAD = 64 << 20
LONGEST_BLOB = 4 << 30

Buffer = bytes | bytearray | memoryview


class WireError(ValueError):
    """What came is no message: one side wrote something else into the pipe, or died within a message."""


class Message(NamedTuple):
    """What is sent.

    Args:
        head: a JSON object.
        blobs: raw bytes.
    """

    head: Mapping[str, Any]
    blobs: Sequence[Buffer] = ()


class Source(Protocol):
    """Something to read bytes from: an unbuffered file."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill some of the buffer; 0 at the end."""


class Sink(Protocol):
    """Something to write bytes to: an unbuffered file."""

    def write(self, data: memoryview, /) -> int | None:
        """Write some of the data; how many bytes."""


def send(sink: Sink, message: Message) -> None:
    """Write a whole message.

    Raises:
        OSError: if nobody reads any more.
    """
    views = [memoryview(blob).cast("B") for blob in message.blobs]
    head = {**message.head, "blobs": [view.nbytes for view in views]}
    text = json.dumps(head, separators=(",", ":")).encode()
    _write(sink, memoryview(_PREFIX.pack(MAGIC, len(text)) + text))
    for view in views:
        _write(sink, view)


def receive(source: Source) -> Message | None:
    """Read a whole message; None when the other side has closed the pipe between two messages.

    Raises:
        WireError: if what comes is no message.
        OSError: if the pipe cannot be read.
    """
    prefix = bytearray(_PREFIX.size)
    got = _fill(source, memoryview(prefix))
    if got == 0:
        return None
    _whole(got, len(prefix))
    magic, length = _PREFIX.unpack(prefix)
    if magic != MAGIC or length > LONGEST_HEAD:
        raise WireError(f"no message begins with {bytes(prefix)!r}")
    text = bytearray(length)
    _whole(_fill(source, memoryview(text)), length)
    try:
        head = json.loads(text)
        sizes = [int(size) for size in head.pop("blobs")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"a message's head cannot be read: {error}") from error
    if any(not 0 <= size <= LONGEST_BLOB for size in sizes):
        raise WireError(f"a message has parts of {sizes} bytes")
    blobs = []
    for size in sizes:
        blob = bytearray(size)
        _whole(_fill(source, memoryview(blob)), size)
        blobs.append(blob)
    return Message(head, blobs)


def _write(sink: Sink, view: memoryview) -> None:
    while view.nbytes:
        view = view[sink.write(view) or 0 :]


def _fill(source: Source, view: memoryview) -> int:
    """Fill the view as far as there is something; how many bytes."""
    done = 0
    while done < view.nbytes:
        count = source.readinto(view[done:])
        if not count:
            break
        done += count
    return done


def _whole(got: int, wanted: int) -> None:
    if got < wanted:
        raise WireError(f"a message ended after {got} of {wanted} bytes")
