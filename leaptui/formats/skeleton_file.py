"""Skeletons in files: TOML, CSV, or whatever labels can be imported from.

TOML: `name`, `nodes`, `edges`, `symmetries`, `body_axis` as `Skeleton.to_dict` has them, at the top or in a table
`[skeleton]` (so a project.toml will do). CSV (DeepPoseKit): columns `name`, `parent`, `swap`, by node name, empty for
none.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from leaptui.errors import UnusableInput
from leaptui.files import write_atomically
from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.checks import some
from leaptui.formats.guess import format_module, guess
from leaptui.formats.symmetry import SwapPairs, pairs_from_swap
from leaptui.pose.skeleton import Skeleton, make_skeleton

_COLUMNS = ("name", "parent", "swap")


def read_skeleton(path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    """The skeleton in a file, and notes on what in it was wrong and guessed instead.

    Raises:
        UnusableInput: if it cannot be read; the message names the row or key.
    """
    if not path.exists():
        raise UnusableInput("there is no such file", where=path)
    if path.is_file() and path.suffix.lower() == ".toml":
        return _from_toml(path), ()
    if path.is_file() and path.suffix.lower() == ".csv" and _header(path)[:1] == ["name"]:
        return _from_csv(path)
    if path.is_file() and path.suffix.lower() == ".mat":
        name = "leap"
    else:
        name = guess([path])
    reader = cast("Callable[[Path], tuple[Skeleton, tuple[str, ...]]]", format_module(name).read_skeleton)
    return reader(path)


def write_skeleton(skeleton: Skeleton, path: Path) -> None:
    """Write a skeleton as TOML, whole or not at all.

    Raises:
        UnusableInput: if the operating system refuses to write.
    """
    import tomlkit

    document = tomlkit.document()
    for key, value in skeleton.to_dict().items():
        if isinstance(value, list) and key != "body_axis":
            array = tomlkit.array()
            array.extend(value)
            document.add(key, array.multiline(True))
        else:
            document.add(key, value)
    write_atomically(path, tomlkit.dumps(document).encode())


def _from_toml(path: Path) -> Skeleton:
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnusableInput(f"it is not readable TOML: {error}", where=path) from error
    table = plain.get("skeleton", plain)
    if not isinstance(table, dict):
        raise UnusableInput("'skeleton' must be a table", where=path)
    return Skeleton.from_dict({"name": path.stem, **table}, where=str(path))


def _header(path: Path) -> list[str]:
    lines = _lines(path)
    return [cell.strip().lower() for cell in lines[0]] if lines else []


def _lines(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput("it is not a CSV text file", where=path) from error


def _from_csv(path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    header = _header(path)
    unknown = [name for name in header if name not in _COLUMNS]
    if unknown or len(set(header)) < len(header):
        raise UnusableInput(f"the columns must be name, parent and swap, not {some(header)}", where=path)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in enumerate(_lines(path)[1:], start=2):
        if any(cell.strip() for cell in cells):
            padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
            rows.append((number, dict(zip(header, padded, strict=False))))
    names = [row["name"] for _, row in rows]
    for number, row in rows:
        _check_row(number, row, names, path)
    edges = [(row["parent"], row["name"]) for _, row in rows if row.get("parent")]
    swap = [names.index(row["swap"]) if row.get("swap") else -1 for _, row in rows]
    found = pairs_from_swap(names, swap)
    notes = _swap_notes(found, rows, path)
    return make_skeleton(path.stem, names, edges, found.pairs, guess_body_axis(names)), notes


def _check_row(number: int, row: dict[str, str], names: list[str], path: Path) -> None:
    name = row["name"]
    if not name:
        raise UnusableInput(f"line {number} has no name", where=path)
    if names.count(name) > 1:
        raise UnusableInput(f"line {number}: the name {name} occurs twice", where=path)
    for column in ("parent", "swap"):
        other = row.get(column, "")
        if other and other not in names:
            raise UnusableInput(f"line {number} ({name}): its {column} {other} is no node of this file", where=path)
        if other == name:
            raise UnusableInput(f"line {number}: {name} is its own {column}", where=path)


def _swap_notes(found: SwapPairs, rows: list[tuple[int, dict[str, str]]], path: Path) -> tuple[str, ...]:
    """What was repaired.

    Raises:
        UnusableInput: if a wrong partner cannot be repaired from the names.
    """
    partner = {name: twin for pair in found.pairs for name, twin in (pair, pair[::-1])}
    notes = []
    for number, row in rows:
        name, given = row["name"], row.get("swap", "")
        if name not in found.inconsistent:
            continue
        if name not in partner:
            raise UnusableInput(
                f"line {number}: {name} swaps with {given}, which does not swap with {name}",
                where=path,
                hint="Both rows of a left/right pair must name each other.",
            )
        notes.append(f"line {number}: {name} names {given} as its swap, taken as {partner[name]}")
    return tuple(notes)
