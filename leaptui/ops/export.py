"""Write labels or predictions for another tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leaptui.ops.requests import Request, option
from leaptui.registry import EXPORT_FORMATS


@dataclass(frozen=True)
class ExportRequest(Request):
    """Write the labels of a project, or the predictions of a file, for another tool."""

    source: Path = option("A project (its labels) or a predictions file.", positional=True)
    out: Path = option("File to write; it is replaced only when the new one is whole.", positional=True)
    format: str = option("The format.", default=next(iter(EXPORT_FORMATS)), choices=tuple(EXPORT_FORMATS))


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    out: Path
    format: str
    frames: int
    instances: int
    points: int
