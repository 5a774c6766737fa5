"""Several runs side by side: which settings differ, and what came out. Facts of runs in, rows out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leaptui.runs.view import RunView

_MOST_NODES = 12
_MOST_VALUES = 400
"""Settings of one run that are looked at: a request from a stranger may have any number."""

_NOT_SETTINGS = frozenset({"out", "run", "model_path", "resume", "detach"})
_FROM_PLAN = ("architecture", "epochs", "steps_per_epoch", "train_frames", "val_frames", "device", "precision")
_PROVENANCE_LEFT_OUT = frozenset({"request", "operation", "made", "seconds", "run"})
_RESULTS_LEFT_OUT = frozenset({"run", "model", "out", "stopped", "device", "precision"})
_TOLD = frozenset(
    {"val_error_px", "val_error_body", "epochs", "best_epoch", "seconds", "parameters", "labels", "val_frames"}
)
"""Of a result, what the figures say anyway."""

_LESS_IS_BETTER = ("mean_px", "median_px", "p90_px", "rmse_px", "mean_body", "val_median_px")
_MORE_IS_BETTER = ("fps", "within_3pct_body")


@dataclass(frozen=True)
class RunFacts:
    """What is compared of a run.

    Args:
        name: what it is called.
        operation: what it does.
        state: of the run.
        request: what was asked.
        plan: what training said it will do.
        result: what came out; {} before that.
        epochs: how many are done.
        best_px, best_body, best_epoch: of the best epoch so far.
        last_loss: newest validation loss.
        seconds: since it was started.
        nodes: mean validation error of each node, px.
    """

    name: str
    operation: str = ""
    state: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    best_px: float | None = None
    best_body: float | None = None
    best_epoch: int | None = None
    last_loss: float | None = None
    seconds: float | None = None
    nodes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Args:
        name: of the setting, figure or node.
        values: one a run, plain; None where a run has none.
        best: which runs have the best value; () where none is better than another.
        unit: of the values: "px", "s", "share", or none.
    """

    name: str
    values: tuple[Any, ...]
    best: tuple[int, ...] = ()
    unit: str = ""

    @property
    def differs(self) -> bool:
        """Not all runs have the same."""
        return any(value != self.values[0] for value in self.values[1:])


def facts_of(view: RunView) -> RunFacts:
    """Of a run that was read."""
    best, last = view.best, view.epochs[-1] if view.epochs else None
    result = view.result or {}
    return RunFacts(
        name=view.run.id,
        operation=view.operation or "",
        state=str(view.state),
        request=view.request,
        plan=view.plan or {},
        result=result,
        epochs=None if last is None else last.epoch,
        best_px=None if best is None else best.val_error_px,
        best_body=None if best is None else best.val_error_body,
        best_epoch=None if best is None else best.epoch,
        last_loss=None if last is None else last.val_loss,
        seconds=view.elapsed,
        nodes=node_errors(result, view.node_errors),
    )


def node_errors(result: Mapping[str, Any], newest: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Error of each node, of the result where there is one, else of the newest epoch."""
    named = result.get("per_node")
    pairs = newest if not isinstance(named, Mapping) else ((str(name), _mean(each)) for name, each in named.items())
    return {name: float(value) for name, value in pairs if isinstance(value, int | float) and math.isfinite(value)}


def _mean(value: Any) -> Any:
    return value.get("mean_px") if isinstance(value, Mapping) else value


def setting_rows(runs: Sequence[RunFacts], *, everything: bool = False) -> list[Row]:
    """What was asked and what came of it: settings, the plan, and where and with what it ran.

    Args:
        runs: the runs.
        everything: also what is the same in all of them.
    """
    each = [_settings(run) for run in runs]
    names = dict.fromkeys(name for settings in each for name in settings)
    rows = [Row(name, tuple(settings.get(name) for settings in each)) for name in names]
    return [row for row in rows if everything or row.differs]


def figure_rows(runs: Sequence[RunFacts]) -> list[Row]:
    """What came out, or has so far."""
    rows = [
        Row("state", tuple(run.state for run in runs)),
        _figure("best error", runs, lambda run: run.best_px, unit="px"),
        _figure("best error / body", runs, lambda run: run.best_body, unit="share"),
        Row("best epoch", tuple(run.best_epoch for run in runs)),
        Row("epochs done", tuple(run.epochs for run in runs)),
        # Losses of different functions cannot be compared, so that none of them is the best.
        Row("validation loss", tuple(run.last_loss for run in runs)),
        Row("seconds", tuple(run.seconds for run in runs), unit="s"),
        Row("parameters", tuple(run.plan.get("parameters") for run in runs)),
        Row("frames trained on", tuple(run.plan.get("train_frames") for run in runs)),
    ]
    rows += _result_rows(runs)
    return [row for row in rows if any(value is not None for value in row.values)]


def node_rows(runs: Sequence[RunFacts], most: int = _MOST_NODES) -> list[Row]:
    """Nodes that at least two runs have an error for, where they differ most first."""
    names = dict.fromkeys(name for run in runs for name in run.nodes)
    found = []
    for name in names:
        values = tuple(run.nodes.get(name) for run in runs)
        known = [value for value in values if value is not None]
        if len(known) > 1:
            found.append((max(known) - min(known), Row(name, values, _least(values), "px")))
    return [row for _, row in sorted(found, key=lambda pair: -pair[0])[:most]]


def _figure(name: str, runs: Sequence[RunFacts], value: Callable[[RunFacts], float | None], unit: str) -> Row:
    values = tuple(value(run) for run in runs)
    return Row(name, values, _least(values), unit)


def _least(values: Sequence[float | None], sign: int = 1) -> tuple[int, ...]:
    known = [sign * value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):
        return ()
    return tuple(index for index, value in enumerate(values) if value is not None and sign * value == min(known))


def _result_rows(runs: Sequence[RunFacts]) -> list[Row]:
    """Other single numbers of the results."""
    names: dict[str, None] = {}
    for run in runs:
        for name, value in list(run.result.items())[:_MOST_VALUES]:
            if _is_number(value) and name not in _TOLD and name not in _RESULTS_LEFT_OUT:
                names[name] = None
    rows = []
    for name in names:
        values = tuple(value if _is_number(value := run.result.get(name)) else None for run in runs)
        sign = 1 if name in _LESS_IS_BETTER else -1 if name in _MORE_IS_BETTER else 0
        unit = "px" if name.endswith("_px") else "share" if name.endswith("_body") else ""
        rows.append(Row(_spaced(name), values, _least(values, sign) if sign else (), unit))
    return rows


def _settings(run: RunFacts) -> dict[str, Any]:
    """By name, in the order in which people look for them."""
    found: dict[str, Any] = {"operation": run.operation}
    profile = _profile(run)
    for name, value in list(run.request.items())[:_MOST_VALUES]:
        if name not in _NOT_SETTINGS:
            found[_spaced(name)] = profile.get(name) if value is None else value
    for name, value in profile.items():
        found.setdefault(_spaced(name), value)
    for name in _FROM_PLAN:
        if run.plan.get(name) is not None:
            found[_spaced(name)] = run.plan[name]
    found.update(_origin(run.result.get("provenance")))
    return {name: _comparable(value) for name, value in found.items()}


def _profile(run: RunFacts) -> dict[str, Any]:
    """What a training's profile sets where the request leaves it out."""
    if run.operation != "train":
        return {}
    from leaptui.nn.settings import PROFILES

    named = run.request.get("profile")
    profile = PROFILES.get(named) if isinstance(named, str) else None
    return {} if profile is None else dataclasses.asdict(profile)


def _origin(provenance: Any) -> dict[str, Any]:
    """Where and with what it ran, at most two levels deep."""
    if not isinstance(provenance, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, value in list(provenance.items())[:_MOST_VALUES]:
        if name in _PROVENANCE_LEFT_OUT:
            continue
        if isinstance(value, Mapping):
            pairs = list(value.items())[:_MOST_VALUES]
            found.update({f"{_spaced(name)} {key}": each for key, each in pairs if not isinstance(each, Mapping)})
        else:
            found[_spaced(name)] = value
    return found


def _comparable(value: Any) -> Any:
    """With an equality that is about what people read."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return tuple(value) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _spaced(name: Any) -> str:
    return str(name).replace("_", " ")
