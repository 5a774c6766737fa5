"""A preview as a scene of the frame canvas: the frame, its confidence maps over it, predicted and true points."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaptui.formats.previews import EpochPreview
from leaptui.formats.symmetry import guess_symmetries
from leaptui.graphics.scene import Image, Kind, Line, Mark, Scene
from leaptui.labelling.scene_of import LEFT, MIDDLE, RIGHT
from leaptui.words import visible

_HOT = np.array([[90, 30, 160], [225, 60, 90], [255, 160, 20], [255, 245, 120]], np.float32)
"""Colours of a map from its foot to its peak."""
_FAINT = 0.06
"""Heights below this are not shown."""
_MOST_COVER = 0.8
_GREY_STEP = 8
"""Greys under a map come in steps: the colours then take a third fewer bytes."""
_SHEET = 420
"""Pixels of the longer side of a sheet, about; its frames are made smaller by whole factors."""
_FAR = 2.0
"""Points farther outside than so many times the frame are not shown."""


@dataclass(frozen=True)
class Shown:
    """What of a preview is shown.

    Args:
        frame: which frame; None for all beside each other.
        maps: whether confidence maps are shown.
        node: the map of which node; None for the highest of all.
        points: whether points are shown.
    """

    frame: int | None = 0
    maps: bool = True
    node: int | None = None
    points: bool = True


def scene_of_preview(preview: EpochPreview, shown: Shown, aspect: float = 1.0) -> Scene:
    """The scene.

    Args:
        preview: one epoch.
        shown: what of it; positions in it exist.
        aspect: width divided by height of the place where it is shown.
    """
    if shown.frame is not None:
        image = _picture(preview, shown.frame, shown)
        marks, lines = _overlay(preview, shown.frame, shown, (0.0, 0.0), 1)
    else:
        image, marks, lines = _sheet(preview, shown, aspect)
    key = hashlib.blake2b(image.tobytes(), digest_size=16, salt=str(image.shape[1]).encode()[:16]).hexdigest()
    return Scene(image, ("preview", key), marks=tuple(marks), lines=tuple(lines))


def node_sides(names: tuple[str, ...]) -> list[int]:
    """Position in `OVERLAY` of the colour of each node: left, right or middle."""
    pairs = guess_symmetries(names)
    sides = {left: LEFT for left, _ in pairs} | {right: RIGHT for _, right in pairs}
    return [sides.get(name, MIDDLE) for name in names]


def _picture(preview: EpochPreview, frame: int, shown: Shown) -> Image:
    """(H, W, C) the frame with its maps, if any are shown."""
    image = preview.picture(frame)
    if not shown.maps:
        return image
    heat = np.clip(preview.heat(frame, shown.node), 0.0, 1.0)
    heat[heat < _FAINT] = 0.0
    ground = np.broadcast_to(image, (*image.shape[:2], 3)).astype(np.float32)
    at = heat * (len(_HOT) - 1)
    low = np.minimum(at.astype(np.intp), len(_HOT) - 2)
    part = (at - low)[..., None]
    colour = _HOT[low] * (1 - part) + _HOT[low + 1] * part
    cover = (np.sqrt(heat) * _MOST_COVER)[..., None]
    mixed = ground * (1 - cover) + colour * cover
    return np.asarray((np.clip(mixed, 0, 255) / _GREY_STEP).round().clip(0, 31) * _GREY_STEP).astype(np.uint8)


def _overlay(
    preview: EpochPreview, frame: int, shown: Shown, corner: tuple[float, float], factor: int
) -> tuple[list[Mark], list[Line]]:
    """Predicted points as diamonds with dashed edges, true ones as discs, and a line from each to its own."""
    if not shown.points:
        return [], []
    found, found_at = _placed(preview, preview.points[frame], frame, corner, factor)
    truth, true_at = _placed(preview, preview.truth[frame], frame, corner, factor)
    colours = node_sides(preview.nodes)
    marks: list[Mark] = []
    lines = [
        Line(*found[a], *found[b], colours[b], dashed=True) for a, b in preview.edges if found_at[a] and found_at[b]
    ]
    for node, name in enumerate(preview.nodes):
        if shown.maps and shown.node not in (None, node):
            continue
        chosen = node == shown.node and shown.frame is not None
        if true_at[node]:
            hidden = bool(preview.occluded[frame, node])
            marks.append(Mark(*truth[node], colours[node], Kind.PLACED, occluded=hidden))
        if true_at[node] and found_at[node]:
            lines.append(Line(*truth[node], *found[node], colours[node]))
        if found_at[node]:
            title = visible(name) if chosen else ""
            marks.append(Mark(*found[node], colours[node], Kind.PREDICTED, selected=chosen, name=title))
    marks.sort(key=lambda mark: mark.selected)
    return marks, lines


def _placed(
    preview: EpochPreview, points: NDArray[np.float32], frame: int, corner: tuple[float, float], factor: int
) -> tuple[list[tuple[float, float]], list[bool]]:
    """Points in pixels of the scene, and which of them can be shown."""
    height, width = (float(side) for side in preview.extent[frame])
    at = preview.to_picture(points, frame)
    # A comparison with NaN is false.
    reach = (1 + _FAR) * max(height, width)
    moved = (np.nan_to_num(at) + 0.5) / factor - 0.5 + corner
    return [(float(x), float(y)) for x, y in moved], [bool(abs(x) < reach and abs(y) < reach) for x, y in at]


def _sheet(preview: EpochPreview, shown: Shown, aspect: float) -> tuple[Image, list[Mark], list[Line]]:
    """All frames beside each other in one picture: one is sent, and no terminal has to keep six."""
    pictures = [_picture(preview, frame, shown) for frame in range(len(preview))]
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    columns = _columns(len(pictures), width / height, aspect)
    rows = -(-len(pictures) // columns)
    factor = max(1, round(max(columns * width, rows * height) / _SHEET))
    height, width = -(-height // factor) + 1, -(-width // factor) + 1
    image = np.zeros((rows * height, columns * width, pictures[0].shape[2]), np.uint8)
    marks: list[Mark] = []
    lines: list[Line] = []
    for frame, picture in enumerate(pictures):
        top, left = frame // columns * height, frame % columns * width
        small = _smaller(picture, factor)
        image[top : top + small.shape[0], left : left + small.shape[1]] = small
        more, edges = _overlay(preview, frame, shown, (float(left), float(top)), factor)
        marks += more
        lines += edges
    marks.sort(key=lambda mark: mark.selected)
    return image, marks, lines


def _columns(count: int, tile: float, aspect: float) -> int:
    """Columns that let tiles of an aspect be largest in a place of an aspect."""

    def scale(columns: int) -> float:
        return min(aspect / (columns * tile), 1 / -(-count // columns))

    return max(range(1, count + 1), key=lambda columns: (scale(columns), -columns))


def _smaller(picture: Image, factor: int) -> Image:
    """The mean over squares; what does not fill one is repeated from the border."""
    if factor == 1:
        return picture
    height, width, channels = picture.shape
    padded = np.pad(picture, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")
    blocks = padded.reshape(math.ceil(height / factor), factor, math.ceil(width / factor), factor, channels)
    return np.asarray(blocks.mean(axis=(1, 3)).round()).astype(np.uint8)
