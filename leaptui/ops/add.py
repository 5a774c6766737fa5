"""Add videos to a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.ops.requests import Request, option


@dataclass(frozen=True)
class AddRequest(Request):
    """Add videos to a project; they stay where they are.

    Every frame of a video file is decoded once, to prove that frame i is frame i with the readers that will
    be used.
    """

    project: Path = option("The project.", positional=True)
    videos: tuple[Path, ...] = option(
        "Video files, HDF5 files, TIFF stacks or folders of images.", positional=True, metavar="VIDEO …"
    )
    dataset: str | None = option("The dataset inside an HDF5 file, if it has several.", default=None)
    axes: str | None = option("Axis order of that dataset as Python sees it, e.g. NHWC or NCWH.", default=None)
    quick: bool = option("Do not decode video files completely; only the index and a probe.", default=False)


@dataclass(frozen=True)
class AddResult:
    """What was added.

    Args:
        project: the project.
        videos: one table a video: id, path, frames, height, width, channels, reader, problems.
        skipped: paths that were there already.
    """

    project: Path
    videos: list[dict[str, Any]]
    skipped: list[str]
