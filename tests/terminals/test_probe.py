"""The probe on a scripted terminal: right however long the way is, and nothing typed is lost."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leaptui.graphics.probe import Probed, probe, refreshed
from leaptui.graphics.terminal import Colours, Graphics, Patch, Tmux
from tests.terminals.fake_terminal import PROFILES, FakeTerminal, Profile, without

ENVIRON = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}

RIGHT: dict[str, tuple[Graphics, Patch, tuple[float, float] | None]] = {
    "sixel": (Graphics.SIXEL, Patch.DELTA, (10, 20)),
    "foot": (Graphics.SIXEL, Patch.DELTA, (10, 20)),
    "mlterm": (Graphics.SIXEL, Patch.CELLS, (10, 20)),
    "xterm.js": (Graphics.SIXEL, Patch.CELLS, (10, 20)),
    "kitty": (Graphics.KITTY, Patch.CELLS, (10, 20)),
    "iterm2": (Graphics.ITERM2, Patch.CELLS, (10, 20)),
    "plain": (Graphics.HALF, Patch.CELLS, None),
}

TYPED = b"n\x1b[Aq\x1b\x1b[1;5C\x1bOPx\xc3\xa4\r\x1b[<0;3;4M"
"""Letters, arrows, the escape key, F1, two bytes of UTF-8, Enter, a click."""


def ask(profile: str | Profile, round_trip: float, typed: bytes = b"", **options: object) -> Probed:
    """Probe a scripted terminal in which keys are pressed while it is asked."""
    environ = options.pop("environ", ENVIRON)
    with FakeTerminal(None, profile, round_trip=round_trip) as terminal:
        for part in (typed[:4], typed[4:9], typed[9:]):
            terminal.type(part, after=b"\x1b[16t")
        return probe(terminal.device, terminal.device, environ=environ, **options)  # type: ignore[arg-type]


def test_it_is_right_up_to_two_seconds_of_round_trip_and_keeps_what_is_typed():
    cases = [(name, trip) for name in RIGHT for trip in (0.0, 0.3, 1.0, 2.0)]
    with ThreadPoolExecutor(len(cases)) as pool:
        answers = list(pool.map(lambda case: ask(*case, typed=TYPED), cases))
    for (name, trip), probed in zip(cases, answers, strict=True):
        terminal = probed.terminal
        assert (terminal.graphics, terminal.patch, terminal.cell) == RIGHT[name], (name, trip, terminal)
        assert probed.typed == TYPED, (name, trip)
        assert terminal.answered
        assert terminal.round_trip is not None
        assert terminal.round_trip >= trip * 0.9


def test_what_the_answers_say_is_taken_over():
    xterm, kitty = ask("sixel", 0), ask("kitty", 0)
    assert (xterm.terminal.name, xterm.terminal.registers) == ("XTerm(379)", 1024)
    assert (xterm.terminal.sync, xterm.terminal.pixel_mouse) == (False, True)
    assert xterm.terminal.colours is Colours.TRUE
    assert xterm.terminal.largest == (1000, 1000)
    assert (kitty.terminal.sync, kitty.terminal.pixel_mouse) == (True, True)
    assert kitty.background == (30, 30, 46)


def test_a_fractional_cell_comes_from_the_text_area():
    profile = without("xterm.js", reports_size=False)
    with FakeTerminal(None, profile, size=(100, 40)) as terminal:
        terminal.answers[b"14t"] = b"\x1b[4;800;963t"
        terminal.answers[b"16t"] = b"\x1b[6;20;10t"
        found = probe(terminal.device, terminal.device, environ=ENVIRON).terminal
    assert found.cell == (9.63, 20)
    assert found.patch is Patch.STRIP


def test_a_terminal_that_says_nothing_is_used_for_text():
    probed = ask("silent", 0, typed=TYPED, timeout=0.3)
    assert probed.terminal.graphics is Graphics.HALF
    assert not probed.terminal.answered
    assert probed.typed == TYPED
    assert "did not answer" in probed.terminal.reasons[0]


@pytest.mark.parametrize("term", ["dumb", "linux", ""])
def test_terminals_that_print_questions_are_not_asked(term: str):
    with FakeTerminal(None, "kitty") as terminal:
        found = probe(terminal.device, terminal.device, environ={**ENVIRON, "TERM": term}).terminal
        assert not terminal.wait_for(lambda: terminal.written, 0.1)
    assert not found.graphics.has_pixels


def test_a_pipe_is_not_asked():
    read_end, write_end = os.pipe()
    try:
        found = probe(read_end, write_end, environ=ENVIRON).terminal
    finally:
        os.close(write_end)
        left = os.read(read_end, 10)
        os.close(read_end)
    assert left == b""
    assert found.graphics is Graphics.HALF
    assert "no terminal" in found.reasons[0]


def test_the_terminal_is_left_as_it_was():
    import termios

    with FakeTerminal(None, "kitty") as terminal:
        before = termios.tcgetattr(terminal.device)
        probe(terminal.device, terminal.device, environ=ENVIRON)
        assert termios.tcgetattr(terminal.device) == before


def test_a_name_forces_the_way_and_nothing_is_asked():
    with FakeTerminal(None, "kitty") as terminal:
        environ = {**ENVIRON, "LEAPTUI_GRAPHICS": "sixel"}
        found = probe(terminal.device, terminal.device, environ=environ).terminal
        other = probe(terminal.device, terminal.device, environ=environ, graphics=Graphics.BRAILLE).terminal
        assert not terminal.wait_for(lambda: terminal.written, 0.1)
    assert (found.graphics, found.cell, found.largest) == (Graphics.SIXEL, (10, 20), (1000, 1000))
    assert other.graphics is Graphics.BRAILLE


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"LEAPTUI_GRAPHICS: .*'sixle'.* kitty, iterm2, sixel, .*ascii"):
        probe(0, 1, environ={**ENVIRON, "LEAPTUI_GRAPHICS": "sixle"})


def tmux_says(folder: Path, device: int, **changes: str) -> dict[str, str]:
    """An environment in which tmux is a script."""
    said = {
        "pane_tty": os.ttyname(device),
        "outer": "kitty(0.26.5)",
        "features": "256,RGB,title",
        "cell": "10|20",
        "place": "3|2",
        "passes": "on",
        "status": "on|top",
        "active": "1|1|0",
        **changes,
    }
    script = folder / "tmux"
    script.write_text(f"#!/bin/sh\necho '{'|'.join(said.values())}|3.3a'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    path = f"{folder}:{os.environ['PATH']}"
    return {**ENVIRON, "TERM": "tmux-256color", "TMUX": "/tmp/none,1,0", "TMUX_PANE": "%1", "PATH": path}


@pytest.mark.parametrize("round_trip", [0.0, 0.6])
def test_inside_tmux_the_terminal_outside_is_asked(tmp_path: Path, round_trip: float):
    with FakeTerminal(None, "tmux", round_trip=round_trip) as terminal:
        terminal.type(TYPED, after=b"\x1b[16t")
        environ = tmux_says(tmp_path, terminal.device)
        probed = probe(terminal.device, terminal.device, environ=environ)
    found = probed.terminal
    assert (found.graphics, found.tmux) == (Graphics.KITTY, Tmux(left=3, top=3))
    assert (found.pixel_mouse, found.colours, found.cell) == (False, Colours.TRUE, (10, 20))
    assert probed.typed == TYPED


def test_tmux_that_passes_nothing_on_is_text_with_advice(tmp_path: Path):
    with FakeTerminal(None, "tmux") as terminal:
        found = probe(terminal.device, terminal.device, environ=tmux_says(tmp_path, terminal.device, passes="off"))
    assert found.terminal.graphics is Graphics.HALF
    assert found.terminal.tmux is None
    assert "set -g allow-passthrough on" in found.terminal.reasons[0]


@pytest.mark.parametrize("active", ["0|1|0", "1|0|0", "1|1|1"])
def test_answers_that_would_go_to_another_pane_are_not_asked_for(tmp_path: Path, active: str):
    with FakeTerminal(None, "tmux") as terminal:
        said = tmux_says(tmp_path, terminal.device, active=active)
        kitty = probe(terminal.device, terminal.device, environ=said).terminal
        said = tmux_says(tmp_path, terminal.device, active=active, outer="XTerm(379)")
        xterm = probe(terminal.device, terminal.device, environ=said).terminal
        assert not terminal.wait_for(lambda: terminal.written, 0.1)
    assert (kitty.graphics, kitty.tmux) == (Graphics.KITTY, Tmux(3, 3))
    assert xterm.graphics is Graphics.HALF
    assert "not the active one" in xterm.reasons[0]


def test_after_a_change_of_the_window_cells_and_pane_are_looked_up_again(tmp_path: Path):
    with FakeTerminal(None, "tmux") as terminal:
        before = probe(terminal.device, terminal.device, environ=tmux_says(tmp_path, terminal.device)).terminal
        terminal.resize((41, 20), (18, 36))
        environ = tmux_says(tmp_path, terminal.device, place="41|0", status="on|bottom")
        after = refreshed(before, terminal.device, environ=environ)
    assert (after.cell, after.tmux) == ((18, 36), Tmux(left=41, top=0))
    assert after.graphics is before.graphics


def test_a_window_opened_from_inside_tmux_is_not_inside_it(tmp_path: Path):
    with FakeTerminal(None, "kitty") as terminal:
        environ = tmux_says(tmp_path, terminal.device, pane_tty="/dev/pts/other")
        found = probe(terminal.device, terminal.device, environ={**environ, "TERM": "xterm-kitty"}).terminal
    assert (found.graphics, found.tmux) == (Graphics.KITTY, None)


def test_tmux_on_another_machine_is_told():
    profile = Profile(b"\x1b[?1;2c", b"tmux 3.3a", reports_size=False)
    found = ask(profile, 0).terminal
    assert not found.graphics.has_pixels
    assert "another machine" in found.reasons[0]


def test_the_profiles_are_all_looked_at():
    assert set(PROFILES) == {*RIGHT, "silent", "tmux"}
