"""The course of a training: rates and epochs, and what was changed on the way."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import UsageError
from leaptui.nn.course import Course, Plateau
from leaptui.nn.settings import TrainingSettings

SETTINGS = TrainingSettings(epochs=10, steps_per_epoch=50, learning_rate=1e-3, warmup_steps=100)


def test_it_rises_and_falls_along_a_cosine() -> None:
    course = Course(SETTINGS)
    assert course.steps == 500
    assert course.rate(0) == pytest.approx(1e-5, rel=0.01)
    assert course.rate(99) == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi * 99 / 500)))
    assert course.rate(250) == pytest.approx(5e-4)
    assert 0 < course.rate(499) < 1e-7
    assert Course(dataclasses.replace(SETTINGS, schedule="constant")).rate(499) == 1e-3


def test_extended_it_is_as_if_that_had_been_planned() -> None:
    course, planned = Course(SETTINGS), Course(dataclasses.replace(SETTINGS, epochs=15))
    before = [course.rate(step) for step in range(300)]
    course.extend(300, 5)
    assert [course.rate(step) for step in range(300)] == before
    for step in (350, 400, 700, 749):
        assert course.rate(step) == pytest.approx(planned.rate(step))
    glide = [course.rate(step) for step in range(299, 360)]
    assert max(abs(b - a) for a, b in itertools.pairwise(glide)) < 1e-5


def test_a_finished_run_goes_on_with_a_small_rate() -> None:
    course = Course(SETTINGS)
    course.extend(500, 10)
    assert course.rate(499) < 1e-7 < course.rate(500) < 1e-4
    assert course.rate(620) == pytest.approx(Course(dataclasses.replace(SETTINGS, epochs=20)).rate(620))


@given(
    st.lists(st.tuples(st.integers(0, 900), st.one_of(st.integers(1, 30), st.floats(0.01, 0.99))), max_size=6).map(
        lambda changes: sorted(changes, key=lambda change: change[0])
    )
)
def test_changes_never_touch_what_was_before_and_keep_the_rate_in_bounds(changes: list[tuple[int, float]]) -> None:
    course = Course(SETTINGS)
    for step, change in changes:
        before = [course.rate(each) for each in range(0, step, 37)]
        if isinstance(change, int):
            course.extend(step, change)
        else:
            course.lower(step, change)
        assert [course.rate(each) for each in range(0, step, 37)] == before
    assert all(0 <= course.rate(step) <= 1e-3 for step in range(0, course.steps, 29))


def test_changes_are_there_again_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "c" / "course.json"
    course = Course(SETTINGS, path)
    course.extend(100, 3, "a")
    course.lower(200, 0.5, "b")
    with pytest.raises(UsageError, match="more than the 10,000"):
        course.extend(300, 9_990)
    again = Course(SETTINGS, path)
    again.load(pytest.fail)
    assert again.changes == course.changes
    assert again.epochs == 13 and again.knows("b") and not again.knows("c") and not again.knows(None)
    said: list[str] = []
    for content in ("", "[]", '{"changes": [{"step": "x"}]}', '{"changes": [{"step": 1, "epochs": 1, "factor": 7}]}'):
        path.write_text(content)
        broken = Course(SETTINGS, path)
        broken.load(said.append)
        assert broken.epochs == 10
    assert len(said) == 4


def test_a_plateau_is_waited_for() -> None:
    plateau = Plateau(patience=1, divisor=10.0)
    factors = []
    for loss in (1.0, 0.5, 0.5, 0.49999, 0.3, 0.3, 0.3, 0.3, 0.3):
        plateau.watch(loss)
        factors.append(plateau.factor)
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001])
    other = Plateau(patience=1, divisor=10.0)
    other.load_state_dict(plateau.state_dict())
    plateau.watch(0.3)
    other.watch(0.3)
    assert other.factor == plateau.factor
