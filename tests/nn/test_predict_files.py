"""From files of frames to files of predictions: going on after a kill, some frames, several inputs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest

from leaptui.errors import UnusableInput
from leaptui.formats.leap_box import write_box
from leaptui.formats.parts import PartsWriter, parts_folder
from leaptui.formats.predictions import Predictions, read_predictions
from leaptui.media import pyav_reader
from leaptui.media.video import VideoSource
from leaptui.nn.predictor import Predictor
from leaptui.ops.predict import PredictRequest
from leaptui.project import Project
from leaptui.runners import predict, predict_file
from leaptui.runners.videos import register
from tests.benchmarks.predict_kills import without_times
from tests.media.media_samples import write_video
from tests.media.played_gpu import PlayedGpu
from tests.nn.backend_models import Learned
from tests.nn.conftest import BLOBS, Recorder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of eight frames."""
    monkeypatch.setattr(predict_file, "_PART_FRAMES", 8)


def asked(learned: Learned, folder: Path, **more: Any) -> PredictRequest:
    """A box of 22 frames, four at a time."""
    box = folder / "box.h5"
    if not box.exists():
        write_box(learned.frames[:22], box)
    return PredictRequest(learned.path, (box,), folder / "out.h5", batch_size=4, device="cpu", **more)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("way", [{"precision": "32"}, {"precision": "32", "backend": "torch", "frames": "1:"}])
def test_whatever_a_kill_leaves_it_ends_in_the_same_bytes(
    learned: Learned, tmp_path: Path, way: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(learned, tmp_path, **way)
    snapshots: dict[tuple[str, ...], Path] = {}

    append = PartsWriter.append

    def keep(self: PartsWriter, *rows: Any, **more: Any) -> None:
        append(self, *rows, **more)
        # What is on the disk now is what a kill now would leave.
        folder = parts_folder(request.out)
        names = tuple(sorted(path.name for path in folder.iterdir()))
        if names not in snapshots:
            snapshots[names] = tmp_path / f"snapshot-{len(snapshots)}"
            shutil.copytree(folder, snapshots[names])

    with monkeypatch.context() as patch:
        patch.setattr(PartsWriter, "append", keep)
        done = predict.run(request, Recorder(tmp_path))
    assert (done.frames, done.bounded_by in done.waited) == (22 if "frames" not in way else 21, True)
    expected = without_times(request.out)
    assert [len(names) for names in snapshots] == [2, 3, 4]
    # Killed before it was recorded how to compute, too.
    first = snapshots["manifest.json", "way.json"]
    snapshots[("manifest.json",)] = shutil.copytree(first, tmp_path / "before")
    (tmp_path / "before" / "way.json").unlink()
    for names, snapshot in snapshots.items():
        request.out.unlink()
        shutil.copytree(snapshot, parts_folder(request.out))
        again = predict.run(replace(request, resume=True), Recorder(tmp_path))
        assert again.frames == done.frames - 8 * sum(name.startswith("part-") for name in names)
        assert without_times(request.out) == expected
    assert predict.run(replace(request, resume=True), Recorder(tmp_path)).frames == 0


@pytest.mark.usefixtures("small")
def test_stopped_it_goes_on_and_without_a_record_it_refuses(learned: Learned, tmp_path: Path) -> None:
    request = asked(learned, tmp_path)
    predict.run(request, Recorder(tmp_path))
    expected = without_times(request.out)
    request.out.unlink()
    first = predict.run(request, Recorder(tmp_path, stop_after=4))
    assert first.stopped
    assert 0 < first.frames < 22
    assert not request.out.exists()
    (parts_folder(request.out) / "way.json").rename(tmp_path / "way.json")
    with pytest.raises(UnusableInput, match="not recorded"):
        predict.run(replace(request, resume=True), Recorder(tmp_path))
    (tmp_path / "way.json").rename(parts_folder(request.out) / "way.json")
    assert predict.run(replace(request, resume=True), Recorder(tmp_path)).frames == 22 - first.frames
    assert without_times(request.out) == expected


def test_times_are_apart_and_read_as_one(learned: Learned, tmp_path: Path) -> None:
    request = asked(learned, tmp_path, backend="torch", precision="32")
    predict.run(request, Recorder(tmp_path))
    with h5py.File(request.out) as file:
        kept = file.attrs["provenance"]
        assert not any(f'"{name}"' in kept for name in ("made", "seconds", "tried"))
    found = read_predictions(request.out).provenance
    assert found["seconds"] > 0
    assert found["made"]
    assert [each["backend"] for each in found["tried"]] == ["torch"]
    assert found["plan"]["batch"] == 4
    assert found["request"]["inputs"] == [str(tmp_path / "box.h5")]


def test_only_some_frames_keep_their_numbers(learned: Learned, tmp_path: Path) -> None:
    request = asked(learned, tmp_path, precision="32")
    predict.run(request, Recorder(tmp_path))
    whole = read_predictions(request.out)
    for text, indices in (("3:20:5", [3, 8, 13, 18]), ("-2:", [20, 21]), ("7", [7]), ("::2", range(0, 22, 2))):
        some = replace(request, frames=text, out=tmp_path / "some.h5")
        assert predict.run(some, Recorder(tmp_path)).frames == len(indices)
        found = read_predictions(some.out)
        assert found.frames.tolist() == list(indices)
        assert found.checksums is not None and whole.checksums is not None
        np.testing.assert_array_equal(found.checksums, whole.checksums[list(indices)])
        np.testing.assert_allclose(found.points, whole.points[list(indices)], atol=1e-3)
        assert found.provenance["frame_count"] == 22


def test_the_frames_of_a_projects_video_are_not_counted_again(
    learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.create(tmp_path / "p", skeleton=BLOBS)
    shutil.copy(learned.path, project.folder / "model.safetensors")
    write_video(tmp_path / "a.mp4", 40, gop=10)
    shutil.copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    register(project, VideoSource(tmp_path / "a.mp4"), Recorder(tmp_path))
    model = project.folder / "model.safetensors"
    counted = []
    build = pyav_reader.build_index
    monkeypatch.setattr(pyav_reader, "build_index", lambda path: counted.append(path.name) or build(path))
    found = []
    for name in ("a", "b"):
        request = PredictRequest(model, (tmp_path / f"{name}.mp4",), tmp_path / f"{name}.h5", device="cpu")
        assert predict.run(request, Recorder(tmp_path)).frames == 40
        found.append(read_predictions(request.out))
    # Only the one that is in no project, and that once for sampling, reading and all.
    assert counted == ["b.mp4"]
    np.testing.assert_array_equal(found[0].points, found[1].points)
    # Another file by the name of the project's is counted, and read as what it is.
    write_video(tmp_path / "a.mp4", 30, gop=10)
    other = PredictRequest(model, (tmp_path / "a.mp4",), tmp_path / "other.h5", device="cpu", frames="::3")
    assert predict.run(other, Recorder(tmp_path)).frames == 10
    assert counted == ["b.mp4", "a.mp4"]


def test_a_gpu_that_decodes_is_told_and_changes_no_point(
    learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.create(tmp_path / "p", skeleton=BLOBS)
    model = project.folder / "model.safetensors"
    shutil.copy(learned.path, model)
    write_video(tmp_path / "a.mp4", 40, gop=10)
    register(project, VideoSource(tmp_path / "a.mp4"), Recorder(tmp_path))
    request = PredictRequest(model, (tmp_path / "a.mp4",), tmp_path / "a.h5", batch_size=4, device="cpu")
    predict.run(request, Recorder(tmp_path))
    expected = without_times(request.out)
    assert read_predictions(request.out).provenance["reading"] == []
    gpu = PlayedGpu(monkeypatch)
    monkeypatch.setattr(Predictor, "gpu", 0)
    recorder = Recorder(tmp_path)
    predict.run(request, recorder)
    assert gpu.decoded >= 40
    assert without_times(request.out) == expected
    (said,) = read_predictions(request.out).provenance["reading"]
    assert said.startswith("video decoded by the GPU: ")
    assert said in [fields["message"] for kind, fields in recorder.events if kind == "log"]


def test_frames_that_cannot_be_read_are_told_as_stretches(learned: Learned, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "box.h5", "w") as file:
        shape = (22, 1, *learned.frames.shape[2:0:-1])
        made = file.create_dataset("box", shape, np.uint8, chunks=(1, *shape[1:]))
        for i in set(range(22)) - {2, 9, 10, 11}:
            made[i] = learned.frames[i].T
    request = asked(learned, tmp_path)
    recorder = Recorder(tmp_path)
    done = predict.run(request, recorder)
    assert (done.frames, done.bad_frames) == (22, 4)
    assert done.unreadable == {str(tmp_path / "box.h5"): "2, 9-11"}
    assert any("2, 9-11" in each["message"] for each in recorder.of("log"))
    found: Predictions = read_predictions(request.out)
    assert [frame for frame, _ in found.bad] == [2, 9, 10, 11]
    missing = np.isnan(found.points).all(axis=(1, 2, 3))
    assert np.flatnonzero(missing).tolist() == [2, 9, 10, 11]


def test_a_disk_that_fails_ends_it_with_whole_parts(
    learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    request = asked(learned, tmp_path)
    writer = PartsWriter
    taken = writer.append
    calls = []

    def full(self: Any, *rows: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise UnusableInput("No space left")
        taken(self, *rows, **more)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(UnusableInput, match="No space"):
            predict.run(request, Recorder(tmp_path))
    # Nothing is written behind a gap.
    assert len(calls) == 3
    assert predict.run(replace(request, resume=True), Recorder(tmp_path)).frames == 22 - 8
    assert read_predictions(request.out).frames.tolist() == list(range(22))


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "spawn_main" in " ".join(each.cmdline())]


class Killing(Recorder):
    """Kills one of the processes while it reads an input."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.killed = 0

    def emit(self, type: str, **fields: Any) -> None:
        super().emit(type, **fields)
        reading = [each for each in children() if any(file.path.endswith(".h5") for file in each.open_files())]
        if type == "progress" and not self.killed and reading:
            self.killed = reading[0].pid
            reading[0].kill()


def test_processes_share_inputs_and_one_that_is_killed_loses_its_own_only(learned: Learned, tmp_path: Path) -> None:
    names = ["a", "b"]
    many = np.tile(learned.frames, (25, 1, 1, 1))
    for name in names:
        write_box(many, tmp_path / f"{name}.h5")
    (tmp_path / "0.h5").write_text("no box")
    request = PredictRequest(
        learned.path, (tmp_path / "*.h5",), tmp_path / "out", device="cpu", precision="32", workers=2, batch_size=16
    )
    recorder = Killing(tmp_path)
    done = predict.run(request, recorder)
    assert recorder.killed
    lost = [path for path, why in done.failed.items() if "killed by signal 9" in why]
    assert len(lost) == 1
    assert set(done.failed) == {*lost, str(tmp_path / "0.h5")}
    kept = [name for name in names if str(tmp_path / f"{name}.h5") not in lost]
    assert done.files == [tmp_path / "out" / f"{name}.predictions.h5" for name in kept]
    assert done.frames == len(many)
    assert not children()
    assert any("2 of 3 inputs" in each["message"] for each in recorder.of("log"))
    assert "1 thread)" in done.provenance["device"]
    # The rest, in this process: with one input left there is nothing to share.
    alone = replace(request, inputs=(Path(lost[0]),), out=done.files[0].parent, resume=True)
    rest = predict.run(alone, Recorder(tmp_path)).files
    assert rest == [tmp_path / "out" / (Path(lost[0]).stem + ".predictions.h5")]
    points = [read_predictions(path).points for path in (*done.files, *rest)]
    np.testing.assert_array_equal(points[0], points[1])
