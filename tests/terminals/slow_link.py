"""A slow way between a terminal and a program: delay and rate, as over a bad SSH connection.

As a command, inside any terminal:

    python tests/terminals/slow_link.py --round-trip 0.3 --rate 64000 -- leaptui label PROJECT

As a library: `DelayLine` for one direction, `fake_terminal.FakeTerminal` for a program on a scripted terminal.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Sequence

from leaptui.bench.delay_line import SEGMENT, DelayLine

__all__ = ["SEGMENT", "DelayLine", "run"]


def run(argv: Sequence[str], *, round_trip: float, rate: float | None) -> int:
    """Run a command on a pty of its own, with a slow way between it and this process's terminal.

    Returns:
        The exit status of the command.
    """
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(argv[0], list(argv))
    stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()

    def resize(*_: object) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(stdout, termios.TIOCGWINSZ, bytes(8)))

    resize()
    signal.signal(signal.SIGWINCH, resize)
    before = termios.tcgetattr(stdin) if os.isatty(stdin) else None
    if before is not None:
        tty.setraw(stdin, termios.TCSANOW)
    try:
        _carry(stdin, stdout, master, DelayLine(round_trip / 2, rate), DelayLine(round_trip / 2, rate))
    finally:
        if before is not None:
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _carry(stdin: int, stdout: int, master: int, out: DelayLine, back: DelayLine) -> None:
    """Carry bytes both ways until the command has ended and its last output has arrived."""
    runs = True
    readable = {stdin, master}
    while runs or out.next_arrival is not None:
        now = time.monotonic()
        _write(stdout, out.pop(now))
        with contextlib.suppress(OSError):
            _write(master, back.pop(now))
        due = [at for at in (out.next_arrival, back.next_arrival) if at is not None]
        wanted = [fd for fd in readable if fd != master or out.has_room(now)]
        wait = max(0.0, min(due) - time.monotonic()) if due else 0.05
        for fd in select.select(wanted, [], [], min(wait, 0.05))[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                readable.discard(fd)
                runs = runs and fd != master
            else:
                (out if fd == master else back).push(data, time.monotonic())


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="Run a command behind a slow link.")
    parser.add_argument("--round-trip", type=float, default=0.3, help="seconds")
    parser.add_argument("--rate", type=float, default=64000, help="bytes a second, each way; 0 for any")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    return run(args.command, round_trip=args.round_trip, rate=args.rate or None)


if __name__ == "__main__":
    raise SystemExit(main())
