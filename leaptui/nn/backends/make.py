"""Backends from plans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import OperationFailed
from leaptui.nn.backends.base import Backend, fill_up
from leaptui.nn.backends.plan import Plan, installed
from leaptui.nn.model import PoseModel

if TYPE_CHECKING:
    import openvino

Say = Callable[[str], None]
"""Takes a line for the log."""


class Maker:
    """Makes backends of one model; what it converted it keeps for the next.

    Args:
        model: on the CPU.
        say: told of what is not possible where something else is done instead.
    """

    def __init__(self, model: PoseModel, say: Say) -> None:
        self._model, self._say = model, say
        self._converted: dict[tuple[int, int, int], openvino.Model] = {}

    def make(self, plan: Plan) -> Backend:
        """The backend that a plan describes.

        Raises:
            OperationFailed: if it cannot be had here.
            UnusableInput: if the plan is of another model.
        """
        if not installed(plan.backend):
            raise OperationFailed(
                f"{plan.words()} was asked for, and {plan.backend} is not installed",
                hint="Install it (pip install 'leaptui[cpu]'), or use --backend torch.",
            )
        if plan.backend == "openvino":
            return self._openvino(plan)
        size = (plan.height, plan.width)
        if plan.backend == "onnxruntime":
            from leaptui.nn.backends.onnx_cpu import OnnxCPU

            return OnnxCPU(self._model, *size, plan.batch, plan.streams, plan.threads)
        if plan.device.startswith("cuda"):
            from leaptui.nn.backends.torch_cuda import TorchCUDA

            return TorchCUDA(self._model, plan, self._say)
        from leaptui.nn.backends.torch_cpu import TorchCPU

        return TorchCPU(self._model, *size, plan.precision, plan.batch, plan.streams, plan.threads)

    def with_ranges(self, plan: Plan, frames: NDArray[np.uint8]) -> Plan:
        """The plan of int8 with ranges measured on (n, C, H, W) frames.

        Raises:
            OperationFailed: if the model cannot be converted.
        """
        from leaptui.nn.backends.quantise import measure_ranges

        starts = range(0, len(frames), plan.batch)
        batches = [fill_up(frames[start : start + plan.batch], plan.batch) for start in starts]
        return replace(plan, ranges=measure_ranges(self._graph(plan), batches, plan.threads))

    def kept_layers(self, plan: Plan) -> Sequence[Sequence[str]]:
        """Sets of layers that int8 may leave in float, see `leaptui.nn.backends.quantise.kept_layers`."""
        from leaptui.nn.backends.quantise import kept_layers

        return kept_layers(self._graph(plan))

    def _openvino(self, plan: Plan) -> Backend:
        from leaptui.nn.backends.openvino_cpu import OpenVinoCPU
        from leaptui.nn.backends.quantise import quantise

        graph = self._graph(plan)
        if plan.precision == "int8":
            graph = quantise(graph, plan.ranges, plan.kept)
        return OpenVinoCPU(graph, plan.precision, plan.streams, plan.threads)

    def _graph(self, plan: Plan) -> openvino.Model:
        from leaptui.nn.backends.openvino_cpu import convert

        key = (plan.height, plan.width, plan.batch)
        if key not in self._converted:
            self._converted[key] = convert(self._model, *key)
        return self._converted[key]
