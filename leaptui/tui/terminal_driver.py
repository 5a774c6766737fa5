"""The driver of the app: Textual's for Linux and macOS, with what labelling over a slow link needs.

- Replies that come late never count as keys, wherever reads have split them.
- What was typed while the terminal was asked is the first input.
- The mouse is reported in pixels where the terminal can do that, so that its coordinates have fractions of a cell.
- A signal to suspend or continue waits for the event loop: in the middle of a write its handler would wait for a lock
  that its own thread holds.
- Answers to `CSI 6n` reach the app as Textual's `CursorPosition`; on leaving, the driver waits for those still due,
  so that they do not end up in the shell.
"""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import signal
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from leaptui.graphics.burst import PING
from leaptui.graphics.choose import WindowSize, cell_size
from leaptui.graphics.probe import Probed, window_size
from leaptui.graphics.replies import ReplyFilter
from leaptui.graphics.terminal import Terminal

if TYPE_CHECKING:
    from textual.app import App

PIXEL_MOUSE_ON = "\x1b[?1016h"
PIXEL_MOUSE_OFF = "\x1b[?1016l"

_PING = PING.decode()
_LONGEST_GOODBYE = 2.5
_TICK = 0.05
_SGR_MOUSE = re.compile(r"\x1b\[<(\d+);(-?\d+);(-?\d+)([Mm])")
_F3_WITH_MODIFIERS = re.compile(r"\x1b\[1;([2-8])R")
_MODIFIERS = ("shift", "alt", "ctrl")


class TerminalParser(XTermParser):
    """Textual's parser behind a filter of replies, with the mouse in pixels.

    Args:
        terminal: what the terminal can do.
        window: current size of the terminal.
        awaits_position: whether an answer to `CSI 6n` is due. When none is, `CSI 1 ; 2 R`, which means both, was
            F3 with Shift.
    """

    def __init__(
        self,
        terminal: Terminal,
        window: Callable[[], WindowSize],
        awaits_position: Callable[[], bool],
        debug: bool = False,
    ) -> None:
        super().__init__(debug)
        self._terminal = terminal
        self._window = window
        self._awaits_position = awaits_position
        self._replies = ReplyFilter()

    @property
    def wait(self) -> float | None:
        """Seconds after which `tick` may have something, beyond Textual's own."""
        return self._replies.wait

    def feed(self, data: str) -> Iterable[Message]:
        if not data:
            yield from super().feed(data)
            return
        keys = self._replies.feed(data)
        if keys:
            yield from self._parsed(keys)

    def tick(self) -> Iterable[Message]:
        keys = self._replies.tick()
        if keys:
            yield from super().feed(keys)
        yield from super().tick()

    def parse_mouse_code(self, code: str) -> Message | None:
        """A mouse event; terminals count pixels from 0 and cells from 1, and Textual takes both to start at 1."""
        if self._terminal.pixel_mouse:
            self._follow_window()
        if self.mouse_pixels and (match := _SGR_MOUSE.match(code)):
            buttons, x, y, state = match.groups()
            code = f"\x1b[<{buttons};{int(x) + 1};{int(y) + 1}{state}"
        return super().parse_mouse_code(code)

    def _follow_window(self) -> None:
        """Asked with each event, because cells change with the font while their number stays."""
        window = self._window()
        width, height = cell_size(window, name=self._terminal.name) or self._terminal.cell_size
        if window.columns and window.rows:
            self.mouse_pixels = True
            self.terminal_size = (window.columns, window.rows)
            self.terminal_pixel_size = (round(width * window.columns), round(height * window.rows))

    def _parsed(self, keys: str) -> Iterable[Message]:
        at = 0
        for match in _F3_WITH_MODIFIERS.finditer(keys):
            if self._awaits_position():
                continue
            if at < match.start():
                yield from super().feed(keys[at : match.start()])
            yield _f3(int(match[1]))
            at = match.end()
        if at < len(keys):
            yield from super().feed(keys[at:])


class TerminalDriver(LinuxDriver):
    """See the module. Made by `driver_for`, because Textual wants a class."""

    probed: Probed = Probed(Terminal())

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.terminal = self.probed.terminal
        self._typed = self.probed.typed
        self._due = 0
        self._answers = self.terminal.answered
        self._due_changed = threading.Condition()
        self._reads = False

    def write(self, data: str) -> None:
        pings = data.count(_PING)
        if pings:
            with self._due_changed:
                self._due += pings
        super().write(data)

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)
        if self._mouse and self.terminal.pixel_mouse:
            self.write(PIXEL_MOUSE_ON)

    def disable_input(self) -> None:
        self._await_positions()
        super().disable_input()

    def stop_application_mode(self) -> None:
        if self._mouse:
            # Textual may have switched it on by itself, and never switches it off.
            self.write(PIXEL_MOUSE_OFF)
        super().stop_application_mode()

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.CursorPosition):
            with self._due_changed:
                self._due = max(0, self._due - 1)
                self._answers = True
                self._due_changed.notify_all()
        super().process_message(message)

    def run_input_thread(self) -> None:
        """Read, filter, parse and dispatch until the driver is told to stop."""
        parser = TerminalParser(
            self.terminal, lambda: window_size(self.fileno), lambda: self._due > 0, debug=self._debug
        )
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        typed, self._typed = self._typed, b""
        self._reads = True
        try:
            self._dispatch(parser.feed(text) if (text := decode(typed)) else ())
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    wait = parser.wait
                    if selector.select(_TICK if wait is None else min(_TICK, wait)):
                        data = self._read()
                        if not data:
                            break
                        if text := decode(data):
                            self._dispatch(parser.feed(text))
                    self._dispatch(parser.tick())
        finally:
            self._reads = False
            for _ in parser.feed(""):
                """What was not complete is dropped."""

    def _read(self) -> bytes:
        """What came; nothing when the terminal is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _dispatch(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _await_positions(self) -> None:
        """Wait until the terminal has answered every `CSI 6n`, or will not any more."""
        if not self._reads or not self._answers:
            return
        until = time.monotonic() + min(_LONGEST_GOODBYE, 2 * (self.terminal.round_trip or 0.5) + 0.5)
        with self._due_changed:
            while self._due and (left := until - time.monotonic()) > 0:
                self._due_changed.wait(left)
            self._due = 0


def driver_for(probed: Probed) -> type[TerminalDriver]:
    """The driver class for `App(driver_class=...)`.

    Args:
        probed: what the probe found; what was typed meanwhile becomes the app's first input.
    """
    return type("ProbedDriver", (TerminalDriver,), {"probed": probed})


def _f3(modifier: int) -> events.Key:
    """F3 with the modifiers of an xterm sequence."""
    held = [name for bit, name in enumerate(_MODIFIERS) if modifier - 1 & 1 << bit]
    return events.Key("+".join([*sorted(held), "f3"]), None)
