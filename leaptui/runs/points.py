"""What single events say, read with distrust: what is missing, or is of the wrong type, is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaptui.runs.files import integer, moment, number, text

TEXT_LIMIT = 2000
"""Characters kept of a message."""

NAME_LIMIT = 120
"""Characters of a name: of a metric, a node, a device."""

_NODES_LIMIT = 1000
_GPUS_LIMIT = 64
_PLAN_LIMIT = 100
"""Entries of a plan."""

_PLAN_FIGURES = frozenset(("epochs", "steps_per_epoch", "train_frames", "val_frames", "parameters", "body_length_px"))


@dataclass(frozen=True)
class EpochPoint:
    """One `epoch` event; what it did not say, or said as NaN, is None."""

    epoch: int
    step: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_error_px: float | None = None
    val_error_body: float | None = None
    lr: float | None = None
    best: bool = False
    seconds: float | None = None
    eta_s: float | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> EpochPoint | None:
        """Of an event; None when it does not say which epoch."""
        epoch = integer(event, "epoch")
        if epoch is None:
            return None
        values = {
            name: number(event, name)
            for name in ("train_loss", "val_loss", "val_error_px", "val_error_body", "lr", "seconds", "eta_s")
        }
        return cls(epoch, integer(event, "step"), best=event.get("best") is True, **values)


@dataclass(frozen=True)
class Progress:
    """The newest `progress` event. `total` is None when nobody knows it."""

    done: float
    total: float | None = None
    unit: str = ""
    rate: float | None = None
    eta_s: float | None = None
    label: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Progress | None:
        """Of an event; None when it does not say how much is done."""
        done = number(event, "done")
        if done is None:
            return None
        words = [(text(event, name) or "")[:NAME_LIMIT] for name in ("unit", "label")]
        figures = [number(event, name) for name in ("total", "rate", "eta_s")]
        return cls(done, figures[0], words[0], figures[1], figures[2], words[1])

    @property
    def fraction(self) -> float | None:
        """Share done, 0 to 1."""
        if not self.total or self.total < 0:
            return None
        return min(1.0, max(0.0, self.done / self.total))


@dataclass(frozen=True)
class LogLine:
    """One `log` event; `t` is seconds since the epoch by the worker's clock."""

    t: float | None
    level: str
    message: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> LogLine:
        """Of an event."""
        message = text(event, "message") or ""
        if len(message) > TEXT_LIMIT:
            message = message[: TEXT_LIMIT - 1] + "…"
        return cls(moment(event, "t"), (text(event, "level") or "info")[:NAME_LIMIT], message)


@dataclass(frozen=True)
class Checkpoint:
    """One `checkpoint` event.

    Args:
        kind: "best", "last" or "asked".
        path: as the worker named it; on another machine it may lead nowhere.
        epoch: a fraction inside an epoch.
        step: global, from 1.
    """

    kind: str
    path: str | None = None
    epoch: float | None = None
    step: int | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Checkpoint:
        """Of an event."""
        kind = (text(event, "kind") or "last")[:NAME_LIMIT]
        path = text(event, "path")
        return cls(kind, None if path is None else path[:4096], number(event, "epoch"), integer(event, "step"))


@dataclass(frozen=True)
class GpuGauge:
    """One GPU; shares from 0 to 1, memory in bytes."""

    index: int
    name: str
    use: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    others: int | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any], place: int) -> GpuGauge:
        """Of an entry of a `gauge` event."""
        index = integer(record, "index")
        return cls(
            place if index is None else index,
            (text(record, "name") or "GPU")[:NAME_LIMIT],
            share(record, "use"),
            amount(record, "memory"),
            amount(record, "memory_total"),
            number(record, "temperature_c"),
            number(record, "power_w"),
            number(record, "power_limit_w"),
            amount(record, "others"),
        )


@dataclass(frozen=True)
class Gauge:
    """One `gauge` event; `t` is seconds since the epoch by the worker's clock."""

    t: float
    cpu: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    process_cpu: float | None = None
    process_memory: int | None = None
    gpus: tuple[GpuGauge, ...] = ()

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Gauge | None:
        """Of an event; None when it does not say when."""
        t = moment(event, "t")
        if t is None:
            return None
        listed = event.get("gpus")
        gpus = [each for each in listed[:_GPUS_LIMIT] if isinstance(each, dict)] if isinstance(listed, list) else []
        return cls(
            t,
            share(event, "cpu"),
            amount(event, "memory"),
            amount(event, "memory_total"),
            number(event, "process_cpu"),
            amount(event, "process_memory"),
            tuple(GpuGauge.of(each, place) for place, each in enumerate(gpus)),
        )


def plan_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """A `plan` event with its figures as numbers above zero, `nodes` as names, and short texts; the rest is left out."""
    found: dict[str, Any] = {}
    for key in list(event)[:_PLAN_LIMIT]:
        value = event[key]
        if key in _PLAN_FIGURES:
            figure = number(event, key)
            if figure is not None and figure > 0:
                found[key] = value
        elif key == "nodes":
            found[key] = names(value)
        elif isinstance(value, str):
            found[key] = value[:NAME_LIMIT]
        elif isinstance(value, bool) or number(event, key) is not None:
            found[key] = value
    return found


def names(value: object) -> list[str]:
    """The texts of a list, each made short."""
    if not isinstance(value, list):
        return []
    return [each[:NAME_LIMIT] if isinstance(each, str) else "?" for each in value[:_NODES_LIMIT]]


def share(record: Mapping[str, Any], key: str) -> float | None:
    """A number that means a part of a whole, from 0 to 1."""
    found = number(record, key)
    return None if found is None else min(1.0, max(0.0, found))


def amount(record: Mapping[str, Any], key: str) -> int | None:
    """A whole number from 0."""
    found = number(record, key)
    return None if found is None or found < 0 else int(found)
