"""Stamps: when an edit was made, for merging.

A Lamport counter first, then the session that counted (Lamport 1978): every reader orders the same edits the
same way, whatever the clocks of their hosts say.
"""

from __future__ import annotations

from typing import NamedTuple


class Stamp(NamedTuple):
    """When, for merging: counter first, then session."""

    counter: int
    session: str


NEVER = Stamp(0, "")
"""Before every edit."""
