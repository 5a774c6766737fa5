"""Several runs side by side, for the screen: curves and table from RunPictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from leaptui.ops.compare import Row, RunFacts, figure_rows, node_errors, node_rows, setting_rows
from leaptui.tui.run_columns import Drawing
from leaptui.tui.run_picture import EpochPoint, RunPicture
from leaptui.tui.widgets.curves import Mark, Series
from leaptui.tui.widgets.live_table import Cell
from leaptui.tui.widgets.run_facts import text_of
from leaptui.words import duration, figure, percent, visible

MOST = 26
"""Runs that can be told apart by a letter."""

_COLOURS = 6


@dataclass(frozen=True)
class CurveKind:
    """What can be drawn over the epochs.

    Args:
        title: of the panel.
        nothing: said while no run has it.
        value: of an epoch; None for the loss of the training steps.
    """

    title: str
    nothing: str
    value: str | None


KINDS: tuple[CurveKind, ...] = (
    CurveKind("validation error by epoch (px)", "No epoch with a validation error yet.", "val_error_px"),
    CurveKind("validation loss by epoch", "No epoch with a validation loss yet.", "val_loss"),
    CurveKind("training loss by epoch", "No loss yet.", None),
)


def token_of(index: int) -> str:
    """Theme token of the colour of a run; letters tell apart what colours do not."""
    return f"compare-{index % _COLOURS + 1}"


def facts_of(picture: RunPicture) -> RunFacts:
    """What is compared of a run."""
    best, last = picture.best, picture.epochs[-1] if picture.epochs else None
    result = picture.result or {}
    return RunFacts(
        name=picture.path.name,
        operation=picture.operation,
        state=picture.state,
        request=picture.request,
        plan=picture.plan,
        result=result,
        epochs=None if last is None else last.epoch,
        best_px=None if best is None else best.val_error_px,
        best_body=None if best is None else best.val_error_body,
        best_epoch=None if best is None else best.epoch,
        last_loss=None if last is None else last.val_loss,
        seconds=picture.elapsed,
        nodes=node_errors(result, picture.node_errors),
    )


def curves(pictures: Sequence[RunPicture], kind: CurveKind) -> tuple[list[Series], list[Mark]]:
    """One curve a run, with its letter on it in two places."""
    series, marks = [], []
    for index, picture in enumerate(pictures):
        points = _points(picture, kind)
        token, letter = token_of(index), ascii_uppercase[index]
        series.append(Series(letter, token, points))
        # Staggered, so that the letters of curves that lie on each other do not hide one another.
        places = {len(points) - 1, len(points) * (index + 1) // (len(pictures) + 1)} if points else set()
        for place in sorted(places):
            x, y = points[place]
            marks.append(Mark(x, letter, token, picture.path.name, y))
    return series, marks


def _points(picture: RunPicture, kind: CurveKind) -> list[tuple[float, float]]:
    if kind.value is None and picture.steps:
        each = picture.plan.get("steps_per_epoch")
        scale = float(each) if isinstance(each, int | float) and each > 0 else 1.0
        return [(step / scale, loss) for step, loss in picture.steps]
    name = kind.value or "train_loss"
    found = [(float(point.epoch), _value(point, name)) for point in picture.epochs]
    return [(x, y) for x, y in found if y is not None]


def _value(point: EpochPoint, name: str) -> float | None:
    value: float | None = getattr(point, name)
    return value


def table(pictures: Sequence[RunPicture], *, everything: bool) -> dict[str, tuple[str, Row | None]]:
    """Lines of the table by key: a heading, or a row."""
    facts = [facts_of(picture) for picture in pictures]
    settings = setting_rows(facts, everything=everything)
    parts = (
        ("figures", figure_rows(facts)),
        ("settings" if everything else "settings that differ", settings),
        ("nodes that differ most", node_rows(facts)),
    )
    lines: dict[str, tuple[str, Row | None]] = {}
    for heading, rows in parts:
        if rows:
            lines[f"# {heading}"] = (heading, None)
            lines.update({f"{heading} {row.name}": (row.name, row) for row in rows})
    return lines


def cells(line: tuple[str, Row | None], count: int, draw: Drawing) -> list[Cell]:
    """The cells of a line: its name, and one value a run."""
    name, row = line
    if row is None:
        return [((visible(name), f"bold {draw.colour('curve-validation')}"),), *([()] * count)]
    best = f"bold {draw.colour('state-finished')}"
    found: list[Cell] = [((f" {visible(name)}", draw.colour("quiet")),)]
    for index, value in enumerate(row.values):
        words = visible(words_of(value, row.unit))
        found.append(((f"{words} *", best),) if index in row.best else ((words, ""),))
    return found


def words_of(value: Any, unit: str) -> str:
    """A value for people."""
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if unit == "s":
            return duration(value)
        if unit == "share":
            return percent(value)
        if unit == "px":
            return figure(value, "px")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return text_of(value) or "–"
