"""Several runs side by side: the rows, the command, the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui_helpers import EVIL, FakeRuns, screen_text, training_picture, until

from leaptui.cli.main import main
from leaptui.ops.compare import RunFacts, figure_rows, node_rows, setting_rows
from leaptui.project import Project
from leaptui.runs.events import EventWriter
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.process import ProcessIdentity
from leaptui.runs.status import State, Status, write_status
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.comparison import KINDS, curves
from leaptui.tui.screens.compare import CompareScreen
from leaptui.tui.screens.runs import RunsScreen
from leaptui.tui.widgets.live_table import LiveTable


def facts(name: str, **more: Any) -> RunFacts:
    return RunFacts(name, **{"operation": "train", "state": "finished", "request": {"profile": "fast"}, **more})


def test_only_settings_that_differ_with_what_the_profile_sets() -> None:
    one = facts("one", request={"profile": "fast", "batch_size": None, "seed": 0})
    two = facts("two", request={"profile": "fast", "batch_size": 3, "seed": 0})
    rows = {row.name: row.values for row in setting_rows([one, two])}
    assert list(rows) == ["batch size"] and rows["batch size"][1] == 3 and isinstance(rows["batch size"][0], int)
    everything = {row.name for row in setting_rows([one, two], everything=True)}
    assert {"seed", "profile", "sigma", "operation"} <= everything
    assert "profile" in {row.name for row in setting_rows([one, facts("three", request={"profile": "leap"})])}


def test_provenance_is_compared_but_not_when_it_was_made() -> None:
    made = [{"made": f"2026-01-0{n}", "host": "lab", "versions": {"torch": f"2.{n}"}, "request": {}} for n in (1, 2)]
    rows = setting_rows([facts("a", result={"provenance": made[0]}), facts("b", result={"provenance": made[1]})])
    assert [(row.name, row.values) for row in rows] == [("versions torch", ("2.1", "2.2"))]


def test_figures_name_the_best_and_leave_out_what_nobody_has() -> None:
    rows = {row.name: row for row in figure_rows([facts("a", best_px=3.0), facts("b", best_px=2.0), facts("c")])}
    assert rows["best error"].best == (1,) and rows["best error"].values == (3.0, 2.0, None)
    assert "parameters" not in rows
    speeds = [facts(name, result={"fps": fps, "frames": 10}) for name, fps in (("a", 100.0), ("b", 300.0))]
    rows = {row.name: row for row in figure_rows(speeds)}
    assert rows["fps"].best == (1,) and rows["frames"].best == ()


def test_nodes_come_in_the_order_in_which_they_differ() -> None:
    one = facts("a", nodes={"head": 1.0, "tail": 5.0, "wing": 2.0, "alone": 1.0})
    two = facts("b", nodes={"head": 1.5, "tail": 2.0, "wing": 2.0})
    rows = node_rows([one, two])
    assert [row.name for row in rows] == ["tail", "head", "wing"]
    assert rows[0].best == (1,) and rows[2].best == ()


def test_curves_are_told_apart_by_letters(tmp_path: Path) -> None:
    pictures = [training_picture(tmp_path / name) for name in "xyz"]
    for kind in KINDS:
        series, marks = curves(pictures, kind)
        assert [each.label for each in series] == ["A", "B", "C"] and all(each.points for each in series)
        assert len({each.token for each in series}) == 3
        assert {mark.sign for mark in marks} == {"A", "B", "C"} and all(mark.y is not None for mark in marks)
    assert curves([training_picture(tmp_path, epochs=0, steps=[], best=None)], KINDS[0])[1] == []


def make_run(parent: Path, seed: int, error: float) -> RunDirectory:
    run = RunDirectory.create(parent, "train", {"profile": "fast", "seed": seed})
    with EventWriter(run) as events:
        events.emit("plan", epochs=1, steps_per_epoch=1, parameters=1000, nodes=["head", "tail"])
        events.emit("epoch", epoch=1, step=1, val_loss=0.1, val_error_px=error, best=True, node_error_px=[1.0, error])
    write_object(run.result, {"per_node": {"head": 1.0, "tail": error}, "run": str(run.path)})
    write_status(run, Status(State.FINISHED, 1, ProcessIdentity.current(), 1, started=1.0, updated=9.0, ended=9.0))
    return run


def test_the_command_prints_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = make_run(tmp_path, 1, 4.0), make_run(tmp_path, 2, 2.0)
    assert main(["compare", str(one.path), str(two.path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [run["run"] for run in said["runs"]] == [one.id, two.id]
    assert said["settings"] == {"seed": [1, 2]} and said["figures"]["best error"] == [4.0, 2.0]
    assert said["per_node_px"]["tail"] == [4.0, 2.0]
    assert main(["compare", str(one.path), str(two.path), "--all"]) == 0
    text = capsys.readouterr().out
    assert "profile" in text and "2 *" in text


def test_one_run_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = make_run(tmp_path, 1, 4.0)
    assert main(["compare", str(one.path), str(one.path)]) == 2
    assert "from 2 to 26" in capsys.readouterr().err


@pytest.fixture
def two(project: Project, runs: FakeRuns) -> list[Path]:
    paths = [project.runs_folder / f"2026010{9 - n}-101500-train-{name}" for n, name in enumerate(("aaaa", "bbbb"))]
    asked = ({"profile": "fast", "seed": 0}, {"profile": "leap", "seed": 0, "evil": EVIL})
    for path, request in zip(paths, asked, strict=True):
        runs.pictures[path] = training_picture(path, request=request)
    return paths


async def opened(pilot: Pilot[Any]) -> CompareScreen:
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "ProjectScreen")
    await pilot.press("r")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
    table = pilot.app.screen.query_one(LiveTable)
    await until(pilot, lambda: len(table.keys) == 2)
    await pilot.press("space", "space", "c")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
    await until(pilot, lambda: "best error" in screen_text(pilot))
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_screen_shows_curves_figures_and_settings(
    project: Project, runs: FakeRuns, two: list[Path], size: tuple[int, int]
) -> None:
    async with LeaptuiApp(project.folder, services=runs.services()).run_test(size=size) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
        assert "validation error by epoch" in text and "A 0109-1015-train-aaaa" in text and "4.22 px" in text
        await pilot.press("end")
        await until(pilot, lambda: "ema decay" in screen_text(pilot))
        text = screen_text(pilot)
        assert "seed" not in text and "\x1b" not in text and "\u202e" not in text
        await pilot.press("a")
        await until(pilot, lambda: "seed" in "".join(pilot.app.screen.query_one(LiveTable).keys))
        await pilot.press("v", "v", "l")
        await until(pilot, lambda: "training loss by epoch" in screen_text(pilot))
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_it_follows_runs_that_go_on_and_reads_ended_ones_once(
    project: Project, runs: FakeRuns, two: list[Path]
) -> None:
    runs.pictures[two[1]] = training_picture(two[1], state="finished")
    async with LeaptuiApp(project.folder, services=runs.services()).run_test(size=(160, 48)) as pilot:
        await opened(pilot)
        assert "1 not over yet" in screen_text(pilot)
        runs.pictures[two[0]] = training_picture(two[0], state="failed", epochs=15)
        await until(pilot, lambda: "all over" in screen_text(pilot))
        assert "failed" in screen_text(pilot) and "15" in screen_text(pilot)


async def test_one_marked_run_is_too_few(project: Project, runs: FakeRuns, two: list[Path]) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    async with app.run_test(size=(160, 48), notifications=True) as pilot:
        await until(pilot, lambda: type(app.screen).__name__ == "ProjectScreen")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await until(pilot, lambda: len(app.screen.query_one(LiveTable).keys) == 2)
        await pilot.press("space", "c")
        await until(pilot, lambda: "Mark two runs or more" in screen_text(pilot))
