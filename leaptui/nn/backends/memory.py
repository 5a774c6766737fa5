"""What was found to be the fastest before, so that it need not be tried again: one small file a case.

Only the choice is kept. Ranges of int8 are measured anew on each input, and its points compared with float32.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically
from leaptui.nn.backends.plan import Plan

_VERSION = 1


def cache_folder() -> Path:
    """In `LEAPTUI_HOME` if that is set, else in the user's cache folder."""
    named = os.environ.get("LEAPTUI_HOME")
    if named:
        return Path(named) / "cache" / "plans"
    from platformdirs import user_cache_path

    return user_cache_path("leaptui") / "plans"


def case_key(facts: Mapping[str, Any]) -> str:
    """Name of a case: model, machine, versions, frame size and what was asked for, as plain JSON."""
    text = json.dumps({"version": _VERSION, **facts}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def recall(key: str) -> Plan | None:
    """The choice of that case; None if there is none that can be read."""
    try:
        return Plan.from_dict(json.loads((cache_folder() / f"{key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, UnusableInput):
        return None


def remember(key: str, plan: Plan) -> None:
    """Keep a choice; a folder that cannot be written is no error."""
    kept = replace(plan, ranges={}, shift=None)
    try:
        write_atomically(cache_folder() / f"{key}.json", json.dumps(kept.to_dict()).encode())
    except UnusableInput:
        return
