"""leaptui's driver under a real Textual app on a scripted terminal."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

from tests.terminals.fake_terminal import FakeTerminal, without

APP = Path(__file__).with_name("typing_app.py")
ROOT = Path(__file__).resolve().parents[2]


class Typing:
    """The typing app on a terminal."""

    def __init__(
        self, folder: Path, profile: object = "kitty", *, wait: float = 2.5, after: str = "", **options: object
    ) -> None:
        self.notes_file = folder / "notes"
        argv = [sys.executable, str(APP), str(self.notes_file), str(wait)]
        self.terminal = FakeTerminal(
            ["sh", "-c", f"{shlex.join(argv)}; {after}"] if after else argv,
            profile,  # type: ignore[arg-type]
            environ={"PYTHONPATH": str(ROOT)},
            **options,  # type: ignore[arg-type]
        )

    def __enter__(self) -> Typing:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()

    @property
    def notes(self) -> list[str]:
        """What the app has written down."""
        return self.notes_file.read_text().splitlines() if self.notes_file.exists() else []

    def has_noted(self, *lines: str) -> bool:
        """Wait until all of these are noted."""
        return self.terminal.wait_for(lambda: set(lines) <= set(self.notes))

    @property
    def keys(self) -> list[str]:
        """Keys that reached the app."""
        return [line.removeprefix("key ") for line in self.notes if line.startswith("key ")]

    def is_ready(self) -> bool:
        """Wait until the app runs and its terminal is set up."""
        return self.terminal.wait_for(lambda: self.notes and b"\x1b[?2004h" in self.terminal.screen)


def test_late_replies_are_no_keys_and_typed_ones_are(tmp_path: Path):
    with Typing(tmp_path, "sixel", wait=0.2, round_trip=1.2) as app:
        app.terminal.type(b"n\x1b[A", after=b"\x1b[16t")
        assert app.is_ready()
        assert "ready half False" in app.notes
        app.terminal.type(b"z")
        assert app.has_noted("key z")
        app.terminal.type(b"\x1b[?6")
        app.terminal.type(b"3;4c\x1b_Gi=4211;O")
        app.terminal.type(b"K\x1b\\y")
        assert app.has_noted("key y")
        assert app.keys == ["n", "up", "z", "y"]


def test_typed_keys_come_first_and_the_escape_key_works(tmp_path: Path):
    with Typing(tmp_path, "kitty", round_trip=0.4) as app:
        app.terminal.type(b"ab\x1b[B", after=b"\x1b[16t")
        assert app.is_ready()
        app.terminal.type(b"c")
        assert app.has_noted("key c")
        app.terminal.type(b"\x1b")
        assert app.has_noted("key escape")
        assert app.keys == ["a", "b", "down", "c", "escape"]


def test_mouse_in_pixels_has_fractions_of_cells_and_follows_the_font(tmp_path: Path):
    with Typing(tmp_path, "kitty") as app:
        assert app.is_ready()
        assert app.terminal.wait_for(lambda: b"\x1b[?1016h" in app.terminal.screen)
        app.terminal.type(b"\x1b[<0;105;45M\x1b[<0;105;45m")
        assert app.has_noted("mouse 10.5 2.25")
        app.terminal.type(b"\x1b[<0;0;0M\x1b[<0;0;0m")
        assert app.has_noted("mouse 0.0 0.0")
        app.terminal.resize((41, 21), (20, 40))
        app.terminal.type(b"\x1b[<0;105;45M\x1b[<0;105;45m")
        assert app.has_noted("mouse 5.25 1.125")
        app.terminal.type(b"Q")
        assert app.terminal.wait_for(lambda: app.terminal.has_ended)
        assert app.terminal.screen.rfind(b"\x1b[?1016l") > app.terminal.screen.rfind(b"\x1b[?1016h")


def test_without_mode_1016_the_mouse_stays_in_cells(tmp_path: Path):
    with Typing(tmp_path, without("kitty", modes={})) as app:
        assert app.is_ready()
        app.terminal.type(b"\x1b[<0;11;3M\x1b[<0;11;3m")
        assert app.has_noted("mouse 10.0 2.0")
        assert b"\x1b[?1016h" not in app.terminal.screen


def test_positions_are_answers_when_asked_for_and_f3_otherwise(tmp_path: Path):
    with Typing(tmp_path, "kitty") as app:
        assert app.is_ready()
        app.terminal.type(b"\x1b[1;2R")
        assert app.has_noted("key shift+f3")
        app.terminal.cursor = (1, 2)
        app.terminal.type(b"p")
        assert app.has_noted("at 1 0")
        assert app.keys == ["shift+f3", "p"]


def test_leaving_waits_for_answers_so_that_the_shell_does_not_get_them(tmp_path: Path):
    # What was not read is echoed once the terminal's own echo is on again.
    with Typing(tmp_path, "kitty", round_trip=0.5, after="sleep 0.8") as app:
        assert app.is_ready()
        app.terminal.type(b"Q")
        assert app.terminal.wait_for(lambda: app.terminal.has_ended)
        assert b"^[[1;1R" not in app.terminal.screen


def test_suspended_it_leaves_a_clean_terminal_and_comes_back(tmp_path: Path):
    with Typing(tmp_path, "kitty") as app:
        assert app.is_ready()
        assert app.terminal.wait_for(lambda: b"\x1b[?1016h" in app.terminal.screen)
        seen = len(app.terminal.screen)
        app.terminal.signal(signal.SIGTSTP)
        assert app.terminal.wait_for(lambda: b"\x1b[?1049l" in app.terminal.screen[seen:])
        left = app.terminal.screen[seen:]
        assert b"\x1b[?1016l" in left
        assert b"\x1b[?1003l" in left
        seen = len(app.terminal.screen)
        assert app.terminal.wait_for(app.terminal.is_stopped)
        app.terminal.signal(signal.SIGCONT)
        assert app.terminal.wait_for(lambda: b"\x1b[?1016h" in app.terminal.screen[seen:])
        app.terminal.type(b"r")
        assert app.has_noted("key r")


def test_a_signal_to_suspend_never_interrupts_what_the_app_does(tmp_path: Path):
    with Typing(tmp_path, "kitty") as app:
        assert app.is_ready()
        app.terminal.type(b"S")
        assert app.terminal.wait_for(app.terminal.is_stopped)
        assert app.notes[-1] == "signalled"
        seen = len(app.terminal.screen)
        app.terminal.signal(signal.SIGCONT)
        assert app.terminal.wait_for(lambda: b"\x1b[?1016h" in app.terminal.screen[seen:])
        app.terminal.type(b"r")
        assert app.has_noted("key r")
