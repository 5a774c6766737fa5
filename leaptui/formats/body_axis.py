"""The two nodes whose distance is the body length, for formats that do not say."""

from __future__ import annotations

from collections.abc import Sequence

BODY_AXES: tuple[tuple[str, str], ...] = (
    ("head", "abdomen"),
    ("snout", "tailbase"),
    ("nose", "tailbase"),
    ("head", "tailbase"),
)
"""Front and rear nodes that are looked for, best first; case, `_`, `-`, `.` and blanks do not matter."""


def guess_body_axis(names: Sequence[str]) -> tuple[str, str] | None:
    """The first pair of `BODY_AXES` that is there with both ends, as the skeleton spells it, else None."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault("".join(c for c in name.lower() if c not in "_-. "), name)
    for front, rear in BODY_AXES:
        if front in spelled and rear in spelled:
            return spelled[front], spelled[rear]
    return None
