"""Writing files so that a reader meets the old content or the new, never half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leaptui.errors import UnusableInput


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside, fsync, rename.

    Raises:
        UnusableInput: if the folder cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on leaving without error it takes the place of `path`.

    Raises:
        UnusableInput: if the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise UnusableInput(
            f"it cannot be written: {error.strerror or error}", where=path, hint="Choose another place or free space."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
