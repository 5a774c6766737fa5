"""Brightness as shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.graphics import tone
from leaptui.graphics.scene import Tone

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)


def test_nothing_changed_is_the_same_array() -> None:
    assert tone.apply(RAMP, Tone()) is RAMP


def test_window_gamma_and_inversion() -> None:
    shown = tone.apply(RAMP, Tone(low=50, high=150)).reshape(-1)
    assert (shown[:51] == 0).all() and (shown[150:] == 255).all()
    assert shown[100] == 128
    assert (tone.apply(RAMP, Tone(gamma=0.5)).reshape(-1)[1:255] >= RAMP.reshape(-1)[1:255]).all()
    assert (tone.apply(RAMP, Tone(invert=True)) == 255 - RAMP).all()


@given(st.floats(0, 254), st.floats(0.5, 255), st.floats(0.1, 5), st.booleans())
def test_order_is_kept_or_turned_round(low: float, width: float, gamma: float, invert: bool) -> None:
    values = tone.table(Tone(low, low + width, gamma, invert)).astype(int)
    steps = np.diff(values)
    assert (steps <= 0).all() if invert else (steps >= 0).all()


@pytest.mark.parametrize("bad", [Tone(10, 10), Tone(20, 10), Tone(gamma=0), Tone(gamma=float("nan"))])
def test_unusable_tones(bad: Tone) -> None:
    with pytest.raises(ValueError):
        tone.table(bad)


def test_stretch_leaves_out_the_tails() -> None:
    image = np.full((100, 100, 1), 90, np.uint8)
    image[:50] = 110
    image[0, :5] = 0
    image[-1, :5] = 255
    assert tone.stretch(image) == Tone(low=90, high=110)
    assert set(np.unique(tone.apply(image, tone.stretch(image)))) == {0, 255}


@given(st.integers(0, 255), st.floats(0, 49), st.floats(51, 100))
def test_stretch_of_anything_can_be_used(value: int, low: float, high: float) -> None:
    values = tone.table(tone.stretch(np.full((3, 4, 3), value, np.uint8), low, high))
    assert values[0] == 0 and values[255] == 255 and (np.diff(values.astype(int)) >= 0).all()


def test_stretch_of_nothing_and_wrong_percentiles() -> None:
    assert tone.stretch(np.zeros((0, 0, 1), np.uint8)) == Tone()
    with pytest.raises(ValueError):
        tone.stretch(RAMP, 60, 40)
