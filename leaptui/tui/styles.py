"""Where the style sheets are: in the package when installed, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def styles_folder() -> Path:
    """The folder of the style sheets."""
    inside = _PACKAGE / "styles"
    return inside if inside.is_dir() else _PACKAGE.parent / "styles"


def style(name: str) -> Path:
    """Path of one style sheet, for a CSS_PATH."""
    return styles_folder() / f"{name}.tcss"
