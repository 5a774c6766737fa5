"""Real terminals on a screen that nobody sees: start them, type into them, grab what they show.

    with VirtualScreen() as screen:
        window = screen.open(Window("xterm", ["leaptui"], ...))
        window.type("question_mark")
        window.grab()

Programs that were started are ended with the screen, whatever happened.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

PROGRAMS = {
    "Xvfb": "xvfb",
    "xterm": "xterm",
    "kitty": "kitty",
    "tmux": "tmux",
    "xdotool": "xdotool",
}
"""Programs by the package that brings them."""
FONT = "DejaVu Sans Mono"
_FIRST_DISPLAY, _DISPLAYS = 120, 200
_CLEARED = (
    "TMUX",
    "TMUX_PANE",
    "TERM",
    "TERM_PROGRAM",
    "COLORTERM",
    "NO_COLOR",
    "LC_TERMINAL",
    "KITTY_WINDOW_ID",
    "XTERM_VERSION",
    "COLUMNS",
    "LINES",
    "LEAPTUI_GRAPHICS",
    "WAYLAND_DISPLAY",
)
"""What the terminal that the tests run in says of itself."""
TMUX_CONF = """
set -g escape-time 10
set -g default-terminal tmux-256color
set -g status-interval 0
set -g update-environment ""
"""


def missing(*programs: str) -> str | None:
    """Why tests with these programs cannot run here; None if they can."""
    absent = [name for name in programs if shutil.which(name) is None]
    packages = " ".join(PROGRAMS[name] for name in absent)
    return f"{', '.join(absent)} not installed (apt-get install {packages})" if absent else None


@dataclass(frozen=True)
class Setup:
    """A terminal to open.

    Args:
        kind: "xterm" or "kitty".
        options: more of its options.
        tmux: lines of its configuration, to have tmux inside; None for no tmux.
        environ: environment of what runs in it; None removes a variable.
        size: (columns, rows).
    """

    kind: str
    options: tuple[str, ...] = ()
    tmux: str | None = None
    environ: Mapping[str, str | None] = field(default_factory=dict)
    size: tuple[int, int] = (84, 34)

    @property
    def programs(self) -> tuple[str, ...]:
        """What has to be installed."""
        return ("Xvfb", "xdotool", self.kind, *(("tmux",) if self.tmux is not None else ()))

    def command(self, name: str, argv: Sequence[str]) -> list[str]:
        """The terminal's command line.

        Args:
            name: of the window.
            argv: what runs inside.
        """
        columns, rows = self.size
        if self.kind == "kitty":
            settings = {
                "remember_window_size": "no",
                "initial_window_width": f"{columns}c",
                "initial_window_height": f"{rows}c",
                "window_padding_width": "0",
                "placement_strategy": "top-left",
                "update_check_interval": "0",
                "cursor_blink_interval": "0",
                "enable_audio_bell": "no",
                "linux_display_server": "x11",
                "font_family": FONT,
                "font_size": "12",
                "sync_to_monitor": "no",
                "background": "#000000",
            }
            given = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
            return ["kitty", "--config", "NONE", "--name", name, *given, *self.options, *argv]
        resources = {"maxGraphicSize": "2000x2000", "internalBorder": "0", "borderWidth": "0", "cursorBlink": "false"}
        given = [word for key, value in resources.items() for word in ("-xrm", f"XTerm*{key}: {value}")]
        look = ["-fa", FONT, "-fs", "12", "-bg", "black", "-fg", "white", "-geometry", f"{columns}x{rows}+0+0"]
        return ["xterm", "-name", name, *given, *look, "+sb", *self.options, "-e", *argv]


class VirtualScreen:
    """An X server without a screen (Xvfb).

    Args:
        size: (width, height) in pixels.

    Raises:
        RuntimeError: if it does not start.
    """

    def __init__(self, size: tuple[int, int] = (1000, 800)) -> None:
        self.size = size
        self.windows: list[Window] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._sockets: list[str] = []
        self._memory = tempfile.TemporaryDirectory(prefix="leaptui-screen-")
        try:
            self.display = self._serve()
            self.pixels = _mapped(Path(self._memory.name) / "Xvfb_screen0")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> VirtualScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, setup: Setup, argv: Sequence[str], folder: Path, at: tuple[int, int] = (0, 0)) -> Window:
        """Start a terminal; `Window.wait` says when it is there.

        Args:
            setup: which.
            argv: what runs in it.
            folder: for what it writes; one a window.
            at: its top left corner on the screen.
        """
        name = f"terminal{len(self.windows)}"
        environ = {key: value for key, value in os.environ.items() if key not in _CLEARED}
        environ |= {"DISPLAY": self.display, "LIBGL_ALWAYS_SOFTWARE": "1", "LC_ALL": "C.UTF-8"}
        environ |= {"XDG_RUNTIME_DIR": str(folder), "XDG_CACHE_HOME": str(folder)}
        wanted = ["env", *_changes(setup.environ), *argv]
        if setup.tmux is not None:
            conf = folder / "tmux.conf"
            conf.write_text(TMUX_CONF + setup.tmux)
            # The socket's own name, so that no server of the person who runs the tests is touched.
            socket = f"leaptui-{os.getpid()}-{self.display[1:]}-{len(self.windows)}"
            self._sockets.append(socket)
            wanted = ["tmux", "-L", socket, "-f", str(conf), "new-session", *wanted]
        with (folder / "terminal.log").open("wb") as log:
            process = subprocess.Popen(
                setup.command(name, wanted),
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(process)
        window = Window(self, setup, name, process, folder, at)
        self.windows.append(window)
        return window

    def tool(self, *words: str) -> str:
        """What an xdotool command answers; empty when it fails, as it does for windows that are not there yet."""
        environ = {**os.environ, "DISPLAY": self.display}
        done = subprocess.run(["xdotool", *words], env=environ, capture_output=True, text=True, timeout=20)
        return done.stdout.strip() if done.returncode == 0 else ""

    def grab(self, left: int, top: int, width: int, height: int) -> Pixels:
        """(height, width, 3) what is on the screen now."""
        return self.pixels[top : top + height, left : left + width, 2::-1].copy()

    def close(self) -> None:
        """End everything that was started, the server last."""
        for socket in self._sockets:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True, timeout=5)
        for process in reversed(self._started):
            _end(process)
        self._memory.cleanup()

    def _serve(self) -> str:
        """Start the server at a free number."""
        for number in range(_FIRST_DISPLAY, _FIRST_DISPLAY + _DISPLAYS):
            if Path(f"/tmp/.X{number}-lock").exists():
                continue
            reading, writing = os.pipe()
            geometry = f"{self.size[0]}x{self.size[1]}x24"
            server = subprocess.Popen(
                [
                    *("Xvfb", f":{number}", "-screen", "0", geometry, "-nolisten", "tcp"),
                    # A server that starts anew when its last client leaves turns away who comes just then.
                    *("-noreset", "-fbdir", self._memory.name, "-displayfd", str(writing)),
                ],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            os.close(writing)
            with os.fdopen(reading, "rb") as said:
                # It says its number when it is ready, and nothing when another server was faster to take it.
                is_ready = said.readline().strip() == str(number).encode()
            if is_ready:
                self._started.append(server)
                return f":{number}"
            _end(server)
        raise RuntimeError("no display is free")


class Window:
    """A terminal on a virtual screen."""

    def __init__(
        self,
        screen: VirtualScreen,
        setup: Setup,
        name: str,
        process: subprocess.Popen[bytes],
        folder: Path,
        at: tuple[int, int],
    ) -> None:
        self.screen, self.setup, self.folder = screen, setup, folder
        self._name, self._process, self._at = name, process, at
        self._id = ""
        self.size = (0, 0)
        """(width, height) in pixels, once it is there."""

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until the window is there, and put it at its place.

        Raises:
            RuntimeError: if it does not come.
        """
        if self._id:
            return
        until = time.monotonic() + seconds
        while not (found := self.screen.tool("search", "--onlyvisible", "--classname", f"^{self._name}$")):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.setup.kind} did not start: {self.log()[-800:]}")
            time.sleep(0.05)
        self._id = found.splitlines()[0]
        self.screen.tool("windowmove", "--sync", self._id, str(self._at[0]), str(self._at[1]))
        told = self.screen.tool("getwindowgeometry", "--shell", self._id)
        facts = dict(line.split("=") for line in told.splitlines())
        self._at = (int(facts["X"]), int(facts["Y"]))
        self.size = (int(facts["WIDTH"]), int(facts["HEIGHT"]))

    @property
    def cell(self) -> tuple[int, int]:
        """(width, height) of a cell."""
        return (self.size[0] // self.setup.size[0], self.size[1] // self.setup.size[1])

    def focus(self) -> None:
        """From now on it gets the keys."""
        self.screen.tool("windowfocus", "--sync", self._id)

    def type(self, *keys: str) -> None:
        """Press keys, by their X names."""
        self.focus()
        self.screen.tool("key", "--clearmodifiers", "--delay", "15", *keys)

    def grab(self) -> Pixels:
        """(H, W, 3) what it shows."""
        return self.screen.grab(*self._at, *self.size)

    def settled(self, matches: Callable[[Pixels], str], seconds: float = 40.0) -> Pixels:
        """Wait until it shows what is wanted, and goes on showing it.

        Args:
            matches: what is wrong with a picture; empty if it is right.
            seconds: how long at most.

        Returns:
            The right picture.

        Raises:
            AssertionError: if it does not come; says what is wrong and where the last picture lies.
        """
        until = time.monotonic() + seconds
        right = 0
        while True:
            shot = self.grab()
            wrong = matches(shot)
            right = 0 if wrong else right + 1
            if right == 2:
                return shot
            has_ended = self._process.poll() is not None
            if has_ended or time.monotonic() > until:
                path = self.keep(shot, "wrong")
                wrong = "the program has ended" if has_ended else wrong or "it does not settle"
                raise AssertionError(f"{wrong}; see {path}\n{self.log()[-400:]}")
            # A picture that is made finer when nothing moves has to stay right.
            time.sleep(0.3 if right else 0.05)

    def watch(self) -> Watch:
        """Grab it as fast as possible, in a thread."""
        return Watch(self.screen, (*self._at, *self.size))

    def keep(self, shot: Pixels, name: str) -> Path:
        """Write a picture into the window's folder."""
        path = self.folder / f"{name}.png"
        Image.fromarray(shot).save(path)
        return path

    def log(self) -> str:
        """What the terminal itself said."""
        return (self.folder / "terminal.log").read_text(errors="replace")


class Watch:
    """Grabs of a part of the screen, one after the other, until it is left.

    Args:
        screen: it is on.
        box: left, top, width, height.
    """

    def __init__(self, screen: VirtualScreen, box: tuple[int, int, int, int]) -> None:
        self._screen, self._box = screen, box
        self.grabs: list[Pixels] = []
        """(H, W) the green of every second pixel each way."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(0.004):
            self.grabs.append(self._screen.grab(*self._box)[::2, ::2, 1].copy())


def _mapped(path: Path) -> Pixels:
    """(H, W, 4) the memory of a screen, blue first, as the server writes it.

    Raises:
        RuntimeError: if it has another format.

    The file is an X window dump (XWDFile.h): a header of big-endian numbers, its own length first, then the colour
    map, 12 bytes a colour, then the pixels.
    """
    header = struct.unpack(">25I", path.read_bytes()[:100])
    length, width, height, bits, line, colours = (header[each] for each in (0, 4, 5, 11, 12, 19))
    if bits != 32 or line != 4 * width or header[14:17] != (0xFF0000, 0xFF00, 0xFF):
        raise RuntimeError(f"{path}: a screen of {width} x {height} with {bits} bits a pixel is not what was asked for")
    return np.memmap(path, np.uint8, "r", offset=length + 12 * colours, shape=(height, width, 4))


def _changes(environ: Mapping[str, str | None]) -> list[str]:
    removed = [word for name, value in environ.items() if value is None for word in ("-u", name)]
    return removed + [f"{name}={value}" for name, value in environ.items() if value is not None]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started in its session."""
    for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
