"""What the environment says of the terminal, before anybody asks it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leaptui.graphics.terminal import Colours, Graphics

VARIABLE = "LEAPTUI_GRAPHICS"
"""Forces a way to show pictures, like `--graphics`."""
AUTO = "auto"
"""Stands for asking the terminal."""
NAMES: tuple[str, ...] = (AUTO, *(graphics.value for graphics in Graphics))
"""What `--graphics` takes."""

_MUTE = ("dumb", "linux", "unknown", "")
"""Values of TERM whose terminals print what they do not understand."""
_TRUE_COLOUR_TERMS = re.compile(r"(kitty|foot|alacritty|wezterm|ghostty|contour|mlterm|iterm2?)(\b|-)|-direct")
_TRUE_COLOUR_NAMES = (
    "kitty",
    "foot",
    "wezterm",
    "ghostty",
    "konsole",
    "xterm(",
    "iterm2",
    "contour",
    "alacritty",
    "vte",
)


def graphics_named(name: str | None) -> Graphics | None:
    """The way to show pictures of that name; None for `auto`, for nothing and for no name.

    Raises:
        ValueError: if there is none; the message lists all.
    """
    wanted = (name or AUTO).strip().lower()
    if wanted in (AUTO, ""):
        return None
    if wanted not in NAMES:
        raise ValueError(f"there are no graphics {name!r}; there are {', '.join(NAMES)}")
    return Graphics(wanted)


def wanted_graphics(environ: Mapping[str, str]) -> Graphics | None:
    """What `LEAPTUI_GRAPHICS` forces; None if nothing.

    Raises:
        ValueError: if there is no such way; the message names the variable and lists all.
    """
    try:
        return graphics_named(environ.get(VARIABLE))
    except ValueError as error:
        raise ValueError(f"{VARIABLE}: {error}") from error


def why_mute(environ: Mapping[str, str]) -> str | None:
    """Why the terminal cannot be asked, in words; None if it can."""
    term = environ.get("TERM", "")
    return f"TERM={term or '(not set)'} answers no questions" if term in _MUTE else None


def prints_mode_questions(environ: Mapping[str, str]) -> bool:
    """Whether the terminal writes the end of DECRQM on the screen instead of ignoring it."""
    return environ.get("TERM_PROGRAM") == "Apple_Terminal"


def is_iterm2(environ: Mapping[str, str]) -> bool:
    """Whether the environment names iTerm2; LC_TERMINAL is what comes along over SSH."""
    return environ.get("LC_TERMINAL") == "iTerm2" or environ.get("TERM_PROGRAM") == "iTerm.app"


def name_of_terminal(environ: Mapping[str, str]) -> str:
    """What the environment calls the terminal; empty when it says nothing of use."""
    for variable in ("XTERM_VERSION", "LC_TERMINAL", "TERM_PROGRAM"):
        if environ.get(variable):
            return environ[variable]
    if environ.get("KITTY_WINDOW_ID"):
        return "kitty"
    return "foot" if environ.get("TERM", "").startswith("foot") else ""


def colours(environ: Mapping[str, str], name: str = "") -> Colours:
    """How many colours text can have.

    Args:
        environ: COLORTERM seldom survives SSH, TERM does; NO_COLOR (no-color.org) overrides both.
        name: what the terminal calls itself, if it said so.
    """
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in ("dumb", "unknown", "") or re.match(r"vt\d", term):
        return Colours.MONO
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or _TRUE_COLOUR_TERMS.search(term):
        return Colours.TRUE
    if name.lower().startswith(_TRUE_COLOUR_NAMES):
        return Colours.TRUE
    return Colours.ANSI256 if "256" in term else Colours.ANSI16


def has_unicode(environ: Mapping[str, str]) -> bool:
    """Whether the locale's characters are UTF-8; a locale that was never set says nothing against it."""
    named = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), None)
    return named is None or "utf8" in named.lower().replace("-", "")
