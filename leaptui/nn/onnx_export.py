"""Models as ONNX, from uint8 frames to points and scores."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leaptui.errors import OperationFailed
from leaptui.files import write_atomically
from leaptui.nn.model import PoseModel
from leaptui.nn.points_graph import PointsGraph

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""The oldest with shrinking that averages, and known to every runtime of the last years."""
MOST_PX, MOST_SCORE = 0.01, 0.001
"""How far points and scores of the file may be from torch's."""
_LAST_DIGITS = 1e-5
_NEEDED = ("onnx", "onnxscript", "onnxruntime")


def export(model: PoseModel, path: Path, height: int, width: int, frames: NDArray[np.uint8]) -> float:
    """Write a model as ONNX, after the very bytes gave torch's points in ONNX Runtime.

    Input `frames`, uint8 (batch, C, H, W) with a free batch; outputs `points`, float32 (batch, J, 2) x, y in px of
    these frames with the centre of the top-left pixel at (0, 0), and `scores`, float32 (batch, J) in [0, 1].
    Metadata: `leaptui` is the text of the model file, `skeleton` its skeleton, `units` and `description` in words.

    Args:
        model: to write.
        path: where to.
        height, width: of the frames that the file will take.
        frames: (n, C, H, W) some to compare on; random ones are added.

    Returns:
        The largest distance between the two, px.

    Raises:
        OperationFailed: if a package is missing, the model cannot be expressed, or the file computes something else.
        UnusableInput: if the file cannot be written.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise OperationFailed(
            f"writing ONNX needs {' and '.join(missing)}", hint="Install them: pip install 'leaptui[cpu]'."
        )
    written = onnx_bytes(model, height, width)
    worst = _compare(model, written, height, width, frames)
    write_atomically(path, written)
    return worst


def onnx_bytes(model: PoseModel, height: int, width: int) -> bytes:
    """A model for frames of one size as the content of an ONNX file, not compared with anything.

    Raises:
        OperationFailed: if it cannot be expressed.
    """
    graph = PointsGraph(model, height, width)
    # Two frames, since a batch of one is taken for a constant.
    example = torch.zeros(2, model.preprocessing.channels, height, width, dtype=torch.uint8)
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                (example,),
                input_names=["frames"],
                output_names=["points", "scores"],
                dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OperationFailed(f"this model cannot be written as ONNX: {reason}") from error
    if program is None:
        raise OperationFailed("this model cannot be written as ONNX")
    made: onnx.ModelProto = program.model_proto
    metadata = model.metadata
    facts = {
        "leaptui": metadata.to_json(),
        "skeleton": json.dumps(metadata.skeleton.to_dict()),
        "units": "points: px of the input frame, x right, y down, centre of the top-left pixel (0, 0); scores: 0 to 1",
        "description": f"pose of {len(metadata.skeleton)} nodes, {metadata.settings.architecture}, made by leaptui",
    }
    for key, value in facts.items():
        made.metadata_props.add(key=key, value=value)
    written: bytes = made.SerializeToString()
    return written


def _compare(model: PoseModel, written: bytes, height: int, width: int, frames: NDArray[np.uint8]) -> float:
    """Largest distance in px between torch and ONNX Runtime, over random frames and those given."""
    import onnxruntime

    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    graph = PointsGraph(model, height, width)
    shape = (3, model.preprocessing.channels, height, width)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    worst, compared = 0.0, 0
    for batch in (noise, frames, frames[:1]):
        if not len(batch):
            continue
        points, scores = session.run(["points", "scores"], {"frames": np.ascontiguousarray(batch)})
        with torch.inference_mode():
            maps = graph.maps(torch.from_numpy(np.ascontiguousarray(batch)))
            expected, sure = (t.numpy() for t in graph.points(maps))
            clear = _settled(graph, maps)
        distance = np.linalg.norm(points - expected, axis=-1)[clear]
        apart = float(distance.max(initial=0.0))
        if not apart <= MOST_PX or not float(np.abs(scores - sure)[clear].max(initial=0.0)) <= MOST_SCORE:
            raise OperationFailed(
                f"the ONNX file puts points {apart:.3g} px from where torch does, so it was not written"
            )
        worst, compared = max(worst, apart), compared + int(clear.sum())
    if not compared:
        raise OperationFailed("the maps of this model are flat, so there is nothing to compare; no ONNX was written")
    return worst


def _settled(graph: PointsGraph, maps: Tensor) -> NDArray[np.bool_]:
    """Which points (n, J) stay where they are when the last digits of the maps change: of others nobody can ask more.

    Two cells of equal height, or a hill as flat as noise, put a point here or there by rounding alone.
    """
    points, _ = graph.points(maps)
    settled = torch.ones(points.shape[:2], dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        noise = torch.randn(maps.shape, generator=generator) * (maps.abs().amax(dim=(-2, -1), keepdim=True) + 1e-6)
        moved, _ = graph.points(maps + _LAST_DIGITS * noise)
        settled &= (moved - points).norm(dim=-1) < MOST_PX / 2
    found: NDArray[np.bool_] = settled.numpy()
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of packages that are not needed and of its own future."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
