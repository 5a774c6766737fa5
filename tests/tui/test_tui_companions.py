"""Frames and predictions as the screens get them; the processes beside the app are played by the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leaptui.errors import LeaptuiError, OperationFailed
from leaptui.labelling.predictions import PredictionLookup
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.runs.companion import Answer
from leaptui.tui.companions import Found, Frame, FrameSupply, FrameTrouble, WarmPredictor, Warmth
from leaptui.tui.predictions import Arrived, ProjectPredictions

SKELETON = make_skeleton("worm", ["head", "thorax", "tail"])
TROUBLE = OperationFailed("no")


class Played:
    """A process that answers when the test wants it to."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], list[bytes], Callable[[Answer], None]]] = []
        self.closed = False

    def request(self, head: Mapping[str, Any], blobs: Sequence[Any] = (), *, take: Callable[[Answer], None]) -> None:
        self.asked.append((dict(head), [bytes(blob) for blob in blobs], take))

    def close(self) -> None:
        self.closed = True

    def ops(self) -> list[str]:
        return [head["op"] for head, _, _ in self.asked]

    def next(self, op: str) -> tuple[dict[str, Any], list[bytes], Callable[[Answer], None]]:
        """The oldest request of a kind, taken off the list."""
        place = self.ops().index(op)
        return self.asked.pop(place)

    def give_frame(self, level: int | None = None) -> FrameKey:
        """Answer a request for a frame; by default with its index as grey level."""
        head, _, take = self.next("frame")
        image = np.full((4, 6, 1 if head["grey"] else 3), head["frame"] if level is None else level, np.uint8)
        take(Answer({"shape": list(image.shape), "checksum": 1000 + head["frame"]}, [image.tobytes()]))
        return FrameKey(head["video"], head["frame"])


def key(frame: int) -> FrameKey:
    return FrameKey("v", frame)


@pytest.fixture
def reader() -> Played:
    return Played()


@pytest.fixture
def seen() -> list[Found]:
    return []


@pytest.fixture
def supply(reader: Played, seen: list[Found]) -> FrameSupply:
    return FrameSupply(reader, seen.append)


def test_a_frame_is_asked_for_once_and_kept(reader: Played, supply: FrameSupply, seen: list[Found]):
    assert supply.get(key(7)) is None
    assert supply.get(key(7)) is None
    assert reader.ops() == ["frame"]
    reader.give_frame()
    (frame,) = seen
    assert isinstance(frame, Frame)
    assert (frame.key, frame.checksum, frame.image.shape) == (key(7), 1007, (4, 6, 3))
    assert not frame.image.flags.writeable
    assert supply.get(key(7)) is frame
    assert supply.get(key(7), grey=True) is None


def test_what_another_took_the_place_of_can_be_asked_for_again(reader: Played, supply: FrameSupply, seen: list[Found]):
    supply.get(key(1))
    supply.get(key(2))
    first, second = (head for head, _, _ in reader.asked)
    assert first["lane"] == second["lane"] is not None
    reader.next("frame")[2](Answer(is_superseded=True))
    assert not seen
    supply.get(key(1))
    assert [head["frame"] for head, _, _ in reader.asked] == [2, 1]


def test_a_damaged_frame_is_remembered_and_a_lost_process_is_not(
    reader: Played, supply: FrameSupply, seen: list[Found]
):
    supply.get(key(1))
    reader.next("frame")[2](Answer(error=TROUBLE, kind="FrameError"))
    assert supply.get(key(1)) == FrameTrouble(key(1), False, TROUBLE, lasts=True) == seen[0]
    supply.get(key(2))
    reader.next("frame")[2](Answer(error=TROUBLE, kind="death"))
    assert seen[1] == FrameTrouble(key(2), False, TROUBLE, lasts=False)
    assert supply.get(key(2)) is None
    assert reader.ops() == ["frame"]


def test_frames_here_keep_to_their_bytes(reader: Played, seen: list[Found]):
    supply = FrameSupply(reader, seen.append, cache_bytes=4 * 6 * 3 * 2)
    for index in (1, 2, 3):
        supply.get(key(index))
        reader.give_frame()
    assert supply.get(key(3)) is seen[2]
    assert supply.get(key(2)) is seen[1]
    assert supply.get(key(1)) is None


def test_frames_ahead_come_unseen(reader: Played, supply: FrameSupply, seen: list[Found]):
    supply.ahead([key(4), key(5)], deliver=2)
    head, _, take = reader.next("ahead")
    assert head["frames"] == [["v", 4], ["v", 5]]
    named = {"video": "v", "frame": 5, "grey": False, "shape": [4, 6, 3], "checksum": 3}
    take(Answer(named, [bytes(72)], more=True))
    take(Answer({"done": True}))
    assert not seen
    assert isinstance(supply.get(key(5)), Frame)


def test_fetch_hands_over_at_once_what_is_here(reader: Played, supply: FrameSupply):
    got: list[Found] = []
    supply.fetch(key(3), got.append, grey=True)
    head = reader.asked[0][0]
    assert head["lane"] is None
    reader.give_frame()
    supply.fetch(key(3), got.append, grey=True)
    assert got[0] is got[1]


def open_file(
    reader: Played, path: str = "/p/a.h5", *, nodes: Sequence[str] = ("tail", "head"), first: int = 10
) -> None:
    """Answer what is asked when a file of 4 frames, 2 animals, is opened; node j of row r is at (r, j)."""
    head, _, take = reader.next("predictions")
    assert head["path"] == path
    facts = {
        "nodes": list(nodes),
        "instances": 2,
        "count": 4,
        "video": "v",
        "model": None,
        "made": None,
        "first": first,
    }
    take(Answer(facts))


def give_points(reader: Played) -> int:
    """Answer a request for points of such a file; the frame that was asked for."""
    head, _, take = reader.next("points")
    points = np.zeros((4, 2, 2, 2), np.float32)
    points[..., 0] = np.arange(4)[:, None, None]
    points[..., 1] = np.arange(2)
    points[:, 1] = np.nan
    scores = np.full((4, 2, 2), 0.5, np.float32)
    take(Answer({"start": 0, "count": 4, "shape": [4, 2, 2]}, [points.tobytes(), scores.tobytes()]))
    return int(head["frame"])


@pytest.fixture
def news() -> list[Arrived]:
    return []


@pytest.fixture
def predictions(reader: Played, supply: FrameSupply, news: list[Arrived]) -> ProjectPredictions:
    return ProjectPredictions(reader, supply, SKELETON, news.append)


def test_points_come_in_the_node_order_of_the_project(
    reader: Played, predictions: ProjectPredictions, news: list[Arrived]
):
    lookup: PredictionLookup = predictions
    predictions.open([Path("/p/a.h5"), Path("/p/a.h5")])
    open_file(reader)
    np.testing.assert_array_equal(lookup.frames("v"), [10, 11, 12, 13])
    assert lookup.instances(FrameKey("v", 12)) == ()
    assert lookup.instances(FrameKey("v", 12)) == ()
    assert reader.ops().count("points") == 1
    assert give_points(reader) == 12
    assert news[-1] == Arrived("v", FrameKey("v", 12), None, Path("/p/a.h5"))
    (animal,) = lookup.instances(FrameKey("v", 12))
    np.testing.assert_array_equal(animal.points, [[2, 1], [np.nan, np.nan], [2, 0]])
    np.testing.assert_array_equal(animal.scores, np.array([0.5, np.nan, 0.5], np.float32))
    assert len(lookup.instances(FrameKey("v", 13))) == 1, "its neighbours came along"
    assert lookup.instances(FrameKey("v", 9)) == ()
    assert lookup.instances(FrameKey("w", 12)) == ()
    assert "points" not in reader.ops()


def test_scores_fill_in_as_they_come(reader: Played, predictions: ProjectPredictions, news: list[Arrived]):
    predictions.open([Path("/p/a.h5")])
    open_file(reader)
    assert np.isnan(predictions.scores("v")).all()
    _, _, take = reader.next("scores")
    take(Answer({"start": 1, "count": 2}, [np.array([0.25, 0.75], np.float32).tobytes()], more=True))
    np.testing.assert_array_equal(predictions.scores("v"), np.array([np.nan, 0.25, 0.75, np.nan], np.float32))
    take(Answer({"start": 0, "count": 0}))
    assert news[-1] == Arrived("v", path=Path("/p/a.h5"))


def test_a_file_that_cannot_be_used_is_said(reader: Played, predictions: ProjectPredictions, news: list[Arrived]):
    predictions.open([Path("/p/a.h5")])
    reader.next("predictions")[2](Answer(error=TROUBLE))
    assert news == [Arrived(error=TROUBLE, path=Path("/p/a.h5"))]
    assert not predictions.files()


def test_several_files_of_a_video(reader: Played, predictions: ProjectPredictions):
    predictions.open([Path("/p/a.h5"), Path("/p/b.h5")])
    open_file(reader)
    open_file(reader, "/p/b.h5", first=12)
    np.testing.assert_array_equal(predictions.frames("v"), np.arange(10, 16))
    predictions.instances(FrameKey("v", 12))
    assert reader.asked[-1][0]["path"] == "/p/a.h5"
    predictions.instances(FrameKey("v", 12), Path("/p/b.h5"))
    assert reader.asked[-1][0]["path"] == "/p/b.h5"
    predictions.prefer(Path("/p/b.h5"))
    assert [look.path.name for look in predictions.files("v")] == ["b.h5", "a.h5"]


def give_prediction(process: Played, nodes: Sequence[str] = ("tail", "thorax", "head")) -> None:
    _, _, take = process.next("predict")
    points = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    scores = np.array([0.1, 0.2, 0.6], np.float32)
    maps = np.arange(3 * 2 * 3, dtype=np.float16).reshape(3, 2, 3)
    take(
        Answer(
            {"nodes": list(nodes), "maps": [2, 3], "stride": [2.0, 2.0]},
            [points.tobytes(), scores.tobytes(), maps.tobytes()],
        )
    )


def load(process: Played, channels: int = 1) -> None:
    process.next("load")[2](Answer({"channels": channels, "nodes": ["head", "thorax", "tail"]}))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_is_predicted_once_the_model_is_there(
    reader: Played, predictions: ProjectPredictions, news: list[Arrived], channels: int
):
    process = Played()
    predictions.use(WarmPredictor(process))
    here = FrameKey("v", 40)
    predictions.predict(here)
    assert reader.ops() == [] and process.ops() == ["load"]
    load(process, channels)
    assert reader.asked[0][0]["grey"] is (channels == 1)
    reader.give_frame()
    assert process.asked[0][1] == [bytes([40] * 24 * (1 if channels == 1 else 3))]
    give_prediction(process)
    assert news == [Arrived("v", here)]
    (animal,) = predictions.instances(here)
    np.testing.assert_array_equal(animal.points, [[5, 6], [3, 4], [1, 2]])
    maps = predictions.maps(here)
    assert maps is not None and maps.stride == (2.0, 2.0)
    np.testing.assert_array_equal(maps.values[:, 0, 0], [12, 6, 0])
    np.testing.assert_array_equal(predictions.frames("v"), [40])
    np.testing.assert_allclose(predictions.scores("v"), [0.3], atol=1e-6)
    predictions.predict(FrameKey("v", 41))
    assert "load" not in process.ops()


def test_fresh_ones_go_before_those_of_files(reader: Played, predictions: ProjectPredictions):
    process = Played()
    predictions.use(WarmPredictor(process))
    predictions.open([Path("/p/a.h5")])
    open_file(reader)
    predictions.predict(FrameKey("v", 11))
    load(process)
    reader.give_frame()
    give_prediction(process)
    assert predictions.instances(FrameKey("v", 11))[0].points[1, 0] == 3
    np.testing.assert_array_equal(predictions.frames("v"), [10, 11, 12, 13])
    assert predictions.scores("v")[1] == pytest.approx(0.3)
    predictions.use(None)
    assert predictions.maps(FrameKey("v", 11)) is None
    np.testing.assert_array_equal(np.isnan(predictions.scores("v")), True)


def test_a_model_that_cannot_be_loaded_is_said_and_tried_again(predictions: ProjectPredictions, news: list[Arrived]):
    process = Played()
    changes: list[Warmth] = []
    warm = WarmPredictor(process, lambda: changes.append(warm.warmth))
    predictions.use(warm)
    predictions.predict(key(1))
    process.next("load")[2](Answer(error=TROUBLE))
    assert news == [Arrived("v", key(1), TROUBLE)]
    assert (warm.warmth, warm.error) == (Warmth.FAILED, TROUBLE)
    predictions.predict(key(1))
    assert process.ops() == ["load"]
    assert changes == [Warmth.LOADING, Warmth.FAILED, Warmth.LOADING]


def test_an_answer_of_a_model_that_was_put_away_is_dropped(
    reader: Played, predictions: ProjectPredictions, news: list[Arrived]
):
    process = Played()
    predictions.use(WarmPredictor(process))
    predictions.predict(key(1))
    load(process)
    reader.give_frame()
    predictions.use(None)
    give_prediction(process)
    assert predictions.instances(key(1)) == () and not news
    with pytest.raises(ValueError, match="no model"):
        predictions.predict(key(1))


def test_trouble_on_the_way_to_a_prediction_is_said(
    reader: Played, predictions: ProjectPredictions, news: list[Arrived]
):
    process = Played()
    predictions.use(WarmPredictor(process))
    predictions.predict(key(1))
    load(process)
    reader.next("frame")[2](Answer(error=TROUBLE, kind="FrameError"))
    predictions.predict(key(2))
    reader.give_frame()
    process.next("predict")[2](Answer(error=TROUBLE))
    assert [each.error for each in news] == [TROUBLE, TROUBLE]
    assert isinstance(TROUBLE, LeaptuiError)


def test_a_renamed_node_takes_effect(reader: Played, predictions: ProjectPredictions):
    predictions.open([Path("/p/a.h5")])
    open_file(reader)
    predictions.instances(FrameKey("v", 10))
    give_points(reader)
    predictions.skeleton = make_skeleton("worm", ["tail"])
    np.testing.assert_array_equal(predictions.instances(FrameKey("v", 10))[0].points, [[0, 0]])


def test_the_app_loads_nothing_heavy_for_it():
    code = (
        "import leaptui.tui.companions, leaptui.tui.predictions, leaptui.runs.companion, leaptui.ops.predictions, sys\n"
        "print([m for m in ('torch', 'h5py', 'av', 'decord', 'scipy', 'PIL', 'textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
