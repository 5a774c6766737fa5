"""Which nodes are the left and right of one body part: from their names, or from a swap column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"left|right", re.IGNORECASE)
# A lone capital L or R, or a small one that no other small letter touches (l_ear, ear_r, lEar).
_LETTER = re.compile(r"[LR]|(?<![a-z])[lr](?![a-z])")
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}


@dataclass(frozen=True)
class SwapPairs:
    """What a swap column says.

    Args:
        pairs: (left, right) names.
        inconsistent: nodes whose partner in the column is not the one in `pairs`.
        by_name: those pairs that come from the names because the column contradicts itself.
    """

    pairs: tuple[tuple[str, str], ...]
    inconsistent: tuple[str, ...]
    by_name: tuple[tuple[str, str], ...]


def guess_symmetries(names: Sequence[str]) -> list[tuple[str, str]]:
    """(left, right) pairs among node names, in the order of the names.

    A name is paired when changing one side mark in it gives exactly one other name and the same holds the
    other way round. Side marks: `left` and `right` anywhere in any case (leftear, ear_left, EarRight), a
    capital L or R anywhere (earL, forelegL1), and a small l or r that touches no other small letter (ear_l,
    l_ear, lEar).
    """
    known = set(names)
    partners = {name: {twin for twin in _mirrored(name) if twin in known} for name in names}
    pairs = []
    for name in names:
        if len(partners[name]) != 1:
            continue
        (twin,) = partners[name]
        if partners[twin] == {name} and _side(name, twin) == "l":
            pairs.append((name, twin))
    return pairs


def pairs_from_swap(names: Sequence[str], swap: Sequence[int]) -> SwapPairs:
    """Pairs from a column that holds, for each node, the position of its mirror twin (negative: none).

    Only partners that name each other are believed; nodes that a wrong entry leaves over are paired by their
    names where that is possible.
    """
    mutual = []
    for i, j in enumerate(swap):
        if i < j and swap[j] == i:
            mutual.append(_left_first(names[i], names[j]))
    paired = {name for pair in mutual for name in pair}
    wrong = {i for i, j in enumerate(swap) if 0 <= j != i and swap[j] != i}
    touched = wrong | {swap[i] for i in wrong}
    open_names = {names[i] for i in touched} - paired
    by_name = [pair for pair in guess_symmetries(names) if set(pair) <= open_names]
    position = {name: i for i, name in enumerate(names)}
    ordered = sorted(mutual + by_name, key=lambda pair: min(position[pair[0]], position[pair[1]]))
    partner = {a: b for pair in ordered for a, b in (pair, pair[::-1])}
    inconsistent = [name for i, name in enumerate(names) if 0 <= swap[i] != i and partner.get(name) != names[swap[i]]]
    return SwapPairs(tuple(ordered), tuple(inconsistent), tuple(by_name))


def _mirrored(name: str) -> Iterator[str]:
    """The name with each of its side marks changed, one at a time."""
    for pattern in (_WORD, _LETTER):
        for match in pattern.finditer(name):
            yield name[: match.start()] + _opposite(match.group()) + name[match.end() :]


def _opposite(mark: str) -> str:
    other = _OTHER[mark.lower()]
    if mark.isupper():
        return other.upper()
    return other.capitalize() if mark[0].isupper() else other


def _side(name: str, twin: str) -> str:
    """`l` if `name` is the left one of two names that differ in a side mark, `r` if the right, else empty."""
    start = next((i for i, (a, b) in enumerate(zip(name, twin, strict=False)) if a != b), None)
    return "" if start is None else {"l": "l", "r": "r"}.get(name[start].lower(), "")


def _left_first(first: str, second: str) -> tuple[str, str]:
    swapped = second in set(_mirrored(first)) and _side(first, second) == "r"
    return (second, first) if swapped else (first, second)
