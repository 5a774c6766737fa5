"""A burst: fragments as the bytes of one write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from leaptui.graphics.terminal import Terminal, Tmux

if TYPE_CHECKING:
    from leaptui.graphics.painter import Fragment

SYNC_BEGIN = b"\x1b[?2026h"
SYNC_END = b"\x1b[?2026l"
PING = b"\x1b[6n"
"""Asks where the cursor stands; the answer says that everything before it has arrived."""
_SAVE = b"\x1b7"
_RESTORE = b"\x1b8"


def burst(fragments: Iterable[Fragment], terminal: Terminal, origin: tuple[int, int], *, ping: bool = False) -> bytes:
    """Fragments as bytes: placed, passed through tmux, and shown at once where the terminal can do that.

    Args:
        fragments: what to send.
        terminal: where.
        origin: (column, row) of the canvas on the screen, 0-based.
        ping: ask for an answer when it has arrived.

    Returns:
        Nothing, if there are no fragments.
    """
    body = b"".join(_placed(fragment, terminal, origin) for fragment in fragments)
    if not body:
        return b""
    body = _SAVE + body + _RESTORE
    if terminal.sync:
        body = SYNC_BEGIN + body + SYNC_END
    return body + PING if ping else body


def passed_through(data: bytes) -> bytes:
    """What tmux hands to the outer terminal as it is (needs `allow-passthrough on`)."""
    return b"\x1bPtmux;" + data.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\"


def _placed(fragment: Fragment, terminal: Terminal, origin: tuple[int, int]) -> bytes:
    column, row = origin[0] + fragment.column, origin[1] + fragment.row
    if terminal.tmux is None or fragment.is_text:
        return _cursor(column, row) + fragment.data
    pane: Tmux = terminal.tmux
    return passed_through(_SAVE + _cursor(column + pane.left, row + pane.top) + fragment.data + _RESTORE)


def _cursor(column: int, row: int) -> bytes:
    return b"\x1b[%d;%dH" % (row + 1, column + 1)
