"""The truth is where the picture says it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.demo import LEGS, sample_poses, simulate
from leaptui.demo.anatomy import LEG_NODES, SKELETON, Anatomy, generator, individual
from leaptui.demo.camera import apply
from leaptui.demo.draw import Painter
from leaptui.demo.gait import Pose
from leaptui.demo.kinematics import Snapshot, body_points, leg_joints, occlusion, to_arena, to_body

PX = 35.0
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def standing(pose: Pose, anatomy: Anatomy, shift: np.ndarray | None = None) -> Snapshot:
    """A fly at ease, its feet moved by `shift` (6, 2) in body coordinates."""
    rest = np.concatenate([anatomy.rest, anatomy.rest * np.array([1.0, -1.0])])
    feet = to_arena(pose, rest if shift is None else rest + shift)
    return Snapshot(
        pose=pose,
        head=0.1,
        abdomen=-0.05,
        stretch=1.0,
        wings=(0.05, 0.3),
        song=(0.0, 0.0),
        feet=feet,
        lift=np.zeros(6),
        stance=np.ones(6, dtype=bool),
        over=np.zeros(6, dtype=bool),
        speed=0.0,
        behaviour=0,
    )


def mirrored(shot: Snapshot) -> Snapshot:
    """The mirror image across the x axis of the arena."""
    swap = [3, 4, 5, 0, 1, 2]
    return replace(
        shot,
        pose=Pose(shot.pose.x, -shot.pose.y, -shot.pose.heading),
        head=-shot.head,
        abdomen=-shot.abdomen,
        wings=(shot.wings[1], shot.wings[0]),
        song=(shot.song[1], shot.song[0]),
        feet=(shot.feet * np.array([1.0, -1.0]))[swap],
        lift=shot.lift[swap],
        stance=shot.stance[swap],
        over=shot.over[swap],
    )


def swapped_nodes() -> list[int]:
    other = {}
    for s in SKELETON.symmetries:
        other[s.left], other[s.right] = s.right, s.left
    return [SKELETON.index(other.get(name, name)) for name in SKELETON.node_names]


places = st.floats(-0.35, 0.35)


@given(
    x=st.floats(-5, 5),
    y=st.floats(-5, 5),
    heading=st.floats(-7, 7),
    seed=st.integers(0, 50),
    shift=st.lists(places, min_size=12, max_size=12),
)
def test_mirrored_pose_has_mirrored_points_with_sides_swapped(
    x: float, y: float, heading: float, seed: int, shift: list[float]
) -> None:
    anatomy = individual(generator(seed))
    shot = standing(Pose(x, y, heading), anatomy, np.array(shift).reshape(6, 2))
    points = body_points(anatomy, shot)
    image = body_points(anatomy, mirrored(shot))
    assert np.allclose(image[swapped_nodes()], points * np.array([1.0, -1.0]), atol=1e-9)
    hidden = occlusion([anatomy], [shot], [points])[0]
    hidden_image = occlusion([anatomy], [mirrored(shot)], [image])[0]
    assert (hidden_image[swapped_nodes()] == hidden).mean() > 0.96


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-7, 7), st.lists(places, min_size=12, max_size=12))
def test_legs_are_never_longer_than_their_segments(x: float, y: float, heading: float, shift: list[float]) -> None:
    anatomy = Anatomy()
    shot = standing(Pose(x, y, heading), anatomy, np.array(shift).reshape(6, 2))
    joints = leg_joints(anatomy, to_body(shot.pose, shot.feet), shot.lift)
    lengths = np.linalg.norm(np.diff(joints, axis=1), axis=-1)
    assert (lengths <= np.tile(anatomy.segments, (2, 1)) + 1e-9).all()
    assert np.allclose(joints[:, 3], to_body(shot.pose, shot.feet))


def test_moving_the_fly_moves_points_and_pixels_equally() -> None:
    anatomy = Anatomy()
    painter = Painter([anatomy], "bright", (240, 260), PX, seed=1, noise=False)
    frames, points = [], []
    for dx, dy in ((0, 0), (12, -7)):
        shot = standing(Pose((120 + dx) / PX, (120 + dy) / PX, 0.6), anatomy)
        nodes = apply(IDENTITY, PX * body_points(anatomy, shot))
        points.append(nodes)
        frames.append(painter.draw(0, [shot], [nodes], IDENTITY).astype(int))
    assert np.allclose(points[1] - points[0], [12, -7])
    moved = frames[1][20:200, 20:220]
    still = frames[0][27:207, 8:208]
    # Lamp and floor stay where they are, so the two differ by a few grey levels; an edge off by a pixel, by many.
    assert np.percentile(np.abs(moved - still), 99) < 12
    assert np.percentile(np.abs(moved - frames[0][27:207, 9:209]), 99) > 25


@settings(max_examples=15, deadline=None)
@given(heading=st.floats(-7, 7), seed=st.integers(0, 20))
def test_nodes_lie_on_the_fly_and_the_rest_is_background(heading: float, seed: int) -> None:
    anatomy = individual(generator(seed))
    painter = Painter([anatomy], "bright", (192, 192), PX, seed=seed, noise=False)
    shot = standing(Pose(95.5 / PX, 95.5 / PX, heading), anatomy)
    nodes = PX * body_points(anatomy, shot)
    frame = painter.draw(0, [shot], [nodes], IDENTITY)
    at = np.rint(nodes).astype(int)
    bright = frame[np.clip(at[:, 1], 1, 190), np.clip(at[:, 0], 1, 190)].astype(int)
    for name in ("eyeL", "eyeR", "neck", "thorax"):
        assert bright[SKELETON.index(name)] > 100, name
    for name in ("head", "abdomen"):
        inward = nodes[SKELETON.index(name)] * 0.95 + 0.05 * nodes[SKELETON.index("thorax")]
        x, y = np.rint(inward).astype(int)
        assert frame[y, x] > 120, name
    for leg in LEG_NODES:
        # A tip is half a pixel thick: look for it in the pixels around.
        x, y = at[leg[3]]
        floor = np.median(frame)
        assert frame[y - 1 : y + 2, x - 1 : x + 2].max() > floor + 20
        assert bright[leg[1]] > floor + 40 and bright[leg[2]] > floor + 40
    yy, xx = np.mgrid[:192, :192]
    far = np.hypot(xx - 95.5, yy - 95.5) > 92
    assert np.percentile(frame[far], 99) < 60


def test_the_legs_that_are_drawn_are_the_legs_that_are_meant() -> None:
    """Moving one foot changes the picture near that leg and nowhere else."""
    anatomy = Anatomy()
    painter = Painter([anatomy], "bright", (192, 192), PX, seed=1, noise=False)
    pose = Pose(95.5 / PX, 95.5 / PX, 0.0)

    def draw(shift: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        shot = standing(pose, anatomy, shift)
        nodes = PX * body_points(anatomy, shot)
        return painter.draw(0, [shot], [nodes], IDENTITY).astype(int), nodes

    before, nodes = draw(None)
    for i in range(len(LEGS)):
        shift = np.zeros((6, 2))
        shift[i] = [0.25, 0.0]
        after, moved = draw(shift)
        y, x = np.nonzero(np.abs(after - before) > 8)
        chain = np.concatenate([nodes[LEG_NODES[i]], moved[LEG_NODES[i]]])
        assert len(x) > 10
        assert x.min() > chain[:, 0].min() - 6 and x.max() < chain[:, 0].max() + 6
        assert y.min() > chain[:, 1].min() - 6 and y.max() < chain[:, 1].max() + 6


def test_hips_are_hidden_and_feet_of_a_standing_fly_are_not() -> None:
    anatomy = Anatomy()
    shot = standing(Pose(0, 0, 1.0), anatomy)
    hidden = occlusion([anatomy], [shot], [body_points(anatomy, shot)])[0]
    assert hidden[LEG_NODES[:, 0]].all()
    assert not hidden[LEG_NODES[:, 3]].any()
    assert not hidden[[SKELETON.index(n) for n in ("head", "thorax", "abdomen", "wingL", "wingR")]].any()


def test_hidden_joints_leave_no_mark_in_the_picture() -> None:
    """Where a joint is said to be hidden, drawing its leg or not makes no difference."""
    r = sample_poses(12, seed=4, noise=False, behaviours=["walk", "stand"])
    assert r.occluded[:, 0, LEG_NODES[:, 0]].all()
    at = np.rint(r.points[:, 0]).astype(int)
    for k in range(len(r)):
        for node in LEG_NODES[:, 0]:
            x, y = at[k, node]
            assert r.frames[k, y, x, 0] > 120


def test_legs_of_one_fly_are_hidden_under_the_other() -> None:
    anatomy = Anatomy()
    one, two = standing(Pose(0, 0, 0), anatomy), standing(Pose(0, 1.6, 0), anatomy)
    points = [body_points(anatomy, one), body_points(anatomy, two)]
    hidden = occlusion([anatomy, anatomy], [one, two], points)
    assert hidden[0][SKELETON.index("midlegR4")] and hidden[1][SKELETON.index("midlegL4")]
    assert not hidden[0][SKELETON.index("midlegL4")]


def test_grooming_forelegs_are_drawn_over_the_head() -> None:
    r = simulate(120, seed=1, behaviours=["groom_head"], view="egocentric", noise=False)
    tips = r.points[60:, 0, SKELETON.index("forelegR4")]
    assert not r.occluded[60:, 0, SKELETON.index("forelegR4")].any()
    assert np.ptp(tips[:, 0]) > 10


def test_dark_look_is_a_dark_fly_on_a_light_floor() -> None:
    r = simulate(2, seed=1, look="dark")
    x, y = np.rint(r.points[0, 0, SKELETON.index("thorax")]).astype(int)
    assert r.frames[0, y, x, 0] < 120 < np.median(r.frames[0])


def test_noise_can_be_left_out_and_changes_from_frame_to_frame() -> None:
    clean = simulate(2, seed=1, behaviours=["stand"], noise=False).frames.astype(int)
    noisy = simulate(2, seed=1, behaviours=["stand"]).frames.astype(int)
    grain = noisy - clean
    assert 0.3 < grain.std() < 4.0
    assert np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1] < 0.2


@pytest.mark.parametrize("look", ["bright", "dark"])
def test_the_floor_moves_with_the_arena(look: str) -> None:
    """In a centred crop the ground passes below: it is not a fixed picture."""
    r = simulate(60, seed=3, behaviours=["walk"], walking_speed=(20, 25), look=look, noise=False)
    shift = np.rint(r.camera[-1, :, 2] - r.camera[-2, :, 2]).astype(int)
    assert np.abs(shift).sum() > 0
    first, last = r.frames[-2, :, :, 0].astype(int), r.frames[-1, :, :, 0].astype(int)
    rolled = np.roll(first, (shift[1], shift[0]), axis=(0, 1))
    corner = (slice(12, 40), slice(12, 40))
    assert np.abs(last - rolled)[corner].mean() <= np.abs(last - first)[corner].mean() + 0.05
    assert np.abs(last - rolled)[corner].mean() < 1.0
