"""Colours: leaptui's own themes, and the tokens its style sheets and curves use.

The colours are chosen so that rounding them to the 16 of an old terminal keeps text and ground apart.
Textual's own themes can be chosen too: every token is made from the theme in use.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="leaptui-dark",
    primary="#4cb3d4",
    secondary="#7d8fb3",
    accent="#f0b24a",
    warning="#f0c04a",
    error="#ff6b6b",
    success="#66d07e",
    foreground="#e4e8ec",
    background="#0e1216",
    surface="#151a20",
    panel="#1f262e",
    dark=True,
    variables={
        "block-cursor-background": "#4cb3d4",
        "block-cursor-foreground": "#0e1216",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#2c3a46",
        "block-cursor-blurred-foreground": "#e4e8ec",
        "footer-background": "#1f262e",
        "footer-key-foreground": "#4cb3d4",
        "border": "#4cb3d4",
        "border-blurred": "#4a5866",
        "input-cursor-background": "#e4e8ec",
        "input-cursor-foreground": "#0e1216",
        "input-selection-background": "#4cb3d4 40%",
    },
)

LIGHT = Theme(
    name="leaptui-light",
    primary="#1d4fae",
    secondary="#54607a",
    accent="#a04a00",
    warning="#a04a00",
    error="#b3202c",
    success="#11702f",
    foreground="#171c22",
    background="#f7f7f5",
    surface="#ffffff",
    panel="#e8eaee",
    dark=False,
    variables={
        "block-cursor-background": "#1d4fae",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#c3cbd9",
        "block-cursor-blurred-foreground": "#171c22",
        "footer-background": "#e8eaee",
        "footer-key-foreground": "#1d4fae",
        "border": "#1d4fae",
        "border-blurred": "#9aa4b2",
        "input-cursor-background": "#171c22",
        "input-cursor-foreground": "#ffffff",
        "input-selection-background": "#1d4fae 30%",
    },
)

THEMES = (DARK, LIGHT)
DEFAULT = DARK.name

_FROM_THEME = {
    "state-queued": "secondary",
    "state-starting": "primary",
    "state-running": "primary",
    "state-stopping": "warning",
    "state-finished": "success",
    "state-failed": "error",
    "state-stopped": "warning",
    "state-stale": "warning",
    "state-broken": "error",
    "curve-train": "primary",
    "curve-validation": "accent",
    "curve-error": "success",
    "curve-best": "error",
    "curve-axis": "secondary",
    "compare-1": "primary",
    "compare-2": "accent",
    "compare-3": "success",
    "compare-4": "error",
    "compare-5": "foreground",
    "compare-6": "secondary",
}


def tokens(theme: Theme) -> dict[str, str]:
    """leaptui's own variables for style sheets: states of runs and curves."""
    colours = theme.to_color_system().generate()
    found = {token: colours[source] for token, source in _FROM_THEME.items()}
    if theme.ansi:
        return {**found, "quiet": "ansi_default", "field": "ansi_bright_black"}
    return {
        **found,
        "quiet": _blend(colours["foreground"], colours["background"], 0.68),
        "field": _blend(colours["foreground"], colours["background"], 0.2),
    }


def rich_style(variables: Mapping[str, str], token: str) -> str:
    """A token as a Rich style, for cells of tables and for curves."""
    colour = variables[token]
    return colour.removeprefix("ansi_") if colour.startswith("ansi_") else colour


def _blend(foreground: str, background: str, share: float) -> str:
    return Color.parse(background).blend(Color.parse(foreground), share).hex
