"""The smallest app with a frame canvas: `python -m leaptui.bench.canvas_app SCENE NOTES`.

Everything is as in the app: the probe asks the terminal, and the driver, stage, pacer and painter are the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from textual.app import ComposeResult

from leaptui.bench.standard import AREA, ZOOM, Desk, Source
from leaptui.graphics.probe import Probed, probe
from leaptui.tui.canvas_host import CanvasHost
from leaptui.tui.terminal_driver import driver_for
from leaptui.tui.widgets.frame_canvas import FrameCanvas


class CanvasApp(CanvasHost):
    """A frame with points.

    Args:
        probed: the terminal.
        source: what is shown.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = f"FrameCanvas {{ width: {AREA[0]}; height: {AREA[1]}; }}"
    BINDINGS = [
        ("right", "nudge"),
        ("s", "select"),
        ("t", "typical"),
        ("h", "hardest"),
        ("n", "step"),
        ("plus", f"zoom({ZOOM})"),
        ("minus", f"zoom({1 / ZOOM})"),
        ("m", "marks"),
        ("f", "whole"),
        ("q", "quit"),
    ]

    def __init__(self, probed: Probed, source: Source) -> None:
        super().__init__(probed.terminal, driver_class=driver_for(probed))
        self.desk = Desk(source)

    def compose(self) -> ComposeResult:
        yield FrameCanvas()

    def on_mount(self) -> None:
        self.canvas.focus()
        self._show()

    @property
    def canvas(self) -> FrameCanvas:
        """The only widget."""
        return self.query_one(FrameCanvas)

    def action_nudge(self) -> None:
        """Move the selected point."""
        self.desk.nudge()
        self._show()

    def action_select(self) -> None:
        """Select the next point."""
        self.desk.select(1)
        self._show()

    def action_typical(self) -> None:
        """Select the point that costs what most do."""
        self.desk.select_typical()
        self._show()

    def action_hardest(self) -> None:
        """Select the point that costs most."""
        self.desk.select_hardest()
        self._show()

    def action_step(self) -> None:
        """The next frame."""
        self.desk.step()
        self._show()

    def action_zoom(self, factor: float) -> None:
        """Closer or farther."""
        self.desk.zoom(factor)
        self.canvas.set_view(self.desk.view)

    def action_marks(self) -> None:
        """Show the points, or hide them."""
        self.desk.has_marks = not self.desk.has_marks
        self._show()

    def action_whole(self) -> None:
        """Send everything again."""
        self.redraw()

    def _show(self) -> None:
        self.canvas.update_scene(self.desk.scene)


def main() -> None:
    """See the module."""
    scene, notes = (Path(arg) for arg in sys.argv[1:3])
    probed = probe(0, 1)
    found = probed.terminal
    facts = {"graphics": found.graphics, "patch": found.patch, "sync": found.sync, "colours": int(found.colours)}
    notes.write_text(json.dumps(facts))
    CanvasApp(probed, Source.load(scene)).run()


if __name__ == "__main__":
    main()
