"""The panels of the screen of a run: which are in sight, and how they are looked at. Nothing is trained."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key
from textual.pilot import Pilot
from tui_helpers import FakeRuns, flat, screen_text, training_picture, until

from leaptui.errors import UsageError
from leaptui.runs.control import pending
from leaptui.runs.events import EventWriter
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.output_tail import OutputTail
from leaptui.tui.panel_layout import LEFT, MIDDLE, SIDE, PanelLayout, arranged, load_layout, save_layout
from leaptui.tui.run_picture import Checkpoint, Gauge, LogLine, Preview, RunPicture
from leaptui.tui.run_reading import LiveReader
from leaptui.tui.services import Services
from leaptui.tui.widgets.curve_plot import CurvePlot
from leaptui.tui.widgets.log_panel import LogPanel, lines_dropped

RUN = Path("/data/fly/runs/20260102-030405-train-abcd")
ALL = ["facts", "log", "host", "outcome", "loss", "error", "rate", "nodes", "previews", "metric"]


def full_picture(**more: Any) -> RunPicture:
    """A training with something in every panel."""
    values: dict[str, Any] = {
        "node_errors": [("left eye", 2.0), ("right eye", 7.5), ("head", None)],
        "gauges": [Gauge(1_000_000.0 + i, 0.5, 8 << 30, 16 << 30, 1.5, 2 << 30) for i in range(5)],
        "rates": [(float(step), 1e-3 * 0.99**step) for step in range(1, 600, 5)],
        "checkpoints": [Checkpoint("best", 11, "b"), Checkpoint("last", 12, "l"), Checkpoint("asked", 4.5, "a")],
        "previews": [Preview(3, RUN / "previews/0003.npz")],
        "resumed_at": [6.5],
        "metrics": {"grad norm": [(float(step), 1 / step) for step in range(1, 600, 5)]},
    }
    return training_picture(RUN, **{**values, **more})


def app_on(runs: FakeRuns, picture: RunPicture) -> LeaptuiApp:
    runs.pictures[RUN] = picture
    return LeaptuiApp(run=RUN, services=runs.services())


async def shown(pilot: Pilot[Any], words: str) -> str:
    await until(pilot, lambda: words in flat(screen_text(pilot)))
    return flat(screen_text(pilot))


def in_sight(app: LeaptuiApp) -> set[str]:
    """Panels that take room on the screen."""
    panels = ((name, app.screen.query_one(f"#{name}")) for name in (*LEFT, *MIDDLE, *SIDE, "log"))
    return {name for name, panel in panels if panel.is_on_screen and panel.size.height > 0}


def plot(app: LeaptuiApp, name: str = "loss") -> CurvePlot:
    return app.screen.query_one(f"#{name} CurvePlot", CurvePlot)


async def test_number_keys_bring_each_panel_to_the_front_of_a_small_screen(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "━━ training 0.562")
        for key, name, words in [
            ("2", "error", "validation error, px 4.27"),
            ("3", "nodes", "right eye"),
            ("4", "host", "8.0/16.0 GiB"),
            ("5", "log", "what it logged · 2 lines"),
            ("6", "previews", "predicted"),
            ("7", "rate", "learning rate 2."),
            ("8", "metric", "grad norm 0.00"),
            ("1", "loss", "training 0.562"),
        ]:
            await pilot.press(key)
            await shown(pilot, words)
            assert in_sight(app) - {"facts"} == {name}
        await pilot.press("9")
        assert in_sight(app) - {"facts"} == {"loss"}, "there is no outcome yet"


@pytest.mark.parametrize(
    ("size", "panels"),
    [
        ((120, 36), {"facts", "host", "log", "loss", "error", "rate"}),
        ((160, 48), {"facts", "host", "log", "loss", "error", "rate", "nodes"}),
        ((240, 60), {"facts", "host", "log", "loss", "error", "rate", "nodes", "previews"}),
        ((160, 24), {"facts", "host", "loss", "nodes"}),
    ],
)
async def test_wide_screens_show_several_at_once(runs: FakeRuns, size: tuple[int, int], panels: set[str]) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "12 of 30")
        await until(pilot, lambda: in_sight(app) == panels)
        for name in panels & {"loss", "error", "rate"}:
            await until(pilot, lambda name=name: len(plot(app, name).rows) > 4)


async def test_panels_follow_the_size_of_the_terminal(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(160, 48)) as pilot:
        await shown(pilot, "12 of 30")
        await until(pilot, lambda: "nodes" in in_sight(app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: in_sight(app) == {"loss", "facts"})
        await until(pilot, lambda: len(plot(app).rows) == plot(app).size.height)


@given(
    st.integers(20, 300),
    st.integers(8, 100),
    st.sets(st.sampled_from(ALL), min_size=1),
    st.sampled_from([*ALL, "nonsense"]),
    st.booleans(),
    st.frozensets(st.sampled_from(ALL)),
)
def test_there_is_always_something_in_sight(
    width: int, height: int, available: set[str], panel: str, maximised: bool, hidden: frozenset[str]
) -> None:
    shown = arranged(width, height, sorted(available), PanelLayout(panel, maximised, hidden))
    assert shown <= available | {"facts"}
    assert shown
    if panel in available and panel != "facts":
        assert panel in shown


async def test_maximising_hiding_and_smoothing_are_remembered(runs: FakeRuns, isolated_home: Path) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(160, 48)) as pilot:
        await shown(pilot, "smooth 0.6")
        await pilot.press("right_square_bracket", "l", "2", "z")
        await until(pilot, lambda: in_sight(app) == {"error"})
        await pilot.press("z", "7", "h")
        await until(pilot, lambda: "rate" not in in_sight(app) and "loss" in in_sight(app))
        await until(pilot, lambda: load_layout().hidden == {"rate"})
    app = app_on(runs, full_picture())
    async with app.run_test(size=(160, 48)) as pilot:
        text = await shown(pilot, "smooth 0.8")
        assert "log · smooth" not in text
        assert "rate" not in in_sight(app)
        await pilot.press("7")
        await until(pilot, lambda: "rate" in in_sight(app))


def test_a_broken_memory_is_the_defaults(isolated_home: Path) -> None:
    assert load_layout() == PanelLayout()
    layout = PanelLayout("nodes", True, frozenset({"log"}), 0.9, False, True, False, "acc")
    save_layout(layout)
    assert load_layout() == layout
    path = isolated_home / "panels.json"
    for text in ("", "[1]", "\x00", '{"panel": 3, "smoothing": 7, "hidden": "x", "maximised": 1}', "[" * 100_000):
        path.write_text(text)
        assert load_layout() == PanelLayout()
    path.write_text(json.dumps({"smoothing": 0.3, "panel": ["x"]}))
    assert load_layout() == PanelLayout(smoothing=0.3)


async def test_the_cursor_reads_values_off(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(120, 36)) as pilot:
        await shown(pilot, "training 0.562")
        await pilot.press("c")
        text = await shown(pilot, "epoch 12 · step 600 · last checkpoint")
        assert "validation 0.469" in text
        await pilot.press(*["left"] * 20)
        await until(pilot, lambda: (plot(app).cursor or 12) < 10)
        await pilot.press("shift+left", "c")
        await until(pilot, lambda: plot(app).cursor is None)


async def test_keys_that_come_in_one_burst_mean_what_they_would_one_by_one(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "training 0.562")
        await pilot.press("5")
        await until(pilot, lambda: in_sight(app) == {"log"})
        for key in ("1", "c", "left", "left"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: plot(app).cursor is not None and "◆" in screen_text(pilot))
        await pilot.pause(0.2)
        assert 11 < (plot(app).cursor or 0) < 12


async def test_the_mouse_reads_zooms_and_drags(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(120, 36)) as pilot:
        await shown(pilot, "training 0.562")
        await pilot.hover("#loss CurvePlot", offset=(30, 5))
        await shown(pilot, "· step ")
        before = plot(app).view.x
        assert before is not None
        await pilot._post_mouse_events([_scroll_up()], "#loss CurvePlot", offset=(30, 5))
        await until(pilot, lambda: plot(app).view.is_zoomed)
        close = plot(app).view.x
        assert close is not None and close.span < before.span
        await pilot.mouse_down("#loss CurvePlot", offset=(30, 5))
        await pilot.hover("#loss CurvePlot", offset=(20, 5))
        await pilot.mouse_up("#loss CurvePlot", offset=(20, 5))
        moved = plot(app).view.x
        assert moved is not None and moved.low > close.low and moved.span == pytest.approx(close.span)
        await pilot.press("0")
        await until(pilot, lambda: not plot(app).view.is_zoomed)


def _scroll_up() -> type[Any]:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_zooming_in_stays_when_new_points_come(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(120, 36)) as pilot:
        await shown(pilot, "training 0.562")
        await pilot.press("plus", "plus", "plus")
        close = plot(app).view.x
        drawings = plot(app).drawings
        runs.pictures[RUN] = full_picture(epochs=13)
        await until(pilot, lambda: plot(app).drawings > drawings)
        assert plot(app).view.x == close and "zoomed" in screen_text(pilot)
        await pilot.press("0")
        await until(pilot, lambda: not plot(app).view.is_zoomed)


async def test_curves_count_steps_where_one_wants_to(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture())
    async with app.run_test(size=(120, 36)) as pilot:
        await shown(pilot, "training 0.562")
        await pilot.press("x", "c")
        await shown(pilot, "step 600 · epoch 12")


async def test_a_plot_is_drawn_seldom_and_only_while_it_can_be_seen(runs: FakeRuns) -> None:
    app = app_on(runs, full_picture(epochs=3))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "3 of 30")
        await until(pilot, lambda: plot(app).drawings >= 1)
        hidden, before = plot(app, "rate"), plot(app).drawings
        for epochs in range(4, 9):
            runs.pictures[RUN] = full_picture(epochs=epochs)
            await shown(pilot, f"{epochs} of 30")
        assert plot(app).drawings <= before + 3
        assert hidden.drawings == 0
        await pilot.press("7")
        await until(pilot, lambda: hidden.drawings == 1 and len(hidden.rows) > 4)


async def test_the_log_is_searched(runs: FakeRuns) -> None:
    log = [LogLine("info", f"line {i} {'[b]Needle' if i % 50 == 7 else 'hay'}") for i in range(200)]
    app = app_on(runs, full_picture(log=log))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "12 of 30")
        await pilot.press("slash", *"needle")
        text = await shown(pilot, "/needle: 4 of 4")
        assert "line 157 [b]Needle" in text
        await pilot.press("enter", "n")
        assert "line 7 [b]Needle" in await shown(pilot, "/needle: 1 of 4")
        await pilot.press("N", "N")
        assert "line 107 [b]Needle" in await shown(pilot, "/needle: 3 of 4")
        runs.pictures[RUN] = full_picture(log=[*log, LogLine("info", "another")])
        await shown(pilot, "of 201")
        assert "line 107" in screen_text(pilot), "a log that is read stays where it is"
        await pilot.press("end")
        await shown(pilot, "another")
        await pilot.press("slash", "escape")
        await until(pilot, lambda: "/needle" not in screen_text(pilot))


async def test_what_the_program_printed_is_a_key_away(runs: FakeRuns, tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "output.log").write_bytes(b"10 %\r20 %\rall \x1b[31mdone\n" + b"x" * 200 + b"END\n")
    runs.pictures[path] = training_picture(path)
    app = LeaptuiApp(run=path, services=runs.services())
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "12 of 30")
        await pilot.press("5")
        await shown(pilot, "what it logged")
        await pilot.press("o")
        text = await shown(pilot, "what it printed · 2 lines")
        assert "all \\x1b[31mdone" in text and "10 %" not in text and "xEND" in text
        await pilot.press("w")
        await until(pilot, lambda: "xEND" not in screen_text(pilot))
        with (path / "output.log").open("a") as file:
            file.write("and more\n")
        await shown(pilot, "and more")


def test_an_output_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    tail = OutputTail(path, most=10)
    assert tail.look() == ()
    path.write_text("".join(f"line {i}\n" for i in range(100_000)))
    assert tail.look() == tuple(f"line {i}" for i in range(99_990, 100_000))
    dropped = tail.dropped
    with path.open("a") as file:
        file.write("half")
        file.flush()
        assert tail.look()[-1] == "half"
        file.write(" a line\nnext\n")
        file.flush()
        assert tail.look()[-2:] == ("half a line", "next")
        assert tail.dropped == dropped + 2
        file.write("y" * 3_000_000)
        file.flush()
        assert all(len(line) <= 2000 for line in tail.look())
    path.write_text("anew\n")
    assert tail.look()[-1] == "anew"
    path.unlink()
    assert tail.look()[-1] == "anew"


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)), st.integers(0, 5))
def test_lines_that_went_are_counted(old: list[int], new: list[int], gone: int) -> None:
    before = [(str(each), "") for each in old]
    after = before[gone:] + [(str(each), "") for each in new]
    found = lines_dropped(before, after)
    assert found <= min(gone, len(before))
    assert after[: len(before) - found] == before[found:]


async def test_a_log_that_scrolls_away_keeps_its_place(runs: FakeRuns) -> None:
    lines = [(f"line {i}", "") for i in range(100)]
    app = app_on(runs, full_picture(log=()))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "12 of 30")
        await pilot.press("5")
        panel = app.screen.query_one(LogPanel)
        panel.show(lines, name="some")
        await shown(pilot, "line 99")
        await pilot.press("home", "down", "down", "down")
        await shown(pilot, "4 to ")
        panel.show([*lines[2:], ("new 1", ""), ("new 2", "")], dropped=2, name="some")
        text = await shown(pilot, "2 to ")
        assert "line 3 " in text and "line 2 " not in text and not panel.follows


def test_where_attempts_began_is_read(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "train", {})
    with EventWriter(run) as events:
        for attempt, epoch in ((2, 3.0), (3, 6.5), (4, 5.0)):
            events.emit("resumed", attempt=attempt, epoch=epoch, step=int(epoch * 10), checkpoint="last.ckpt")
    assert LiveReader(run.path).look().resumed_at == (3.0, 5.0)


def test_what_is_asked_reaches_the_run(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "train", {})
    services = Services()
    with pytest.raises(UsageError):
        services.ask(run.path, "checkpoint", {})
    write_status(run, Status(State.RUNNING, 1, ProcessIdentity.of(os.getpid()), 1, updated=time.time()))
    for name, fields in (
        ("checkpoint", {}),
        ("lower-lr", {"factor": 0.5}),
        ("extend", {"epochs": 3}),
        ("stop-now", {}),
    ):
        services.ask(run.path, name, fields)
    found = pending(run)
    assert {"checkpoint", "lower-lr", "extend", "stop-now"} <= set(found)
    assert json.loads((run.control / "extend").read_text())["epochs"] == 3
    other = RunDirectory.create(tmp_path, "train", {})
    services.ask(other.path, "extend-resumed", {"epochs": 7})
    assert json.loads((other.control / "extend").read_text())["epochs"] == 7
