"""From a fly's posture to its 32 points, seen from above.

Legs are solved in three dimensions: the foot is where the gait put it, the tarsus rises from it, and coxa-femur and
tibia meet at the knee in a plane that leans over; so segments keep their lengths and foreshorten as
they do under a camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaptui.demo.anatomy import LEG_NODES, SIDES, SKELETON, Anatomy, Array
from leaptui.demo.gait import Pose
from leaptui.demo.motion import Fly

Flags = NDArray[np.bool_]

_TARSUS_PITCH = 0.44
_SIGN = np.array(SIDES)
_HEAD, _EYE_L, _EYE_R, _NECK, _THORAX, _ABDOMEN, _WING_L, _WING_R = (
    SKELETON.index(name) for name in ("head", "eyeL", "eyeR", "neck", "thorax", "abdomen", "wingL", "wingR")
)


@dataclass(frozen=True)
class Snapshot:
    """One fly at one moment.

    Args:
        pose: thorax and heading in the arena, mm and radians.
        head: angle of the head on the neck, positive to the right.
        abdomen: angle of the abdomen at the waist, positive when its tip is to the right.
        stretch: length of the abdomen as a share of its mean.
        wings: angles of left and right wing away from straight back, outward positive.
        song: amplitude of each wing's vibration, radians.
        feet: (6, 2) tips of the legs in mm of the arena, in the order of `anatomy.LEGS`.
        lift: (6,) height of the tips above the ground, mm.
        stance: (6,) True where the foot stands on the ground.
        over: (6,) True where tibia and tarsus are above the body.
        speed: forward speed, mm/s.
        behaviour: code of what the fly does.
    """

    pose: Pose
    head: float
    abdomen: float
    stretch: float
    wings: tuple[float, float]
    song: tuple[float, float]
    feet: Array
    lift: Array
    stance: Flags
    over: Flags
    speed: float
    behaviour: int


def snapshot(fly: Fly) -> Snapshot:
    """What a fly looks like now."""
    posture, legs = fly.posture, fly.stepper.legs
    return Snapshot(
        pose=Pose(fly.pose.x, fly.pose.y, fly.pose.heading),
        head=posture.head,
        abdomen=posture.abdomen,
        stretch=posture.stretch,
        wings=(posture.wings[0], posture.wings[1]),
        song=(posture.song[0], posture.song[1]),
        feet=np.array([leg.foot for leg in legs]),
        lift=np.array([leg.lift for leg in legs]),
        stance=np.array([leg.mode == 0 for leg in legs]),
        over=np.array(fly.over),
        speed=fly.speed,
        behaviour=fly.behaviour,
    )


def to_arena(pose: Pose, body: Array) -> Array:
    """Body coordinates (..., 2) to arena coordinates, mm."""
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    forward, right = body[..., 0], body[..., 1]
    return np.stack([pose.x + c * forward - s * right, pose.y + s * forward + c * right], axis=-1)


def to_body(pose: Pose, arena: Array) -> Array:
    """Arena coordinates (..., 2) to body coordinates, mm."""
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    dx, dy = arena[..., 0] - pose.x, arena[..., 1] - pose.y
    return np.stack([c * dx + s * dy, c * dy - s * dx], axis=-1)


def turned(points: Array, pivot: float, angle: float) -> Array:
    """Body points turned about a point on the midline, by an angle that is positive to the right."""
    c, s = np.cos(angle), np.sin(angle)
    forward, right = points[..., 0] - pivot, points[..., 1]
    return np.stack([pivot + c * forward - s * right, s * forward + c * right], axis=-1)


def leg_joints(anatomy: Anatomy, feet: Array, lift: Array) -> Array:
    """Joints of all legs in body coordinates.

    A foot that is out of reach stretches its leg: the foot is never moved.

    Args:
        anatomy: the fly.
        feet: (6, 2) tips in body coordinates, mm.
        lift: (6,) their heights, mm.

    Returns:
        (6, 4, 2) hip, knee (femur to tibia), ankle (tibia to tarsus) and tip.
    """
    mirror = np.stack([np.ones(6), _SIGN], axis=1)
    hips = np.tile(anatomy.hips, (2, 1)) * mirror
    femur, tibia, tarsus = np.tile(anatomy.segments, (2, 1)).T
    tilt = np.tile(anatomy.knee_tilt, 2)

    out = feet - hips
    distance = np.maximum(np.hypot(out[:, 0], out[:, 1]), 1e-6)
    along = out / distance[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * (_SIGN * np.tile(anatomy.knee_side, 2))[:, None]

    flat = np.minimum(tarsus * np.cos(_TARSUS_PITCH), 0.45 * distance)
    ankle = feet - along * flat[:, None]
    ankle_height = lift + np.sqrt(np.maximum(tarsus**2 - flat**2, 0.0)) * np.minimum(1.0, flat / (0.5 * tarsus))

    reach = distance - flat
    rise = ankle_height - anatomy.hip_height
    straight = np.sqrt(reach**2 + rise**2)
    bent = np.clip(straight, np.abs(femur - tibia) + 1e-6, femur + tibia)
    share = (femur**2 - tibia**2 + bent**2) / (2.0 * bent)
    height = np.sqrt(np.maximum(femur**2 - share**2, 0.0))
    straight = np.maximum(straight, 1e-6)
    knee_along = share / bent * reach - height * np.cos(tilt) * rise / straight
    knee_across = height * np.sin(tilt)
    knee = hips + along * knee_along[:, None] + across * knee_across[:, None]
    return np.stack([hips, knee, ankle, feet], axis=1)


def wing_axes(anatomy: Anatomy, angle: float, sign: float) -> tuple[Array, Array, Array]:
    """Hinge, unit vector to the tip and unit vector to the leading edge, in body coordinates."""
    c, s = np.cos(angle), np.sin(angle)
    hinge = np.array([anatomy.hinge[0], sign * anatomy.hinge[1]])
    return hinge, np.array([-c, sign * s]), np.array([s, sign * c])


def body_points(anatomy: Anatomy, shot: Snapshot) -> Array:
    """(32, 2) nodes in mm of the arena, in the order of the skeleton."""
    body = np.zeros((len(SKELETON), 2))
    head = np.array([[anatomy.head, 0.0], [anatomy.eye[0], -anatomy.eye[1]], [anatomy.eye[0], anatomy.eye[1]]])
    body[[_HEAD, _EYE_L, _EYE_R]] = turned(head, anatomy.neck, shot.head)
    body[_NECK, 0] = anatomy.neck
    tip = anatomy.waist + (anatomy.abdomen - anatomy.waist) * shot.stretch
    body[_ABDOMEN] = turned(np.array([tip, 0.0]), anatomy.waist, -shot.abdomen)
    for node, angle, sign in ((_WING_L, shot.wings[0], -1.0), (_WING_R, shot.wings[1], 1.0)):
        hinge, along, _ = wing_axes(anatomy, angle, sign)
        body[node] = hinge + anatomy.wing * along
    body[LEG_NODES] = leg_joints(anatomy, to_body(shot.pose, shot.feet), shot.lift)
    arena = to_arena(shot.pose, body)
    arena[LEG_NODES[:, 3]] = shot.feet
    return arena


def covers(anatomy: Anatomy, shot: Snapshot, arena: Array) -> Flags:
    """Which places (..., 2) in mm of the arena lie under the opaque body of a fly."""
    body = to_body(shot.pose, arena)
    hidden = np.zeros(body.shape[:-1], dtype=bool)
    for name, outline in anatomy.outlines.items():
        local = body
        if name == "head":
            local = turned(body, anatomy.neck, -shot.head)
        elif name == "abdomen":
            local = turned(body, anatomy.waist, shot.abdomen)
            local = np.stack([anatomy.waist + (local[..., 0] - anatomy.waist) / shot.stretch, local[..., 1]], axis=-1)
        hidden |= outline.level(local[..., 0], local[..., 1]) < 1.0
    return hidden


def occlusion(anatomies: Sequence[Anatomy], shots: Sequence[Snapshot], points: Sequence[Array]) -> list[Flags]:
    """(32,) for each fly: leg joints that a body hides. Wings are translucent and hide nothing."""
    flags = []
    for shot, places in zip(shots, points, strict=True):
        legs = places[LEG_NODES]
        hidden = np.zeros((6, 4), dtype=bool)
        for anatomy, other in zip(anatomies, shots, strict=True):
            hidden |= covers(anatomy, other, legs)
        hidden[:, 2:] &= ~shot.over[:, None]
        flag = np.zeros(len(places), dtype=bool)
        flag[LEG_NODES] = hidden
        flags.append(flag)
    return flags
