"""`leaptui compare`: the settings and figures of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from leaptui.cli.build import JSON, Flag, parse
from leaptui.cli.output import note, print_json, print_rows, text
from leaptui.cli.run_commands import find_run
from leaptui.errors import ExitCode, UsageError
from leaptui.ops.compare import Row, RunFacts, facts_of, figure_rows, node_rows, setting_rows
from leaptui.ops.requests import Request, option
from leaptui.runs.view import RunView
from leaptui.words import duration, figure, percent

_MOST = 26
_ALL = Flag("all", "Show every setting, also those that are the same in all runs.")


@dataclass(frozen=True)
class CompareRequest(Request):
    """Put the settings that differ and the figures of several runs side by side."""

    runs: tuple[Path, ...] = option("Run directories, or PROJECT/RUN: two or more.", default=(), positional=True)


def compare(args: Sequence[str]) -> int:
    """`leaptui compare`."""
    parsed = parse("compare", CompareRequest, args, (_ALL, JSON))
    paths = list(dict.fromkeys(find_run(path).path for path in parsed.request.runs))
    if not 2 <= len(paths) <= _MOST:
        raise UsageError(
            f"{len(paths)} runs were named; from 2 to {_MOST} can be compared",
            hint="`leaptui runs PROJECT` lists the runs of a project.",
        )
    facts = [_read(path) for path in paths]
    settings = setting_rows(facts, everything="all" in parsed.flags)
    figures, nodes = figure_rows(facts), node_rows(facts)
    if "json" in parsed.flags:
        print_json(
            {
                "runs": [
                    {"run": run.name, "path": path, "operation": run.operation, "state": run.state}
                    for run, path in zip(facts, paths, strict=True)
                ],
                "settings": {row.name: row.values for row in settings},
                "figures": {row.name: row.values for row in figures},
                "per_node_px": {row.name: row.values for row in nodes},
            }
        )
        return ExitCode.DONE
    for letter, run in zip(ascii_uppercase, facts, strict=False):
        note(f"{letter}  {run.name}")
    _print("settings" if "all" in parsed.flags else "settings that differ", settings, len(facts))
    _print("figures (* best)", figures, len(facts))
    _print("nodes that differ most (px)", nodes, len(facts))
    return ExitCode.DONE


def _read(path: Path) -> RunFacts:
    view = RunView(path)
    view.refresh()
    while view.is_behind:
        view.refresh()
    return facts_of(view)


def _print(title: str, rows: Sequence[Row], runs: int) -> None:
    if not rows:
        return
    lines = [
        [row.name, *(value_words(row, index) + (" *" if index in row.best else "") for index in range(runs))]
        for row in rows
    ]
    print_rows([title, *ascii_uppercase[:runs]], lines)


def value_words(row: Row, index: int) -> str:
    """One value of a row for people."""
    value: Any = row.values[index]
    if value is None:
        return "-"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if row.unit == "s":
            return duration(value)
        if row.unit == "share":
            return percent(value)
        if row.unit == "px":
            return figure(value)
    return text(value)
