"""Splits without leaks, and the bank of frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leaptui.errors import UnusableInput, UsageError
from leaptui.nn.batches import FrameBank, IndexStream, InOrder
from leaptui.nn.data import TrainingData, split
from leaptui.nn.preprocessing import measure


def _data(count: int, checksums: list[int | None] | None = None, groups: list[int] | None = None) -> TrainingData:
    frames = np.zeros((count, 8, 8, 1), dtype=np.uint8)
    return TrainingData(frames, np.ones((count, 2, 2)), checksums=checksums or [], groups=groups or [])


sets = st.integers(3, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.one_of(st.none(), st.integers(0, 8)), min_size=n, max_size=n),
        st.lists(st.integers(0, 12), min_size=n, max_size=n),
        st.integers(0, 5),
    )
)


def _assert_no_leak(data: TrainingData, train: np.ndarray, val: np.ndarray) -> None:
    def known(side: np.ndarray) -> set[int]:
        return {c for i in side if (c := data.checksums[i]) is not None}

    assert not known(train) & known(val)
    assert not {data.groups[i] for i in train} & {data.groups[i] for i in val}


@given(sets, st.floats(0, 0.5))
def test_fraction_never_leaks_and_loses_nothing(
    drawn: tuple[list[int | None], list[int], int], fraction: float
) -> None:
    checksums, groups, seed = drawn
    data = _data(len(groups), checksums, groups)
    parts = split(data, val_fraction=fraction, seed=seed)
    _assert_no_leak(data, parts.train, parts.val)
    assert sorted([*parts.train, *parts.val]) == list(range(len(data)))
    assert len(parts.train) >= 1


@given(sets, st.data())
def test_labels_trains_on_exactly_that_many(
    drawn: tuple[list[int | None], list[int], int], more: st.DataObject
) -> None:
    checksums, groups, seed = drawn
    data = _data(len(groups), checksums, groups)
    labels = more.draw(st.integers(1, len(groups)))
    parts = split(data, labels=labels, seed=seed)
    assert len(parts.train) == labels
    _assert_no_leak(data, parts.train, parts.val)
    assert sorted([*parts.train, *parts.val, *parts.left_out]) == list(range(len(data)))


def test_labels_with_all_others_and_seeds() -> None:
    data = _data(75)
    first, again, other = (split(data, labels=10, seed=s) for s in (0, 0, 1))
    assert (len(first.train), len(first.val), len(first.left_out)) == (10, 65, 0)
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)
    assert len(split(data, seed=0).val) == 11


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 0), (3, 1), (10, 2)])
def test_few_frames(count: int, expected: int) -> None:
    assert len(split(_data(count)).val) == expected


def test_one_big_group_leaves_validation_empty() -> None:
    assert len(split(_data(20, groups=[0] * 20)).val) == 0
    assert len(split(_data(30, groups=[i // 10 for i in range(30)])).val) == 10


@pytest.mark.parametrize("labels", [0, -1, 6])
def test_impossible_labels_are_refused(labels: int) -> None:
    with pytest.raises(UsageError):
        split(_data(5), labels=labels)
    with pytest.raises(UsageError):
        split(_data(5), val_fraction=1.0)


def test_frames_without_points_are_ignored() -> None:
    data = _data(6)
    data.points[2] = np.nan
    parts = split(data, labels=2)
    assert 2 not in [*parts.train, *parts.val]
    assert len(parts.val) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: TrainingData([], np.zeros((0, 2, 2))),
        lambda: TrainingData(np.zeros((2, 8, 8, 1), np.uint8), np.full((2, 3, 2), np.nan)),
        lambda: TrainingData(np.zeros((2, 8, 8, 1), np.uint8), np.zeros((3, 3, 2))),
        lambda: TrainingData(np.zeros((2, 8, 8, 2), np.uint8), np.zeros((2, 3, 2))),
        lambda: TrainingData(np.zeros((2, 8, 8, 1), np.float32), np.zeros((2, 3, 2))),  # type: ignore[arg-type]
        lambda: TrainingData([np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8, 3), np.uint8)], np.zeros((2, 3, 2))),
        lambda: TrainingData(np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 3, 2)), checksums=[1]),
    ],
)
def test_unusable_data_is_refused(make: object) -> None:
    with pytest.raises(UnusableInput):
        make()  # type: ignore[operator]


def test_body_length() -> None:
    data = _data(3)
    data.points[:, 1] += [[3, 4], [6, 8], [np.nan, np.nan]]
    assert data.body_length((0, 1)) == 7.5
    assert data.body_length(None) is None
    data.points[:, 1] = np.nan
    assert data.body_length((0, 1)) is None


def test_bank_pads_shrinks_and_measures_in_source_pixels() -> None:
    generator = np.random.default_rng(0)
    frames = [generator.integers(40, 200, shape, dtype=np.uint8) for shape in ((40, 60, 3), (50, 44, 3))]
    points = np.array([[[10.0, 20.0]], [[30.0, np.nan]]])
    data = TrainingData(frames, points)
    preprocessing = measure(frames, input_scale=0.5, padding_multiple=16)
    bank = FrameBank(data, np.array([1, 0]), preprocessing, torch.device("cpu"))
    assert bank.size == (32, 32)
    assert bank.frames.dtype == torch.uint8
    drawn, at = bank.draw(torch.tensor([1]))
    assert at[0, 0].tolist() == [4.75, 9.75]
    assert torch.equal(drawn[0, :, 20:, :], torch.tensor(preprocessing.fill).reshape(3, 1, 1).expand(3, 12, 32))
    expected = frames[0][:2, :2].reshape(4, 3).mean(axis=0)
    assert np.abs(drawn[0, :, 0, 0].numpy() - expected).max() < 25
    errors = bank.source_errors(torch.tensor([1]), at + torch.tensor([1.5, 2.0]))
    assert errors.item() == pytest.approx(5.0)
    assert torch.isnan(bank.source_errors(torch.tensor([0]), torch.zeros(1, 1, 2))).all()


def test_streams_cover_every_frame_before_repeating() -> None:
    epoch = 0
    stream = IndexStream(10, 4, 5, 7, lambda: epoch)
    first = torch.cat(list(stream))
    assert len(list(stream)) == len(stream) == 5
    assert sorted(first[:10].tolist()) == sorted(first[10:].tolist()) == list(range(10))
    assert torch.equal(first, torch.cat(list(stream)))
    epoch = 1
    assert not torch.equal(first, torch.cat(list(stream)))
    assert [b.tolist() for b in InOrder(torch.arange(5), 2)] == [[0, 1], [2, 3], [4]]
    assert len(InOrder(torch.arange(0), 2)) == 0
