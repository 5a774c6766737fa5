from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leaptui.errors import UnusableInput
from leaptui.formats import csv_table, leap_predictions
from leaptui.formats.predictions import Predictions, PredictionsFile, read_predictions, write_predictions
from leaptui.pose.skeleton import make_skeleton
from leaptui.registry import EXPORT_FORMATS

SKELETON = make_skeleton("s", ["a", "b", "c, d"])


def predictions(points: np.ndarray, frames: np.ndarray | None = None, **more: object) -> Predictions:
    """Of (N, I, 3, 2) points."""
    scores = np.linspace(0, 1, points[..., 0].size, dtype=np.float32).reshape(points.shape[:3])
    frames = np.arange(len(points)) if frames is None else frames
    return Predictions(points.astype(np.float32), scores, frames.astype(np.int64), SKELETON, **more)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_export_format_can_be_written(tmp_path: Path) -> None:
    import importlib

    for entry in EXPORT_FORMATS.values():
        path = tmp_path / entry.name
        importlib.import_module(entry.target).write(predictions(np.ones((2, 1, 3, 2))), path)
        assert path.stat().st_size > 0


def test_csv_has_one_row_an_instance_and_node(tmp_path: Path) -> None:
    points = np.full((3, 2, 3, 2), np.nan)
    points[0, 0] = [[1.25, 2], [3.123456, 4], [5, 6]]
    points[0, 1, 1] = [7, 8]
    points[2, 0, 0] = [9, -0.5]
    made = predictions(points, np.array([4, 5, 7]), provenance={"video": "v,1.mp4"})
    csv_table.write(made, tmp_path / "t.csv")
    rows = table(tmp_path / "t.csv")
    assert tuple(rows[0]) == csv_table.COLUMNS
    assert [(r["frame"], r["instance"], r["node"]) for r in rows] == [
        (frame, instance, node)
        for frame, instance in (("4", "0"), ("4", "1"), ("7", "0"))
        for node in ("a", "b", "c, d")
    ]
    assert [(r["x"], r["y"]) for r in rows[:5]] == [
        ("1.25", "2.0"),
        ("3.1235", "4.0"),
        ("5.0", "6.0"),
        ("", ""),
        ("7.0", "8.0"),
    ]
    assert {r["video"] for r in rows} == {"v,1.mp4"}
    assert {r["visible"] for r in rows} == {r["track"] for r in rows} == {""}
    assert rows[1]["score"] == "0.0588"


def test_csv_of_labels(tmp_path: Path) -> None:
    points = np.full((2, 2, 3, 2), np.nan)
    points[0, :, :2] = 3.0
    points[1, 1] = 4.0
    occluded = np.zeros((2, 2, 3), bool)
    occluded[0, 0, 1] = True
    made = predictions(
        points,
        np.array([9, 2]),
        occluded=occluded,
        video_names=("one", "two"),
        videos=np.array([1, 0]),
        track_names=("fly A", "fly B"),
        tracks=np.array([[1, -1], [0, 0]]),
    )
    made.scores[:] = np.nan
    csv_table.write(made, tmp_path / "t.csv")
    rows = table(tmp_path / "t.csv")
    assert [r["video"] for r in rows] == ["two"] * 6 + ["one"] * 3
    assert [r["track"] for r in rows] == ["fly B"] * 3 + [""] * 3 + ["fly A"] * 3
    assert [r["visible"] for r in rows] == ["2", "1", "0", "2", "2", "0", "2", "2", "2"]
    assert {r["score"] for r in rows} == {""}


def test_a_long_file_is_exported_block_by_block(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 90, (9001, 1, 3, 2))
    made = predictions(points)
    write_predictions(made, tmp_path / "p.h5")
    for name, write in (("csv", csv_table.write), ("h5", leap_predictions.write)):
        write(made, tmp_path / f"memory.{name}")
        with PredictionsFile(tmp_path / "p.h5") as file:
            write(file, tmp_path / f"file.{name}")
        assert (tmp_path / f"memory.{name}").read_bytes() == (tmp_path / f"file.{name}").read_bytes()
    assert len(table(tmp_path / "file.csv")) == 9001 * 3


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 2), st.just(3), st.just(2)),
        elements=st.floats(-4, 300, width=32) | st.just(float("nan")),
    ),
    st.data(),
)
def test_leap_predictions_round_trip(tmp_path: Path, points: np.ndarray, data: st.DataObject) -> None:
    if points.shape[1] == 2:  # one animal, in either slot
        slot = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(points), max_size=len(points))))
        points[np.arange(len(points)), 1 - slot] = np.nan
        single = points[np.arange(len(points)), slot]
    else:
        single = points[:, 0]
    steps = data.draw(st.lists(st.integers(1, 3), min_size=len(points), max_size=len(points)))
    frames = np.cumsum(steps) - 1
    made = predictions(points, frames)
    leap_predictions.write(made, tmp_path / "l.h5")
    found = read_predictions(tmp_path / "l.h5", SKELETON)
    assert len(found) == frames[-1] + 1
    unset = np.isnan(single).any(axis=2)
    expected = np.full((len(found), 3, 2), np.nan)
    expected[frames] = np.where(unset[..., None], np.nan, np.rint(single))
    np.testing.assert_array_equal(found.points[:, 0], expected)
    assert np.isnan(found.scores[:, 0]).sum() == np.isnan(expected[..., 0]).sum()


def test_leap_predictions_have_leaps_layout(tmp_path: Path) -> None:
    points = np.zeros((2, 1, 3, 2))
    points[1, 0, 2] = (30.6, 11.4)
    known = {
        "video": "fly.h5",
        "dataset": "/box",
        "frame_shape": [20, 33, 1],
        "model": {"path": "runs/7/model.safetensors", "hash": "1"},
        "seconds": 3.5,
        "prediction_seconds": 2.0,
        "frame_count": 5,
    }
    leap_predictions.write(predictions(points, provenance=known), tmp_path / "l.h5")
    with h5py.File(tmp_path / "l.h5") as file:
        positions, confidence = file["positions_pred"], file["conf_pred"]
        assert (positions.shape, positions.dtype) == ((5, 2, 3), np.int32)
        assert confidence.shape == (5, 3)
        assert positions[1, :, 2].tolist() == [31, 11]
        assert positions[4].tolist() == [[-1] * 3] * 2
        assert np.isnan(confidence[4]).all()
        attributes = dict(file.attrs)
    assert attributes.pop("img_size").tolist() == [20, 33, 1]
    assert attributes == {
        "num_samples": 5,
        "box_path": "fly.h5",
        "box_dset": "/box",
        "model_path": "runs/7/model.safetensors",
        "weights_path": "runs/7/model.safetensors",
        "model_name": "model.safetensors",
        "total_runtime_secs": 3.5,
        "prediction_runtime_secs": 2.0,
    }
    found = read_predictions(tmp_path / "l.h5").provenance
    assert found["video"] == "fly.h5"
    assert found["frame_shape"] == [20, 33, 1]
    assert found["prediction_seconds"] == 2.0


def test_without_provenance_the_attributes_are_there_but_empty(tmp_path: Path) -> None:
    leap_predictions.write(predictions(np.zeros((1, 1, 3, 2))), tmp_path / "l.h5")
    with h5py.File(tmp_path / "l.h5") as file:
        assert file.attrs["model_name"] == file.attrs["box_path"] == ""
        assert np.isnan(file.attrs["total_runtime_secs"])
        assert file.attrs["num_samples"] == 1


def test_as_leap_itself_writes_it(tmp_path: Path) -> None:
    """One joint: LEAP squeezes conf_pred to one axis; its arrays are contiguous in another order."""
    positions = np.array([[[3], [4]], [[-1], [-1]]], np.int32)
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file["positions_pred"] = positions
        file["conf_pred"] = np.array([0.5, 0.25], np.float32)
        file.attrs["box_path"] = np.bytes_("b.h5")
    found = read_predictions(tmp_path / "l.h5")
    np.testing.assert_array_equal(found.points[:, 0, 0], [[3, 4], [-1, -1]])
    np.testing.assert_array_equal(found.scores[:, 0, 0], [0.5, 0.25])
    assert found.provenance == {"video": "b.h5"}


def test_leap_holds_one_animal_and_one_video(tmp_path: Path) -> None:
    two = np.full((3, 2, 3, 2), np.nan)
    two[:, 0] = 1.0
    two[2, 1, 0] = 2.0
    with pytest.raises(UnusableInput, match="frame 12 has several"):
        leap_predictions.write(predictions(two, np.array([3, 7, 12])), tmp_path / "l.h5")
    several = predictions(two[:2], video_names=("a", "b"), videos=np.array([0, 1]))
    with pytest.raises(UnusableInput, match="one video"):
        leap_predictions.write(several, tmp_path / "l.h5")
    assert list(tmp_path.iterdir()) == []


def test_malformed_leap_predictions(tmp_path: Path) -> None:
    for i, (positions, confidence) in enumerate(
        [(np.zeros((3, 3, 4)), None), (np.zeros((3, 2)), None), (np.zeros((3, 2, 4)), np.zeros((3, 5)))]
    ):
        path = tmp_path / f"{i}.h5"
        with h5py.File(path, "w") as file:
            file["positions_pred"] = positions
            if confidence is not None:
                file["conf_pred"] = confidence
        with pytest.raises(UnusableInput, match="must be"):
            read_predictions(path)


@pytest.mark.parametrize("write", [csv_table.write, leap_predictions.write])
def test_a_failed_export_leaves_the_old_file(tmp_path: Path, write: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = tmp_path / "old"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match="No space left"):
        write(predictions(np.zeros((1, 1, 3, 2))), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
