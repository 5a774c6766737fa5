"""Frames and predictions come from the process beside the app exactly as the readers have them."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL.Image
import pytest
from media_samples import index_of, picture, write_video

from leaptui.formats.predictions import Predictions, write_predictions
from leaptui.media.video import FrameError, VideoSource
from leaptui.ops.predictions import find_predictions
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.pose.labels import FrameKey
from leaptui.project import Project
from leaptui.runners.companion import Request
from leaptui.runners.frame_server import FrameCache, FrameName, FrameServer
from leaptui.runners.prediction_rows import mean_scores
from leaptui.runners.videos import HeldFrame, open_record, register
from leaptui.tui.companions import Frame, FrameSupply, FrameTrouble
from leaptui.tui.predictions import Arrived, ProjectPredictions
from leaptui.tui.services import Services

PATIENCE = 30.0


class Silent:
    """A RunContext for no run."""

    directory = Path()

    def emit(self, type: str, **fields: Any) -> None:
        """Say nothing."""

    def stop_requested(self) -> bool:
        """Nobody asks."""
        return False


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a grey video, a colour video and a box."""
    folder = tmp_path_factory.mktemp("frames")
    made = Project.create(folder / "p", skeleton=BUILTIN_SKELETONS["mouse"]())
    write_video(folder / "grey.mp4", 40, gop=10)
    write_video(folder / "colour.mp4", 20, channels=3)
    with h5py.File(folder / "box.h5", "w") as file:
        file["box"] = np.stack([picture(i)[:, :, 0].T[None] for i in range(12)])
    for name in ("grey.mp4", "colour.mp4", "box.h5"):
        register(made, VideoSource(folder / name), Silent())
    return made


def ids(project: Project) -> dict[str, str]:
    return {Path(record.path).stem: record.id for record in project.videos}


class Desk:
    """What a server in this process says."""

    def __init__(self, project: Project, **options: Any) -> None:
        self.server = FrameServer(project.folder, **options)
        self.said: list[tuple[dict[str, Any], list[bytes]]] = []

    def __call__(self, op: str, **head: Any) -> tuple[dict[str, Any], list[bytes]]:
        self.post(op, **head)
        return self.said[-1]

    def post(self, op: str, **head: Any) -> None:
        self.server.answer(Request(1, op, head), self._reply)

    def _reply(self, head: Any, *blobs: Any, more: bool = False) -> None:
        self.said.append(({**head, "more": more}, [bytes(blob) for blob in blobs]))

    def rest(self) -> int:
        """Let it work ahead until there is nothing more; how many pieces."""
        pieces = 0
        while self.server.idle():
            pieces += 1
            assert pieces < 1000
        return pieces


@pytest.mark.parametrize("name", ["grey", "colour", "box"])
@pytest.mark.parametrize("grey", [False, True])
def test_frames_are_those_of_the_reader(project: Project, name: str, grey: bool):
    record = project.video(ids(project)[name])
    video = open_record(project, record)
    desk = Desk(project)
    for index in (3, 0, 11, 10):
        head, blobs = desk("frame", video=record.id, frame=index, grey=grey)
        expected = video.get(index, grey=grey)
        assert head["shape"] == list(expected.shape)
        assert blobs[0] == expected.tobytes()
        assert head["checksum"] == video.checksum(index)
        assert index_of(expected) == index
    video.close()


def test_neighbours_are_read_ahead_in_the_direction_of_travel(project: Project):
    video = ids(project)["grey"]
    desk = Desk(project)
    desk("frame", video=video, frame=20)
    desk("frame", video=video, frame=21)
    assert desk.rest() > 0
    cache = desk.server._cache
    ahead = [FrameName(video, index, False) in cache for index in range(22, 36)]
    assert all(ahead)
    assert FrameName(video, 12, False) not in cache
    desk("frame", video=video, frame=11)
    desk("frame", video=video, frame=10)
    desk.rest()
    assert all(FrameName(video, index, False) in cache for index in range(0, 10))


def test_named_frames_are_sent_first_and_kept(project: Project):
    videos = ids(project)
    desk = Desk(project)
    named = [[videos["grey"], 30], [videos["box"], 99], [videos["colour"], 4], [videos["box"], 2]]
    desk.post("ahead", frames=named, deliver=3)
    desk.rest()
    sent = [(head["video"], head["frame"]) for head, _ in desk.said if "shape" in head]
    assert sent == [(videos["grey"], 30), (videos["colour"], 4)]
    assert desk.said[-1][0] == {"done": True, "more": False}
    assert FrameName(videos["box"], 2, False) in desk.server._cache


def test_the_cache_keeps_to_its_size():
    cache = FrameCache(1000)
    frames = [HeldFrame(np.zeros((10, 30, 1), np.uint8), 0) for _ in range(5)]
    names = [FrameName("v", i, True) for i in range(5)]
    for name, frame in zip(names, frames, strict=True):
        cache.put(name, frame)
        cache.get(names[0])
    assert [name in cache for name in names] == [True, False, False, True, True]


def predictions_of(project: Project, path: Path, frames: np.ndarray, name: str, /, **made: Any) -> Predictions:
    skeleton = project.require_skeleton()
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 90, (len(frames), 2, len(skeleton), 2)).astype(np.float32)
    scores = rng.uniform(0, 1, points.shape[:3]).astype(np.float32)
    points[::3, 1] = np.nan
    scores[::3, 1] = np.nan
    record = project.video(ids(project)[name])
    provenance = {"work": {"input": {"identity": record.identity}}, "model": {"path": "m.safetensors"}, **made}
    found = Predictions(points, scores, frames.astype(np.int64), skeleton, provenance=provenance)
    write_predictions(found, path)
    return found


@pytest.mark.parametrize("step", [1, 7])
def test_predictions_come_a_few_rows_at_a_time(project: Project, tmp_path: Path, step: int):
    frames = np.arange(5, 5 + 3000 * step, step)
    found = predictions_of(project, tmp_path / "a.h5", frames, "grey")
    desk = Desk(project)
    head, blobs = desk("predictions", path=str(tmp_path / "a.h5"))
    assert head["video"] == ids(project)["grey"]
    assert (head["count"], head["instances"]) == (3000, 2)
    if step == 1:
        assert head["first"] == 5 and not blobs
    else:
        assert head["first"] is None
        np.testing.assert_array_equal(np.frombuffer(blobs[0], "<i8"), frames)
    for row in (0, 511, 512, 1700, 2999):
        head, blobs = desk("points", path=str(tmp_path / "a.h5"), frame=int(frames[row]))
        assert head["start"] <= row < head["start"] + head["count"]
        points = np.frombuffer(blobs[0], np.float32).reshape(*head["shape"], 2)
        scores = np.frombuffer(blobs[1], np.float32).reshape(head["shape"])
        np.testing.assert_array_equal(points[row - head["start"]], found.points[row])
        np.testing.assert_array_equal(scores[row - head["start"]], found.scores[row])


def test_scores_come_in_parts(project: Project, tmp_path: Path):
    found = predictions_of(project, tmp_path / "a.h5", np.arange(9000), "grey")
    desk = Desk(project)
    desk.post("scores", path=str(tmp_path / "a.h5"))
    desk.rest()
    parts = [(head["start"], np.frombuffer(blobs[0], np.float32)) for head, blobs in desk.said if head["count"]]
    assert [start for start, _ in parts] == [0, 4000, 8000]
    got = np.concatenate([scores for _, scores in parts])
    np.testing.assert_allclose(got, np.nanmean(found.scores.reshape(9000, -1), axis=1), rtol=1e-5)
    assert not desk.said[-1][0]["more"]


def test_nothing_found_has_no_score(project: Project):
    skeleton = project.require_skeleton()
    points = np.full((1, 1, len(skeleton), 2), np.nan, np.float32)
    scores = np.zeros((1, 1, len(skeleton)), np.float32)
    assert np.isnan(mean_scores(Predictions(points, scores, np.zeros(1, np.int64), skeleton))).all()


def test_predictions_of_another_video_are_of_none(project: Project, tmp_path: Path):
    made = {"work": {"input": {"identity": "f" * 32}}, "video": str(tmp_path / "other.mp4")}
    predictions_of(project, tmp_path / "a.h5", np.arange(3), "grey", **made)
    assert Desk(project)("predictions", path=str(tmp_path / "a.h5"))[0]["video"] is None


def test_a_file_written_anew_is_read_anew(project: Project, tmp_path: Path):
    desk = Desk(project)
    predictions_of(project, tmp_path / "a.h5", np.arange(3), "grey")
    assert desk("predictions", path=str(tmp_path / "a.h5"))[0]["count"] == 3
    predictions_of(project, tmp_path / "a.h5", np.arange(30), "grey")
    assert desk("predictions", path=str(tmp_path / "a.h5"))[0]["count"] == 30


@pytest.fixture
def supply(project: Project) -> Iterator[tuple[FrameSupply, queue.Queue[Any]]]:
    """The real process behind the app's side of it."""
    found: queue.Queue[Any] = queue.Queue()
    made = FrameSupply(Services().frame_reader(project.folder), found.put)
    yield made, found
    made.close()


def test_the_app_gets_frames(project: Project, supply: tuple[FrameSupply, queue.Queue[Any]]):
    frames, found = supply
    key = FrameKey(ids(project)["box"], 7)
    assert frames.get(key) is None
    first = found.get(timeout=PATIENCE)
    assert isinstance(first, Frame)
    np.testing.assert_array_equal(first.image, picture(7))
    assert frames.get(key) is first
    frames.ahead([key._replace(frame=index) for index in (8, 9)], deliver=2)
    end = time.monotonic() + PATIENCE
    while len(frames._held) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    ready = frames.get(key._replace(frame=9))
    assert isinstance(ready, Frame) and index_of(ready.image) == 9


def test_the_app_gets_predictions(project: Project, supply: tuple[FrameSupply, queue.Queue[Any]]):
    project.exports_folder.mkdir(exist_ok=True)
    found = predictions_of(project, project.exports_folder / "a.h5", np.arange(9, 39), "grey")
    (project.exports_folder / "labels.h5").write_bytes(b"something else")
    news: queue.Queue[Arrived] = queue.Queue()
    reader = Services().frame_reader(project.folder)
    predictions = ProjectPredictions(reader, supply[0], project.require_skeleton(), news.put)
    try:
        predictions.open(each.path for each in find_predictions(project))
        key = FrameKey(ids(project)["grey"], 20)
        heard = [news.get(timeout=PATIENCE) for _ in range(3)]
        assert [each.path.name for each in heard if each.error is not None and each.path] == ["labels.h5"]
        assert predictions.instances(key) == ()
        while not predictions.instances(key):
            news.get(timeout=PATIENCE)
    finally:
        reader.close()
    first, second = predictions.instances(key)
    np.testing.assert_allclose(first.points, found.points[11, 0])
    np.testing.assert_allclose(second.scores, found.scores[11, 1])
    np.testing.assert_array_equal(predictions.frames(key.video), found.frames)
    np.testing.assert_allclose(predictions.scores(key.video), mean_scores(found))
    (project.exports_folder / "a.h5").unlink()


def test_there_is_no_such_frame(project: Project, supply: tuple[FrameSupply, queue.Queue[Any]]):
    frames, found = supply
    key = FrameKey(ids(project)["box"], 12)
    assert frames.get(key) is None
    trouble = found.get(timeout=PATIENCE)
    assert isinstance(trouble, FrameTrouble) and trouble.lasts
    assert "frames 0 to 11" in trouble.error.what
    assert frames.get(key) == trouble


def test_a_video_that_is_gone_is_said_and_can_come_back(project: Project, supply: tuple[FrameSupply, queue.Queue[Any]]):
    frames, found = supply
    record = project.video(ids(project)["colour"])
    path = project.video_path(record)
    away = path.with_suffix(".away")
    path.rename(away)
    key = FrameKey(record.id, 1)
    try:
        frames.get(key)
        trouble = found.get(timeout=PATIENCE)
        assert isinstance(trouble, FrameTrouble) and not trouble.lasts
        assert trouble.error.where == str(path)
    finally:
        away.rename(path)
    assert frames.get(key) is None
    assert isinstance(found.get(timeout=PATIENCE), Frame)


def test_a_damaged_frame_does_not_spoil_the_others(tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(4):
        PIL.Image.fromarray(picture(index)[:, :, 0]).save(folder / f"{index}.png")
    made = Project.create(tmp_path / "p")
    record, _ = register(made, VideoSource(folder), Silent())
    desk = Desk(made)
    desk("frame", video=record.id, frame=0)
    broken = folder / "1.png"
    broken.write_bytes(broken.read_bytes()[:80])
    assert desk.rest() > 0
    with pytest.raises(FrameError):
        desk("frame", video=record.id, frame=1)
    _, blobs = desk("frame", video=record.id, frame=2)
    assert blobs[0] == picture(2).tobytes()
