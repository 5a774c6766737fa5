"""`leaptui doctor`, with and without a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from leaptui.cli import findings
from tests.cli.conftest import Cli
from tests.terminals.fake_terminal import FakeTerminal

DOCTOR = (sys.executable, "-m", "leaptui", "doctor")
ROOT = Path(__file__).resolve().parents[2]


def doctor(profile: str, *args: str, **options: object) -> tuple[int | None, str]:
    """Call it on a scripted terminal; exit code and what was written."""
    environ = {"PYTHONPATH": str(ROOT), "LEAPTUI_HOME": os.environ["LEAPTUI_HOME"]}
    with FakeTerminal([*DOCTOR, *args], profile, environ=environ, **options) as terminal:  # type: ignore[arg-type]
        assert terminal.wait_for(lambda: terminal.has_ended, 60), terminal.screen
        return terminal.exit_code, terminal.screen.decode(errors="replace")


def test_without_a_terminal_it_asks_nothing_and_draws_nothing(cli: Cli):
    done = cli("doctor")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "no terminal" in done.out
    for word in ("textual", "Python", "av", "settings", "GPU"):
        assert word in done.out


def test_json_is_one_object(cli: Cli):
    done = cli("doctor", "--json")
    assert done.code == 0
    assert set(done.json) == {"graphics", "terminal", "tmux", "link", "machine", "problems"}
    assert done.json["link"] is None
    assert done.json["machine"]["packages"]["textual"]


def test_an_unknown_way_to_draw_is_wrong_usage(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    assert cli("doctor", "--graphics", "sixle").code == 2
    monkeypatch.setenv("LEAPTUI_GRAPHICS", "sixle")
    done = cli("doctor")
    assert done.code == 2
    assert "LEAPTUI_GRAPHICS" in done.err
    assert "kitty, iterm2, sixel" in done.err.replace("\n", " ")


def test_on_a_slow_terminal_it_tells_the_link_and_draws():
    code, screen = doctor("kitty", round_trip=0.3, rate=64_000)
    assert code == 0
    assert "kitty: it answers the query of the kitty graphics protocol" in screen
    found = re.search(r"round trip (\d+) ms, ([\d.]+) kB/s", screen)
    assert found is not None
    assert int(found[1]) >= 299
    assert 1 < float(found[2]) <= 66
    assert "a=T" in screen or "a=t" in screen
    assert "You should see" in screen


def test_a_sixel_terminal_gets_a_sixel_picture():
    code, screen = doctor("sixel")
    assert code == 0
    assert "changed by single pixels" in screen
    assert re.search(r"\x1bP[\d;]*q", screen)


def test_a_terminal_without_pictures_gets_characters():
    code, screen = doctor("plain", "--graphics", "half")
    assert code == 0
    assert "half was asked for by name" in screen
    assert "▀" in screen or "▄" in screen


def test_json_on_a_terminal_has_the_link():
    code, screen = doctor("kitty", "--json")
    assert code == 0
    said = json.loads(screen[screen.index('{"graphics"') :])
    assert said["graphics"] == "kitty"
    assert said["terminal"]["cell"] == [10.0, 20.0]
    assert said["link"]["rate"] > 0


def test_a_settings_folder_that_cannot_be_written_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LEAPTUI_HOME", str(blocked / "home"))
    assert "is no folder" in (findings.settings_folder().trouble or "")
    monkeypatch.setenv("LEAPTUI_HOME", str(tmp_path / "new" / "home"))
    assert findings.settings_folder().trouble is None


def test_gpus_are_read_from_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559, 550.54.15'\necho 'Odd, [N/A], 1'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    first, second = findings.gpus()
    assert (first.name, first.memory_mib, first.driver) == ("NVIDIA H100 80GB HBM3", 81559, "550.54.15")
    assert second.memory_mib is None
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert findings.gpus() == ()
