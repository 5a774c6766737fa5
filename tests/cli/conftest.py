"""Small label sets that train in seconds, and the command line as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON object it must be."""
        return json.loads(self.out)


Cli = Callable[..., Done]


def run_cli(*args: str | Path, cwd: Path, home: Path) -> Done:
    """Call leaptui in a process of its own, without a terminal."""
    environment = {**os.environ, "LEAPTUI_HOME": str(home), "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "leaptui", *map(str, args)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def cli(tmp_path: Path, isolated_home: Path) -> Cli:
    """The command line in an empty folder."""

    def call(*args: str | Path) -> Done:
        return run_cli(*args, cwd=tmp_path, home=isolated_home)

    return call


NODES = ("head", "abdomen", "left", "right")


def draw_animal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A frame with an arrow-like animal, and its four points: brightness tells them apart."""
    height, width = shape
    angle = rng.uniform(0, 2 * np.pi)
    centre = np.array([rng.uniform(20, width - 21), rng.uniform(20, height - 21)])
    ahead, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    points = np.array([centre + 12 * ahead, centre - 12 * ahead, centre + 7 * aside, centre - 7 * aside])
    y, x = np.mgrid[0:height, 0:width]
    frame = np.full(shape, 20.0)
    for (px, py), level, width_px in zip(points, (230, 150, 110, 70), (2.5, 3.5, 2.5, 2.5), strict=True):
        frame = np.maximum(frame, level * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * width_px**2)))
    return (frame + rng.normal(0, 2, shape)).clip(0, 255).astype(np.uint8), points


def write_annotations(path: Path, n: int, *, shape: tuple[int, int] = (64, 80), seed: int = 0) -> None:
    """A DeepPoseKit annotation set of drawn animals."""
    rng = np.random.default_rng(seed)
    drawn = [draw_animal(rng, shape) for _ in range(n)]
    with h5py.File(path, "w") as file:
        file["images"] = np.stack([frame for frame, _ in drawn])[..., None]
        file["annotations"] = np.stack([points for _, points in drawn])
        file["annotated"] = np.ones((n, len(NODES)), dtype=bool)
        file["skeleton"] = np.array([[-1, -1], [0, -1], [0, 3], [0, 2]], dtype=np.int32)
        file["skeleton_names"] = np.array([name.encode() for name in NODES], dtype="S10")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A project with 40 drawn animals and a network trained on them, and what `train --json` printed."""
    folder = tmp_path_factory.mktemp("trained")
    home = folder / "home"
    write_annotations(folder / "animals.h5", 40)
    steps: Sequence[Sequence[str]] = (("new", "animals"), ("import", "animals", "animals.h5"))
    for step in steps:
        assert run_cli(*step, cwd=folder, home=home).code == 0
    done = run_cli(
        *("train", "animals", "--profile", "fast", "--epochs", "5", "--steps-per-epoch", "15", "--seed", "3", "--json"),
        cwd=folder,
        home=home,
    )
    assert done.code == 0, done.err
    return folder / "animals", done.json
