"""The columns of the table of runs: what stands in them, by what they are sorted, and which fit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from leaptui.tui.run_picture import RunPicture
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.live_table import MARK, Cell, TableColumn
from leaptui.words import ago, error_text, figure, percent, shortened, visible

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = 1
_STAMP = re.compile(r"\d{4}(\d{4})-(\d{4})\d{2}-")
GOING = frozenset({"running", "starting", "stopping"})
"""States in which a worker is at it."""

_ORDER = ("running", "stopping", "starting", "queued", "stale", "failed", "broken", "stopped", "finished")
"""States as people look for them."""


@dataclass(frozen=True)
class Drawing:
    """What the cells of one drawing need.

    Args:
        variables: colours of the theme.
        now: seconds since the epoch.
        widths: of the columns that are shown.
        marked: keys of the marked runs.
    """

    variables: Mapping[str, str]
    now: float
    widths: Mapping[str, int]
    marked: frozenset[str]

    def colour(self, token: str) -> str:
        """Rich style of a token of the theme."""
        return rich_style(self.variables, token)


@dataclass(frozen=True)
class RunColumn:
    """One column.

    Args:
        table: key, heading, least width.
        most: width up to which it takes what is left.
        cell: what stands in it.
        order: by what it is sorted; None comes last, whatever the direction.
        name: in words, for the question by what to sort; empty where sorting makes no sense.
    """

    table: TableColumn
    most: int
    cell: Callable[[RunPicture, Drawing], Cell]
    order: Callable[[RunPicture], object | None]
    name: str

    @property
    def key(self) -> str:
        """Its name in code."""
        return self.table.key


def key_of(run: RunPicture) -> str:
    """What a run is called in the table."""
    return str(run.path)


def plain(words: str, style: str = "") -> Cell:
    """A cell of one part; foreign text is made visible."""
    return ((visible(words), style),)


def brief(seconds: float | None) -> str:
    """Seconds in seven characters at most."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    days, hours = whole // 86400, whole % 86400 // 3600
    return f"{days}d {hours:02d}h" if days < 100 else f"{days} d"


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of positive values in one line, on a logarithmic scale; each cell is the mean of its part."""
    known = [math.log(value) for value in values if value > 0 and math.isfinite(value)]
    if not known or width < 1:
        return ""
    count = min(width, len(known))
    edges = [round(index * len(known) / count) for index in range(count + 1)]
    means = [sum(known[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((mean - low) * scale)] for mean in means)


def losses(run: RunPicture) -> list[float]:
    """The course of the loss, of the training steps or, without any, of the epochs."""
    if run.steps:
        return [loss for _, loss in run.steps]
    means = [point.train_loss if point.train_loss is not None else point.val_loss for point in run.epochs]
    return [mean for mean in means if mean is not None]


def best_error(run: RunPicture) -> tuple[float | None, float | None]:
    """(px, share of the body length) of the best epoch, or of an evaluation on frames that were not trained on."""
    if run.operation == "evaluate" and run.result is not None:
        figures = run.result.get("unseen") or run.result
        if figures is run.result and run.result.get("seen_in_training"):
            return None, None
        mean, body = figures.get("mean_px"), figures.get("mean_body")
        return (
            float(mean) if isinstance(mean, int | float) else None,
            float(body) if isinstance(body, int | float) else None,
        )
    best = run.best
    return (None, None) if best is None else (best.val_error_px, best.val_error_body)


def best_error_words(run: RunPicture) -> str:
    """The same in words."""
    pixels, body = best_error(run)
    if pixels is None and body is None and run.operation == "evaluate" and run.result is not None:
        return "trained on" if run.result.get("seen_in_training") else "–"
    return percent(body) if pixels is None else error_text(pixels, body)


def progress_bar(run: RunPicture, width: int, colour: Callable[[str], str]) -> Cell:
    """A bar with its share, in exactly `width` cells."""
    share = run.fraction
    if share is None:
        return (("–", ""),)
    bar = max(width - 6, 1)
    full = round(share * bar)
    style = colour(f"state-{run.state}")
    return (("━" * full, style), ("─" * (bar - full) + f" {100 * share:3.0f} %", colour("quiet")))


def _mark(run: RunPicture, draw: Drawing) -> Cell:
    return (("●", draw.colour("curve-validation")),) if key_of(run) in draw.marked else ((" ", ""),)


def _name(run: RunPicture, draw: Drawing) -> Cell:
    width, name = draw.widths["name"], visible(run.path.name)
    if len(name) > width:
        name = visible(short_name(run))
    return ((shortened(name, width), ""),)


def short_name(run: RunPicture) -> str:
    """Its name without the year and the seconds; the letters at the end tell runs of one minute apart."""
    name = run.path.name
    made = _STAMP.match(name)
    return name if made is None else f"{made[1]}-{made[2]}-{name[made.end() :]}"


def _state(run: RunPicture, draw: Drawing) -> Cell:
    words = run.state if run.waiting is None or run.state != "queued" else f"queue {run.waiting.place}"
    return plain(words, draw.colour(f"state-{run.state}"))


def _state_order(run: RunPicture) -> object:
    place = 0 if run.waiting is None else run.waiting.place
    return (_ORDER.index(run.state) if run.state in _ORDER else len(_ORDER), place)


def _epoch(run: RunPicture, _draw: Drawing) -> Cell:
    done, whole = _epochs_done(run), run.plan.get("epochs")
    if done is None:
        return (("–", ""),)
    return plain(f"{done}/{whole}" if isinstance(whole, int) else f"{done}")


def _epochs_done(run: RunPicture) -> int | None:
    return run.epochs[-1].epoch if run.is_final and run.epochs else run.epoch


def _loss(run: RunPicture, draw: Drawing) -> Cell:
    return ((sparkline(losses(run), draw.widths["loss"]), draw.colour("curve-train")),)


def _last_loss(run: RunPicture) -> float | None:
    known = losses(run)
    return known[-1] if known else None


def _best(run: RunPicture, draw: Drawing) -> Cell:
    words = best_error_words(run)
    if len(words) > draw.widths["best"]:
        words = words.partition(" (")[0]
    return plain(words)


def _rate(run: RunPicture, _draw: Drawing) -> Cell:
    rate = _rate_of(run)
    return (("–", ""),) if rate is None or run.state not in GOING else plain(f"{figure(rate)}/s")


def _rate_of(run: RunPicture) -> float | None:
    return run.rate if run.progress is None else run.progress.rate


def _left(run: RunPicture) -> float | None:
    return run.eta if run.state in GOING else None


def _device(run: RunPicture, _draw: Drawing) -> Cell:
    return plain(device_of(run) or "–")


def device_of(run: RunPicture) -> str:
    """Where it runs; another host comes first."""
    device = run.plan.get("device") or (run.result or {}).get("device")
    parts = [] if run.here or run.host is None else [run.host]
    parts += [str(device)] if device else []
    return ":".join(parts)


def _note(run: RunPicture, draw: Drawing) -> Cell:
    return plain(run.notes.strip().partition("\n")[0], draw.colour("quiet"))


def _tags(run: RunPicture, draw: Drawing) -> Cell:
    return plain(" ".join(run.tags), draw.colour("curve-validation"))


def _column(
    key: str,
    title: str,
    width: int,
    cell: Callable[[RunPicture, Drawing], Cell],
    order: Callable[[RunPicture], object | None],
    name: str,
    *,
    most: int = 0,
    right: bool = False,
) -> RunColumn:
    return RunColumn(TableColumn(key, title, width, right), max(most, width), cell, order, name)


COLUMNS: tuple[RunColumn, ...] = (
    _column(MARK, "", 1, _mark, lambda _run: None, ""),
    _column("name", "Run", 20, _name, lambda run: run.path.name, "name", most=28),
    _column("state", "State", 8, _state, _state_order, "state"),
    _column(
        "progress",
        "Progress",
        10,
        lambda run, draw: progress_bar(run, draw.widths["progress"], draw.colour),
        lambda run: run.fraction,
        "progress",
        most=14,
    ),
    _column("epoch", "Epoch", 7, _epoch, _epochs_done, "epoch", right=True),
    _column("loss", "Loss", 8, _loss, _last_loss, "newest loss", most=16),
    _column("best", "Best", 8, _best, lambda run: best_error(run)[0], "best error", right=True, most=16),
    _column("left", "Left", 7, lambda run, _: plain(brief(_left(run))), _left, "time left", right=True),
    _column("rate", "Rate", 8, _rate, lambda run: _rate_of(run) if run.state in GOING else None, "rate", right=True),
    _column("device", "Device", 8, _device, lambda run: device_of(run) or None, "device", most=14),
    _column(
        "when", "Asked", 10, lambda run, draw: plain(ago(run.created, draw.now)), lambda run: run.created, "when asked"
    ),
    _column(
        "elapsed",
        "Took",
        7,
        lambda run, _: plain(brief(run.elapsed)),
        lambda run: run.elapsed,
        "time it took",
        right=True,
    ),
    _column("operation", "What", 8, lambda run, _: plain(run.operation or "–"), lambda run: run.operation, "operation"),
    _column("tags", "Tags", 10, _tags, lambda run: tuple(run.tags) or None, "tags", most=18),
    _column("notes", "Notes", 12, _note, lambda run: run.notes or None, "notes", most=40),
)
"""In the order they are shown."""

_IMPORTANT = (
    MARK,
    "name",
    "state",
    "progress",
    "best",
    "left",
    "epoch",
    "loss",
    "tags",
    "device",
    "rate",
    "when",
    "notes",
    "elapsed",
    "operation",
)
_GROW = ("name", "loss", "best", "notes", "tags", "progress", "device")
"""Who takes what is left, first to last."""

BY_KEY: Mapping[str, RunColumn] = {column.key: column for column in COLUMNS}


def columns_for(width: int) -> tuple[TableColumn, ...]:
    """The columns that fit, the more important ones first, in the order they are shown."""
    left, chosen = width + _GAP, set()
    for key in _IMPORTANT:
        needed = BY_KEY[key].table.width + _GAP
        if needed > left:
            break
        chosen.add(key)
        left -= needed
    widths = {key: BY_KEY[key].table.width for key in chosen}
    for key in _GROW:
        if key in chosen:
            more = min(left, BY_KEY[key].most - widths[key])
            widths[key] += more
            left -= more
    return tuple(replace(column.table, width=widths[column.key]) for column in COLUMNS if column.key in chosen)


def ordered(runs: Iterable[RunPicture], column: str, *, descending: bool) -> list[RunPicture]:
    """Sorted by a column; runs that have nothing there come last. Equal ones keep their order."""
    value = BY_KEY[column].order
    pairs = [(value(run), run) for run in runs]
    known = [pair for pair in pairs if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type, return-value]
    return [run for _, run in known] + [run for each, run in pairs if each is None]


def matching(runs: Iterable[RunPicture], wanted: str) -> list[RunPicture]:
    """Those of which name, state, operation or tags hold every word."""
    words = wanted.casefold().split()
    return [run for run in runs if all(word in _searched(run) for word in words)]


def _searched(run: RunPicture) -> str:
    return " ".join((run.path.name, run.state, run.operation, *run.tags)).casefold()
