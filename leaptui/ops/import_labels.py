"""Bring labels from another tool into a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leaptui.ops.requests import Request, option
from leaptui.registry import IMPORT_FORMATS


@dataclass(frozen=True)
class ImportRequest(Request):
    """Bring labels, and the videos they are of, from another tool into a project."""

    project: Path = option("The project.", positional=True)
    files: tuple[Path, ...] = option("Files or folders of the other tool.", positional=True, metavar="FILE …")
    format: str | None = option(
        "The format; guessed from the content when left out.", default=None, choices=tuple(IMPORT_FORMATS)
    )


@dataclass(frozen=True)
class ImportResult:
    """What came in.

    Args:
        project: the project.
        format: the format it was read as.
        frames, instances, points: how much came in.
        videos: ids of the videos it is in.
        skeleton: name of the project's skeleton.
        notes: what the user should know.
    """

    project: Path
    format: str
    frames: int
    instances: int
    points: int
    videos: list[str]
    skeleton: str
    notes: list[str]
