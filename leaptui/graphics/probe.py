"""The probe: asks the terminal what it can show, before the app starts.

All questions go out in one write; the last one, DA1, is the fence: when its answer is there, all others are, however
long the way. What a person types meanwhile comes back untouched.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from leaptui.graphics import env, tmux
from leaptui.graphics.answers import FENCE, Answers, mode_questions, picture_questions
from leaptui.graphics.burst import passed_through
from leaptui.graphics.choose import WindowSize, cell_size, choose, forced
from leaptui.graphics.replies import ReplyFilter
from leaptui.graphics.terminal import Graphics, Terminal

TIMEOUT = 2.5
"""Seconds to wait for the answers."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Probed:
    """What the probe found.

    Args:
        terminal: what the terminal can show.
        typed: what was typed meanwhile; the first input of whoever reads next.
        background: colour behind the text, if the terminal said it.
    """

    terminal: Terminal
    typed: bytes = b""
    background: tuple[int, int, int] | None = None


def probe(
    read_fd: int,
    write_fd: int,
    *,
    environ: Mapping[str, str] | None = None,
    graphics: Graphics | None = None,
    timeout: float = TIMEOUT,
    clock: Clock = time.monotonic,
) -> Probed:
    """Ask the terminal what it can show.

    Args:
        read_fd, write_fd: the terminal; where they are none, nothing is asked.
        environ: the process's own by default.
        graphics: a way to show pictures that is to be used unasked; `LEAPTUI_GRAPHICS` does the same.
        timeout: seconds to wait; a terminal that has not answered by then is used for text.

    Raises:
        ValueError: if `LEAPTUI_GRAPHICS` names no way to show pictures.
    """
    environ = os.environ if environ is None else environ
    wanted = graphics or env.wanted_graphics(environ)
    window = window_size(write_fd)
    pane = own_pane(environ, read_fd)
    if wanted is not None:
        return Probed(forced(wanted, environ, window, pane))
    why_not = _why_not(read_fd, write_fd, environ)
    if why_not is not None:
        return Probed(replace(choose(Answers(), environ, window, pane=pane), reasons=(why_not,)))
    if pane is not None and not (pane.passes and pane.listens):
        return Probed(choose(Answers(), environ, window, pane=pane))
    answers, typed, seconds = _ask(read_fd, write_fd, _questions(environ, pane), timeout, clock)
    terminal = choose(answers, environ, window, pane=pane, round_trip=seconds if answers.has_all else None)
    return Probed(terminal, typed, answers.background)


def refreshed(terminal: Terminal, fd: int, *, environ: Mapping[str, str] | None = None) -> Terminal:
    """The same terminal after its window has changed: the size of its cells, and where our pane in tmux lies now.

    Nothing is asked of the terminal, only of its device and of tmux on this machine.
    """
    environ = os.environ if environ is None else environ
    pane = own_pane(environ, fd) if terminal.tmux is not None else None
    cell = cell_size(window_size(fd), name=terminal.name, pane=pane) or terminal.cell
    return replace(terminal, cell=cell, tmux=terminal.tmux if pane is None else pane.place)


def window_size(fd: int) -> WindowSize:
    """Size of the terminal, in cells and pixels; zeros where it is none or does not know."""
    try:
        packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return WindowSize()
    rows, columns, width, height = struct.unpack("HHHH", packed)
    return WindowSize(columns, rows, width, height)


def own_pane(environ: Mapping[str, str], fd: int) -> tmux.Pane | None:
    """The tmux pane that `fd` is the terminal of; None if it is another, as in a window opened from inside tmux."""
    pane = tmux.ask_pane(environ)
    if pane is None:
        return None
    try:
        return pane if os.ttyname(fd) == pane.tty else None
    except OSError:
        return None


@contextmanager
def unbuffered(fd: int) -> Iterator[None]:
    """What is typed comes at once, unchanged and without echo; Ctrl-C still interrupts. Nothing typed is lost."""
    before = termios.tcgetattr(fd)
    now = termios.tcgetattr(fd)
    now[tty.IFLAG] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    now[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    now[tty.CC][termios.VMIN], now[tty.CC][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, now)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte."""
    while data:
        data = data[os.write(fd, data) :]


def _why_not(read_fd: int, write_fd: int, environ: Mapping[str, str]) -> str | None:
    """Why the terminal is not asked, in words."""
    if not (os.isatty(read_fd) and os.isatty(write_fd)):
        return "input or output is no terminal"
    try:
        in_front = os.tcgetpgrp(read_fd) == os.getpgrp()
    except OSError:
        in_front = True
    return env.why_mute(environ) if in_front else "it runs in the background"


def _questions(environ: Mapping[str, str], pane: tmux.Pane | None) -> bytes:
    """Modes concern whoever reads our output, pictures whoever draws them: inside tmux these are two."""
    modes = b"" if env.prints_mode_questions(environ) else mode_questions()
    if pane is None:
        return picture_questions() + modes + FENCE
    return modes + passed_through(picture_questions() + FENCE)


def _ask(read_fd: int, write_fd: int, questions: bytes, timeout: float, clock: Clock) -> tuple[Answers, bytes, float]:
    """Ask, and wait for the fence; the answers, what was typed, and the seconds it took."""
    answers = Answers()
    replies = ReplyFilter(answers.hear, keeps_modes=False, clock=clock)
    typed: list[str] = []
    with unbuffered(read_fd):
        start = clock()
        write_all(write_fd, questions)
        while not answers.has_all:
            left = start + timeout - clock()
            if left <= 0:
                break
            wait = left if replies.wait is None else min(left, replies.wait)
            if not select.select([read_fd], [], [], wait)[0]:
                typed.append(replies.tick())
                continue
            data = os.read(read_fd, 4096)
            if not data:
                break
            typed.append(replies.feed(data.decode("latin-1")))
        seconds = clock() - start
        typed.append(replies.close())
    return answers, "".join(typed).encode("latin-1"), seconds
