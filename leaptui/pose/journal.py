"""Journal: the files that one session writes, append-only, acknowledged by fsync.

A session has one file `<utc>-<host>-<pid>-<random>.jsonl`, and another one after each failure: once a write or an
fsync has failed, nobody knows what the file holds. The kernel may drop dirty pages after a failed fsync and report
success on the next ("fsyncgate"), and a reader may already have read lines that are now taken back. So the file is
cut back to its last acknowledged line and never written again, and what was not acknowledged goes into a new file
that continues the session. Lines that ended up in both merge as one: they have the same stamp.
"""

from __future__ import annotations

import errno
import getpass
import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from leaptui.errors import OperationFailed
from leaptui.pose.transactions import VERSION, to_line

_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space"),
    errno.EDQUOT: ("the quota is used up", "Free some space"),
    errno.EFBIG: ("the file would be larger than is allowed", "Raise the limit (ulimit -f)"),
    errno.EROFS: ("the file system is read-only", "Make it writable"),
    errno.EACCES: ("the folder is not writable", "Make it writable"),
    errno.EIO: ("the disk reports an error", "Check the disk"),
    errno.ESTALE: ("the network share was lost", "Mount it again"),
}


class Journal:
    """Writes the lines of one session.

    Args:
        folder: the `journal` folder; made by the first line.

    The session has its name from the start; its first file is made by its first line.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session = _new_name()
        self.user = user_name()
        self.files: dict[str, int] = {}
        self._descriptor: int | None = None
        self._name = ""

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines with one write and one fsync; on return they are on disk.

        Raises:
            OperationFailed: if that is not certain; none of them counts, and the next call begins a new file.
        """
        try:
            if self._descriptor is not None and not self._as_left(self._descriptor):
                self.close()
            if self._descriptor is None:
                self._begin(lines)
            else:
                self._continue(self._descriptor, lines)
        except OSError as error:
            self._abandon()
            what, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), "Make the folder writable"))
            raise OperationFailed(
                f"labels cannot be saved: {what}",
                where=self.folder.parent,
                hint=f"{hint}, then save again; nothing that was saved before is lost.",
            ) from error
        except BaseException:
            self._abandon()
            raise

    def close(self) -> None:
        """Close the file; a later line begins a new one."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _begin(self, lines: Sequence[bytes]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{_new_name() if self.files else self.session}.jsonl"
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._descriptor, self._name = descriptor, name
        self.files[name] = 0
        header = {
            "v": VERSION,
            "session": self.session,
            "user": self.user,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "t": round(time.time(), 3),
        }
        self._continue(descriptor, [to_line(header), *lines], new=True)

    def _continue(self, descriptor: int, lines: Sequence[bytes], *, new: bool = False) -> None:
        data = b"".join(lines)
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:] if written else data)
        os.fsync(descriptor)
        if new:
            _sync_folder(self.folder)
        if os.fstat(descriptor).st_nlink == 0:
            raise OSError(errno.ENOENT, "the folder was deleted")
        self.files[self._name] += len(data)

    def _as_left(self, descriptor: int) -> bool:
        """Whether the file is still there and nobody else has changed it."""
        status = os.fstat(descriptor)
        return status.st_nlink > 0 and status.st_size == self.files[self._name]

    def _abandon(self) -> None:
        """Take back what was not acknowledged, and leave the file for good."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.files[self._name])
        self.close()
        if self.files[self._name] == 0:
            with suppress(OSError):
                (self.folder / self._name).unlink()


def _new_name() -> str:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    host = "".join(c if c.isascii() and c.isalnum() else "-" for c in socket.gethostname())[:64]
    return f"{now}-{host}-{os.getpid()}-{secrets.token_hex(4)}"


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk; some network file systems cannot, and do it by themselves."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def user_name() -> str:
    """Who is at work."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
