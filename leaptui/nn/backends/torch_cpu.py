"""torch on the CPU, layer by layer."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from leaptui.nn.backends.base import Found, ThreadPool, keep_freed_memory
from leaptui.nn.model import PoseModel
from leaptui.nn.points_graph import PointsGraph

TYPES = {"32": torch.float32, "bf16": torch.bfloat16, "16": torch.float16}


class TorchCPU(ThreadPool):
    """Eager torch, each thread with batches of its own.

    Threads that share one batch wait for each other at every layer; with a batch each they never do.

    Args:
        model: on the CPU.
        height, width: of the frames.
        precision: "32" or "bf16".
        batch, streams: see `leaptui.nn.backends.base.Backend`.
        threads: cores to use, over all streams.
    """

    def __init__(
        self, model: PoseModel, height: int, width: int, precision: str, batch: int, streams: int, threads: int
    ) -> None:
        keep_freed_memory()
        self._graph = PointsGraph(model, height, width, TYPES[precision])
        every = torch.get_num_threads()
        super().__init__(self._compute_batch, batch, streams, partial(torch.set_num_threads, threads // streams))
        # The first call of a thread also sets what later threads of the process start with.
        for waiting in [self._threads.submit(int) for _ in range(streams)]:
            waiting.result()
        torch.set_num_threads(every)

    def _compute_batch(self, frames: NDArray[np.uint8]) -> Found:
        with torch.inference_mode():
            points, scores = self._graph(torch.from_numpy(frames))
            return points.numpy(), scores.numpy()
