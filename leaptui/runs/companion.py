"""A companion: a process that answers requests as long as the one that started it lives.

The app hands to companions what it must not load itself: libraries that read video, and networks. A companion
reads requests from its standard input and ends with it, however its owner ends; it lives in a session of its own,
so that keys meant for the app do not reach it. When it dies, it is started again with what was not answered; a
request that it dies of twice is given up with words that say so.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from leaptui.errors import ExitCode, LeaptuiError, OperationFailed, UnusableInput, UsageError
from leaptui.runs.launch import import_path
from leaptui.runs.wire import Buffer, Message, WireError, receive, send

BACKOFF = (0.1, 1.0, 5.0, 15.0)
"""Seconds before the next start, by how often it died without answering anything."""
PATIENCE = 120.0
"""Seconds of silence after which a companion that owes an answer is taken for hung."""
_TRIES = 2
_TAIL = 4096
_LAST_WORDS = 0.5
"""Seconds to wait for the rest of what a dead process printed."""
_PIPE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What came back for a request.

    Args:
        head: the JSON object.
        blobs: the raw bytes.
        error: why there is nothing, or None.
        kind: name of the error's class on the other side.
        is_superseded: a newer request of its lane came before its turn; nobody waits for it.
        more: further answers to the same request follow.
    """

    head: Mapping[str, Any] = field(default_factory=dict)
    blobs: Sequence[Buffer] = ()
    error: LeaptuiError | None = None
    kind: str = ""
    is_superseded: bool = False
    more: bool = False

    @classmethod
    def of(cls, message: Message) -> Answer:
        """What a message says."""
        head = message.head
        told = head.get("error")
        if isinstance(told, dict):
            return cls(error=_error(told), kind=str(told.get("kind", "")))
        content = {name: value for name, value in head.items() if name not in ("id", "more", "superseded")}
        is_superseded, more = head.get("superseded") is True, head.get("more") is True
        return cls(content, message.blobs, is_superseded=is_superseded, more=more)


@dataclass
class _Pending:
    message: Message
    take: Callable[[Answer], None]
    tries: int = 0


@dataclass
class _Life:
    """One process, from start to end."""

    process: subprocess.Popen[bytes]
    outbox: queue.SimpleQueue[Message | None] = field(default_factory=queue.SimpleQueue)
    said: bytearray = field(default_factory=bytearray)
    listener: threading.Thread | None = None
    heard: float = field(default_factory=time.monotonic)
    has_answered: bool = False
    is_hung: bool = False


class Companion:
    """The owner's side. Nothing here waits for the other process but `close`; every method is for any thread.

    Args:
        name: what people are told died, e.g. "the frame reader".
        module: what `python -m` runs; it calls `leaptui.runners.companion.serve`.
        arguments: of that module.
        env: variables to set or replace.
        backoff, patience: see the constants.

    The process starts with the first request.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        backoff: Sequence[float] = BACKOFF,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._env = dict(env or {})
        self._backoff = tuple(backoff)
        self._patience = patience
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._life: _Life | None = None
        self._is_closed = False
        self._keeper: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        life = self._life
        return None if life is None else life.process.pid

    @property
    def waiting(self) -> int:
        """Requests that were not answered yet."""
        return len(self._pending)

    def request(self, head: Mapping[str, Any], blobs: Sequence[Buffer] = (), *, take: Callable[[Answer], None]) -> None:
        """Send a request.

        Args:
            head: `op` says what is wanted. Of requests with the same `lane` only the newest is worked on; `rank` 0
                goes before 1.
            take: called with each answer, in a thread of the companion; never after `close`.
        """
        number = next(self._numbers)
        pending = _Pending(Message({**head, "id": number}, blobs), take)
        with self._changed:
            if self._is_closed:
                return
            self._pending[number] = pending
            if self._life is not None:
                pending.tries += 1
                self._life.outbox.put(pending.message)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name=f"keeper of {self.name}", daemon=True)
                self._keeper.start()
            self._changed.notify_all()

    def close(self, wait: float = 1.0) -> None:
        """End the process, by force if it does not end by itself in time."""
        with self._changed:
            self._is_closed = True
            self._pending.clear()
            keeper, life = self._keeper, self._life
            self._changed.notify_all()
            if life is not None:
                life.outbox.put(None)
        if keeper is None or keeper is threading.current_thread():
            return
        keeper.join(wait)
        if keeper.is_alive() and life is not None:
            life.process.kill()
            keeper.join(wait)

    def _keep(self) -> None:
        """Have a process as long as anybody wants answers."""
        failures = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._pending)
                if failures:
                    pause = self._backoff[min(failures, len(self._backoff)) - 1]
                    self._changed.wait_for(lambda: self._is_closed, pause)
                if self._is_closed:
                    return
            try:
                life = self._start()
            except OSError as problem:
                failures += 1
                self._give_up(OperationFailed(f"{self.name} cannot be started ({problem.strerror or problem})"), 0)
                continue
            self._attend(life)
            code = self._bury(life)
            failures = 0 if life.has_answered else failures + 1
            self._give_up(self._obituary(life, code), _TRIES)

    def _start(self) -> _Life:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **import_path(), **self._env},
            start_new_session=True,
        )
        life = _Life(process)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, AttributeError):
                # Larger pipes only spare switches between the two processes; not every system has them.
                fcntl.fcntl(_opened(stream), fcntl.F_SETPIPE_SZ, _PIPE)
        life.listener = threading.Thread(
            target=self._listen, args=(life,), name=f"listener of {self.name}", daemon=True
        )
        life.listener.start()
        threading.Thread(target=self._write, args=(life,), name=f"writer of {self.name}", daemon=True).start()
        with self._changed:
            self._life = life
            for _, pending in sorted(self._pending.items()):
                pending.tries += 1
                life.outbox.put(pending.message)
            if self._is_closed:
                life.outbox.put(None)
        return life

    def _attend(self, life: _Life) -> None:
        """Hand out answers until there are no more."""
        source: Any = _opened(life.process.stdout)
        while True:
            try:
                message = receive(source)
            except (WireError, OSError) as problem:
                life.said.extend(f"\n{problem}\n".encode())
                return
            if message is None:
                return
            life.heard = time.monotonic()
            life.has_answered = True
            answer = Answer.of(message)
            number = int(message.head.get("id", 0))
            with self._changed:
                pending = self._pending.get(number)
                if pending is not None and not answer.more:
                    del self._pending[number]
            if pending is not None:
                pending.take(answer)

    def _bury(self, life: _Life) -> int:
        """Reap the process; its exit code."""
        with self._changed:
            self._life = None
        life.outbox.put(None)
        try:
            code = life.process.wait(1.0)
        except subprocess.TimeoutExpired:
            life.process.kill()
            code = life.process.wait()
        _opened(life.process.stdout).close()
        if life.listener is not None:
            # Its last words; a process that it started may hold the pipe open, and is not waited for.
            life.listener.join(_LAST_WORDS)
        return code

    def _give_up(self, error: LeaptuiError, tries: int) -> None:
        """Answer, with the error, what was sent that often."""
        with self._changed:
            lost = [number for number, pending in self._pending.items() if pending.tries >= tries]
            given_up = [self._pending.pop(number) for number in lost]
        for pending in given_up:
            pending.take(Answer(error=error, kind="death"))

    def _obituary(self, life: _Life, code: int) -> LeaptuiError:
        if life.is_hung:
            what = f"{self.name} did not answer for {self._patience:.0f} s"
        elif code < 0:
            what = f"{self.name} was killed by signal {-code}"
        else:
            what = f"{self.name} ended with exit code {code}"
        lines = [line for line in bytes(life.said).decode("utf-8", "replace").splitlines() if line.strip()]
        return OperationFailed(what, hint=lines[-1].strip() if lines else None)

    def _write(self, life: _Life) -> None:
        """Write what is sent; between two messages, see whether the process hangs."""
        sink: Any = _opened(life.process.stdin)
        with contextlib.suppress(OSError), contextlib.closing(sink):
            # When nobody reads any more, whoever waits for answers learns it first.
            while True:
                try:
                    message = life.outbox.get(timeout=1.0)
                except queue.Empty:
                    self._watch(life)
                    continue
                if message is None:
                    return
                send(sink, message)

    def _owes_nothing(self) -> bool:
        with self._changed:
            return not self._pending

    def _watch(self, life: _Life) -> None:
        if self._owes_nothing():
            life.heard = time.monotonic()
        elif time.monotonic() - life.heard > self._patience:
            life.is_hung = True
            life.process.kill()

    def _listen(self, life: _Life) -> None:
        """Keep the end of what it prints."""
        with contextlib.closing(_opened(life.process.stderr)) as stream:
            while data := stream.read(_TAIL):
                life.said.extend(data)
                del life.said[:-_TAIL]


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream


def _error(told: Mapping[str, Any]) -> LeaptuiError:
    classes: dict[int, type[LeaptuiError]] = {
        ExitCode.USAGE: UsageError,
        ExitCode.UNUSABLE: UnusableInput,
    }
    where, hint = told.get("where"), told.get("hint")
    return classes.get(int(told.get("code", 1)), OperationFailed)(
        str(told.get("what", "it failed")),
        where=None if where is None else str(where),
        hint=None if hint is None else str(hint),
    )
