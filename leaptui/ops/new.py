"""Make a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leaptui.ops.requests import Request, option
from leaptui.pose.builtin import BUILTIN_SKELETONS


@dataclass(frozen=True)
class NewRequest(Request):
    """Make a project: a folder with project.toml, labels, runs and exports."""

    project: Path = option("Folder of the new project.", positional=True)
    skeleton: str | None = option(
        f"A built-in skeleton ({', '.join(BUILTIN_SKELETONS)}), or a .toml or .csv file with one; "
        "without it the first import brings its own.",
        default=None,
        metavar="NAME_OR_FILE",
    )
    video: tuple[Path, ...] = option("Videos to add; they stay where they are.", default=(), metavar="PATH …")
    name: str | None = option("What to call it; the folder's name when left out.", default=None)


@dataclass(frozen=True)
class NewResult:
    """What was made.

    Args:
        project: folder of the project.
        skeleton: name of its skeleton, or None.
        nodes: number of nodes.
        videos: ids of the videos added.
        notes: what the user should know.
    """

    project: Path
    skeleton: str | None
    nodes: int
    videos: list[str]
    notes: list[str]
