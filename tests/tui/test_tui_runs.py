"""The table of all runs of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea
from tui_helpers import EVIL, FakeRuns, flat, make_project, predict_picture, screen_text, training_picture, until

from leaptui.errors import OperationFailed
from leaptui.project import Project
from leaptui.tui.app import LeaptuiApp
from leaptui.tui.run_picture import EpochPoint, RunPicture, Waiting
from leaptui.tui.run_queue import QueueLook, SlotHeld, WaitingRun
from leaptui.tui.screens.confirm import ConfirmScreen
from leaptui.tui.screens.note import NoteScreen
from leaptui.tui.screens.project import ProjectScreen
from leaptui.tui.screens.runs import RunsScreen
from leaptui.tui.widgets.live_table import LiveTable

WIDE = (160, 40)


@pytest.fixture
def many(project: Project, runs: FakeRuns) -> list[Path]:
    """Six runs, newest first: one waits, one runs, one predicts, the others are over."""
    made = [
        ("train-aaaa", {"state": "queued", "waiting": Waiting(2, "gpu 0 is held by ada"), "epochs": 0, "best": None}),
        ("train-bbbb", {"state": "running"}),
        ("predict-cccc", None),
        ("train-dddd", {"state": "finished", "tags": ("fly", "paper"), "notes": "the good one\nand more"}),
        ("train-eeee", {"state": "failed", "resumable": True}),
        ("train-ffff", {"state": "stopped", "resumable": True, "best": EpochPoint(3, val_error_px=1.5)}),
    ]
    paths = []
    for index, (name, values) in enumerate(made):
        path = project.runs_folder / f"2026010{9 - index}-101500-{name}"
        created = runs.time - 3600 * index - 100
        more: dict[str, Any] = {"created": created, **(values or {})}
        runs.pictures[path] = predict_picture(path, **more) if values is None else training_picture(path, **more)
        paths.append(path)
    return paths


def names(pilot: Pilot[Any]) -> str:
    """The last letter of each run, in the order of the table."""
    return "".join(key[-1] for key in pilot.app.screen.query_one(LiveTable).keys)


async def opened(pilot: Pilot[Any], count: int = 6) -> RunsScreen:
    """Open the screen from the project."""
    await until(pilot, lambda: isinstance(pilot.app.screen, ProjectScreen))
    await pilot.press("r")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    await until(pilot, lambda: len(screen.query_one(LiveTable).keys) == count)
    return screen


def app_on(project: Project, runs: FakeRuns) -> LeaptuiApp:
    return LeaptuiApp(project.folder, services=runs.services())


async def test_a_wide_screen_says_everything(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
    for words in (
        "queue 2",
        "40 %",
        "12/30",
        "4.22 px",
        "365/s",
        "612/s",
        "cuda",
        "fly paper",
        "the good one",
        "1 h ago",
    ):
        assert words in text, words
    assert "2 going, 1 waiting" in text and "and more" not in text
    assert many[1].name in text


async def test_a_small_screen_has_the_columns_that_matter(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
    for words in ("State", "Progress", "Epoch", "Loss", "Best", "Left", "0108-1015-train-bbbb", "2 min", "4.22 px"):
        assert words in text, words
    assert "Notes" not in text


async def test_sorting_by_key_heading_and_direction(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot)
        assert names(pilot) == "abcdef"
        await pilot.press("O")
        assert names(pilot) == "fedcba"
        heading = screen_text(pilot).splitlines()
        line = next(line for line in heading if "Best" in line and "State" in line)
        await pilot.click(LiveTable, offset=(line.index("Best"), 0))
        # Those without an error come last, in whichever direction.
        assert names(pilot)[0] == "f" and set(names(pilot)[-2:]) == {"a", "c"}
        await pilot.click(LiveTable, offset=(line.index("Best"), 0))
        assert names(pilot)[3] == "f" and set(names(pilot)[-2:]) == {"a", "c"}
        await pilot.press("o")
        await until(pilot, lambda: "Sort by" in screen_text(pilot))
        await pilot.press("home", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert names(pilot) == "fedcba"


async def test_the_filter_looks_at_name_state_tags_and_operation(
    project: Project, runs: FakeRuns, many: list[Path]
) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot)
        for typed, found in (("paper", "d"), ("PREDICT", "c"), ("train ff", "f"), ("nothing-like-it", "")):
            await pilot.press("slash")
            screen.query_one("#filter", Input).value = typed
            await until(pilot, lambda found=found: names(pilot) == found)  # type: ignore[misc]
        assert "No run matches" in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(names(pilot)) == 6)
        assert isinstance(pilot.app.screen, RunsScreen) and screen.query_one(LiveTable).has_focus


async def test_enter_opens_the_run_and_escape_comes_back(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "RunScreen")
        assert many[1].name in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ProjectScreen)


async def test_only_marked_runs_that_go_on_are_stopped(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("a", "s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        text = flat(screen_text(pilot))
        assert (
            "Stop 3 runs?" in text
            and "taken out of the queue" in text
            and "train-dddd" not in text.partition("Stop 3")[2]
        )
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(runs.done) == 3)
        assert set(runs.done) == {("cancel", many[0]), ("stop", many[1]), ("stop", many[2])}
        await pilot.press("u")
        assert "marked" not in screen_text(pilot)


async def test_resume_needs_a_run_that_can_be(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "None of these runs can be resumed" in flat(screen_text(pilot)))
        await pilot.press("end", "r")
        await until(pilot, lambda: ("resume", many[5]) in runs.done)


async def test_notes_and_tags_of_one_run(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("j", "j", "j", "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteScreen))
        dialog = pilot.app.screen
        assert dialog.query_one("#notes", TextArea).text == "the good one\nand more"
        dialog.query_one("#tags", Input).value = "paper, #best"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(runs.written))
        assert runs.written == [(many[3], None, ["best"], ["fly"])]


async def test_tags_of_several_runs_are_put_on_and_taken_away(
    project: Project, runs: FakeRuns, many: list[Path]
) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("space", "space", "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteScreen))
        await pilot.press(*"good -bad")
        await pilot.press("enter")
        await until(pilot, lambda: len(runs.written) == 2)
        assert runs.written == [(path, None, ["good"], ["bad"]) for path in many[:2]]


async def test_deleting_asks_and_leaves_what_goes_on(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("a", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "Move 4 runs to the trash?" in screen_text(pilot)
        await pilot.press("escape", "d")
        assert runs.done == []
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(runs.done) == 4)
        assert ("delete", many[1]) not in runs.done and ("delete", many[3]) in runs.done


async def test_a_run_comes_back_from_the_trash(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    runs.trash = [project.runs_folder / ".trash" / "20260101-train-z"]
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("T")
        await until(pilot, lambda: "20260101-train-z" in screen_text(pilot))
        await pilot.press("down", "home", "enter")
        await until(pilot, lambda: runs.done == [("restore", runs.trash[0])])


async def test_what_fails_is_told_and_the_others_are_done(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    runs.broken = {many[4]: OperationFailed("the disk is full", hint="make room")}
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("end", "space", "k", "space", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "the disk is full" in screen_text(pilot))
        assert runs.done == [("resume later", many[5])]


async def test_the_queue_is_shown_and_reordered(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    held = (SlotHeld("GPU 0", "20260101-train-x", "ada"), SlotHeld("CPU 0"))
    runs.queue = QueueLook("lab", (WaitingRun(many[0], 2, "GPU 0 is held", "me"),), held)
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "queue of lab" in screen_text(pilot))
        text = screen_text(pilot)
        assert "GPU 0: 20260101-train-x of ada" in text and "CPU 0: free" in text and f"2. {many[0].name}" in text
        await pilot.press("J", "K", "plus")
        await until(pilot, lambda: len(runs.moved) == 3)
        assert sorted(runs.moved) == sorted([(many[0], 1), (many[0], -1), (many[0], 1)])
        await pilot.press("j", "J")
        await until(pilot, lambda: "Only a run that waits" in screen_text(pilot))
        await pilot.press("Q")
        assert "queue of lab" not in screen_text(pilot)


async def test_rows_change_in_place_and_only_what_changed_is_drawn(
    project: Project, runs: FakeRuns, many: list[Path]
) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot)
        table = screen.query_one(LiveTable)
        await pilot.press("j", "j")
        drawn: list[Any] = []
        refresh = table.refresh
        table.refresh = lambda *regions, **more: drawn.extend(regions or ["all"]) or refresh(*regions, **more)  # type: ignore[assignment, func-returns-value, method-assign]
        painted: list[Any] = []
        repaint = screen.refresh
        screen.refresh = lambda *regions, **more: painted.append(regions) or repaint(*regions, **more)  # type: ignore[assignment, func-returns-value, method-assign]
        runs.pictures[many[1]] = training_picture(many[1], created=runs.time - 3700, rate=77.0)
        await until(pilot, lambda: "77/s" in screen_text(pilot))
        assert drawn and all(region != "all" and region.height == 1 and region.width <= 8 for region in drawn)
        drawn.clear()
        await pilot.pause(2.0)
        assert drawn == []
        # What lives below does not repaint what covers it.
        assert painted == []
        assert table.chosen == str(many[2])


async def test_the_cursor_and_marks_stay_when_runs_come_and_go(
    project: Project, runs: FakeRuns, many: list[Path]
) -> None:
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot)
        table = screen.query_one(LiveTable)
        await pilot.press("j", "space")
        new = project.runs_folder / "20260110-101500-train-n"
        runs.pictures = {new: training_picture(new, created=runs.time), **runs.pictures}
        del runs.pictures[many[3]]
        await until(pilot, lambda: names(pilot) == "nabcef")
        assert table.chosen == str(many[2]) and table.cursor_row == 3
        assert "1 marked" in screen_text(pilot)


async def test_foreign_text_is_harmless(project: Project, runs: FakeRuns) -> None:
    path = project.runs_folder / EVIL.replace("/", ":")
    evil = training_picture(path, operation=EVIL, tags=(EVIL,), notes=EVIL, plan={"device": EVIL})
    runs.pictures = {path: evil}
    runs.queue = QueueLook(EVIL, (WaitingRun(path, 1, EVIL, EVIL),), (SlotHeld(EVIL, EVIL, EVIL),))
    async with app_on(project, runs).run_test(size=(200, 40)) as pilot:
        await opened(pilot, 1)
        await until(pilot, lambda: "1 run" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteScreen))
        text = screen_text(pilot)
    assert "\x1b" not in text and "\u202e" not in text and "\\u202e" in text


async def test_thousands_of_runs_are_only_made_where_they_are_seen(project: Project, runs: FakeRuns) -> None:
    for index in range(3000):
        path = project.runs_folder / f"train-{index:04d}"
        runs.pictures[path] = RunPicture(path, "train", "finished", created=float(-index))
    async with app_on(project, runs).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, 3000)
        await pilot.press("end")
        await until(pilot, lambda: "train-2999" in screen_text(pilot))
        await pilot.press("pageup", "pageup")
        assert 2950 < screen.query_one(LiveTable).cursor_row < 2970
        await pilot.press("home")
        await until(pilot, lambda: "train-0000" in screen_text(pilot))


async def test_all_runs_are_a_key_away_from_every_screen(project: Project, runs: FakeRuns, many: list[Path]) -> None:
    app = LeaptuiApp(services=runs.services())
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.press("f6")
        await until(pilot, lambda: "open a project first" in screen_text(pilot))
    async with app_on(project, runs).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "RunScreen")
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


@pytest.fixture
def pictured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a place that is the same on every machine."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path / "fly")


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["small", "large"])
@pytest.mark.parametrize("comparing", [False, True], ids=["runs", "compare"])
def test_looks(snap_compare: Any, runs: FakeRuns, pictured: Project, size: tuple[int, int], comparing: bool) -> None:
    states = ("queued", "running", "running", "finished", "failed", "stopped", "stale")
    for index, state in enumerate(states):
        path = pictured.runs_folder / f"2026010{9 - index}-101500-train-{'abcdefg'[index] * 4}"
        more: dict[str, Any] = {"created": runs.time - 5000 * index - 100, "epochs": 4 + 2 * index}
        if state == "queued":
            more = {**more, "epochs": 0, "best": None, "waiting": Waiting(1, "GPU 0 is held by ada"), "eta": None}
        if state == "finished":
            more = {**more, "tags": ("fly", "paper"), "notes": "the good one"}
        more["request"] = {"profile": "fast", "seed": index, "learning_rate": 0.001 * index}
        runs.pictures[path] = training_picture(path, state=state, **more)
    waiting = (WaitingRun(next(iter(runs.pictures)), 1, "GPU 0 is held by ada"),)
    runs.queue = QueueLook("lab", waiting, (SlotHeld("GPU 0", "20260101-101500-train-xxxx", "ada"),))

    async def show(pilot: Pilot[Any]) -> None:
        pilot.app.animation_level = "none"
        await opened(pilot, len(states))
        await until(pilot, lambda: "queue of lab" in screen_text(pilot))
        await pilot.press("j", "space", "space", "space")
        if comparing:
            await pilot.press("c")
            await until(pilot, lambda: "best error" in screen_text(pilot))
        await pilot.pause(0.3)

    app = LeaptuiApp(pictured.folder, services=runs.services())
    assert snap_compare(app, terminal_size=size, run_before=show)
