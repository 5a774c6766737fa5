"""How people like the panels of a run: kept between sessions, and which of them a screen has room for."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from leaptui.config import home
from leaptui.errors import UnusableInput
from leaptui.files import write_atomically

_FILE = "panels.json"

LEFT = ("outcome", "loss", "error", "rate", "metric")
MIDDLE = ("previews", "nodes")
SIDE = ("facts", "host")

_WIDE, _WIDER, _WIDEST = 110, 150, 200
_TALL = 34


@dataclass(frozen=True)
class PanelLayout:
    """What people chose.

    Args:
        panel: the one in front, by its name.
        maximised: it has the screen to itself.
        hidden: those that are not wanted.
        smoothing: of curves, from 0 to below 1.
        log_loss: losses have a logarithmic axis.
        by_step: curves count steps rather than epochs.
        wrap: long lines of the log go on in the next row.
        metric: the other curve that is shown.
    """

    panel: str = "loss"
    maximised: bool = False
    hidden: frozenset[str] = field(default_factory=frozenset)
    smoothing: float = 0.6
    log_loss: bool = True
    by_step: bool = False
    wrap: bool = True
    metric: str = ""


def load_layout() -> PanelLayout:
    """What was chosen last; the defaults for what is missing, of the wrong kind or unreadable."""
    try:
        plain: Any = json.loads((home() / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return PanelLayout()
    layout = PanelLayout()
    if not isinstance(plain, dict):
        return layout
    for each in fields(PanelLayout):
        value = _fitting(plain.get(each.name), getattr(layout, each.name))
        if value is not None:
            layout = replace(layout, **{each.name: value})
    return layout


def _fitting(value: Any, default: Any) -> Any:
    if isinstance(default, frozenset):
        fits = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return frozenset(value) if fits else None
    if isinstance(default, bool):
        return value if isinstance(value, bool) else None
    if isinstance(default, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if fits and 0 <= value < 1 else None
    return value if isinstance(value, str) else None


def save_layout(layout: PanelLayout) -> None:
    """Keep it for the next session; a home that cannot be written is no error."""
    plain = {**asdict(layout), "hidden": sorted(layout.hidden)}
    try:
        home().mkdir(parents=True, exist_ok=True)
        write_atomically(home() / _FILE, json.dumps(plain, indent=1).encode())
    except (OSError, UnusableInput):
        return


def arranged(width: int, height: int, available: Collection[str], layout: PanelLayout) -> frozenset[str]:
    """The panels that are shown.

    Args:
        width, height: of the screen, in cells.
        available: those there is something to show in; "facts" is one of them.
        layout: what is chosen.
    """
    wanted = [name for name in available if name not in layout.hidden or name == layout.panel] or list(available)
    front = layout.panel if layout.panel in wanted else _first(wanted)
    if layout.maximised and front != "facts":
        return frozenset({front})
    if width < _WIDE:
        # Beside curves there is room for the facts; text and pictures want the whole width.
        alone = front in ("log", "previews") and "loss" in available
        return frozenset({front} if alone else {front, "facts"} & set(available))
    shown = {"facts"} if "facts" in wanted else set()
    shown |= {"host"} & set(wanted)
    is_tall = height >= _TALL
    left, middle = _among(LEFT, wanted), _among(MIDDLE, wanted)
    if is_tall:
        shown |= {"log"} & set(wanted)
    elif front == "log":
        return frozenset(shown | {"log"})
    if width < _WIDER and front in middle:
        left, middle = [], [front]
    elif width < _WIDER:
        middle = []
    elif width < _WIDEST or not is_tall:
        middle = [front] if front in middle else _among(("nodes", "previews"), middle)[:1]
    if not is_tall:
        left = [front] if front in left else left[:1]
    elif "outcome" in left and height < 44:
        left = [name for name in left if name in ("outcome", front)] if front != "outcome" else left[:2]
    elif "metric" in left and front != "metric" and "loss" in left and "error" in left:
        left = [name for name in left if name != "metric"]
    return frozenset(shown.union(left, middle) or {front})


def _among(names: Collection[str], wanted: Collection[str]) -> list[str]:
    return [name for name in names if name in wanted]


def _first(wanted: Collection[str]) -> str:
    """The one in front when the chosen one is not there."""
    return next(
        (name for name in ("loss", "metric", "outcome", "log", "host", "facts") if name in wanted),
        next(iter(wanted), "facts"),
    )
