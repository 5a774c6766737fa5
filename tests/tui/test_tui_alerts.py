"""Alerts while the app is open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tui_helpers import EVIL, FakeRuns, screen_text, training_picture, until

from leaptui.graphics.terminal import Terminal, Tmux
from leaptui.project import Project
from leaptui.tui.alerts import notification, way_to_notify
from leaptui.tui.app import LeaptuiApp


@pytest.mark.parametrize(
    ("wanted", "terminal", "environ", "way"),
    [
        ("auto", Terminal(name="kitty(0.32.2)"), {}, "osc9"),
        ("auto", Terminal(name="foot(1.16)"), {"TERM": "foot"}, "osc777"),
        ("auto", Terminal(name="XTerm(390)"), {"TERM": "xterm-256color"}, "off"),
        ("auto", Terminal(), {"TERM": "linux"}, "off"),
        ("auto", Terminal(), {"TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ("auto", Terminal(), {"TERM": "xterm-kitty"}, "osc9"),
        ("auto", Terminal(), {"VTE_VERSION": "7600", "TERM": "xterm-256color"}, "osc777"),
        ("osc9", Terminal(name="XTerm(390)"), {}, "osc9"),
        ("off", Terminal(name="kitty"), {}, "off"),
        # Behind tmux only through its passthrough, and by what is outside.
        ("osc9", Terminal(name="kitty"), {"TMUX": "/tmp/x"}, "off"),
        ("auto", Terminal(name="WezTerm 2024", tmux=Tmux()), {"TMUX": "/tmp/x", "TERM": "tmux-256color"}, "osc9"),
        ("auto", Terminal(name="xterm", tmux=Tmux()), {"TMUX": "/tmp/x", "TERM_PROGRAM": "iterm"}, "off"),
    ],
)
def test_only_terminals_that_understand_it_are_told(
    wanted: str, terminal: Terminal, environ: dict[str, str], way: str
) -> None:
    assert way_to_notify(wanted, terminal, environ) == way


def test_notifications_are_clean() -> None:
    assert notification("osc9", "a run", "4;1;50") == "\x1b]9;leaptui: a run: 4,1,50\x07"
    assert notification("osc777", "a;b", "") == "\x1b]777;notify;a,b;leaptui\x1b\\"
    assert notification("off", "a", "b") == ""
    text = notification("osc9", EVIL + "\x07\x9c\n", "x" * 1000)
    inside = text.removeprefix("\x1b]9;").removesuffix("\x07")
    assert inside.isprintable() and len(text) < 500
    wrapped = notification("osc777", "a", "b", in_tmux=True)
    assert wrapped == "\x1bPtmux;\x1b\x1b]777;notify;a;b\x1b\x1b\\\x1b\\"


@pytest.fixture
def three(project: Project, runs: FakeRuns) -> list[Path]:
    paths = [project.runs_folder / f"train-{name}" for name in "abc"]
    for path, state in zip(paths, ("running", "finished", "running"), strict=True):
        path.mkdir(parents=True)
        (path / "control").mkdir()
        runs.pictures[path] = training_picture(path, state=state)
    return paths


def bells(app: LeaptuiApp, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(1))
    return rung


async def test_every_run_of_the_project_is_told_once_whatever_is_on_screen(
    project: Project, runs: FakeRuns, three: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = LeaptuiApp(project.folder, services=runs.services())
    rung = bells(app, monkeypatch)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "train-c" in screen_text(pilot))
        await pilot.press("t")
        await until(pilot, lambda: "leaptui train " in screen_text(pilot))
        runs.pictures[three[0]] = training_picture(three[0], state="failed")
        await until(pilot, lambda: "train-a has failed" in screen_text(pilot))
        assert len(rung) == 1 and "train-b has finished" not in screen_text(pilot)
        runs.pictures[three[2]] = training_picture(three[2], state="finished")
        await until(pilot, lambda: "train-c has finished" in screen_text(pilot))
        assert len(rung) == 2 and "best error 4.22 px after 12 epochs" in screen_text(pilot)


async def test_the_settings_are_heeded(
    project: Project, runs: FakeRuns, three: list[Path], isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = isolated_home / "out"
    code = f"import os; open({str(out)!r}, 'a').write(os.environ['LEAPTUI_RUN_ID'] + os.environ['LEAPTUI_STATE'])"
    quoted = ", ".join("'''" + each + "'''" for each in (sys.executable, "-c", code))
    (isolated_home / "config.toml").write_text(f'[alerts]\nbell = false\non = ["failed"]\ncommand = [{quoted}]\n')
    app = LeaptuiApp(project.folder, services=runs.services())
    rung = bells(app, monkeypatch)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "train-c" in screen_text(pilot))
        for path, state in ((three[2], "finished"), (three[0], "stale")):
            runs.pictures[path] = training_picture(path, state=state)
        await until(pilot, lambda: "train-a has failed" in screen_text(pilot))
        await until(pilot, out.exists)
        await until(pilot, lambda: out.read_text() == "train-afailed")
        assert rung == [] and "train-c has finished" not in screen_text(pilot)


async def test_a_command_that_does_not_work_is_told_once(
    project: Project, runs: FakeRuns, three: list[Path], isolated_home: Path
) -> None:
    (isolated_home / "config.toml").write_text('[alerts]\ncommand = ["/no/such/program"]\n')
    app = LeaptuiApp(project.folder, services=runs.services())
    told: list[Any] = []
    warn = app.warn
    app.warn = lambda words, **more: (told.append(words), warn(words, **more))[1]  # type: ignore[method-assign, func-returns-value]
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "train-c" in screen_text(pilot))
        for path in (three[0], three[2]):
            runs.pictures[path] = training_picture(path, state="failed")
        await until(pilot, lambda: bool(told))
        await until(pilot, lambda: (three[2] / "control" / f".alert.0001.failed.{os.getuid()}").exists())
        await pilot.pause(0.5)
    assert len(told) == 1 and "cannot be started" in told[0]
