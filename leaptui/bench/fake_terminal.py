"""A scripted terminal on a pty: runs a program, answers its questions after a round trip, keeps what it wrote.

    with FakeTerminal([sys.executable, "app.py"], "kitty", round_trip=0.3, rate=64_000) as terminal:
        terminal.wait_for(lambda: b"ready" in terminal.screen)
        terminal.type(b"n")

Everything goes over two `DelayLine`s, so an answer to `CSI 6n` is given when all bytes before it have arrived.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from leaptui.bench.delay_line import DelayLine

SYNC, IN_BAND_SIZE, PIXEL_MOUSE = 2026, 2048, 1016


@dataclass(frozen=True)
class Profile:
    """What a terminal answers; None where it says nothing.

    Args:
        attributes: DA1.
        version: XTVERSION.
        kitty, iterm2: takes pictures by that protocol.
        reports_size: answers 14t, 16t and 18t.
        registers: XTSMGRAPHICS colour registers.
        modes: DECRPM values.
        is_tmux: between the program and a terminal with the rest of this profile stands tmux: it answers itself
            and at once what is not wrapped, and passes on what is.
        has_pixels: the terminal device knows the window's pixels.
    """

    attributes: bytes | None
    version: bytes | None = None
    kitty: bool = False
    iterm2: bool = False
    reports_size: bool = True
    registers: int | None = None
    modes: Mapping[int, int] = field(default_factory=dict)
    is_tmux: bool = False
    has_pixels: bool = True


PROFILES: dict[str, Profile] = {
    "sixel": Profile(
        b"\x1b[?63;1;2;4;6;9;15;22c", b"XTerm(379)", reports_size=False, registers=1024, modes={PIXEL_MOUSE: 2}
    ),
    "foot": Profile(b"\x1b[?62;4;22c", b"foot(1.13.1)", registers=1024, modes={SYNC: 2, PIXEL_MOUSE: 2}),
    "mlterm": Profile(b"\x1b[?63;1;2;3;4;7;29c", iterm2=True, registers=1024),
    "xterm.js": Profile(b"\x1b[?62;4;9;22c", iterm2=True, registers=4096, modes={SYNC: 2}, has_pixels=False),
    "kitty": Profile(b"\x1b[?62;c", b"kitty(0.26.5)", kitty=True, modes={SYNC: 2, PIXEL_MOUSE: 2}),
    "iterm2": Profile(b"\x1b[?64;1;2c", b"iTerm2 3.5.0", iterm2=True, modes={SYNC: 2}),
    "plain": Profile(b"\x1b[?1;2c", has_pixels=False, reports_size=False),
    "silent": Profile(None, has_pixels=False, reports_size=False),
    "tmux": Profile(b"\x1b[?62;c", b"kitty(0.26.5)", kitty=True, is_tmux=True, modes={SYNC: 2, PIXEL_MOUSE: 2}),
}

_QUESTION = re.compile(
    rb"\x1bPtmux;(?P<wrapped>(?:\x1b\x1b|[^\x1b])*)\x1b\\"
    rb"|\x1b_G(?P<kitty>[^;\x1b]*)(?:;[^\x1b]*)?\x1b\\"
    rb"|\x1bP[^\x1b]*\x1b\\"
    rb"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b\[\?(?P<mode>\d+)\$p"
    rb"|\x1b\[\?(?P<sixel>[12]);[14];0S"
    rb"|\x1b\[(?P<plain>>?0?c|>0?q|1[468]t|[56]n)"
)
_UNFINISHED = re.compile(rb"\x1b(?:\Z|[P_\]](?:[^\x07\x1b]|\x1b\x1b|\x1b\Z)*\Z|\[[0-?]*[ -/]*\Z)")


class FakeTerminal:
    """A program on a terminal.

    Args:
        argv: the program; None for none: then `device` is the file descriptor to read and write.
        profile: name in PROFILES, or one.
        round_trip: seconds, half of it each way.
        rate: bytes a second towards the terminal; None for any.
        size: (columns, rows).
        cell: (width, height) of a cell in pixels.
        environ: changes of the environment; None removes a variable.
    """

    def __init__(
        self,
        argv: Sequence[str] | None,
        profile: str | Profile = "kitty",
        *,
        round_trip: float = 0.0,
        rate: float | None = None,
        size: tuple[int, int] = (82, 42),
        cell: tuple[int, int] = (10, 20),
        environ: Mapping[str, str | None] | None = None,
    ) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.size, self.cell = size, cell
        self.log: list[tuple[float, bytes]] = []
        """What arrived at the terminal, and when."""
        self.written: list[tuple[float, int]] = []
        """How many bytes the program wrote, and when."""
        self.cursor = (1, 1)
        self.answers: dict[bytes, bytes] = {}
        """Other answers than the profile's, by the end of the question."""
        self.exit_code: int | None = None
        self._there, self._back = DelayLine(round_trip / 2, rate), DelayLine(round_trip / 2)
        self._unread = b""
        self._cues: list[tuple[bytes, bytes]] = []
        self._changed = threading.Condition()
        self._stop = False
        self.pid = self.device = -1
        if argv is None:
            self._master, self.device = os.openpty()
        else:
            self.pid, self._master = pty.fork()
        if argv is not None and self.pid == 0:
            _become(argv, self._window(), environ or {})
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, self._window())
        self._awake, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="fake-terminal", daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def screen(self) -> bytes:
        """Everything that has arrived."""
        with self._changed:
            return b"".join(data for _, data in self.log)

    @property
    def has_ended(self) -> bool:
        """Whether the program has, and its last words have arrived."""
        with self._changed:
            return self.exit_code is not None and self._there.next_arrival is None

    def type(self, data: bytes, *, after: bytes = b"") -> None:
        """Keys are pressed; they reach the program half a round trip later.

        Args:
            data: what the keyboard sends.
            after: wait until these bytes arrive.
        """
        with self._changed:
            if after:
                self._cues.append((after, data))
            else:
                self._back.push(data, time.monotonic())
                os.write(self._wake, b".")

    def resize(self, size: tuple[int, int], cell: tuple[int, int] | None = None) -> None:
        """The window gets another size."""
        self.size, self.cell = size, cell or self.cell
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, self._window())

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        os.kill(self.pid, number)

    def is_stopped(self) -> bool:
        """Whether the program is suspended (Linux)."""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def wait_for(self, condition: Callable[[], object], seconds: float = 15.0) -> bool:
        """Wait until something is true; whether it became true. The program's end counts as a last chance."""
        until = time.monotonic() + seconds
        while not condition():
            if self.has_ended or time.monotonic() > until:
                return bool(condition())
            time.sleep(0.01)
        return True

    def close(self) -> None:
        """End the program, if it still runs."""
        if self.pid > 0 and self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._stop = True
        self._thread.join(5)
        for fd in (self._master, self._awake, self._wake):
            os.close(fd)
        if self.device >= 0:
            os.close(self.device)

    def _window(self) -> bytes:
        (columns, rows), (width, height) = self.size, self.cell
        known = self.profile.has_pixels
        return struct.pack("HHHH", rows, columns, columns * width if known else 0, rows * height if known else 0)

    def _run(self) -> None:
        opened = True
        while not self._stop:
            now = time.monotonic()
            with self._changed:
                arrived, due = self._there.pop(now), self._back.pop(now)
                if arrived:
                    self.log.append((now, arrived))
            self._arrive(arrived, now)
            self._write(due)
            waits = [at - now for at in (self._there.next_arrival, self._back.next_arrival) if at is not None]
            wait = max(0.0, min([*waits, 0.01]))
            if not opened:
                self._reap()
                if self.has_ended:
                    return
                time.sleep(wait)
            elif self._there.has_room(now):
                opened = self._read(wait)
            else:
                time.sleep(wait)
        self._reap(wait=True)

    def _read(self, wait: float) -> bool:
        """Take in what the program wrote; whether it still can write."""
        ready = select.select([self._master, self._awake], [], [], wait)[0]
        if self._awake in ready:
            os.read(self._awake, 4096)
        if self._master not in ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        now = time.monotonic()
        self.written.append((now, len(data)))
        with self._changed:
            self._there.push(data, now)
        return bool(data)

    def _reap(self, wait: bool = False) -> None:
        if self.exit_code is not None or self.pid < 0:
            return
        pid, status = os.waitpid(self.pid, 0 if wait else os.WNOHANG)
        if pid:
            self.exit_code = os.waitstatus_to_exitcode(status)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._master, data) :]

    def _arrive(self, data: bytes, now: float) -> None:
        """Answer what is asked in bytes that have arrived."""
        self._unread += data
        with self._changed:
            for cue in [cue for cue in self._cues if cue[0] in self._unread]:
                self._cues.remove(cue)
                self._back.push(cue[1], now)
        end = 0
        for match in _QUESTION.finditer(self._unread):
            if answer := self._answer(match, through_tmux=False):
                with self._changed:
                    self._back.push(answer, now)
            end = match.end()
        rest = self._unread[end:]
        unfinished = _UNFINISHED.search(rest)
        self._unread = rest[unfinished.start() :] if unfinished else b""

    def _answer(self, match: re.Match[bytes], *, through_tmux: bool) -> bytes:
        if self.profile.is_tmux and not through_tmux:
            if match["wrapped"] is None:
                return b"\x1b[?1;2c" if match["plain"] in (b"c", b"0c") else self._plain(match["plain"], tmux=True)
            inner = match["wrapped"].replace(b"\x1b\x1b", b"\x1b")
            return b"".join(self._answer(found, through_tmux=True) for found in _QUESTION.finditer(inner))
        if match["kitty"] is not None:
            number = re.search(rb"i=(\d+)", match["kitty"])
            asks = self.profile.kitty and number is not None and b"a=q" in match["kitty"]
            return b"\x1b_Gi=" + number[1] + b";OK\x1b\\" if asks and number else b""
        if match["mode"] is not None:
            return b"\x1b[?%s;%d$y" % (match["mode"], self.profile.modes.get(int(match["mode"]), 0))
        if match["osc"] is not None:
            return self._osc(match["osc"])
        if match["sixel"] is not None:
            return self._sixel(match["sixel"])
        return self._plain(match["plain"]) if match["plain"] else b""

    def _osc(self, question: bytes) -> bytes:
        if question == b"11;?" and self.profile.attributes:
            return b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"
        if question == b"1337;ReportCellSize" and self.profile.iterm2:
            return b"\x1b]1337;ReportCellSize=%d.0;%d.0;1.0\x1b\\" % (self.cell[1], self.cell[0])
        return b""

    def _sixel(self, item: bytes) -> bytes:
        if self.profile.registers is None:
            return b""
        return b"\x1b[?1;0;%dS" % self.profile.registers if item == b"1" else b"\x1b[?2;0;1000;1000S"

    def _plain(self, question: bytes | None, *, tmux: bool = False) -> bytes:
        (columns, rows), (width, height) = self.size, self.cell
        if self.profile.attributes is None or question is None:
            return b""
        if question in self.answers:
            return self.answers[question]
        if question == b"6n":
            return b"\x1b[%d;%dR" % self.cursor
        if question == b"5n":
            return b"\x1b[0n"
        if tmux:
            return b""
        if question in (b"c", b"0c"):
            return self.profile.attributes
        if question.endswith(b"c"):
            return b"\x1b[>41;379;0c"
        if question.endswith(b"q"):
            return b"\x1bP>|" + self.profile.version + b"\x1b\\" if self.profile.version else b""
        sizes = {
            b"14t": b"\x1b[4;%d;%dt" % (rows * height, columns * width),
            b"16t": b"\x1b[6;%d;%dt" % (height, width),
            b"18t": b"\x1b[8;%d;%dt" % (rows, columns),
        }
        return sizes.get(question, b"") if self.profile.reports_size else b""


def without(profile: str, **changes: object) -> Profile:
    """A profile with changes."""
    return replace(PROFILES[profile], **changes)  # type: ignore[arg-type]


def _become(argv: Sequence[str], window: bytes, changes: Mapping[str, str | None]) -> None:
    """In the child: the program, on a terminal that has its size from the start."""
    fcntl.ioctl(0, termios.TIOCSWINSZ, window)
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    for name in ("TMUX", "TERM_PROGRAM", "LC_TERMINAL", "LC_ALL", "KITTY_WINDOW_ID", "NO_COLOR", "COLUMNS", "LINES"):
        environ.pop(name, None)
    for name, value in changes.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    os.execvpe(argv[0], list(argv), environ)
