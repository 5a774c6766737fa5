"""Compare a model or its predictions with labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.ops.compute import check_looks, device_option, looks_option, precision_option
from leaptui.ops.models import find_model, is_model
from leaptui.ops.requests import Request, option
from leaptui.project import Project


@dataclass(frozen=True)
class EvaluateRequest(Request):
    """Compare a model or its predictions with labels."""

    subject: Path = option(
        "A predictions file, or a model as for predict.", positional=True, metavar="MODEL_OR_PREDICTIONS"
    )
    truth: Path = option("A project or a file of labels.", metavar="FILE_OR_PROJECT")
    oks_sigma: float = option(
        "Falloff of the object keypoint similarity; figures with another sigma cannot be compared.",
        default=0.025,
        minimum=0.001,
        maximum=1.0,
        advanced=True,
    )
    looks: int = looks_option()
    device: str = device_option()
    precision: str = precision_option()

    def takes_long(self) -> bool:
        """A model has to predict first; predictions are only compared."""
        return not self._is_predictions()

    def runs_folder(self) -> Path:
        """In the project of the labels or of the model, or else among the user's own runs."""
        for path in (self.truth, find_model(self.subject)):
            project = Project.containing(path)
            if project is not None:
                return project.runs_folder
        return super().runs_folder()

    def _is_predictions(self) -> bool:
        return self.subject.is_file() and not is_model(self.subject)

    def check(self) -> None:
        """Refuse what is not there."""
        if not self.truth.exists():
            raise UnusableInput("there is no such file or project", where=self.truth, hint="Check --truth.")
        check_looks(self.looks)
        if not self._is_predictions():
            find_model(self.subject)
        elif self.looks > 1:
            raise UsageError("--looks is for a model: these predictions are made", where=self.subject)


@dataclass(frozen=True)
class EvaluateResult:
    """The figures of `leaptui.analysis.metrics`, which has their formulas, and how they came about.

    Distances are Euclidean, in pixels of the source frame; `body` is a share of the body length, the mean
    distance between the skeleton's two body nodes in the labels. What is undefined is None or NaN.

    Args:
        misses: points off by more than 3 % of the body length, by kind (`leaptui.analysis.misses`): near, far, another
            node, swapped side, missing; None without a body length.
        reliability: whether scores mean what they say (`leaptui.analysis.reliability`), a point being right
            `within_px`; None without scores, or where it is not known what they are about.
        judged_frames: how many frames `misses` and `reliability` are of: those that were not trained on, if there
            are any.
        seen_in_training: how many of the frames the model was trained on, by checksum; None if unknown.
        unseen: the main figures on the other frames alone, where there are both kinds.
        matched_by: how predictions were paired with labels: "checksum" or "frame".
        notes: what the user should know.
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
    pck: dict[str, float]
    pck_body: dict[str, float] | None
    oks: float
    oks_sigma: float
    visible_mean_px: float | None
    occluded_mean_px: float | None
    occluded_points: int | None
    confident_half_mean_px: float | None
    confident_half_within_3pct_body: float | None
    per_node: dict[str, dict[str, Any]]
    misses: dict[str, int] | None
    reliability: dict[str, Any] | None
    judged_frames: int
    seen_in_training: int | None
    unseen: dict[str, Any] | None
    matched_by: str
    notes: list[str]
    provenance: dict[str, Any]
