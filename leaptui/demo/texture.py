"""Painted parts of the scene: head, thorax, abdomen and wing of a fly, the floor and the light.

Parts are painted once for each fly, at twice the resolution of the frames, and then only moved.
Intensities are between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leaptui.demo.anatomy import Anatomy, Outline
from leaptui.errors import UsageError

Grey = NDArray[np.float32]
Look = Literal["bright", "dark"]
LOOKS: tuple[Look, ...] = get_args(Look)

TILE = 512
"""Side in pixels of the floor, which repeats without a seam."""

_BLUR_PX = 0.75


@dataclass(frozen=True)
class Palette:
    """Intensities of the parts; `stripes` is the depth of the marks, `glow` the light the body scatters."""

    floor: float
    body: float
    eye: float
    leg: float
    wing: float
    vein: float
    wing_opacity: float
    stripes: float
    shadow: float
    glow: float


PALETTES: dict[str, Palette] = {
    "bright": Palette(0.050, 0.86, 0.76, 0.53, 0.72, 0.86, 0.25, 0.13, 0.55, 0.070),
    "dark": Palette(0.80, 0.36, 0.17, 0.34, 0.50, 0.26, 0.22, 0.45, 0.28, 0.0),
}


def palette(look: Look) -> Palette:
    """The palette of a look: "bright", a lit fly on a dark floor as in the LEAP recordings, or "dark", the reverse.

    Raises:
        UsageError: if there is no such look.
    """
    if look not in PALETTES:
        raise UsageError(f"no such look: {look}", where="look", hint=f"Choose from {', '.join(LOOKS)}.")
    return PALETTES[look]


@dataclass(frozen=True)
class Sprite:
    """A painted part in its own coordinates (mm).

    Args:
        texels: (h, w) complex: the real part is intensity times opacity, the imaginary part opacity, so
            that one look-up fetches both. The border is empty.
        origin: (x, y) in mm of texel (0, 0); columns run along x, rows along y.
        step: mm a texel.
    """

    texels: NDArray[np.complex64]
    origin: tuple[float, float]
    step: float


class _Canvas:
    """A grid in mm to paint on."""

    def __init__(self, left: float, top: float, right: float, bottom: float, step: float) -> None:
        self.origin, self.step = (left, top), step
        self.x = (left + step * np.arange(int(np.ceil((right - left) / step)) + 1)).astype(np.float64)[None, :]
        self.y = (top + step * np.arange(int(np.ceil((bottom - top) / step)) + 1)).astype(np.float64)[:, None]
        shape = (self.y.size, self.x.size)
        self.value, self.opacity = np.zeros(shape), np.zeros(shape)

    def paint(self, cover: NDArray[np.float64], value: NDArray[np.float64] | float) -> None:
        """Lay a colour over what is there."""
        kept = self.opacity * (1.0 - cover)
        total = cover + kept
        mixed = cover * value + kept * self.value
        self.value = np.where(total > 1e-9, mixed / np.maximum(total, 1e-9), self.value)
        self.opacity = total

    def inside(self, level: NDArray[np.float64], half_width: float) -> NDArray[np.float64]:
        """Coverage of a shape from a level function that is 1 on its outline."""
        return np.clip((1.0 - level) * half_width / self.step + 0.5, 0.0, 1.0)

    def ellipse(self, cx: float, cy: float, a: float, b: float, angle: float = 0.0) -> NDArray[np.float64]:
        """Coverage of an ellipse."""
        c, s = np.cos(angle), np.sin(angle)
        u, v = self.x - cx, self.y - cy
        return self.inside(np.hypot((c * u + s * v) / a, (c * v - s * u) / b), min(a, b))

    def stroke(self, points: list[tuple[float, float]], width: float, taper: float = 1.0) -> NDArray[np.float64]:
        """Coverage of a line through points, `width` mm wide at its start and `taper` times that at its end."""
        cover = np.zeros_like(self.value)
        count = len(points) - 1
        for k, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
            dx, dy = bx - ax, by - ay
            t = np.clip(((self.x - ax) * dx + (self.y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
            distance = np.hypot(self.x - ax - t * dx, self.y - ay - t * dy)
            wide = width * (1.0 + (taper - 1.0) * (k + t) / count)
            # A line thinner than a texel dims instead of vanishing between two of them.
            strength = np.minimum(wide / self.step, 1.0)
            line = np.clip((0.5 * np.maximum(wide, self.step) - distance) / self.step + 0.5, 0.0, 1.0) * strength
            cover = np.maximum(cover, line)
        return cover

    def finish(self, blur_mm: float) -> Sprite:
        """The sprite, smoothed to what the optics resolve."""
        sigma = blur_mm / self.step
        texels = np.zeros((self.value.shape[0], self.value.shape[1]), dtype=np.complex64)
        texels.real = blur(self.value * self.opacity, sigma)
        texels.imag = blur(self.opacity, sigma)
        texels[[0, -1], :] = 0
        texels[:, [0, -1]] = 0
        return Sprite(texels, self.origin, self.step)


def blur(image: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gaussian blur with zeros outside; sigma in samples."""
    radius = max(int(np.ceil(3.0 * sigma)), 1)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        padded = np.pad(image, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)])
        count = image.shape[axis]
        image = sum(
            (tap * np.take(padded, range(k, k + count), axis=axis) for k, tap in enumerate(taps)),
            start=np.zeros_like(image),
        )
    return image


def _dome(outline: Outline, canvas: _Canvas, x_shift: float = 0.0) -> NDArray[np.float64]:
    level = outline.level(canvas.x - x_shift, canvas.y)
    return np.asarray(np.sqrt(np.clip(1.0 - 0.86 * level**2, 0.0, 1.0)))


def _grain(rng: np.random.Generator, canvas: _Canvas, size_mm: float) -> NDArray[np.float64]:
    rough = blur(rng.standard_normal(canvas.value.shape), size_mm / canvas.step)
    return rough / max(float(rough.std()), 1e-9)


def _bristles(canvas: _Canvas, roots: list[tuple[float, float]], length: float, value: float, strength: float) -> None:
    for x, y in roots:
        for sign in (1.0, -1.0):
            end = (x - length, sign * (y + 0.25 * length * (1.0 if y > 0.1 else 0.2)))
            canvas.paint(strength * canvas.stroke([(x, sign * y), end], 0.020, 0.4), value)


def _head(anatomy: Anatomy, colours: Palette, canvas: _Canvas, rng: np.random.Generator) -> None:
    outline = anatomy.outlines["head"]
    for sign in (1.0, -1.0):
        antenna = [(outline.centre + 0.20, sign * 0.06), (anatomy.head + 0.10, sign * 0.10)]
        canvas.paint(canvas.stroke(antenna, 0.085, 0.7), 0.86 * colours.body)
        arista = [
            (anatomy.head + 0.06, sign * 0.12),
            (anatomy.head + 0.13, sign * 0.20),
            (anatomy.head + 0.22, sign * 0.25),
        ]
        canvas.paint(0.7 * canvas.stroke(arista, 0.022, 0.5), 0.7 * colours.body)
        hair = [(outline.centre - 0.10, sign * 0.40), (outline.centre - 0.24, sign * 0.50)]
        canvas.paint(0.6 * canvas.stroke(hair, 0.022, 0.4), 0.6 * colours.body)
    dome = _dome(outline, canvas)
    canvas.paint(canvas.inside(outline.level(canvas.x, canvas.y), outline.length), colours.body * (0.70 + 0.32 * dome))
    facets = _grain(rng, canvas, 0.016)
    for sign in (1.0, -1.0):
        eye = canvas.ellipse(anatomy.eye[0] + 0.02, sign * (anatomy.eye[1] - 0.065), 0.23, 0.125, -sign * 0.30)
        round_off = 1.0 - 0.16 * np.clip((sign * canvas.y - anatomy.eye[1] + 0.10) / 0.14, 0.0, 1.0)
        canvas.paint(eye, colours.eye * round_off * (1.0 + 0.05 * facets))
        glint = canvas.ellipse(anatomy.eye[0] + 0.04, sign * (anatomy.eye[1] - 0.085), 0.11, 0.030, -sign * 0.30)
        canvas.paint(0.22 * glint, min(1.1 * colours.body + 0.12, 1.0))
    for x, y in ((-0.07, 0.0), (-0.12, 0.035), (-0.12, -0.035)):
        canvas.paint(0.5 * canvas.ellipse(outline.centre + x, y, 0.018, 0.018), 0.6 * colours.body)
    _bristles(canvas, [(outline.centre + 0.06, 0.11), (outline.centre - 0.06, 0.15)], 0.14, 0.6 * colours.body, 0.55)


def _thorax(anatomy: Anatomy, colours: Palette, canvas: _Canvas, rng: np.random.Generator) -> None:
    neck = canvas.ellipse(anatomy.neck, 0.0, 0.14, 0.19)
    canvas.paint(neck, 0.62 * colours.body)
    outline = anatomy.outlines["thorax"]
    dome = _dome(outline, canvas)
    lines = np.exp(-(((np.abs(canvas.y) - 0.12) / 0.045) ** 2)) + 0.6 * np.exp(-((canvas.y / 0.03) ** 2))
    lines = lines * np.clip((canvas.x - 0.02) / 0.2, 0.0, 1.0)
    shade = (0.70 + 0.33 * dome) * (1.0 - 0.5 * colours.stripes * lines) + 0.018 * _grain(rng, canvas, 0.022)
    canvas.paint(canvas.inside(outline.level(canvas.x, canvas.y), outline.width), colours.body * shade)
    scutellum = Outline(-0.08, 0.18, 0.23, 2.3)
    level = scutellum.level(canvas.x, canvas.y)
    seam = np.exp(-(((level - 1.0) / 0.09) ** 2))
    canvas.paint((0.22 + 0.4 * colours.stripes) * seam, 0.55 * colours.body)
    canvas.paint(canvas.inside(level, scutellum.length), colours.body * (0.80 + 0.18 * _dome(scutellum, canvas)))
    roots = [
        (0.62, 0.31),
        (0.45, 0.14),
        (0.25, 0.14),
        (0.30, 0.34),
        (0.12, 0.29),
        (-0.05, 0.17),
        (-0.20, 0.08),
        (0.65, 0.14),
    ]
    _bristles(canvas, roots, 0.19, 0.45 * colours.body, 0.5)


def _abdomen(anatomy: Anatomy, colours: Palette, canvas: _Canvas, rng: np.random.Generator) -> None:
    outline = anatomy.outlines["abdomen"]
    waist = anatomy.outlines["waist"]
    bridge = canvas.inside(waist.level(canvas.x, canvas.y), waist.length)
    canvas.paint(bridge, 0.96 * colours.body * (0.64 + 0.30 * _dome(waist, canvas)))
    dome = _dome(outline, canvas)
    first, last = outline.centre + 0.52 * outline.length, outline.centre - outline.length
    edges = np.linspace(first, last, 7)[:6] + 0.008 * rng.standard_normal(6)
    bands = np.zeros_like(canvas.value)
    for k, edge in enumerate(edges):
        curved = canvas.x - edge + 0.10 * (canvas.y / outline.width) ** 2 * (1.0 if k < 4 else 1.6)
        width = 0.040 + 0.012 * k
        bands += np.where(curved > 0.0, np.exp(-((curved / width) ** 2)), np.exp(-((curved / 0.016) ** 2)))
    tip = np.clip((last + 0.36 - canvas.x) / 0.26, 0.0, 1.0)
    marks = np.clip(bands + 0.75 * tip, 0.0, 1.3)
    shade = (0.66 + 0.34 * dome) * (1.0 - colours.stripes * marks) + 0.014 * _grain(rng, canvas, 0.025)
    canvas.paint(canvas.inside(outline.level(canvas.x, canvas.y), outline.width), 0.96 * colours.body * shade)


def _wing_edges(s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading and trailing edge, in units of the wing's length, at a share s of it from the hinge."""
    s = np.clip(s, 0.0, 1.0)
    lead = 0.105 * np.sqrt(np.clip(s / 0.14, 0.0, 1.0)) * (1.0 + 0.5 * np.sin(np.pi * np.clip(s - 0.1, 0, 1)))
    trail = 0.25 * np.clip(s / 0.42, 0.0, 1.0) ** 0.8
    end = np.sqrt(np.clip(1.0 - s**7, 0.0, 1.0))
    trail_end = np.sqrt(np.clip(1.0 - np.clip((s - 0.25) / 0.75, 0.0, 1.0) ** 3.2, 0.0, 1.0))
    return lead * end, -trail * trail_end


def _wing(anatomy: Anatomy, colours: Palette, canvas: _Canvas, rng: np.random.Generator) -> None:
    length = anatomy.wing
    share = canvas.x / length
    lead, trail = _wing_edges(share)
    v = canvas.y / length
    edge = np.minimum(lead - v, v - trail) * length
    within = np.clip(edge / canvas.step + 0.5, 0.0, 1.0) * ((share > 0.0) & (share < 1.0))
    folds = 1.0 + 0.06 * _grain(rng, canvas, 0.10) + 0.10 * np.cos(2.0 * np.pi * 7.0 * v)
    canvas.paint(within * np.clip(colours.wing_opacity * folds, 0.0, 1.0), colours.wing)

    def vein(knots: list[tuple[float, float]], width: float = 0.030, strength: float = 0.42) -> None:
        s = np.linspace(knots[0][0], knots[-1][0], 15)
        across = np.interp(s, [k[0] for k in knots], [k[1] for k in knots])
        if len(knots) > 2:
            fit = np.polynomial.Polynomial.fit([k[0] for k in knots], [k[1] for k in knots], min(len(knots) - 1, 3))
            across = fit(s)
        canvas.paint(
            strength * canvas.stroke([(a * length, b * length) for a, b in zip(s, across, strict=True)], width),
            colours.vein,
        )

    s = np.linspace(0.0, 1.0, 60)
    leading, trailing = _wing_edges(s)
    rim = [(a * length, b * length) for a, b in zip(s, leading, strict=True)]
    canvas.paint(0.62 * canvas.stroke(rim, 0.050, 0.6), colours.vein)
    back = [(a * length, b * length) for a, b in zip(s, trailing, strict=True)]
    canvas.paint(0.35 * canvas.stroke(back, 0.028), colours.vein)
    vein([(0.02, 0.02), (0.30, 0.075), (0.62, 0.112), (0.84, 0.118)])
    vein([(0.02, 0.01), (0.30, 0.035), (0.65, 0.045), (0.985, 0.01)])
    vein([(0.02, 0.0), (0.30, -0.025), (0.65, -0.055), (0.95, -0.085)])
    vein([(0.04, -0.01), (0.30, -0.085), (0.55, -0.150), (0.72, -0.232)])
    vein([(0.45, 0.042), (0.46, -0.040)])
    vein([(0.66, -0.056), (0.62, -0.172)])
    canvas.paint(0.8 * canvas.stroke([(-0.06, 0.0), (0.22, 0.04)], 0.11, 0.5), 0.8 * colours.body)


@dataclass(frozen=True)
class FlySprites:
    """The painted parts of one fly; head and thorax and abdomen in body coordinates, the wing along its own axis."""

    head: Sprite
    thorax: Sprite
    abdomen: Sprite
    wing: Sprite


def paint_fly(anatomy: Anatomy, look: Look, px_per_mm: float, rng: np.random.Generator) -> FlySprites:
    """Paint the parts of a fly for frames of a given magnification."""
    colours = palette(look)
    step, soft = 0.5 / px_per_mm, _BLUR_PX / px_per_mm
    pad = 4.0 * soft + 4.0 * step
    boxes: dict[str, tuple[float, float, float, float]] = {
        "head": (anatomy.neck - 0.05, -0.62, anatomy.head + 0.30, 0.62),
        "thorax": (-0.55, -0.52, anatomy.neck + 0.22, 0.52),
        "abdomen": (anatomy.abdomen - 0.1, -0.55, anatomy.waist + 0.32, 0.55),
        "wing": (-0.12, -0.30 * anatomy.wing, anatomy.wing + 0.05, 0.22 * anatomy.wing),
    }
    painters: dict[str, Callable[[Anatomy, Palette, _Canvas, np.random.Generator], None]] = {
        "head": _head,
        "thorax": _thorax,
        "abdomen": _abdomen,
        "wing": _wing,
    }
    parts = {}
    for name, (left, top, right, bottom) in boxes.items():
        canvas = _Canvas(left - pad, top - pad, right + pad, bottom + pad, step)
        painters[name](anatomy, colours, canvas, rng)
        parts[name] = canvas.finish(soft)
    return FlySprites(**parts)


def paint_floor(look: Look, rng: np.random.Generator) -> Grey:
    """(TILE, TILE) floor with soft unevenness, dust and a few fibres; it repeats without a seam."""
    base = palette(look).floor
    turns = np.arange(TILE) * (2.0 * np.pi / TILE)
    floor = np.full((TILE, TILE), base)
    for _ in range(14):
        fx, fy = (int(f) for f in rng.integers(-6, 7, size=2))
        size = base * 0.05 if base < 0.5 else 0.010
        phase = float(rng.uniform(0.0, 2.0 * np.pi))
        floor += size * np.cos(fx * turns[None, :] + fy * turns[:, None] + phase)
    contrast = 0.16 if base < 0.5 else -0.16
    for _ in range(70):
        _speck(floor, rng, contrast * float(rng.random()) ** 2.5, float(rng.uniform(0.6, 1.9)))
    for _ in range(7):
        _fibre(floor, rng, 0.35 * contrast)
    floor += 0.004 * rng.standard_normal(floor.shape)
    return np.asarray(np.clip(floor, 0.0, 1.0), dtype=np.float32)


def _speck(floor: NDArray[np.float64], rng: np.random.Generator, strength: float, sigma: float) -> None:
    cx, cy = (float(c) for c in rng.uniform(0.0, TILE, size=2))
    _dot(floor, cx, cy, strength, sigma)


def _dot(floor: NDArray[np.float64], cx: float, cy: float, strength: float, sigma: float) -> None:
    reach = int(np.ceil(3.0 * sigma)) + 1
    xs = np.arange(int(cx) - reach, int(cx) + reach + 1)
    ys = np.arange(int(cy) - reach, int(cy) + reach + 1)
    spot = np.exp(-0.5 * (((xs[None, :] - cx) / sigma) ** 2 + ((ys[:, None] - cy) / sigma) ** 2))
    floor[np.ix_(ys % TILE, xs % TILE)] += strength * spot


def _fibre(floor: NDArray[np.float64], rng: np.random.Generator, strength: float) -> None:
    x, y = (float(c) for c in rng.uniform(0.0, TILE, size=2))
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    for _ in range(int(rng.integers(8, 26))):
        _dot(floor, x, y, strength, 0.9)
        angle += 0.16 * float(rng.standard_normal())
        x, y = x + 1.5 * float(np.cos(angle)), y + 1.5 * float(np.sin(angle))


def light_field(size: tuple[int, int], rng: np.random.Generator) -> Grey:
    """(H, W) gain of the lamp: brightest near the middle, falling off to one side."""
    height, width = size
    y = np.linspace(-1.0, 1.0, height)[:, None] - float(rng.uniform(-0.3, 0.3))
    x = np.linspace(-1.0, 1.0, width)[None, :] - float(rng.uniform(-0.3, 0.3))
    tilt = float(rng.uniform(-0.05, 0.05)) * x + float(rng.uniform(-0.05, 0.05)) * y
    return np.asarray(1.02 - 0.07 * (x * x + y * y) + tilt, dtype=np.float32)
