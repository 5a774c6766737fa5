"""What the dispatchers of a machine tell each other, and everybody: who waits, since when, and for what.

Each writes one file in the folder that all users share, and replaces it while it lives. Whose it is says the
system (the file's owner), the rest is what the dispatcher says.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leaptui.runs.files import encode, number, text
from leaptui.runs.shared_folder import SharedFolder, user_name

FRESH = 15.0
"""Seconds after which nobody counts on what a dispatcher said."""
_MOST = 200
_NAME = re.compile(r"waiting-(\d+-[0-9a-f]{12})\.json")


@dataclass(frozen=True)
class Told:
    """One run that waits, as its dispatcher tells it.

    Args:
        key: names the run's directory (`queue_entries.key`).
        run: name of the run.
        wants: "gpu" or "cpu".
        since: when it was put in the queue, seconds since the epoch.
        reason: what it waits for, in words.
        slots: names of the slots it could have now; empty while it waits for another run.
    """

    key: str
    run: str
    wants: str
    since: float
    reason: str
    slots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """What one dispatcher tells.

    Args:
        mark: names the queue (`QueueFolder.mark`).
        user: the owner of its file.
        entries: in the order of the queue.
    """

    mark: str
    user: str
    entries: tuple[Told, ...]


def publish(folder: SharedFolder, mark: str, entries: Sequence[Told]) -> None:
    """Tell; a folder that cannot be written is no error, since only words are lost."""
    name = f"waiting-{mark}.json"
    scratch = folder.path / f".{name}.{secrets.token_hex(4)}"
    with contextlib.suppress(OSError):
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o644)
                file.write(encode({"v": 1, "entries": list(entries[:_MOST])}))
            scratch.replace(folder.path / name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                scratch.unlink()


def refresh(folder: SharedFolder, mark: str) -> bool:
    """Say that what was told still holds; False when it is no longer there."""
    try:
        os.utime(folder.path / f"waiting-{mark}.json")
    except OSError:
        return False
    return True


def withdraw_board(folder: SharedFolder, mark: str) -> None:
    """Nothing waits any more."""
    with contextlib.suppress(OSError):
        (folder.path / f"waiting-{mark}.json").unlink()


def boards(folder: SharedFolder) -> list[Board]:
    """What every dispatcher of this machine tells, if it was there a moment ago."""
    found = []
    now = time.time()
    for name in folder.names():
        match = _NAME.fullmatch(name)
        told = folder.read(name) if match is not None else None
        if match is None or told is None or abs(now - told[1].st_mtime) > FRESH:
            continue
        if match.group(1).partition("-")[0] != str(told[1].st_uid):
            continue
        listed = told[0].get("entries")
        entries = [_told(each) for each in listed[:_MOST] if isinstance(each, dict)] if isinstance(listed, list) else []
        found.append(Board(match.group(1), user_name(told[1].st_uid), tuple(entries)))
    return found


def _told(record: dict[str, Any]) -> Told:
    slots = record.get("slots")
    return Told(
        text(record, "key") or "",
        (text(record, "run") or "")[:255],
        text(record, "wants") or "",
        number(record, "since") or 0.0,
        (text(record, "reason") or "")[:400],
        tuple(each for each in slots if isinstance(each, str))[:64] if isinstance(slots, list) else (),
    )
