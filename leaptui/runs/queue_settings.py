"""The user's settings of the queue: the table `[queue]` of config.toml, and the environment before it.

[queue]
cpu_slots = 1        # runs at a time that compute on the processors (LEAPTUI_CPU_SLOTS)
gpus = [0, 1]        # GPUs to use, as nvidia-smi counts; all of them when left out (LEAPTUI_GPUS=0,1)
busy_mb = 1024       # a GPU with more memory in use by other programs is not free (LEAPTUI_BUSY_MB)
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import Any

from leaptui.config import home
from leaptui.errors import UnusableInput

_MOST_SLOTS = 64
_HINT = "Correct it; `leaptui queue --help` says what can be set."


@dataclass(frozen=True)
class QueueSettings:
    """See the module.

    Args:
        cpu_slots: runs at a time that need no GPU.
        gpus: numbers of the GPUs to use; None means all.
        busy_bytes: GPU memory that other programs may use on a GPU that counts as free.
    """

    cpu_slots: int = 1
    gpus: tuple[int, ...] | None = None
    busy_bytes: int = 1 << 30


def load_queue_settings() -> QueueSettings:
    """Read them.

    Raises:
        UnusableInput: if one of them makes no sense.
    """
    table = _table()
    gpus = _numbers("LEAPTUI_GPUS", table.get("gpus"))
    slots = _number("LEAPTUI_CPU_SLOTS", "cpu_slots", table.get("cpu_slots", 1), _MOST_SLOTS)
    busy = _number("LEAPTUI_BUSY_MB", "busy_mb", table.get("busy_mb", 1024), 1 << 20)
    return QueueSettings(slots, gpus, busy << 20)


def _table() -> dict[str, Any]:
    path = home() / "config.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("queue", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnusableInput(f"it cannot be read: {error}", where=path, hint="Correct it or move it away.") from error
    if not isinstance(found, dict):
        raise UnusableInput("'queue' must be a table", where=path, hint=_HINT)
    return found


def _number(variable: str, name: str, value: object, most: int) -> int:
    told = os.environ.get(variable)
    where = f"[queue] {name}" if told is None else variable
    found = value if told is None else int(told) if told.strip().isdecimal() else None
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
        raise UnusableInput(f"it must be a whole number from 0 to {most}", where=where, hint=_HINT)
    return found


def _numbers(variable: str, value: object) -> tuple[int, ...] | None:
    told = os.environ.get(variable)
    if told is not None:
        words = [word.strip() for word in told.split(",") if word.strip()]
        value = [int(word) if word.isdecimal() else word for word in words]
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, int) and 0 <= each < 1024 for each in value):
        where = "[queue] gpus" if told is None else variable
        raise UnusableInput("it must list the numbers of GPUs, such as 0, 1", where=where, hint=_HINT)
    return tuple(dict.fromkeys(value))
