"""Rates that are measured in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quartiles:
    """Of several values; None without any.

    Args:
        median: the middle one.
        low, high: first and third quartile, interpolated.
        count: how many values.
    """

    median: float | None
    low: float | None
    high: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Of these values, in any order."""
        if not values:
            return cls(None, None, None, 0)
        ordered = sorted(values)
        low, median, high = (_quantile(ordered, q) for q in (0.25, 0.5, 0.75))
        return cls(median, low, high, len(ordered))


NOTHING = Quartiles(None, None, None, 0)
"""Of no value."""


def _quantile(ordered: Sequence[float], q: float) -> float:
    at = q * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def in_turn(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each way once a round; every round begins with another one.

    Args:
        ways: each measures once and returns its rate.
        rounds: how many.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for round_ in range(rounds):
        for at in range(len(names)):
            name = names[(at + round_) % len(names)]
            taken[name].append(ways[name]())
    return taken


def ratio(rates: Sequence[float], reference: Sequence[float]) -> Quartiles:
    """How many times the reference, round by round."""
    return Quartiles.of([a / b for a, b in zip(rates, reference, strict=True) if b > 0])
