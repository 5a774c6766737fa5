"""Palettes and nearest colours."""

from __future__ import annotations

import numpy as np
import pytest

from leaptui.graphics import palette


def test_greys_are_even_and_nearest() -> None:
    assert palette.greys(2) == ((0, 0, 0), (255, 255, 255))
    for count in (2, 16, 24, 32, 256):
        values = np.array([colour[0] for colour in palette.greys(count)])
        away = np.abs(values[palette.grey_levels(count)].astype(int) - np.arange(256))
        assert away.max() <= 255 / (count - 1) / 2 + 1
    with pytest.raises(ValueError):
        palette.greys(1)


@pytest.mark.parametrize("registers", [8, 20, 52, 244, 1000])
def test_cubes_fit_the_registers(registers: int) -> None:
    levels = palette.cube_for(registers)
    assert len(palette.cube(levels)) <= registers
    assert len(set(palette.cube(levels))) == levels[0] * levels[1] * levels[2]


def test_too_few_registers() -> None:
    with pytest.raises(ValueError):
        palette.cube_for(7)


def test_dithering_keeps_corners_and_means() -> None:
    colours = np.array(palette.cube(), float)
    for value in ((0, 0, 0), (255, 255, 255), (255, 0, 0)):
        flat = np.full((16, 16, 3), value, np.uint8)
        assert (colours[palette.dither(flat)] == value).all()
    flat = np.full((64, 64, 3), (40, 130, 200), np.uint8)
    assert np.abs(colours[palette.dither(flat)].mean(axis=(0, 1)) - (40, 130, 200)).max() < 3


def test_dithering_hangs_on_the_place_alone() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    other = pixels.copy()
    other[10:20, 10:20] = 0
    changed = palette.dither(pixels) != palette.dither(other)
    assert not changed[:10].any() and not changed[:, 20:].any()


def test_nearest_256_is_the_nearest() -> None:
    table = np.array(palette.xterm_256())
    assert len(table) == 256
    wanted = np.random.default_rng(2).integers(0, 256, (300, 3)).astype(np.uint8)
    found = palette.nearest_256(wanted)
    away = ((table[None, 16:].astype(int) - wanted[:, None].astype(int)) ** 2).sum(axis=-1)
    assert (((table[found] - wanted.astype(int)) ** 2).sum(axis=-1) == away.min(axis=1)).all()


def test_nearest_16() -> None:
    assert (palette.nearest_16(np.array(palette.ANSI_16, np.uint8)) == np.arange(16)).all()
    assert palette.nearest_16(np.full((2, 3, 3), 128, np.uint8)).shape == (2, 3)
