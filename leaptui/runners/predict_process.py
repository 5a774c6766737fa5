"""A process that predicts inputs for another, one after another as they come."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError
from leaptui.ops.predict import PredictRequest
from leaptui.runs.control import Ask

STOP = "stop"
_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass(frozen=True)
class Place:
    """Where a process computes.

    Args:
        environment: variables it has beyond its owner's, such as the one GPU that it sees.
        threads: cores to compute with; None for what is usual.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None


class _Relay:
    """The RunContext of such a process: what is said goes to the owner."""

    def __init__(self, end: Connection, directory: Path, attempt: int) -> None:
        self._end = end
        self._is_stopping = False
        self.directory = directory
        self.attempt = attempt

    def emit(self, type: str, **fields: Any) -> None:
        """See RunContext."""
        self._end.send(("event", (type, fields)))

    def flush(self) -> None:
        """The owner does."""

    def stop_requested(self) -> bool:
        """See RunContext; also when the owner is gone."""
        try:
            # While an input is under way nothing else is ever sent.
            while not self._is_stopping and self._end.poll():
                self._is_stopping = self._end.recv() == STOP
        except (EOFError, OSError):
            self._is_stopping = True
        return self._is_stopping

    def take_asks(self) -> list[Ask]:
        """Stopping is all that can be asked of a prediction."""
        return []

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """Nothing was taken."""


def work_on_inputs(
    end: Connection, request: PredictRequest, directory: Path, attempt: int, place: Place, owner: int
) -> None:
    """The whole life of such a process: it says "ready", then "done" or "refused" for each (input, output) it is sent.

    Args:
        end: of a pipe to the owner; it sends `STOP` to end the input under way early, and closes it at the end.
        request, directory, attempt: as the owner's runner has them.
        place: where to compute.
        owner: its process id.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
        # They are for the owner, who ends this process in order.
        signal.signal(number, signal.SIG_IGN)
    _die_with(owner)
    os.environ.update(place.environment)
    try:
        _work(end, request, _Relay(end, directory, attempt), place)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _work(end: Connection, request: PredictRequest, context: _Relay, place: Place) -> None:
    import torch

    from leaptui.runners.predict_file import predict_file
    from leaptui.runners.predict_job import open_job

    if place.threads is not None:
        torch.set_num_threads(place.threads)
    try:
        job = open_job(request, context)
    except LeaptuiError as error:
        end.send(("unusable", error))
        return
    end.send(("ready", dict(job.made)))
    while (given := end.recv()) != STOP:
        source, out = given
        try:
            done = predict_file(job, source, out)
        except LeaptuiError as error:
            end.send(("refused", str(error)))
        else:
            end.send(("done", done))
    job.predictor.close()


def _die_with(owner: int) -> None:
    """Have the kernel end this process with its owner, however that ends: whoever goes on must find nobody writing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != owner:
        os._exit(1)
