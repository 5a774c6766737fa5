"""Labelling in real terminals: what is on their screens, pixel by pixel.

All terminals run side by side on one virtual screen, each with a copy of the project. A terminal that is not installed
is left out with the reason.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from leaptui.graphics.geometry import View
from leaptui.graphics.terminal import Colours, Graphics
from leaptui.tui.widgets.canvas_mouse import ZOOM_STEP
from tests.terminals.expected_picture import Expected
from tests.terminals.label_project import ABOVE, FlyProject, fitted_view, fly_project
from tests.terminals.virtual_screen import Pixels, Setup, VirtualScreen, Window, missing

_PASSING = "set -g allow-passthrough on\n"
_SIXEL = ("-ti", "vt340", "-tn", "xterm-256color")
_PLAIN = ("-tn", "xterm-256color")
_UNNAMED = {"XTERM_VERSION": None, "LEAPTUI_GRAPHICS": "half"}
"""As over SSH to a terminal that answers nothing: TERM alone says what it can."""


@dataclass(frozen=True)
class Kind:
    """A terminal and how it should show pictures.

    Args:
        setup: how it is opened.
        graphics, colours: what the app should find.
        above: rows above the app.
        below: rows below it.
    """

    setup: Setup
    graphics: Graphics
    colours: Colours = Colours.TRUE
    above: int = 0
    below: int = 0


KINDS = {
    "xterm": Kind(Setup("xterm", _SIXEL), Graphics.SIXEL),
    "kitty": Kind(Setup("kitty"), Graphics.KITTY),
    "tmux in xterm": Kind(Setup("xterm", _SIXEL, tmux=_PASSING), Graphics.SIXEL, below=1),
    "tmux in kitty": Kind(Setup("kitty", tmux=_PASSING + "set -g status-position top\n"), Graphics.KITTY, above=1),
    "xterm without graphics": Kind(Setup("xterm", _PLAIN), Graphics.HALF),
    "256 colours": Kind(Setup("xterm", _PLAIN, environ=_UNNAMED), Graphics.HALF, Colours.ANSI256),
}
_COLUMNS = 3
_ROOM = (880, 740)
"""Pixels of the screen for each window."""
SYNTHETIC, REAL = 0, 1
NODE, NODE_NUMBER = "thorax", 4


class Labelling:
    """The app, labelling in a window."""

    def __init__(self, kind: Kind, window: Window, project: FlyProject) -> None:
        self.kind, self.window, self.project = kind, window, project

    def view(self, video: int) -> View:
        """The whole frame."""
        (columns, rows), kind = self.window.setup.size, self.kind
        size = (columns, rows - kind.above - kind.below)
        return fitted_view(self.project.videos[video].frames, size, self.window.cell)

    def shows(self, video: int, frame: int, node: int, view: View | None = None) -> Pixels:
        """Wait until it shows the labels that are on the disk, exactly; the screenshot."""
        expected = Expected(
            self.project.scene(video, frame, node),
            view or self.view(video),
            (0, self.kind.above + ABOVE),
            self.kind.graphics,
            self.kind.colours,
        )
        return self.window.settled(expected.wrong)

    def select(self, number: int) -> None:
        """Select a node by its number; no other begins with its digits."""
        self.window.type(*str(number + 1))

    def go_to(self, video: int) -> None:
        """The first frame of a video."""
        if len(self.project.videos) > 1:
            self.opened("V")
            self.opened("End" if video == REAL else "Home", "Return")

    def opened(self, *keys: str) -> Pixels:
        """Press keys that open something over the picture, and wait until it is there."""
        before = self.window.grab()
        self.window.type(*keys)
        last = before

        def is_still(shot: Pixels) -> str:
            nonlocal last
            same, last = (shot == last).all(), shot
            return "" if same and (shot != before).mean() > 0.02 else f"nothing opens after {keys}"

        return self.window.settled(is_still)

    def moved(self, video: int, frame: int, by: tuple[float, float], keys: list[str]) -> tuple[float, float]:
        """Move the selected point with keys, and wait until it is on the disk; where it is now."""
        x, y = self.project.points(video, frame)[NODE]
        self.window.type(*keys)
        wanted = (x + by[0], y + by[1])
        until(lambda: self.project.points(video, frame)[NODE] == wanted)
        return wanted


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[dict[str, Labelling]]:
    """The app in every terminal that is installed."""
    kinds = {name: kind for name, kind in KINDS.items() if not missing(*kind.setup.programs)}
    if not kinds:
        pytest.skip(missing("Xvfb", "xdotool", "xterm") or "no terminal is installed")
    try:
        real_data = request.getfixturevalue("real_data")
    except pytest.skip.Exception:
        real_data = None
    folder = tmp_path_factory.mktemp("terminals")
    project = fly_project(folder / "fly", real_data)
    with VirtualScreen((_COLUMNS * _ROOM[0], -(-len(KINDS) // _COLUMNS) * _ROOM[1])) as screen:
        found = {}
        for number, (name, kind) in enumerate(kinds.items()):
            at = (number % _COLUMNS * _ROOM[0], number // _COLUMNS * _ROOM[1])
            found[name] = _opened(screen, kind, project, folder / name.replace(" ", "-"), at)
        for labelling in found.values():
            labelling.window.wait()
        yield found


def _opened(screen: VirtualScreen, kind: Kind, project: FlyProject, folder: Path, at: tuple[int, int]) -> Labelling:
    folder.mkdir()
    mine = project.copied_to(folder / "fly")
    shutil.copytree(project.folder, mine.folder)
    setup = replace(kind.setup, environ={**kind.setup.environ, "LEAPTUI_HOME": str(folder / "home")})
    argv = [sys.executable, "-m", "leaptui", "label", str(mine.folder), "--frame", "0"]
    return Labelling(kind, screen.open(setup, argv, folder, at), mine)


@pytest.fixture(params=KINDS)
def labelling(request: pytest.FixtureRequest, running: dict[str, Labelling]) -> Labelling:
    """The app in one of the terminals."""
    kind = KINDS[request.param]
    if why := missing(*kind.setup.programs):
        pytest.skip(why)
    return running[request.param]


def test_a_synthetic_fly_looks_right_whatever_is_done(labelling: Labelling):
    window = labelling.window
    labelling.shows(SYNTHETIC, 0, 0)
    labelling.select(NODE_NUMBER)
    point = labelling.moved(SYNTHETIC, 0, (8, 2), ["Right", "Right", "Right", "Down", "j", "L"])
    window.keep(labelling.shows(SYNTHETIC, 0, NODE_NUMBER), "synthetic")
    close = labelling.view(SYNTHETIC).zoomed(ZOOM_STEP, point).zoomed(ZOOM_STEP, point)
    window.type("plus", "plus")
    labelling.moved(SYNTHETIC, 0, (0, -1), ["k"])
    window.keep(labelling.shows(SYNTHETIC, 0, NODE_NUMBER, close), "zoomed")
    window.type("w")
    labelling.shows(SYNTHETIC, 0, NODE_NUMBER)
    window.type("period")
    labelling.shows(SYNTHETIC, 1, NODE_NUMBER)
    window.keep(labelling.opened("question"), "help")
    window.type("Escape")
    window.keep(labelling.shows(SYNTHETIC, 1, NODE_NUMBER), "after-help")


def test_a_real_fly_looks_right(labelling: Labelling, real_data: Path):
    assert len(labelling.project.scene(REAL, 0, 0).marks) == 32
    labelling.window.wait()
    labelling.go_to(REAL)
    labelling.select(NODE_NUMBER)
    labelling.moved(REAL, 0, (-2, 0), ["Left", "h"])
    labelling.window.keep(labelling.shows(REAL, 0, NODE_NUMBER), "real")


@pytest.mark.parametrize("graphics", [Graphics.SIXEL, Graphics.KITTY])
def test_the_comparison_sees_what_is_wrong(tmp_path: Path, graphics: Graphics):
    """A mark a pixel off, a frame too early and a remainder beside the picture are all found."""
    project = fly_project(tmp_path / "fly")
    size, cell = (84, 34), (10, 20)
    view = fitted_view(project.videos[0].frames, size, cell)
    right, early = (Expected(project.scene(0, frame, 4), view, (0, 1), graphics) for frame in (0, 1))
    moved = replace(right, scene=project.scene(0, 0, 5))
    shot = _drawn(right, size, cell)
    assert not right.wrong(shot)
    assert early.wrong(shot)
    assert "mark" in moved.wrong(shot)
    shot[(1 + view.area[1]) * cell[1] - 3, 2] = 255
    assert "beside" in right.wrong(shot)


def _drawn(expected: Expected, size: tuple[int, int], cell: tuple[int, int]) -> Pixels:
    """The window of a terminal that shows it."""
    shot = np.full((size[1] * cell[1], size[0] * cell[0], 3), 16, np.uint8)
    picture = expected.picture.pixels
    target = expected.view.target
    top, left = (expected.origin[1] + target.y) * cell[1], (expected.origin[0] + target.x) * cell[0]
    shot[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return shot
