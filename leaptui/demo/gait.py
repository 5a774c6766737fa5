"""How a walking fly moves its feet.

Facts built in, from studies of walking *Drosophila*:

- The swing of a leg lasts about 30 to 50 ms at every speed; speed is set by the duration of the stance
  (Mendes et al. 2013, eLife 2:e00231; DeAngelis et al. 2019, eLife 8:e46409).
- Left and right leg of a segment alternate, half a cycle apart. On each side swings run from the hind leg
  over the mid leg to the foreleg; the lag between neighbours grows continuously from a third of a cycle
  in slow walking (tetrapod: four feet on the ground) to half a cycle in fast walking (tripod: fore and
  hind leg of one side swing with the mid leg of the other) (Wosnitza et al. 2013, J Exp Biol 216:480;
  DeAngelis et al. 2019).
- A foot in stance does not move; it swings to a place ahead of its rest position so that the middle of
  the stance finds it there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from leaptui.demo.anatomy import SIDES, Anatomy

TETRAPOD_BELOW = 9.0
"""Walking slower than this (mm/s) is a full tetrapod."""
TRIPOD_ABOVE = 17.0
"""Walking faster than this (mm/s) is a full tripod."""

_LAGS = (2.0, 1.0, 0.0, 2.0, 1.0, 0.0)
_TURN_RADIUS = 1.3
_STRAY = 0.36
_OVERSTRETCHED = 1.05
# Spread of the footholds along and across the body in mm, and of the moment of lift-off in cycles.
_SCATTER = (0.05, 0.07)
_PHASE_JITTER = 0.015

Pair = tuple[float, float]


class LegMode(IntEnum):
    """What a leg is doing."""

    STANCE = 0
    SWING = 1
    GROOM = 2


@dataclass
class Pose:
    """Where a body is: x, y in mm of the arena and heading in radians (0 along x, growing towards y)."""

    x: float
    y: float
    heading: float

    def to_arena(self, forward: float, right: float) -> Pair:
        """Body coordinates to arena coordinates."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return self.x + c * forward - s * right, self.y + s * forward + c * right

    def to_body(self, x: float, y: float) -> Pair:
        """Arena coordinates to body coordinates."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        dx, dy = x - self.x, y - self.y
        return c * dx + s * dy, c * dy - s * dx


def excursion(speed: float) -> float:
    """Length in mm over which the body passes a standing foot, at a walking speed in mm/s."""
    return 0.75 + 0.018 * speed


def swing_duration(speed: float) -> float:
    """Seconds a foot is in the air, at a walking speed in mm/s."""
    return min(max(0.054 - 0.00075 * speed, 0.031), 0.050)


def step_frequency(speed: float) -> float:
    """Steps a second of each leg, at a walking speed in mm/s; 0 when standing."""
    return speed / (excursion(speed) + speed * swing_duration(speed))


def ipsilateral_lag(speed: float) -> float:
    """Share of a cycle by which a leg swings after the next one behind it: 1/3 slow to 1/2 fast."""
    t = min(max((speed - TETRAPOD_BELOW) / (TRIPOD_ABOVE - TETRAPOD_BELOW), 0.0), 1.0)
    return 1.0 / 3.0 + t * t * (3.0 - 2.0 * t) / 6.0


@dataclass
class _Leg:
    foot: Pair
    lift: float = 0.0
    mode: LegMode = LegMode.STANCE
    progress: float = 0.0
    duration: float = 0.04
    start: Pair = (0.0, 0.0)
    scatter: Pair = (0.0, 0.0)
    early: float = 0.0
    cycle: int = 0


class Stepper:
    """The six feet of one fly: which are on the ground, and where.

    Args:
        anatomy: the fly.
        pose: where it starts.
        rng: scatter of the footholds.
    """

    def __init__(self, anatomy: Anatomy, pose: Pose, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rest = [(float(anatomy.rest[i % 3, 0]), SIDES[i] * float(anatomy.rest[i % 3, 1])) for i in range(6)]
        self._clock = float(rng.random())
        self._lag = 1.0 / 3.0
        self._settle = 0.0
        self.legs: list[_Leg] = []
        for i, (forward, right) in enumerate(self._rest):
            leg = _Leg(pose.to_arena(forward + 0.1 * float(rng.standard_normal()), right))
            leg.cycle = math.floor(self._phase(i))
            self.legs.append(leg)

    def _phase(self, i: int) -> float:
        early = self.legs[i].early if i < len(self.legs) else 0.0
        return self._clock - _LAGS[i] * self._lag - (0.5 if i >= 3 else 0.0) + early

    def advance(self, dt: float, pose: Pose, speed: float, turn: float, groom: dict[int, tuple[Pair, float]]) -> None:
        """Move the feet by one time step.

        Args:
            dt: seconds.
            pose: where the body is after the step.
            speed: forward speed, mm/s.
            turn: angular velocity, rad/s.
            groom: for each leg that is off the ground to groom, where its tip should be in body
                coordinates and its height, mm.
        """
        effective = math.hypot(speed, _TURN_RADIUS * turn)
        self._lag += (ipsilateral_lag(effective) - self._lag) * (1.0 - math.exp(-dt / 0.12))
        self._clock += step_frequency(effective) * dt
        self._settle = self._settle + dt if effective < 0.8 else 0.0
        for i, leg in enumerate(self.legs):
            cycle = math.floor(self._phase(i))
            due = cycle > leg.cycle
            leg.cycle = max(cycle, leg.cycle)
            if i in groom:
                self._groom(leg, dt, pose, *groom[i])
            elif leg.mode is LegMode.GROOM:
                self._lift_off(leg, 0.11)
            elif leg.mode is LegMode.SWING:
                self._swing(i, leg, dt, pose, speed, turn)
            elif due or self._must_step(i, leg, pose):
                self._lift_off(leg, swing_duration(effective))

    def _must_step(self, i: int, leg: _Leg, pose: Pose) -> bool:
        forward, right = pose.to_body(*leg.foot)
        away = math.hypot(forward - self._rest[i][0], right - self._rest[i][1])
        if away > _OVERSTRETCHED:
            return True
        idle = self._settle > 0.25 and not any(other.mode is LegMode.SWING for other in self.legs)
        if idle and away > _STRAY:
            self._settle = 0.12
            return True
        return False

    def _lift_off(self, leg: _Leg, duration: float) -> None:
        leg.mode, leg.progress, leg.duration, leg.start = LegMode.SWING, 0.0, duration, leg.foot
        noise = [float(k) for k in np.clip(self._rng.standard_normal(3), -2.5, 2.5)]
        leg.scatter = (_SCATTER[0] * noise[0], _SCATTER[1] * noise[1])
        leg.early = _PHASE_JITTER * noise[2]

    def _swing(self, i: int, leg: _Leg, dt: float, pose: Pose, speed: float, turn: float) -> None:
        leg.progress = min(leg.progress + dt / leg.duration, 1.0)
        effective = math.hypot(speed, _TURN_RADIUS * turn)
        stance = excursion(effective) / max(effective, 3.0)
        left = (1.0 - leg.progress) * leg.duration
        landing = Pose(
            pose.x + speed * left * math.cos(pose.heading),
            pose.y + speed * left * math.sin(pose.heading),
            pose.heading + turn * (left + 0.5 * stance),
        )
        forward, right = self._rest[i]
        target = landing.to_arena(forward + 0.5 * speed * stance + leg.scatter[0], right + leg.scatter[1])
        t = leg.progress
        share = t * t * (3.0 - 2.0 * t)
        leg.foot = (
            leg.start[0] + share * (target[0] - leg.start[0]),
            leg.start[1] + share * (target[1] - leg.start[1]),
        )
        leg.lift = 0.22 * math.sin(math.pi * t) if t < 1.0 else 0.0
        if t >= 1.0:
            leg.mode = LegMode.STANCE

    @staticmethod
    def _groom(leg: _Leg, dt: float, pose: Pose, tip: Pair, height: float) -> None:
        if leg.mode is not LegMode.GROOM:
            leg.mode = LegMode.GROOM
            leg.start = pose.to_body(*leg.foot)
        share = 1.0 - math.exp(-dt / 0.025)
        leg.start = (leg.start[0] + share * (tip[0] - leg.start[0]), leg.start[1] + share * (tip[1] - leg.start[1]))
        leg.lift += share * (height - leg.lift)
        leg.foot = pose.to_arena(*leg.start)
