"""`bench canvas`: what counts as an update, and that a short run measures what the goals are about."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from leaptui.bench import updates
from leaptui.bench.canvas import PROTOCOLS, counterpart
from leaptui.bench.command import bench
from leaptui.bench.figures import Repeats, Spread
from leaptui.bench.goals import Goal
from leaptui.bench.standard import Desk, of_file, synthetic
from leaptui.bench.updates import Arrivals
from leaptui.cli.context import ConsoleContext
from leaptui.errors import ExitCode, UnusableInput, UsageError

PING = b"\x1b[6n"


def arrivals(*pieces: tuple[float, bytes], keys: tuple[float, ...], delay: float = 0.0) -> Arrivals:
    """Pieces by when they were written; they arrive later by `delay`."""
    return Arrivals([(at + delay, p) for at, p in pieces], [(at, len(p)) for at, p in pieces], keys)


def test_a_burst_is_an_update_if_it_answers_a_key_with_something_new():
    got = arrivals(
        (0.01, b"one" + PING),
        (0.04, b"two" + PING[:2]),
        (0.05, PING[2:] + b"two" + PING),  # the same again
        (0.07, b"three" + PING),
        (0.40, b"three, finer" + PING),  # nobody pressed a key
        keys=(0.0, 0.03, 0.06),
        delay=1.0,
    )
    assert updates.ours(got) == pytest.approx([1.01, 1.05, 1.07])


def test_two_keys_that_were_waiting_give_two_updates():
    got = arrivals((0.08, b"one" + PING), (0.09, b"two" + PING), keys=(0.0, 0.05))
    assert len(updates.ours(got)) == 2


def test_pictures_of_textual_image_count_once_however_often_they_are_sent():
    first, second = (b'\x1bP0;0;0q"1;1;2;2#0;2;%d;0;0~\x1b\\' % red for red in (10, 20))
    sixels = arrivals((1.0, first + b"text" + first), (2.0, second[:9]), (3.0, second[9:]), keys=(0.0,))
    assert updates.of_textual_image("sixel", sixels) == [1.0, 3.0]

    def image(number: int, pixels: bytes) -> bytes:
        payload = base64.b64encode(pixels)
        chunks = b"\x1b_Gi=%d,m=1,f=100,q=2;%s\x1b\\\x1b_Gi=%d,m=0,f=100,q=2;%s\x1b\\"
        place = b"\x1b_Ga=p,i=%d,c=80,r=40,U=1,q=2\x1b\\"
        return chunks % (number, payload[:4], number, payload[4:]) + place % number

    kitty = arrivals((1.0, image(1, b"aaaaaa")), (2.0, image(2, b"aaaaaa")), (3.0, image(3, b"bbbbbb")), keys=(0.0,))
    assert updates.of_textual_image("kitty", kitty) == [1.0, 3.0]

    rows = ["\x1b[?2026h▀\x1b[?2026l", "\x1b[?2026hno picture\x1b[?2026l", "\x1b[?2026h▀▀\x1b[?2026l"]
    half = arrivals(*((float(k), row.encode()) for k, row in enumerate(rows)), keys=(0.0,))
    assert updates.of_textual_image("half", half) == [0.0, 2.0]


def test_repeats_know_their_lag():
    got = arrivals((0.1, b"x" * 10), (0.3, b"y"), keys=(0.0, 0.05))
    repeats = Repeats.of(got, [0.1, 0.1], 2)
    assert (repeats.keys, repeats.shown, repeats.n_bytes) == (2, 2, 11)
    assert repeats.lag_ms == pytest.approx(50)
    assert repeats.settled_ms == pytest.approx(250)


def test_goals_without_a_value_are_neither_met_nor_missed():
    assert [Goal("", "", 8, True, value).met for value in (None, 7.9, 8.0)] == [None, False, True]
    assert [Goal("", "", 8, False, value).met for value in (None, 8.1, 8.0)] == [None, False, True]
    assert Spread.of([]) == Spread(None, None, 0)
    assert Spread.of([3, 1, 2]).median == 2


def test_both_programs_move_the_same_points():
    source = synthetic()
    desk = Desk(source)
    assert desk.view.raster == (800, 800)
    assert len(desk.scene.marks) == 32
    desk.select_typical()
    seen = set()
    for _ in range(60):
        desk.nudge()
        seen.add(desk.point)
    assert len(seen) >= 59
    assert desk.scene.marks[-1].selected
    assert any(line.moving for line in desk.scene.lines)


def test_a_file_without_points_is_refused(tmp_path: Path):
    with ConsoleContext(tmp_path) as context:
        with pytest.raises(UnusableInput, match="no such file"):
            of_file(tmp_path / "none.h5", 0, context)
        image = tmp_path / "frame.png"
        from PIL import Image

        Image.new("L", (32, 32)).save(image)
        with pytest.raises(UnusableInput, match="no points"):
            of_file(tmp_path, 0, context)


def test_every_protocol_has_its_counterpart():
    beside = {name: counterpart(name) for name in PROTOCOLS}
    assert beside["kitty"] == "kitty"
    assert beside["sixel"] == beside["sixel-cells"] == "sixel"
    assert beside["iterm2"] is None
    assert {beside[name] for name in PROTOCOLS[4:]} == {"half"}


def test_wrong_usage_is_said(capsys: pytest.CaptureFixture[str]):
    assert bench([]) == ExitCode.USAGE
    assert bench(["other"]) == ExitCode.USAGE
    with pytest.raises(UsageError, match="sixel-cells"):
        bench(["canvas", "--graphics", "postcard"])
    capsys.readouterr()


def test_a_quick_run_meets_the_goals_for_bytes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("leaptui.bench.canvas.installed", lambda package: None)
    assert bench(["canvas", "--quick", "--json", "--graphics", "kitty"]) == ExitCode.DONE
    out = capsys.readouterr().out
    report = json.loads(out)
    assert out.count("\n") == 1
    kitty = report["protocols"]["kitty"]
    assert kitty["textual_image"] is None
    assert kitty["ours"]["nudge_bytes"]["count"] == 6
    assert kitty["ours"]["repeats"]["shown"] == kitty["ours"]["repeats"]["changes"] == 15
    assert kitty["ours"]["zoom_picture"]["n_bytes"] <= 100
    met = {goal["what"]: goal["met"] for goal in report["goals"]}
    assert met["bytes a nudge, median"]
    assert met["times fewer bytes a nudge"] is None
    assert report["machine"]["textual_image"] is None
    assert report["scene"]["points"] == 32
