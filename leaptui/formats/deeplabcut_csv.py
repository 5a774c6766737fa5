"""The tables of DeepLabCut and Lightning Pose, without pandas.

Column levels are header rows: scorer[, individuals], bodyparts, coords (x, y[, visible]). The row index names an
image, in one column (`labeled-data/video/img.png`) or in three. `visible` (Lightning Pose) is 0 for unlabelled,
1 for occluded, 2 for visible.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.formats.checks import plural, some
from leaptui.formats.natural import is_image_name
from leaptui.pose.instance import Flags

_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_UNSET = frozenset({"", "nan", "na", "none", "null", "<na>", "n/a"})


@dataclass(frozen=True, eq=False)
class Row:
    """Labels of one image.

    Args:
        image: what the index says.
        points: (animals, J, 2); NaN is unset.
        occluded: (animals, J).
    """

    image: str
    points: NDArray[np.float64]
    occluded: Flags

    @property
    def parts(self) -> list[str]:
        """Folders and name of the image, whatever system wrote them; nothing that leads upwards."""
        return [part for part in self.image.replace("\\", "/").split("/") if part not in ("", ".", "..")]


@dataclass(frozen=True)
class Table:
    """One CSV: body parts in order of appearance, animals (None when there is no such level), rows."""

    path: Path
    nodes: tuple[str, ...]
    animals: tuple[str | None, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    position: int
    animal: str | None
    node: str
    coord: str


def looks_like_csv(path: Path) -> bool:
    """Whether a file starts with DeepLabCut's header levels."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b'"').startswith(b"scorer") and b"bodyparts" in head


def read_table(path: Path) -> Table:
    """Read a CollectedData CSV.

    Raises:
        UnusableInput: if header or a cell is not of its form, or the table holds predictions.
    """
    lines = _lines(path)
    levels, body = _split(lines, path)
    columns = _columns(levels, path)
    first = min(column.position for column in columns)
    nodes = tuple(dict.fromkeys(column.node for column in columns))
    animals = tuple(dict.fromkeys(column.animal for column in columns))
    place = {
        column.position: (animals.index(column.animal), nodes.index(column.node), column.coord) for column in columns
    }
    half = 0
    rows: dict[str, Row] = {}
    for number, cells in body:
        image = "/".join(cell.strip() for cell in cells[:first])
        if _is_index_name(number, cells, first, len(levels)):
            continue
        _check_image_name(image, number, path)
        if image in rows:
            raise UnusableInput(f"line {number} names {image} again", where=path)
        row, odd = _row(image, cells, place, (len(animals), len(nodes)), f"line {number}", path)
        half += odd
        rows[image] = row
    if not rows:
        raise UnusableInput("it has no rows of labels", where=path)
    notes = (f"{plural(half, 'point')} of {path.name} with only one coordinate left out",) if half else ()
    return Table(path, nodes, animals, tuple(rows.values()), notes)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of the lines that are not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise UnusableInput(f"it cannot be read: {error.strerror or error}", where=path) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput("it is not a CSV text file", where=path) from error


Lines = list[tuple[int, list[str]]]


def _split(lines: Lines, path: Path) -> tuple[dict[str, list[str]], Lines]:
    levels: dict[str, list[str]] = {}
    for i, (_, cells) in enumerate(lines):
        level = cells[0].strip()
        if level not in _LEVELS:
            break
        levels[level] = [cell.strip() for cell in cells]
        if level == "coords":
            if "bodyparts" in levels:
                return levels, lines[i + 1 :]
            break
    raise UnusableInput(
        "it is not a DeepLabCut table: its first lines must be scorer, [individuals,] bodyparts and coords", where=path
    )


def _columns(levels: dict[str, list[str]], path: Path) -> list[_Column]:
    coords, parts, animals = levels["coords"], levels["bodyparts"], levels.get("individuals")
    for name, cells in levels.items():
        if len(cells) != len(coords):
            raise UnusableInput(f"header line '{name}' has {len(cells)} cells, 'coords' has {len(coords)}", where=path)
    first = next((i for i, cell in enumerate(coords) if i and cell), len(coords))
    if first not in (1, 3):
        raise UnusableInput("its rows must be named by one column or by three", where=path)
    if "likelihood" in coords:
        raise UnusableInput(
            "it has a likelihood column: these are predictions of a network, not labels",
            where=path,
            hint="Give the CollectedData CSV with the labels a person made.",
        )
    columns = [
        _Column(i, animals[i] if animals else None, parts[i], coords[i]) for i in range(first, len(coords)) if coords[i]
    ]
    wrong = sorted({column.coord for column in columns} - {"x", "y", "visible"})
    if wrong:
        raise UnusableInput(f"its coords must be x, y and visible, not {some(wrong)}", where=path)
    seen: set[tuple[str | None, str, str]] = set()
    for column in columns:
        key = (column.animal, column.node, column.coord)
        if key in seen or not column.node:
            what = f"column {column.position + 1} repeats {column.node} {column.coord}"
            raise UnusableInput(what if column.node else "a column has no body part", where=path)
        seen.add(key)
    for animal, node, _ in seen:
        if (animal, node, "x") not in seen or (animal, node, "y") not in seen:
            raise UnusableInput(f"{node} lacks its x or y column", where=path)
    if not columns:
        raise UnusableInput("it has no columns of body parts", where=path)
    return columns


def _is_index_name(number: int, cells: Sequence[str], first: int, header: int) -> bool:
    """Whether this is the line pandas adds under the header to name the index."""
    named = len(cells) >= first and is_image_name(cells[first - 1].strip())
    number_like = cells[0].strip().isdigit()
    return number == header + 1 and not named and not number_like and not any(cell.strip() for cell in cells[first:])


def _check_image_name(image: str, number: int, path: Path) -> None:
    if image.isdigit():
        raise UnusableInput(
            "its rows are frame numbers, not images: these are predictions for a video, not labels",
            where=path,
            hint="Give the CollectedData CSV with the labels a person made.",
        )
    if not is_image_name(image):
        raise UnusableInput(f"line {number} names no image: {image!r}", where=path)


def _row(
    image: str,
    cells: Sequence[str],
    place: dict[int, tuple[int, int, str]],
    size: tuple[int, int],
    line: str,
    path: Path,
) -> tuple[Row, int]:
    """A row, and how many of its points had only one coordinate."""
    points = np.full((*size, 2), np.nan)
    visible = np.full(size, np.nan)
    for position, (animal, node, coord) in place.items():
        value = _number(cells[position] if position < len(cells) else "", line, position, path)
        if coord == "visible":
            visible[animal, node] = value
        else:
            points[animal, node, "xy".index(coord)] = value
    finite = np.isfinite(points)
    odd = int((finite.any(axis=2) & ~finite.all(axis=2)).sum())
    points[~finite.all(axis=2) | (visible == 0)] = np.nan
    return Row(image, points, (visible == 1) & np.isfinite(points).all(axis=2)), odd


def _number(cell: str, line: str, position: int, path: Path) -> float:
    text = cell.strip()
    if text.lower() in _UNSET:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise UnusableInput(f"{line}, column {position + 1}: {text!r} is not a number", where=path)
    return value
