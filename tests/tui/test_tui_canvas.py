"""The frame canvas: when it writes, what rides along with the compositor, and what the mouse says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from canvas_helpers import (
    CELL,
    CanvasApp,
    CanvasScreen,
    Dialog,
    RecordingDriver,
    TextTerminal,
    moved,
    scene,
    take,
    tokens,
)
from textual import events, messages
from textual.geometry import Size
from textual.pilot import Pilot
from tui_helpers import until

from leaptui.graphics import painters
from leaptui.graphics.geometry import Rect, View
from leaptui.graphics.painter import Detail, Span
from leaptui.graphics.scene import Line, Mark, Scene
from leaptui.graphics.terminal import Colours, Graphics
from leaptui.tui.widgets import frame_canvas
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.tui.widgets.frame_canvas_parts import Place, beside, blanks, free_part, seen_in, spans_in

SIZE = (80, 30)
PING = "\x1b[6n"
PIXELS = [Graphics.KITTY, Graphics.SIXEL]


@asynccontextmanager
async def shown(app: CanvasApp, size: tuple[int, int] = SIZE) -> AsyncIterator[Pilot[None]]:
    """The app with a scene in every canvas, at rest, with nothing noted yet."""
    async with app.run_test(headless=False, size=size, notifications=True) as pilot:
        await pilot.pause()
        for canvas in app.screen.query(FrameCanvas):
            canvas.show(scene())
        await until(pilot, lambda: all(painter.calls for painter in app.painters))
        app.screen.refresh()
        await rest(pilot)
        forget(app)
        yield pilot


async def rest(pilot: Pilot[None]) -> None:
    for _ in range(3):
        await pilot.pause()


def forget(app: CanvasApp) -> None:
    take()
    for painter in app.painters:
        painter.calls.clear()


def acknowledge(app: CanvasApp) -> None:
    app.post_message(events.CursorPosition(0, 0))


@pytest.mark.parametrize("graphics", list(Graphics))
async def test_a_nudge_is_one_write_and_no_refresh(graphics: Graphics) -> None:
    app = CanvasApp(graphics)
    async with shown(app) as pilot:
        app.canvas.update_scene(moved(scene(), 11))
        assert len(RecordingDriver.written) == 1
        await rest(pilot)
        (write,) = take()
        assert tokens([write]) == ["draw:0@11 FINE"]
        assert write.endswith(PING) and write.count(PING) == 1


async def test_a_write_is_synchronized_where_the_terminal_can_do_that() -> None:
    app = CanvasApp(sync=True)
    async with shown(app) as pilot:
        app.canvas.update_scene(moved(scene(), 11))
        (write,) = take()
        assert write.startswith("\x1b[?2026h") and write.endswith("\x1b[?2026l" + PING)
        assert write.count("\x1b[?2026h") == 1
        app.redraw()
        await rest(pilot)
        (write,) = [write for write in take() if "<draw:" in write]
        assert write.startswith("\x1b[?2026h"), "together with its text"
        app.post_message(messages.TerminalSupportsSynchronizedOutput())
        await rest(pilot)
        app.redraw()
        await rest(pilot)
        writes = take()
        assert "".join(writes).count("\x1b[?2026h") == "".join(writes).count("\x1b[?2026l") == len(writes) / 3


@pytest.mark.parametrize("graphics", PIXELS)
async def test_a_dialog_takes_the_picture_away_and_its_end_brings_it_back(graphics: Graphics) -> None:
    app = CanvasApp(graphics)
    async with shown(app) as pilot:
        app.push_screen(Dialog())
        await rest(pilot)
        writes = take()
        assert tokens(writes) == ["hide:"]
        assert any("really?" in write and "<hide:" in write for write in writes), "in the write of the dialog"
        app.canvas.update_scene(moved(scene(), 12))
        app.canvas.update_scene(moved(scene(), 13))
        await rest(pilot)
        assert tokens(take()) == []
        app.pop_screen()
        await rest(pilot)
        writes = take()
        assert tokens(writes) == ["draw:0@13 FINE"]
        assert any("status" in write and "<draw:" in write for write in writes), "in the write of the screen"


async def test_characters_lie_under_a_dialog_as_text() -> None:
    app = CanvasApp(Graphics.HALF)
    async with shown(app) as pilot:
        app.push_screen(Dialog())
        await rest(pilot)
        app.canvas.update_scene(moved(scene(), 44))
        await rest(pilot)
        assert tokens(take()) == [] and "draw" not in app.painter.names()
        app.pop_screen()
        await rest(pilot)
        assert any("0@44" in write for write in take())


@pytest.mark.parametrize("graphics", PIXELS)
async def test_a_toast_leaves_the_rest_of_the_picture(graphics: Graphics) -> None:
    app = CanvasApp(graphics)
    async with shown(app) as pilot:
        whole = app.painter.drawn[-1][1]
        app.notify("careful", timeout=60)
        await until(pilot, lambda: app.painter.drawn[-1][1] != whole)
        part = app.painter.drawn[-1][1]
        cover = app.screen.query_one("Toast").region
        origin = app.canvas.region.offset
        free = Rect(0, 0, *whole.area)
        assert part.area[1] < whole.area[1] and part.scale == whole.scale
        assert origin.y + part.area[1] <= cover.y or part.area[0] <= cover.x
        point = (40.0, 20.0)
        offset = whole.to_cell(point) - part.to_cell(point)
        assert abs(offset - (whole.target.x, 0)).max() < 1.2 * whole.scale / CELL[0], "the point keeps its place"
        assert free.width >= part.area[0]
        forget(app)
        app.canvas.update_scene(moved(scene(), 12))
        assert tokens(take()) == ["draw:0@12 FINE"], "and goes on by itself"
        app.clear_notifications()
        await until(pilot, lambda: app.painter.drawn[-1][1] == whole)


async def test_a_toast_over_characters_is_not_written_over() -> None:
    app = CanvasApp(Graphics.HALF)
    async with shown(app) as pilot:
        app.notify("careful", timeout=60)
        await until(pilot, lambda: bool(app.screen.query("Toast")))
        await rest(pilot)
        forget(app)
        app.canvas.update_scene(moved(scene(), 45))
        await rest(pilot)
        writes = take()
        assert tokens(writes) == [] and any("0@45" in write for write in writes)


async def test_text_over_some_cells_is_told_to_the_painter_exactly() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        region = app.canvas.region
        app.screen._compositor._dirty_regions.add(region.crop_size((5, 2)).translate((3, 4)))
        app.screen._compositor_refresh()
        calls = list(app.painter.calls)
        assert calls[0] == ("lost", [Span(4, 0, 8), Span(5, 0, 8)]), "a piece is written from its left edge on"
        assert calls[1] == ("draw", Detail.FINE)
        (write,) = [write for write in take() if "<draw:" in write]
        assert write.index(" " * 8) < write.index("<draw:") and write.rstrip().endswith(PING + "\x1b[1;1H")
        await rest(pilot)


async def test_text_elsewhere_leaves_the_picture_alone() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        app.screen.query_one("#status").update("other")
        await rest(pilot)
        assert tokens(take()) == [] and app.painter.names() == []


async def test_a_refresh_nobody_needs_erases_nothing() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        app.canvas.refresh()
        app.canvas.focus()
        await rest(pilot)
        assert app.painter.names() == []


async def test_a_whole_repaint_draws_again() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        app.redraw()
        await rest(pilot)
        assert app.painter.names() == ["lost", "draw"]


async def test_writing_the_same_screen_again_erases_nothing() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        app.screen.refresh()
        await rest(pilot)
        assert app.painter.names() == [] and "status" not in "".join(take())
        app.theme = "textual-light"
        await rest(pilot)
        assert "hide" not in app.painter.names() and "status" in "".join(take())


async def test_another_size_gives_another_view() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        before = app.painter.drawn[-1][1]
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: app.painter.drawn[-1][1].area[0] == 60)
        view = app.painter.drawn[-1][1]
        assert view == app.canvas.view and view.area == (60, 18) and view.scale < before.scale and view.is_fit
        assert ("lost", None) in app.painter.calls, "nobody knows what the terminal did with the picture"


async def test_other_cells_give_another_painter_and_view() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        from dataclasses import replace

        app.terminal = replace(app.terminal, cell=(8.0, 16.0))
        await until(pilot, lambda: len(app.painters) == 2 and bool(app.painter.drawn))
        assert app.painters[0].names()[-1] == "close"
        assert app.painter.drawn[-1][1].cell == (8.0, 16.0)


async def test_a_resize_of_the_same_size_paints_again() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.post_message(events.Resize(Size(*SIZE), Size(*SIZE)))
        await until(pilot, lambda: "draw" in [name for name, _ in app.painter.calls])
        assert app.painter.calls[0] == ("lost", None)


async def test_zoom_and_place_stay_on_a_frame_step() -> None:
    app = CanvasApp()
    async with shown(app):
        app.canvas.zoom(3.0, (40, 40))
        view = app.canvas.view
        app.canvas.show(scene(key=1))
        assert app.canvas.view == view == app.painter.drawn[-1][1]
        app.canvas.show(scene(key=2, size=(60, 60)))
        assert app.canvas.view is not None and app.canvas.view.is_fit, "another size is another view"
        app.canvas.show(scene(key=3))
        assert app.canvas.view == view


async def test_a_picture_that_shrinks_leaves_the_ground_of_the_theme() -> None:
    app = CanvasApp(Graphics.SIXEL)
    async with shown(app) as pilot:
        app.canvas.zoom(2.0)
        await until(pilot, lambda: bool(app.painter.calls))
        assert app.painter.drawn[-1][1] == app.canvas.view
        await rest(pilot)
        forget(app)
        app.canvas.fit()
        await until(pilot, lambda: bool(app.painter.calls))
        assert app.painter.calls[0][0] == "lost" and app.painter.calls[1] == ("draw", Detail.FINE)
        (write,) = [write for write in take() if "<draw:" in write]
        style, target, width = app.canvas.rich_style, app.canvas.view.target, app.canvas.size.width
        left = style.render(" " * target.x, color_system=app.console._color_system)
        right = style.render(" " * (width - target.right), color_system=app.console._color_system)
        before = write[: write.index("<draw:")]
        assert before.count(left) >= target.height and before.count(right) >= target.height
        assert " " * target.width not in before, "what the new picture covers never goes blank"


async def test_following_looks_only_where_it_must() -> None:
    app = CanvasApp()
    async with shown(app):
        app.canvas.follow((2, 2))
        assert app.canvas.view is not None and app.canvas.view.is_fit
        app.canvas.zoom(4.0, (48, 48))
        view = app.canvas.view
        app.canvas.follow((48, 48))
        assert app.canvas.view == view
        app.canvas.follow((5, 5))
        assert app.canvas.view is not None and app.canvas.view != view and app.canvas.view.sees((5, 5))
        app.canvas.fit()
        assert app.canvas.view.is_fit


async def test_sixels_stay_off_the_last_rows() -> None:
    app = CanvasApp(Graphics.SIXEL)
    app.CSS = "#status, Footer { display: none; }"
    async with shown(app):
        assert app.canvas.region.bottom == SIZE[1]
        assert app.canvas.view is not None and app.canvas.view.area[1] == SIZE[1] - 2


async def test_two_canvases_lose_only_their_own_cells() -> None:
    app = CanvasApp(Graphics.SIXEL, count=2)
    async with shown(app) as pilot:
        one, other = app.screen.query(FrameCanvas)
        assert other.region.x == one.region.right
        app.screen._compositor._dirty_regions.add(other.region.crop_size((4, 1)))
        app.screen._compositor_refresh()
        first, second = (list(painter.calls) for painter in app.painters)
        assert not first and second[0] == ("lost", [Span(0, 0, 4)])
        forget(app)
        other.update_scene(moved(scene(), 20))
        (write,) = take()
        assert f"\x1b[{other.region.y + 1};{other.region.x + 1}H<draw:0@20" in write
        await rest(pilot)


async def test_a_canvas_that_is_not_displayed_shows_nothing() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.canvas.display = False
        await rest(pilot)
        assert tokens(take()) == ["hide:"]
        app.canvas.display = True
        await until(pilot, lambda: app.painter.calls[-1][0] == "draw")


async def test_a_removed_canvas_frees_what_the_terminal_keeps() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        await app.canvas.remove()
        await rest(pilot)
        assert tokens(take()) == ["hide:", "close:"]


async def test_no_scene_shows_words_made_harmless() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.canvas.show(None)
        app.canvas.say("cannot read \x1b[31mfly")
        await rest(pilot)
        writes = take()
        assert tokens(writes) == ["hide:"]
        text = "".join(writes)
        assert "cannot read" in text and "\x1b[31m" not in text
        app.canvas.show(scene(30))
        await until(pilot, lambda: "draw:0@30 FINE" in tokens(RecordingDriver.written))
        assert app.canvas.scene is not None


async def test_stopping_the_process_takes_the_picture_away_and_going_on_brings_it_back() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.app_suspend_signal.publish(app)
        assert tokens(take()) == ["hide:"]
        app.canvas.update_scene(moved(scene(), 12))
        assert take() == [], "others have the terminal now"
        app.app_resume_signal.publish(app)
        await until(pilot, lambda: bool(tokens(RecordingDriver.written)))
        assert tokens(take()) == ["draw:0@12 FINE"] and ("lost", None) in app.painter.calls


@pytest.mark.parametrize("graphics", PIXELS)
async def test_scrolled_out_of_sight_in_part(graphics: Graphics) -> None:
    app = CanvasApp(graphics)
    app.CSS = (
        "#canvases { height: 1fr; overflow-y: scroll; } #canvas0 { height: 40; width: 60; } #status { height: 1; }"
    )
    async with shown(app) as pilot:
        whole, part = app.canvas.view, app.painter.drawn[-1][1]
        box = app.screen.query_one("#canvases").region
        assert whole is not None and whole.area == (60, 40)
        assert part.scale == whole.scale and part.area[1] == box.height - whole.target.y
        app.screen.query_one("#canvases").scroll_to(y=9, animate=False)
        await until(pilot, lambda: "draw" in [name for name, _ in app.painter.calls])
        await rest(pilot)
        names = app.painter.names()
        assert "hide" in names and names.index("hide") < names.index("draw")
        (row,) = {write.split("<draw:")[0].split("\x1b[")[-1] for write in take() if "<draw:" in write}
        assert row.startswith(f"{box.y + 1};"), "at the top of what is seen"
        lower = app.painter.drawn[-1][1]
        assert lower.centre[1] > part.centre[1] and lower.scale == whole.scale


async def test_screens_with_canvases_take_turns() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.push_screen(CanvasScreen(app.make))
        await until(pilot, lambda: len(app.painters) == 2 and bool(app.painter.calls))
        await rest(pilot)
        assert tokens(take())[0] == "hide:" and app.painters[0].names() == ["hide"]
        app.pop_screen()
        await until(pilot, lambda: ("close", None) in app.painters[1].calls)
        await rest(pilot)
        found = tokens(take())
        assert found.count("hide:") == found.count("close:") == found.count("draw:0@10 FINE") == 1


async def test_leaving_frees_what_the_terminal_keeps() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.exit()
        await pilot.pause()
    assert tokens(take()) == ["hide:", "close:"]


async def test_a_busy_link_gets_the_newest_scene_only() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.stage.pacer = type(app.stage.pacer)()
        app.painter.size = 70_000
        app.canvas.update_scene(moved(scene(), 11))
        assert len(take()) == 1, "the first goes before any answer"
        for x in (12, 13, 14):
            app.canvas.update_scene(moved(scene(), x))
        await rest(pilot)
        assert take() == []
        app.painter.size = 0
        acknowledge(app)
        await until(pilot, lambda: bool(RecordingDriver.written))
        assert [token.split(" ")[0] for token in tokens(take())] == ["draw:0@14"]


async def test_a_slow_link_gets_the_marker_first_and_the_rest_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_canvas, "IDLE", 0.02)
    now = [1000.0]
    app = CanvasApp()
    async with shown(app) as pilot:
        app.stage.pacer = type(app.stage.pacer)(lambda: now[0], round_trip=0.1)
        app.stage.pacer.sent(4000)
        now[0] += 1.1
        app.stage.pacer.acknowledged()
        assert app.stage.pacer.rate == pytest.approx(4000)
        app.canvas.update_scene(moved(scene(), 11))
        assert app.painter.drawn[-1][2] is Detail.MARKER
        assert app.painter.is_behind
        now[0] += 0.2
        acknowledge(app)
        await until(pilot, lambda: not app.painter.is_behind)
        assert app.painter.drawn[-1][0].marks[0].x == 11 and app.painter.drawn[-1][2] is Detail.FINE


async def test_next_frames_are_sent_ahead_when_nothing_else_is_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_canvas, "IDLE", 0.02)
    monkeypatch.setattr(frame_canvas, "NEXT", 0.01)
    app = CanvasApp()
    async with shown(app) as pilot:
        app.canvas.foresee([scene(key=1), scene(key=2)])
        assert take() == []
        await until(pilot, lambda: len(tokens(RecordingDriver.written)) == 2)
        assert tokens(take()) == ["ahead:1", "ahead:2"]


async def test_without_a_terminal_nothing_waits() -> None:
    app = CanvasApp(Graphics.HALF)
    async with app.run_test(size=SIZE) as pilot:
        for x in range(100):
            app.canvas.show(scene(x))
        await until(pilot, lambda: app.is_link_free)
        await until(
            pilot, lambda: any("0@99" in strip.text for strip in app.canvas.render_lines(app.canvas.size.region))
        )


@pytest.mark.parametrize(
    ("graphics", "colours"),
    [*((g, Colours.TRUE) for g in Graphics if not g.has_pixels), *((Graphics.HALF, c) for c in Colours)],
)
async def test_the_compositor_knows_what_was_written_around_it(
    graphics: Graphics, colours: Colours, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = {Colours.ANSI256: "256", Colours.ANSI16: "standard"}.get(colours, "truecolor")
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", system)
    app = CanvasApp(graphics, colours=colours)
    app.make = painters.make  # type: ignore[method-assign, assignment]
    terminal = TextTerminal()
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (64, 80, 1), np.uint8)

    def some_scene() -> Scene:
        x, y = rng.uniform(5, 60, 2)
        return Scene(image, 0, marks=(Mark(x, y, selected=True), Mark(30, 30, 2)), lines=(Line(x, y, 30, 30, 1, True),))

    async with app.run_test(headless=False, size=SIZE, notifications=True) as pilot:
        await pilot.pause()
        for step in range(12):
            app.canvas.update_scene(some_scene())
            acknowledge(app)
            if step == 3:
                app.canvas.zoom(1.7, (30, 30))
            if step in (5, 9):
                app.notify("over it", timeout=60) if step == 5 else app.clear_notifications()
            if step == 7:
                app.canvas.fit()
            if step % 2:
                app.screen.query_one("#status").update(f"step {step}")
                await rest(pilot)
        await rest(pilot)
        direct = [write for write in RecordingDriver.written if write.endswith(PING)]
        assert len(direct) > 3, "or this proves nothing"
        terminal.feed("".join(take()))
        update = app.screen._compositor.render_full_update()
        compositor = TextTerminal().feed(update.render_segments(app.console))
        wrong = {at: (cell, terminal.cells.get(at)) for at, cell in compositor.cells.items()}
        assert {at: both for at, both in wrong.items() if both[0] != both[1]} == {}


# The mouse


async def test_a_click_says_the_point_of_the_image() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        await pilot.click("#canvas0", offset=(40, 10))
        (message,) = app.heard
        view = app.canvas.view
        assert view is not None and isinstance(message, FrameCanvas.PointClicked)
        assert message.point == pytest.approx(tuple(view.to_image((40.5, 10.5))))
        assert (message.button, message.shift, message.ctrl) == (1, False, False)


def mouse(kind: type[events.MouseEvent], x: float, y: float, button: int = 1, **held: Any) -> events.MouseEvent:
    held = {"shift": False, "meta": False, "ctrl": False, **held}
    return kind(None, x, y, 0, 0, button, screen_x=x, screen_y=y, **held)


async def test_a_click_in_pixels_is_exact() -> None:
    app = CanvasApp(pixel_mouse=True)
    async with shown(app) as pilot:
        x, y = 403 / CELL[0], 207 / CELL[1]
        app.screen._forward_event(mouse(events.MouseDown, x, y))
        app.screen._forward_event(mouse(events.MouseMove, x + 0.1, y))
        app.screen._forward_event(mouse(events.MouseUp, x + 0.1, y, ctrl=True))
        await until(pilot, lambda: bool(app.heard))
        (message,) = app.heard
        view, region = app.canvas.view, app.canvas.region
        assert view is not None and isinstance(message, FrameCanvas.PointClicked), "a hand that trembles clicks"
        middle = (403.5 / CELL[0] - region.x, 207.5 / CELL[1] - region.y)
        assert message.point == pytest.approx(tuple(view.to_image(middle)))


async def test_a_drag_says_from_where_to_where() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        for event in (
            mouse(events.MouseDown, 30, 8),
            mouse(events.MouseMove, 33, 9),
            mouse(events.MouseMove, 36, 10),
            mouse(events.MouseUp, 36, 10),
        ):
            app.screen._forward_event(event)
        await until(pilot, lambda: bool(app.heard) and getattr(app.heard[-1], "done", False))
        view = app.canvas.view
        assert view is not None
        last = app.heard[-1]
        assert last.start == pytest.approx(tuple(view.to_image((30.5, 8.5))))
        assert last.point == pytest.approx(tuple(view.to_image((36.5, 10.5))))
        assert all(isinstance(message, FrameCanvas.PointDragged) for message in app.heard)


@pytest.mark.parametrize("how", [{"button": 2}, {"shift": True}])
async def test_dragging_with_the_middle_button_or_shift_moves_the_view(how: dict[str, Any]) -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.canvas.zoom(4.0)
        before = app.canvas.view
        assert before is not None
        held = before.to_image((40.5, 12.5))
        app.screen._forward_event(mouse(events.MouseDown, 40, 12, **how))
        app.screen._forward_event(mouse(events.MouseMove, 46, 14, **how))
        app.screen._forward_event(mouse(events.MouseUp, 46, 14, **how))
        await until(pilot, lambda: app.canvas.view != before)
        view = app.canvas.view
        assert view is not None and not app.heard
        assert abs(view.to_cell(held) - (46.5, 14.5)).max() < 1.1 * view.scale / CELL[0]


async def test_the_wheel_zooms_about_the_pointer() -> None:
    app = CanvasApp()
    async with shown(app) as pilot:
        app.canvas.zoom(3.0)
        cell = (35, 9)
        for _ in range(4):
            view = app.canvas.view
            assert view is not None
            held = view.to_image((cell[0] + 0.5, cell[1] + 0.5))
            app.screen._forward_event(mouse(events.MouseScrollUp, *cell, button=0))
            await until(pilot, lambda view=view: app.canvas.view != view)
            now = app.canvas.view
            assert now is not None and now.scale > view.scale
            assert abs(now.to_cell(held) - (cell[0] + 0.5, cell[1] + 0.5)).max() < 1.1 * now.scale / CELL[0]
        app.screen._forward_event(mouse(events.MouseScrollDown, *cell, button=0))
        await until(pilot, lambda: app.canvas.view is not None and app.canvas.view.scale < now.scale)


# The parts


VIEW = View.fit((96, 96), (60, 24), CELL)


def test_nothing_in_the_way_is_the_whole_area() -> None:
    visible = Rect(0, 0, 60, 24)
    assert free_part(VIEW, Place((0, 0), visible)) == visible
    assert free_part(VIEW, Place((0, 0), visible, (Rect(0, 0, 3, 24),))) == visible, "beside the picture"


def test_the_largest_free_part_is_used() -> None:
    target = VIEW.target
    toast = Rect(40, 20, 20, 4)
    part = free_part(VIEW, Place((0, 0), Rect(0, 0, 60, 24), (toast,)))
    assert part == Rect(target.x, 0, target.width, 20)
    assert free_part(VIEW, Place((0, 0), Rect(0, 0, 60, 24), (Rect(0, 3, 60, 19),))) is None
    assert free_part(VIEW, Place((0, 0), Rect(0, 2, 60, 22))) == Rect(target.x, 2, target.width, 22), "scrolled"


def test_spans_are_those_of_the_part() -> None:
    spans = [Span(4, 0, 50), Span(5, 12, 14), Span(9, 0, 50), Span(5, 0, 11)]
    assert spans_in(spans, (10, 3), Rect(1, 1, 4, 3)) == [Span(0, 0, 4), Span(1, 1, 3)]


def test_blanks_cover_what_is_left_behind() -> None:
    spans = beside(Rect(0, 0, 10, 2), Rect(0, 0, 10, 1), [Rect(6, 1, 2, 1)])
    found = blanks(spans, lambda count: b" " * count)
    assert [(f.column, f.row, f.data.count(b" ")) for f in found] == [(0, 1, 6), (8, 1, 2)]
    assert all(f.is_text for f in found)


def test_a_part_shows_the_same_at_the_same_place() -> None:
    part = Rect(10, 4, 30, 12)
    _, view = seen_in(scene(), VIEW, part)
    inside = VIEW.to_image((25.0, 10.0))
    there = view.to_cell(inside) + np.array([part.x, part.y])
    assert abs(there - (25.0, 10.0)).max() < 1.1 * VIEW.scale / CELL[0]
