"""What goes on in a worker beside the runner: heartbeats, signals, and the control folder."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType

from leaptui.runs.control import STOP, STOP_NOW, WAKE, Ask, pending
from leaptui.runs.layout import RunDirectory
from leaptui.runs.status import StatusWriter, Superseded

INTERVAL = 1.0
"""Seconds between heartbeats, and between two looks into control/."""

_ENDING = (signal.SIGTERM, signal.SIGINT)
"""Two of these end a run at once."""

_PREEMPTING = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
"""Sent by schedulers (SLURM, SGE, LSF) some time before they take the machine away; ever so many are one stop."""


class Signals:
    """A worker's signals as bytes in a pipe, for as long as the context lasts.

    Python runs signal handlers in the main thread between two of its instructions, and that thread may be in a
    long call of a library. The interpreter writes the number of each signal into the pipe right away, where a
    thread can wait for it. SIGHUP is ignored: a closed terminal is no reason to stop.

    Outside the main thread no signals can be had; `wake` still works.
    """

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        self._former: dict[signal.Signals, object] = {}
        self._former_pipe = -1

    def __enter__(self) -> Signals:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._former_pipe = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._former[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (*_ENDING, *_PREEMPTING, WAKE):
            self._former[number] = signal.signal(number, _noticed)
        # Whoever started the worker may have had them blocked.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._former)
        _entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in _entered:
            _entered.remove(self)
            signal.set_wakeup_fd(self._former_pipe)
            for number, handler in self._former.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type]
        os.close(self.reader)
        os.close(self._writer)

    def wake(self) -> None:
        """Make the pipe readable."""
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> list[int]:
        """The signals that came, waiting so long for a first one."""
        ready, _, _ = select.select([self.reader], [], [], max(0.0, seconds))
        return [number for number in os.read(self.reader, 4096) if number] if ready else []


_entered: list[Signals] = []


def _noticed(_number: int, _frame: FrameType | None) -> None:
    """Signals are acted upon by who reads the pipe; without a handler none would be written there."""


def _forget_in_child() -> None:
    """A forked child (a data loader, a pool) dies of SIGTERM as usual, and its signals are none of the run's."""
    if not _entered:
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (*_PREEMPTING, WAKE):
        signal.signal(number, signal.SIG_IGN)
    _entered.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class Heartbeat:
    """The thread that keeps a run's status moving and hears what the run is asked.

    Args:
        run: the run.
        status: its status.
        signals: entered.
        on_stop: called once, when the run is asked to stop: why, and the file that asks, if one does.
        on_stop_now: called when it is asked to stop at once, or is sent a second SIGTERM or SIGINT.
        on_asks: called with whatever else is asked, at every look again.
        interval: seconds, see INTERVAL.
    """

    def __init__(
        self,
        run: RunDirectory,
        status: StatusWriter,
        signals: Signals,
        *,
        on_stop: Callable[[str, Ask | None], None],
        on_stop_now: Callable[[str], None],
        on_asks: Callable[[Iterable[Ask]], None] = lambda _: None,
        interval: float = INTERVAL,
    ) -> None:
        self._run = run
        self._status = status
        self._signals = signals
        self._on_stop = on_stop
        self._on_stop_now = on_stop_now
        self._on_asks = on_asks
        self._interval = interval
        self._received = 0
        self._is_stopping = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        self.missed = 0
        """Heartbeats that could not be written."""

    def start(self) -> None:
        """Hear what was asked already, and begin."""
        self.listen()
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._signals.wake()
        if self._thread.is_alive():
            self._thread.join()

    def listen(self) -> None:
        """Look into control/."""
        asks = pending(self._run)
        if STOP in asks:
            self._stop(f"asked by {asks[STOP].by or 'somebody'}", asks[STOP])
        if STOP_NOW in asks:
            self._on_stop_now(f"asked by {asks[STOP_NOW].by or 'somebody'} to stop at once")
        self._on_asks([each for name, each in asks.items() if name not in (STOP, STOP_NOW)])

    def _live(self) -> None:
        due = time.monotonic() + self._interval
        while not self._closed.is_set():
            for number in self._signals.wait(due - time.monotonic()):
                if number in _ENDING:
                    self._signalled(signal.Signals(number))
                elif number in _PREEMPTING:
                    self._stop(signal.Signals(number).name, None)
            if self._closed.is_set():
                return
            self.listen()
            if time.monotonic() >= due:
                due = time.monotonic() + self._interval
                self._beat()

    def _signalled(self, number: signal.Signals) -> None:
        self._received += 1
        if self._received > 1:
            self._on_stop_now(f"{number.name} a second time")
        self._stop(number.name, None)

    def _stop(self, reason: str, asked: Ask | None) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._on_stop(reason, asked)

    def _beat(self) -> None:
        try:
            self._status.beat()
        except Superseded as problem:
            self._on_stop_now(str(problem))
        except (OSError, MemoryError):
            # A full disk or a server that is away: the next beat may succeed, and the runner goes on.
            self.missed += 1
