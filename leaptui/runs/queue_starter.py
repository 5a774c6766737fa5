"""Seeing to it that somebody starts the runs of a queue, and that one at a time changes it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from leaptui.config import home
from leaptui.errors import OperationFailed
from leaptui.runs.launch import import_path
from leaptui.runs.queue_entries import QueueFolder
from leaptui.runs.queue_ticket import matters
from leaptui.runs.shared_folder import SharedFolder

MODULE = "leaptui.runs.queue_dispatcher"
_CHANGE_WITHIN = 10.0
_START_EVERY = 30.0
"""Seconds between two starts of a dispatcher by one process that only looks."""
_LOG_LIMIT = 1 << 20

_started: dict[str, float] = {}


def dispatcher_lock(queue: QueueFolder) -> str:
    """Name of the file that the dispatcher of a queue holds locked."""
    return f"dispatcher-{queue.mark}.lock"


@contextlib.contextmanager
def changing(queue: QueueFolder, shared: SharedFolder) -> Iterator[None]:
    """Nobody else puts in or moves entries of this queue in the meantime.

    Raises:
        OperationFailed: if somebody else is at it for too long.
    """
    name = f"queue-{queue.mark}.lock"
    until = time.monotonic() + _CHANGE_WITHIN
    while (lock := shared.lock(name, mode=0o600)) is None:
        if time.monotonic() > until:
            raise OperationFailed(
                "the queue is being changed by somebody else", where=shared.path / name, hint="Try again."
            )
        time.sleep(0.01)
    try:
        yield
    finally:
        os.close(lock)


def start_dispatcher(queue: QueueFolder, shared: SharedFolder) -> bool:
    """Start the process that starts runs, unless it is there; returns whether it was started.

    Raises:
        OperationFailed: if it cannot be started.
    """
    if shared.is_locked(dispatcher_lock(queue)):
        return False
    environment = {
        name: value for name, value in os.environ.items() if name.startswith("LEAPTUI_") or not matters(name)
    }
    # A worker's own variables come from whoever put it in the queue; these are for the dispatcher to start at all.
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        with contextlib.suppress(OSError):
            if queue.log.stat().st_size > _LOG_LIMIT:
                queue.log.replace(queue.log.with_suffix(".old.log"))
        with queue.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=queue.path,
                env={**environment, **kept, **import_path(), "LEAPTUI_HOME": str(home().absolute())},
                close_fds=True,
                start_new_session=True,
            )
    except OSError as problem:
        raise OperationFailed(
            f"nobody can be started to start the runs that wait ({problem.strerror or problem})",
            where=queue.path,
            hint="`leaptui queue` tries again.",
        ) from problem
    threading.Thread(target=process.wait, name=f"reaper of {process.pid}", daemon=True).start()
    _started[queue.mark] = time.monotonic()
    return True


def start_now_and_then(queue: QueueFolder, shared: SharedFolder) -> None:
    """The same for who looks again and again: one that ends at once is not started at once.

    Raises:
        OperationFailed: if it cannot be started.
    """
    last = _started.get(queue.mark)
    if last is None or time.monotonic() - last > _START_EVERY:
        start_dispatcher(queue, shared)
