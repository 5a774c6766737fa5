"""Hashes of content that survive renaming and moving and cost the same for any size of file.

`file_identity` reads at most `1 + SAMPLES + 1` MB: the size, the first and the last MB and `SAMPLES` MBs
at even distances between them. Two files differ in identity as soon as one of these bytes differs; a change
elsewhere in a huge file goes unseen, which is why labels also keep the checksum of their own frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from leaptui.errors import UnusableInput

SAMPLES = 4
MEGABYTE = 1 << 20
_WHOLE = 64  # images of a folder that are hashed with their content; of the others name and size count


def file_identity(path: Path) -> str:
    """BLAKE2b (32 hex digits) of a file's size and samples of its content.

    Raises:
        UnusableInput: if the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    _add_file(digest, path)
    return digest.hexdigest()


def folder_identity(files: Sequence[Path]) -> str:
    """BLAKE2b (32 hex digits) of the files' names and sizes in order, and of the content of up to 64 of them.

    Raises:
        UnusableInput: if a file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
    step = max(1, len(files) // _WHOLE)
    for file in files[::step]:
        _add_file(digest, file)
    return digest.hexdigest()


def _add_file(digest: hashlib.blake2b, path: Path) -> None:
    try:
        size = path.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        with path.open("rb") as stream:
            for offset in _offsets(size):
                stream.seek(offset)
                digest.update(stream.read(MEGABYTE))
    except OSError as error:
        raise UnusableInput(f"The file cannot be read: {error.strerror or error}.", where=path) from error


def _offsets(size: int) -> list[int]:
    """Starts of the sampled MBs; every byte of a file of up to `SAMPLES + 2` MB is covered."""
    if size <= (SAMPLES + 2) * MEGABYTE:
        return list(range(0, size, MEGABYTE))
    last = size - MEGABYTE
    return [last * part // (SAMPLES + 1) for part in range(SAMPLES + 2)]
