"""What the command line prints: data to stdout, words to stderr."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, SupportsFloat, SupportsInt

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaptui.errors import LeaptuiError
from leaptui.words import visible

stderr = Console(stderr=True, highlight=False)
"""Progress, notes and errors go here."""

stdout = Console(highlight=False)
"""Results for people go here; with --json nothing else than the JSON does."""


def plain(value: Any) -> Any:
    """A result as JSON: dataclasses to objects, paths to text, NaN and infinity to null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, Iterable):
        return [plain(v) for v in value]
    if isinstance(value, SupportsInt | SupportsFloat) and hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def print_json(value: Any) -> None:
    """Exactly one JSON object on stdout."""
    sys.stdout.write(json.dumps(plain(value), allow_nan=False) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Words on stderr."""
    for line in text.splitlines():
        stderr.print(Text(visible(line)), soft_wrap=True)


def print_error(error: LeaptuiError) -> None:
    """What went wrong, where and what to do, on stderr."""
    line = Text("error: ", style="bold red")
    if error.where is not None:
        line.append(visible(error.where) + ": ", style="bold")
    line.append("\n".join(visible(part) for part in error.what.splitlines()), style="default")
    stderr.print(line, soft_wrap=True)
    if error.hint:
        stderr.print(Text("  " + visible(error.hint), style="dim"), soft_wrap=True)


def print_facts(facts: Mapping[str, Any], title: str | None = None) -> None:
    """A table of names and values on stdout; what is None is left out."""
    table = Table(box=None, show_header=False, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None and value != "":
            table.add_row(visible(name), Text(visible(text(value))))
    stdout.print(table)


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """A table with headings on stdout; numbers to the right."""
    rows = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left", title_style="bold")
    for column, heading in enumerate(headings):
        numbers = bool(rows) and all(isinstance(row[column], int | float) or row[column] is None for row in rows)
        table.add_column(heading, justify="right" if numbers else "left", overflow="fold", no_wrap=column == 0)
    for row in rows:
        table.add_row(*(Text(visible(text(value))) for value in row))
    stdout.print(table)


def text(value: Any) -> str:
    """A value for people."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(text(v) for v in value)
    return str(value)
