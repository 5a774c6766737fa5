"""Lets pictures ride along with what the app writes.

Textual knows cells only. A picture has to come right after the text that was written over its cells, in the same
write, or it flickers; and it has to go away when something covers it. So the stage looks at every update of the
compositor: which cells it writes, where each canvas is now, and what lies over it. This module is the only one
that looks into the compositor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region

from leaptui.graphics.burst import PING, SYNC_BEGIN, SYNC_END, burst
from leaptui.graphics.choose import cell_size
from leaptui.graphics.geometry import Rect
from leaptui.graphics.pace import Pacer
from leaptui.graphics.painter import Span
from leaptui.graphics.probe import window_size
from leaptui.graphics.terminal import Graphics
from leaptui.tui.terminal_driver import TerminalDriver
from leaptui.tui.widgets.frame_canvas_parts import Place, Sending

if TYPE_CHECKING:
    from leaptui.tui.canvas_host import CanvasHost
    from leaptui.tui.widgets.frame_canvas import FrameCanvas

SIXEL_MARGIN = 2
"""Rows at the bottom of the screen that stay free of sixels: one that touches the last row scrolls the screen."""

_NEW_CELL = 0.03
"""Share by which a cell has to grow or shrink to count as another font; the probe knows smaller differences better."""


class CanvasStage:
    """The canvases of an app, and what goes to the terminal for them.

    Args:
        host: the app.
    """

    def __init__(self, host: CanvasHost) -> None:
        self._host = host
        self._canvases: list[FrameCanvas] = []
        self._rows: dict[int, str] = {}
        self.pacer = Pacer(round_trip=host.terminal.round_trip)

    def adopt(self, canvas: FrameCanvas) -> None:
        """From now on its picture rides along."""
        self._canvases.append(canvas)
        self._rows.clear()

    def release(self, canvas: FrameCanvas) -> None:
        """It is gone; so is its picture."""
        if canvas in self._canvases:
            self._canvases.remove(canvas)
            self.send(canvas.take_down(for_good=True))

    def send(self, sendings: Sequence[Sending]) -> int:
        """Write pictures at once, around the compositor, in one write; returns the number of bytes."""
        body = self._body(sendings)
        writer = self._host.writer
        if body and writer is not None:
            writer.write(self._paced(self._at_once(body)).decode())
        return len(body)

    def with_pictures(self, update: ChopsUpdate | LayoutUpdate, console: Console) -> str:
        """Text of the compositor with the pictures that have to follow it."""
        if isinstance(update, LayoutUpdate):
            text, written = self._other_rows(update, console)
        else:
            text, written = update.render_segments(console), _written(update)
            for row, _, _ in written:
                self._rows.pop(row, None)
        body = self._body([s for canvas in self._canvases for s in canvas.after_text(self._place_of(canvas), written)])
        if not body:
            return text
        whole = text.encode() + body
        return self._paced(whole if self._host.marks_updates else self._at_once(whole)).decode()

    def acknowledged(self) -> None:
        """What was sent has arrived."""
        self.pacer.acknowledged()
        for canvas in self._canvases:
            canvas.link_free()

    def take_down(self, *, leaving: bool = False) -> None:
        """Free what the terminal keeps of all pictures."""
        self.send([sending for canvas in self._canvases for sending in canvas.take_down(for_good=True)])
        if leaving:
            self._canvases.clear()
        for canvas in self._canvases:
            canvas.terminal_changed()

    def suspend(self) -> None:
        """Somebody else gets the terminal."""
        self.send([sending for canvas in self._canvases for sending in canvas.take_down(for_good=False)])
        self.forget()

    def write_all(self) -> None:
        """Rows are written even if they have the same text as before."""
        self._rows.clear()

    def forget(self) -> None:
        """Nobody knows what the terminal shows."""
        self._rows.clear()
        for canvas in self._canvases:
            canvas.cleared()

    def measure_cells(self) -> None:
        """Cells are as large as the terminal says now; in tmux it does not know."""
        driver, terminal = self._host.writer, self._host.terminal
        if isinstance(driver, TerminalDriver) and terminal.tmux is None:
            cell = cell_size(window_size(driver.fileno), name=terminal.name)
            old = terminal.cell_size
            if cell is not None and max(abs(cell[i] / old[i] - 1) for i in (0, 1)) > _NEW_CELL:
                self._host.terminal = replace(terminal, cell=cell)

    def _other_rows(self, update: LayoutUpdate, console: Console) -> tuple[str, list[Span]]:
        """The rows that differ from what the screen shows, with their cells.

        Textual often writes the whole screen several times in a row; every time would erase the pictures.
        """
        region = update.region
        text, written = [], []
        for row, strips in enumerate(update.strips, region.y):
            line = "".join([strip.render(console) for strip in strips])
            if self._rows.get(row) != line:
                self._rows[row] = line
                text.append(f"\x1b[{row + 1};{region.x + 1}H{line}")
                written.append(Span(row, region.x, region.right))
        return "".join(text), written

    def _body(self, sendings: Sequence[Sending]) -> bytes:
        if any(fragment.is_text for sending in sendings for fragment in sending.fragments):
            self._rows.clear()
        inside = replace(self._host.terminal, sync=False)
        return b"".join(burst(sending.fragments, inside, sending.origin) for sending in sendings)

    def _at_once(self, body: bytes) -> bytes:
        return SYNC_BEGIN + body + SYNC_END if self._host.terminal.sync else body

    def _paced(self, data: bytes) -> bytes:
        self.pacer.sent(len(data))
        return data + PING

    def _place_of(self, canvas: FrameCanvas) -> Place | None:
        """Where a canvas is, after the compositor's last layout."""
        if not canvas.is_in_front:
            return None
        host = self._host
        widgets = host.screen._compositor.visible_widgets
        if canvas not in widgets:
            return None
        region, clip = widgets[canvas]
        margin = SIXEL_MARGIN if host.terminal.graphics is Graphics.SIXEL else 0
        screen = host.size.region.shrink((0, 0, margin, 0)) if host.size.height > margin else Region()
        seen = region.intersection(clip).intersection(screen)
        if not seen:
            return None
        covers = []
        for widget, (other, other_clip) in widgets.items():
            if widget is canvas:
                break
            cover = other.intersection(other_clip).intersection(seen)
            if cover:
                covers.append(_rect(cover, region))
        return Place((region.x, region.y), _rect(seen, region), tuple(covers))


def _written(update: ChopsUpdate) -> list[Span]:
    """The cells of the screen that an update writes."""
    written = []
    for row, start, end in update.spans:
        for (x, strip), right in zip(update.chops[row].items(), update.chop_ends[row], strict=False):
            # The compositor cuts pieces off at the right of a span, but writes each from its own left edge.
            if strip is not None and x < end and right > start:
                written.append(Span(row, x, min(right, end)))
    return written


def _rect(region: Region, inside: Region) -> Rect:
    return Rect(region.x - inside.x, region.y - inside.y, region.width, region.height)
