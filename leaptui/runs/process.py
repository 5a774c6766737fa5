"""Which process: a pid alone names another one tomorrow, or on another host."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import psutil

from leaptui.runs.files import integer, number, text

_CREATED_WITHIN = 1.5
"""Seconds by which two readings of a creation time may differ where only wall time is known."""

_OPTIONS_LIMIT = 8
"""Arguments of the interpreter itself, before `-m`."""


class Presence(Enum):
    """What can be said of a process."""

    HERE = "here"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, for all time.

    Args:
        host: name of its host.
        pid: its number there.
        created: when it began, seconds since the epoch.
        ticks: the same in clock ticks since the host started (Linux): setting the clock does not shift it.
        boot: id of the host's boot (Linux): two hosts of one name differ in it.
        namespace: pid namespace (Linux): a container numbers its processes anew.
    """

    host: str
    pid: int
    created: float | None = None
    ticks: int | None = None
    boot: str | None = None
    namespace: str | None = None

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """A process of this host that runs now.

        Raises:
            psutil.Error: if there is none of that number.
        """
        created = psutil.Process(pid).create_time()
        return cls(socket.gethostname(), pid, created, _start_ticks(pid), _boot(), _namespace())

    @classmethod
    def current(cls) -> ProcessIdentity:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ProcessIdentity | None:
        """The process a status names, or None when it names none that could be one."""
        host, pid = text(record, "host"), integer(record, "pid")
        if host is None or pid is None or not 1 < pid < 2**31:
            return None
        created, ticks = number(record, "process_created"), integer(record, "process_ticks")
        return cls(host, pid, created, ticks, text(record, "boot"), text(record, "pid_namespace"))

    def to_json(self) -> dict[str, Any]:
        """Its fields in a status."""
        return {
            "host": self.host,
            "pid": self.pid,
            "process_created": self.created,
            "process_ticks": self.ticks,
            "boot": self.boot,
            "pid_namespace": self.namespace,
        }

    def is_of_this_host(self) -> bool:
        """Whether its pid means anything in this process."""
        same = (socket.gethostname(), _boot(), _namespace())
        return (self.host, self.boot, self.namespace) == same

    def presence(self) -> Presence:
        """Whether it is still there; UNKNOWN from another host, or when the system will not say."""
        if not self.is_of_this_host() or (self.ticks is None and self.created is None):
            return Presence.UNKNOWN
        try:
            process = psutil.Process(self.pid)
            if not self._is(process):
                return Presence.GONE
            return Presence.GONE if process.status() == psutil.STATUS_ZOMBIE else Presence.HERE
        except psutil.AccessDenied:
            return Presence.UNKNOWN
        except psutil.NoSuchProcess:
            return _unlisted(self.pid)

    def send_signal(self, number: signal.Signals, *, argument: Path) -> bool:
        """Send a signal to this very process, or to nothing at all.

        Args:
            number: the signal.
            argument: the run it must be at: its command line says `-m MODULE ARGUMENT`.

        Returns:
            Whether it was sent. It is not when the process is gone, its pid is another's now, it runs on
            another host or in another container, belongs to somebody else, or its command line is not that of a
            worker of this run: whoever can write a status file can put any process of this user there.
        """
        if self.presence() is not Presence.HERE:
            return False
        if not hasattr(os, "pidfd_open"):
            return self._send_checked(number, argument)
        # A pidfd keeps meaning the process it was opened for, so nothing can slip in between check and signal.
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return self._send_checked(number, argument)
        try:
            if not self._is_ours(argument):
                return False
            signal.pidfd_send_signal(descriptor, number)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _send_checked(self, number: signal.Signals, argument: Path) -> bool:
        if not self._is_ours(argument):
            return False
        try:
            os.kill(self.pid, number)
        except OSError:
            return False
        return True

    def _is_ours(self, argument: Path) -> bool:
        try:
            process = psutil.Process(self.pid)
            arguments = process.cmdline()
            if not self._is(process) or process.uids().effective != os.geteuid():
                return False
        except psutil.Error:
            return False
        if "-m" not in arguments[:_OPTIONS_LIMIT]:
            return False
        path = arguments[arguments.index("-m") + 2 :][:1]
        return bool(path) and Path(path[0]).is_absolute() and os.path.realpath(path[0]) == os.path.realpath(argument)

    def _is(self, process: psutil.Process) -> bool:
        ticks = _start_ticks(self.pid)
        if self.ticks is not None and ticks is not None:
            return ticks == self.ticks
        return self.created is not None and abs(process.create_time() - self.created) < _CREATED_WITHIN


def _unlisted(pid: int) -> Presence:
    """A process that /proc does not list: gone, or hidden from this user by the mount option hidepid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Presence.GONE
    except OSError:
        return Presence.UNKNOWN
    return Presence.UNKNOWN


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); counted after the name, which may hold anything in brackets."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    return None


def _boot() -> str | None:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return None


def _namespace() -> str | None:
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return None
