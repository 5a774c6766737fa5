"""Make a project of the synthetic fly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leaptui.nn.settings import PROFILES
from leaptui.ops.requests import Request, option


@dataclass(frozen=True)
class DemoRequest(Request):
    """The synthetic fly, from nothing to evaluated predictions: a project with a video of a walking fly and
    labels, a network trained on them, predictions of the whole video, and their error against the known truth.

    What is there already is kept, so that a second call is quick.
    """

    dir: Path = option("Folder of the demo project.", default=Path("leaptui-demo"))
    no_tui: bool = option("Do not end in the app.", default=False)
    frames: int = option("Frames of the video.", default=1000, minimum=50, maximum=1_000_000)
    labels: int = option("Labelled frames.", default=60, minimum=2, maximum=10_000)
    seed: int = option("Seed of the fly and of the training.", default=0, minimum=0)
    profile: str = option("How thoroughly to train.", default="fast", choices=tuple(PROFILES))


@dataclass(frozen=True)
class DemoResult:
    """What was made.

    Args:
        project: the project.
        video: the video of the fly.
        truth: its true points, as a predictions file.
        frames, labels: how many.
    """

    project: Path
    video: Path
    truth: Path
    frames: int
    labels: int
