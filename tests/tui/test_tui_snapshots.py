"""A few pictures of screens; look at a new one before taking it (`pytest --snapshot-update`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from tui_helpers import FakeRuns, make_project, predict_picture, screen_text, training_picture, until

from leaptui.config import remember_project
from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import Checkpoint, Gauge, GpuGauge, RunError

SMALL, LARGE = (80, 24), (160, 48)
PARTS = ("wing", "leg 1", "eye", "antenna")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for ~ and for the folder one is in, so that no path of this machine is in a picture."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fly(home: Path, runs: FakeRuns) -> Project:
    """A project with three runs."""
    project = make_project(home / "fly", skeleton="fly32", frames=75, missing=False)
    remember_project(project.folder)
    times = {"created": runs.time - 3700.0}
    states = {"20260103-101500-train-bbbb": "finished", "20260102-101500-train-aaaa": "failed"}
    newest = project.runs_folder / "20260104-101500-predict-cccc"
    runs.pictures = {newest: predict_picture(newest, created=runs.time - 60)}
    for name, state in states.items():
        path = project.runs_folder / name
        runs.pictures[path] = training_picture(path, state=state, **times)
    return project


def showing(*words: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Wait for words, with nothing that blinks or moves."""

    async def settle(pilot: Pilot[Any]) -> None:
        pilot.app.animation_level = "none"
        await until(pilot, lambda: all(each in screen_text(pilot) for each in words))
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause(0.2)

    return settle


def test_projects_small(snap_compare: Any, home: Path, runs: FakeRuns, fly: Project) -> None:
    remember_project(home / "gone")
    remember_project(fly.folder)
    runs.time = 0.0
    app = LeaptuiApp(services=runs.services())
    assert snap_compare(app, terminal_size=SMALL, run_before=showing("    75     0"))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_project(snap_compare: Any, runs: FakeRuns, fly: Project, size: tuple[int, int]) -> None:
    app = LeaptuiApp(fly.folder, services=runs.services())
    assert snap_compare(app, terminal_size=size, run_before=showing("20260102-101500-train-aaaa", "75 labelled frames"))


def test_train_form_light(snap_compare: Any, isolated_home: Path, runs: FakeRuns, fly: Project) -> None:
    (isolated_home / "config.toml").write_text('theme = "leaptui-light"\n')

    async def open_form(pilot: Pilot[Any]) -> None:
        await showing("75 labelled frames")(pilot)
        await pilot.press("t")
        await showing("leaptui train fly")(pilot)

    app = LeaptuiApp(fly.folder, services=runs.services())
    assert snap_compare(app, terminal_size=(120, 34), run_before=open_form)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_run(snap_compare: Any, runs: FakeRuns, home: Path, size: tuple[int, int]) -> None:
    path = home / "fly" / "runs" / "20260103-101500-train-bbbb"
    gpu = GpuGauge(0, "H100", 0.88, 20 << 30, 80 << 30, 55.0, 300.0, 700.0, 1)
    runs.pictures = {
        path: training_picture(
            path,
            node_errors=[(f"{side} {part}", 1.5 + 0.7 * len(part)) for side in ("left", "right") for part in PARTS],
            gauges=[Gauge(runs.time - 2 * i, 0.5, 8 << 30, 16 << 30, 1.5, 2 << 30, [gpu]) for i in range(30, -1, -1)],
            rates=[(float(step), 1e-3 * 0.995**step) for step in range(1, 600, 5)],
            checkpoints=[Checkpoint("asked", 4.5, "a"), Checkpoint("best", 11, "b")],
            resumed_at=[6.5],
        )
    }
    app = LeaptuiApp(run=path, services=runs.services())
    assert snap_compare(app, terminal_size=size, run_before=showing("12 of 30", "⠉"))


def test_run_failed(snap_compare: Any, runs: FakeRuns, home: Path) -> None:
    path = home / "fly" / "runs" / "20260103-101500-train-bbbb"
    error = RunError("CUDA ran out of memory", "epoch 12", "Use a smaller batch.", "Traceback\n  File train.py")
    checkpoints = [Checkpoint("last", 11.5, "last.ckpt")]
    runs.pictures = {path: training_picture(path, state="failed", error=error, resumable=True, checkpoints=checkpoints)}
    app = LeaptuiApp(run=path, services=runs.services())
    assert snap_compare(app, terminal_size=SMALL, run_before=showing("Use a smaller batch."))
