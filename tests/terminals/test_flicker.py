"""Nothing blinks in xterm, which cannot hold back what is half drawn: grabs of the screen while points move."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from leaptui.graphics.terminal import Graphics
from tests.terminals.expected_picture import Expected
from tests.terminals.label_project import ABOVE, FlyProject, fitted_view, fly_project
from tests.terminals.virtual_screen import Pixels, Setup, VirtualScreen, Watch, Window, missing

_SETUP = Setup("xterm", ("-ti", "vt340", "-tn", "xterm-256color"))
_PER_SECOND = 12
_LIT, _DARK = 60, 20
_BLANKED = 0.015
"""Share of the bright pixels that may be dark in a grab: a mark's outline is."""

pytestmark = pytest.mark.skipif(missing(*_SETUP.programs) is not None, reason=str(missing(*_SETUP.programs)))


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Window, FlyProject]]:
    """The app on the first frame, with a node selected."""
    folder = tmp_path_factory.mktemp("flicker")
    project = fly_project(folder / "fly")
    environ = {"LEAPTUI_HOME": str(folder / "home")}
    argv = [sys.executable, "-m", "leaptui", "label", str(project.folder), "--frame", "0"]
    with VirtualScreen((_SETUP.size[0] * 12, _SETUP.size[1] * 24)) as screen:
        window = screen.open(Setup(_SETUP.kind, _SETUP.options, environ=environ), argv, folder)
        window.wait()
        shows(window, project, 0, 0)
        yield window, project


def shows(window: Window, project: FlyProject, frame: int, node: int) -> None:
    """Wait until it shows the labels on the disk."""
    view = fitted_view(project.videos[0].frames, window.setup.size, window.cell)
    window.settled(Expected(project.scene(0, frame, node), view, (0, ABOVE), Graphics.SIXEL).wrong)


def press_many(window: Window, keys: list[str]) -> None:
    """One key after the other, as a held key repeats."""
    window.focus()
    for key in keys:
        started = time.monotonic()
        window.screen.tool("key", key)
        time.sleep(max(0.0, 1 / _PER_SECOND - (time.monotonic() - started)))


def blanked(grabs: list[Pixels], *pictures: Pixels) -> list[float]:
    """For each grab, the share of the pixels that are dark in it though they are bright in all of the pictures."""
    lit = np.all([picture > _LIT for picture in pictures], axis=0)
    assert lit.sum() > 1000, "too little is bright"
    return [float((grab[lit] < _DARK).mean()) for grab in grabs]


def n_pictures(grabs: list[Pixels]) -> int:
    """How many different pictures follow each other."""
    return 1 + sum(not np.array_equal(one, next_) for one, next_ in pairwise(grabs))


def assert_nothing_blinks(watch: Watch, *pictures: Pixels) -> None:
    """No grab has a hole, and what was done was seen step by step."""
    shares = blanked(watch.grabs, *pictures)
    assert len(shares) >= 50
    assert n_pictures(watch.grabs) >= 8, "the changes were not seen one by one"
    assert sum(share > _BLANKED for share in shares) == 0, f"{max(shares):.1%} of the picture was dark"


def test_nothing_blinks_while_a_point_moves(labelling: tuple[Window, FlyProject]):
    window, project = labelling
    window.type("5")
    shows(window, project, 0, 4)
    with window.watch() as watch:
        press_many(window, ["Right"] * 12 + ["Down"] * 12)
        shows_moved(window, project)
    assert_nothing_blinks(watch, watch.grabs[0], watch.grabs[-1])


def test_nothing_blinks_while_frames_go_by(labelling: tuple[Window, FlyProject]):
    window, project = labelling
    window.type("5", "period")
    shows(window, project, 1, 4)
    with window.watch() as watch:
        press_many(window, ["comma", "period"] * 8 + ["comma"])
        shows(window, project, 0, 4)
    assert_nothing_blinks(watch, watch.grabs[0], watch.grabs[-1])


def shows_moved(window: Window, project: FlyProject) -> None:
    """Wait until all moves are on the disk and on the screen."""
    end = time.monotonic() + 30
    while project.points(0, 0)["thorax"] != (108.0, 108.0):
        assert time.monotonic() < end, project.points(0, 0)["thorax"]
        time.sleep(0.05)
    shows(window, project, 0, 4)


def test_a_blank_picture_would_be_seen():
    bright = np.full((100, 100), 200, np.uint8)
    half = bright.copy()
    half[:50] = 0
    assert blanked([bright, half, bright], bright, bright) == [0, 0.5, 0]
    assert n_pictures([bright, half, half, bright]) == 3
