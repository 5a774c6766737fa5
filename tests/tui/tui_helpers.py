"""Projects, fake runs and waiting, for the tests of the screens."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from textual.pilot import Pilot

from leaptui.errors import LeaptuiError
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.pose.edits import SetPoints
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.project import Project, VideoRecord
from leaptui.tui.run_picture import EpochPoint, LogLine, Progress, RunPicture
from leaptui.tui.run_queue import QueueLook
from leaptui.tui.services import Services

_TEXT = re.compile(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_CELL = 12.2
PATIENCE = 20.0
EVIL = "[red]evil[/] \x1b[31m‮name"
"""Text that would be markup, an escape sequence and reversed writing, if anybody believed it."""


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Let the app work until something holds; a test that waits for what never comes fails."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"it never came; the screen shows:\n{screen_text(pilot)}"
        await pilot.pause(0.05)
    await pilot.pause()


def screen_text(pilot: Pilot[Any]) -> str:
    """What the terminal would show, without colours: read back from a screenshot."""
    lines: dict[float, dict[int, str]] = {}
    for x, y, text in _TEXT.findall(pilot.app.export_screenshot()):
        lines.setdefault(float(y), {})[round(float(x) / _CELL)] = html.unescape(text).replace("\xa0", " ")
    found = []
    for y in sorted(lines):
        line = ""
        for column, text in sorted(lines[y].items()):
            line = line.ljust(column) + text
        found.append(line.rstrip())
    return "\n".join(found)


def flat(text: str) -> str:
    """Words without the line breaks, blanks and borders between them."""
    return " ".join(re.sub(r"[│╭╮╰╯─▌▇▁▂▃▄▅▆█]", " ", text).split())


def make_project(
    folder: Path, *, skeleton: str | None = "mouse", frames: int = 3, videos: bool = True, missing: bool = True
) -> Project:
    """A project with labels and, if wanted, one video that is there and one that is missing."""
    made = None if skeleton is None else BUILTIN_SKELETONS[skeleton]()
    project = Project.create(folder, skeleton=made)
    if videos:
        (folder / "here.mp4").write_bytes(b"not really a video")
        project.videos.append(
            VideoRecord("aaaa1111", "here.mp4", "a" * 32, 5000, 192, 160, 1, reader="pyav", continuous=True)
        )
    if videos and missing:
        project.videos.append(
            VideoRecord("bbbb2222", "gone/away.h5", "b" * 32, 75, 64, 64, 1, dataset="box", reader="hdf5")
        )
    project.save()
    if made is not None and frames:
        rng = np.random.default_rng(0)
        store = LabelStore(project.labels_folder, made)
        store.apply_all([[_frame(made.node_names, i, rng)] for i in range(frames)])
        store.close()
    return project


def _frame(names: tuple[str, ...], frame: int, rng: np.random.Generator) -> SetPoints:
    points = rng.uniform(0, 150, (len(names), 2))
    values = {name: (float(x), float(y), False) for name, (x, y) in zip(names, points, strict=True)}
    return SetPoints("aaaa1111", frame, new_instance_id(), values)


def training_picture(path: Path, *, state: str = "running", epochs: int = 12, **more: Any) -> RunPicture:
    """A training run half way, with curves that never change."""
    points = []
    best: EpochPoint | None = None
    for epoch in range(1, epochs + 1):
        pixels = 2.5 + 20 * 0.8**epoch + (0.4 if epoch % 3 == 0 else 0)
        is_best = best is None or pixels < (best.val_error_px or 0)
        point = EpochPoint(epoch, epoch * 50, 3 * 0.85**epoch, 3.3 * 0.85**epoch, pixels, pixels / 96, best=is_best)
        best = point if is_best else best
        points.append(point)
    steps = [(float(step), 3.4 * 0.9968**step + 0.1 * (step % 7) / 7) for step in range(5, epochs * 50 + 1, 5)]
    values: dict[str, Any] = {
        "operation": "train",
        "state": state,
        "host": "lab",
        "pid": 4711,
        "created": 1_000_000.0,
        "elapsed": 83.0,
        "eta": 130.0,
        "plan": {
            "epochs": 30,
            "steps_per_epoch": 50,
            "train_frames": 64,
            "val_frames": 11,
            "parameters": 752_341,
            "architecture": "unet",
            "device": "cuda",
            "precision": "bf16",
        },
        "steps": steps,
        "epochs": tuple(points),
        "epoch": epochs,
        "step": epochs * 50,
        "rate": 365.0,
        "best": best,
        "log": [LogLine("info", "75 labelled frames, 11 held back"), LogLine("warning", "one frame is dark")],
    }
    return RunPicture(path, **{**values, **more})


def predict_picture(path: Path, **more: Any) -> RunPicture:
    """A prediction at a third."""
    progress = Progress(40_000, 120_000, "frames", 612.0, "fly.mp4")
    values: dict[str, Any] = {"operation": "predict", "state": "running", "progress": progress, "eta": 131.0}
    return RunPicture(path, **{**values, **more})


@dataclass
class FakeRuns:
    """Runs that are only pictures.

    Args:
        pictures: by run directory, newest first.
    """

    pictures: dict[Path, RunPicture] = field(default_factory=dict)
    looks: int = 0
    stopped: list[Path] = field(default_factory=list)
    submitted: list[tuple[Any, Path | None]] = field(default_factory=list)
    answer: Callable[[Any, Path | None], Path] | None = None
    time: float = 1_000_120.0
    done: list[tuple[str, Path]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    written: list[tuple[Path, str | None, list[str], list[str]]] = field(default_factory=list)
    moved: list[tuple[Path, int]] = field(default_factory=list)
    trash: list[Path] = field(default_factory=list)
    queue: QueueLook = field(default_factory=QueueLook)
    broken: dict[Path, LeaptuiError] = field(default_factory=dict)

    def services(self) -> Services:
        """Services that show them."""
        return Services(
            submit=self._submit,
            reader=lambda path: _FakeReader(self, path),
            stop=self._stop,
            ask=self._ask,
            write_notes=lambda path, note, put, taken: self.written.append((path, note, list(put), list(taken))),
            resume=lambda path: self._do("resume", path),
            resume_later=lambda path: self._do("resume later", path),
            delete=lambda path: self._do("delete", path),
            restore=lambda path: self._do("restore", path),
            cancel=lambda path: self._do("cancel", path),
            trashed=lambda _project: self.trash,
            queue=lambda _slots: self.queue,
            move=lambda path, places: self.moved.append((path, places)),
            run_paths=lambda _folder: list(self.pictures),
            now=lambda: self.time,
        )

    def _ask(self, path: Path, name: str, fields: Mapping[str, Any]) -> None:
        self.asked.append((name, dict(fields)))
        self._do(name, path)

    def _stop(self, path: Path) -> None:
        self.stopped.append(path)
        self._do("stop", path)

    def _do(self, what: str, path: Path) -> None:
        if path in self.broken:
            raise self.broken[path]
        self.done.append((what, path))

    def _submit(self, request: Any, parent: Path | None) -> Path:
        self.submitted.append((request, parent))
        if self.answer is None:
            raise AssertionError("nothing was to be submitted")
        return self.answer(request, parent)


@dataclass
class _FakeReader:
    runs: FakeRuns
    path: Path

    def look(self) -> RunPicture:
        self.runs.looks += 1
        return self.runs.pictures.get(
            self.path, RunPicture(self.path, state="broken", reason="the folder is not there")
        )
