"""Write labels, predictions or models for another tool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from leaptui.errors import UsageError
from leaptui.ops.requests import Request, option
from leaptui.registry import EXPORT_FORMATS, MODEL_FORMATS

_LARGEST_SIDE = 65536


@dataclass(frozen=True)
class ExportRequest(Request):
    """Write the labels of a project, the predictions of a file, or a model, for another tool."""

    source: Path = option(
        "A project (its labels), a predictions file; for onnx a model, as predict takes it.", positional=True
    )
    out: Path = option("File to write; it is replaced only when the new one is whole.", positional=True)
    format: str = option("The format.", default=next(iter(EXPORT_FORMATS)), choices=(*EXPORT_FORMATS, *MODEL_FORMATS))
    frame_size: str | None = option(
        "Frames that an exported model will take, as WIDTHxHEIGHT; those it was trained on when left out.",
        default=None,
        advanced=True,
    )

    def check(self) -> None:
        """Refuse a size that is none."""
        self.size()

    def size(self) -> tuple[int, int] | None:
        """Height and width of `frame_size`.

        Raises:
            UsageError: if it is not of that form.
        """
        if self.frame_size is None:
            return None
        parts = re.fullmatch(r"(\d{1,5})x(\d{1,5})", self.frame_size)
        width, height = (int(part) for part in parts.groups()) if parts else (0, 0)
        if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
            raise UsageError(f"--frame-size {self.frame_size}: give width x height in px, such as 1024x768")
        if self.format not in MODEL_FORMATS:
            raise UsageError(f"--frame-size is for {', '.join(MODEL_FORMATS)} only")
        return height, width


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Args:
        out, format: where and how.
        frames, instances, points: how many; None of a model.
        frame_size: (H, W) that an exported model takes; None of anything else.
        worst_px: largest distance of its points from torch's, on the frames that were tried.
    """

    out: Path
    format: str
    frames: int | None = None
    instances: int | None = None
    points: int | None = None
    frame_size: tuple[int, int] | None = None
    worst_px: float | None = None
