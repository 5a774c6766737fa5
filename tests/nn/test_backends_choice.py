"""Which way of computing is taken, what is recorded of it, and that it can be made again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.nn.backends import choose, memory, plan
from leaptui.nn.backends.base import Backend, Found, Pending
from leaptui.nn.backends.make import Maker
from leaptui.nn.backends.plan import Plan
from leaptui.nn.backends.tolerance import measure_shift, tolerance_of
from leaptui.nn.predictor import Predictor
from tests.nn.backend_models import SIZE, Learned

HEIGHT, WIDTH = SIZE


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEAPTUI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed, which the other tests need not wait for."""
    for module in (plan, choose):
        monkeypatch.setattr(module, "installed", lambda backend: backend == "torch")
    monkeypatch.setattr("leaptui.nn.predictor.installed", lambda backend: backend == "torch")
    monkeypatch.setattr("leaptui.nn.backends.make.installed", lambda backend: backend == "torch")


@pytest.fixture
def multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "cpu_multiplies_bf16", lambda: True)


def _found(count: int = 200) -> Found:
    generator = np.random.default_rng(0)
    return generator.uniform(0, 50, (count, 4, 2)).astype(np.float32), np.full((count, 4), 0.9, np.float32)


def test_the_error_may_grow_by_one_hundredth(learned: Learned) -> None:
    limit = tolerance_of(learned.model.metadata, *SIZE)
    assert limit.error_px == 2.0 and limit.jump_px == 3.0
    assert math.hypot(2.0, limit.rms_px) == pytest.approx(2.02)
    without = replace(learned.model.metadata, figures={})
    assert tolerance_of(without, 100, 200).error_px == 1.0
    assert tolerance_of(replace(without, figures={"error_px": 4.0}), *SIZE).error_px == 4.0
    assert tolerance_of(replace(without, figures={"median_px": "none", "error_px": math.nan}), *SIZE).error_px == 0.28


def test_small_shifts_and_jumps_are_told_apart(learned: Learned) -> None:
    reference = _found()
    limit = tolerance_of(learned.model.metadata, *SIZE)
    points = reference[0] + np.float32(0.1)
    small = measure_shift(reference, (points, reference[1]), limit.jump_px)
    assert small.rms_px == pytest.approx(0.1 * math.sqrt(2), rel=1e-4) and small.jumps == 0
    assert limit.allows(small)
    points[:2, 0] += 20
    few = measure_shift(reference, (points, reference[1]), limit.jump_px)
    assert few.jumps == pytest.approx(2 / 800) and few.rms_px == pytest.approx(small.rms_px, rel=1e-3)
    assert limit.allows(few)
    points[:5, 1] += 20
    assert not limit.allows(measure_shift(reference, (points, reference[1]), limit.jump_px))
    blurred = reference[0] + np.float32(0.25)
    assert not limit.allows(measure_shift(reference, (blurred, reference[1]), limit.jump_px))
    nothing = np.full_like(points, np.nan)
    assert not limit.allows(measure_shift(reference, (nothing, reference[1]), limit.jump_px))


def test_points_the_model_is_unsure_of_do_not_count_unless_all_are(learned: Learned) -> None:
    reference = _found()
    reference[1][:, 0] = 0.1
    moved = reference[0].copy()
    moved[:, 0] += 1
    assert measure_shift(reference, (moved, reference[1]), 3.0).rms_px == 0
    reference[1][:] = 0.1
    assert measure_shift(reference, (moved, reference[1]), 3.0).rms_px > 0.5


class _Fixed:
    """A backend that adds to what is right and takes its time from a table."""

    batch, streams = 8, 1

    def __init__(self, exact: Backend, by: float) -> None:
        self._exact, self._by = exact, by
        self.closed = False

    def submit(self, frames: NDArray[np.uint8]) -> Pending:
        pending, by = self._exact.submit(frames), self._by

        class Moved:
            def result(self) -> Found:
                points, scores = pending.result()
                return points + np.float32(by), scores

        return Moved()

    def close(self) -> None:
        self.closed = True
        self._exact.close()


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[float, float]]]:
    """Shift and rate of torch bf16 and of float32, to be set by the test."""
    table = {"32": (0.0, 100.0), "bf16": (0.01, 200.0)}
    make = Maker.make
    shifts: dict[int, str] = {}

    def staged_make(self: Maker, wanted: Plan) -> Backend:
        made = _Fixed(make(self, replace(wanted, precision="32")), table[wanted.precision][0])
        shifts[id(made)] = wanted.precision
        return made

    monkeypatch.setattr(Maker, "make", staged_make)
    monkeypatch.setattr(choose, "measure_rate", lambda backend, _: table[shifts[id(backend)]][1])
    return iter([table])


def _wanted(precision: str = "auto", backend: str = "auto") -> choose.Wanted:
    return choose.Wanted(torch.device("cpu"), backend, precision, HEIGHT, WIDTH, 8, 64)


@pytest.mark.parametrize(
    ("bf16", "taken"), [((0.01, 200.0), "bf16"), ((0.3, 200.0), "32"), ((0.01, 50.0), "bf16"), ((9.0, 500.0), "32")]
)
def test_the_fastest_that_is_exact_enough_is_taken(
    learned: Learned, staged: Iterator[dict[str, tuple[float, float]]], multiplies: None, bf16: tuple[float, float],
    taken: str,
) -> None:  # fmt: skip
    next(staged)["bf16"] = bf16
    frames = learned.frames.transpose(0, 3, 1, 2)
    found, backend = choose.choose(learned.model, _wanted(), frames, lambda _: None)
    backend.close()
    assert found.precision == taken
    assert found.tried[0]["precision"] == "bf16" and found.tried[0]["usable"] == (taken == "bf16")
    assert ("(too inexact)" in found.summary()) == (taken == "32")
    asked, backend = choose.choose(learned.model, _wanted("bf16"), frames, lambda _: None)
    backend.close()
    assert asked.precision == "bf16" and asked.shift is not None and asked.shift["allowed_rms_px"] > 0


def test_what_does_not_exist_or_is_not_installed_is_said() -> None:
    with pytest.raises(UsageError, match="int8"):
        choose.candidates(_wanted("int8", "torch"))
    with pytest.raises(OperationFailed, match="not installed"):
        choose.candidates(_wanted("int8"))
    with pytest.raises(UsageError, match="16"):
        choose.candidates(_wanted("16"))
    assert [p.backend for p in choose.candidates(_wanted("32"))] == ["torch"]


def test_a_prepared_predictor_says_what_it_does_and_can_be_made_again(learned: Learned, home: Path) -> None:
    said: list[str] = []
    plain = Predictor(learned.path, "cpu", "32")
    expected = plain.predict(learned.frames)
    first = Predictor(learned.path, "cpu", "32", backend="auto")
    made = first.prepare(learned.frames, say=said.append)
    assert made is not None and json.loads(json.dumps(made)) == json.loads(json.dumps(first.plan))
    assert first.description["plan"] == made and first.description["backend"] == "torch"
    assert "torch fp32" in said[0]
    points, scores = first.predict(learned.frames)
    np.testing.assert_allclose(points, expected[0], atol=1e-3)
    np.testing.assert_allclose(scores, expected[1], atol=1e-4)
    again = Predictor(learned.path, "cpu", "32", backend="auto")
    again.prepare(learned.frames[:1], plan=json.loads(json.dumps(made)))
    assert again.identity == first.identity
    under_way = [again.submit(learned.frames[i : i + 5]) for i in range(0, 24, 5)]
    found = [entry.result() for entry in under_way]
    assert np.array_equal(np.concatenate([p for p, _ in found]), points)
    assert np.array_equal(np.concatenate([s for _, s in found]), scores)
    assert again.predict(np.zeros((2, 30, 40, 3), np.uint8))[0].shape == (2, 1, 4, 2)
    assert again.predict(np.zeros((0, *SIZE, 1), np.uint8))[0].shape == (0, 1, 4, 2)
    assert len(list((home / "cache" / "plans").glob("*.json"))) == 1
    first.close()
    again.close()


def test_a_choice_is_remembered_and_judged_again_on_other_frames(
    learned: Learned, staged: Iterator[dict[str, tuple[float, float]]], multiplies: None
) -> None:
    table = next(staged)
    assert Predictor(learned.path, "cpu", backend="auto").prepare(learned.frames)["precision"] == "bf16"  # type: ignore[index]
    table["32"] = (0.0, 9999.0)
    assert Predictor(learned.path, "cpu", backend="auto").prepare(learned.frames)["precision"] == "bf16"  # type: ignore[index]
    table["bf16"] = (1.0, 200.0)
    assert Predictor(learned.path, "cpu", backend="auto").prepare(learned.frames)["precision"] == "32"  # type: ignore[index]


def test_damaged_memory_is_no_memory(home: Path) -> None:
    folder = home / "cache" / "plans"
    folder.mkdir(parents=True)
    for i, text in enumerate(("", "[]", "{}", '{"height": 1}', "\x00")):
        (folder / f"{i}.json").write_text(text)
        assert memory.recall(str(i)) is None
    assert memory.recall("none") is None


def test_plans_of_elsewhere_are_refused(learned: Learned) -> None:
    predictor = Predictor(learned.path, "cpu", "32", backend="torch")
    made = predictor.prepare(learned.frames)
    assert made is not None
    with pytest.raises(OperationFailed, match=r"torch 1\.0"):
        predictor.prepare(learned.frames, plan=made | {"versions": {"torch": "1.0"}})
    with pytest.raises(OperationFailed, match="cuda"):
        predictor.prepare(learned.frames, plan=made | {"device": "cuda:0"})
    with pytest.raises(UnusableInput, match="56 x 48"):
        predictor.prepare(learned.frames[:, :40], plan=made)
    for broken in ({}, {"batch": 0}, {"backend": "abacus"}, {"ranges": 3}, {"threads": "many"}, {"streams": 5}):
        with pytest.raises(UnusableInput):
            predictor.prepare(learned.frames, plan=(made | broken) if broken else {})


def test_the_number_of_streams_does_not_change_what_is_written(learned: Learned) -> None:
    made = Predictor(learned.path, "cpu", "32", backend="torch").prepare(learned.frames)
    assert made is not None
    one = Plan.from_dict(made)
    two = replace(one, streams=2, threads=2)
    assert one.identity() == two.identity() != replace(one, threads=2).identity()
    assert one.identity() != replace(one, ranges={"a": (0.0, 1.0)}).identity()


def test_streams_are_as_many_as_cores_and_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    wanted = _wanted("32")
    (many,) = choose.candidates(wanted)
    assert (many.batch, many.streams, many.threads) == (8, 6, 6)
    (few,) = choose.candidates(replace(wanted, most=20))
    assert (few.batch, few.streams) == (8, 2)
    (one,) = choose.candidates(replace(wanted, most=0))
    assert (one.batch, one.streams) == (8, 1)
