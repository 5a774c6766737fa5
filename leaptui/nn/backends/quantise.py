"""int8 convolutions in an OpenVINO graph, with ranges measured on the user's own frames.

OpenVINO computes a convolution in int8 when its input and its weights pass through FakeQuantize operations. Here
weights have a scale for each output channel, inputs one for each tensor, from the least to the highest value that
was seen. The operation is put where a tensor is made, before pooling, enlarging and joining, which commute with
it, so that those run in int8 as well; tensors that are joined share a range.

The first and the last convolution are never quantised: they see the frame and make the maps, and are cheap. Of
the others those at the finest resolution move points most, so `kept_layers` sets them aside first where a model
needs it. On a trained U-Net, quantising all layers moved confident points by 0.09 px on average, all but the two by
0.05 px, no more than bf16 does; clipping ranges by least squares and correcting biases gained less than a tenth.

Operation: https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets/operation-specs/quantization/fake-quantize-1.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as op

from leaptui.errors import UnusableInput

Ranges = Mapping[str, tuple[float, float]]
"""Least and highest value of each tensor that is quantised, by the name of the operation that makes it."""

_LEVELS = 255


def convolutions(graph: openvino.Model) -> list[openvino.Node]:
    """Those with constant weights, in the order in which they are computed."""
    return [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "Convolution"
        and node.input_value(1).get_node().get_type_name() == "Constant"
        and node.input_value(1).get_element_type() == openvino.Type.f32
    ]


def kept_layers(graph: openvino.Model) -> list[list[str]]:
    """Sets of convolutions to leave in float, from the fewest to the most, by name; each holds the one before."""
    layers = convolutions(graph)
    kept = [layer.get_friendly_name() for layer in layers[:1] + layers[-1:]]
    # Stable: at the same resolution those nearer to the maps come first.
    rest = sorted(layers[-2:0:-1], key=lambda layer: -int(np.prod(layer.output(0).shape[2:])))
    sets = [kept]
    for layer in rest[:-1]:
        sets.append([*sets[-1], layer.get_friendly_name()])
    return sets


def measure_ranges(graph: openvino.Model, batches: Sequence[NDArray[np.uint8]], threads: int) -> Ranges:
    """Run whole batches through the graph and see what range each tensor takes that could be quantised."""
    observed = graph.clone()
    makers = sorted({name for edges in _edges(observed).values() for name, _, _ in edges})
    nodes = {node.get_friendly_name(): node for node in observed.get_ordered_ops()}
    results = []
    for name in makers:
        output = nodes[name].output(0)
        axes = np.arange(len(output.shape))
        results += [op.result(op.reduce_min(output, axes)), op.result(op.reduce_max(output, axes))]
    first = len(observed.outputs)
    observed.add_results(results)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(observed, "CPU", settings)
    low, high = np.full(len(makers), np.inf), np.full(len(makers), -np.inf)
    for batch in batches:
        seen = compiled([batch])
        values = [float(seen[i]) for i in range(first, first + len(results))]
        low, high = np.minimum(low, values[::2]), np.maximum(high, values[1::2])
    return {name: (float(a), float(b)) for name, a, b in zip(makers, low, high, strict=True)}


def quantise(graph: openvino.Model, ranges: Ranges, kept: Sequence[str]) -> openvino.Model:
    """A copy of the graph with its convolutions in int8, except those `kept`.

    Raises:
        UnusableInput: if the ranges are not of this graph.
    """
    made = graph.clone()
    quantised: dict[str, openvino.Output] = {}
    wanted = {name: edges for name, edges in _edges(made).items() if name not in kept}
    shared = _shared_ranges(wanted, ranges)
    for layer in [node for node in convolutions(made) if node.get_friendly_name() in wanted]:
        weights = layer.input_value(1)
        reach = np.abs(weights.get_node().get_data()).max(axis=(1, 2, 3), keepdims=True)
        reach = np.maximum(reach, np.finfo(np.float32).tiny).astype(np.float32)
        layer.input(1).replace_source_output(
            op.fake_quantize(weights, -reach, reach, -reach, reach, levels=_LEVELS).output(0)
        )
    for edges in wanted.values():
        for name, source, target in edges:
            if name not in quantised:
                low, high = (np.float32(end) for end in _with_zero(*shared[name]))
                quantised[name] = op.fake_quantize(source, low, high, low, high, levels=_LEVELS + 1).output(0)
            target.replace_source_output(quantised[name])
    made.validate_nodes_and_infer_types()
    return made


_Edge = tuple[str, openvino.Output, openvino.Input]


def _edges(graph: openvino.Model) -> dict[str, list[_Edge]]:
    """For each convolution, where tensors that it is fed from leave the operation that makes them."""
    return {layer.get_friendly_name(): _sources(layer.input(0)) for layer in convolutions(graph)}


def _sources(target: openvino.Input) -> list[_Edge]:
    source = target.get_source_output()
    node = source.get_node()
    kind = node.get_type_name()
    if kind == "Concat":
        return [edge for entry in node.inputs() for edge in _sources(entry)]
    if kind == "MaxPool" or (kind == "Interpolate" and node.get_attributes().get("mode") == "nearest"):
        return _sources(node.input(0))
    return [(node.get_friendly_name(), source, target)]


def _shared_ranges(wanted: Mapping[str, list[_Edge]], ranges: Ranges) -> dict[str, tuple[float, float]]:
    """The range of each tensor, widened to those it is joined with."""
    shared = {}
    groups: list[set[str]] = []
    for edges in wanted.values():
        group = {name for name, _, _ in edges}
        unknown = group - set(ranges)
        if unknown:
            raise UnusableInput(f"the ranges of int8 know nothing of {sorted(unknown)[0]}")
        for other in [g for g in groups if g & group]:
            groups.remove(other)
            group |= other
        groups.append(group)
    for group in groups:
        low, high = min(ranges[name][0] for name in group), max(ranges[name][1] for name in group)
        shared.update(dict.fromkeys(group, (low, high)))
    return shared


def _with_zero(low: float, high: float) -> tuple[float, float]:
    """The range moved so that zero is one of its levels: convolutions pad with it."""
    low, high = min(low, 0.0), max(high, 0.0, low + 1e-6)
    step = (high - low) / _LEVELS
    zero = round(-low / step)
    return -zero * step, (_LEVELS - zero) * step
