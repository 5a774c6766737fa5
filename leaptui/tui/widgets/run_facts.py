"""What a run's side panel says: names and values from a RunPicture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from leaptui.tui.run_picture import RunPicture
from leaptui.words import count, duration, error_text, figure, percent, visible

Fact = tuple[str, str]

_SHARES = frozenset({"val_error_body", "mean_body", "within_3pct_body"})
_SECONDS = frozenset({"seconds"})
_FIRST = ("val_error_px", "val_error_body", "val_median_px", "mean_px", "mean_body", "frames", "fps", "out", "model")
"""What people look for first in a result."""

_NAMES = {
    "val_error_px": "Validation error px",
    "val_median_px": "Median error px",
    "val_error_body": "Error / body length",
    "val_frames": "Frames held back",
    "labels": "Frames trained on",
    "fps": "Frames a second",
    "within_3pct_body": "Within 3 % of body",
    "mean_body": "Mean / body length",
}


def train_facts(picture: RunPicture) -> list[Fact]:
    """Of a training run."""
    plan = picture.plan
    now = picture.epochs[-1] if picture.epochs else None
    best = picture.best
    facts = [
        ("epoch", _of(picture.epoch or (now.epoch if now else None), plan.get("epochs"))),
        ("step", _of(picture.step, _steps(plan))),
        ("loss", figure(picture.steps[-1][1]) if picture.steps else "–"),
        ("error", "–" if now is None else error_text(now.val_error_px, now.val_error_body)),
        ("best", "–" if best is None else error_text(best.val_error_px, best.val_error_body)),
        ("best at", "–" if best is None else f"epoch {best.epoch}"),
        ("rate", figure(picture.rate, "frames/s")),
        *_times(picture),
        ("network", text_of(plan.get("architecture"))),
        ("params", count(_whole(plan.get("parameters")))),
        ("frames", _frames(plan)),
        ("device", _device(plan)),
        *_place(picture),
    ]
    return [fact for fact in facts if fact[1] != ""]


def foreign_facts(picture: RunPicture) -> list[Fact]:
    """Of a training that another program logs: what it told, and its settings."""
    now, best, said = (picture.epochs[-1] if picture.epochs else None), picture.best, picture.progress
    facts = [
        ("epoch", _of(picture.epoch or (now.epoch if now else None), None)),
        ("step", _of(picture.step, None)),
        ("loss", figure(picture.steps[-1][1]) if picture.steps else "–"),
        ("val loss", "–" if now is None else figure(now.val_loss)),
        ("best", "–" if best is None else figure(best.val_loss)),
        ("best at", "–" if best is None else f"epoch {best.epoch}"),
        ("rate", "–" if said is None else figure(said.rate, f"{said.unit}/s")),
        *_times(picture),
    ]
    return [*[fact for fact in facts if fact[1] not in ("", "–")], *_place(picture), *request_facts(picture.request)]


def count_facts(picture: RunPicture) -> list[Fact]:
    """Of a run that counts frames."""
    said = picture.progress
    facts = _times(picture)
    if said is not None:
        total = None if said.total is None else round(said.total)
        facts = [(said.unit, _of(round(said.done), total)), ("rate", figure(said.rate, f"{said.unit}/s")), *facts]
        if said.label:
            facts.insert(0, ("now", said.label))
    return [*facts, *_place(picture), *request_facts(picture.request)]


def result_facts(result: Mapping[str, Any]) -> list[Fact]:
    """Of a result: its single values; figures of nodes and provenance are left to the files."""
    facts = []
    for name in [*(n for n in _FIRST if n in result), *(n for n in result if n not in _FIRST and n != "run")]:
        value = result[name]
        words = _result_value(name, value)
        if words:
            facts.append((_NAMES.get(name, name.replace("_", " ").capitalize()), words))
    return facts


def request_facts(request: Mapping[str, Any]) -> list[Fact]:
    """What was asked, without what was left out."""
    return [
        (name.replace("_", " "), text_of(value)) for name, value in request.items() if value not in (None, [], False)
    ]


def fact_table(facts: Sequence[Fact], quiet: str) -> Table:
    """Facts as two columns."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style=quiet, no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(visible(name)), Text(visible(value)))
    return table


def text_of(value: Any) -> str:
    """A plain value for people; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return figure(value)
    if isinstance(value, list | tuple):
        return ", ".join(text_of(each) for each in value)
    return str(value)


def _result_value(name: str, value: Any) -> str:
    if value is None or value is False or isinstance(value, Mapping):
        return ""
    if name in _SHARES and isinstance(value, int | float):
        return percent(float(value))
    if name in _SECONDS and isinstance(value, int | float):
        return figure(value, "s") if value < 10 else duration(float(value))
    return text_of(value)


def _times(picture: RunPicture) -> list[Fact]:
    facts = [("elapsed", duration(picture.elapsed))]
    if not picture.is_final:
        facts.append(("left", duration(picture.eta)))
    return facts


def _place(picture: RunPicture) -> list[Fact]:
    if picture.is_final or picture.host is None:
        return []
    return [("host", f"{picture.host}, pid {picture.pid}" if picture.here else f"{picture.host} (another machine)")]


def _of(part: int | None, whole: Any) -> str:
    if part is None:
        return "–" if whole is None else f"– of {count(_whole(whole))}"
    return count(part) if whole is None else f"{count(part)} of {count(_whole(whole))}"


def _steps(plan: Mapping[str, Any]) -> int | None:
    epochs, each = _whole(plan.get("epochs")), _whole(plan.get("steps_per_epoch"))
    return None if epochs is None or each is None else epochs * each


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _frames(plan: Mapping[str, Any]) -> str:
    train, held = _whole(plan.get("train_frames")), _whole(plan.get("val_frames"))
    return "–" if train is None else f"{count(train)} + {count(held)} held back"


def _device(plan: Mapping[str, Any]) -> str:
    parts = [text_of(plan.get("device")), text_of(plan.get("precision"))]
    return ", ".join(part for part in parts if part) or "–"


def worst_nodes(result: Mapping[str, Any], most: int = 5) -> list[Fact]:
    """The nodes with the largest mean distance."""
    nodes = result.get("per_node")
    if not isinstance(nodes, Mapping):
        return []
    means = {str(name): value.get("mean_px") if isinstance(value, Mapping) else value for name, value in nodes.items()}
    known = [(name, float(mean)) for name, mean in means.items() if isinstance(mean, int | float)]
    return [(name, figure(mean, "px")) for name, mean in sorted(known, key=lambda pair: -pair[1])[:most]]
