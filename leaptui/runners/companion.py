"""The other side of `leaptui.runs.companion`: a process that answers requests until its standard input ends.

A thread reads requests as they come, so that a newer one can take the place of one that waits; the main thread
answers them, the urgent first, and works ahead when there are none. When the input ends, nobody is left to answer,
and the process is gone at once, whatever it is doing.
"""

from __future__ import annotations

import heapq
import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from leaptui.errors import ExitCode, LeaptuiError
from leaptui.runs.wire import Buffer, Message, WireError, receive, send


@dataclass(frozen=True)
class Request:
    """What was asked.

    Args:
        number: goes back with the answer.
        op: what is wanted.
        head: the rest.
        blobs: raw bytes.
    """

    number: int
    op: str
    head: Mapping[str, Any] = field(default_factory=dict)
    blobs: Sequence[Buffer] = ()


class Reply(Protocol):
    """Sends answers to one request."""

    def __call__(self, head: Mapping[str, Any], *blobs: Buffer, more: bool = False) -> None:
        """Send one; with `more`, others follow."""


class Handler(Protocol):
    """What a companion does."""

    def answer(self, request: Request, reply: Reply) -> None:
        """Answer a request, now or from `idle`.

        Raises:
            LeaptuiError, IndexError: why it cannot be answered; that is what the asker gets.
        """

    def idle(self) -> bool:
        """Do one piece of work that nobody waits for; False when there is none."""


class Desk:
    """Requests that wait, the lowest `rank` first, then the oldest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, Request]] = []

    def put(self, request: Request) -> list[Request]:
        """Add one; returns those of its lane that it takes the place of."""
        lane, rank = request.head.get("lane"), int(request.head.get("rank", 1))
        with self._changed:
            older = [entry for entry in self._waiting if lane is not None and entry[2].head.get("lane") == lane]
            if older:
                self._waiting = [entry for entry in self._waiting if entry not in older]
                heapq.heapify(self._waiting)
            heapq.heappush(self._waiting, (rank, next(self._order), request))
            self._changed.notify()
        return [entry[2] for entry in older]

    def take(self, wait: float | None) -> Request | None:
        """The next one, after at most `wait` seconds (None: for ever); None if none came."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, wait)
            return heapq.heappop(self._waiting)[2] if self._waiting else None


def serve(handler: Handler, *, rest_after: float | None = None, nice: int = 0) -> None:
    """Answer requests until the input ends.

    Args:
        handler: does the work, in this thread.
        rest_after: seconds without a request after which the process ends by itself; it is started again when it is
            needed.
        nice: how much it steps back for others.
    """
    if nice:
        os.nice(nice)
    source, sink = _take_pipes()
    desk = Desk()
    lock = threading.Lock()

    def say(message: Message) -> None:
        try:
            with lock:
                send(sink, message)
        except OSError:
            os._exit(int(ExitCode.DONE))

    threading.Thread(target=_read, args=(source, desk, say), name="reader of requests", daemon=True).start()
    has_work = True
    while True:
        request = desk.take(0.0 if has_work else rest_after)
        if request is not None:
            _answer(handler, request, say)
            has_work = True
        elif has_work:
            has_work = handler.idle()
        else:
            return


def _take_pipes() -> tuple[Any, Any]:
    """Standard input and output for messages alone: what libraries print goes to standard error."""
    source, sink = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def _read(source: Any, desk: Desk, say: Callable[[Message], None]) -> None:
    code = ExitCode.DONE
    try:
        while (message := receive(source)) is not None:
            head = dict(message.head)
            request = Request(int(head.pop("id")), str(head.pop("op")), head, message.blobs)
            for older in desk.put(request):
                say(Message({"id": older.number, "superseded": True}))
    except (WireError, OSError, KeyError, ValueError) as problem:
        sys.stderr.write(f"the requests cannot be read: {problem}\n")
        sys.stderr.flush()
        code = ExitCode.FAILED
    # Nobody is there any more. A decoder or a network may be busy for long, and must not keep the process alive.
    os._exit(int(code))


def _answer(handler: Handler, request: Request, say: Callable[[Message], None]) -> None:
    def reply(head: Mapping[str, Any], *blobs: Buffer, more: bool = False) -> None:
        say(Message({**head, "id": request.number, "more": more}, blobs))

    try:
        handler.answer(request, reply)
    except LeaptuiError as error:
        reply({"error": told(error)})
    except Exception as error:  # noqa: BLE001 - whoever waits must get an answer, whatever it was
        sys.stderr.write(traceback.format_exc())
        sys.stderr.flush()
        what = str(error) if isinstance(error, IndexError) else f"{type(error).__name__}: {error}"
        reply({"error": {"what": what, "kind": type(error).__name__, "code": int(ExitCode.FAILED)}})


def told(error: LeaptuiError) -> dict[str, Any]:
    """An error as JSON."""
    return {
        "what": error.what,
        "where": error.where,
        "hint": error.hint,
        "code": int(error.exit_code),
        "kind": type(error).__name__,
    }
