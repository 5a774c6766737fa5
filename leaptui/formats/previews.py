"""Previews of a training run: a few validation frames as one epoch's network saw them, one .npz file an epoch.

`previews/0012.npz` holds, for N frames and J nodes (plain numbers and text, never objects):

    image        (N, H, W, 1 or 3) uint8, frames made small; `extent` (N, 2) is the height and width of each in it
    source_size  (N, 2) height and width of the frame itself; all points are in its pixels
    frames       (N,) which of the labelled frames it is
    points       (N, J, 2) predicted, NaN for missing;  scores (N, J);  truth (N, J, 2);  occluded (N, J)
    best_map     (N, h, w) uint8, the highest of the confidence maps in each cell
    node_maps    (N, J, h, w) uint8, one map a node, of larger cells where the file would become too large
    best_cell, node_cell   (N, 2) width and height of one cell in pixels of the image
    nodes, edges, epoch, version

In maps 255 is the highest a map can be. Files are written under a temporary name and renamed, and there is a bounded
number of them: `thin` keeps the first, the best, the last, and the others ever farther apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.files import replacing
from leaptui.formats.plain_npz import read_npz

VERSION = 1
MOST_FILES = 60
"""Files of a run beyond which every second, fourth, ... epoch is kept."""
_MOST_FRAMES, _MOST_NODES, _MOST_SIDE, _MOST_SOURCE = 64, 2000, 2048, 1 << 20
_NAME = re.compile(r"(\d{4,9})\.npz")

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EpochPreview:
    """What one file holds; see the module for shapes and units."""

    epoch: int
    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    image: Bytes = field(repr=False)
    extent: NDArray[np.int32] = field(repr=False)
    source_size: NDArray[np.int32] = field(repr=False)
    frames: NDArray[np.int64] = field(repr=False)
    points: Floats = field(repr=False)
    scores: Floats = field(repr=False)
    truth: Floats = field(repr=False)
    occluded: NDArray[np.bool_] = field(repr=False)
    best_map: Bytes = field(repr=False)
    best_cell: Floats = field(repr=False)
    node_maps: Bytes = field(repr=False)
    node_cell: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.image)

    def picture(self, at: int) -> Bytes:
        """(H, W, 1 or 3) image of a frame, without what only fills it up to the size of the others."""
        height, width = (int(v) for v in self.extent[at])
        return np.ascontiguousarray(self.image[at, :height, :width])

    def to_picture(self, points: Floats, at: int) -> NDArray[np.float64]:
        """(..., 2) points in pixels of the source as pixels of `picture(at)`."""
        factor = (self.extent[at] / self.source_size[at])[::-1]
        return np.asarray((points.astype(float) + 0.5) * factor - 0.5)

    def errors(self, at: int) -> NDArray[np.float64]:
        """(J,) distance of predicted from true points in pixels of the source; NaN where either is missing."""
        return np.asarray(np.linalg.norm((self.points[at] - self.truth[at]).astype(float), axis=-1))

    def heat(self, at: int, node: int | None = None) -> Floats:
        """(H, W) confidence, 0 to 1, of a node or the highest of all, for every pixel of `picture(at)`."""
        cells = self.best_map[at] if node is None else self.node_maps[at, node]
        cell = self.best_cell[at] if node is None else self.node_cell[at]
        height, width = (int(v) for v in self.extent[at])
        across = _weights(width, cells.shape[1], float(cell[0]))
        down = _weights(height, cells.shape[0], float(cell[1]))
        heat: Floats = down @ (cells.astype(np.float32) / 255) @ across.T
        return heat


def _weights(pixels: int, cells: int, cell: float) -> Floats:
    """(pixels, cells) of linear interpolation: the centre of cell i lies at pixel (i + 0.5) * cell - 0.5."""
    at = np.clip((np.arange(pixels) + 0.5) / cell - 0.5, 0, cells - 1)
    low = np.minimum(at.astype(np.intp), max(cells - 2, 0))
    weights = np.zeros((pixels, cells), np.float32)
    rows = np.arange(pixels)
    weights[rows, low] = 1 - (at - low)
    weights[rows, np.minimum(low + 1, cells - 1)] += at - low
    return weights


def preview_name(epoch: int) -> str:
    """Name of an epoch's file in the folder of previews."""
    return f"{epoch:04d}.npz"


def list_previews(folder: Path) -> dict[int, Path]:
    """The files in a folder by epoch, in order; empty where it cannot be read."""
    found = {}
    with suppress(OSError):
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None:
                found[int(match.group(1))] = path
    return dict(sorted(found.items()))


def write_preview(folder: Path, preview: EpochPreview) -> Path:
    """Write the file of an epoch in place of an earlier one; returns its path.

    Raises:
        UnusableInput: if the folder cannot be written.
    """
    path = folder / preview_name(preview.epoch)
    arrays: dict[str, Any] = {each.name: getattr(preview, each.name) for each in fields(preview)}
    arrays["nodes"] = np.array(preview.nodes, dtype=np.str_)
    arrays["edges"] = np.array(preview.edges, np.int32).reshape(-1, 2)
    arrays["epoch"], arrays["version"] = np.int64(preview.epoch), np.int64(VERSION)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(packed.getvalue())
    return path


def read_preview(path: Path) -> EpochPreview:
    """Read the file of an epoch, whoever wrote it.

    Raises:
        UnusableInput: if it is missing, damaged, or not what the module describes.
    """
    arrays = read_npz(path)
    try:
        preview = _preview(arrays)
        sound = _is_sound(preview)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise UnusableInput(f"it is no preview of an epoch ({error})", where=path) from error
    if not sound:
        raise UnusableInput("it is no preview of an epoch: its arrays do not fit together", where=path)
    return preview


def _preview(arrays: Mapping[str, NDArray[Any]]) -> EpochPreview:
    version = int(_typed(arrays, "version", "iu", 0))
    if version != VERSION:
        raise ValueError(f"version {version}, this is {VERSION}")
    nodes, edges = _typed(arrays, "nodes", "U", 1), _typed(arrays, "edges", "iu", 2)
    types: dict[str, tuple[str, int, Any]] = {
        "image": ("u", 4, np.uint8),
        "best_map": ("u", 3, np.uint8),
        "node_maps": ("u", 4, np.uint8),
    }
    types |= {"extent": ("iu", 2, np.int32), "source_size": ("iu", 2, np.int32), "frames": ("iu", 1, np.int64)}
    types |= {"points": ("f", 3, np.float32), "truth": ("f", 3, np.float32), "scores": ("f", 2, np.float32)}
    types |= {"best_cell": ("f", 2, np.float32), "node_cell": ("f", 2, np.float32), "occluded": ("b", 2, np.bool_)}
    plain: dict[str, Any] = {
        name: _typed(arrays, name, kinds, axes).astype(kind) for name, (kinds, axes, kind) in types.items()
    }
    return EpochPreview(
        epoch=int(_typed(arrays, "epoch", "iu", 0)),
        nodes=tuple(str(name) for name in nodes),
        edges=tuple((int(a), int(b)) for a, b in edges),
        **plain,
    )


def _typed(arrays: Mapping[str, NDArray[Any]], name: str, kinds: str, axes: int) -> NDArray[Any]:
    array = arrays[name]
    if array.dtype.kind not in kinds or array.ndim != axes:
        raise ValueError(f"{name} is {array.dtype} of {array.ndim} axes")
    return array


def _is_sound(p: EpochPreview) -> bool:
    """Whether shapes and numbers fit together, so that whoever shows it need not look again."""
    count, height, width, channels = p.image.shape
    nodes = len(p.nodes)
    shapes = {
        "extent": (count, 2),
        "source_size": (count, 2),
        "frames": (count,),
        "points": (count, nodes, 2),
        "scores": (count, nodes),
        "truth": (count, nodes, 2),
        "occluded": (count, nodes),
        "best_cell": (count, 2),
        "node_cell": (count, 2),
    }
    sides = (height, width, *p.best_map.shape[1:], *p.node_maps.shape[2:])
    return (
        1 <= count <= _MOST_FRAMES
        and 1 <= nodes <= _MOST_NODES
        and p.epoch >= 0
        and channels in (1, 3)
        and all(1 <= side <= _MOST_SIDE for side in sides)
        and all(getattr(p, name).shape == shape for name, shape in shapes.items())
        and len(p.best_map) == count
        and p.node_maps.shape[:2] == (count, nodes)
        and bool((p.extent >= 1).all() and (p.extent <= (height, width)).all())
        and bool((p.source_size >= 1).all() and (p.source_size <= _MOST_SOURCE).all())
        and all(bool(((c > 1e-3) & (c < 1e4)).all()) for c in (p.best_cell, p.node_cell))
        and all(0 <= end < nodes for edge in p.edges for end in edge)
        and len(p.edges) <= nodes * nodes
    )


def thin(folder: Path, *, keep: Collection[int] = (), most: int = MOST_FILES) -> list[int]:
    """Delete files until at most about `most` are left; returns the epochs whose files are gone.

    Args:
        folder: with the files.
        keep: epochs to keep in any case, the best one for instance; so are the first and the last.
        most: see `kept`.
    """
    files = list_previews(folder)
    wanted = kept(files, keep=keep, most=most)
    gone = [epoch for epoch in files if epoch not in wanted]
    for epoch in gone:
        with suppress(OSError):
            files[epoch].unlink(missing_ok=True)
    return gone


def kept(epochs: Iterable[int], *, keep: Collection[int] = (), most: int = MOST_FILES) -> set[int]:
    """Of these epochs the ones to keep: one in each stretch of 1, 2, 4, ... epochs, so that at most `most` are left.

    Those in `keep`, the first and the last are kept beside them.
    """
    ordered = sorted(set(epochs))
    if not ordered:
        return set()
    stretch, chosen = 1, set(ordered)
    while len(chosen) > most:
        stretch *= 2
        chosen = {group[0] for group in _groups(ordered, stretch)}
    return chosen | {ordered[0], ordered[-1]} | (set(keep) & set(ordered))


def _groups(ordered: list[int], stretch: int) -> Iterable[list[int]]:
    groups: dict[int, list[int]] = {}
    for epoch in ordered:
        groups.setdefault((epoch - ordered[0]) // stretch, []).append(epoch)
    return groups.values()
