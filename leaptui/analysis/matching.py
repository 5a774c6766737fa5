"""Which predicted animal of a frame is which true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]


def match_instances(predicted: Points, truth: Points) -> NDArray[np.intp]:
    """Pair animals, frame by frame, so that the sum of their mean distances is least.

    The distance of a pair is the mean over the nodes both have. A pair without a common node is taken to be as
    far apart as the farthest pair of its frame, and is no pair in the result. This is the assignment problem (Kuhn 1955, the "Hungarian
    method"), solved by scipy's linear_sum_assignment.

    Args:
        predicted: (N, P, J, 2), NaN is missing.
        truth: (N, T, J, 2), NaN is missing.

    Returns:
        (N, T) position of the predicted animal for each true one, -1 for none.
    """
    cost = _mean_distances(predicted, truth)
    count, most_predicted, most_true = cost.shape
    match = np.full((count, most_true), -1, np.intp)
    if most_predicted == 0 or most_true == 0:
        return match
    if most_predicted == 1 and most_true == 1:
        match[np.isfinite(cost[:, 0, 0]), 0] = 0
        return match
    from scipy.optimize import linear_sum_assignment

    for i in range(count):
        known = np.isfinite(cost[i])
        if not known.any():
            continue
        # Dearer than that, it would force far pairs on others only to be avoided.
        unknown = float(cost[i][known].max())
        rows, columns = linear_sum_assignment(np.where(known, cost[i], unknown))
        real = known[rows, columns]
        match[i, columns[real]] = rows[real]
    return match


def paired(values: NDArray[np.floating[Any]], match: NDArray[np.intp]) -> NDArray[np.float64]:
    """Values of predicted animals in the places of the true ones they belong to.

    Args:
        values: (N, P, ...).
        match: (N, T) as `match_instances` returns.

    Returns:
        (N, T, ...), NaN where no animal was predicted.
    """
    result = np.full((*match.shape, *values.shape[2:]), np.nan)
    frame, animal = np.nonzero(match >= 0)
    result[frame, animal] = values[frame, match[frame, animal]]
    return result


def _mean_distances(predicted: Points, truth: Points) -> NDArray[np.float64]:
    """(N, P, T) mean distance over common nodes, NaN where there is none."""
    total = np.zeros((len(truth), predicted.shape[1], truth.shape[1]))
    common = np.zeros(total.shape, np.intp)
    # Node by node: all at once would need J times the memory.
    for j in range(truth.shape[2]):
        difference = predicted[:, :, None, j].astype(np.float64) - truth[:, None, :, j]
        distance = np.hypot(difference[..., 0], difference[..., 1])
        both = np.isfinite(distance)
        total += np.where(both, distance, 0.0)
        common += both
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / common, dtype=np.float64)
