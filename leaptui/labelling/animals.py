"""Animal: what a person has placed and what a model predicted, as one.

A node that a person has placed shows what was placed; else it shows the prediction, unless a person has deleted
it. Predicted animals are paired with placed ones by what this session remembers, by track, and by distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

import numpy as np
from numpy.typing import NDArray

from leaptui.pose.instance import Flags, Instance, Points, PredictedInstance

_ENOUGH = 3
"""Common nodes from which on the distance alone may say that two animals are different ones."""


class PointState(Enum):
    """What is known of a node."""

    EMPTY = "empty"
    """Nothing: neither placed nor predicted, or predicted and deleted by a person."""
    PREDICTED = "predicted"
    """A guess that nobody has accepted: a model's, or a pose that was put there to start from."""
    PLACED = "placed"
    """Placed by a person, and to be seen."""
    OCCLUDED = "occluded"
    """Placed by a person where the body hides it."""


@dataclass(frozen=True)
class Animal:
    """One animal of a frame, as it is shown.

    Args:
        id: id of the stored instance, or the one it will get; empty if it has none yet.
        points: (J, 2) what is shown of each node; NaN where it is empty.
        occluded: (J,) placed, but hidden by the body.
        states: one a node.
        scores: (J,) how sure the model is; NaN where it is not known.
        guess: (J, 2) what the model predicted, also where a person has placed the point; NaN where nothing.
        track: identity over time, if known.
        source: position of the predicted animal in the lookup, None if it has none.
        stored: whether a person has touched it.
        absent: (J,) EMPTY because a person has deleted it, so that nothing is to be placed there.
    """

    id: str
    points: Points
    occluded: Flags
    states: tuple[PointState, ...]
    scores: NDArray[np.float32]
    guess: Points
    track: str | None = None
    source: int | None = None
    stored: bool = False
    absent: Flags = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if self.absent.size == 0:
            object.__setattr__(self, "absent", np.zeros(len(self.states), bool))

    @property
    def open(self) -> Flags:
        """(J,) True where a point is still to be placed: empty or predicted, and not deleted."""
        return ~self.placed & ~self.absent

    @property
    def shown(self) -> Flags:
        """(J,) True where there is a point to show."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    @property
    def placed(self) -> Flags:
        """(J,) True where a person has placed the point."""
        return np.array([s in (PointState.PLACED, PointState.OCCLUDED) for s in self.states], bool)

    @property
    def predicted(self) -> Flags:
        """(J,) True where the point is a guess."""
        return np.array([s is PointState.PREDICTED for s in self.states], bool)

    def counts(self) -> Mapping[PointState, int]:
        """Nodes in each state."""
        return {state: self.states.count(state) for state in PointState}


def merged(
    placed: Instance | None,
    guess: PredictedInstance | None,
    nodes: int,
    *,
    hidden: frozenset[int] = frozenset(),
    source: int | None = None,
) -> Animal:
    """One animal from what was placed and what was guessed.

    Args:
        placed: the stored instance, if any.
        guess: the prediction or starting pose, if any.
        nodes: J.
        hidden: nodes that a person has deleted.
        source: position of the prediction in its lookup.
    """
    points = np.full((nodes, 2), np.nan)
    occluded = np.zeros(nodes, bool)
    guessed = np.full((nodes, 2), np.nan)
    scores = np.full(nodes, np.nan, np.float32)
    states = [PointState.EMPTY] * nodes
    if guess is not None:
        there = guess.placed
        guessed[there] = guess.points[there]
        if guess.scores.shape == (nodes,):
            scores[there] = guess.scores[there]
        for node in np.flatnonzero(there):
            if int(node) not in hidden:
                points[node] = guess.points[node]
                states[node] = PointState.PREDICTED
    if placed is not None:
        for node in np.flatnonzero(placed.placed):
            points[node] = placed.points[node]
            occluded[node] = placed.occluded[node]
            states[node] = PointState.OCCLUDED if placed.occluded[node] else PointState.PLACED
    absent = np.zeros(nodes, bool)
    if hidden:
        absent[sorted(hidden)] = True
        absent &= ~np.isfinite(points).all(axis=1)
    track = placed.track if placed is not None and placed.track is not None else guess.track if guess else None
    name = placed.id if placed is not None else guess.id if guess is not None else ""
    return Animal(name, points, occluded, tuple(states), scores, guessed, track, source, placed is not None, absent)


def pair(
    placed: Sequence[Instance],
    predicted: Sequence[PredictedInstance],
    known: Mapping[str, int] | None = None,
) -> dict[int, int]:
    """Which predicted animal is which placed one.

    What is known comes first, then the same track, then the least mean distance over the nodes both have, pair by
    pair. An instance that has no node in common with any predicted animal takes one that is left over, in order:
    the first point a person places may be the one that the model missed.

    Args:
        placed: the stored instances.
        predicted: the predicted animals.
        known: position of the predicted animal an instance id.

    Returns:
        Position of the predicted animal a position of the placed one; those without one are left out.
    """
    pairs: dict[int, int] = {}
    free = set(range(len(predicted)))

    def join(mine: int, theirs: int) -> None:
        pairs[mine] = theirs
        free.discard(theirs)

    for mine, instance in enumerate(placed):
        theirs = (known or {}).get(instance.id)
        if theirs is not None and theirs in free:
            join(mine, theirs)
    for mine, instance in enumerate(placed):
        if mine not in pairs and instance.track is not None:
            same = [i for i in sorted(free) if predicted[i].track == instance.track]
            if same:
                join(mine, same[0])
    apart: set[int] = set()
    for _, mine, theirs in sorted(_distances(placed, predicted, pairs, free, apart)):
        if mine not in pairs and theirs in free:
            join(mine, theirs)
    for mine in range(len(placed)):
        if mine not in pairs and mine not in apart and free:
            join(mine, min(free))
    return pairs


def _distances(
    placed: Sequence[Instance],
    predicted: Sequence[PredictedInstance],
    pairs: Mapping[int, int],
    free: set[int],
    apart: set[int],
) -> list[tuple[float, int, int]]:
    """(mean distance, placed, predicted) of pairs that may be one animal; `apart` gets those certainly alone."""
    found = []
    for mine, instance in enumerate(placed):
        if mine in pairs:
            continue
        for theirs in free:
            common = instance.placed & predicted[theirs].placed
            if not common.any():
                continue
            steps = instance.points[common] - predicted[theirs].points[common]
            distance = np.hypot(steps[:, 0], steps[:, 1])
            shown = predicted[theirs].points[predicted[theirs].placed]
            size = float(np.hypot(*np.ptp(shown, axis=0)))
            if common.sum() >= _ENOUGH and float(np.median(distance)) > size / 2:
                apart.add(mine)
                continue
            found.append((float(distance.mean()), mine, theirs))
    return found


def animals_of(
    placed: Sequence[Instance],
    predicted: Sequence[PredictedInstance],
    drafts: Sequence[PredictedInstance],
    nodes: int,
    *,
    known: Mapping[str, int] | None = None,
    hidden: Mapping[str, frozenset[int]] | None = None,
    dismissed: frozenset[int] = frozenset(),
) -> tuple[Animal, ...]:
    """The animals of a frame, in an order that does not change when a prediction is touched.

    Args:
        placed: the stored instances, in order of creation.
        predicted: the predicted animals.
        drafts: starting poses with the id that their instance has or will have.
        nodes: J.
        known: position of the predicted animal an instance id, remembered.
        hidden: nodes that a person has deleted, an instance id.
        dismissed: positions of predicted animals that were deleted.

    Returns:
        Animals with a prediction in its order, then those without in order of creation; at least one, if only an
        empty one.
    """
    known, hidden = known or {}, hidden or {}
    poses = {draft.id: draft for draft in drafts}
    guessable = [i for i in range(len(predicted)) if i not in dismissed]
    rest = [instance for instance in placed if instance.id not in poses]
    back = {i: at for at, i in enumerate(guessable)}
    pairs = pair(
        rest,
        [predicted[i] for i in guessable],
        {name: back[i] for name, i in known.items() if i in back},
    )
    ranked: list[tuple[int, int, Animal]] = []
    serial = count()
    for instance in placed:
        marks = hidden.get(instance.id, frozenset())
        if instance.id in poses:
            animal = merged(instance, poses[instance.id], nodes, hidden=marks)
            ranked.append((len(predicted), next(serial), animal))
            continue
        at = pairs.get(next(i for i, other in enumerate(rest) if other is instance))
        source = None if at is None else guessable[at]
        guess = None if source is None else predicted[source]
        rank = len(predicted) if source is None else source
        ranked.append((rank, next(serial), merged(instance, guess, nodes, hidden=marks, source=source)))
    taken = {guessable[at] for at in pairs.values()}
    for source in guessable:
        if source not in taken:
            ranked.append((source, next(serial), merged(None, predicted[source], nodes, source=source)))
    stored = {instance.id for instance in placed}
    for draft in drafts:
        if draft.id not in stored:
            ranked.append((len(predicted), next(serial), merged(None, draft, nodes)))
    found = tuple(animal for _, _, animal in sorted(ranked, key=lambda row: row[:2]))
    return found or (merged(None, None, nodes),)
