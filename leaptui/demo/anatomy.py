"""Measures of the fly's body, in millimetres, and how they differ between individuals.

Body coordinates have their origin at the thorax node, the first axis points forward and the second to the
fly's right; seen from above in an image (y down) the two follow each other like x and y.

Proportions are those of walking *Drosophila melanogaster* seen from above: the medians of labelled LEAP
recordings at 35 px/mm (Pereira et al. 2019, Nature Methods 16:117), leg segments about as long as femur, tibia and tarsus
of an adult female.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leaptui.pose.builtin import fly32

Array = NDArray[np.float64]

PX_PER_MM = 35.0
"""Pixels per millimetre at scale 1; the body, head to abdomen, is then about 95 px long."""

LEGS = ("forelegR", "midlegR", "hindlegR", "forelegL", "midlegL", "hindlegL")
"""Order of every array that has one entry a leg (the order in which the skeleton lists them)."""

SIDES = (1.0, 1.0, 1.0, -1.0, -1.0, -1.0)
"""Sign of the second body axis on the side of each leg."""

SKELETON = fly32()
LEG_NODES = np.array([[SKELETON.index(f"{leg}{joint}") for joint in (1, 2, 3, 4)] for leg in LEGS])
"""(6, 4) node of each joint of each leg."""


@dataclass(frozen=True)
class Outline:
    """A superellipse |x/a|^p + |y/b|^p = 1 about a centre on the body's midline.

    Args:
        centre: forward position of the centre, mm.
        length: half axis along the body, mm.
        width: half axis across the body, mm.
        power: exponent p; 2 is an ellipse, more is squarer.
    """

    centre: float
    length: float
    width: float
    power: float = 2.0

    def level(self, forward: Array, right: Array) -> Array:
        """0 at the centre, 1 on the outline, more outside."""
        x = np.abs((forward - self.centre) / self.length)
        y = np.abs(right / self.width)
        return np.asarray((x**self.power + y**self.power) ** (1.0 / self.power))

    def scaled(self, length: float, width: float) -> Outline:
        """The same outline, longer and wider by the given factors (its centre moves with the length)."""
        return replace(self, centre=self.centre * length, length=self.length * length, width=self.width * width)


def _array(*rows: tuple[float, ...]) -> Array:
    return np.array(rows, dtype=np.float64)


@dataclass(frozen=True)
class Anatomy:
    """One fly's measures in mm; arrays of three rows are fore, mid and hind leg of the right side.

    Args:
        head: forward position of the head node, at the front of the face.
        eye: (forward, right) of the right eye.
        neck: forward position of the neck node, about which the head turns.
        waist: forward position of the point about which the abdomen bends.
        abdomen: forward position of the tip of the abdomen.
        hinge: (forward, right) of the right wing's hinge.
        wing: length of a wing, hinge to tip.
        splay: angle of a folded wing away from straight back, radians.
        hips: (3, 2) where the legs leave the body.
        segments: (3, 3) lengths of coxa and femur together, tibia, tarsus.
        rest: (3, 2) where the feet stand when the fly stands at ease.
        knee_side: (3,) side of the line from hip to foot to which the knee leans: 1 is clockwise of it seen from
            above (outward on the foreleg, to the rear on the mid leg), -1 the other (outward on the hind leg).
        knee_tilt: (3,) lean of the plane of the leg from the vertical, radians.
        hip_height: height of the hips above the ground.
        outlines: opaque parts seen from above: head, thorax, waist, abdomen.
    """

    head: float = 1.37
    eye: tuple[float, float] = (1.08, 0.41)
    neck: float = 0.89
    waist: float = -0.12
    abdomen: float = -1.36
    hinge: tuple[float, float] = (0.24, 0.35)
    wing: float = 2.44
    splay: float = 0.0
    hips: Array = field(default_factory=lambda: _array((0.60, 0.31), (0.29, 0.32), (-0.13, 0.28)))
    segments: Array = field(default_factory=lambda: _array((0.66, 0.58, 0.60), (0.76, 0.66, 0.74), (0.82, 0.75, 0.82)))
    rest: Array = field(default_factory=lambda: _array((1.47, 0.60), (-0.10, 1.58), (-1.42, 1.02)))
    knee_side: Array = field(default_factory=lambda: np.array([1.0, 1.0, -1.0]))
    knee_tilt: Array = field(default_factory=lambda: np.array([0.42, 0.38, 0.45]))
    hip_height: float = 0.34
    outlines: dict[str, Outline] = field(
        default_factory=lambda: {
            "head": Outline(1.125, 0.255, 0.45, 2.3),
            "thorax": Outline(0.36, 0.53, 0.405, 2.4),
            "waist": Outline(-0.16, 0.30, 0.35, 2.2),
            "abdomen": Outline(-0.715, 0.645, 0.42, 2.25),
        }
    )

    @property
    def body_length(self) -> float:
        """Distance of the head node from the abdomen node, mm."""
        return self.head - self.abdomen

    @property
    def reach(self) -> float:
        """Radius about the thorax that holds every part in every posture, mm."""
        wing = float(np.hypot(self.hinge[0], self.hinge[1])) + self.wing
        feet = float(np.hypot(self.rest[:, 0], self.rest[:, 1]).max()) + 0.75
        return max(wing, feet) + 0.08


def individual(rng: np.random.Generator) -> Anatomy:
    """A fly that differs a little from the mean: body, wings and legs by a few per cent each."""
    mean = Anatomy()
    whole, wide, wing, legs = (
        float(1.0 + s * np.clip(rng.standard_normal(), -2, 2)) for s in (0.012, 0.03, 0.02, 0.02)
    )
    segments = mean.segments * legs * (1.0 + 0.015 * np.clip(rng.standard_normal((3, 3)), -2, 2))
    splay = float(rng.uniform(-0.06, 0.06))
    across = np.array([1.0, wide])
    return replace(
        mean,
        head=mean.head * whole,
        eye=(mean.eye[0] * whole, mean.eye[1] * wide),
        neck=mean.neck * whole,
        waist=mean.waist * whole,
        abdomen=mean.abdomen * whole,
        hinge=(mean.hinge[0] * whole, mean.hinge[1] * wide),
        wing=mean.wing * wing,
        splay=splay,
        hips=mean.hips * across * np.array([whole, 1.0]),
        segments=segments,
        rest=mean.rest * legs,
        outlines={name: outline.scaled(whole, wide) for name, outline in mean.outlines.items()},
    )


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """A random generator for one purpose: the same numbers for the same arguments, on every machine."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *purpose])))
