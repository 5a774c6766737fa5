"""LEAP's predictions: an HDF5 file written by Python, so counted from 0.

`positions_pred` int32 (N, 2, J), x then y, row i is frame i of the box; `conf_pred` (N, J); attributes as LEAP's
predict_box.py writes them. One animal, whole pixels, and no names of nodes.

A point that is missing becomes position (-1, -1) with confidence NaN, which LEAP itself never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.files import replacing
from leaptui.formats import hdf5
from leaptui.formats.checks import placed, plural
from leaptui.formats.predictions import AnyPredictions, Predictions
from leaptui.pose.skeleton import Skeleton, make_skeleton

_CHUNK = 1000


def sniff(path: Path) -> bool:
    """Whether this is an HDF5 file with `positions_pred`."""
    return "positions_pred" in hdf5.dataset_shapes(path)


def read(path: Path, skeleton: Skeleton | None = None) -> Predictions:
    """Read a LEAP predictions file.

    Args:
        path: the file.
        skeleton: its nodes; node1, node2, ... if left out.

    Raises:
        UnusableInput: if it is not of its form, or has another number of nodes than the skeleton.
    """
    with hdf5.reading(path) as file:
        data = hdf5.dataset(file, "positions_pred", path)
        if data.ndim != 3 or data.shape[1] != 2 or 0 in data.shape[1:] or not hdf5.is_numeric(data):
            raise UnusableInput(f"'positions_pred' must be (N, 2, J), not {data.shape}", where=path)
        count, _, nodes = data.shape
        positions = np.asarray(data[:], dtype=np.float32)
        confidence = _confidence(file, count, nodes, path)
        provenance = {_PROVENANCE[k]: _plain(v) for k, v in file.attrs.items() if k in _PROVENANCE}
    points = positions.transpose(0, 2, 1)
    points[(points == -1).all(axis=2) & np.isnan(confidence)] = np.nan
    return Predictions(
        points[:, None],
        confidence[:, None],
        np.arange(count, dtype=np.int64),
        numbered_skeleton(path, nodes, skeleton),
        provenance=provenance,
    )


def numbered_skeleton(path: Path, nodes: int, skeleton: Skeleton | None) -> Skeleton:
    """`skeleton` if it has that many nodes, or one of node1, node2, ... for files that name none.

    Raises:
        UnusableInput: if the numbers differ.
    """
    if skeleton is None:
        return make_skeleton(path.stem, [f"node{i + 1}" for i in range(nodes)])
    if len(skeleton) != nodes:
        raise UnusableInput(f"it has {plural(nodes, 'node')}, the skeleton {len(skeleton)}", where=path)
    return skeleton


def write(predictions: AnyPredictions, path: Path) -> None:
    """Write predictions of one animal in one video, with rows for frames without a prediction up to the last.

    Raises:
        UnusableInput: if there are several animals or videos.
        UnusableInput: if the operating system refuses to write.
    """
    if isinstance(predictions, Predictions) and predictions.videos is not None and len(set(predictions.videos)) > 1:
        raise UnusableInput(
            "LEAP predictions hold one video, these are of several", hint="Export each video on its own, or as csv."
        )
    nodes = len(predictions.skeleton)
    last = _last_frame(predictions)
    rows = max(int(predictions.provenance.get("frame_count") or 0), last + 1)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for key, value in _attributes(predictions, rows).items():
            file.attrs[key] = value
        positions = _dataset(file, "positions_pred", (rows, 2, nodes), np.int32, -1)
        positions.attrs["description"] = "coordinate of peak at each sample"
        positions.attrs["dims"] = "(sample, [x, y], joint) === (sample, [column, row], joint)"
        confidence = _dataset(file, "conf_pred", (rows, nodes), np.float32, np.nan)
        confidence.attrs["description"] = "confidence map value in [0, 1.0] at peak"
        confidence.attrs["dims"] = "(sample, joint)"
        for block in predictions.blocks(_CHUNK * 4):
            _write_block(block, positions, confidence)


def _write_block(block: Predictions, positions: Any, confidence: Any) -> None:
    points, scores = _single(block)
    there = placed(points)
    pixels = np.full(points.shape, -1, np.int32)
    pixels[there] = np.rint(points[there]).astype(np.int32)
    values = np.where(there, scores, np.nan).astype(np.float32)
    for rows, where in _runs(block.frames):
        positions[where] = pixels[rows].transpose(0, 2, 1)
        confidence[where] = values[rows]


def _single(block: Predictions) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, J, 2) points and (n, J) scores of the only animal of each frame."""
    used = placed(block.points).any(axis=2)
    crowded = np.flatnonzero(used.sum(axis=1) > 1)
    if len(crowded):
        raise UnusableInput(
            f"LEAP predictions hold one animal a frame, frame {block.frames[crowded[0]]} has several",
            hint="Export as csv instead.",
        )
    slot = used.argmax(axis=1)
    rows = np.arange(len(block))
    return block.points[rows, slot], block.scores[rows, slot]


def _runs(frames: NDArray[np.int64]) -> list[tuple[slice, slice]]:
    """Stretches of consecutive frames: their rows, and the frames."""
    breaks = np.flatnonzero(np.diff(frames) != 1) + 1
    ends = [0, *breaks.tolist(), len(frames)]
    return [(slice(a, b), slice(int(frames[a]), int(frames[a]) + b - a)) for a, b in pairwise(ends) if b > a]


def _last_frame(predictions: AnyPredictions) -> int:
    if len(predictions) == 0:
        return -1
    if isinstance(predictions, Predictions):
        return int(predictions.frames.max())
    return int(predictions.read(len(predictions) - 1).frames[0])


def _dataset(file: Any, name: str, shape: tuple[int, ...], dtype: Any, missing: float) -> Any:
    return file.create_dataset(
        name,
        shape,
        dtype,
        chunks=(max(1, min(_CHUNK, shape[0])), *shape[1:]) if shape[0] else None,
        compression="gzip" if shape[0] else None,
        compression_opts=1 if shape[0] else None,
        fillvalue=missing,
        track_times=False,
    )


_PROVENANCE = {
    "box_path": "video",
    "box_dset": "dataset",
    "img_size": "frame_shape",
    "model_path": "model",
    "weights_path": "weights",
    "model_name": "model_name",
    "total_runtime_secs": "seconds",
    "prediction_runtime_secs": "prediction_seconds",
}


def _attributes(predictions: AnyPredictions, rows: int) -> dict[str, Any]:
    """LEAP's attributes; what provenance does not know is empty, 0 or NaN."""
    known = predictions.provenance
    shape = known.get("frame_shape") or (0, 0, 0)
    seconds = known.get("seconds")
    model = known.get("model") or ""
    model = str(model.get("path") or "") if isinstance(model, Mapping) else str(model)
    return {
        "num_samples": rows,
        "img_size": np.asarray(shape, dtype=np.int64),
        "box_path": str(known.get("video") or ""),
        "box_dset": str(known.get("dataset") or ""),
        "model_path": model,
        "weights_path": str(known.get("weights") or model),
        "model_name": str(known.get("model_name") or Path(model).name),
        "total_runtime_secs": _seconds(seconds),
        "prediction_runtime_secs": _seconds(known.get("prediction_seconds", seconds)),
    }


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _confidence(file: Any, count: int, nodes: int, path: Path) -> NDArray[np.float32]:
    if "conf_pred" not in file:
        return np.full((count, nodes), np.nan, np.float32)
    data = hdf5.dataset(file, "conf_pred", path)
    # LEAP squeezes this array, so a single node or frame loses its axis.
    if data.size != count * nodes or not hdf5.is_numeric(data):
        raise UnusableInput(f"'conf_pred' must be ({count}, {nodes}), not {data.shape}", where=path)
    return np.asarray(data[()], dtype=np.float32).reshape(count, nodes)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
