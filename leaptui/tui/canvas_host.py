"""An app that has pictures: the way from Textual to the stage they are on.

Nothing of pictures is loaded before the first canvas: the app has to be there at once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from textual import events
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.screen import Screen

from leaptui.graphics.terminal import Graphics, Terminal

if TYPE_CHECKING:
    from leaptui.tui.canvas_stage import CanvasStage


class CanvasHost(App[None]):
    """An app whose screens may have frame canvases.

    Args:
        terminal: what the terminal can show.
        driver_class: how Textual talks to the terminal; its own way by default.
    """

    def __init__(self, terminal: Terminal | None = None, *, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self._terminal = terminal or Terminal()
        self._has_stage = False
        self.marks_updates = False
        """Textual itself puts its updates between synchronized-output marks; they must not be nested."""
        self._last_size: Size | None = None

    @cached_property
    def stage(self) -> CanvasStage:
        """Where the canvases are."""
        from leaptui.tui.canvas_stage import CanvasStage

        self._has_stage = True
        return CanvasStage(self)

    @property
    def terminal(self) -> Terminal:
        """What the terminal can show; setting it paints every picture anew."""
        return self._terminal

    @terminal.setter
    def terminal(self, terminal: Terminal) -> None:
        if terminal == self._terminal:
            return
        if self._has_stage:
            self.stage.take_down()
        self._terminal = terminal
        if self._has_stage:
            self.redraw()

    @property
    def writer(self) -> Driver | None:
        """What writes to the terminal; None if there is none, or not now."""
        driver = self._driver
        return None if driver is None or driver.is_headless or not self.is_running else driver

    @property
    def is_link_free(self) -> bool:
        """Whether something sent now would be seen soon; without a terminal there is nothing to wait for."""
        return self.writer is None or self.stage.pacer.can_send

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """Screens seen through the one on top.

        Textual counts the one directly below however opaque the top is, and paints the whole top anew whenever
        anything happens below: a timer is enough.
        """
        if self.screen_stack and self.screen_stack[-1].styles.background.a == 1:
            return []
        return super()._background_screens

    def redraw(self) -> None:
        """Write the whole screen again, whatever the terminal shows."""
        if self._has_stage:
            self.stage.forget()
        if self.screen_stack:
            self.screen.refresh()

    def exit(self, *args: Any, **kwargs: Any) -> None:
        if self._has_stage:
            self.stage.take_down(leaving=True)
        super().exit(*args, **kwargs)

    def on_mount(self) -> None:
        self.app_suspend_signal.subscribe(self, self._host_suspended, immediate=True)
        self.app_resume_signal.subscribe(self, self._host_resumed, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        """Pictures may have moved or gone, and cells may have another size though there are as many."""
        if self._has_stage:
            self.stage.forget()
            self.stage.measure_cells()
            if event.size == self._last_size:
                self.redraw()
        self._last_size = event.size

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Somebody comes back. xterm keeps few sixel pictures: after many patches it forgets the one below them, and
        shows a hole once another window has covered its own."""
        if self._has_stage and self._terminal.graphics is Graphics.SIXEL:
            self.redraw()

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """The answer to a ping: what was sent before it has arrived."""
        if self._has_stage:
            self.stage.acknowledged()

    def on_terminal_supports_synchronized_output(self) -> None:
        """Textual has found out as well."""
        self.marks_updates = True

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if self._has_stage and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            super()._display(screen, _WithPictures(renderable, self.stage))
        else:
            super()._display(screen, renderable)

    def _host_suspended(self, _app: App[Any]) -> None:
        if self._has_stage:
            self.stage.suspend()

    def _host_resumed(self, _app: App[Any]) -> None:
        self.redraw()


class _WithPictures(CompositorUpdate):
    """An update of the compositor, with pictures after its text."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, stage: CanvasStage) -> None:
        self._update = update
        self._stage = stage

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        return self._stage.with_pictures(self._update, console)
