"""Compare a model or its predictions with labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.ops.compute import device_option, precision_option
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
        if not self._is_predictions():
            find_model(self.subject)


@dataclass(frozen=True)
class EvaluateResult:
    """The figures; distances are Euclidean, in pixels of the source frame.

    Args:
        frames: frames compared.
        points: points compared.
        mean_px, median_px, p75_px, p90_px, p95_px, p99_px, rmse_px: of the distances.
        body_length_px: mean distance between the skeleton's two body nodes in the truth.
        mean_body: mean distance as share of the body length.
        within_3pct_body: share of points closer than 3 % of the body length.
        per_node: the same a node.
        pck, pck_body: share of points within so many pixels, or shares of the body length.
        oks, oks_sigma: mean object keypoint similarity and the falloff it was computed with.
        missing: labelled points without a prediction.
        swapped: points predicted nearer to the label of their mirror twin.
        seen_in_training: how many of these frames the model was trained on, by checksum; None if unknown.
        unseen: the figures on the other frames alone, or None if there are none or it is unknown.
        matched_by: how predictions were paired with labels: "checksum" or "frame".
        notes: what the user should know.
    """

    frames: int
    points: int
    mean_px: float | None
    median_px: float | None
    p75_px: float | None
    p90_px: float | None
    p95_px: float | None
    p99_px: float | None
    rmse_px: float | None
    body_length_px: float | None
    mean_body: float | None
    within_3pct_body: float | None
    per_node: dict[str, dict[str, float | None]]
    pck: dict[str, float]
    pck_body: dict[str, float] | None
    oks: float | None
    oks_sigma: float
    missing: int
    swapped: int | None
    seen_in_training: int | None
    unseen: dict[str, float | int | None] | None
    matched_by: str
    notes: list[str]
    provenance: dict[str, Any]
