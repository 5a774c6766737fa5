"""ONNX Runtime on the CPU, in float32."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from leaptui.nn.backends.base import Found, ThreadPool
from leaptui.nn.model import PoseModel
from leaptui.nn.onnx_export import onnx_bytes


class OnnxCPU(ThreadPool):
    """The exported graph in ONNX Runtime, each thread with batches of its own.

    Args:
        model: on the CPU.
        height, width: of the frames.
        batch, streams: see `leaptui.nn.backends.base.Backend`.
        threads: cores to use, over all streams.

    Raises:
        OperationFailed: if the model cannot be exported.
    """

    def __init__(self, model: PoseModel, height: int, width: int, batch: int, streams: int, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads // streams
        options.inter_op_num_threads = 1
        graph = onnx_bytes(model, height, width)
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        super().__init__(self._compute_batch, batch, streams)

    def _compute_batch(self, frames: NDArray[np.uint8]) -> Found:
        points, scores = self._session.run(["points", "scores"], {"frames": frames})
        return points, scores
