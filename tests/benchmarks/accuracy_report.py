"""What a cross-validation came to: held-out points, kept and merged, as figures and tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from leaptui.analysis import misses
from leaptui.analysis.reliability import Reliability, reliability
from leaptui.cli.output import note, plain, print_facts, print_rows
from leaptui.nn.calibration import default, fit


@dataclass(frozen=True)
class Held:
    """Held-out frames of one fold or several, a row each.

    Args:
        seed, fold, frame: (R,) which training, and which frame of the data.
        points, truth: (R, J, 2) px.
        occluded: (R, J).
        score: (R, J) confidence as predicted.
        raw: (R, J) the same before calibration.
        other_peak: (R, J) of points that miss, whether the map still holds the truth; -1 where not asked.
        looked: (R, L, J, 2) what as many looks as facts["looks"] says found, px.
        looked_score: (R, L, J) and how sure they were.
        folds: facts of each training.
        facts: of all of them.
    """

    seed: np.ndarray
    fold: np.ndarray
    frame: np.ndarray
    points: np.ndarray
    truth: np.ndarray
    occluded: np.ndarray
    score: np.ndarray
    raw: np.ndarray
    other_peak: np.ndarray
    looked: np.ndarray
    looked_score: np.ndarray
    folds: list[dict[str, Any]]
    facts: dict[str, Any]

    @property
    def distance(self) -> np.ndarray:
        """(R, J) px, NaN where nothing is labelled."""
        return np.linalg.norm(self.points - self.truth, axis=-1)

    @property
    def near(self) -> float:
        """3 % of the body length, px."""
        return float(0.03 * self.facts["body_length_px"])

    @property
    def mean_px(self) -> float:
        """Over all points."""
        return float(np.nanmean(self.distance))

    @property
    def median_px(self) -> float:
        """Over all points."""
        return float(np.nanmedian(self.distance))

    @property
    def within(self) -> float:
        """Share of points within 3 % of the body length."""
        distance = self.distance[np.isfinite(self.distance)]
        return float((distance <= self.near).mean())

    def at(self, rows: np.ndarray) -> Held:
        """Some of the rows."""
        return Held(
            *(getattr(self, name)[rows] for name in _ARRAYS),
            folds=[f for f in self.folds if f["seed"] in self.seed[rows]],
            facts=self.facts,
        )


_ARRAYS = tuple(f.name for f in fields(Held) if f.name not in ("folds", "facts"))


def merge(parts: Sequence[Held]) -> Held:
    """Folds that were run apart, as one."""
    parts = list(parts)
    if not parts:
        raise SystemExit("there is nothing to report")
    first = parts[0].facts
    for part in parts[1:]:
        for key in ("data", "nodes", "settings", "labels", "of_folds", "looks"):
            if part.facts[key] != first[key]:
                note(f"merged although {key} differs: {part.facts[key]} and {first[key]}")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return Held(**arrays, folds=[f for part in parts for f in part.folds], facts=first)


def write_points(path: Path, held: Held) -> None:
    """Every held-out point, as npz; `distance` and `kind` (`leaptui.analysis.misses`) for whoever plots them."""
    words = json.dumps(plain({"folds": held.folds, "facts": held.facts}))
    arrays = {name: getattr(held, name) for name in _ARRAYS}
    np.savez_compressed(path, words=np.array(words), distance=held.distance, kind=_kinds(held), **arrays)


def read_points(path: Path) -> Held:
    """What `write_points` wrote."""
    with np.load(path, allow_pickle=False) as file:
        words = json.loads(str(file["words"]))
        return Held(**{name: file[name] for name in _ARRAYS}, **words)


def _kinds(held: Held) -> np.ndarray:
    return misses.kinds(held.points, held.truth, swap=held.facts["swap"], body_length=held.facts["body_length_px"])


def figures(held: Held) -> dict[str, Any]:
    """The figures of all points of these rows, every point weighing the same."""
    distance = held.distance[np.isfinite(held.distance)]
    length = held.facts["body_length_px"]
    return {
        "frames": len(held.frame),
        "points": len(distance),
        "mean_px": distance.mean(),
        "median_px": np.median(distance),
        "p90_px": np.percentile(distance, 90),
        "p99_px": np.percentile(distance, 99),
        "mean_body": distance.mean() / length,
        "within_3pct_body": held.within,
        "seconds": np.mean([f["seconds"] for f in held.folds]),
        "train_frames": np.mean([f["train_frames"] for f in held.folds]),
    }


def as_json(held: Held) -> dict[str, Any]:
    """Everything, for `--json`."""
    found = _kinds(held)
    missed = {
        name: {
            "points": int((found == code).sum()),
            "truth_among_peaks": int(((found == code) & (held.other_peak == 1)).sum()),
            "asked": int(((found == code) & (held.other_peak >= 0)).sum()),
        }
        for name, code in misses.KINDS.items()
    }
    seeds = list(dict.fromkeys(held.seed.tolist()))
    return {
        **held.facts,
        **figures(held),
        "seeds": [{"seed": seed, **figures(held.at(held.seed == seed))} for seed in seeds],
        "looks": {looks: _looked(held, i) for i, looks in enumerate(held.facts["looks"])},
        "hidden": _of(held, held.occluded),
        "seen": _of(held, ~held.occluded),
        "misses": missed,
        "per_node": {
            name: _of(held, np.arange(len(held.facts["nodes"])) == j) for j, name in enumerate(held.facts["nodes"])
        },
        "confidence": confidence(held),
        "folds": held.folds,
    }


def _of(held: Held, chosen: np.ndarray) -> dict[str, Any] | None:
    """Figures of a part of the points."""
    distance = held.distance
    part = distance[np.isfinite(distance) & np.broadcast_to(chosen, distance.shape)]
    if not len(part):
        return None
    return {
        "points": len(part),
        "mean_px": part.mean(),
        "median_px": np.median(part),
        "within_3pct_body": (part <= held.near).mean(),
    }


def _looked(held: Held, at: int) -> dict[str, Any]:
    """Figures of what so many looks found."""
    everywhere = np.linalg.norm(held.looked[:, at] - held.truth, axis=-1)
    distance = everywhere[np.isfinite(everywhere)]
    trust = reliability(held.looked_score[:, at], everywhere, held.near)
    return {
        "mean_px": distance.mean(),
        "median_px": np.median(distance),
        "p90_px": np.quantile(distance, 0.9),
        "within_3pct_body": (distance <= held.near).mean(),
        "calibration_error": None if trust is None else trust.calibration_error,
        "auc": None if trust is None else trust.auc,
    }


def confidence(held: Held) -> dict[str, Any]:
    """Reliability of scores on held-out frames: as predicted, raw, by the default map, and by one of the other folds."""
    distance = held.distance
    prior = default(held.near)
    crossed = np.full(held.raw.shape, np.nan)
    for fold in np.unique(held.fold):
        rows, rest = held.fold == fold, held.fold != fold
        # A frame that was held out by another seed as well must not tell about itself.
        rest &= ~np.isin(held.frame, held.frame[rows])
        if rest.any():
            crossed[rows] = fit(held.raw[rest], distance[rest], prior).of(held.raw[rows])
    whole = fit(held.raw, distance, prior)
    return {
        "as_predicted": reliability(held.score, distance, held.near),
        "raw": reliability(held.raw, distance, held.near),
        "default_map": reliability(prior.of(held.raw), distance, held.near),
        "fitted_on_other_folds": reliability(crossed, distance, held.near),
        "map": asdict(whole),
    }


def print_report(report: dict[str, Any]) -> None:
    """Tables for people."""
    rows = [
        [
            name,
            f["points"],
            f["mean_px"],
            f["median_px"],
            f["p90_px"],
            100 * f["mean_body"],
            100 * f["within_3pct_body"],
            f["seconds"],
        ]
        for name, f in [("all", report), *((each["seed"], each) for each in _named(report["seeds"]))]
    ]
    headings = ["", "points", "mean px", "median px", "p90 px", "mean % body", "% within 3 %", "s a training"]
    title = f"{report['data']}: held out of {report['of_folds']} folds, {report['train_frames']:g} frames train"
    print_rows(headings, [[_rounded(v) for v in row] for row in rows], title=title)
    if report["looks"]:
        print_rows(
            ["looks", "mean px", "median px", "p90 px", "% within 3 %", "calibration error", "AUC"],
            [
                [
                    looks,
                    *map(_rounded, (f["mean_px"], f["median_px"], f["p90_px"], 100 * f["within_3pct_body"])),
                    *map(_rounded, (f["calibration_error"], f["auc"])),
                ]
                for looks, f in report["looks"].items()
            ],
        )
    missed = report["misses"]
    total = sum(kind["points"] for kind in missed.values())
    print_rows(
        ["kind of miss", "points", "% of points", "truth among peaks"],
        [
            [
                name,
                kind["points"],
                _rounded(100 * kind["points"] / report["points"]),
                kind["truth_among_peaks"] if kind["asked"] else None,
            ]
            for name, kind in missed.items()
        ],
        title=f"{total} points miss by more than 3 % of the body length ({0.03 * report['body_length_px']:.2f} px)",
    )
    worst = sorted(report["per_node"].items(), key=lambda item: -item[1]["mean_px"] if item[1] else 0)[:8]
    print_rows(
        ["worst nodes", "mean px", "median px", "% within 3 %"],
        [[name, *map(_rounded, (f["mean_px"], f["median_px"], 100 * f["within_3pct_body"]))] for name, f in worst if f],
    )
    _print_confidence(report["confidence"])


def _named(seeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "seed": f"seed {each['seed']}"} for each in seeds] if len(seeds) > 1 else []


def _print_confidence(found: dict[str, Any]) -> None:
    rows = []
    for name in ("as_predicted", "raw", "default_map", "fitted_on_other_folds"):
        r: Reliability | None = found[name]
        if r is not None:
            rows.append([name.replace("_", " "), *map(_rounded, (r.calibration_error, r.brier, r.auc, r.spearman))])
    title = f"Confidence (map over all: slope {found['map']['slope']:.3f}, offset {found['map']['offset']:.3f})"
    print_rows(["scores", "calibration error", "Brier", "AUC", "Spearman"], rows, title=title)
    table = found["as_predicted"]
    if table is not None:
        print_rows(
            ["score from", "to", "points", "mean score", "within 3 %"],
            [[*map(_rounded, (b.low, b.high)), b.points, _rounded(b.score), _rounded(b.right)] for b in table.bins],
        )
    print_facts({"within 3 % over all": None if table is None else _rounded(table.right)})


def _rounded(value: float | int | str | None) -> float | int | str | None:
    return round(float(value), 3) if isinstance(value, float | np.floating) else value
