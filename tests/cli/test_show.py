"""`leaptui show` prints a frame where the cursor stands, and tells its points as JSON."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.cli.inline import Page, as_lines, fitted, in_flow, print_inline
from leaptui.cli.shown import caption, facts, scene
from leaptui.formats.predictions import Predictions, write_predictions
from leaptui.graphics.painter import Cell, Fragment
from leaptui.graphics.scene import Kind, Scene
from leaptui.graphics.terminal import Colours, Graphics, Terminal, Tmux
from leaptui.ops.show import ShownAnimals, ShownFrame
from leaptui.pose.instance import Instance, PredictedInstance
from leaptui.pose.skeleton import make_skeleton
from tests.cli.conftest import Cli, write_annotations
from tests.terminals.fake_terminal import FakeTerminal

SKELETON = make_skeleton("fly", ["head", "left", "right"], [("head", "left"), ("head", "right")], [("left", "right")])
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78]")


def shown(*animals: ShownAnimals, name: str = "fly.mp4") -> ShownFrame:
    return ShownFrame(Path("/videos") / name, None, 4, 90, np.zeros((40, 60, 1), np.uint8), 77, animals)


def labels(*points: tuple[float, float], occluded: tuple[bool, ...] = (False, True, False)) -> ShownAnimals:
    return ShownAnimals("labels", SKELETON, (Instance(np.array(points), np.array(occluded)),))


def predicted(*points: tuple[float, float]) -> ShownAnimals:
    scores = np.array([0.5, 0.25, 0.75], np.float32)
    return ShownAnimals("predictions", SKELETON, (PredictedInstance(np.array(points), scores=scores),))


def test_a_scene_has_the_points_of_the_frame():
    nan = float("nan")
    made = scene(shown(labels((1, 2), (3, 4), (nan, nan))), names=True)
    assert [(m.x, m.y, m.name, m.kind, m.occluded) for m in made.marks] == [
        (1, 2, "head", Kind.PLACED, False),
        (3, 4, "left", Kind.PLACED, True),
    ]
    assert [(line.x0, line.y1, line.dashed) for line in made.lines] == [(1, 4, False)]
    assert made.marks[1].colour != made.marks[0].colour


def test_predictions_are_told_from_labels():
    alone = scene(shown(predicted((1, 1), (2, 2), (3, 3))), names=False)
    assert {m.kind for m in alone.marks} == {Kind.PREDICTED}
    assert not any(m.name for m in alone.marks)
    beside = scene(shown(labels((1, 1), (2, 2), (3, 3)), predicted((1, 1), (2, 2), (3, 3))), names=True)
    assert [m.kind for m in beside.marks] == [Kind.PLACED] * 3 + [Kind.OTHER] * 3


def test_the_line_below_is_harmless():
    words = caption(shown(labels((1, 2), (3, 4), (5, 6)), name="a\x1b[31m\nb.mp4"))
    assert words == "a\\x1b[31m\\x0ab.mp4  frame 4 (0 to 89)  3 points (labels)"
    assert caption(shown()).endswith("no points")


def test_facts_are_the_points():
    told = facts(shown(labels((1, 2), (3, 4), (5, 6)), predicted((1, 2), (3, 4), (5, 6))))
    assert (told["frame"], told["frames"], told["checksum"], told["width"]) == (4, 90, 77, 60)
    mine, theirs = told["instances"]
    assert mine["points"]["left"] == {"x": 3.0, "y": 4.0, "occluded": True}
    assert theirs["points"]["right"] == {"x": 5.0, "y": 6.0, "score": 0.75}


sizes = st.integers(1, 3000)


@given(st.tuples(sizes, sizes), st.tuples(st.integers(2, 300), st.integers(1, 100)), st.integers(5, 20))
def test_the_whole_frame_fits(frame: tuple[int, int], size: tuple[int, int], cell: int):
    view = fitted(frame, size, (cell, 2 * cell))
    assert view.is_fit
    assert view.area[0] <= size[0] and view.area[1] <= size[1]
    assert view.target.x == 0 and view.target.y == 0, "it begins where the cursor stands"
    assert view.area[0] - view.target.width <= 1 and view.area[1] - view.target.height <= 1


class Screen:
    """A terminal that knows no more than where its cursor is; `<a>` is a thing that was placed."""

    def __init__(self, rows: int, row: int) -> None:
        self.rows, self.row, self.column = rows, row, 0
        self.scrolled = 0
        self.placed: dict[str, tuple[int, int]] = {}
        self._saved = (row, 0)

    def feed(self, data: bytes) -> None:
        for token in re.findall(r"\x1b\[\d*[A-D]|\x1b[78]|<\w+>|[\n\r]", data.decode()):
            if token == "\n":
                # The terminal's device turns it into CR LF.
                self.column = 0
                self._down()
            elif token == "\r":
                self.column = 0
            elif token == "\x1b7":
                self._saved = (self.row, self.column)
            elif token == "\x1b8":
                self.row, self.column = self._saved
            elif token.startswith("<"):
                self.placed[token] = (self.row + self.scrolled, self.column)
                self.column += 1
            else:
                count = int(token[2:-1] or 1)
                down, right = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1)}[token[-1]]
                self.row = min(max(self.row + down * count, 0), self.rows - 1)
                self.column = max(self.column + right * count, 0)

    def _down(self) -> None:
        if self.row == self.rows - 1:
            self.scrolled += 1
        else:
            self.row += 1


@given(st.integers(0, 29), st.integers(1, 27))
def test_parts_land_where_they_belong_wherever_the_cursor_is(start: int, rows: int):
    screen = Screen(30, start)
    screen.feed(in_flow([Fragment(0, 0, b"<a>"), Fragment(7, rows - 1, b"<b>"), Fragment(3, 0, b"<c>")], rows))
    assert screen.placed == {"<a>": (start, 0), "<b>": (start + rows - 1, 7), "<c>": (start, 3)}
    assert screen.row + screen.scrolled == start + rows
    assert screen.column == 0
    assert screen.row < screen.rows - 1, "a picture that touches the last row would scroll"


def test_text_becomes_lines_that_leave_no_colour_behind():
    red, blue = Cell("r", (251, 2, 3)), Cell("b", None, (4, 5, 252), bold=True, reverse=True)
    lines = as_lines([[red, red, blue], [Cell("x"), Cell("y"), Cell("z")]], Colours.TRUE).decode().splitlines()
    assert lines[0] == "\x1b[0;38;2;251;2;3;49mrr\x1b[0;39;48;2;4;5;252;1;7mb\x1b[m"
    assert lines[1] == "\x1b[0;39;49mxyz\x1b[m"
    assert as_lines([[red, blue]], None) == b"rb\n"


def picture() -> Scene:
    return Scene(np.tile(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (40, 1, 1)), "ramp")


def test_in_tmux_the_picture_goes_to_the_row_of_the_cursor(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    monkeypatch.setattr("leaptui.cli.inline._cursor_row", lambda: 20)
    terminal = Terminal(Graphics.KITTY, cell=(10.0, 20.0), tmux=Tmux(left=5, top=1))
    print_inline(picture(), Page(terminal, (30, 10), True), "words")
    out = capfdbinary.readouterr().out
    rows = fitted((60, 40), (30, 10), (10.0, 20.0)).area[1]
    assert out.startswith(b"\n" * (rows + 1))
    assert b"\x1bPtmux;" in out
    assert b"\x1b\x1b[%d;6H" % (20 - rows - 1 + 1 + 1) in out
    assert out.endswith(b"\x1b[1Awords\n")


@pytest.mark.parametrize("way", [Graphics.HALF, Graphics.ASCII, Graphics.BRAILLE, Graphics.QUADRANT])
def test_text_for_a_file_has_a_line_a_row(way: Graphics, capfdbinary: pytest.CaptureFixture[bytes]):
    print_inline(picture(), Page(Terminal(way, colours=Colours.MONO), (30, 100), False), "words")
    lines = _ESCAPES.sub("", capfdbinary.readouterr().out.decode()).splitlines()
    assert lines[-1] == "words"
    assert len(lines) == 11
    assert all(len(line) == 30 for line in lines[:-1])
    assert len(set("".join(lines[:-1]))) > 1


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    """Drawn animals with labels."""
    path = tmp_path / "animals.h5"
    write_annotations(path, 5)
    return path


def test_json_of_labels_and_of_a_project(cli: Cli, annotations: Path):
    assert cli("new", "p").code == 0
    assert cli("import", "p", annotations).code == 0
    told = cli("show", "p", "--json", "--frame", "3").json
    direct = cli("show", annotations, "--json", "--frame", "3").json
    assert told["instances"] == direct["instances"] != []
    assert told["checksum"] == direct["checksum"]
    with h5py.File(annotations) as file:
        expected = file["annotations"][3]
    found = [[p["x"], p["y"]] for p in told["instances"][0]["points"].values()]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert cli("show", "p", "--json").json["frame"] == 0


def test_points_of_predictions_are_added(cli: Cli, annotations: Path, tmp_path: Path):
    points = np.full((2, 1, 3, 2), 5.0, np.float32)
    scores = np.full((2, 1, 3), 0.5, np.float32)
    made = Predictions(points, scores, np.array([2, 3]), SKELETON)
    write_predictions(made, tmp_path / "found.h5")
    told = cli("show", annotations, "--points", "found.h5", "--frame", "2", "--json").json
    assert [each["origin"] for each in told["instances"]] == ["labels", "predictions"]
    assert told["instances"][1]["points"]["head"] == {"x": 5.0, "y": 5.0, "score": 0.5}
    refused = cli("show", "found.h5", "--json")
    assert refused.code == 3 and "--points" in refused.err
    write_predictions(
        Predictions(points, scores, np.array([2, 3]), SKELETON, provenance={"video": str(annotations)}),
        tmp_path / "found.h5",
    )
    told = cli("show", "found.h5", "--json").json
    assert (told["frame"], told["path"]) == (2, str(annotations))
    other = {"video": "/other.mp4", "work": {"input": {"identity": "f" * 32}}}
    write_predictions(Predictions(points, scores, np.array([2, 3]), SKELETON, provenance=other), tmp_path / "o.h5")
    assert cli("show", annotations, "--points", "o.h5", "--json").code == 3


def test_mistakes_are_said(cli: Cli, annotations: Path, tmp_path: Path):
    beyond = cli("show", annotations, "--frame", "5", "--json")
    assert beyond.code == 2 and "frames 0 to 4" in beyond.err
    silent = cli("show", annotations)
    assert silent.code == 2 and "--graphics" in silent.err
    assert cli("show", "nowhere.mp4", "--json").code == 3
    assert cli("show", annotations, "--graphics", "oil").code == 2
    assert cli("show", annotations, "--video", "x", "--json").code == 2
    cli("new", "empty")
    assert "has no videos" in cli("show", "empty", "--json").err


def test_ascii_for_a_pipe(cli: Cli, annotations: Path):
    done = cli("show", annotations, "--graphics", "ascii", "--width", "40", "--no-names")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert "\x1b" not in done.out and done.out.isascii()
    assert {len(line) for line in lines[:-1]} == {40}
    assert lines[-1].startswith("animals.h5  frame 0 (0 to 4)")


@pytest.mark.parametrize(
    ("profile", "mark"), [("sixel", rb"\x1bP[0-9;]*q"), ("kitty", rb"\x1b_G[^;]*a=T"), ("plain", "▀|▄".encode())]
)
def test_on_a_terminal(profile: str, mark: bytes, tmp_path: Path):
    evil = tmp_path / "an\x1b[31m\x1b]0;mals.h5"
    write_annotations(evil, 2)
    argv = [sys.executable, "-m", "leaptui", "show", str(evil)]
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "LEAPTUI_HOME": os.environ["LEAPTUI_HOME"]}
    with FakeTerminal(argv, profile, environ=environ) as terminal:
        assert terminal.wait_for(lambda: terminal.exit_code is not None, 30.0)
        screen = terminal.screen
    assert terminal.exit_code == 0, screen[-2000:]
    assert re.search(mark, screen)
    assert b"an\\x1b[31m\\x1b]0;mals.h5  frame 0 (0 to 1)" in screen
    assert b"\x1b]0;" not in screen
