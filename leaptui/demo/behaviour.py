"""What a fly does over time: a labelled sequence of bouts.

Adding a new behaviour: name it in `BEHAVIOURS`, give it a row in `_BOUTS`, and say what it does to speed,
wings and feet in `motion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaptui.errors import UsageError

BEHAVIOURS = ("stand", "walk", "groom_forelegs", "groom_head", "groom_abdomen", "wing_extension")
"""Names of the behaviours; a behaviour's code is its position here."""

STAND, WALK, GROOM_FORELEGS, GROOM_HEAD, GROOM_ABDOMEN, WING_EXTENSION = range(6)

# Median seconds of a bout, spread (sigma of its logarithm), weight among the bouts that may come next.
_BOUTS = (
    (0.7, 0.4, 1.0),
    (2.2, 0.5, 3.2),
    (1.3, 0.4, 0.8),
    (1.3, 0.4, 0.8),
    (1.1, 0.4, 0.6),
    (1.2, 0.4, 0.8),
)
_TOUR = 0.4


@dataclass(frozen=True)
class Bout:
    """One stretch of one behaviour.

    Args:
        behaviour: its code.
        seconds: how long it lasts.
    """

    behaviour: int
    seconds: float


def codes(behaviours: Sequence[str] | None) -> tuple[int, ...]:
    """Codes of the named behaviours, all of them for None.

    Raises:
        UsageError: if a name is unknown or none is given.
    """
    if behaviours is None:
        return tuple(range(len(BEHAVIOURS)))
    unknown = [name for name in behaviours if name not in BEHAVIOURS]
    if unknown or not behaviours:
        what = f"no such behaviour: {', '.join(unknown)}" if unknown else "no behaviour is named"
        raise UsageError(what, where="behaviours", hint=f"Choose from {', '.join(BEHAVIOURS)}.")
    return tuple(sorted({BEHAVIOURS.index(name) for name in behaviours}))


class Plan:
    """An endless sequence of bouts.

    Every allowed behaviour comes once, in short bouts and random order, before the sequence goes on at
    random; so that even a short recording shows them all.

    Args:
        allowed: codes of the behaviours to choose from.
        rng: the choices.
        first: a bout to begin with.
    """

    def __init__(self, allowed: Sequence[int], rng: np.random.Generator, first: Bout | None = None) -> None:
        self._allowed = list(allowed)
        self._rng = rng
        self._tour = [int(code) for code in rng.permutation(self._allowed)]
        self._first = first
        self._last = -1

    def following(self) -> Bout:
        """The next bout; never the same behaviour twice in a row where there is a choice."""
        if self._first is not None:
            bout, self._first = self._first, None
            self._last = bout.behaviour
            return bout
        touring = bool(self._tour)
        code = self._tour.pop(0) if touring else self._draw()
        self._last = code
        median, spread, _ = _BOUTS[code]
        stretch = float(np.clip(self._rng.standard_normal(), -1.8, 1.8))
        seconds = median * float(np.exp(spread * stretch))
        return Bout(code, max(seconds * (_TOUR if touring else 1.0), 0.3))

    def allows(self, code: int) -> bool:
        """Whether a behaviour is among those to choose from."""
        return code in self._allowed

    def _draw(self) -> int:
        choices = [code for code in self._allowed if code != self._last] or self._allowed
        weights = np.array([_BOUTS[code][2] for code in choices])
        edges = np.cumsum(weights / weights.sum())
        return choices[min(int(np.searchsorted(edges, self._rng.random(), side="right")), len(choices) - 1)]
