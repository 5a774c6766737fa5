"""What is encoded is what a reader of the specification gets back."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pictures

from leaptui.graphics import png
from leaptui.graphics.scene import COLOURS
from tests.graphics.png_decoder import chunks, decode

sizes = st.tuples(st.integers(1, 19), st.integers(1, 19))
seeds = st.integers(0, 2**32 - 1)


@given(sizes, seeds, st.sampled_from(["noise", "ramp", "flat"]), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_grey_and_rgb_come_back(size: tuple[int, int], seed: int, kind: str, level: int) -> None:
    rng = np.random.default_rng(seed)
    for channels in (1, 3):
        shape = size if channels == 1 else (*size, 3)
        pixels = {
            "noise": lambda shape=shape: rng.integers(0, 256, shape),
            "ramp": lambda shape=shape: np.indices(shape).sum(0) * 5 % 256,
            "flat": lambda shape=shape: np.full(shape, seed % 256),
        }[kind]().astype(np.uint8)
        back = decode(png.encode(pixels, level=level))
        assert (back[..., :3] == pixels.reshape(*size, channels)).all()
        assert (back[..., 3] == 255).all()


@given(sizes, seeds, st.integers(1, 256), st.booleans())
@settings(max_examples=60, deadline=None)
def test_palettes_of_every_size_come_back(size: tuple[int, int], seed: int, colours: int, holes: bool) -> None:
    rng = np.random.default_rng(seed)
    palette = [tuple(int(v) for v in row) for row in rng.integers(0, 256, (colours, 3))]
    pixels = rng.integers(0, colours, size).astype(np.uint8)
    transparent = int(rng.integers(0, colours)) if holes else None
    data = png.encode(pixels, palette=palette, transparent=transparent)
    back = decode(data)
    assert (back[..., :3] == np.array(palette, np.uint8)[pixels]).all()
    assert ((back[..., 3] == 0) == (pixels == transparent if holes else np.zeros(size, bool))).all()
    bits = struct.unpack(">IIB", dict(chunks(data))[b"IHDR"][:9])[2]
    assert bits == (1 if colours <= 2 else 2 if colours <= 4 else 4 if colours <= 16 else 8)


@given(sizes, seeds)
@settings(max_examples=30, deadline=None)
def test_compacted_positions_show_the_same(size: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    palette = [(0, 0, 0), *COLOURS]
    pixels = rng.choice(rng.choice(len(palette), 3), size).astype(np.uint8)
    small, used = png.compact(pixels, palette)
    assert (np.array(used, np.uint8)[small] == np.array(palette, np.uint8)[pixels]).all()
    assert ((small == 0) == (pixels == 0)).all()
    assert len(used) <= 4


def test_another_reader_agrees() -> None:
    rng = np.random.default_rng(3)
    photo = (np.cumsum(rng.normal(0, 3, (50, 70)), 1) % 256).astype(np.uint8)
    assert (np.asarray(Pictures.open(io.BytesIO(png.encode(photo)))) == photo).all()
    colour = np.stack([photo, photo[::-1], 255 - photo], 2)
    assert (np.asarray(Pictures.open(io.BytesIO(png.encode(colour)))) == colour).all()
    marks = (photo // 86).astype(np.uint8)
    shown = np.asarray(Pictures.open(io.BytesIO(png.encode(marks, palette=COLOURS[:3], transparent=1))).convert("RGBA"))
    assert (shown[..., :3] == np.array(COLOURS, np.uint8)[marks]).all()
    assert ((shown[..., 3] == 0) == (marks == 1)).all()


def test_a_fly_is_no_larger_than_with_libpng(real_data: Path) -> None:
    import h5py

    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        image = file["images"][0, ..., 0]
    libpng = io.BytesIO()
    Pictures.fromarray(image).save(libpng, "png", optimize=True)
    assert len(png.encode(image)) <= len(libpng.getvalue())


@pytest.mark.parametrize(
    ("pixels", "palette", "transparent"),
    [
        (np.zeros((0, 4), np.uint8), None, None),
        (np.zeros((4, 4)), None, None),
        (np.zeros((4, 4, 2), np.uint8), None, None),
        (np.zeros((4, 4, 3), np.uint8), COLOURS, None),
        (np.full((4, 4), 12, np.uint8), COLOURS, None),
        (np.zeros((4, 4), np.uint8), COLOURS, 12),
        (np.zeros((4, 4), np.uint8), [(0, 0, 0)] * 257, None),
        (np.zeros((4, 4), np.uint8), [], None),
    ],
)
def test_what_does_not_fit_is_refused(pixels: np.ndarray, palette: list | None, transparent: int | None) -> None:
    with pytest.raises(ValueError):
        png.encode(pixels, palette=palette, transparent=transparent)
