"""The labelling screen: what the keys do, what is shown, what is on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from label_helpers import FRAMES, SIZE, VIDEO, FakeReader, app_on, label_screen, press, reopened, worm_project
from tui_helpers import EVIL, flat, screen_text, until

from leaptui.errors import OperationFailed
from leaptui.labelling.hints import COLUMN_LETTERS, ROW_LETTERS
from leaptui.labelling.index import FrameStatus
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
from leaptui.tui.screens.label import LabelScreen
from leaptui.tui.session import LabelStart


def predictions() -> FakeReader:
    """Predictions of the first 100 frames; the tail is the one the model is least sure of."""
    points = np.zeros((100, 4, 2), np.float32)
    points[:] = [[10, 10], [20, 12], [20, 30], [40, 40]]
    points[..., 0] += np.arange(100)[:, None] / 50
    scores = np.tile(np.array([0.9, 0.8, 0.7, 0.2], np.float32), (100, 1))
    return FakeReader(points=points, scores=scores, predicted=np.arange(100))


def predicted_app(project, **more):  # type: ignore[no-untyped-def]
    (project.exports_folder).mkdir(exist_ok=True)
    (project.exports_folder / "worm.h5").write_bytes(b"read by the fake")
    return app_on(project, predictions(), **more)


async def test_a_frame_is_labelled_from_empty_to_complete_by_letters(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p")
    app = app_on(project)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "f")
        assert "HINTS" in flat(screen_text(pilot))
        for letter in ROW_LETTERS[:4]:
            await press(pilot, f"{letter} {COLUMN_LETTERS[3]} s")
        await press(pilot, "space")
        assert screen.labeller.animal.placed.all()
        points = screen.labeller.animal.points.copy()
        # Rows of letters lie below each other in the picture.
        order = np.argsort([ROW_LETTERS.index(letter) for letter in ROW_LETTERS[:4]])
        assert (np.diff(points[order, 1]) > 0).all() and np.ptp(points[:, 0]) < 0.01
        await until(pilot, lambda: screen.labeller.saved.unsaved == 0)
    again = reopened(project)
    assert np.allclose(again.store.frame(FrameKey(VIDEO, 0)).instances[0].points, points)
    assert again.store.frame(FrameKey(VIDEO, 0)).checksum is not None


async def test_arrows_move_by_the_steps_that_are_promised(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        start = np.array(screen.labeller.point)

        def moved() -> list[float]:
            return [round(float(v), 2) for v in np.array(screen.labeller.point) - start]

        await press(pilot, "l")
        assert moved() == [1, 0]
        await press(pilot, "shift+down")
        assert moved() == [1, 5]
        await press(pilot, "ctrl+left")
        assert moved() == [0.75, 5]
        await press(pilot, "y up")
        assert moved() == [0.75, 4.75] and "FINE" in flat(screen_text(pilot))
        await press(pilot, "escape k")
        assert moved() == [0.75, 3.75]
        before = screen.labeller.animal.points.copy()
        await press(pilot, "e right")
        assert np.allclose(screen.labeller.animal.points - before, [1, 0])
        await press(pilot, "u u u u u u")
        assert moved() == [0, 0]


async def test_key_repeats_are_one_step_of_undo_and_redo_brings_them_back(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        start = screen.labeller.point
        await pilot.press(*["right"] * 5)
        await press(pilot, "u")
        assert screen.labeller.point == start and "undone" in flat(screen_text(pilot))
        await press(pilot, "ctrl+r")
        assert screen.labeller.point is not None and start is not None
        assert screen.labeller.point[0] == pytest.approx(start[0] + 5)


async def test_nodes_are_chosen_by_tab_number_name_and_click(tmp_path: Path) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "tab")
        assert screen.labeller.node_name == "left"
        await press(pilot, "shift+tab shift+tab")
        assert screen.labeller.node_name == "tail"
        await press(pilot, "3")
        assert screen.labeller.node_name == "right"
        await press(pilot, "slash t a enter")
        assert screen.labeller.node_name == "tail"
        await press(pilot, "slash z z enter")
        assert screen.labeller.node_name == "tail" and "no node is called" in flat(screen_text(pilot))
        await pilot.click("#nodes", offset=(8, 0))
        assert screen.labeller.node_name == "head"


async def test_predictions_are_corrected_and_the_rest_accepted(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p")
    app = predicted_app(project)
    async with app.run_test(size=(110, 36)) as pilot:
        screen = await label_screen(pilot)
        await until(pilot, lambda: bool(screen.labeller.animal.predicted.all()))
        await press(pilot, "d")
        assert screen.labeller.node_name == "tail"
        await press(pilot, "left A")
        assert screen.labeller.animal.placed.all()
        assert screen.labeller.status(screen.labeller.key) is FrameStatus.LABELLED
        await press(pilot, "r")
        assert screen.labeller.state.value == "predicted" and screen.labeller.point == pytest.approx((40, 40))
        await press(pilot, "space")
        assert screen.labeller.frame == 1
        await press(pilot, "enter")
        assert screen.labeller.animal.placed.sum() == 1


async def test_frames_are_reached_in_every_way(tmp_path: Path) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0, 40, 90]), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)

        def frame() -> int:
            return screen.labeller.frame

        for keys, expected in (
            ("full_stop", 1),
            ("greater_than_sign", 11),
            ("pagedown", 111),
            ("comma", 110),
            ("left_square_bracket", 90),
            ("left_square_bracket", 40),
            ("right_square_bracket", 90),
            ("space", 91),
            ("g 3 0 0 enter", 300),
            ("g minus 5 0 enter", 250),
            ("g 5 0 % enter", 249),
            ("ctrl+o", 250),
            ("ctrl+o", 300),
            ("ctrl+n", 250),
        ):
            await press(pilot, keys)
            assert frame() == expected, keys
        await press(pilot, "g 9 9 9 9 enter")
        assert frame() == 250 and "there is no frame" in flat(screen_text(pilot))
        await press(pilot, "n")
        assert frame() != 250
        await pilot.click("#timeline", offset=(50, 0))
        assert abs(frame() - FRAMES / 2) < FRAMES / 50
        await press(pilot, "v")
        begin = frame()
        await until(pilot, lambda: frame() > begin + 2)
        await press(pilot, "j")
        stopped = frame()
        await pilot.pause(0.2)
        assert frame() == stopped and not screen.is_playing


async def test_a_click_takes_hold_of_a_point_and_a_drag_moves_it(tmp_path: Path) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await label_screen(pilot)
        view = screen.canvas.view
        assert view is not None
        x, y = view.to_cell(screen.labeller.animal.points[2])
        await pilot.click("#canvas", offset=(int(x), int(y)))
        assert screen.labeller.node == 2
        await pilot.mouse_down("#canvas", offset=(int(x), int(y)))
        await pilot.hover("#canvas", offset=(int(x) + 6, int(y) + 2))
        await pilot.mouse_up("#canvas", offset=(int(x) + 6, int(y) + 2))
        await pilot.pause()
        landed = view.to_cell(screen.labeller.animal.points[2])
        assert np.abs(landed - [int(x) + 6.5, int(y) + 2.5]).max() < 1
        await press(pilot, "u")
        assert np.allclose(view.to_cell(screen.labeller.animal.points[2]), [x, y])


async def test_views_zoom_hide_and_come_back(tmp_path: Path) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "z")
        view = screen.canvas.view
        assert view is not None and not view.is_fit and view.sees(screen.labeller.point)  # type: ignore[arg-type]
        await press(pilot, "w")
        assert screen.canvas.view is not None and screen.canvas.view.is_fit
        scene = screen.canvas.scene
        assert scene is not None and scene.marks and scene.lines
        await press(pilot, "E")
        assert screen.canvas.scene is not None and not screen.canvas.scene.lines
        await press(pilot, "X")
        assert not screen.canvas.scene.marks
        await press(pilot, "X E grave_accent")
        assert not screen.canvas.scene.marks
        await until(pilot, lambda: screen.canvas.scene is not None and bool(screen.canvas.scene.marks))
        await press(pilot, "b ctrl+t I")
        tone = screen.canvas.scene.tone
        assert tone.gamma < 1 and tone.invert and tone.high < 255


async def test_a_full_disk_is_said_at_once_and_the_edit_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    full = True
    original = LabelStore.flush

    def flush(self: LabelStore) -> None:
        if full and self.unsaved:
            raise OperationFailed("the disk is full", where=self.folder, hint="Free space.")
        original(self)

    monkeypatch.setattr(LabelStore, "flush", flush)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await label_screen(pilot)
        assert screen.labeller.point is not None
        x = screen.labeller.point[0]
        await press(pilot, "right")
        await until(pilot, lambda: "NOT SAVED" in flat(screen_text(pilot)))
        await press(pilot, "escape")
        await until(pilot, lambda: "Leave without saving?" in flat(screen_text(pilot)))
        await press(pilot, "escape")
        assert app.screen is screen
        await press(pilot, "ctrl+q")
        await until(pilot, lambda: "Leave without saving?" in flat(screen_text(pilot)))
        await press(pilot, "escape")
        assert app.is_running and app.screen is screen
        full = False
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: screen.labeller.saved.unsaved == 0)
        assert "NOT SAVED" not in flat(screen_text(pilot))
    assert reopened(project).store.frame(FrameKey(VIDEO, 0)).instances[0].points[0, 0] == pytest.approx(x + 1)


async def test_another_session_is_seen_and_nothing_of_either_is_lost(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        other = reopened(project)
        other.select_node(1)
        other.place((5.0, 6.0), advance=False)
        other.flush()
        await press(pilot, "right")
        await until(pilot, lambda: "another session changed" in flat(screen_text(pilot)))
        assert tuple(screen.labeller.animal.points[1]) == (5.0, 6.0)
        mine = screen.labeller.point
    final = reopened(project).store.frame(FrameKey(VIDEO, 0)).instances[0].points
    assert tuple(final[1]) == (5.0, 6.0) and tuple(final[0]) == mine


async def test_a_damaged_frame_is_said_and_the_next_one_shown(tmp_path: Path) -> None:
    reader = FakeReader(broken=(1,))
    app = app_on(worm_project(tmp_path / "p"), reader)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "full_stop")
        await until(pilot, lambda: "this frame is damaged" in flat(screen_text(pilot)))
        await press(pilot, "full_stop")
        await until(pilot, lambda: screen.picture is not None and screen.picture.key.frame == 2)
        assert screen.canvas.scene is not None
    assert reader.closed


async def test_keys_that_come_before_the_frame_act_on_the_frame_they_were_meant_for(tmp_path: Path) -> None:
    reader = FakeReader()
    project = worm_project(tmp_path / "p", labelled=[0, 1])
    app = app_on(project, reader, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await label_screen(pilot)
        before = reopened(project)
        reader.held = True
        await press(pilot, "full_stop right right")
        assert "loading" in flat(screen_text(pilot))
        assert screen.canvas.scene is not None and screen.canvas.scene.key == (VIDEO, 0)
        reader.let_go()
        await until(pilot, lambda: screen.canvas.scene is not None and screen.canvas.scene.key == (VIDEO, 1))
        await press(pilot, "escape")
    was = before.store.frame(FrameKey(VIDEO, 1)).instances[0].points
    now = reopened(project).store.frame(FrameKey(VIDEO, 1)).instances[0].points
    assert np.allclose(now[0] - was[0], [2, 0]) and np.allclose(now[1:], was[1:])


async def test_names_full_of_escapes_reach_the_terminal_harmless(tmp_path: Path) -> None:
    skeleton = make_skeleton(EVIL, [EVIL, "漢字é̂́", "\x1b]0;title\x07"], [(EVIL, "漢字é̂́")])
    project = worm_project(tmp_path / "p\x1b]0;title\x07[b]漢", labelled=[0], skeleton=skeleton)
    name = "w\x1b[2Jvideo\x07é̂.mp4"
    (project.folder / name).write_bytes(b"x")
    project.videos = [replace(project.videos[0], path=name)]
    project.save()
    app = app_on(project, FakeReader(skeleton=skeleton), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await label_screen(pilot)
        await press(pilot, "quotation_mark tab slash")
        await press(pilot, "escape t x enter")
        text = screen_text(pilot)
        assert "\x1b" not in text and "\x07" not in text and "evil" in text and "video" in text
        cells = screen.canvas.render_lines(screen.canvas.size.region)
        assert all("\x1b" not in segment.text and "\x07" not in segment.text for strip in cells for segment in strip)


async def test_leaving_closes_the_reader_and_returns_to_the_project(tmp_path: Path) -> None:
    reader = FakeReader()
    app = app_on(worm_project(tmp_path / "p"), reader)
    async with app.run_test(size=(100, 30)) as pilot:
        await label_screen(pilot)
        await press(pilot, "escape")
        await until(pilot, lambda: not isinstance(app.screen, LabelScreen))
        assert type(app.screen).__name__ == "ProjectScreen"
        await until(pilot, lambda: reader.closed)
        await press(pilot, "l")
        await label_screen(pilot)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 60)])
async def test_it_fits_into_small_and_large_terminals(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_on(worm_project(tmp_path / "p", labelled=[0]), start=LabelStart(VIDEO, 0))
    async with app.run_test(size=size) as pilot:
        screen = await label_screen(pilot)
        text = flat(screen_text(pilot))
        assert "saved" in text and "head" in text and "frame 0" in text
        view = screen.canvas.view
        assert view is not None and view.frame == SIZE and view.is_fit
