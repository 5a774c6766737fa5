"""torch on an NVIDIA GPU: the whole graph compiled and captured, uploads beside it, results fetched later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leaptui.nn.backends.base import Filled, Found, Pending
from leaptui.nn.backends.make import Say
from leaptui.nn.backends.plan import Plan
from leaptui.nn.backends.torch_cpu import TYPES
from leaptui.nn.model import PoseModel
from leaptui.nn.points_graph import PointsGraph

_SLOTS = 3

Run = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Computes points and scores of a batch."""


@dataclass
class _Slot:
    """Memory of one batch on its way.

    Args:
        frames, points, scores: pinned, on the host.
        uploaded: device memory that frames are copied to while another batch is computed.
        arrived, left: events: upload done; copied out of `uploaded`.
        done: event: results are on the host.
    """

    frames: Tensor
    points: Tensor
    scores: Tensor
    uploaded: Tensor
    arrived: torch.cuda.Event
    left: torch.cuda.Event
    done: torch.cuda.Event


class TorchCUDA:
    """A captured graph that is replayed for every batch.

    Frames are copied into pinned memory, uploaded on a stream of their own while the batch before is computed, and
    results come back on the computing stream; the host waits only when a result is asked for.

    Args:
        model: on the CPU.
        plan: precision, batch, device; `compiled` for torch.compile, without which only the capture saves launches.
        say: told where compiling or capturing is not possible; the graph then runs as far as it is.
    """

    def __init__(self, model: PoseModel, plan: Plan, say: Say) -> None:
        self._batch, self._device = plan.batch, torch.device(plan.device)
        self._shape = (plan.batch, model.preprocessing.channels, plan.height, plan.width)
        self._graph = PointsGraph(model, plan.height, plan.width, TYPES[plan.precision]).to(self._device)
        with torch.cuda.device(self._device):
            self._computing, self._copying = torch.cuda.Stream(), torch.cuda.Stream()
            self._frames = torch.zeros(self._shape, dtype=torch.uint8, device=self._device)
            run = compiled(self._graph, self._frames, say) if plan.compiled else self._graph
            self._replay, found = self._capture(run, say)
            self._idle = [self._slot(*found) for _ in range(_SLOTS)]
        self._waiting: deque[_Batch] = deque()

    @property
    def batch(self) -> int:
        """See `Backend`."""
        return self._batch

    @property
    def streams(self) -> int:
        """See `Backend`."""
        return 1

    def submit(self, frames: NDArray[np.uint8]) -> Pending:
        """See `Backend`."""
        while self._waiting and (not self._idle or self._waiting[0].found is not None):
            self._waiting.popleft().result()
        slot = self._idle.pop()
        count = len(frames)
        slot.frames[:count].copy_(torch.from_numpy(np.ascontiguousarray(frames)))
        slot.frames[count:] = slot.frames[count - 1]
        with torch.cuda.device(self._device), torch.inference_mode():
            with torch.cuda.stream(self._copying):
                self._copying.wait_event(slot.left)
                slot.uploaded.copy_(slot.frames, non_blocking=True)
                slot.arrived.record()
            with torch.cuda.stream(self._computing):
                self._computing.wait_event(slot.arrived)
                self._frames.copy_(slot.uploaded)
                slot.left.record()
                points, scores = self._replay()
                # In stream order, so the next replay cannot overwrite what is not yet fetched.
                slot.points.copy_(points, non_blocking=True)
                slot.scores.copy_(scores, non_blocking=True)
                slot.done.record()
        pending = _Batch(slot, self._idle)
        self._waiting.append(pending)
        return Filled(pending, count)

    def close(self) -> None:
        """See `Backend`."""
        while self._waiting:
            self._waiting.popleft().result()
        self._idle.clear()

    def _capture(self, run: Run, say: Say) -> tuple[_Replay, tuple[Tensor, Tensor]]:
        """The graph as a CUDA graph; as it is where that cannot be."""
        with torch.inference_mode():
            self._computing.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._computing):
                # Libraries choose their algorithms and take their memory in the first calls.
                for _ in range(3):
                    found = run(self._frames)
            torch.cuda.synchronize()
            captured = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(captured, stream=self._computing):
                    found = run(self._frames)
            except RuntimeError as error:
                torch.cuda.synchronize()
                say(f"this model cannot be captured as a CUDA graph ({_first_line(error)}); it runs without")
                return _Replay(run, self._frames, None, found), found
        return _Replay(run, self._frames, captured, found), found

    def _slot(self, points: Tensor, scores: Tensor) -> _Slot:
        return _Slot(
            torch.zeros(self._shape, dtype=torch.uint8, pin_memory=True),
            torch.zeros(points.shape, dtype=torch.float32, pin_memory=True),
            torch.zeros(scores.shape, dtype=torch.float32, pin_memory=True),
            torch.zeros(self._shape, dtype=torch.uint8, device=self._device),
            torch.cuda.Event(),
            torch.cuda.Event(),
            torch.cuda.Event(),
        )


class _Replay:
    """Computes what lies in the static frames."""

    def __init__(
        self,
        run: Run,
        frames: Tensor,
        captured: torch.cuda.CUDAGraph | None,
        found: tuple[Tensor, Tensor],
    ) -> None:
        self._run, self._frames, self._captured, self._found = run, frames, captured, found

    def __call__(self) -> tuple[Tensor, Tensor]:
        if self._captured is None:
            points, scores = self._run(self._frames)
            return points, scores
        self._captured.replay()
        return self._found


class _Batch:
    """A batch on the device; its slot goes back with the result."""

    def __init__(self, slot: _Slot, idle: list[_Slot]) -> None:
        self._slot, self._idle = slot, idle
        self.found: Found | None = None

    def result(self) -> Found:
        """Wait for it."""
        if self.found is None:
            self._slot.done.synchronize()
            self.found = self._slot.points.numpy().copy(), self._slot.scores.numpy().copy()
            self._idle.append(self._slot)
        return self.found


def compiled(graph: PointsGraph, example: Tensor, say: Say, compiler: str = "inductor") -> Run:
    """The graph compiled for batches like `example`, and run once; the graph itself where that cannot be."""
    torch.compiler.reset()
    made: Run = torch.compile(graph, backend=compiler, dynamic=False, fullgraph=True)
    try:
        with torch.inference_mode():
            made(example)
    except (RuntimeError, ImportError, OSError) as error:
        say(f"this model cannot be compiled here ({_first_line(error)}); torch runs it layer by layer")
        return graph
    return made


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
