"""Foreign text for widgets."""

from __future__ import annotations

from rich.text import Text

from leaptui.words import visible


def cell(text: object, style: str = "", *, justify: str = "left") -> Text:
    """Foreign text for a table cell: visible, and never read as markup."""
    return Text(visible(text), style, justify="right" if justify == "right" else "left", no_wrap=True)
