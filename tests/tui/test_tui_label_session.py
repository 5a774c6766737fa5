"""The recorded sessions, key by key through the real screen: what the core counted is what the screen takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from label_helpers import VIDEO, FakeReader, app_on, fly, label_screen, reopened, worm_project
from numpy.typing import NDArray
from tui_helpers import until

from leaptui.pose.labels import FrameKey
from leaptui.tui.session import LabelStart
from tests.benchmarks import label_session
from tests.benchmarks.label_session import OFF, body_length, like_ten_labels, read_keys

SCREEN = (106, 44)
"""So that the picture has the 80 x 40 cells for which the keys were recorded."""

FRAMES = 2
"""Of the recorded five; the core plays them all."""


def square(_frame: int) -> NDArray[np.uint8]:
    return np.zeros((192, 192, 1), np.uint8)


async def played(folder: Path, name: str, reader: FakeReader) -> NDArray[np.float64]:
    """Press a file's keys in the app; returns the points (N, J, 2) that are on disk afterwards."""
    recorded = read_keys(Path(label_session.__file__).with_name(name))
    recorded.frames[FRAMES:] = []
    project = worm_project(folder, skeleton=fly(), size=(192, 192))
    project.exports_folder.mkdir()
    (project.exports_folder / "fly.h5").write_bytes(b"read by the fake")
    app = app_on(project, reader, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=SCREEN) as pilot:
        screen = await label_screen(pilot)
        assert screen.canvas.view is not None and screen.canvas.view.target == recorded.view.target
        if reader.points is not None:
            await until(pilot, lambda: bool(screen.labeller.animal.predicted.all()))
        for frame, keys in recorded.frames:
            assert screen.labeller.frame == frame
            await pilot.press(*keys)
        await until(pilot, lambda: screen.labeller.saved.unsaved == 0)
    store = reopened(project).store
    return np.stack([store.frame(FrameKey(VIDEO, frame)).instances[0].points for frame, _ in recorded.frames])


async def test_keys_label_whole_frames(tmp_path: Path) -> None:
    points = await played(tmp_path / "p", "label_session.jsonl", FakeReader(skeleton=fly(), image=square))
    assert points.shape == (FRAMES, 32, 2) and np.isfinite(points).all()


@pytest.mark.parametrize("name", ["label_session.jsonl", "label_session_model.jsonl"])
async def test_keys_label_real_flies(tmp_path: Path, real_data: Path, name: str) -> None:
    import h5py

    with h5py.File(real_data / "fly" / "fly75.h5") as file:
        every = np.asarray(file["annotations"][:], float)
    length = body_length(every, fly())
    reader = FakeReader(skeleton=fly(), image=square)
    with_model = "model" in name
    if with_model:
        # The recorded person saw the predictions of these five frames alone.
        made = like_ten_labels(every[:5], length)
        guesses = [made.instances(FrameKey(label_session.VIDEO, i))[0] for i in range(5)]
        reader.points = np.stack([g.points for g in guesses]).astype(np.float32)
        reader.scores = np.stack([g.scores for g in guesses]).astype(np.float32)
        reader.predicted = np.arange(5)
    points = await played(tmp_path / "p", name, reader)
    errors = np.linalg.norm(points - every[: len(points)], axis=-1)
    assert errors.max() <= (OFF * length if with_model else 1.0) + 1e-3
