"""A person who labels quickly over a slow link: keys, and what they mean."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from leaptui.graphics.geometry import View
from leaptui.graphics.terminal import Graphics
from leaptui.labelling.hints import Fed, HintGrid
from leaptui.labelling.labeller import Labeller
from leaptui.labelling.scene_of import scene_of
from leaptui.pose.store import LabelStore
from leaptui.project import Project
from tests.terminals.expected_picture import Expected
from tests.terminals.fake_terminal import FakeTerminal
from tests.terminals.label_project import ABOVE, FlyProject, fitted_view, fly_project
from tests.terminals.received import Received, received

SIZE, CELL = (84, 34), (10, 20)
SLOWEST, FASTEST = 10.0, 30.0
"""Keys a second."""
ESCAPE_PAUSE = 0.35
"""Seconds of peace about Escape, without which it is Alt with the next key."""
_MOVES = {
    b"h": (-1, 0),
    b"l": (1, 0),
    b"k": (0, -1),
    b"j": (0, 1),
    b"H": (-5, 0),
    b"L": (5, 0),
    b"\x1b[A": (0, -1),
    b"\x1b[C": (1, 0),
}


@dataclass(frozen=True)
class Stroke:
    """A key.

    Args:
        data: what the keyboard sends.
        means: what it does to the labels.
        alone: there is a pause before and after it.
    """

    data: bytes
    means: Callable[[Labeller], object] = lambda labeller: None
    alone: bool = False


def moves(keys: list[bytes]) -> list[Stroke]:
    """Moves of the selected point."""
    return [Stroke(key, partial(_move, _MOVES[key])) for key in keys]


def _move(by: tuple[int, int], labeller: Labeller) -> None:
    labeller.move(*by)


def steps(by: int) -> list[Stroke]:
    """One frame on or back."""
    return [Stroke(b"." if by > 0 else b",", lambda labeller: labeller.step(by))]


def go_to(frame: int) -> list[Stroke]:
    """A frame by its number of one digit."""
    return [Stroke(b"g"), Stroke(b"%d" % frame), Stroke(b"\r", lambda labeller: labeller.go(frame))]


def hints(view: View, points: list[tuple[float, float]], start: int) -> list[Stroke]:
    """The hint grid opened, points placed one after the other, and closed."""
    grid = HintGrid(view)
    strokes = [Stroke(b"f")]
    for number, point in enumerate(points, start):
        keys = grid.keys_for(point, most=4)
        assert keys is not None
        for position, key in enumerate(keys):
            fed = grid.feed(key)
            if fed is Fed.POINT:
                strokes.append(Stroke(key.encode(), _places(grid.point, number)))
            else:
                is_next = number > start and position == 0
                strokes.append(
                    Stroke(key.encode(), (lambda labeller: labeller.next_open_node()) if is_next else _nothing)
                )
    return [*strokes, Stroke(b"\x1b", lambda labeller: labeller.next_open_node(), alone=True)]


def _places(point: tuple[float, float] | None, serial: int) -> Callable[[Labeller], object]:
    assert point is not None
    return lambda labeller: labeller.place(point, advance=False, repeat=("hint", serial))


def _nothing(labeller: Labeller) -> None:
    """Labels stay as they are."""


def session(view: View, seed: int = 0) -> list[Stroke]:
    """About a hundred keys: moves, hints, steps, jumps, undo; the last ones are moves of one point."""
    rng = Random(seed)
    some = list(_MOVES)
    return [
        Stroke(b"5", lambda labeller: labeller.select_node(4)),
        *moves([rng.choice(some) for _ in range(30)]),
        *hints(view, [(60.3, 80.2)], 1),
        Stroke(b".", lambda labeller: labeller.step(1)),
        Stroke(b"\t", lambda labeller: labeller.next_node(1)),
        *moves([b"j"] * 10),
        *go_to(3),
        *moves([b"l", b"k", b"k"]),
        Stroke(b" ", lambda labeller: labeller.next_unlabelled(1)),
        *hints(view, [(90.0, 61.5), (101.2, 80.0), (120.7, 99.9)], 11),
        Stroke(b"u", lambda labeller: labeller.undo()),
        Stroke(b",", lambda labeller: labeller.step(-1)),
        *moves([rng.choice(some) for _ in range(20)]),
    ]


class Seen(NamedTuple):
    """When a terminal showed what is meant: marks and lines over at least a rough frame, and everything exactly."""

    state: float
    exact: float


class SlowSession:
    """The app behind a slow link, and the labels as they should become.

    Args:
        folder: for the project and its copy.
        graphics: of the terminal.
        round_trip: seconds.
        rate: bytes a second towards the terminal.
    """

    def __init__(self, folder: Path, graphics: Graphics, *, round_trip: float = 0.3, rate: float = 64_000) -> None:
        self.project: FlyProject = fly_project(folder / "fly")
        meant = self.project.copied_to(folder / "meant")
        shutil.copytree(self.project.folder, meant.folder)
        self.graphics = graphics
        self.view = fitted_view(self.project.videos[0].frames, SIZE, CELL)
        self.meant = _labeller(meant.folder)
        self.terminal = FakeTerminal(
            [sys.executable, "-m", "leaptui", "label", str(self.project.folder), "--frame", "0"],
            str(graphics.value),
            round_trip=round_trip,
            rate=rate,
            size=SIZE,
            cell=CELL,
            environ={"LEAPTUI_HOME": str(folder / "home"), "LEAPTUI_GRAPHICS": None},
        )
        self._screen: Received = received(graphics, SIZE, CELL)
        self._read = 0

    def __enter__(self) -> SlowSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()

    def wait_until_seen(self, since: float | None = None, seconds: float = 40.0) -> Seen:
        """Wait until the terminal shows exactly what is meant.

        Args:
            since: what arrived earlier is not looked at one by one.
            seconds: how long at most.
        """
        image = self.project.videos[0].frames[self.meant.frame]
        exact = Expected(scene_of(self.meant, image), self.view, (0, ABOVE), self.graphics)
        rough = replace(exact, is_coarse=True)
        since = time.monotonic() if since is None else since
        roughly_at: float | None = None
        exactly_at: float | None = None

        def is_seen() -> bool:
            nonlocal roughly_at, exactly_at
            log = self.terminal.log
            while self._read < len(log) and exactly_at is None:
                at, data = log[self._read]
                self._read += 1
                self._screen.feed(data)
                if at >= since or self._read == len(log):
                    screen = self._screen.screen()
                    wrong = bool(rough.wrong(screen))
                    roughly_at = None if wrong else roughly_at or at
                    exactly_at = None if wrong or exact.wrong(screen) else at
            return exactly_at is not None

        if self._read and not exact.wrong(self._screen.screen()):
            roughly_at = exactly_at = since
        assert self.terminal.wait_for(is_seen, seconds), exact.wrong(self._screen.screen())
        assert roughly_at is not None
        assert exactly_at is not None
        return Seen(roughly_at, exactly_at)

    def play(self, strokes: list[Stroke], seed: int = 0) -> float:
        """Type keys; when the last was typed."""
        rng = Random(seed)
        typed = time.monotonic()
        for stroke in strokes:
            time.sleep(ESCAPE_PAUSE if stroke.alone else rng.uniform(1 / FASTEST, 1 / SLOWEST))
            self.terminal.type(stroke.data)
            typed = time.monotonic()
            stroke.means(self.meant)
            if stroke.alone:
                time.sleep(ESCAPE_PAUSE)
        self.meant.flush()
        return typed

    def play_at_once(self, strokes: list[Stroke]) -> None:
        """Type keys that arrive in one piece, as after a stall of the link."""
        self.terminal.type(b"".join(stroke.data for stroke in strokes))
        for stroke in strokes:
            stroke.means(self.meant)
        self.meant.flush()

    def settled_labels(self, seconds: float = 20.0) -> tuple[list[object], list[object]]:
        """The same as `labels`, once the app has written as much as is meant."""
        until = time.monotonic() + seconds
        written, meant = self.labels()
        while len(written[-1]) < len(meant[-1]) and time.monotonic() < until:  # type: ignore[arg-type]
            time.sleep(0.1)
            written, meant = self.labels()
        return written, meant

    def labels(self) -> tuple[list[object], list[object]]:
        """Points of all frames and what was done, in words: as the app wrote them, and as meant."""
        written = _labeller(self.project.folder)
        return _told(written), _told(self.meant)


def _labeller(folder: Path) -> Labeller:
    project = Project.open(folder)
    skeleton = project.require_skeleton()
    return Labeller(LabelStore(project.labels_folder, skeleton), skeleton, project.videos)


def _told(labeller: Labeller) -> list[object]:
    frames = []
    for frame in range(labeller.video.frames):
        found = labeller.store.frame(labeller.key._replace(frame=frame))
        frames.append([np.nan_to_num(instance.points, nan=-1).round(6).tolist() for instance in found.instances])
    return [*frames, [(entry.why, entry.summary) for entry in labeller.store.log()]]
