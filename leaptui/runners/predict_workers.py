"""Several inputs shared out over processes, each input done by one of them.

A process is given an input when it is free, so a long one holds nobody up, and one that fails or is killed takes only
the input it was at with it. What it says comes back through a pipe; when this end of it is gone, it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from leaptui.errors import OperationFailed, Stopped
from leaptui.ops.predict import PredictRequest
from leaptui.runners.predict_job import Done
from leaptui.runners.predict_process import STOP, Place, work_on_inputs
from leaptui.runs.context import RunContext

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_LOOK_S = 0.2
_TELL_S = 0.5
_END_S = 10.0


class Tally(Protocol):
    """Takes what becomes of inputs, by their number."""

    def add(self, number: int, done: Done) -> None:
        """One that was predicted, as far as it came."""

    def refuse(self, number: int, reason: str) -> None:
        """One that could not be."""

    def stop(self) -> None:
        """It ends before all were begun."""


def places_for(request: PredictRequest, inputs: int) -> list[Place]:
    """Where the processes are to compute; empty where one, this one, does.

    Raises:
        LeaptuiError: if the device cannot be had.
    """
    if inputs < 2 or request.workers == 1:
        return []
    import torch

    from leaptui.nn.hardware import choose_device

    # Counted without touching them: a GPU that this process holds is memory less for those that compute.
    gpus = torch.cuda.device_count() if request.device in ("auto", "cuda") else 0
    count = min(request.workers or gpus or 1, inputs)
    if count < 2:
        return []
    if gpus:
        return [Place({_VISIBLE: _visible(number % gpus)}) for number in range(count)]
    on_cpu = choose_device(request.device).type == "cpu"
    return [Place(threads=max(1, torch.get_num_threads() // count) if on_cpu else None)] * count


def _visible(number: int) -> str:
    """What CUDA calls the GPU that is this one of those it shows now."""
    named = [name.strip() for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    return named[number] if number < len(named) else str(number)


def share_out(
    request: PredictRequest,
    context: RunContext,
    places: Sequence[Place],
    work: Sequence[tuple[Path, Path]],
    tally: Tally,
) -> tuple[dict[str, Any], float]:
    """Predict each input into its output with a process at each place.

    Returns:
        Provenance that is common to all, and when (`time.perf_counter`) the first process was ready.

    Raises:
        LeaptuiError: if the model cannot be used, no process can be started, or somebody stopped it before one was.
    """
    crowd = _Crowd(request, context, work, tally)
    try:
        for place in places:
            crowd.start(place)
        while crowd.hands:
            crowd.look()
    finally:
        crowd.close()
    if not crowd.made:
        raise Stopped("stopped before it began")
    return crowd.made, crowd.began


@dataclass
class _Hand:
    """One process, seen from here."""

    place: Place
    process: BaseProcess
    end: Connection
    held: int | None = None
    is_ready: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, message: Any) -> None:
        """Send; one that is gone is noticed when it is listened to."""
        try:
            self.end.send(message)
        except OSError:
            return

    def close(self) -> None:
        """Let it end, or end it."""
        self.end.close()
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Crowd:
    """All processes, the inputs that wait, and what was heard."""

    def __init__(
        self, request: PredictRequest, context: RunContext, work: Sequence[tuple[Path, Path]], tally: Tally
    ) -> None:
        self._request, self._context, self._work, self._tally = request, context, work, tally
        self._waiting = deque(range(len(work)))
        self._is_stopping = False
        self._counted = 0
        self._ended = 0
        self._told = 0.0
        self.hands: list[_Hand] = []
        self.made: dict[str, Any] = {}
        self.began = 0.0

    def start(self, place: Place) -> None:
        """Add a process."""
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe()
        arguments = (theirs, self._request, self._context.directory, self._context.attempt, place, os.getpid())
        process = spawning.Process(target=work_on_inputs, args=arguments, name="predict")
        process.start()
        theirs.close()
        self.hands.append(_Hand(place, process, ours))

    def look(self) -> None:
        """Hear what there is to be heard, for a moment."""
        if not self._is_stopping and self._context.stop_requested():
            self._is_stopping = True
            if self._waiting:
                self._waiting.clear()
                self._tally.stop()
            for hand in self.hands:
                hand.tell(STOP)
        said = wait([hand.end for hand in self.hands], _LOOK_S)
        for hand in [hand for hand in self.hands if hand.end in said]:
            try:
                kind, content = hand.end.recv()
            except (EOFError, OSError):
                self._lose(hand)
                continue
            self._hear(hand, kind, content)

    def close(self) -> None:
        """End all that are left."""
        for hand in self.hands:
            hand.close()
        self.hands.clear()

    def _hear(self, hand: _Hand, kind: str, content: Any) -> None:
        if kind == "unusable":
            raise content
        if kind == "event":
            self._pass_on(hand, *content)
            return
        if kind == "ready":
            hand.is_ready = True
            if not self.made:
                self.made, self.began = content, time.perf_counter()
        elif hand.held is not None:
            if kind == "done":
                self._tally.add(hand.held, content)
            else:
                self._context.emit("log", level="error", message=str(content))
                self._tally.refuse(hand.held, str(content))
            self._finish(hand)
        self._give(hand)

    def _give(self, hand: _Hand) -> None:
        """The next input; without one the process has nothing more to do."""
        if not self._waiting:
            self.hands.remove(hand)
            hand.close()
            return
        hand.held = self._waiting.popleft()
        hand.tell(self._work[hand.held])

    def _finish(self, hand: _Hand) -> None:
        self._ended += 1
        self._counted += hand.progress.get("done") or 0
        hand.held, hand.progress = None, {}

    def _lose(self, hand: _Hand) -> None:
        """A process is gone though nobody let it go: what it was at has failed, what it wrote is there to resume."""
        self.hands.remove(hand)
        hand.close()
        code = hand.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if hand.held is not None and self._is_stopping:
            self._tally.stop()
        elif hand.held is not None:
            error = OperationFailed(
                f"the process that predicted it {how}",
                where=self._work[hand.held][0],
                hint="The same command with --resume goes on with it.",
            )
            self._context.emit("log", level="error", message=str(error))
            self._tally.refuse(hand.held, str(error))
            self._finish(hand)
            if self._waiting:
                self.start(hand.place)
        elif not hand.is_ready and self._waiting:
            what = f"a process to predict in {how} while it started"
            if not self.hands:
                raise OperationFailed(what, hint="output.log may say why.")
            self._context.emit("log", level="warning", message=f"{what}; the others do its work")

    def _pass_on(self, hand: _Hand, kind: str, fields: dict[str, Any]) -> None:
        name = "" if hand.held is None else self._work[hand.held][0].name
        if kind == "progress":
            hand.progress = fields
            self._tell_progress()
        elif kind == "log":
            self._context.emit("log", **{**fields, "message": f"{name}: {fields['message']}"})
        else:
            self._context.emit(kind, **fields)

    def _tell_progress(self) -> None:
        """How far all of them are together; in all is known when the last is begun."""
        now = time.monotonic()
        if now - self._told < _TELL_S:
            return
        self._told = now
        under_way = [hand.progress for hand in self.hands if hand.progress]
        done = self._counted + sum(each["done"] for each in under_way)
        is_known = not self._waiting and all(hand.progress for hand in self.hands if hand.held is not None)
        total = self._counted + sum(each["total"] for each in under_way) if is_known else None
        rate = sum(each["rate"] or 0.0 for each in under_way) or None
        self._context.emit(
            "progress",
            done=done,
            total=total,
            unit="frames",
            rate=rate,
            eta_s=(total - done) / rate if rate and total is not None else None,
            label=f"{self._ended:,} of {len(self._work):,} inputs done",
        )
