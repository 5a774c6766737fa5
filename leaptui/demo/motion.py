"""One fly in motion: body, head, abdomen and wings in time, inside an arena and clear of other flies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from leaptui.demo import behaviour as bh
from leaptui.demo.anatomy import SIDES, Anatomy
from leaptui.demo.gait import LegMode, Pair, Pose, Stepper

MIN_GAP = 0.3
"""Flies keep at least this many mm between their bodies."""

_EXTENDED = (1.32, 1.50)
# Two flies whose thoraxes are further apart than this (mm) cannot touch even with a wing out.
_OUT_OF_REACH = 7.5
_SONG_HZ = 167.0
_SONG_SWING = 0.055


@dataclass(frozen=True)
class Bounds:
    """Rectangle in mm within which the thorax of a fly stays."""

    left: float
    top: float
    right: float
    bottom: float

    def room_ahead(self, pose: Pose) -> float:
        """Distance along the heading to the edge, mm."""
        c, s = math.cos(pose.heading), math.sin(pose.heading)
        along_x = ((self.right if c > 0 else self.left) - pose.x) / c if abs(c) > 1e-9 else math.inf
        along_y = ((self.bottom if s > 0 else self.top) - pose.y) / s if abs(s) > 1e-9 else math.inf
        return max(min(along_x, along_y), 0.0)

    def holds(self, x: float, y: float) -> bool:
        """Whether a place is inside."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    @property
    def centre(self) -> Pair:
        """Middle of the rectangle."""
        return 0.5 * (self.left + self.right), 0.5 * (self.top + self.bottom)


@dataclass
class Drives:
    """What the present bout asks for."""

    speed: float = 0.0
    turn: float = 0.0
    renew: float = 0.0
    wing_side: int = 0
    wing_angle: float = _EXTENDED[0]
    rhythm: float = 6.0
    clock: float = 0.0


@dataclass
class Posture:
    """Parts of the body that move on it: angles in radians, towards the right positive."""

    head: float = 0.0
    abdomen: float = 0.0
    stretch: float = 1.0
    wings: list[float] = field(default_factory=lambda: [0.0, 0.0])
    song: list[float] = field(default_factory=lambda: [0.0, 0.0])


class Fly:
    """One fly. `advance` moves it; the attributes tell where it and its parts are.

    Args:
        anatomy: its measures.
        pose: where it starts.
        rng: all its randomness.
        plan: what it does.
        speeds: lowest and highest walking speed, mm/s.
        bounds: where it may walk, None for everywhere.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        pose: Pose,
        rng: np.random.Generator,
        plan: bh.Plan,
        speeds: tuple[float, float],
        bounds: Bounds | None,
    ) -> None:
        self.anatomy, self.pose, self.bounds = anatomy, pose, bounds
        self.speed = 0.0
        self.turn = 0.0
        self.posture = Posture(wings=[anatomy.splay, anatomy.splay])
        self.stepper = Stepper(anatomy, pose, rng)
        self.behaviour = bh.STAND
        self._rng, self._plan, self._speeds = rng, plan, speeds
        self._drives = Drives()
        self._left = 0.0
        self._time = float(rng.random())
        self._drift = [0.0, 0.0]

    def advance(self, dt: float, others: Sequence[Fly]) -> None:
        """Move by dt seconds; `others` are the flies to keep clear of."""
        self._time += dt
        self._left -= dt
        if self._left <= 0.0:
            self._begin(others)
        self._drives.clock += dt
        self._move_body(dt, others)
        self._move_parts(dt)
        self.stepper.advance(dt, self.pose, self.speed, self.turn, self._grooming())

    def _begin(self, others: Sequence[Fly]) -> None:
        bout = self._plan.following()
        sides = [0, 1] if self._rng.random() < 0.5 else [1, 0]
        angle = float(self._rng.uniform(*_EXTENDED))
        code = bout.behaviour
        if code == bh.WING_EXTENSION:
            sides = [side for side in sides if self._wing_has_room(side, others)] or sides[:1]
            if not self._wing_has_room(sides[0], others) and self._plan.allows(bh.WALK):
                code = bh.WALK
        self.behaviour, self._left = code, bout.seconds
        self._drives = Drives(wing_side=sides[0], wing_angle=angle, rhythm=float(self._rng.uniform(5.0, 7.0)))

    def _wing_has_room(self, side: int, others: Sequence[Fly]) -> bool:
        wings = list(self.posture.wings)
        wings[side] = _EXTENDED[1]
        return all(clearance(self.circles(self.pose, wings), other.circles()) > MIN_GAP for other in others)

    def _renew_walk(self, dt: float) -> None:
        drives, rng = self._drives, self._rng
        drives.renew -= dt
        if drives.renew <= 0.0:
            low, high = self._speeds
            drives.speed = low * (high / low) ** float(rng.random())
            drives.renew = float(rng.uniform(0.35, 1.2))
            drives.turn = float(np.clip(rng.standard_normal(), -2, 2)) * (2.6 if rng.random() < 0.4 else 0.7)

    def _move_body(self, dt: float, others: Sequence[Fly]) -> None:
        speed = turn = 0.0
        if self.behaviour == bh.WALK:
            self._renew_walk(dt)
            speed, turn = self._steer(self._drives.speed, self._drives.turn, others)
        self.speed += (speed - self.speed) * (1.0 - math.exp(-dt / 0.07))
        self.turn += (turn - self.turn) * (1.0 - math.exp(-dt / 0.06))
        heading = self.pose.heading + self.turn * dt
        middle = self.pose.heading + 0.5 * self.turn * dt
        step = self.speed * dt
        x, y = self.pose.x + step * math.cos(middle), self.pose.y + step * math.sin(middle)
        if self.bounds is not None and not self.bounds.holds(x, y):
            x, y, self.speed = self.pose.x, self.pose.y, 0.0
        for candidate in (Pose(x, y, heading), Pose(self.pose.x, self.pose.y, heading)):
            if self._is_clear(candidate, others):
                if candidate.x == self.pose.x and candidate.y == self.pose.y:
                    self.speed = 0.0
                self.pose = candidate
                return
        self.speed, self.turn = 0.0, 0.0
        self._drives.turn = -self._drives.turn

    def _is_clear(self, candidate: Pose, others: Sequence[Fly]) -> bool:
        for other in others:
            if _far_apart(candidate, other.pose):
                continue
            gap = clearance(self.circles(candidate), other.circles())
            if gap < MIN_GAP and gap <= clearance(self.circles(), other.circles()):
                return False
        return True

    def _steer(self, speed: float, turn: float, others: Sequence[Fly]) -> tuple[float, float]:
        if self.bounds is not None:
            room = self.bounds.room_ahead(self.pose)
            look = 0.5 + 0.14 * self.speed
            if room < look:
                off = _bearing(self.pose, self.bounds.centre)
                urgency = 1.0 - room / look
                turn = (1.0 - urgency) * turn + math.copysign(3.0 + 5.0 * urgency, off)
                speed = min(speed, 8.0 * room + (1.5 if abs(off) < 1.2 else 0.0))
        for other in others:
            if _far_apart(self.pose, other.pose):
                continue
            gap = clearance(self.circles(), other.circles())
            off = _bearing(self.pose, (other.pose.x, other.pose.y))
            if gap < 1.6 and abs(off) < 1.5:
                turn = -math.copysign(5.5, off)
                speed *= min(max((gap - MIN_GAP) / 1.3, 0.0), 1.0) if abs(off) < 1.1 else 1.0
        return speed, turn

    def _move_parts(self, dt: float) -> None:
        posture, drives = self.posture, self._drives
        for k, (size, seconds) in enumerate(((0.06, 0.5), (0.035, 0.8))):
            kick = size * math.sqrt(2.0 * dt / seconds) * float(self._rng.standard_normal())
            self._drift[k] += -self._drift[k] * dt / seconds + kick
        look = min(max(0.035 * self.turn, -0.2), 0.2)
        posture.head += (look + self._drift[0] - posture.head) * (1.0 - math.exp(-dt / 0.05))
        bend = min(max(-0.012 * self.turn, -0.07), 0.07)
        posture.abdomen += (bend + self._drift[1] - posture.abdomen) * (1.0 - math.exp(-dt / 0.08))
        posture.stretch = 1.0 + 0.012 * math.sin(2.0 * math.pi * 1.7 * self._time)
        for side in (0, 1):
            extending = self.behaviour == bh.WING_EXTENSION and side == drives.wing_side
            goal = self.anatomy.splay + (0.12 if self.behaviour == bh.GROOM_ABDOMEN else 0.0)
            if extending:
                goal = drives.wing_angle
            still = posture.wings[side] - posture.song[side] * math.sin(2.0 * math.pi * _SONG_HZ * (self._time - dt))
            still += (goal - still) * (1.0 - math.exp(-dt / 0.06))
            posture.song[side] = _SONG_SWING * min(max((still - 0.9) / 0.4, 0.0), 1.0) if extending else 0.0
            posture.wings[side] = still + posture.song[side] * math.sin(2.0 * math.pi * _SONG_HZ * self._time)

    def _grooming(self) -> dict[int, tuple[Pair, float]]:
        if self.speed > 1.0:
            return {}
        drives = self._drives
        angle = 2.0 * math.pi * drives.rhythm * drives.clock
        q = 0.5 - 0.5 * math.cos(angle)
        if self.behaviour == bh.GROOM_FORELEGS:
            return {
                i: ((1.60 + SIDES[i] * 0.13 * math.sin(angle), SIDES[i] * (0.055 + 0.02 * math.cos(angle))), 0.25)
                for i in (0, 3)
            }
        if self.behaviour == bh.GROOM_HEAD:
            tip = (1.02 + 0.56 * q, 0.10 + 0.33 * (1.0 - q) ** 1.5)
            return {i: ((tip[0], SIDES[i] * tip[1]), 0.75) for i in (0, 3)}
        if self.behaviour == bh.GROOM_ABDOMEN:
            tip = (-1.02 - 0.62 * q, 0.50 - 0.38 * q * q)
            return {i: ((tip[0], SIDES[i] * tip[1]), 0.35) for i in (2, 5)}
        return {}

    @property
    def over(self) -> list[bool]:
        """Legs whose tibia and tarsus are above the body (a fly that grooms its head)."""
        legs = self.stepper.legs
        return [i in (0, 3) and leg.mode is LegMode.GROOM and leg.lift > 0.45 for i, leg in enumerate(legs)]

    def circles(
        self, pose: Pose | None = None, wings: Sequence[float] | None = None
    ) -> list[tuple[float, float, float]]:
        """Discs (x, y, radius) in mm of the arena that cover head, thorax, abdomen and wings."""
        pose = self.pose if pose is None else pose
        wings = self.posture.wings if wings is None else wings
        discs = [(1.0, 0.0, 0.52), (0.35, 0.0, 0.50), (-0.4, 0.0, 0.50), (-1.1, 0.0, 0.52), (-1.8, 0.0, 0.5)]
        for side, sign in ((0, -1.0), (1, 1.0)):
            if wings[side] > 0.35:
                back, out = -math.cos(wings[side]), math.sin(wings[side])
                hinge = self.anatomy.hinge
                discs += [(hinge[0] + d * back, sign * (hinge[1] + d * out), 0.45) for d in (0.9, 1.5, 2.0)]
        return [(*pose.to_arena(forward, right), radius) for forward, right, radius in discs]


def _far_apart(first: Pose, second: Pose) -> bool:
    return math.hypot(first.x - second.x, first.y - second.y) > _OUT_OF_REACH


def clearance(first: Sequence[tuple[float, float, float]], second: Sequence[tuple[float, float, float]]) -> float:
    """Smallest gap between two sets of discs; negative where they overlap."""
    return min(math.hypot(a[0] - b[0], a[1] - b[1]) - a[2] - b[2] for a in first for b in second)


def _bearing(pose: Pose, place: Pair) -> float:
    """Angle from the heading to a place, in (-pi, pi]; positive to the right."""
    angle = math.atan2(place[1] - pose.y, place[0] - pose.x) - pose.heading
    return math.atan2(math.sin(angle), math.cos(angle))
