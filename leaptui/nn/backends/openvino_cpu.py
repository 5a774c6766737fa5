"""OpenVINO on the CPU."""

from __future__ import annotations

import warnings
from collections import deque

import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from leaptui.errors import OperationFailed
from leaptui.nn.backends.base import Found, Pending, fill_up
from leaptui.nn.model import PoseModel
from leaptui.nn.points_graph import PointsGraph

_HINTS = {"32": "f32", "bf16": "bf16", "int8": "f32"}


def convert(model: PoseModel, height: int, width: int, batch: int) -> openvino.Model:
    """The whole graph, from uint8 frames to points and scores, for batches of one size.

    Raises:
        OperationFailed: if OpenVINO does not know something in it.
    """
    graph = PointsGraph(model, height, width)
    shape = [batch, model.preprocessing.channels, height, width]
    example = torch.zeros(2, *shape[1:], dtype=torch.uint8)
    try:
        with warnings.catch_warnings():
            # Sizes are fixed on purpose; the tracer warns of each, and of its own age.
            warnings.simplefilter("ignore")
            return openvino.convert_model(graph, example_input=example, input=[openvino.PartialShape(shape)])
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise OperationFailed(f"OpenVINO cannot take this model: {reason}", hint="Use --backend torch.") from error


class OpenVinoCPU:
    """A converted graph, compiled, with requests that wait side by side.

    Peaks are float32 whatever the precision: OpenVINO leaves what follows the last convolution as it is. int8 is
    what `leaptui.nn.backends.quantise` wrote into the graph; the rest of such a graph stays float32, which costs
    little and moves points less than bf16.

    Args:
        graph: from `convert`, quantised for "int8".
        precision: "32", "bf16" or "int8".
        streams: see `leaptui.nn.backends.base.Backend`.
        threads: cores to use, over all streams.
    """

    def __init__(self, graph: openvino.Model, precision: str, streams: int, threads: int) -> None:
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            # Readers and writers work on the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = openvino.Core().compile_model(graph, "CPU", settings)
        self._batch, self._streams = int(graph.inputs[0].shape[0]), streams
        self._idle = [self._compiled.create_infer_request() for _ in range(streams + 1)]
        self._waiting: deque[_Request] = deque()

    @property
    def batch(self) -> int:
        """See `Backend`."""
        return self._batch

    @property
    def streams(self) -> int:
        """See `Backend`."""
        return self._streams

    def submit(self, frames: NDArray[np.uint8]) -> Pending:
        """See `Backend`."""
        while self._waiting and (not self._idle or self._waiting[0].done):
            self._waiting.popleft().result()
        pending = _Request(self._idle, fill_up(frames, self._batch), len(frames))
        self._waiting.append(pending)
        return pending

    def close(self) -> None:
        """See `Backend`."""
        while self._waiting:
            self._waiting.popleft().result()
        self._idle.clear()


class _Request:
    """A batch in an inference request, which goes back to the idle ones with the result."""

    def __init__(self, idle: list[openvino.InferRequest], frames: NDArray[np.uint8], count: int) -> None:
        self._idle, self._frames, self._count = idle, frames, count
        self._request = idle.pop()
        self._found: Found | None = None
        self._request.start_async([frames], share_inputs=True)

    @property
    def done(self) -> bool:
        """The result was fetched."""
        return self._found is not None

    def result(self) -> Found:
        """Wait for it."""
        if self._found is None:
            self._request.wait()
            points, scores = (self._request.get_output_tensor(i).data for i in range(2))
            self._found = points[: self._count].copy(), scores[: self._count].copy()
            self._idle.append(self._request)
        return self._found
