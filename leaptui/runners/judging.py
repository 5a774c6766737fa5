"""What went wrong, and whether the scores said so: the part of an evaluation that is about mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.analysis import misses
from leaptui.analysis.matching import match_instances, paired
from leaptui.analysis.reliability import reliability


def judge(
    predicted: NDArray[np.floating[Any]],
    truth: NDArray[np.floating[Any]],
    scores: NDArray[np.floating[Any]],
    *,
    swap: Sequence[int],
    body_length: float | None,
    within: float | None,
) -> dict[str, Any]:
    """Misses by kind, and the reliability of the scores.

    Args:
        predicted: (N, P, J, 2) source pixels, NaN is missing.
        truth: (N, T, J, 2), NaN is not labelled.
        scores: (N, P, J).
        swap: mirror twin of each node.
        body_length: px; None where the skeleton has none.
        within: a point is right if it is that close to its label, px; None where nobody knows.

    Returns:
        `misses` and `reliability` as `leaptui.ops.evaluate.EvaluateResult` has them.
    """
    match = match_instances(predicted, truth)
    found, score = paired(predicted, match), paired(scores, match)
    kinds = None
    if body_length is not None:
        rows = (-1, *truth.shape[2:])
        kinds = misses.count(misses.kinds(found.reshape(rows), truth.reshape(rows), swap=swap, body_length=body_length))
    table = None
    if within is not None:
        distance = np.linalg.norm(found - truth, axis=-1)
        measured = reliability(score, distance, within)
        table = None if measured is None else {"within_px": within, **asdict(measured)}
    return {"misses": kinds, "reliability": table}
