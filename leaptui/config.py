"""The user's own settings and the list of recent projects.

`config.toml` is the person's file: read, never written. `recent.json` is ours. Both live in the folder the
platform has for that, or in `LEAPTUI_HOME`.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically

_MOST_RECENT = 30


NOTIFY = ("auto", "osc9", "osc777", "off")
"""Ways to show a notification outside the terminal."""

ALERTS = ("finished", "failed", "stopped", "plateau")
"""What can be told of a run."""


@dataclass(frozen=True)
class AlertSettings:
    """`[alerts]`: what happens when a run ends or gets no better.

    Args:
        on: which alerts are wanted: "finished", "failed" (also when its process is gone), "stopped", "plateau" (no
            better validation error for 10 epochs and a fifth of those done).
        bell: ring the terminal's bell, while leaptui is open.
        notify: show a notification outside the terminal, while leaptui is open: "auto" where the terminal is known
            to understand it, "osc9" or "osc777" in any case, "off" never.
        command: what to start: a list is started as it is, a string by /bin/sh. The run starts it itself, whether or
            not leaptui is open; `leaptui.runs.alert_command` has the variables it gets.
    """

    on: tuple[str, ...] = ALERTS
    bell: bool = True
    notify: str = "auto"
    command: str | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Config:
    """The user's settings.

    Args:
        theme: name of a Textual theme, or None for the default.
        keymap: key by binding id, e.g. {"run.stop": "ctrl+k"}; several keys are separated by commas.
        alerts: what happens when a run ends.
    """

    theme: str | None = None
    keymap: dict[str, str] = field(default_factory=dict)
    alerts: AlertSettings = AlertSettings()


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
    return Config(theme, keymap, _alerts(plain.get("alerts", {}), path))


def _alerts(table: Any, path: Path) -> AlertSettings:
    """The `[alerts]` of the file."""
    if not isinstance(table, dict):
        raise UnusableInput("'alerts' must be a table: [alerts]", where=path)
    known = [each.name for each in fields(AlertSettings)]
    unknown = [name for name in table if name not in known]
    if unknown:
        raise UnusableInput(f"[alerts] has no setting '{unknown[0]}'", where=path, hint=f"It has {', '.join(known)}.")
    standard = AlertSettings()
    on, bell = table.get("on", list(standard.on)), table.get("bell", standard.bell)
    notify, command = table.get("notify", standard.notify), table.get("command")
    if not isinstance(on, list) or not all(each in ALERTS for each in on):
        raise UnusableInput(f"'on' in [alerts] must be a list of some of {', '.join(ALERTS)}", where=path)
    if not isinstance(bell, bool):
        raise UnusableInput("'bell' in [alerts] must be true or false", where=path)
    if notify not in NOTIFY:
        raise UnusableInput(f"'notify' in [alerts] must be one of {', '.join(NOTIFY)}", where=path)
    if isinstance(command, list) and command and all(isinstance(each, str) for each in command):
        command = tuple(command)
    elif command is not None and not (isinstance(command, str) and command.strip()):
        raise UnusableInput(
            "'command' in [alerts] must be a list of a program and its arguments, or a line for the shell", where=path
        )
    return AlertSettings(tuple(on), bell, notify, command)


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
