"""Say what a file or project is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.ops.requests import Request, option


@dataclass(frozen=True)
class InfoRequest(Request):
    """Say what a file or project is: frames, labels, skeleton, problems."""

    path: Path = option(
        "A project, video, labels, predictions, model or run.", positional=True, metavar="FILE_OR_PROJECT"
    )


@dataclass(frozen=True)
class InfoResult:
    """What it is.

    Args:
        path: what was looked at.
        kind: project, video, labels, predictions, model or run.
        facts: what is known, in the order to show it.
        problems: what is wrong with it, in words.
    """

    path: Path
    kind: str
    facts: dict[str, Any]
    problems: list[str]
