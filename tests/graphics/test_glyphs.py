"""Glyphs: which character for which pixels; colours: which SGR for which colour."""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from leaptui.graphics import colours, glyphs, palette
from leaptui.graphics.glyphs import SETS, GlyphSet
from leaptui.graphics.scene import COLOURS
from leaptui.graphics.terminal import Colours, Graphics

DRAWN = (Graphics.HALF, Graphics.QUADRANT, Graphics.SEXTANT)
QUARTERS = {"UPPER LEFT": {0}, "UPPER RIGHT": {1}, "LOWER LEFT": {2}, "LOWER RIGHT": {3}}
HALVES = {
    "UPPER HALF BLOCK": lambda x, y, height: y < height / 2,
    "LOWER HALF BLOCK": lambda x, y, height: y >= height / 2,
    "LEFT HALF BLOCK": lambda x, y, height: x == 0,
    "RIGHT HALF BLOCK": lambda x, y, height: x == 1,
    "FULL BLOCK": lambda x, y, height: True,
    "SPACE": lambda x, y, height: False,
}


def named(char: str, glyphs: GlyphSet) -> set[int]:
    """The pixels (y * width + x) that a character fills, by what Unicode calls it."""
    name = unicodedata.name(char)
    places = list(itertools.product(range(glyphs.height), range(glyphs.width)))
    if name in HALVES:
        return {y * glyphs.width + x for y, x in places if HALVES[name](x, y, glyphs.height)}
    kind, _, rest = name.partition(" ")
    if kind == "QUADRANT":
        return set().union(*(QUARTERS[part] for part in rest.split(" AND ") for part in [part.strip()]))
    if name.startswith("BLOCK SEXTANT-"):
        return {int(digit) - 1 for digit in name.removeprefix("BLOCK SEXTANT-")}
    dots = name.removeprefix("BRAILLE PATTERN DOTS-")
    numbered = {1: 0, 2: 2, 3: 4, 4: 1, 5: 3, 6: 5, 7: 6, 8: 7}
    return {numbered[int(digit)] for digit in dots}


@pytest.mark.parametrize("graphics", [*DRAWN, Graphics.BRAILLE])
def test_characters_fill_the_pixels_that_unicode_says(graphics: Graphics) -> None:
    each = SETS[graphics]
    assert len(each.chars) == 2 ** (each.width * each.height)
    for pattern, char in enumerate(each.chars):
        name = unicodedata.name(char)
        if graphics is Graphics.QUADRANT and name.count(" AND ") == 2:
            name = name.replace("QUADRANT ", "")
        wanted = {bit for bit in range(each.width * each.height) if pattern >> bit & 1}
        assert named(char, each) == wanted, (pattern, char, name)


@pytest.mark.parametrize("graphics", [*DRAWN, Graphics.BRAILLE, Graphics.ASCII])
def test_blocks_take_each_pixel_to_its_cell(graphics: Graphics) -> None:
    each = SETS[graphics]
    width, height = each.size(3, 2)
    pixels = np.arange(width * height).reshape(height, width)
    blocks = each.blocks(pixels)
    assert blocks.shape == (2, 3, each.width * each.height)
    for row, column in itertools.product(range(2), range(3)):
        part = pixels[row * each.height : (row + 1) * each.height, column * each.width : (column + 1) * each.width]
        assert blocks[row, column].tolist() == part.ravel().tolist()


def rebuilt(fit: glyphs.Fit) -> NDArray[np.float32]:
    return np.where(fit.lit[..., None], fit.fore[:, :, None], fit.back[:, :, None])


greys = st.sampled_from([4, 6, 8]).flatmap(
    lambda count: arrays.arrays(np.uint8, (1, 1, count, 1), elements=st.integers(0, 255))
)


@settings(max_examples=60, deadline=None)
@given(greys)
def test_no_other_pattern_of_greys_is_better(blocks: NDArray[np.uint8]) -> None:
    values = blocks[0, 0, :, 0].astype(float)
    best = min(
        sum(
            ((part - part.mean()) ** 2).sum()
            for part in (values[list(on)], values[[not bit for bit in on]])
            if len(part)
        )
        for on in map(list, itertools.product([False, True], repeat=len(values)))
    )
    error = float(((rebuilt(glyphs.fit(blocks)) - blocks) ** 2).sum())
    assert error <= best + 1e-2


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([2, 4, 6, 8]))
def test_two_colours_come_back_as_they_are(data: st.DataObject, count: int) -> None:
    pair = np.array(data.draw(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=2)), np.uint8)
    pattern = data.draw(arrays.arrays(np.intp, (2, 3, count), elements=st.integers(0, 1)))
    blocks = pair[pattern]
    assert np.abs(rebuilt(glyphs.fit(blocks)) - blocks).max() < 0.01


def test_nearly_equal_pixels_are_one_colour() -> None:
    blocks = np.array([10, 11, 12, 11, 10, 12], np.uint8).reshape(1, 1, 6, 1)
    fit = glyphs.fit(blocks, 3)
    assert not fit.lit.any()
    assert fit.fore.item() == fit.back.item() == pytest.approx(11)


@pytest.mark.parametrize("level", [0, 64, 128, 191, 255])
def test_as_many_dots_as_it_is_bright(level: int) -> None:
    share = glyphs.dots(np.full((32, 32), level, np.float32)).mean()
    assert share == pytest.approx(level / 255, abs=0.02)


def test_ink_grows_with_brightness() -> None:
    inks = [
        np.mean([glyphs.RAMP.index(chr(char)) for char in glyphs.shade(np.full((8, 8), level, np.float32)).ravel()])
        for level in range(0, 256, 5)
    ]
    assert inks[0] == 0
    assert inks[-1] == len(glyphs.RAMP) - 1
    assert np.all(np.diff(inks) >= 0)


def test_ink_is_no_mark_and_no_line() -> None:
    assert glyphs.RAMP.isascii()
    assert not set(glyphs.RAMP) & set("*o+x@[]-/|\\.:")


# Colours -----------------------------------------------------------------------------------------------------------

DEPTHS = (Colours.TRUE, Colours.ANSI256, Colours.ANSI16)
triples = arrays.arrays(np.uint8, (3,), elements=st.integers(0, 255))


@settings(max_examples=100, deadline=None)
@given(triples, st.sampled_from(DEPTHS))
def test_what_the_terminal_has_stays_as_it_is(colour: NDArray[np.uint8], has: Colours) -> None:
    packed = int(colours.quantised(colour, has))
    shown = colours.unpacked(packed)
    assert shown is not None
    again = int(colours.quantised(np.array(shown, np.uint8), has))
    assert packed == again
    if has is Colours.TRUE:
        moved = np.abs(np.array(shown) - colour).max()
        assert moved == 0 or (moved <= 2 and len(set(colour.tolist())) == 1)
    elif has is Colours.ANSI256:
        away = [sum((int(a) - b) ** 2 for a, b in zip(colour, each, strict=True)) for each in palette.xterm_256()[16:]]
        mine = sum((int(a) - b) ** 2 for a, b in zip(colour, shown, strict=True))
        assert mine == min(away)


@pytest.mark.parametrize("has", [Colours.ANSI256, Colours.ANSI16])
def test_codes_ask_for_the_colour_that_is_counted_on(has: Colours) -> None:
    whole = palette.xterm_256()
    for packed in {int(colours.quantised(np.array(each, np.uint8), has)) for each in whole}:
        fore = [int(word) for word in colours.code(packed, has, ground=False).split(";")]
        back = [int(word) for word in colours.code(packed, has, ground=True).split(";")]
        if has is Colours.ANSI256:
            assert fore[:2] == [38, 5]
            assert back == [48, 5, fore[2]]
            assert fore[2] >= 16
            position = fore[2]
        else:
            assert back == [fore[0] + 10]
            assert 30 <= fore[0] <= 37 or 90 <= fore[0] <= 97
            position = fore[0] - 30 if fore[0] < 40 else fore[0] - 82
        assert whole[position] == colours.unpacked(packed)


@pytest.mark.parametrize("has", DEPTHS)
def test_inks_of_an_overlay_differ(has: Colours) -> None:
    assert len({colours.ink(colour, has) for colour in COLOURS}) == len(COLOURS)


def test_coarse_keeps_black_and_white_and_is_near() -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    found = colours.coarse(levels, Colours.TRUE)
    values = found & 255
    assert values[0] == 0
    assert values[255] == 255
    assert len(set(found.tolist())) <= 32
    assert np.abs(values - np.arange(256)).max() <= 10
    pair = colours.coarse(np.array([[100, 20, 30], [104, 22, 28]], np.uint8), Colours.TRUE)
    assert pair[0] == pair[1]


def test_without_colours_there_are_none() -> None:
    assert set(colours.quantised(np.zeros((2, 2, 3), np.uint8), Colours.MONO).ravel().tolist()) == {colours.NONE}
    assert colours.ink(COLOURS[0], Colours.MONO) == colours.NONE
    assert colours.unpacked(colours.NONE) is None


def test_dithering_of_sixteen_colours_keeps_the_mean() -> None:
    for level in (40, 90, 160):
        shown = colours.dithered_16(np.full((32, 32, 1), level, np.uint8))
        assert set(map(tuple, shown.reshape(-1, 3).tolist())) <= set(palette.ANSI_16)
        assert abs(float(shown.mean()) - level) < 25


@given(st.integers(0, 255), st.booleans())
def test_greys_are_short_and_right(level: int, ground: bool) -> None:
    packed = int(colours.quantised(np.array([level], np.uint8), Colours.TRUE))
    words = [int(word) for word in colours.code(packed, Colours.TRUE, ground=ground).split(";")]
    assert words[0] == (48 if ground else 38)
    shown = palette.xterm_256()[words[2]] if words[1] == 5 else tuple(words[2:])
    assert words[1] == 2 or words[2] >= 16
    assert shown == colours.unpacked(packed)
    assert max(abs(value - level) for value in shown) <= 2
