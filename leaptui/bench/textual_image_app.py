"""The same with the package textual-image: `python -m leaptui.bench.textual_image_app SCENE sixel|kitty|half`.

The points are drawn into the picture with Pillow, and the widget is given the new picture: the way its documentation
shows. With `--encode N FILE` nothing is shown; its renderable is timed N times, and the bytes go to FILE.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from textual.app import App, ComposeResult
from textual.widget import Widget

from leaptui.bench.standard import AREA, ZOOM, Desk, Source
from leaptui.graphics import raster
from leaptui.graphics.scene import COLOURS, LIGHT

_RADIUS = 4


class TextualImageApp(App[None]):
    """A frame with points.

    Args:
        make_widget: one of textual-image's widgets.
        source: what is shown.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = f"#picture {{ width: {AREA[0]}; height: {AREA[1]}; }}"
    BINDINGS = [
        ("right", "nudge"),
        ("s", "select"),
        ("t", "typical"),
        ("h", "hardest"),
        ("n", "step"),
        ("plus", f"zoom({ZOOM})"),
        ("minus", f"zoom({1 / ZOOM})"),
        ("m", "marks"),
        ("q", "quit"),
    ]

    def __init__(self, make_widget: Callable[..., Widget], source: Source) -> None:
        super().__init__()
        self._make_widget = make_widget
        self.desk = Desk(source)
        self._canvas = Drawing(self.desk)

    def compose(self) -> ComposeResult:
        yield self._make_widget(self._canvas.picture(), id="picture")

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
        self._show()

    def action_marks(self) -> None:
        """Show the points, or hide them."""
        self.desk.has_marks = not self.desk.has_marks
        self._show()

    def _show(self) -> None:
        widget: Any = self.query_one("#picture")
        widget.image = self._canvas.picture()


class Drawing:
    """Draws scenes with Pillow; what lies under the points is kept, as a careful author would."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ground: tuple[object, Image.Image] | None = None

    def picture(self) -> Image.Image:
        """The scene as an RGB picture at the size it is shown."""
        desk = self._desk
        scene, view = desk.scene, desk.view
        base = (scene.key, view.window)
        if self._ground is None or self._ground[0] != base:
            pixels = raster.sample(scene.image, view, view.raster)
            grey = Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if pixels.shape[2] == 1 else pixels)
            self._ground = (base, grey.convert("RGB"))
        picture = self._ground[1].copy()
        pen = ImageDraw.Draw(picture)
        for line in scene.lines:
            ends = view.to_raster([(line.x0, line.y0), (line.x1, line.y1)]).ravel().tolist()
            pen.line(ends, fill=COLOURS[line.colour], width=2)
        for mark in scene.marks:
            x, y = view.to_raster((mark.x, mark.y)).tolist()
            r = _RADIUS
            pen.ellipse((x - r, y - r, x + r, y + r), fill=COLOURS[mark.colour])
            if mark.selected:
                r = 2 * _RADIUS
                pen.rectangle((x - r, y - r, x + r, y + r), outline=COLOURS[LIGHT])
        return picture


def encode(kind: str, source: Source, rounds: int) -> tuple[float, bytes]:
    """Milliseconds its renderable takes for a picture without points (median), and what it writes."""
    from rich.console import Console
    from textual_image import renderable

    kinds: dict[str, Any] = {
        "sixel": renderable.SixelImage,
        "kitty": renderable.TGPImage,
        "half": renderable.HalfcellImage,
    }
    desk = Desk(source)
    desk.has_marks = False
    picture = Drawing(desk).picture()
    taken, written = [], ""
    real = sys.__stdout__
    for _ in range(rounds):
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, color_system="truecolor", width=AREA[0] + 2)
        # The kitty renderable writes past the console.
        sys.__stdout__ = out  # type: ignore[misc, assignment]
        start = time.perf_counter()
        console.print(kinds[kind](picture, width=AREA[0], height=AREA[1]))
        taken.append((time.perf_counter() - start) * 1e3)
        sys.__stdout__ = real  # type: ignore[misc]
        written = out.getvalue()
    return statistics.median(taken), written.encode()


def main() -> None:
    """See the module."""
    source, kind = Source.load(Path(sys.argv[1])), sys.argv[2]
    if sys.argv[3:4] == ["--encode"]:
        milliseconds, data = encode(kind, source, int(sys.argv[4]))
        Path(sys.argv[5]).write_bytes(data)
        sys.stdout.write(json.dumps({"ms": milliseconds, "bytes": len(data)}) + "\n")
        return
    # It asks the terminal when it is imported, which only works before the app reads what is typed.
    from textual_image import widget

    kinds: dict[str, Any] = {"sixel": widget.SixelImage, "kitty": widget.TGPImage, "half": widget.HalfcellImage}
    TextualImageApp(kinds[kind], source).run()


if __name__ == "__main__":
    main()
