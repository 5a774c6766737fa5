"""How far predictions are from the truth.

All distances are Euclidean, in pixels of the source frame. A truth point is one with both coordinates set; the
others are ignored, whatever was predicted there. A truth point without a prediction is *missing*: it has no
distance, and counts as a miss in every share.

=======================  ==========================================================================================
figure                   formula
=======================  ==========================================================================================
mean, median, p75 ...    of the distances d of all truth points that have a prediction, every point weighing the
                         same; percentiles interpolate linearly
rmse                     sqrt(mean(d^2)): root mean squared Euclidean distance. (DeepLabCut's "rmse" is the mean of d;
                         LEAP's RMSE is over single coordinates, smaller by sqrt(2).)
body length              mean over animals of the distance between the truth's two body-axis nodes, where both are set
mean_body                mean / body length
PCK at t                 share of truth points with d <= t (Yang & Ramanan 2013, percentage of correct keypoints; there
                         t is a share of the animal's box, here pixels or a share of the body length)
within_3pct_body         PCK at 3 % of the body length
OKS                      object keypoint similarity of COCO (cocodataset.org, keypoints-eval): mean over an animal's
                         truth points of exp(-d^2 / (2 * area * (2 * sigma)^2)), 0 for a missing one, area = area of
                         the bounding box of its truth points; then the mean over animals. Animals whose box has no
                         area are left out. Figures with different sigma are not comparable.
swapped                  truth points whose prediction is nearer to the truth of their mirror twin: a diagnostic
=======================  ==========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.analysis.matching import Points, match_instances, paired

Flags = NDArray[np.bool_]
Distances = NDArray[np.float64]

BODY_SHARES = (3, 5, 10)
"""Per cent of the body length at which PCK is given."""


@dataclass(frozen=True)
class NodeMetrics:
    """Figures of one node; NaN where it has no distance.

    Args:
        points: truth points.
        missing: those without a prediction.
        mean_px, median_px, p90_px: of the distances.
        within_3pct_body: share of truth points within 3 % of the body length; None without a body length.
    """

    points: int
    missing: int
    mean_px: float
    median_px: float
    p90_px: float
    within_3pct_body: float | None


@dataclass(frozen=True)
class Metrics:
    """Figures of a set of frames; see the module for the formulas. NaN where nothing can be said.

    Args:
        frames: frames with at least one truth point.
        instances: true animals in them.
        points: truth points.
        missing: truth points without a prediction.
        swapped: predictions nearer to the truth of their mirror twin; None without symmetries.
        extra_instances: predicted animals that belong to no true one.
        mean_px, median_px, p75_px, p90_px, p95_px, p99_px, rmse_px: of the distances.
        body_length_px, mean_body, within_3pct_body: None without a body axis.
        pck: threshold in pixels -> share of truth points.
        pck_body: per cent of the body length -> share of truth points; None without a body length.
        oks: mean object keypoint similarity, for `oks_sigma`.
        visible_mean_px, occluded_mean_px, occluded_points: apart by the truth's flag; None without flags.
        confident_half_mean_px, confident_half_within_3pct_body: of the half of the predicted points with the
            highest scores; None without scores.
        per_node: figures of each node, by name.
    """

    frames: int
    instances: int
    points: int
    missing: int
    swapped: int | None
    extra_instances: int
    mean_px: float
    median_px: float
    p75_px: float
    p90_px: float
    p95_px: float
    p99_px: float
    rmse_px: float
    body_length_px: float | None
    mean_body: float | None
    within_3pct_body: float | None
    pck: dict[float, float]
    pck_body: dict[int, float] | None
    oks: float
    oks_sigma: float
    visible_mean_px: float | None
    occluded_mean_px: float | None
    occluded_points: int | None
    confident_half_mean_px: float | None
    confident_half_within_3pct_body: float | None
    per_node: dict[str, NodeMetrics]

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON: NaN becomes None, keys become text."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        return plain


def evaluate(
    predicted: Points,
    truth: Points,
    *,
    node_names: Sequence[str],
    scores: NDArray[np.floating[Any]] | None = None,
    occluded: Flags | None = None,
    body_axis: tuple[int, int] | None = None,
    swap: Sequence[int] | None = None,
    pck_px: Sequence[float] = tuple(range(1, 11)),
    oks_sigma: float = 0.025,
) -> Metrics:
    """Compare predictions with the truth of the same frames.

    Args:
        predicted: (N, J, 2), or (N, P, J, 2) for several animals; source pixels, NaN is missing.
        truth: (N, J, 2), or (N, T, J, 2); source pixels, NaN is not labelled. Several animals are matched frame
            by frame (`leaptui.analysis.matching`).
        node_names: the J nodes.
        scores: confidence of each predicted point, like `predicted` without its last axis.
        occluded: truth points that the body hides, like `truth` without its last axis.
        body_axis: positions of the two nodes that span the body length (`Skeleton.body_axis_indices`).
        swap: mirror twin of each node (`Skeleton.swap`); itself for none.
        pck_px: thresholds of PCK in pixels.
        oks_sigma: sigma of OKS, the same for all nodes.

    Raises:
        ValueError: if shapes do not fit.
    """
    predicted, truth, scores, occluded = _checked(predicted, truth, len(node_names), scores, occluded)
    match = match_instances(predicted, truth)
    found = paired(predicted, match)
    placed = _placed(truth)
    distance = np.where(placed, _distance(found, truth), np.nan)
    length = body_length(truth, body_axis)
    near = None if length is None else 0.03 * length
    measured = distance[np.isfinite(distance)]
    total = int(placed.sum())
    quantiles = _percentiles(measured, (50, 75, 90, 95, 99))
    mean = _mean(measured)
    return Metrics(
        frames=int(placed.any(axis=(1, 2)).sum()),
        instances=int(placed.any(axis=2).sum()),
        points=total,
        missing=total - len(measured),
        swapped=None if swap is None else _swapped(found, truth, distance, swap),
        extra_instances=int(_placed(predicted).any(axis=2).sum() - (match >= 0).sum()),
        mean_px=mean,
        median_px=quantiles[0],
        p75_px=quantiles[1],
        p90_px=quantiles[2],
        p95_px=quantiles[3],
        p99_px=quantiles[4],
        rmse_px=math.sqrt(_mean(measured**2)),
        body_length_px=length,
        mean_body=None if length is None else mean / length,
        within_3pct_body=_share(measured, near, total),
        pck={float(t): _within(measured, float(t), total) for t in pck_px},
        pck_body=None if length is None else {p: _within(measured, p / 100 * length, total) for p in BODY_SHARES},
        oks=_oks(distance, truth, oks_sigma),
        oks_sigma=oks_sigma,
        **_by_visibility(distance, placed, occluded),
        **_confident_half(distance, scores, match, near),
        per_node=_per_node(distance, placed, node_names, near),
    )


def body_length(truth: Points, body_axis: tuple[int, int] | None) -> float | None:
    """Mean distance between two nodes over the animals that have both; None if there is none or it is 0.

    Args:
        truth: (..., J, 2).
        body_axis: positions of the two nodes.
    """
    if body_axis is None:
        return None
    lengths = _distance(truth[..., body_axis[0], :], truth[..., body_axis[1], :])
    known = lengths[np.isfinite(lengths)]
    mean = _mean(known)
    return mean if mean > 0 else None


def _checked(
    predicted: Points,
    truth: Points,
    nodes: int,
    scores: NDArray[np.floating[Any]] | None,
    occluded: Flags | None,
) -> tuple[Points, Points, NDArray[np.floating[Any]] | None, Flags | None]:
    """Arrays with an axis for animals."""
    if predicted.ndim == 3:
        predicted, scores = predicted[:, None], None if scores is None else scores[:, None]
    if truth.ndim == 3:
        truth, occluded = truth[:, None], None if occluded is None else occluded[:, None]
    for name, array in (("predicted", predicted), ("truth", truth)):
        if array.ndim != 4 or array.shape[2:] != (nodes, 2) or len(array) != len(truth):
            raise ValueError(f"{name} must be ({len(truth)}, [I,] {nodes}, 2), not {array.shape}")
    if scores is not None and scores.shape != predicted.shape[:3]:
        raise ValueError(f"scores must be {predicted.shape[:3]}, not {scores.shape}")
    if occluded is not None and occluded.shape != truth.shape[:3]:
        raise ValueError(f"occluded must be {truth.shape[:3]}, not {occluded.shape}")
    return predicted, truth, scores, occluded


def _placed(points: Points) -> Flags:
    return np.asarray(np.isfinite(points).all(axis=-1))


def _distance(first: Points, second: Points) -> Distances:
    difference = first.astype(np.float64) - second
    distance = np.hypot(difference[..., 0], difference[..., 1])
    distance[~np.isfinite(distance)] = np.nan
    return np.asarray(distance, dtype=np.float64)


def _mean(values: Distances) -> float:
    return float(values.mean()) if values.size else math.nan


def _percentiles(values: Distances, at: Sequence[int]) -> list[float]:
    return [float(p) for p in np.percentile(values, at)] if values.size else [math.nan] * len(at)


def _within(measured: Distances, threshold: float, total: int) -> float:
    return float((measured <= threshold).sum()) / total if total else math.nan


def _share(measured: Distances, threshold: float | None, total: int) -> float | None:
    return None if threshold is None else _within(measured, threshold, total)


def _swapped(found: Distances, truth: Points, distance: Distances, swap: Sequence[int]) -> int:
    twins = np.asarray(swap, dtype=np.intp)
    to_twin = _distance(found, truth[:, :, twins])
    return int(((to_twin < distance) & (twins != np.arange(len(twins)))).sum())


def _oks(distance: Distances, truth: Points, sigma: float) -> float:
    placed = _placed(truth)
    low = np.where(placed[..., None], truth, np.inf).min(axis=2)
    high = np.where(placed[..., None], truth, -np.inf).max(axis=2)
    used = placed.any(axis=2)
    area = np.zeros(used.shape)
    area[used] = (high - low)[used].prod(axis=-1)
    used = area > 0
    if not used.any():
        return math.nan
    exponent = distance[used] ** 2 / (2 * area[used][:, None] * (2 * sigma) ** 2)
    similarity = np.where(np.isfinite(exponent), np.exp(-exponent), 0.0)
    return float((similarity.sum(axis=1) / placed[used].sum(axis=1)).mean())


def _by_visibility(distance: Distances, placed: Flags, occluded: Flags | None) -> dict[str, Any]:
    if occluded is None:
        return {"visible_mean_px": None, "occluded_mean_px": None, "occluded_points": None}
    known = np.isfinite(distance)
    return {
        "visible_mean_px": _mean(distance[known & ~occluded]),
        "occluded_mean_px": _mean(distance[known & occluded]),
        "occluded_points": int((placed & occluded).sum()),
    }


def _confident_half(
    distance: Distances, scores: NDArray[np.floating[Any]] | None, match: NDArray[np.intp], near: float | None
) -> dict[str, Any]:
    """Figures of the better-scored half of the points that have both distance and score."""
    if scores is None:
        return {"confident_half_mean_px": None, "confident_half_within_3pct_body": None}
    score = paired(scores, match)
    known = np.isfinite(distance) & np.isfinite(score)
    order = np.argsort(-score[known], kind="stable")
    half = distance[known][order[: (len(order) + 1) // 2]]
    return {
        "confident_half_mean_px": _mean(half),
        "confident_half_within_3pct_body": _share(half, near, len(half)),
    }


def _per_node(
    distance: Distances, placed: Flags, node_names: Sequence[str], near: float | None
) -> dict[str, NodeMetrics]:
    figures = {}
    for j, name in enumerate(node_names):
        column = distance[:, :, j]
        measured = column[np.isfinite(column)]
        total = int(placed[:, :, j].sum())
        median, p90 = _percentiles(measured, (50, 90))
        figures[name] = NodeMetrics(
            total, total - len(measured), _mean(measured), median, p90, _share(measured, near, total)
        )
    return figures


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {f"{key:g}" if isinstance(key, float) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
