"""Projects with labelled flies for tests of the whole app, and what it should show of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.demo import sample_poses
from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Scene
from leaptui.labelling.labeller import Labeller
from leaptui.labelling.scene_of import scene_of
from leaptui.media.video import VideoSource
from leaptui.pose.builtin import fly32
from leaptui.pose.edits import SetPoints
from leaptui.pose.labels import FrameKey
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.project import Project, VideoRecord
from leaptui.runners.videos import register

FRAMES = 8
LABELLED = (0, 1, 3)
SIDE = 26
"""Columns of the panel beside the picture, on screens less than 150 columns wide."""
ABOVE, BELOW = 1, 3
"""Rows of the labelling screen above and below the picture."""


class _Quiet:
    """A RunContext for no run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def emit(self, type: str, **fields: Any) -> None:
        """Say nothing."""

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False


@dataclass(frozen=True)
class FlyVideo:
    """A video of the project and its pixels.

    Args:
        record: as the project knows it.
        frames: (N, H, W, 1) uint8.
    """

    record: VideoRecord
    frames: NDArray[np.uint8]


@dataclass(frozen=True)
class FlyProject:
    """A project whose videos lie in it, so that a copy of its folder is another project."""

    folder: Path
    videos: tuple[FlyVideo, ...]

    def points(self, video: int, frame: int) -> dict[str, tuple[float, float]]:
        """The placed points of a frame's only animal, as on the disk."""
        animal = self._labeller(video, frame, 0).instances()[0]
        names = fly32().node_names
        return {
            name: (float(x), float(y)) for name, (x, y) in zip(names, animal.points.tolist(), strict=True) if x == x
        }

    def scene(self, video: int, frame: int, node: int) -> Scene:
        """What the screen shows of the labels on the disk."""
        return scene_of(self._labeller(video, frame, node), self.videos[video].frames[frame])

    def copied_to(self, folder: Path) -> FlyProject:
        """The same project with the same folder contents, at another place."""
        return replace(self, folder=folder)

    def _labeller(self, video: int, frame: int, node: int) -> Labeller:
        project = Project.open(self.folder)
        skeleton = project.require_skeleton()
        labeller = Labeller(LabelStore(project.labels_folder, skeleton), skeleton, project.videos)
        labeller.go(frame, self.videos[video].record.id)
        labeller.select_node(node)
        assert labeller.key == FrameKey(self.videos[video].record.id, frame)
        return labeller


def fly_project(folder: Path, real_data: Path | None = None) -> FlyProject:
    """A project with a synthetic fly, and a real one behind it where there is a recording.

    Args:
        folder: of the project; made.
        real_data: the folder of real recordings.
    """
    project = Project.create(folder, skeleton=fly32())
    drawn = sample_poses(FRAMES, size=(192, 192), seed=3)
    points = np.where(drawn.inside[..., None], drawn.points, np.nan)[:, 0]
    videos = [_added(project, "synthetic.h5", drawn.frames, points, drawn.occluded[:, 0])]
    if real_data is not None:
        with h5py.File(real_data / "fly" / "fly75.h5") as file:
            frames, labels = file["images"][:FRAMES], file["annotations"][:FRAMES].astype(float)
        videos.append(_added(project, "real.h5", frames, labels, np.zeros(labels.shape[:2], bool)))
    return FlyProject(folder, tuple(videos))


def _added(
    project: Project, name: str, frames: NDArray[np.uint8], points: NDArray[np.float64], occluded: NDArray[np.bool_]
) -> FlyVideo:
    path = project.folder / name
    with h5py.File(path, "w") as file:
        file["frames"] = frames
    record, _ = register(project, VideoSource(path, "frames", "NHWC"), _Quiet(project.folder))
    store = LabelStore(project.labels_folder, project.require_skeleton())
    nodes = project.require_skeleton().node_names
    for frame in LABELLED:
        values = {
            node: (round(float(x), 2), round(float(y), 2), bool(hidden))
            for node, (x, y), hidden in zip(nodes, points[frame], occluded[frame], strict=True)
            if np.isfinite(x)
        }
        store.apply([SetPoints(record.id, frame, new_instance_id(), values)], "made by the test")
    store.close()
    return FlyVideo(record, frames)


def picture_area(size: tuple[int, int]) -> tuple[int, int]:
    """(columns, rows) of the picture on a labelling screen of so many."""
    return (size[0] - SIDE, size[1] - ABOVE - BELOW)


def fitted_view(frames: NDArray[np.uint8], size: tuple[int, int], cell: tuple[float, float]) -> View:
    """The whole frame, on a labelling screen of `size` cells."""
    return View.fit((frames.shape[2], frames.shape[1]), picture_area(size), cell)
