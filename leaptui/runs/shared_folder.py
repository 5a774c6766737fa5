"""A folder that all users of a machine share, for files that are locked and that others read.

Anybody may write in such a folder, so nothing in it is trusted: it must be a real folder that lets nobody remove
what is another's (the sticky bit), no link in it is followed, what is no plain file is left alone, and the
content of a file is text to be shown with care. Whoever may lock can also keep a lock for ever; the folder can be
made by the administrator, or named in LEAPTUI_SLOTS, where that is a worry.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import os
import pwd
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.runs.files import decode, encode

DEFAULT = Path("/tmp/leaptui-slots")
VARIABLE = "LEAPTUI_SLOTS"

_MODE = 0o1777
_RECORD = 4096
"""Bytes of a record, padded, so that one write replaces all of the last one."""
_READ = 1 << 18
_HINT = f"Name another folder of this machine in {VARIABLE}, the same for all of its users."


@dataclass(frozen=True)
class SharedFolder:
    """The folder; `open_shared` checks it."""

    path: Path

    def lock(self, name: str, *, mode: int = 0o666) -> int | None:
        """Lock a file of the folder, made when it is not there.

        Args:
            name: of the file.
            mode: for a new file, whatever the umask says; 0o600 keeps other users from locking it.

        Returns:
            A descriptor that holds the lock until every copy of it is closed; None when it is held, or when
            what is there is not to be touched.
        """
        descriptor = self._open(name, mode)
        if descriptor is None:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(descriptor, self.path / name):
                return descriptor
        except OSError:
            pass
        os.close(descriptor)
        return None

    def is_locked(self, name: str) -> bool | None:
        """Whether somebody holds the lock; None when that cannot be said.

        Looking takes a shared lock for a moment, so one who wants the lock should try more than once.
        """
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return False

    def keep(self) -> int | None:
        """A descriptor that, while open, keeps cleaners of temporary folders away (systemd-tmpfiles heeds it)."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def read(self, name: str) -> tuple[dict[str, Any], os.stat_result] | None:
        """The JSON object in a file and who owns it; None when there is none to be read."""
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            told = os.fstat(descriptor)
            if not stat.S_ISREG(told.st_mode) or told.st_size > _READ:
                return None
            record = decode(os.read(descriptor, _READ).strip(b" \n"))
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return None if record is None else (record, told)

    def names(self) -> list[str]:
        """The files there, in order of name."""
        try:
            return sorted(each.name for each in self.path.iterdir())
        except OSError:
            return []

    def _open(self, name: str, mode: int) -> int | None:
        path = self.path / name
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = None
        # Linux may refuse O_CREAT on what others own in such a folder, so it is tried for itself.
        for how in (os.O_RDWR, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR, os.O_RDONLY):
            try:
                descriptor = os.open(path, how | flags, mode)
                break
            except OSError:
                continue
        if descriptor is None:
            return None
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode) or told.st_nlink != 1:
            os.close(descriptor)
            return None
        if told.st_uid == os.geteuid() and stat.S_IMODE(told.st_mode) != mode:
            with contextlib.suppress(OSError):
                os.fchmod(descriptor, mode)
        return descriptor


def open_shared() -> SharedFolder:
    """The folder this machine's users share: LEAPTUI_SLOTS, or /tmp/leaptui-slots; made when it is not there.

    Raises:
        UnusableInput: if it is a link, no folder, lets users remove each other's files, or cannot be made.
    """
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else DEFAULT
    if not path.is_absolute():
        raise UnusableInput(f"{VARIABLE} must be an absolute path", where=path)
    try:
        _make(path)
        _check(path)
    except OSError as problem:
        raise UnusableInput(
            f"the folder of this machine's slots cannot be used ({problem.strerror or problem})",
            where=path,
            hint=_HINT,
        ) from problem
    return SharedFolder(path)


def write_record(descriptor: int, record: dict[str, Any]) -> bool:
    """Replace the content of a locked file, in place and in one write, since the lock is on this very file.

    A file that holds something else than a record of ours is left as it is.

    Returns:
        Whether it was written.
    """
    data = encode(record)
    if len(data) >= _RECORD:
        return False
    try:
        found = os.pread(descriptor, 1, 0)
        if found not in (b"", b"{"):
            return False
        os.pwrite(descriptor, data.ljust(_RECORD - 1) + b"\n", 0)
    except OSError:
        return False
    return True


def user_name(number: int | None = None) -> str:
    """Name of a user, this one by default; the number where it has none."""
    try:
        return getpass.getuser() if number is None else pwd.getpwuid(number).pw_name
    except (KeyError, OSError):
        return str(os.getuid() if number is None else number)


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=_MODE)
    except FileExistsError:
        return
    # The umask has taken bits away.
    path.chmod(_MODE)


def _check(path: Path) -> None:
    """Refuse a folder that is not shared safely; one that is just being made gets a moment."""
    until = time.monotonic() + 1.0
    while True:
        told = path.lstat()
        if not stat.S_ISDIR(told.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is a link or no folder")
        is_shared = stat.S_IMODE(told.st_mode) & _MODE == _MODE
        is_private = told.st_uid == os.geteuid() and not told.st_mode & 0o022
        if is_shared or (is_private and os.environ.get(VARIABLE)):
            return
        if time.monotonic() > until:
            raise PermissionError(
                errno.EPERM, f"its mode is {stat.S_IMODE(told.st_mode):o}, and 1777 is what users can share"
            )
        time.sleep(0.02)


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether the name still means the file that was locked."""
    told, named = os.fstat(descriptor), path.lstat()
    return (told.st_dev, told.st_ino) == (named.st_dev, named.st_ino)
