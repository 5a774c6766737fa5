"""Where the camera is: from places in the arena to pixels of a frame."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from leaptui.demo.anatomy import Array
from leaptui.demo.gait import Pose
from leaptui.errors import UsageError

View = Literal["centred", "arena", "egocentric"]
VIEWS: tuple[View, ...] = get_args(View)


class Camera:
    """A camera above the arena.

    Args:
        view: "arena" stands still; "centred" follows the fly in whole pixels, as a crop from a larger
            recording does; "egocentric" follows it exactly and turns so that it faces right.
        size: (H, W) of a frame.
        px_per_mm: magnification.

    Raises:
        UsageError: if the view is unknown.
    """

    def __init__(self, view: View, size: tuple[int, int], px_per_mm: float) -> None:
        if view not in VIEWS:
            raise UsageError(f"no such view: {view}", where="view", hint=f"Choose from {', '.join(VIEWS)}.")
        self.view, self.size, self.px_per_mm = view, size, px_per_mm

    def follow(self, pose: Pose) -> Array:
        """(2, 3) affine map A from arena pixels p to frame pixels, A[:, :2] p + A[:, 2], with the fly at `pose`."""
        if self.view == "arena":
            return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        middle = np.array([(self.size[1] - 1) / 2.0, (self.size[0] - 1) / 2.0])
        place = np.array([pose.x, pose.y]) * self.px_per_mm
        if self.view == "centred":
            shift = np.round(middle - place)
            return np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
        c, s = np.cos(pose.heading), np.sin(pose.heading)
        shift = middle - np.array([c * place[0] + s * place[1], c * place[1] - s * place[0]])
        return np.array([[c, s, shift[0]], [-s, c, shift[1]]])


def apply(affine: Array, points: Array) -> Array:
    """Map points (..., 2) by a (2, 3) affine map."""
    x, y = points[..., 0], points[..., 1]
    a = affine
    return np.stack([a[0, 0] * x + a[0, 1] * y + a[0, 2], a[1, 0] * x + a[1, 1] * y + a[1, 2]], axis=-1)


def invert(affine: Array) -> Array:
    """Inverse of a (2, 3) map that turns and shifts."""
    turn = affine[:, :2].T
    return np.concatenate([turn, -(turn @ affine[:, 2])[:, None]], axis=1)
