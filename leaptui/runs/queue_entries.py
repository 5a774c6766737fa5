"""The queue on disk: one small file an entry, in a folder of the user for each host.

    HOME/queue/HOST/0001000000000000.KEY.json   waits; the number is its place
    HOME/queue/HOST/started/KEY.json            was taken out of the queue to be started
    HOME/queue/HOST/notices.json                what the dispatcher had to say, newest last

A file is never changed, only renamed: to another number when it is moved, into `started/` when its turn has come.
Of two who rename it, one succeeds, so that nothing is started twice and nothing that was cancelled comes back.
The folder must be the user's own: what stands in it is run in the user's name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leaptui.config import home
from leaptui.errors import UnusableInput
from leaptui.runs.files import create_object, decode, number, read_object, text, write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_ticket import Ticket, key

GAP = 1 << 20
_FIRST = 10**15
_WAITING = re.compile(r"(\d{16})\.([0-9a-f]{16})\.json")
_STARTED = re.compile(r"([0-9a-f]{16})\.json")
_LIMIT = 1 << 17
_NOTICES = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Waiting:
    """An entry that waits.

    Args:
        path: its file.
        order: its number; the smallest comes first.
        ticket: what it says; None when it is damaged.
    """

    path: Path
    order: int
    ticket: Ticket | None


@dataclass(frozen=True)
class Notice:
    """Something the dispatcher had to say of a run.

    Args:
        t: when, seconds since the epoch.
        run: its directory, as text; "" when it is about none.
        what: one sentence.
    """

    t: float
    run: str
    what: str


@dataclass(frozen=True)
class QueueFolder:
    """The queue of one user on one host."""

    path: Path

    @classmethod
    def here(cls) -> QueueFolder:
        """That of this user on this host; nothing needs to be there."""
        return cls(home().absolute() / "queue" / _UNSAFE.sub("_", socket.gethostname() or "host"))

    @classmethod
    def everywhere(cls) -> list[QueueFolder]:
        """Those of this user on every host that shares the home folder."""
        try:
            return [cls(each) for each in sorted((home().absolute() / "queue").iterdir()) if each.is_dir()]
        except OSError:
            return []

    @property
    def host(self) -> str:
        return self.path.name

    @property
    def started(self) -> Path:
        return self.path / "started"

    @property
    def log(self) -> Path:
        return self.path / "dispatcher.log"

    @property
    def mark(self) -> str:
        """Part of the names of this queue's files in the folder that all users share."""
        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.path))).hexdigest()[:12]
        return f"{os.geteuid()}-{digest}"

    def make(self) -> None:
        """Make it.

        Raises:
            UnusableInput: if that fails, or others can write in it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.path, self.started):
                folder.mkdir(exist_ok=True, mode=0o700)
            if not self.is_private():
                raise UnusableInput(
                    "others can write in the folder of the queue, and what stands there is run in your name",
                    where=self.path,
                    hint=f"chmod -R go-w {self.path}",
                )
        except OSError as problem:
            raise UnusableInput(
                f"the queue cannot be written ({problem.strerror or problem})",
                where=self.path,
                hint="LEAPTUI_HOME names another folder to keep it in.",
            ) from problem

    def is_private(self) -> bool:
        """Whether nobody else can put something in; also when there is nothing."""
        for folder in (self.path, self.started):
            try:
                told = folder.stat()
            except FileNotFoundError:
                continue
            if told.st_uid != os.geteuid() or told.st_mode & 0o022:
                return False
        return True

    def waiting(self) -> list[Waiting]:
        """The entries that wait, in order; what is no file of this user's is left out.

        Raises:
            OSError: if the folder is there and cannot be listed.
        """
        found: dict[str, Waiting] = {}
        for name in _listed(self.path):
            match = _WAITING.fullmatch(name)
            if match is None:
                continue
            path = self.path / name
            told = _read(path)
            if told is not None:
                ticket = _ticket(told, match.group(2))
                # One that is listed while it is being moved shows up twice.
                found[match.group(2)] = Waiting(path, int(match.group(1)), ticket)
        return sorted(found.values(), key=lambda each: (each.order, each.path.name))

    def begun(self) -> list[tuple[Path, Ticket | None]]:
        """The entries that were taken out to be started.

        Raises:
            OSError: if the folder is there and cannot be listed.
        """
        found = []
        for name in _listed(self.started):
            match = _STARTED.fullmatch(name)
            told = _read(self.started / name) if match is not None else None
            if match is not None and told is not None:
                found.append((self.started / name, _ticket(told, match.group(1))))
        return found

    def find(self, run: Path) -> Waiting | None:
        """The entry of a run that waits."""
        with contextlib.suppress(OSError):
            name = f".{key(run)}.json"
            if any(each.endswith(name) for each in _listed(self.path)):
                return next((each for each in self.waiting() if each.path.name.endswith(name)), None)
        return None

    def add(self, ticket: Ticket) -> None:
        """Put an entry at the end. One process at a time (`leaptui.runs.queue.changing`).

        Raises:
            OSError: if it cannot be written.
        """
        orders = [each.order for each in self.waiting()]
        order = max(orders) + GAP if orders else _FIRST
        # Complete before it has a name that counts.
        scratch = self.path / f".{key(ticket.run)}.{os.getpid()}.tmp"
        scratch.unlink(missing_ok=True)
        create_object(scratch, ticket.to_json())
        scratch.chmod(0o600)
        scratch.rename(self.path / _name(order, ticket.run))

    def claim(self, entry: Waiting) -> Path | None:
        """Take an entry out, to start its run; None when somebody else has taken, moved or cancelled it."""
        target = self.started / f"{entry.path.name.split('.')[1]}.json"
        try:
            entry.path.rename(target)
        except OSError:
            return None
        return target

    def put_back(self, claimed: Path, ticket: Ticket) -> None:
        """Back to the head of the queue."""
        orders = [each.order for each in self.waiting()]
        with contextlib.suppress(OSError):
            claimed.rename(self.path / _name(min(orders, default=_FIRST) - GAP, ticket.run))

    def place(self, entry: Waiting, before: Sequence[Waiting], behind: Sequence[Waiting]) -> bool:
        """Move an entry between others, renumbering all of them where there is no room left.

        Args:
            entry: which.
            before: those that come before it, in order.
            behind: those that come after it, in order.

        Returns:
            Whether it was still waiting. One process at a time (`leaptui.runs.queue.changing`).
        """
        low = before[-1].order if before else (behind[0].order - 2 * GAP if behind else _FIRST)
        high = behind[0].order if behind else low + 2 * GAP
        middle = (low + high) // 2
        if not low < middle < high or middle < 0:
            for index, each in enumerate((*before, entry, *behind)):
                moved = _rename(
                    each.path, self.path / f"{_FIRST + index * GAP:016d}.{each.path.name.split('.')[1]}.json"
                )
                if each is entry and not moved:
                    return False
            return True
        return _rename(entry.path, self.path / f"{middle:016d}.{entry.path.name.split('.')[1]}.json")

    def say(self, run: Path | None, what: str) -> None:
        """Keep a sentence for people; only the dispatcher does."""
        record = {"t": time.time(), "run": "" if run is None else str(run), "what": what}
        with contextlib.suppress(OSError):
            kept = [{"t": each.t, "run": each.run, "what": each.what} for each in self.notices()]
            write_object(self.path / "notices.json", {"v": 1, "notices": [*kept[1 - _NOTICES :], record]})

    def notices(self) -> list[Notice]:
        """What was said, oldest first."""
        told = (read_object(self.path / "notices.json") or {}).get("notices")
        records = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        return [
            Notice(number(each, "t") or 0.0, text(each, "run") or "", text(each, "what") or "")
            for each in records[-_NOTICES:]
        ]


def withdraw(run: RunDirectory) -> bool:
    """Take a run out of whichever queue it waits in, on any host that shares the home folder; its own files stay.

    Returns:
        Whether it waited. If not, it may have begun just now.
    """
    path = Path(os.path.realpath(run.path))
    for folder in QueueFolder.everywhere():
        for _ in range(3):
            entry = folder.find(path)
            if entry is None:
                break
            # It may have been moved to another place in the meantime.
            with contextlib.suppress(OSError):
                entry.path.unlink()
                return True
    return False


def discard(path: Path) -> bool:
    """Delete an entry; False when it is no longer there."""
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _name(order: int, run: Path) -> str:
    return f"{max(order, 0):016d}.{key(run)}.json"


def _rename(source: Path, target: Path) -> bool:
    try:
        source.rename(target)
    except OSError:
        return False
    return True


def _listed(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except FileNotFoundError:
        return []


def _read(path: Path) -> bytes | None:
    """Content of an entry; None when it is gone, or is no plain file of this user's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode) or told.st_uid != os.geteuid():
            return None
        return os.read(descriptor, _LIMIT)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _ticket(data: bytes, name: str) -> Ticket | None:
    record = decode(data)
    ticket = None if record is None else Ticket.from_json(record)
    return ticket if ticket is not None and key(ticket.run) == name else None
