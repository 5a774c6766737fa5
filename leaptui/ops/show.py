"""Show one frame with its points."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.graphics.env import AUTO, NAMES
from leaptui.ops.requests import Request, option
from leaptui.pose.instance import Instance
from leaptui.pose.skeleton import Skeleton


@dataclass(frozen=True)
class ShowRequest(Request):
    """Print a frame with its points right in the terminal, and exit."""

    file: Path = option(
        "A project, video, box, folder of images, labels or predictions file.",
        positional=True,
        metavar="FILE_OR_PROJECT",
    )
    frame: int | None = option(
        "Index of the frame; the first with points when left out.", default=None, minimum=0, metavar="I"
    )
    video: str | None = option("Which video of a project: id, path or file name.", default=None)
    points: Path | None = option(
        "Predictions, labels or a project whose points to draw as well.", default=None, metavar="FILE"
    )
    graphics: str = option("How to draw; auto asks the terminal.", default=AUTO, choices=NAMES)
    width: int | None = option("Columns to use at most.", default=None, minimum=2, maximum=1000, metavar="COLS")
    no_names: bool = option("Leave out the names of the nodes.", default=False)

    def check(self) -> None:
        """Refuse files that are not there."""
        for path in (self.file, self.points):
            if path is not None and not path.exists():
                raise UnusableInput("there is no such file or folder", where=path, hint="Check the path.")


@dataclass(frozen=True)
class ShownAnimals:
    """Animals of the frame, from one source.

    Args:
        origin: where they come from: "labels" or "predictions".
        skeleton: their nodes.
        instances: the animals; predicted ones have scores.
    """

    origin: str
    skeleton: Skeleton
    instances: tuple[Instance, ...]

    @property
    def points(self) -> int:
        """How many points there are."""
        return sum(int(instance.placed.sum()) for instance in self.instances)


@dataclass(frozen=True)
class ShownFrame:
    """A frame with its points.

    Args:
        path: of the video.
        video: its id in the project, None outside of one.
        frame: index.
        count: frames of the video.
        image: (H, W, C) uint8.
        checksum: see `leaptui.media.video.Video.checksum`.
        animals: what lies on it, labels first.
    """

    path: Path
    video: str | None
    frame: int
    count: int
    image: NDArray[np.uint8] = field(repr=False)
    checksum: int
    animals: tuple[ShownAnimals, ...] = ()
