"""An app with canvases, a painter that remembers what it was asked, and a driver that keeps what was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.containers import Container
from textual.drivers.headless_driver import HeadlessDriver
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Label, Static

from leaptui.graphics.geometry import View
from leaptui.graphics.painter import Cell, Detail, Fragment, Span
from leaptui.graphics.scene import Mark, Scene
from leaptui.graphics.terminal import Colours, Graphics, Terminal
from leaptui.tui.canvas_host import CanvasHost
from leaptui.tui.widgets.frame_canvas import FrameCanvas

CELL = (10.0, 20.0)
TOKEN = re.compile(r"<(\w+):([^>]*)>")


def scene(x: float = 10.0, *, key: int = 0, size: tuple[int, int] = (96, 96)) -> Scene:
    """A frame with one selected point."""
    image = np.zeros((size[1], size[0], 1), np.uint8)
    return Scene(image, key, marks=(Mark(x, 12.0, selected=True),))


@dataclass
class FakePainter:
    """Writes tokens instead of pictures: `<draw:KEY@X DETAIL>`."""

    terminal: Terminal
    calls: list[tuple[str, Any]] = field(default_factory=list)
    size: int = 0
    behind: bool = False
    drawn: list[tuple[Scene, View, Detail]] = field(default_factory=list)

    def draw(self, scene: Scene, view: View, detail: Detail = Detail.FINE, budget: int | None = None) -> list[Fragment]:
        self.calls.append(("draw", detail))
        self.drawn.append((scene, view, detail))
        self.behind = detail < Detail.FINE
        x = scene.marks[0].x if scene.marks else 0
        return [Fragment(0, 0, f"<draw:{scene.key}@{x:g} {detail.name}>".encode() + b"#" * self.size)]

    @property
    def is_behind(self) -> bool:
        return self.behind

    def lost(self, spans: Sequence[Span] | None = None) -> None:
        self.calls.append(("lost", None if spans is None else list(spans)))

    def hide(self) -> list[Fragment]:
        self.calls.append(("hide", None))
        return [Fragment(0, 0, b"<hide:>")]

    def cells(self, scene: Scene, view: View) -> list[list[Cell]] | None:
        if self.terminal.graphics.has_pixels:
            return None
        self.calls.append(("cells", None))
        text = f"{scene.key}@{scene.marks[0].x:g}"
        return [[Cell(text[i % len(text)]) for i in range(view.area[0])] for _ in range(view.area[1])]

    def foresee(self, scene: Scene, view: View) -> list[Fragment]:
        self.calls.append(("foresee", scene.key))
        return [Fragment(0, 0, f"<ahead:{scene.key}>".encode())]

    def close(self) -> list[Fragment]:
        self.calls.append(("close", None))
        return [Fragment(0, 0, b"<close:>")]

    def names(self) -> list[str]:
        """The calls since the last time."""
        found = [name for name, _ in self.calls]
        self.calls.clear()
        return found


class RecordingDriver(HeadlessDriver):
    """A terminal that shows nothing and forgets nothing."""

    written: ClassVar[list[str]] = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written.append(data)

    def close(self) -> None:
        """There is nothing to close."""


class CanvasApp(CanvasHost):
    """Canvases side by side over a status line and a footer."""

    CSS = """
    #canvases { height: 1fr; layout: horizontal; }
    #status { height: 1; }
    """
    BINDINGS = [("x", "nothing", "Nothing")]

    def __init__(self, graphics: Graphics = Graphics.KITTY, *, count: int = 1, **more: Any) -> None:
        more.setdefault("colours", Colours.TRUE)
        super().__init__(Terminal(graphics, cell=CELL, **more), driver_class=RecordingDriver)
        RecordingDriver.written = []
        self.painters: list[FakePainter] = []
        self.count = count
        self.heard: list[Any] = []

    def make(self, terminal: Terminal) -> FakePainter:
        self.painters.append(FakePainter(terminal))
        return self.painters[-1]

    def compose(self) -> ComposeResult:
        with Container(id="canvases"):
            for number in range(self.count):
                yield FrameCanvas(make_painter=self.make, id=f"canvas{number}")
        yield Label("status", id="status")
        yield Footer()

    @property
    def canvas(self) -> FrameCanvas:
        return self.screen_stack[0].query_one("#canvas0", FrameCanvas)

    @property
    def painter(self) -> FakePainter:
        return self.painters[-1]

    def on_frame_canvas_point_clicked(self, message: Any) -> None:
        self.heard.append(message)

    def on_frame_canvas_point_dragged(self, message: Any) -> None:
        self.heard.append(message)


class Dialog(ModalScreen[None]):
    """Something over the canvas."""

    def compose(self) -> ComposeResult:
        yield Static("really?")


class CanvasScreen(Screen[None]):
    """Another canvas, over the whole screen."""

    def __init__(self, make: Callable[[Terminal], FakePainter]) -> None:
        super().__init__()
        self.make = make

    def compose(self) -> ComposeResult:
        yield FrameCanvas(make_painter=self.make)

    def on_mount(self) -> None:
        self.query_one(FrameCanvas).show(scene())


def take() -> list[str]:
    """What was written since the last time."""
    found, RecordingDriver.written[:] = list(RecordingDriver.written), []
    return found


def tokens(writes: Sequence[str]) -> list[str]:
    """What the painters sent, in order."""
    return [f"{name}:{what}" for write in writes for name, what in TOKEN.findall(write)]


def moved(old: Scene, x: float) -> Scene:
    """The same frame with its point elsewhere."""
    return replace(old, marks=(replace(old.marks[0], x=x),))


class TextTerminal:
    """What a terminal would show of text: a character, its colours and attributes in every cell."""

    _TOKEN = re.compile("\x1b\\[([?>0-9;]*)([A-Za-z])|\x1b([78])|([^\x1b])")

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, frozenset[str]]] = {}
        self._look: frozenset[str] = frozenset()
        self._at = (0, 0)
        self._saved = (self._at, self._look)

    def feed(self, data: str) -> TextTerminal:
        """Read what was written."""
        for numbers, command, cursor, char in self._TOKEN.findall(data):
            if command == "H":
                row, column = (int(number) for number in (numbers or "1;1").split(";"))
                self._at = (row - 1, column - 1)
            elif command == "C":
                self._at = (self._at[0], self._at[1] + int(numbers or 1))
            elif command == "m":
                self._style(numbers)
            elif cursor == "7":
                self._saved = (self._at, self._look)
            elif cursor == "8":
                self._at, self._look = self._saved
            elif char and char != "\n":
                blank = char == " " and "7" not in self._look
                look = frozenset(each for each in self._look if each[0] == "4") if blank else self._look
                self.cells[self._at] = (char, look)
                self._at = (self._at[0], self._at[1] + 1)
        return self

    def _style(self, numbers: str) -> None:
        for found in re.findall(r"[34]8;(?:2;\d+;\d+;\d+|5;\d+)|\d+", numbers or "0"):
            part = self._in_full(found)
            if part == "0":
                self._look = frozenset()
            elif part in ("22", "27"):
                self._look -= {"1", "2"} if part == "22" else {"7"}
            else:
                kept = frozenset(each for each in self._look if each[0] != part[0] or part in "17")
                self._look = kept if part in ("39", "49") else kept | {part}

    @staticmethod
    def _in_full(part: str) -> str:
        """Colours one way: those of the table of 256 by their parts, the first sixteen by their number."""
        number = int(part.split(";")[0])
        if number % 10 < 8 and number // 10 in (3, 4, 9, 10):
            return f"{3 + (number // 10 in (4, 10))}8;5;{number % 10 + 8 * (number >= 90)}"
        if part[1:4] != "8;5":
            return part
        index = int(part[5:])
        steps = (0, 95, 135, 175, 215, 255)
        grey, cube = 8 + 10 * (index - 232), index - 16
        red, green, blue = (grey,) * 3 if index >= 232 else (steps[cube // n % 6] for n in (36, 6, 1))
        return f"{part[:2]};2;{red};{green};{blue}"
