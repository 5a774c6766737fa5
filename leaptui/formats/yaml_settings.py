"""Settings in a YAML file of another program, as flat names and plain values. Nothing in the file is run.

Every node is read as text, list or mapping, whatever its tag says; what looks like a number is one afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SETTINGS_KEPT = 500

_BYTES = 1 << 16
_DEPTH = 12
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_settings(path: Path) -> dict[str, Any]:
    """Settings by name, nested ones joined by dots; {} where the file is absent, too large or no YAML."""
    try:
        if path.stat().st_size > _BYTES:
            return {}
        # Not the loader written in C: it recurses, and a file of brackets overflows its stack.
        content = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    found: dict[str, Any] = {}
    if isinstance(content, dict):
        for name, value in _flat(content, "", 0):
            if len(found) >= SETTINGS_KEPT:
                break
            found[name] = value
    return found


def _flat(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and depth < _DEPTH:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, list):
        # An alias may stand for a list of lists of lists: only one level is ever written out.
        yield name, ", ".join(each if isinstance(each, str) else "…" for each in value[:20])
    elif isinstance(value, dict):
        yield name, "…" if value else ""
    else:
        yield name, _plain(str(value))


def _plain(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
