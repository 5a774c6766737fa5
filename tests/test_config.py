"""The user's configuration: read with care, written without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.config import Config, forget_project, load_config, recent_projects, remember_project
from leaptui.errors import UnusableInput


def test_without_a_file_there_are_defaults():
    assert load_config() == Config()


def test_theme_and_keys_are_read(isolated_home: Path):
    (isolated_home / "config.toml").write_text('theme = "nord"\n[keymap]\n"run.stop" = "ctrl+k"\n')
    assert load_config() == Config("nord", {"run.stop": "ctrl+k"})


@pytest.mark.parametrize("text", ["theme = ", "theme = 3", "keymap = 'x'", "[keymap]\n'run.stop' = 1", b"\xff\xfe\x00"])
def test_a_broken_file_is_said_with_its_name(isolated_home: Path, text: str | bytes):
    path = isolated_home / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UnusableInput, match=r"config\.toml"):
        load_config()


def test_recent_projects_are_latest_first_without_repeats(tmp_path: Path):
    for name in ("a", "b", "a"):
        remember_project(tmp_path / name)
    assert [p.name for p in recent_projects()] == ["a", "b"]
    forget_project(tmp_path / "a")
    assert [p.name for p in recent_projects()] == ["b"]


def test_a_damaged_list_is_an_empty_list(isolated_home: Path):
    (isolated_home / "recent.json").write_text('{"not": "a list"}')
    assert recent_projects() == []
    (isolated_home / "recent.json").write_text("[1, 2")
    assert recent_projects() == []


def test_a_home_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated_home: Path
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEAPTUI_HOME", str(tmp_path / "file" / "home"))
    remember_project(tmp_path)
    assert recent_projects() == []
