"""Instance, PredictedInstance and LabeledFrame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass
class Instance:
    """One animal in one frame, placed by a person.

    Args:
        points: (J, 2) x, y in source pixels; a missing point is NaN in both.
        occluded: (J,) True where the point is placed but the body hides it.
        track: identity over time, if known.
        id: name of the instance inside its store; empty until it is stored.
    """

    points: Points
    occluded: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    track: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        self.points = np.asarray(self.points, dtype=np.float64)
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise ValueError(f"points must be (J, 2), not {self.points.shape}")
        if self.occluded.size == 0:
            self.occluded = np.zeros(len(self.points), dtype=bool)
        if self.occluded.shape != (len(self.points),):
            raise ValueError(f"occluded must be ({len(self.points)},), not {self.occluded.shape}")

    @property
    def placed(self) -> Flags:
        """(J,) True where a point is set."""
        return np.asarray(np.isfinite(self.points).all(axis=1))


@dataclass
class PredictedInstance(Instance):
    """One animal in one frame, placed by a model.

    Args:
        scores: (J,) confidence of each point in [0, 1].
    """

    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass
class LabeledFrame:
    """One frame of a video with its instances.

    Args:
        video: id of the video in the project.
        frame: index of the frame.
        instances: the animals, in order of creation.
        checksum: CRC-32 of the frame's pixels when it was labelled, None if unknown.
    """

    video: str
    frame: int
    instances: list[Instance] = field(default_factory=list)
    checksum: int | None = None
