"""The frame canvas: a frame with what lies over it, as good as the terminal can show it.

The widget holds what is to be seen and how (scene and view), decides when something is sent, and turns the mouse
into points of the image. What is sent is the painters' business (`graphics`), and that it rides along with the
compositor's text the stage's (`canvas_stage`).

It has no border or padding of its own: give those to a container around it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer

from leaptui.graphics.geometry import View
from leaptui.graphics.painter import Detail, Painter, Span
from leaptui.graphics.scene import Scene
from leaptui.graphics.terminal import Graphics, Terminal
from leaptui.registry import resolve
from leaptui.tui.canvas_host import CanvasHost
from leaptui.tui.canvas_stage import SIXEL_MARGIN
from leaptui.tui.widgets.canvas_mouse import CanvasMouse
from leaptui.tui.widgets.frame_canvas_parts import Place, Sending, words_in
from leaptui.tui.widgets.frame_pictures import Picture, picture_for
from leaptui.words import visible

IDLE = 0.25
"""Seconds without a change after which the picture is made exact, and next frames are sent ahead."""
SOON = 0.1
"""The same after a change of what lies over the frame alone; longer than between two repeats of a key."""
NEXT = 0.05
"""Seconds between two frames that are sent ahead."""

_OVERLAY_COSTS = {Detail.MARKER: 200, Detail.EDGES: 700, Detail.FINE: 1_000}
"""Bytes of a change to what lies over the frame, until they are known better."""
_FRAME_COSTS = {Detail.COARSE: 10_000, Detail.FINE: 30_000}
"""Bytes of another frame or view."""


class FrameCanvas(CanvasMouse, can_focus=True):
    """A frame with points on it.

    Args:
        make_painter: makes the painter for a terminal; `painters.make` by default.
        name, id, classes: as for every widget.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    FrameCanvas { width: 1fr; height: 1fr; }
    """

    def __init__(
        self,
        *,
        make_painter: Callable[[Terminal], Painter] | None = None,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._make_painter = make_painter
        self._picture: Picture | None = None
        self._scene: Scene | None = None
        self._views: dict[tuple[int, int], View] = {}
        self._place: Place | None = None
        self._pending = False
        self._foreseen: deque[Scene] = deque()
        self._timer: Timer | None = None
        self._words = ""
        self._ground: tuple[object, ...] | None = None
        self._last_seen: tuple[object, ...] | None = None
        self._overlay_costs = dict(_OVERLAY_COSTS)
        self._frame_costs = dict(_FRAME_COSTS)

    # What is seen

    @property
    def scene(self) -> Scene | None:
        """What is to be seen."""
        return self._scene

    @property
    def view(self) -> View | None:
        """What of it is seen where; None without a scene or before the first layout."""
        if self._scene is None or not self.size.width or not self.size.height:
            return None
        area, cell = self._area(), self.host.terminal.cell_size
        view = self._views.get(self._scene.size)
        if view is None:
            view = View.fit(self._scene.size, area, cell)
        elif view.area != area or view.cell != cell:
            view = view.resized(area, cell)
        self._views[self._scene.size] = view
        return view

    @property
    def is_in_front(self) -> bool:
        """Whether its screen is the one that is shown."""
        return self.is_mounted and self.is_attached and self.screen is self.app.screen

    @property
    def host(self) -> CanvasHost:
        """The app, which has to be a `CanvasHost`."""
        app = self.app
        if not isinstance(app, CanvasHost):
            raise TypeError("a FrameCanvas needs an app that is a CanvasHost")
        return app

    def show(self, scene: Scene | None, view: View | None = None) -> None:
        """Show a scene; None shows nothing.

        Zoom and place of the view stay as they are for frames of one size; the first is shown whole.

        Args:
            scene: what is to be seen.
            view: which part of it, in another view than now.
        """
        vanished = scene is None and self._scene is not None
        self._scene = scene
        if scene is not None:
            self._words = ""
            if view is not None:
                self._views[scene.size] = view
        if vanished and self.is_mounted:
            self.host.stage.send(self.take_down(for_good=False))
        self._changed()

    def update_scene(self, scene: Scene) -> None:
        """The same as `show`, for what happens many times a second."""
        self.show(scene)

    def say(self, words: str) -> None:
        """Words in the middle of the canvas, as long as there is no scene; foreign text in them is made visible."""
        self._words = visible(words)
        self.refresh()

    def foresee(self, scenes: Iterable[Scene]) -> None:
        """Frames that are likely to be shown next, likeliest first; sent ahead when the link has nothing to do."""
        self._foreseen = deque(scenes)
        self._wake(IDLE)

    # Zoom

    def set_view(self, view: View) -> None:
        """Show another part of the frame."""
        if self._scene is None or view == self.view:
            return
        self._views[self._scene.size] = view
        self.post_message(self.ViewChanged(self, view))
        self._changed()

    def zoom(self, factor: float, about: tuple[float, float] | None = None) -> None:
        """Closer (factor > 1) or farther; the image point `about` keeps its place."""
        if self.view is not None:
            self.set_view(self.view.zoomed(factor, about))

    def pan(self, dx: float, dy: float) -> None:
        """Look (dx, dy) source pixels farther right and down."""
        if self.view is not None:
            self.set_view(self.view.panned(dx, dy))

    def fit(self) -> None:
        """Show the whole frame."""
        view = self.view
        if view is not None:
            self.set_view(View.fit(view.frame, view.area, view.cell))

    def centre_on(self, point: tuple[float, float]) -> None:
        """Bring an image point into the middle, as far as the frame reaches."""
        if self.view is not None:
            self.set_view(self.view.centred(point))

    def follow(self, point: tuple[float, float], margin: float = 0.1) -> None:
        """Bring an image point into the middle if it is outside, or nearer to the border than `margin`."""
        view = self.view
        if view is not None and not view.is_fit and not view.sees(point, margin):
            self.set_view(view.centred(point))

    # Sending

    def flush(self) -> None:
        """Send what has changed, if it can go now; else it goes as soon as the link is free."""
        view = self.view
        if not self._pending or self._scene is None or view is None or not self.is_mounted:
            return
        if self._place is None or not self.is_in_front:
            self._leave_to_compositor()
            return
        if not self.host.is_link_free:
            self._wake(self.host.stage.pacer.wait)
            return
        detail, costs = self._detail(view)
        sendings = self._picture_now().update(self._scene, view, self._place, detail, self._budget())
        if sendings is None:
            # Pixels come after the text that erases the old ones; characters are that text.
            self._pending = self.host.terminal.graphics.has_pixels
            self._repaint()
        else:
            self._seen(view)
            costs[detail] = (costs.get(detail, 0) + self.host.stage.send(sendings)) // 2
            self._forget_costs(costs, detail)
        self._wake(SOON if costs is self._overlay_costs else IDLE)

    def _forget_costs(self, costs: dict[Detail, int], sent: Detail) -> None:
        """What was too dear is tried again after a while: it may have been a single large change."""
        guessed = _OVERLAY_COSTS if costs is self._overlay_costs else _FRAME_COSTS
        for finer in costs:
            if finer > sent:
                costs[finer] = max(guessed.get(finer, 0), costs[finer] * 9 // 10)

    def after_text(self, place: Place | None, written: Sequence[Span]) -> list[Sending]:
        """See `canvas_stage`: the picture that has to follow text in the same write."""
        view = self.view
        self._place = place
        if place is None or view is None or self._scene is None:
            return self._picture.hide() if self._picture is not None else []
        picture = self._picture_now()
        detail, _ = self._detail(view)
        changed = self._pending and self.host.is_link_free
        found = picture.after_text(self._scene, view, place, written, detail, changed=changed)
        if found is None:
            self.call_later(self._repaint)
        elif found:
            self._seen(view)
            self._wake(IDLE)
        if self._pending:
            self.call_later(self.flush)
        return found or []

    def cleared(self) -> None:
        """The terminal was cleared, or nobody knows what it shows."""
        self._place = None
        self._ground = None
        if self._picture is not None:
            self._picture.cleared()

    def take_down(self, *, for_good: bool) -> list[Sending]:
        """What takes the picture away, and, for good, frees what the terminal keeps of it."""
        if self._picture is None:
            return []
        sendings = self._picture.hide()
        if for_good:
            sendings.append(Sending((0, 0), self._picture.painter.close()))
            self._picture = self._place = None
        return sendings

    def terminal_changed(self) -> None:
        """Another terminal is painted for."""
        self._pending = True
        self._ground = None

    def link_free(self) -> None:
        """What was sent has arrived."""
        if self._pending:
            self.flush()

    def _changed(self) -> None:
        self._pending = self._scene is not None
        self.flush()
        if self.is_mounted and (self._scene is None or self.host.terminal.graphics.has_pixels):
            self.refresh()

    def _leave_to_compositor(self) -> None:
        """The picture comes with the next text that is written here."""
        if not self.host.terminal.graphics.has_pixels:
            if self._picture is not None:
                self._picture.cleared()
            self._repaint()

    def _idle(self) -> None:
        """Nothing has changed for a while, or the link may be free again."""
        self._timer = None
        view = self.view
        if self._pending:
            self.flush()
        if self._pending or self._scene is None or view is None or self._place is None or self._picture is None:
            return
        if not self.is_in_front or not (self._picture.painter.is_behind or self._foreseen):
            return
        if not self.host.is_link_free:
            self._wake(self.host.stage.pacer.wait)
        elif self._picture.painter.is_behind:
            found = self._picture.update(self._scene, view, self._place, Detail.FINE, self._budget())
            self.host.stage.send(found or [])
            self._wake(NEXT if self._picture.painter.is_behind else IDLE)
        else:
            self.host.stage.send(self._picture.foresee(self._foreseen.popleft(), view, self._place))
            self._wake(NEXT)

    def _wake(self, seconds: float) -> None:
        """Come back later; a later call replaces an earlier one."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self._idle) if self.is_mounted else None

    def _picture_now(self) -> Picture:
        if self._picture is None:
            terminal = self.host.terminal
            make = self._make_painter or resolve("leaptui.graphics.painters:make")
            self._picture = picture_for(
                make(terminal), terminal, self._blank, lambda strip: strip.render(self.app.console).encode()
            )
        return self._picture

    def _detail(self, view: View) -> tuple[Detail, dict[Detail, int]]:
        """How much to send of this change, and what changes of its kind cost, in bytes by detail."""
        assert self._scene is not None
        pacer = self.host.stage.pacer
        if self._last_seen != (self._scene.key, self._scene.tone, view):
            return pacer.detail(self._frame_costs), self._frame_costs
        costs = self._overlay_costs
        if self._picture_now().painter.is_behind:
            # What is behind may be the frame, which costs far more; it follows when nothing moves.
            return pacer.detail({detail: cost for detail, cost in costs.items() if detail <= Detail.EDGES}), costs
        return pacer.detail(costs), costs

    def _budget(self) -> int:
        """Bytes that the link takes along before somebody has to wait for what comes after."""
        return self.host.stage.pacer.budget()

    def _seen(self, view: View) -> None:
        assert self._scene is not None
        self._last_seen = (self._scene.key, self._scene.tone, view)
        self._pending = False

    def _area(self) -> tuple[int, int]:
        """Columns and rows for the picture; sixels must not come near the end of the screen."""
        width, height = self.size
        if self.host.terminal.graphics is Graphics.SIXEL and self.region.bottom <= self.app.size.height:
            height = max(1, min(height, self.app.size.height - SIXEL_MARGIN - self.region.y))
        return (width, height)

    # Text

    def render_lines(self, crop: Region) -> list[Strip]:
        """The cells under or of the picture."""
        self._ground = self._ground_now()
        strips = self._lines()
        width = self.size.width
        blank = self._blank(width)
        found = [strips[y] if y < len(strips) else blank for y in crop.line_range]
        return found if crop.column_span == (0, width) else [strip.crop(crop.x, crop.right) for strip in found]

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As for every widget, but not when the cells stay as they are: writing them can erase the picture."""
        same = self._ground is not None and self._ground == self._ground_now()
        if same and repaint and not (regions or layout or recompose):
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _repaint(self) -> None:
        """Let the compositor write the cells again."""
        self._ground = None
        self.host.stage.write_all()
        self.refresh()

    def _ground_now(self) -> tuple[object, ...]:
        """What the cells depend on, apart from a picture of characters, which is written around the compositor."""
        return (self.size, self.rich_style, self._scene is None, "" if self._scene is not None else self._words)

    def _lines(self) -> list[Strip]:
        view = self.view
        if self._scene is not None and view is not None:
            if self.host.terminal.graphics.has_pixels:
                return []
            return self._picture_now().strips(self._scene, view) or []
        return words_in(self._words, self.size, self.rich_style, self._blank)

    def _blank(self, count: int) -> Strip:
        """The ground of the picture."""
        strip = Strip([Segment(" " * count, self.rich_style)], count)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, self.background_colors[1])
        return strip

    # Life

    def on_mount(self) -> None:
        self.host.stage.adopt(self)

    def on_unmount(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self.host.stage.release(self)

    def on_resize(self) -> None:
        view = self.view
        if view is not None:
            self.post_message(self.ViewChanged(self, view))
