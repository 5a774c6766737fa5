"""tmux: what it says of the terminal outside, and where our pane lies in it.

It answers on this machine, without a round trip. Pictures reach the terminal outside only through its passthrough
(tmux 3.3 and later, `set -g allow-passthrough on`), where nobody translates places: they have to be told in cells
of the whole terminal.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from leaptui.graphics.terminal import Tmux

ADVICE = "`set -g allow-passthrough on` in tmux.conf would give pictures"

_FIELDS = (
    "pane_tty",
    "client_termtype",
    "client_termfeatures",
    "client_cell_width",
    "client_cell_height",
    "pane_left",
    "pane_top",
    "allow-passthrough",
    "status",
    "status-position",
    "pane_active",
    "window_active",
    "pane_in_mode",
    "version",
)
_SEPARATOR = "|"
_TIMEOUT = 1.0


@dataclass(frozen=True)
class Pane:
    """Our pane.

    Args:
        tty: the terminal device of the pane.
        outer: what the terminal outside calls itself; empty when nobody is attached.
        features: what tmux knows of it, such as "RGB".
        cell: (width, height) of a cell in pixels, or None.
        place: where the pane lies in the terminal outside.
        passes: pictures are passed through.
        listens: what the terminal outside answers comes to us; otherwise it would go to another pane, or to a mode
            of tmux's own, as keys.
        version: tmux's own.
    """

    tty: str
    outer: str
    features: frozenset[str]
    cell: tuple[float, float] | None
    place: Tmux
    passes: bool
    listens: bool
    version: str


def ask_pane(environ: Mapping[str, str]) -> Pane | None:
    """Ask tmux about the pane this process runs in; None outside tmux or when it does not answer.

    Panes move when windows are split, so ask again after a change of size.
    """
    if not environ.get("TMUX"):
        return None
    form = _SEPARATOR.join(f"#{{{name}}}" for name in _FIELDS)
    target = ["-t", environ["TMUX_PANE"]] if environ.get("TMUX_PANE") else []
    try:
        done = subprocess.run(
            ["tmux", "display-message", "-p", *target, form],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_pane(done.stdout)


def read_pane(line: str) -> Pane | None:
    """What tmux printed; None if that is not an answer to our question."""
    parts = line.rstrip("\n").split(_SEPARATOR)
    if len(parts) < len(_FIELDS):
        return None
    # What the terminal outside calls itself is the one field that could hold a separator.
    extra = len(parts) - len(_FIELDS)
    parts[1 : 2 + extra] = [_SEPARATOR.join(parts[1 : 2 + extra])]
    said = dict(zip(_FIELDS, parts, strict=True))
    width, height = _number(said["client_cell_width"]), _number(said["client_cell_height"])
    lines_above = _status_lines(said["status"]) if said["status-position"] == "top" else 0
    return Pane(
        tty=said["pane_tty"],
        outer="".join(char for char in said["client_termtype"] if char.isprintable()),
        features=frozenset(said["client_termfeatures"].split(",")),
        cell=(float(width), float(height)) if width > 0 and height > 0 else None,
        place=Tmux(left=_number(said["pane_left"]), top=_number(said["pane_top"]) + lines_above),
        passes=said["allow-passthrough"] in ("on", "all", "1"),
        listens=(said["pane_active"], said["window_active"], said["pane_in_mode"]) == ("1", "1", "0"),
        version=said["version"],
    )


def _status_lines(status: str) -> int:
    return {"on": 1, "off": 0}.get(status, _number(status))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
