"""What a recording shows, and the flies in it as time goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from leaptui.demo import behaviour as bh
from leaptui.demo.anatomy import PX_PER_MM, generator, individual
from leaptui.demo.camera import Camera, View
from leaptui.demo.gait import Pose
from leaptui.demo.kinematics import Snapshot, snapshot
from leaptui.demo.motion import Bounds, Fly
from leaptui.demo.texture import Look, palette
from leaptui.errors import UsageError

_STEP_S = 0.0051
_FLY_SPACE_MM = 5.0


class SceneOptions(TypedDict, total=False):
    """Keyword arguments that make a `Scene`; see there."""

    seed: int
    size: tuple[int, int]
    n_flies: int
    fps: float
    view: View
    behaviours: Sequence[str] | None
    scale: float | None
    look: Look
    walking_speed: tuple[float, float]
    noise: bool


@dataclass(frozen=True)
class Sample:
    """A short life that leads to one frame.

    Args:
        number: tells one life from another.
        behaviours: code of what each fly does.
        heading: about where the first fly faces, radians.
        seconds: how long the life lasts.
    """

    number: int
    behaviours: tuple[int, ...]
    heading: float
    seconds: float


@dataclass(frozen=True)
class Scene:
    """Everything that decides what a recording shows.

    Args:
        seed: any integer from 0; equal scenes of equal seeds are equal in every number.
        size: (H, W) of the frames, px.
        n_flies: how many flies; more than one needs the view "arena".
        fps: frames a second.
        view: "centred" follows the fly in whole pixels, "egocentric" follows and turns so that it faces right,
            "arena" stands still while the flies move about inside the frame.
        behaviours: names of the behaviours to choose from, None for all.
        scale: magnification; 1 is 35 px/mm, a body of 95 px. None is 1, or for the arena as much of it as leaves
            the flies room to walk.
        look: "bright", a lit fly on a dark floor, or "dark", the reverse.
        walking_speed: lowest and highest walking speed, mm/s.
        noise: sensor noise.

    Raises:
        UsageError: if a value makes no sense or the flies do not fit.
    """

    seed: int = 0
    size: tuple[int, int] = (192, 192)
    n_flies: int = 1
    fps: float = 100.0
    view: View = "centred"
    behaviours: Sequence[str] | None = None
    scale: float | None = None
    look: Look = "bright"
    walking_speed: tuple[float, float] = (4.0, 30.0)
    noise: bool = True

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"must be 0 or more, not {self.seed}", where="seed")
        if len(self.size) != 2 or min(self.size) < 16:
            raise UsageError(f"frames must be at least 16 x 16 px, not {self.size}", where="size")
        if not (np.isfinite(self.fps) and 1.0 <= self.fps <= 10_000.0):
            raise UsageError(f"must be between 1 and 10000, not {self.fps}", where="fps")
        if self.scale is not None and not (np.isfinite(self.scale) and 0.05 <= self.scale <= 20.0):
            raise UsageError(f"must be between 0.05 and 20, not {self.scale}", where="scale")
        if not 0.0 < self.walking_speed[0] <= self.walking_speed[1] <= 60.0:
            raise UsageError(f"must be low, high within 0 to 60 mm/s, not {self.walking_speed}", where="walking_speed")
        if self.n_flies < 1 or (self.n_flies > 1 and self.view != "arena"):
            hint = "More than one fly needs the view 'arena'." if self.n_flies > 1 else None
            raise UsageError(
                f"{self.n_flies} flies cannot be shown in the view '{self.view}'", where="n_flies", hint=hint
            )
        bh.codes(self.behaviours)
        palette(self.look)
        Camera(self.view, self.size, self.px_per_mm)

    @property
    def px_per_mm(self) -> float:
        """Magnification of this scene."""
        if self.scale is not None:
            return PX_PER_MM * self.scale
        if self.view != "arena":
            return PX_PER_MM
        wanted_mm = 10.5 + 3.0 * (self.n_flies - 1)
        return min(PX_PER_MM, min(self.size) / wanted_mm, max(self.size) / (10.5 + 5.5 * (self.n_flies - 1)))


class World:
    """The flies of a scene in time.

    Args:
        scene: what there is.
        sample: a short life to live instead of the scene's own.

    Raises:
        UsageError: if the flies do not fit.
    """

    def __init__(self, scene: Scene, sample: Sample | None = None) -> None:
        self.scene = scene
        self.anatomies = [individual(generator(scene.seed, 10, i)) for i in range(scene.n_flies)]
        self.flies: list[Fly] = []
        life = () if sample is None else (sample.number,)
        for i, (anatomy, bounds) in enumerate(zip(self.anatomies, self._bounds(), strict=True)):
            rng = generator(scene.seed, 11, i, *life)
            first = None if sample is None else bh.Bout(sample.behaviours[i], sample.seconds + 1.0)
            plan = bh.Plan(bh.codes(scene.behaviours), rng, first)
            pose = self._start(i, bounds, rng)
            if sample is not None:
                pose.heading = sample.heading + 2.4 * i
            self.flies.append(Fly(anatomy, pose, rng, plan, scene.walking_speed, bounds))
        substeps = max(int(np.ceil(1.0 / (scene.fps * _STEP_S))), 1)
        self._substeps, self._dt = substeps, 1.0 / (scene.fps * substeps)

    def _bounds(self) -> list[Bounds | None]:
        scene = self.scene
        if scene.view != "arena":
            return [None] * scene.n_flies
        height, width = ((side - 1) / scene.px_per_mm for side in scene.size)
        bounds: list[Bounds | None] = []
        for anatomy in self.anatomies:
            edge = anatomy.reach
            box = Bounds(edge, edge, width - edge, height - edge)
            room = (box.right - box.left, box.bottom - box.top)
            if min(room) < 0.5 or max(room) < 0.5 + _FLY_SPACE_MM * (scene.n_flies - 1):
                fits = replace(scene, scale=None).px_per_mm / PX_PER_MM
                raise UsageError(
                    f"{scene.n_flies} flies of this size have no room to walk in {scene.size[0]} x {scene.size[1]} px",
                    where="scale",
                    hint=f"Use a scale of {fits:.2f} or less, or larger frames.",
                )
            bounds.append(box)
        return bounds

    def _start(self, i: int, bounds: Bounds | None, rng: np.random.Generator) -> Pose:
        heading = float(rng.uniform(-np.pi, np.pi))
        if bounds is None:
            return Pose(0.0, 0.0, heading)
        # Each fly starts in its own part of the long side, across it and not along it, so that they cannot touch.
        share = (i + 0.5) / self.scene.n_flies
        wide = bounds.right - bounds.left >= bounds.bottom - bounds.top
        if self.scene.n_flies > 1:
            share = i / (self.scene.n_flies - 1)
            heading = (
                (0.5 * np.pi if wide else 0.0) + np.pi * float(rng.integers(0, 2)) + 0.2 * float(rng.uniform(-1, 1))
            )
        other = 0.5 + 0.3 * float(rng.uniform(-1.0, 1.0))
        u, v = (share, other) if wide else (other, share)
        return Pose(
            bounds.left + u * (bounds.right - bounds.left), bounds.top + v * (bounds.bottom - bounds.top), heading
        )

    def step(self) -> None:
        """Go on to the next frame."""
        for _ in range(self._substeps):
            for i, fly in enumerate(self.flies):
                fly.advance(self._dt, [other for k, other in enumerate(self.flies) if k != i])

    def look(self) -> list[Snapshot]:
        """The flies as they are now."""
        return [snapshot(fly) for fly in self.flies]
