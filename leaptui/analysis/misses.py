"""Points that miss, by kind: what a network got wrong says what would make it better.

A point *misses* if it is farther than 3 % of the body length from its label. A miss is then, by the first that fits,

==============  ======================================================================================================
missing         nothing was predicted
swapped side    within 3 % of the body length of the label of its mirror twin
another node    within 3 % of the body length of the label of any other node
far             farther than 6 % of the body length from its own label, and on no other node
near            the rest: between 3 % and 6 % of the body length away
==============  ======================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIT, NEAR, FAR, OTHER_NODE, SWAPPED, MISSING, UNLABELLED = range(7)
"""Codes of `kinds`."""

KINDS: dict[str, int] = {
    "near": NEAR,
    "far": FAR,
    "another node": OTHER_NODE,
    "swapped side": SWAPPED,
    "missing": MISSING,
}
"""Code of each kind of miss, by its name."""

MISS_BODY, FAR_BODY = 0.03, 0.06
"""Shares of the body length from which a point misses, and is far off."""

_BLOCK = 2048
"""Frames at a time: the distances between all pairs of nodes take J times the memory of the points."""


def kinds(
    predicted: NDArray[np.floating[Any]],
    truth: NDArray[np.floating[Any]],
    *,
    swap: Sequence[int],
    body_length: float,
) -> NDArray[np.int8]:
    """What became of each point.

    Args:
        predicted: (N, J, 2) source pixels, NaN is missing.
        truth: (N, J, 2) of the same animals, NaN is not labelled.
        swap: mirror twin of each node (`Skeleton.swap`), itself for none.
        body_length: px.

    Returns:
        (N, J) codes: HIT, UNLABELLED, or those of `KINDS`.

    Raises:
        ValueError: if shapes do not fit, or the body length is none.
    """
    if predicted.shape != truth.shape or predicted.ndim != 3 or predicted.shape[1:] != (len(swap), 2):
        raise ValueError(f"predicted {predicted.shape} and truth {truth.shape} must be (N, {len(swap)}, 2)")
    if not body_length > 0:
        raise ValueError(f"the body length must be positive, not {body_length}")
    blocks = range(0, len(truth), _BLOCK)
    found = [_kinds(predicted[i : i + _BLOCK], truth[i : i + _BLOCK], swap, body_length) for i in blocks]
    return np.concatenate(found) if found else np.zeros(truth.shape[:2], dtype=np.int8)


def _kinds(
    predicted: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]], swap: Sequence[int], body_length: float
) -> NDArray[np.int8]:
    # To every label of the same animal: (N, predicted node, labelled node).
    apart = np.linalg.norm(predicted[:, :, None].astype(np.float64) - truth[:, None], axis=-1)
    apart = np.where(np.isfinite(apart), apart, np.inf)
    nodes = np.arange(len(swap))
    own = apart[:, nodes, nodes]
    twins = np.asarray(swap, dtype=np.intp)
    to_twin = np.where(twins != nodes, apart[:, nodes, twins], np.inf)
    others = apart.copy()
    others[:, nodes, nodes] = np.inf
    near = MISS_BODY * body_length
    found = np.full(own.shape, NEAR, dtype=np.int8)
    found[own > FAR_BODY * body_length] = FAR
    found[others.min(axis=-1) <= near] = OTHER_NODE
    found[to_twin <= near] = SWAPPED
    found[own <= near] = HIT
    found[~np.isfinite(predicted).all(axis=-1)] = MISSING
    found[~np.isfinite(truth).all(axis=-1)] = UNLABELLED
    return found


def count(found: NDArray[np.int8]) -> dict[str, int]:
    """How many misses there are of each kind."""
    return {name: int((found == code).sum()) for name, code in KINDS.items()}
