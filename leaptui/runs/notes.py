"""notes.json: what people wrote about a run. Anybody who may write in its folder may write here."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.runs.files import moment, read_object, text, write_object
from leaptui.runs.layout import VERSION, RunDirectory

TEXT_LIMIT = 20_000
"""Characters of a note."""

TAG_LIMIT = 40
"""Characters of a tag."""

TAGS_LIMIT = 50
"""Tags on a run."""

_FILE_LIMIT = 1 << 18
_TRIES = 5


@dataclass(frozen=True)
class Notes:
    """Notes and tags on a run. Untrusted text.

    Args:
        text: in any number of lines.
        tags: in the order in which they were put on.
        by: who wrote last, user@host.
        t: when, by that one's clock, seconds since the epoch.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    by: str | None = None
    t: float | None = None

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Notes:
        """As far as it can be read."""
        listed = record.get("tags")
        tags = (
            [each.strip()[:TAG_LIMIT] for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        )
        unique = tuple(dict.fromkeys(each for each in tags if each))[:TAGS_LIMIT]
        return cls((text(record, "text") or "")[:TEXT_LIMIT], unique, text(record, "by"), moment(record, "t"))


def read_notes(run: RunDirectory) -> Notes:
    """The notes on a run; empty ones when there are none that can be read."""
    record = read_object(run.notes, _FILE_LIMIT)
    return Notes() if record is None else Notes.from_json(record)


def write_notes(
    run: RunDirectory,
    *,
    note: str | None = None,
    tag: Iterable[str] = (),
    untag: Iterable[str] = (),
    read: Notes | None = None,
    by: str | None = None,
) -> Notes:
    """Change the notes on a run; what is not named stays as it is on disk.

    Tags that two people put on at the same time are both kept. Of two notes the later one wins, unless `read` says
    what its writer had seen.

    Args:
        run: the run.
        note: the new text; "" takes it away, None leaves it.
        tag: tags to put on.
        untag: tags to take away.
        read: the notes as they were shown to the writer of `note`.
        by: who writes; user and host by default.

    Returns:
        The notes as they are now.

    Raises:
        UsageError: if the text or a tag is too long, there are too many tags, or the text on disk is another than
            the one in `read`.
        UnusableInput: if the run is none, or nothing can be written in its folder.
    """
    run.read_request()
    put, taken = [_checked_tag(each) for each in tag], {each.strip() for each in untag}
    if note is not None and len(note) > TEXT_LIMIT:
        raise UsageError(f"the note has {len(note):,} characters; {TEXT_LIMIT:,} can be kept", where=run.path)
    for _ in range(_TRIES):
        before = read_notes(run)
        if note is not None and read is not None and before.text not in (read.text, note):
            raise UsageError(
                f"{before.by or 'somebody'} wrote another note in the meantime",
                where=run.path,
                hint="Read it, and write yours again.",
            )
        tags = tuple(dict.fromkeys([*(each for each in before.tags if each not in taken), *put]))
        if len(tags) > TAGS_LIMIT:
            raise UsageError(f"a run can have {TAGS_LIMIT} tags", where=run.path, hint="Take one away first.")
        wanted = replace(before, text=before.text if note is None else note, tags=tags)
        if (wanted.text, wanted.tags) == (before.text, before.tags):
            return before
        now = replace(wanted, by=by or _writer(), t=time.time())
        _write(run, now)
        # Somebody else may have replaced the file between the reading and the writing: whoever is last looks again.
        found = read_notes(run)
        if found == now:
            break
    return found


def _write(run: RunDirectory, notes: Notes) -> None:
    record = {"v": VERSION, "text": notes.text, "tags": notes.tags, "by": notes.by, "t": notes.t}
    try:
        write_object(run.notes, record)
    except OSError as problem:
        raise UnusableInput(
            f"the notes cannot be written ({problem.strerror})",
            where=run.path,
            hint="Whoever may write in the run's folder can.",
        ) from problem


def _checked_tag(tag: str) -> str:
    stripped = tag.strip()
    if not stripped or len(stripped) > TAG_LIMIT or not stripped.isprintable() or "," in stripped:
        raise UsageError(f"{tag[:TAG_LIMIT]!r} cannot be a tag: 1 to {TAG_LIMIT} printable characters without a comma")
    return stripped


def _writer() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class NotesReader:
    """Notes that are read again only when their file was replaced."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._seen: tuple[int, int, int] | None = None
        self._notes = Notes()

    def look(self) -> Notes:
        """The notes as they are now."""
        try:
            found = self._run.notes.stat()
        except OSError:
            self._seen, self._notes = None, Notes()
            return self._notes
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._notes = read_notes(self._run)
            self._seen = seen
        return self._notes
