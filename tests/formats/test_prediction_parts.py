from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.formats.parts import PartsWriter, parts_folder
from leaptui.formats.predictions import Predictions, read_predictions, write_predictions
from leaptui.pose.skeleton import make_skeleton

SKELETON = make_skeleton("s", ["a", "b", "c"])
MANIFEST = {"model": "m.safetensors", "model_hash": "12", "input": "v.mp4", "input_hash": "34"}
ROWS = 4300


def rows_of(start: int, stop: int) -> dict[str, object]:
    """Rows that depend on their frames only, so that any run over them must give the same."""
    frames = np.arange(start, stop)
    phase = frames[:, None, None] * np.array([0.01, 0.02, 0.03]) + np.arange(2)[:, None]
    points = np.stack([100 + 50 * np.sin(phase), 80 + 60 * np.cos(phase)], axis=-1).astype(np.float32)
    points[frames % 7 == 0, 1] = np.nan
    return {
        "points": points,
        "scores": np.abs(np.sin(phase)).astype(np.float32),
        "frames": frames,
        "checksums": (frames * 2654435761 % 2**32).astype(np.uint32),
        "bad": [(int(frame), f"torn at {frame}") for frame in frames[frames % 900 == 5]],
    }


def run(writer: PartsWriter, stop: int = ROWS, step: int = 130) -> None:
    while writer.next_frame < stop:
        writer.append(**rows_of(writer.next_frame, min(stop, writer.next_frame + step)))


def whole(path: Path, part_frames: int = 700, encoding: str = "float32") -> bytes:
    with PartsWriter(path, manifest=MANIFEST, skeleton=SKELETON, part_frames=part_frames, encoding=encoding) as writer:
        run(writer)
        writer.finish()
    return path.read_bytes()


@pytest.mark.parametrize("encoding", ["float32", "uint16"])
def test_the_file_does_not_depend_on_where_parts_were_cut(tmp_path: Path, encoding: str) -> None:
    contents = {whole(tmp_path / f"{n}.h5", n, encoding) for n in (130, 700, 1000, 2000, 10**6)}
    assert len(contents) == 1
    expected = rows_of(0, ROWS)
    direct = Predictions(
        expected["points"],
        expected["scores"],
        expected["frames"],
        SKELETON,
        expected["checksums"],
        expected["bad"],
        MANIFEST,
    )
    write_predictions(direct, tmp_path / "direct.h5", encoding=encoding)
    found = read_predictions(tmp_path / "700.h5")
    np.testing.assert_array_equal(found.points, read_predictions(tmp_path / "direct.h5").points)
    np.testing.assert_array_equal(found.frames, expected["frames"])
    np.testing.assert_array_equal(found.checksums, expected["checksums"])
    assert list(found.bad) == expected["bad"]
    assert found.provenance == MANIFEST
    assert not parts_folder(tmp_path / "700.h5").exists()
    assert {path.suffix for path in tmp_path.iterdir()} == {".h5"}


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    expected = whole(tmp_path / "whole.h5")
    out = tmp_path / "out.h5"
    with PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON, part_frames=700) as writer:
        run(writer, stop=1510)
    assert not out.exists()
    with PartsWriter.resume(out, manifest=MANIFEST, skeleton=SKELETON, part_frames=900) as writer:
        assert (writer.rows, writer.next_frame) == (1510, 1510)
        run(writer)
        writer.finish()
    assert out.read_bytes() == expected


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_prediction_parts import MANIFEST, SKELETON, run
from leaptui.formats.parts import PartsWriter
with PartsWriter.resume(Path(sys.argv[2]), manifest=MANIFEST, skeleton=SKELETON, part_frames=230) as writer:
    print(writer.next_frame, flush=True)
    run(writer, step=10)
    writer.finish()
print("done", flush=True)
"""


def start(out: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(out)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_it_ends_in_the_same_file(tmp_path: Path) -> None:
    expected = whole(tmp_path / "whole.h5")
    out = tmp_path / "out.h5"
    folder = parts_folder(out)
    moments = random.Random(5)
    reached, kills = 0, 0
    for wait in [1, 2, 4, 7, 11, 15, 10**9]:
        child = start(out)
        assert child.stdout is not None
        began = int(child.stdout.readline())
        assert began >= reached
        reached = began
        while child.poll() is None and wait < 10**9:
            if len(list(folder.glob("part-*.h5"))) >= wait:
                for _ in range(moments.randrange(3000)):
                    pass
                child.send_signal(signal.SIGKILL)
                kills += 1
                break
        child.wait()
        for part in folder.glob("part-*.h5"):
            with h5py.File(part) as file:
                assert len(file["frames"]) == len(file["points"]) > 0
        if out.exists():
            assert out.read_bytes() == expected
    assert kills >= 4
    assert out.read_bytes() == expected
    assert not folder.exists()


def test_nothing_half_written_is_ever_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.h5"
    writer = PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON, part_frames=500)
    run(writer, stop=1000)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UnusableInput, match="No space left"):
            run(writer, stop=1500, step=500)
        with pytest.raises(UnusableInput, match="No space left"):
            writer.finish()
    assert not out.exists()
    assert sorted(path.name for path in parts_folder(out).iterdir()) == [
        "manifest.json",
        "part-000000000000.h5",
        "part-000000000500.h5",
    ]
    with PartsWriter.resume(out, manifest=MANIFEST, skeleton=SKELETON) as again:
        assert again.next_frame == 1000


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    out.write_bytes(b"old")
    with PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON) as writer:
        run(writer, stop=100)
    assert out.read_bytes() == b"old"
    with PartsWriter.resume(out, manifest=MANIFEST, skeleton=SKELETON) as writer:
        writer.finish({"seconds": 3.5})
    assert read_predictions(out).provenance == {"seconds": 3.5}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"manifest": {**MANIFEST, "model_hash": "99"}}, "model_hash"),
        ({"manifest": {**MANIFEST, "threshold": 1}}, "threshold"),
        ({"skeleton": make_skeleton("s", ["a", "b", "d"])}, "skeleton"),
        ({"encoding": "uint16"}, "encoding"),
    ],
)
def test_other_work_is_not_mixed_in(tmp_path: Path, change: dict, word: str) -> None:
    out = tmp_path / "out.h5"
    with PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON) as writer:
        run(writer, stop=10)
    with pytest.raises(UnusableInput, match=word):
        PartsWriter.resume(out, **{"manifest": MANIFEST, "skeleton": SKELETON, **change})
    with pytest.raises(UnusableInput, match="--resume"):
        PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON)


def test_lost_and_damaged_parts_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    with PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON, part_frames=100) as writer:
        run(writer, stop=500, step=100)
    kept = tmp_path / "kept"
    shutil.copytree(parts_folder(out), kept)

    def resume() -> PartsWriter:
        return PartsWriter.resume(out, manifest=MANIFEST, skeleton=SKELETON, part_frames=100)

    def restore() -> Path:
        shutil.rmtree(parts_folder(out))
        return shutil.copytree(kept, parts_folder(out))

    (parts_folder(out) / "part-000000000200.h5").unlink()
    with pytest.raises(UnusableInput, match="from row 200 is lost"):
        resume()
    path = restore() / "part-000000000300.h5"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UnusableInput, match=r"part-000000000300\.h5"):
        resume()
    folder = restore()
    shutil.copy(folder / "part-000000000000.h5", folder / "part-000000000500.h5")
    with pytest.raises(UnusableInput, match="does not follow"):
        resume()
    (restore() / "manifest.json").write_text("{")
    with pytest.raises(UnusableInput, match=r"manifest\.json"):
        resume()
    (restore() / ".part-000000000500.h5.77.tmp").write_bytes(b"half")
    (tmp_path / ".out.h5.77.tmp").write_bytes(b"half")
    assert resume().next_frame == 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "out.h5.parts"]
    assert not list(parts_folder(out).glob("*.tmp"))


def test_killed_between_the_finished_file_and_the_removal_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole(tmp_path / "whole.h5")
    out = tmp_path / "out.h5"
    writer = PartsWriter(out, manifest=MANIFEST, skeleton=SKELETON)
    run(writer)

    def killed(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(OperationFailed):
            writer.finish()
    assert out.read_bytes() == expected
    assert not parts_folder(out).exists()
    assert whole(out) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "whole.h5"]


def test_rows_that_do_not_fit(tmp_path: Path) -> None:
    writer = PartsWriter(tmp_path / "out.h5", manifest=MANIFEST, skeleton=SKELETON)
    rows = rows_of(10, 20)
    writer.append(**rows)
    later = rows_of(20, 30)
    for change in (
        {"frames": np.arange(15, 25)},
        {"frames": np.arange(30, 20, -1)},
        {"points": later["points"][:, :1], "scores": later["scores"][:, :1]},
        {"points": later["points"][..., :1]},
        {"scores": later["scores"][:5]},
        {"checksums": None},
        {"checksums": later["checksums"][:3]},
    ):
        with pytest.raises(ValueError, match="must"):
            writer.append(**{**later, **change})
    writer.append(**rows_of(20, 20))
    writer.append(**later)
    np.testing.assert_array_equal(read_predictions(writer.finish()).frames, np.arange(10, 30))
    with pytest.raises(UsageError):
        PartsWriter(tmp_path / "o.h5", manifest={}, skeleton=SKELETON, part_frames=0)
    with pytest.raises(UsageError):
        PartsWriter(tmp_path / "o.h5", manifest={}, skeleton=SKELETON, encoding="float16")


def test_no_rows_at_all(tmp_path: Path) -> None:
    with PartsWriter(tmp_path / "out.h5", manifest={}, skeleton=SKELETON) as writer:
        found = read_predictions(writer.finish())
    assert (len(found), found.points.shape) == (0, (0, 1, 3, 2))
