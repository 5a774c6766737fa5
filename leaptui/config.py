"""The user's own settings and the list of recent projects.

`config.toml` is the person's file: read, never written. `recent.json` is ours. Both live in the folder the
platform has for that, or in `LEAPTUI_HOME`.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically

_MOST_RECENT = 30


@dataclass(frozen=True)
class Config:
    """The user's settings.

    Args:
        theme: name of a Textual theme, or None for the default.
        keymap: key by binding id, e.g. {"run.stop": "ctrl+k"}; several keys are separated by commas.
    """

    theme: str | None = None
    keymap: dict[str, str] = field(default_factory=dict)


def home() -> Path:
    """Folder of the configuration."""
    named = os.environ.get("LEAPTUI_HOME")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("leaptui")


def load_config() -> Config:
    """Read `config.toml`; without one, the defaults.

    Raises:
        UnusableInput: if the file is no TOML or a setting has the wrong form.
    """
    path = home() / "config.toml"
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnusableInput(f"it cannot be read: {error}", where=path, hint="Correct it or move it away.") from error
    theme, keymap = plain.get("theme"), plain.get("keymap", {})
    if theme is not None and not isinstance(theme, str):
        raise UnusableInput("'theme' must be the name of a theme", where=path)
    if not isinstance(keymap, dict) or not all(isinstance(key, str) for key in keymap.values()):
        raise UnusableInput("'keymap' must give one string of keys a binding id", where=path)
    return Config(theme, keymap)


def recent_projects() -> list[Path]:
    """Projects opened before, latest first, whether or not they are still there."""
    try:
        plain: Any = json.loads((home() / "recent.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(p) for p in plain if isinstance(p, str)] if isinstance(plain, list) else []


def remember_project(folder: Path) -> None:
    """Put a project first in the list of recent ones; a home that cannot be written is no error."""
    folder = folder.resolve()
    known = [folder, *(p for p in recent_projects() if p != folder)][:_MOST_RECENT]
    try:
        write_atomically(home() / "recent.json", json.dumps([str(p) for p in known], indent=1).encode())
    except UnusableInput:
        return


def forget_project(folder: Path) -> None:
    """Take a project off the list; its files stay."""
    known = [p for p in recent_projects() if p != folder]
    write_atomically(home() / "recent.json", json.dumps([str(p) for p in known], indent=1).encode())
