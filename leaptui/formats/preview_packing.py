"""Making the arrays of a preview small: images of a bounded size, maps in few steps and as fine as there is room."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

IMAGE_SIDES = (256, 224, 192, 160, 128, 96, 64)
"""Pixels of the longer side of an image: the first of them that lets the images stay within IMAGE_BYTES."""
IMAGE_BYTES = 96 << 10
"""What the images of one file may take, compressed."""
MAP_SIDE = 96
"""Cells of the longer side of a map, at most."""
NODE_MAP_BYTES = 36 << 10
"""What the maps of the nodes may take, compressed."""
_STEPS = 15
"""Between nothing and the highest; faint noise then needs no room."""


def pack_images(
    frames: Sequence[Bytes], shrink: Callable[[Bytes, tuple[int, int]], Bytes]
) -> tuple[Bytes, NDArray[np.int32]]:
    """Frames of any size as one array.

    Args:
        frames: (H, W, C) each.
        shrink: makes a frame smaller, to (height, width).

    Returns:
        image (N, H, W, C) and extent (N, 2), the height and width of each frame in it.
    """
    if not frames:
        return np.zeros((0, 1, 1, 1), np.uint8), np.ones((0, 2), np.int32)
    for side in IMAGE_SIDES:
        small = [shrink(frame, _fitted(frame.shape[0], frame.shape[1], side)) for frame in frames]
        height, width = (max(each.shape[axis] for each in small) for axis in (0, 1))
        image = np.zeros((len(small), height, width, frames[0].shape[2]), np.uint8)
        for at, each in enumerate(small):
            image[at, : each.shape[0], : each.shape[1]] = each
        if _packed_size(image) <= IMAGE_BYTES:
            break
    return image, np.array([each.shape[:2] for each in small], np.int32)


def _fitted(height: int, width: int, side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def pack_maps(maps: Bytes) -> tuple[tuple[Bytes, int], tuple[Bytes, int]]:
    """Confidence maps (N, J, h, w) as what a file has room for.

    Returns:
        The highest of the nodes in each cell (N, h, w), and the maps of the nodes (N, J, h, w); with each how many
        cells of `maps` a side of its cells is.
    """
    factor = 1
    while max(maps.shape[2:]) // factor > MAP_SIDE:
        factor *= 2
    nodes = _pooled(_stepped(maps), factor)
    best = np.ascontiguousarray(nodes.max(axis=1))
    finer = factor
    while _packed_size(nodes) > NODE_MAP_BYTES and max(nodes.shape[2:]) > 4:
        nodes, factor = _pooled(nodes, 2), factor * 2
    return (best, finer), (nodes, factor)


def _stepped(maps: Bytes) -> Bytes:
    step = 255 // _STEPS
    stepped: Bytes = ((maps.astype(np.uint16) + step // 2) // step * step).astype(np.uint8)
    return stepped


def _pooled(maps: Bytes, factor: int) -> Bytes:
    """The highest of `factor` x `factor` cells, so that a narrow peak stays."""
    if factor == 1:
        return maps
    down, right = (-size % factor for size in maps.shape[2:])
    padded = np.pad(maps, ((0, 0), (0, 0), (0, down), (0, right)))
    height, width = padded.shape[2] // factor, padded.shape[3] // factor
    pooled: Bytes = padded.reshape(*maps.shape[:2], height, factor, width, factor).max(axis=(3, 5))
    return pooled


def _packed_size(array: Bytes) -> int:
    return len(zlib.compress(array.tobytes(), 6))
