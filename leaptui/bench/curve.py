"""Error against seconds of training, for the profiles: what more time buys.

Each point is a training of its own, with the whole schedule of its profile over more or fewer epochs; breaking off one
long training would show weights that a shorter schedule would have finished better. The errors are of frames that
were held out and chose nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leaptui.bench.holdout import Material, hold_out, sides
from leaptui.bench.machine import facts
from leaptui.nn.hardware import choose_device
from leaptui.nn.settings import PROFILES


@dataclass(frozen=True)
class CurvePoint:
    """One length of one profile.

    Args:
        profile: name of it.
        share: of the profile's epochs that were trained.
        epochs: how many that are.
        labels: frames trained on.
        seconds: of training, mean over the draws.
        mean_px, median_px, p90_px: over all held-out points of all draws.
        mean_body: mean as share of the body length.
        within_3pct_body: share of points.
        device, precision: that it ran with.
    """

    profile: str
    share: float
    epochs: int
    labels: int
    seconds: float
    mean_px: float
    median_px: float
    p90_px: float
    mean_body: float
    within_3pct_body: float
    device: str
    precision: str


@dataclass(frozen=True)
class Curve:
    """Error against seconds.

    Args:
        data: what was trained on.
        body_length_px: of it.
        points: by profile, from short to long.
        machine: that it was measured on.
    """

    data: str
    body_length_px: float
    points: list[CurvePoint]
    machine: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return dict(vars(self))


def measure(
    data: str,
    material: Material,
    profiles: Sequence[str],
    shares: Sequence[float],
    *,
    labels: int | None,
    draws: int,
    folds: int,
    device: str,
    say: Callable[[str], None],
) -> Curve:
    """Train and hold out.

    Args:
        data: name of the frames.
        material: the frames.
        profiles: names of `PROFILES`.
        shares: of each profile's epochs.
        labels: frames to train on; None for all but one fold.
        draws: how many folds, or draws of `labels` frames, every point is a mean of.
        folds: that the frames are dealt into.
        device: see `leaptui.nn.hardware`.
        say: told what comes next.
    """
    machine = facts(choose_device(device))
    points = []
    for profile in profiles:
        for share in sorted(shares):
            say(f"training {profile}, {share:g} of its epochs, {draws} times")
            points.append(_point(material, profile, share, labels, draws, folds, device))
    return Curve(data, material.body_length, points, machine)


def _point(
    material: Material, profile: str, share: float, labels: int | None, draws: int, folds: int, device: str
) -> CurvePoint:
    full = PROFILES[profile]
    settings = replace(full, epochs=max(1, round(share * full.epochs)))
    distances, seconds = [], []
    for draw in range(draws):
        train_side, held = sides(material.checksums, 0, draw, folds, labels)
        found = hold_out(material, train_side, held, settings, seed=draw, device=device)
        distances.append(np.linalg.norm(found.points - material.points[held], axis=-1))
        seconds.append(found.outcome.seconds)
    distance = np.concatenate(distances)
    distance = distance[np.isfinite(distance)]
    return CurvePoint(
        profile=profile,
        share=share,
        epochs=settings.epochs,
        labels=found.outcome.labels,
        seconds=float(np.mean(seconds)),
        mean_px=float(distance.mean()),
        median_px=float(np.median(distance)),
        p90_px=float(np.percentile(distance, 90)),
        mean_body=float(distance.mean() / material.body_length),
        within_3pct_body=float((distance <= 0.03 * material.body_length).mean()),
        device=found.outcome.device,
        precision=found.outcome.precision,
    )
