from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.encoding import ENCODINGS, fits
from leaptui.formats.predictions import (
    Predictions,
    PredictionsFile,
    open_predictions,
    read_predictions,
    sniff,
    write_predictions,
)
from leaptui.pose.builtin import mouse
from leaptui.pose.skeleton import make_skeleton

SKELETON = make_skeleton("s", ["a", "b", "c"], [("a", "b")], [("b", "c")], ("a", "c"))


def some_predictions(rows: int, instances: int = 2, seed: int = 0, **more: object) -> Predictions:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-3, 640, (rows, instances, 3, 2)).astype(np.float32)
    points[rng.random(points.shape[:3]) < 0.2] = np.nan
    scores = rng.random((rows, instances, 3)).astype(np.float32)
    frames = np.cumsum(rng.integers(1, 4, rows)).astype(np.int64)
    return Predictions(points, scores, frames, SKELETON, **more)


@pytest.mark.parametrize("rows", [0, 1, 999, 1000, 1001, 2500])
def test_round_trip_at_the_edges_of_chunks(tmp_path: Path, rows: int) -> None:
    checksums = np.arange(rows, dtype=np.uint32) * 1_000_003
    made = some_predictions(
        rows, checksums=checksums, bad=[(4, "torn"), (9, "ü\0")], provenance={"model": "m", "x": [1]}
    )
    write_predictions(made, tmp_path / "p.h5")
    found = read_predictions(tmp_path / "p.h5")
    np.testing.assert_array_equal(found.points, made.points)
    np.testing.assert_array_equal(found.scores, made.scores)
    np.testing.assert_array_equal(found.frames, made.frames)
    np.testing.assert_array_equal(found.checksums, checksums)
    assert found.skeleton == SKELETON
    assert found.provenance == {"model": "m", "x": [1]}
    assert list(found.bad) == [(4, "torn"), (9, "ü")]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 6), st.integers(0, 3), st.just(3), st.just(2)),
        elements=st.floats(-64, 4031.875, width=32) | st.just(float("nan")),
    )
)
def test_sixteenths_of_a_pixel(tmp_path: Path, points: np.ndarray) -> None:
    scores = np.linspace(0, 1, points[..., 0].size, dtype=np.float32).reshape(points.shape[:3])
    made = Predictions(points, scores, np.arange(len(points), dtype=np.int64), SKELETON)
    write_predictions(made, tmp_path / "p.h5", encoding="uint16")
    found = read_predictions(tmp_path / "p.h5")
    np.testing.assert_array_equal(np.isnan(found.points), np.isnan(points))
    np.testing.assert_allclose(found.points, points, atol=1 / 32)
    np.testing.assert_allclose(found.scores, scores, atol=1 / 508 + 1e-6)


def test_what_does_not_fit_sixteenths_is_refused(tmp_path: Path) -> None:
    for value in (-65.0, 4032.0, np.inf):
        made = some_predictions(3)
        made.points[1, 1, 1, 0] = value
        with pytest.raises(UnusableInput, match="-64 to 4031"):
            write_predictions(made, tmp_path / "p.h5", encoding="uint16")
    assert list(tmp_path.iterdir()) == []
    assert fits("uint16", 4032, 10)
    assert not fits("uint16", 10, 4040)
    assert fits("float32", 10**6, 10**6)
    with pytest.raises(UsageError, match="float32, uint16"):
        write_predictions(some_predictions(1), tmp_path / "p.h5", encoding="uint8")


def test_scores_beyond_their_range_are_clipped_and_missing_ones_kept() -> None:
    scores = ENCODINGS["uint16"].scores
    found = scores.decode(scores.encode(np.array([-1.0, 0.0, 1.0, 2.0, np.nan])))
    np.testing.assert_array_equal(found, np.array([0, 0, 1, 1, np.nan], np.float32))


def test_anybody_can_read_the_file_by_its_attributes(tmp_path: Path) -> None:
    made = some_predictions(10)
    write_predictions(made, tmp_path / "p.h5", encoding="uint16")
    with h5py.File(tmp_path / "p.h5") as file:
        data = file["points"]
        raw = data[:].astype(float)
        raw[raw == data.attrs["missing"]] = np.nan
        np.testing.assert_allclose(raw * data.attrs["scale"] + data.attrs["offset"], made.points, atol=1 / 32)
        assert data.attrs["scale"] == 1 / 16
        assert (data.chunks[0], data.compression, data.compression_opts, data.shuffle) == (1000, "gzip", 1, True)


def test_slices_blocks_and_single_frames(tmp_path: Path) -> None:
    made = some_predictions(2300, checksums=np.arange(2300, dtype=np.uint32))
    write_predictions(made, tmp_path / "p.h5")
    with PredictionsFile(tmp_path / "p.h5") as file:
        assert (len(file), file.instances) == (2300, 2)
        for source in (file, made):
            np.testing.assert_array_equal(source.read(990, 1010).points, made.points[990:1010])
            np.testing.assert_array_equal(source.read(2299).frames, made.frames[2299:])
            assert [len(block) for block in source.blocks(1000)] == [1000, 1000, 300]
            absent = int(np.setdiff1d(np.arange(made.frames[-1]), made.frames)[0])
            wanted = [int(made.frames[7]), absent, int(made.frames[2299]), 10**9, int(made.frames[7]), -1]
            picked = source.at(wanted)
            np.testing.assert_array_equal(picked.frames, wanted)
            np.testing.assert_array_equal(picked.points[[0, 2, 4]], made.points[[7, 2299, 7]])
            assert np.isnan(picked.points[[1, 3, 5]]).all()
            assert picked.checksums is not None
            assert picked.checksums[2] == 2299
            assert len(source.at([])) == 0


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.h5", "two.h5"):
        write_predictions(some_predictions(1500, bad=[(3, "x")], provenance={"b": 1, "a": 2}), tmp_path / name)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_provenance_holds_whatever_a_run_knows(tmp_path: Path) -> None:
    odd = {
        "loss": float("nan"),
        "n": np.int64(3),
        "path": tmp_path,
        "name": "a\udcffb",
        "long": "x" * 200_000,
        "t": (1, 2),
    }
    write_predictions(some_predictions(1, provenance=odd), tmp_path / "p.h5")
    found = read_predictions(tmp_path / "p.h5").provenance
    assert found == {**odd, "loss": None, "path": str(tmp_path), "t": [1, 2]}


def test_shapes_are_checked() -> None:
    points, scores, frames = np.zeros((2, 1, 3, 2)), np.zeros((2, 1, 3)), np.arange(2)
    for bad in ((points[:1], scores, frames), (points[..., 0], scores, frames), (points, scores[:, :, :2], frames)):
        with pytest.raises(ValueError, match="must be"):
            Predictions(*bad, SKELETON)
    with pytest.raises(ValueError, match="rising"):
        write_predictions(Predictions(points, scores, frames[::-1], SKELETON), Path("unused.h5"))


def test_malformed_files_give_one_clear_error(tmp_path: Path) -> None:
    good = tmp_path / "good.h5"
    write_predictions(some_predictions(5), good)
    assert sniff(good)

    def spoil(name: str, change: object) -> Path:
        path = tmp_path / f"{name}.h5"
        path.write_bytes(good.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def replace(key: str, value: object) -> object:
        def change(file: h5py.File) -> None:
            del file[key]
            if value is not None:
                file[key] = value

        return change

    cases = [
        (spoil("version", lambda f: f.attrs.__setitem__("version", 9)), "version 9"),
        (spoil("json", lambda f: f.attrs.__setitem__("skeleton", "{")), "'skeleton' is not JSON"),
        (spoil("list", lambda f: f.attrs.__setitem__("provenance", "[]")), "'provenance' must be"),
        (spoil("nodes", lambda f: f.attrs.__setitem__("skeleton", '{"nodes": ["a"]}')), "'points' must be"),
        (spoil("lost", replace("points", None)), "'points' is missing"),
        (spoil("scores", replace("scores", np.zeros((5, 2, 2)))), "'scores' must be"),
        (spoil("frames", replace("frames", np.zeros(4))), "'frames' must be"),
        (spoil("integers", replace("points", np.zeros((5, 2, 3, 2), int))), "'scale'"),
    ]
    for path, words in cases:
        with pytest.raises(UnusableInput) as caught:
            PredictionsFile(path)
        assert words in str(caught.value)
        assert path.name in str(caught.value)
    foreign = spoil("foreign", lambda f: (f.attrs.__setitem__("format", "x"), replace("points", None)(f)))
    cut = tmp_path / "cut.h5"
    cut.write_bytes(good.read_bytes()[:-500])
    text = tmp_path / "text.h5"
    text.write_text("points")
    for path in (foreign, cut, text, tmp_path, tmp_path / "none.h5"):
        assert not sniff(path)
        with pytest.raises(UnusableInput):
            open_predictions(path)


def test_plain_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.random((6, 4, 2))
    points[2, 1] = np.nan
    scores = rng.random((6, 4))
    frames = np.array([3, 1, 9, 4, 5, 6])
    np.save(tmp_path / "p.npy", points)
    np.savez_compressed(tmp_path / "p.npz", points=points[:, None], scores=scores[:, None], frames=frames)
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["points"], file["scores"] = points, scores
    for name in ("p.npy", "p.npz", "p.h5"):
        found = read_predictions(tmp_path / name, mouse())
        np.testing.assert_array_equal(found.points[:, 0], points.astype(np.float32))
        assert found.skeleton == mouse()
    np.testing.assert_array_equal(
        read_predictions(tmp_path / "p.npz").at([9, 3]).points[:, 0], points[[2, 0]].astype("f4")
    )
    assert np.isnan(read_predictions(tmp_path / "p.npy").scores).all()
    assert read_predictions(tmp_path / "p.h5").skeleton.node_names == ("node1", "node2", "node3", "node4")
    with pytest.raises(UnusableInput, match="4 nodes, the skeleton 3"):
        read_predictions(tmp_path / "p.npy", SKELETON)


def test_plain_arrays_that_are_none(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path(tmp_path / "owned").touch, ())

    np.save(tmp_path / "evil.npy", np.array([Evil()], object), allow_pickle=True)
    np.savez(tmp_path / "shape.npz", points=np.zeros((3, 4)))
    np.savez(tmp_path / "frames.npz", points=np.zeros((3, 4, 2)), frames=np.array([1, 1, 2]))
    np.savez(tmp_path / "scores.npz", points=np.zeros((3, 4, 2)), scores=np.zeros(3))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "evil.npy").read_bytes()[:40])
    for name in ("evil.npy", "shape.npz", "frames.npz", "scores.npz", "other.npz", "cut.npy"):
        with pytest.raises(UnusableInput, match=name.replace(".", r"\.")):
            read_predictions(tmp_path / name)
    assert not (tmp_path / "owned").exists()
