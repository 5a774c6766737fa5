"""Drawing of frames: floor, shadow, legs, abdomen, wings, thorax, head, and what a camera adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leaptui.demo.anatomy import LEG_NODES, Anatomy, Array, generator
from leaptui.demo.camera import apply, invert
from leaptui.demo.kinematics import Snapshot, wing_axes
from leaptui.demo.texture import TILE, Grey, Look, Palette, Sprite, light_field, paint_floor, paint_fly, palette

_NOISE_MARGIN = 64
_READ_NOISE = 0.0035
_SHOT_NOISE = 0.007
# Half thickness in mm at hip, middle of the femur, knee, ankle, middle of the tarsus and tip.
_THICKNESS = np.array([0.052, 0.062, 0.041, 0.031, 0.024, 0.016])
_LEG_SHADE = (1.0, 1.0, 0.93, 0.84, 0.78)
_ALL, _FEMUR, _BELOW_KNEE = (0, 1, 2, 3, 4), (0, 1), (2, 3, 4)
# How far the middle of femur and tarsus is off the straight line, as a share of the segment.
_FEMUR_BOW, _TARSUS_BOW = 0.04, 0.07
_SONG_COPIES = (-0.8, 0.0, 0.8)


class Painter:
    """Draws the frames of one recording.

    Args:
        anatomies: the flies.
        look: "bright" or "dark".
        size: (H, W) of a frame.
        px_per_mm: magnification.
        seed: of textures, light and noise.
        noise: sensor noise; False for a clean picture.
    """

    def __init__(
        self,
        anatomies: Sequence[Anatomy],
        look: Look,
        size: tuple[int, int],
        px_per_mm: float,
        seed: int,
        noise: bool = True,
    ) -> None:
        self._anatomies, self._size, self._px_per_mm, self._seed = list(anatomies), size, px_per_mm, seed
        self._colours: Palette = palette(look)
        self._sprites = [
            paint_fly(anatomy, look, px_per_mm, generator(seed, 20, i)) for i, anatomy in enumerate(self._anatomies)
        ]
        self._floor = paint_floor(look, generator(seed, 21))
        scenery = generator(seed, 22)
        self._light = light_field(size, scenery)
        self._lamp = float(scenery.uniform(0.0, 2.0 * np.pi))
        self._gains = [float(1.0 + 0.03 * np.clip(scenery.standard_normal(), -2, 2)) for _ in self._anatomies]
        self._noise: Grey | None = None
        if noise:
            shape = (size[0] + _NOISE_MARGIN, size[1] + _NOISE_MARGIN)
            self._noise = generator(seed, 23).standard_normal(shape, dtype=np.float32)

    def draw(self, index: int, shots: Sequence[Snapshot], points: Sequence[Array], affine: Array) -> NDArray[np.uint8]:
        """One frame.

        Args:
            index: number of the frame; its noise depends on nothing else.
            shots: the flies.
            points: (32, 2) nodes of each in pixels of the frame.
            affine: (2, 3) map from pixels of the arena to pixels of the frame.

        Returns:
            (H, W) uint8.
        """
        image = self._ground(affine)
        for shot in shots:
            self._shadow(image, shot, affine)
        for shot, nodes in zip(shots, points, strict=True):
            for leg in range(6):
                self._leg(image, _bowed(nodes[LEG_NODES[leg]]), _FEMUR if shot.over[leg] else _ALL)
        for k, (shot, nodes) in enumerate(zip(shots, points, strict=True)):
            self._body(image, k, shot, affine)
            for leg in range(6):
                if shot.over[leg]:
                    self._leg(image, _bowed(nodes[LEG_NODES[leg]]), _BELOW_KNEE)
        return self._expose(image, index)

    def _ground(self, affine: Array) -> Grey:
        height, width = self._size
        back = invert(affine)
        if affine[0, 1] == 0.0 and affine[0, 0] == 1.0:
            rows = (np.arange(height) + round(back[1, 2])) % TILE
            columns = (np.arange(width) + round(back[0, 2])) % TILE
            return self._floor[np.ix_(rows, columns)]
        # Reduced to one period first, so that single precision does for the rest.
        x = np.arange(width)[None, :]
        y = np.arange(height)[:, None]
        u = (back[0, 0] * x + (back[0, 1] * y + back[0, 2] % TILE)).astype(np.float32)
        v = (back[1, 0] * x + (back[1, 1] * y + back[1, 2] % TILE)).astype(np.float32)
        u0, v0 = np.floor(u), np.floor(v)
        fu, fv = u - u0, v - v0
        column, row = u0.astype(np.int32), v0.astype(np.int32)
        left, right = column & (TILE - 1), (column + 1) & (TILE - 1)
        upper, lower = (row & (TILE - 1)) * TILE, ((row + 1) & (TILE - 1)) * TILE
        flat = self._floor.ravel()
        top = flat.take(upper + left)
        top += fu * (flat.take(upper + right) - top)
        bottom = flat.take(lower + left)
        bottom += fu * (flat.take(lower + right) - bottom)
        return np.asarray(top + fv * (bottom - top), dtype=np.float32)

    def _shadow(self, image: Grey, shot: Snapshot, affine: Array) -> None:
        px, colours = self._px_per_mm, self._colours
        place, facing = self._placed(shot, affine)
        offset = 0.16 * px * np.array([np.cos(self._lamp), np.sin(self._lamp)])
        centre = place - 0.15 * px * facing
        self._haze(image, centre + offset, facing, (1.05 * px, 0.50 * px), -colours.shadow, multiply=True)
        if colours.glow > 0.0:
            self._haze(image, centre, facing, (1.25 * px, 0.75 * px), colours.glow, multiply=False)

    def _haze(
        self, image: Grey, centre: Array, facing: Array, sigmas: tuple[float, float], strength: float, *, multiply: bool
    ) -> None:
        box = _box(centre - 2.6 * sigmas[0], centre + 2.6 * sigmas[0], self._size)
        if box is None:
            return
        x0, x1, y0, y1 = box
        x = (np.arange(x0, x1) - centre[0]).astype(np.float32)[None, :]
        y = (np.arange(y0, y1) - centre[1]).astype(np.float32)[:, None]
        (c, s), (along, across) = facing, sigmas
        a = 0.5 * ((c / along) ** 2 + (s / across) ** 2)
        b = c * s * (1.0 / along**2 - 1.0 / across**2)
        d = 0.5 * ((s / along) ** 2 + (c / across) ** 2)
        level = np.float32(-b) * x * y
        level -= np.float32(a) * x * x
        level -= np.float32(d) * y * y
        np.exp(level, out=level)
        level *= np.float32(strength)
        region = image[y0:y1, x0:x1]
        region += level * region if multiply else level

    def _leg(self, image: Grey, joints: Array, segments: tuple[int, ...]) -> None:
        px = self._px_per_mm
        picked = np.array(segments)
        start, end = joints[picked], joints[picked + 1]
        pad = _THICKNESS[0] * px + 2.0
        ends = joints[[*segments, segments[-1] + 1]]
        box = _box(ends.min(axis=0) - pad, ends.max(axis=0) + pad, self._size)
        if box is None:
            return
        x0, x1, y0, y1 = box
        x = np.arange(x0, x1, dtype=np.float32)[None, None, :]
        y = np.arange(y0, y1, dtype=np.float32)[None, :, None]

        def each(values: Array) -> Grey:
            return values.astype(np.float32)[:, None, None]

        step = end - start
        square = np.maximum((step * step).sum(axis=1), 1e-6)
        u, v = x - each(start[:, 0]), y - each(start[:, 1])
        t = each(step[:, 0] / square) * u + each(step[:, 1] / square) * v
        np.clip(t, 0.0, 1.0, out=t)
        distance = np.hypot(u - each(step[:, 0]) * t, v - each(step[:, 1]) * t)
        thick, thin = _THICKNESS[picked] * px, _THICKNESS[picked + 1] * px
        radius = each(thick) + each(thin - thick) * t
        # Thinner than a pixel a leg dims; it does not get thinner than the optics show.
        cover = (np.maximum(radius, np.float32(0.55)) - distance) * np.float32(1.0 / 1.5) + np.float32(0.5)
        np.clip(cover, 0.0, 1.0, out=cover)
        cover *= np.minimum(radius * np.float32(1.0 / 0.75), 1.0)
        shade = np.array([_LEG_SHADE[k] for k in segments]) * self._colours.leg
        whole = cover.max(axis=0)
        colour = (cover * each(shade)).sum(axis=0) / np.maximum(cover.sum(axis=0), np.float32(1e-6))
        region = image[y0:y1, x0:x1]
        region += np.float32(0.94) * whole * (colour - region)

    def _body(self, image: Grey, k: int, shot: Snapshot, affine: Array) -> None:
        anatomy, sprites, gain = self._anatomies[k], self._sprites[k], self._gains[k]
        place, facing = self._placed(shot, affine)
        frame = np.stack([facing, [-facing[1], facing[0]]], axis=1) * self._px_per_mm

        def about(pivot: float, angle: float, stretch: float = 1.0) -> tuple[Array, Array]:
            c, s = np.cos(angle), np.sin(angle)
            turn = frame @ np.array([[c * stretch, -s], [s * stretch, c]])
            return turn, place + frame @ np.array([pivot, 0.0]) - turn @ np.array([pivot, 0.0])

        self._stamp(image, sprites.abdomen, *about(anatomy.waist, -shot.abdomen, shot.stretch), gain)
        for angle, song, sign in zip(shot.wings, shot.song, (-1.0, 1.0), strict=True):
            copies = _SONG_COPIES if song > 0.01 else (0.0,)
            for copy in copies:
                hinge, along, lead = wing_axes(anatomy, angle + copy * song, sign)
                turn = frame @ np.stack([along, lead], axis=1)
                self._stamp(image, sprites.wing, turn, place + frame @ hinge, gain, 1.0 / len(copies))
        self._stamp(image, sprites.thorax, frame, place, gain)
        self._stamp(image, sprites.head, *about(anatomy.neck, shot.head), gain)

    def _stamp(
        self, image: Grey, sprite: Sprite, turn: Array, shift: Array, gain: float = 1.0, opacity: float = 1.0
    ) -> None:
        """Lay a sprite over the image; `turn` and `shift` map its mm to pixels of the frame."""
        height, width = sprite.texels.shape
        far = (sprite.origin[0] + sprite.step * (width - 1), sprite.origin[1] + sprite.step * (height - 1))
        corners = (
            np.array([(x, y) for x in (sprite.origin[0], far[0]) for y in (sprite.origin[1], far[1])]) @ turn.T + shift
        )
        box = _box(corners.min(axis=0), corners.max(axis=0), self._size)
        if box is None:
            return
        x0, x1, y0, y1 = box
        a, b, c, d = turn[0, 0], turn[0, 1], turn[1, 0], turn[1, 1]
        scale = 1.0 / ((a * d - b * c) * sprite.step)
        x, y = np.arange(x0, x1) - shift[0], np.arange(y0, y1) - shift[1]
        u = (scale * d * x).astype(np.float32)[None, :] - (scale * b * y + sprite.origin[0] / sprite.step).astype(
            np.float32
        )[:, None]
        v = (scale * a * y - sprite.origin[1] / sprite.step).astype(np.float32)[:, None] - (scale * c * x).astype(
            np.float32
        )[None, :]
        np.clip(u, 0.0, width - 1.001, out=u)
        np.clip(v, 0.0, height - 1.001, out=v)
        column, row = u.astype(np.int32), v.astype(np.int32)
        u -= column
        v -= row
        row *= width
        row += column
        flat = sprite.texels.ravel()
        upper = flat.take(row)
        upper += u * (flat.take(row + 1) - upper)
        row += width
        lower = flat.take(row)
        lower += u * (flat.take(row + 1) - lower)
        lower -= upper
        lower *= v
        upper += lower
        region = image[y0:y1, x0:x1]
        region *= 1.0 - np.float32(opacity) * upper.imag
        region += np.float32(gain * opacity) * upper.real

    def _placed(self, shot: Snapshot, affine: Array) -> tuple[Array, Array]:
        pose = shot.pose
        place = apply(affine, self._px_per_mm * np.array([pose.x, pose.y]))
        return place, affine[:, :2] @ np.array([np.cos(pose.heading), np.sin(pose.heading)])

    def _expose(self, image: Grey, index: int) -> NDArray[np.uint8]:
        image *= self._light
        if self._noise is not None:
            rng = generator(self._seed, 24, index)
            row, column = (int(k) for k in rng.integers(0, _NOISE_MARGIN + 1, size=2))
            flip = 1 if rng.random() < 0.5 else -1
            noise = self._noise[row : row + self._size[0], column : column + self._size[1]][:, ::flip]
            image += noise * (np.float32(_READ_NOISE) + np.float32(_SHOT_NOISE) * image)
        image *= np.float32(255.0)
        image += np.float32(0.5)
        np.clip(image, 0.0, 255.0, out=image)
        return image.astype(np.uint8)


def _bowed(joints: Array) -> Array:
    """(6, 2) outline of a leg from its four joints: femur and tarsus are not quite straight, bent to the knee's side."""
    hip, knee, ankle, tip = joints
    chord, bend = tip - hip, knee - hip
    side = 1.0 if chord[0] * bend[1] - chord[1] * bend[0] >= 0.0 else -1.0
    femur, tarsus = knee - hip, tip - ankle
    middle = hip + 0.45 * femur + side * _FEMUR_BOW * np.array([-femur[1], femur[0]])
    sole = ankle + 0.5 * tarsus + side * _TARSUS_BOW * np.array([-tarsus[1], tarsus[0]])
    return np.array([hip, middle, knee, ankle, sole, tip])


def _box(low: Array, high: Array, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Columns x0:x1 and rows y0:y1 of the pixels between two corners, None if they are outside the frame."""
    x0, y0 = max(int(np.floor(low[0])), 0), max(int(np.floor(low[1])), 0)
    x1, y1 = min(int(np.ceil(high[0])) + 1, size[1]), min(int(np.ceil(high[1])) + 1, size[0])
    return None if x1 <= x0 or y1 <= y0 else (x0, x1, y0, y1)
