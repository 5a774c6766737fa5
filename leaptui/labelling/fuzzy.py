"""Finding names by a few of their letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_WORD_START, _NEXT, _GAP, _BEGIN = 8, 6, 1, 6
"""Points for a letter that begins a word, for one right after another, against each letter left out, and for the
first letter of the name."""


def ranked(text: str, names: Sequence[str]) -> tuple[int, ...]:
    """Positions of the names that hold these letters in this order, best first; all of them for no letters.

    Words begin after a blank, `_`, `-`, `.`, where small letters turn to capitals, and at digits. A name that
    begins with the text comes first, then one that has it as a piece, then by how many letters begin a word or
    follow each other; shorter names win, then the order of the names.
    """
    wanted = "".join(text.split()).lower()
    if not wanted:
        return tuple(range(len(names)))
    found = []
    for position, name in enumerate(names):
        points = score(wanted, name)
        if points is not None:
            found.append((-points, len(name), position))
    return tuple(position for _, _, position in sorted(found))


def score(wanted: str, name: str) -> int | None:
    """How well small letters fit a name, None if they are not in it in this order."""
    small = name.lower()
    if len(small) != len(name):
        # Some capitals become two letters; then words begin where they seem to.
        name = small
    starts = tuple(_starts(name))
    points = _best(wanted, small, starts)
    if points is None:
        return None
    if small == wanted:
        points += 400
    elif small.startswith(wanted):
        points += 200
    elif wanted in small:
        points += 40
    return points


@lru_cache(maxsize=4096)
def _best(wanted: str, name: str, starts: tuple[bool, ...]) -> int | None:
    """The best way to find the letters, by dynamic programming over (letter wanted, letter of the name)."""
    before: list[int | None] = [0 if i == 0 else None for i in range(len(name) + 1)]
    for index, letter in enumerate(wanted):
        row: list[int | None] = [None] * (len(name) + 1)
        for at, own in enumerate(name):
            if own != letter:
                continue
            gain = (_WORD_START if starts[at] else 0) + (_BEGIN if at == 0 else 0)
            ways = []
            if index == 0:
                ways.append(gain - min(at, 3))
            else:
                for last in range(1, at + 1):
                    reached = before[last]
                    if reached is not None:
                        gap = at - last
                        ways.append(reached + gain + (_NEXT if gap == 0 else -_GAP * min(gap, 6)))
            if ways:
                row[at + 1] = max(ways)
        before = row
    reached_all = [points for points in before if points is not None]
    return max(reached_all) if reached_all else None


def _starts(name: str) -> list[bool]:
    starts = []
    for i, letter in enumerate(name):
        previous = name[i - 1] if i else " "
        starts.append(
            letter.isalnum()
            and (
                not previous.isalnum()
                or (letter.isupper() and not previous.isupper())
                or (letter.isdigit() and not previous.isdigit())
            )
        )
    return starts
