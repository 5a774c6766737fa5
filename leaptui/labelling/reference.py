"""The reference pose: where the nodes of an animal are expected to each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from leaptui.pose.instance import Points
from leaptui.pose.skeleton import Skeleton

_SHARE = 0.4
"""Size of a pose of unknown size, as a share of the shorter side of the frame."""


def reference_pose(skeleton: Skeleton, poses: Sequence[Points], side: float) -> Points:
    """(J, 2) the pose about (0, 0) in source pixels, the front of the body axis up, none missing.

    The skeleton's own reference pose counts first, then the median of labelled animals, each turned to the body
    axis; what is in neither lies on a circle. Its size is that of the labelled animals, else a share of the frame.

    Args:
        skeleton: the nodes, with a body axis or without.
        poses: labelled animals, (J, 2) each, NaN is missing.
        side: the shorter side of the frame in source pixels.
    """
    median = median_pose(skeleton, poses)
    if skeleton.reference is not None:
        pose = np.array(skeleton.reference, float)
        pose -= (pose.min(axis=0) + pose.max(axis=0)) / 2
        known = np.isfinite(median).all(axis=1)
        if known.sum() >= 2 and _spread(pose[known]) > 0:
            return np.asarray(pose * (_spread(median[known]) / _spread(pose[known])))
        extent = float(np.ptp(pose, axis=0).max())
        return np.asarray(pose * (_SHARE * side / extent)) if extent > 0 else pose
    known = np.asarray(np.isfinite(median).all(axis=1))
    if known.all():
        return median
    circle = circle_pose(len(skeleton), _SHARE * side / 2)
    if not known.any():
        return circle
    farthest = max(math.hypot(float(x), float(y)) for x, y in median if math.isfinite(x))
    radius = max(farthest, 1.0)
    return np.asarray(np.where(known[:, None], median, circle_pose(len(skeleton), radius)))


def median_pose(skeleton: Skeleton, poses: Sequence[Points]) -> Points:
    """(J, 2) median of animals that were each moved to (0, 0) and turned so that their body axis points up.

    Without a body axis, or with an animal that lacks one of its ends, the animal is turned by the fit to the first
    that was taken. NaN where no animal has the node.
    """
    turned: list[Points] = []
    for pose in poses:
        upright = _upright(skeleton, pose)
        if upright is None and not turned and skeleton.body_axis is None and np.isfinite(pose).all(axis=1).any():
            upright = pose - np.nanmean(pose, axis=0)
        if upright is None and turned:
            upright = _laid_over(pose, turned[0])
        if upright is not None:
            turned.append(upright)
    if not turned:
        return np.full((len(skeleton), 2), np.nan)
    stack = np.stack(turned)
    found = np.full((len(skeleton), 2), np.nan)
    for node in range(len(skeleton)):
        there = stack[np.isfinite(stack[:, node]).all(axis=1), node]
        if len(there):
            found[node] = np.median(there, axis=0)
    known = np.isfinite(found).all(axis=1)
    return np.asarray(found - (found[known].min(axis=0) + found[known].max(axis=0)) / 2)


def circle_pose(nodes: int, radius: float) -> Points:
    """(J, 2) nodes on a circle, the first one at the top, clockwise."""
    angle = 2 * math.pi * np.arange(nodes) / max(nodes, 1)
    return np.asarray(radius * np.stack([np.sin(angle), -np.cos(angle)], axis=1))


def fitted(pose: Points, points: Points) -> Points:
    """(J, 2) a pose shifted, turned and scaled so that it lies best over the points that are there.

    Least squares over similarities without reflection (Umeyama 1991); one point alone only shifts, and a turn or
    a scale is only believed from points that are apart.

    Args:
        pose: (J, 2) none missing.
        points: (J, 2) NaN is missing, at least one is there.
    """
    there = np.isfinite(points).all(axis=1)
    source, target = pose[there], points[there]
    from_middle, to_middle = source.mean(axis=0), target.mean(axis=0)
    source, target = source - from_middle, target - to_middle
    size = float((source**2).sum())
    turn = np.eye(2)
    if there.sum() >= 2 and size > 1e-9 and float((target**2).sum()) > 1e-9:
        straight = float((source * target).sum()) / size
        across = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / size
        turn = np.array([[straight, across], [-across, straight]])
    return np.asarray((pose - from_middle) @ turn + to_middle)


def _upright(skeleton: Skeleton, pose: Points) -> Points | None:
    axis = skeleton.body_axis_indices
    if axis is None:
        return None
    front, rear = pose[axis[0]], pose[axis[1]]
    along = front - rear
    length = float(np.hypot(*along))
    if not math.isfinite(length) or length < 1e-9:
        return None
    x, y = along / length
    return np.asarray((pose - (front + rear) / 2) @ np.array([[-y, -x], [x, -y]]))


def _laid_over(pose: Points, other: Points) -> Points | None:
    """A pose turned and shifted, at its own size, to lie over another one; None if they share too little."""
    common = np.isfinite(pose).all(axis=1) & np.isfinite(other).all(axis=1)
    if common.sum() < 2:
        return None
    source, target = pose[common], other[common]
    from_middle, to_middle = source.mean(axis=0), target.mean(axis=0)
    source, target = source - from_middle, target - to_middle
    straight = float((source * target).sum())
    across = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum())
    size = math.hypot(straight, across)
    if size < 1e-9:
        return None
    turn = np.array([[straight, across], [-across, straight]]) / size
    return np.asarray((pose - from_middle) @ turn + to_middle)


def _spread(points: Points) -> float:
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
