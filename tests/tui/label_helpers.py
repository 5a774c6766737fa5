"""A project to label, with frames and predictions that are arrays in the test."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from textual.pilot import Pilot
from tui_helpers import FakeRuns, until

from leaptui.graphics.terminal import Colours, Graphics, Terminal
from leaptui.labelling.labeller import Labeller
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.pose.edits import SetPoints
from leaptui.pose.skeleton import Skeleton, make_skeleton
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.project import Project, VideoRecord
from leaptui.runs.companion import Answer
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.screens.label import LabelScreen
from leaptui.tui.session import LabelStart

WORM = make_skeleton(
    "worm",
    ["head", "left", "right", "tail"],
    [("head", "left"), ("head", "right"), ("head", "tail")],
    [("left", "right")],
    ("head", "tail"),
)
VIDEO = "aaaa1111"
SIZE = (60, 48)
FRAMES = 500


@dataclass
class FakeReader:
    """Answers what the frame server answers, at once and in the caller's thread.

    Args:
        points: (N, J, 2) predictions, if there are any, with `scores` (N, J) and `predicted` (N,) frames.
        broken: frames that cannot be read.
        image: the pixels of a frame.
        held: frames are not answered while it is true.
    """

    skeleton: Skeleton = WORM
    points: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None
    predicted: NDArray[np.int64] | None = None
    broken: tuple[int, ...] = ()
    image: Callable[[int], NDArray[np.uint8]] = field(default_factory=lambda: frame_image)
    held: bool = False
    waiting: list[tuple[Mapping[str, Any], Callable[[Answer], None]]] = field(default_factory=list)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    closed: bool = False

    def request(self, head: Mapping[str, Any], blobs: Sequence[Any] = (), *, take: Callable[[Answer], None]) -> None:
        self.asked.append(head)
        if self.held and head["op"] == "frame":
            self.waiting.append((head, take))
        else:
            self._answer(head, take)

    def let_go(self) -> None:
        """Answer what was held back."""
        self.held = False
        waiting, self.waiting = self.waiting, []
        for head, take in waiting:
            self._answer(head, take)

    def close(self) -> None:
        self.closed = True

    def _answer(self, head: Mapping[str, Any], take: Callable[[Answer], None]) -> None:
        op = head["op"]
        if op == "frame":
            from leaptui.media.video import FrameError

            if head["frame"] in self.broken:
                take(Answer(error=FrameError("this frame is damaged"), kind="FrameError"))
                return
            image = self.image(int(head["frame"]))
            take(Answer({**head, "shape": image.shape, "checksum": zlib.crc32(image)}, [image.tobytes()]))
        elif self.points is None or self.scores is None or self.predicted is None:
            return
        elif op == "predictions":
            found = {"first": None, "count": len(self.predicted), "nodes": list(self.skeleton.node_names)}
            take(Answer({**found, "model": None, "video": VIDEO}, [self.predicted.astype("<i8").tobytes()]))
        elif op == "scores":
            take(Answer({"start": 0, "count": len(self.predicted)}, [self.scores.mean(axis=1).tobytes()]))
        elif op == "points":
            shape = [len(self.predicted), 1, len(self.skeleton)]
            blobs = [self.points[:, None].astype(np.float32).tobytes(), self.scores.astype(np.float32).tobytes()]
            take(Answer({"start": 0, "shape": shape}, blobs))


def frame_image(frame: int) -> NDArray[np.uint8]:
    """A frame: a ramp with a bright spot that walks."""
    width, height = SIZE
    image = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    x = 8 + frame % 40
    image[20:26, x : x + 6] = 250
    return image[..., None]


def worm_project(
    folder: Path, *, labelled: Sequence[int] = (), skeleton: Skeleton = WORM, size: tuple[int, int] = SIZE
) -> Project:
    """A project with one video of 500 frames of that (width, height)."""
    project = Project.create(folder, skeleton=skeleton)
    (folder / "worm.mp4").write_bytes(b"frames come from the test")
    project.videos.append(
        VideoRecord(VIDEO, "worm.mp4", "a" * 32, FRAMES, size[1], size[0], 1, reader="pyav", continuous=True)
    )
    project.save()
    store = LabelStore(project.labels_folder, skeleton)
    rng = np.random.default_rng(1)
    for frame in labelled:
        places = rng.uniform(8, 40, (len(skeleton), 2)).round(1)
        values = {n: (float(x), float(y), False) for n, (x, y) in zip(skeleton.node_names, places, strict=True)}
        store.apply([SetPoints(VIDEO, frame, new_instance_id(), values)], "made by the test")
    store.close()
    return project


def fly() -> Skeleton:
    """The 32 nodes of the fly."""
    return BUILTIN_SKELETONS["fly32"]()


def app_on(
    project: Project,
    reader: FakeReader | None = None,
    *,
    graphics: Graphics = Graphics.KITTY,
    start: LabelStart | None = None,
) -> LeaptuiApp:
    """The app, labelling that project."""
    from dataclasses import replace

    fake = reader or FakeReader(skeleton=project.require_skeleton())
    services = replace(FakeRuns().services(), frame_reader=lambda _folder: fake, predictor=lambda _m, _d: FakeReader())
    terminal = Terminal(graphics, Colours.TRUE, (10.0, 20.0))
    return LeaptuiApp(project.folder, label=start or LabelStart(), services=services, terminal=terminal)


async def label_screen(pilot: Pilot[Any]) -> LabelScreen:
    """Wait for the labelling screen with its first frame."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LabelScreen) and pilot.app.screen.is_mounted)
    screen = pilot.app.screen
    assert isinstance(screen, LabelScreen)
    await until(pilot, lambda: screen.canvas.view is not None)
    return screen


async def press(pilot: Pilot[Any], keys: str) -> None:
    """Press keys, separated by blanks."""
    await pilot.press(*keys.split())
    await pilot.pause()


def reopened(project: Project) -> Labeller:
    """The labels as another session would read them."""
    skeleton = Project.open(project.folder).require_skeleton()
    return Labeller(LabelStore(project.labels_folder, skeleton), skeleton, project.videos)
