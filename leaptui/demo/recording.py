"""Recordings of synthetic flies: frames together with the truth about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from leaptui.demo import behaviour as bh
from leaptui.demo.anatomy import SKELETON, Anatomy, Array, generator
from leaptui.demo.camera import Camera, View, apply, invert
from leaptui.demo.draw import Painter
from leaptui.demo.kinematics import Flags, Snapshot, body_points, occlusion
from leaptui.demo.scene import Sample, Scene, SceneOptions, World
from leaptui.errors import UsageError
from leaptui.pose.skeleton import Skeleton

Flies = Sequence[Snapshot]


@dataclass(frozen=True)
class Recording:
    """Frames of one or more flies with the truth about them.

    N frames, I flies. Pixels are of the frame unless said otherwise; the centre of the top-left pixel is (0, 0),
    x right, y down. Arena pixels have the frame's size; in the view "arena" they are the frame's.

    Args:
        frames: (N, H, W, 1) uint8; N x 0 x 0 x 1 where nothing was drawn.
        points: (N, I, 32, 2) nodes in the order of `skeleton`; all are known, even where they lie outside the
            frame (in a crop of 192 px the tip of an extended wing may, by a few pixels): see `inside`.
        occluded: (N, I, 32) True where a body hides the point.
        behaviour: (N, I) codes, positions in `BEHAVIOURS`.
        stance: (N, I, 6) True where a foot stands on the ground, in the order of `LEGS`: fore, mid and
            hind leg of the right side, then of the left. Below about 60 fps a foot may have taken a step between
            two frames in both of which it stands.
        heading: (N, I) direction of the fly in the arena, radians, 0 along x and growing towards y; not wrapped.
        position: (N, I, 2) thorax in arena pixels.
        speed: (N, I) forward speed in arena pixels a second.
        camera: (N, 2, 3) map from arena pixels p to pixels of the frame, A[:, :2] p + A[:, 2].
        index: (N,) number of each frame since the start.
        fps: frames a second.
        px_per_mm: pixels a millimetre, of arena and frame alike.
        seed: what everything was made from.
        view: "centred", "arena" or "egocentric".
        continuous: False where frames do not follow each other in time.
    """

    frames: NDArray[np.uint8]
    points: Array
    occluded: Flags
    behaviour: NDArray[np.int64]
    stance: Flags
    heading: Array
    position: Array
    speed: Array
    camera: Array
    index: NDArray[np.int64]
    fps: float
    px_per_mm: float
    seed: int
    view: View
    continuous: bool = True

    def __len__(self) -> int:
        return len(self.points)

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton whose nodes the points are."""
        return SKELETON

    @property
    def behaviour_names(self) -> tuple[str, ...]:
        """Name of each behaviour code."""
        return bh.BEHAVIOURS

    @property
    def inside(self) -> Flags:
        """(N, I, 32) True where the pixel that holds the point is in the frame."""
        if self.frames.shape[1] == 0:
            raise ValueError("nothing was drawn, so there is no frame to be inside of")
        height, width = self.frames.shape[1:3]
        limit = np.array([width, height]) - 0.5
        return np.asarray(((self.points >= -0.5) & (self.points < limit)).all(axis=-1))

    @property
    def arena_points(self) -> Array:
        """(N, I, 32, 2) nodes in arena pixels, whatever the view."""
        return np.stack([apply(invert(a), p) for a, p in zip(self.camera, self.points, strict=True)])


_PER_FRAME = tuple(
    f.name for f in fields(Recording) if f.name not in ("fps", "px_per_mm", "seed", "view", "continuous")
)


def join(recordings: Iterable[Recording]) -> Recording:
    """Recordings of one stream, one after the other, as one.

    Raises:
        ValueError: if there is none.
    """
    parts = list(recordings)
    if not parts:
        raise ValueError("nothing to join")
    if len(parts) == 1:
        return parts[0]
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_FRAME}
    return replace(parts[0], **joined)


class _Recorder:
    """Turns snapshots into a Recording."""

    def __init__(self, scene: Scene, anatomies: Sequence[Anatomy], draw: bool) -> None:
        self._scene, self._anatomies = scene, list(anatomies)
        self._camera = Camera(scene.view, scene.size, scene.px_per_mm)
        self._painter = (
            Painter(anatomies, scene.look, scene.size, scene.px_per_mm, scene.seed, scene.noise) if draw else None
        )

    def record(self, numbered: Sequence[tuple[int, Flies]], continuous: bool = True) -> Recording:
        """One Recording of the given frames."""
        px = self._scene.px_per_mm
        frames, points, occluded, cameras = [], [], [], []
        for index, shots in numbered:
            places = [body_points(anatomy, shot) for anatomy, shot in zip(self._anatomies, shots, strict=True)]
            affine = self._camera.follow(shots[0].pose)
            nodes = [apply(affine, px * place) for place in places]
            occluded.append(occlusion(self._anatomies, shots, places))
            points.append(nodes)
            cameras.append(affine)
            if self._painter is not None:
                frames.append(self._painter.draw(index, shots, nodes, affine)[:, :, None])
        shown = [shots for _, shots in numbered]
        return Recording(
            frames=np.stack(frames) if frames else np.zeros((len(shown), 0, 0, 1), dtype=np.uint8),
            points=np.array(points),
            occluded=np.array(occluded),
            behaviour=np.array([[shot.behaviour for shot in shots] for shots in shown], dtype=np.int64),
            stance=np.array([[shot.stance for shot in shots] for shots in shown]),
            heading=np.array([[shot.pose.heading for shot in shots] for shots in shown]),
            position=np.array([[(px * shot.pose.x, px * shot.pose.y) for shot in shots] for shots in shown]),
            speed=np.array([[px * shot.speed for shot in shots] for shots in shown]),
            camera=np.array(cameras),
            index=np.array([index for index, _ in numbered], dtype=np.int64),
            fps=self._scene.fps,
            px_per_mm=px,
            seed=self._scene.seed,
            view=self._scene.view,
            continuous=continuous,
        )


def stream(
    n_frames: int, *, block: int = 256, draw: bool = True, **options: Unpack[SceneOptions]
) -> Iterator[Recording]:
    """Frames in blocks and constant memory: joined, they are what `simulate` returns, whatever the block.

    Args:
        n_frames: how many frames.
        block: frames in each Recording; the last may hold fewer.
        draw: False for the truth alone, without pixels.
        options: what to show: seed, size, n_flies, fps, view, behaviours, scale, look, walking_speed, noise; see
            `Scene` for what they mean and their defaults.

    Raises:
        UsageError: if a value makes no sense or the flies do not fit; at once, not at the first block.
    """
    if n_frames < 1 or block < 1:
        raise UsageError(
            f"need at least one frame, in blocks of at least one, not {n_frames} in {block}", where="n_frames"
        )
    scene = Scene(**options)
    world = World(scene)
    return _stream(world, _Recorder(scene, world.anatomies, draw), n_frames, block)


def _stream(world: World, recorder: _Recorder, n_frames: int, block: int) -> Iterator[Recording]:
    for start in range(0, n_frames, block):
        numbered: list[tuple[int, Flies]] = []
        for index in range(start, min(start + block, n_frames)):
            world.step()
            numbered.append((index, world.look()))
        yield recorder.record(numbered)


def simulate(n_frames: int, *, draw: bool = True, **options: Unpack[SceneOptions]) -> Recording:
    """A recording of synthetic flies with the truth about every frame.

    Args:
        n_frames: how many frames.
        draw: False for the truth alone, without pixels.
        options: what to show: seed, size, n_flies, fps, view, behaviours, scale, look, walking_speed, noise; see
            `Scene` for what they mean and their defaults.

    Raises:
        UsageError: if a value makes no sense or the flies do not fit.
    """
    return join(stream(n_frames, draw=draw, **options))


def sample_poses(n: int, **options: Unpack[SceneOptions]) -> Recording:
    """Frames of the same flies spread evenly over behaviours and headings, as one would choose them for labelling.

    Every frame comes from a short life of its own; flies, floor and light are those of `simulate` with the same
    seed and options.

    Args:
        n: how many frames.
        options: what to show, as for `simulate`.

    Raises:
        UsageError: if a value makes no sense or the flies do not fit.
    """
    if n < 1:
        raise UsageError(f"need at least one frame, not {n}", where="n")
    scene = Scene(**options)
    allowed = bh.codes(scene.behaviours)
    rng = generator(scene.seed, 12)
    headings = 2.0 * np.pi * (rng.permutation(n) + rng.random(n)) / n - np.pi
    seconds = rng.uniform(0.15, 0.85, size=n)
    recorder = _Recorder(scene, World(scene).anatomies, True)
    numbered: list[tuple[int, Flies]] = []
    for k in range(n):
        doing = tuple(allowed[(k + i) % len(allowed)] for i in range(scene.n_flies))
        world = World(scene, Sample(k, doing, float(headings[k]), float(seconds[k])))
        for _ in range(max(round(float(seconds[k]) * scene.fps), 1)):
            world.step()
        numbered.append((k, world.look()))
    return recorder.record(numbered, continuous=False)
