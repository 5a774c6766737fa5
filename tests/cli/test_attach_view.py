"""The live text view: what it says, and how few bytes it takes."""

from __future__ import annotations

import io
import math
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from leaptui.cli import follow
from leaptui.cli.attach_view import attach_lines
from leaptui.cli.follow import LiveDisplay, PlainDisplay, new_lines, watch_until_over
from leaptui.cli.redraw import Redrawn
from leaptui.cli.text_plot import Row, Trace, plot
from leaptui.tui.run_picture import (
    EpochPoint,
    Gauge,
    GpuGauge,
    LogLine,
    Progress,
    RunError,
    RunPicture,
    Waiting,
)

PLAN = {"epochs": 60, "steps_per_epoch": 20}
RUNNING = RunPicture(
    Path("/p/runs/20260101-000000-train-abcd"),
    operation="train",
    state="running",
    plan=PLAN,
    steps=[(step, 5 * math.exp(-step / 40) + 0.1) for step in range(1, 200)],
    epochs=[EpochPoint(e, e * 20, 3 / e, 4 / e, 9.0 - e, 0.02, best=True) for e in range(1, 9)],
    epoch=9,
    step=199,
    rate=431.0,
    eta=754,
    elapsed=95,
    best=EpochPoint(8, val_error_px=1.0, val_error_body=0.02),
    gauges=[
        Gauge(
            1.0, 0.5, 8 * 10**9, 16 * 10**9, 1.5, gpus=[GpuGauge(0, "H100", 0.8, 10**10, 8 * 10**10, 61, 300, others=2)]
        )
    ],
    log=[LogLine("warning", f"line {i}") for i in range(9)],
)


def text(rows: list[Row]) -> str:
    return "\n".join("".join(part for part, _ in row) for row in rows)


class Terminal(io.StringIO):
    """A screen that knows the few sequences the view may use, and fails on all others."""

    encoding = "utf-8"
    TOKEN = re.compile(r"\x1b\[(\d*)(?:;\d+)*([A-Za-z])|(\r)|(\n)|([^\x00-\x1f\x7f-\x9f])")

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        super().__init__()
        self.columns, self.lines = columns, lines
        self.cells = [[" "] * columns for _ in range(lines)]
        self.row = self.column = 0
        self.sent: list[int] = []

    def write(self, text: str, /) -> int:
        self.sent.append(len(text.encode()))
        at = 0
        while at < len(text):
            match = self.TOKEN.match(text, at)
            assert match, text[at : at + 20]
            at = match.end()
            count, kind, cr, lf, letter = match.groups()
            if kind:
                self._move(int(count or 0), kind)
            elif cr:
                self.column = 0
            elif lf:
                self._line_feed()
            else:
                self._put(letter)
        return len(text)

    def _move(self, count: int, kind: str) -> None:
        if kind == "A":
            assert self.row >= count, "above the top of the screen"
            self.row -= count
        elif kind == "B":
            self.row += count
        elif kind == "G":
            self.column = count - 1
        elif kind == "K":
            self.cells[self.row][self.column :] = [" "] * (self.columns - self.column)
        elif kind == "J":
            self._move(0, "K")
            for row in range(self.row + 1, self.lines):
                self.cells[row] = [" "] * self.columns
        else:
            assert kind == "m", kind
        assert self.row < self.lines

    def _line_feed(self) -> None:
        if self.row + 1 == self.lines:
            self.cells = [*self.cells[1:], [" "] * self.columns]
        else:
            self.row += 1

    def _put(self, letter: str) -> None:
        assert self.column + cell_len(letter) <= self.columns, "a line wraps"
        self.cells[self.row][self.column] = letter
        for beside in range(1, cell_len(letter)):
            self.cells[self.row][self.column + beside] = ""
        self.column += cell_len(letter)

    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.cells).rstrip()


def test_lines_changed_in_any_way_are_what_is_seen():
    chance = random.Random(4)
    terminal = Terminal(30, 12)
    redrawn = Redrawn(terminal, size=lambda: (30, 12))
    said: list[str] = []
    for _ in range(300):
        rows: list[Row] = [
            [("".join(chance.choices("ab ⣿日", k=chance.randrange(18))), chance.choice(["", "dim", "good"]))]
            for _ in range(chance.randrange(6))
        ]
        if chance.random() < 0.2:
            said.append(f"said {len(said)}")
            redrawn.say(said[-1])
        redrawn.show(rows)
        seen = ["".join(row).rstrip() for row in terminal.cells]
        end = terminal.row + 1
        assert not any(seen[end:])
        start = end - len(rows) if rows else terminal.row
        if rows:
            assert seen[start:end] == [line.rstrip() for line in text(rows).split("\n")]
        above = seen[:start]
        assert above == said[len(said) - len(above) :]
    assert len(said) > 20


def test_a_redraw_is_small_and_comes_at_most_once_a_second():
    terminal = Terminal()
    now = [0.0]
    display = LiveDisplay(terminal, "Ctrl-C leaves", clock=lambda: now[0])
    for tick in range(80):
        now[0] = tick * 0.25
        steps = [(step, 5 * math.exp(-step / 40) + 0.1 * math.sin(step)) for step in range(1, 200 + tick)]
        display.show(replace(RUNNING, steps=steps, step=199 + tick, elapsed=95 + now[0]))
    assert len(terminal.sent) <= 21
    assert max(terminal.sent) < 2000
    terminal.sent.clear()
    picture = replace(RUNNING, elapsed=500)
    for seconds in (500, 501):
        now[0] += 1
        display.show(replace(picture, elapsed=seconds))
    assert terminal.sent[-1] < 40
    assert "epoch 9/60" in terminal.text()


def test_the_view_fits_any_terminal_and_keeps_what_matters():
    for width in (20, 39, 79, 200):
        for height in (1, 3, 8, 15, 23, 60):
            rows = attach_lines(RUNNING, width, height, hint="Ctrl-C leaves; the run goes on")
            assert len(rows) <= height
    shown = text(attach_lines(RUNNING, 79, 23, hint="Ctrl-C leaves; the run goes on"))
    for words in (
        "running",
        "epoch 9/60",
        "12 min 34 s left",
        "best 1 px",
        "GPU 0 H100",
        "2 other processes",
        "line 8",
    ):
        assert words in shown, words
    assert shown.endswith("Ctrl-C leaves; the run goes on")
    assert any("⠀" <= letter <= "⣿" for letter in shown)


def test_a_terminal_that_knows_only_ascii_gets_only_that():
    terminal = Terminal()
    terminal.encoding = "ascii"
    LiveDisplay(terminal, "leave").show(RUNNING)
    assert terminal.text().isascii()
    assert "loss by epoch" in terminal.text()
    assert "61  C" in terminal.text()


def test_foreign_text_cannot_reach_the_terminal():
    nasty = "\x1b[2J\x07\u202e[red]"
    picture = replace(
        RUNNING,
        operation="",
        foreign=nasty,
        reason=nasty,
        metrics={nasty: [(1, 2.0)]},
        log=[LogLine("info", nasty)],
        problems=[nasty],
        path=Path("/p/" + nasty),
    )
    terminal = Terminal()
    display = LiveDisplay(terminal, "leave", coloured=False)
    display.show(picture)
    display.say(nasty)
    assert "\u202e" not in terminal.getvalue()
    assert "\\x1b[2J" in terminal.text()


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (RunPicture(Path("/r"), "train", waiting=Waiting(2, "GPU 0 is busy")), ["queued", "place 2", "GPU 0 is busy"]),
        (replace(RUNNING, attempt=3), ["attempt 3"]),
        (replace(RUNNING, state="stale", reason="its process is gone"), ["stale", "its process is gone"]),
        (replace(RUNNING, state="failed", error=RunError("no memory left")), ["failed", "no memory left"]),
        (replace(RUNNING, here=False, host="node7"), ["on node7"]),
        (
            RunPicture(Path("/r"), "predict", "running", progress=Progress(10, 200, "frames", 50.0, "a.mp4")),
            ["5 %", "10 of 200 frames", "50/s", "a.mp4"],
        ),
    ],
)
def test_every_state_is_told(picture: RunPicture, words: list[str]):
    shown = text(attach_lines(picture, 79, 23))
    for each in words:
        assert each in shown
    said: list[str] = []
    PlainDisplay(said.append).show(picture)
    assert any(line.startswith(f"{picture.operation}: {picture.state}") for line in said)


def test_plain_lines_say_each_thing_once():
    said: list[str] = []
    display = PlainDisplay(said.append)
    for count in range(1, 9):
        for _ in range(2):
            display.show(replace(RUNNING, epochs=RUNNING.epochs[:count], log=RUNNING.log[max(0, count - 4) : count]))
    assert [line for line in said if line.startswith("epoch")] == [
        f"epoch {e}/60  train loss {3 / e:.4f}  val loss {4 / e:.4f}  val error {9 - e} px (2.0 %)  best"
        for e in range(1, 9)
    ]
    assert [line for line in said if line.startswith("line")] == [f"line {i}" for i in range(8)]
    assert said.count("train: running") == 1


def test_new_lines_of_a_log_that_forgets_its_beginning():
    a, b, c = (LogLine("info", each) for each in "abc")
    assert list(new_lines([a, b], [a, b])) == []
    assert list(new_lines([a, b], [b, c])) == [c]
    assert list(new_lines([], [a])) == [a]
    assert list(new_lines([a], [b, c])) == [b, c]


def test_leaving_says_how_to_come_back_and_a_second_thought_is_possible():
    class Reader:
        looks = 0

        def look(self) -> RunPicture:
            self.looks += 1
            if self.looks > 1:
                raise KeyboardInterrupt
            return RUNNING

    answers = [None, "left; the run goes on: leaptui attach R"]
    terminal = Terminal()
    display = LiveDisplay(terminal, "Ctrl-C leaves")
    assert watch_until_over(Reader(), display, lambda: answers.pop(0)) is None
    lines = terminal.text().split("\n")
    assert lines[-1] == "left; the run goes on: leaptui attach R"
    assert "Ctrl-C leaves" not in lines


def test_a_curve_is_drawn_to_its_ends_and_spikes_stay():
    rows = plot([Trace([(x, 1.0 if x != 300 else 2.0) for x in range(1000)], "train")], 58, 9)
    drawn = ["".join(part for part, _ in row)[8:] for row in rows]
    assert len(rows) == 9
    spike = drawn[0].index(next(letter for letter in drawn[0] if letter != " "))
    assert abs(spike - 15) <= 1
    assert drawn[7][0] != " "
    assert drawn[7][-1] != " "
    assert plot([Trace([(0, math.nan)], "train")], 58, 9) == []
    assert plot([Trace([(5, 5.0)], "train")], 58, 9) != []
    assert plot([Trace([(0, -1e299), (1, 1e299), (2, 1e308), (3, math.inf)], "train")], 58, 9) != []


def test_a_high_beginning_does_not_flatten_the_rest():
    points = [(x, 1000.0 if x < 3 else 2 + x % 5) for x in range(200)]
    shown = text(plot([Trace(points, "train")], 60, 9))
    assert ">6" in shown
    assert "1000" not in shown


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (
            {"state": "failed", "error": RunError("it broke", traceback="Traceback\n  deep\nKeyError: 'x'")},
            1,
            ["it broke", "KeyError: 'x'", "output.log", "leaptui resume /p/runs/20260101-000000-train-abcd"],
        ),
        (
            {"state": "stale", "reason": "its process is gone", "output": ["Killed"]},
            1,
            ["did not end well: its process is gone", "Killed", "leaptui resume"],
        ),
        ({"state": "stopped"}, 130, ["the run was stopped", "leaptui resume"]),
        ({"state": "finished", "resumable": False}, 0, ["finished"]),
    ],
)
def test_an_end_says_why_and_what_to_do(
    changes: dict[str, Any],
    code: int,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    picture = replace(RUNNING, **({"resumable": True} | changes))

    class Reader:
        def __init__(self, path: Path) -> None:
            assert path == RUNNING.path

        def look(self) -> RunPicture:
            return picture

    monkeypatch.setattr(follow, "LiveReader", Reader)
    assert follow.follow(RUNNING.path, stop_on_interrupt=False).exit_code == code
    said = " ".join(capsys.readouterr().err.split())
    for each in words:
        assert each in said, said
    assert ("resume" in said) == picture.resumable
