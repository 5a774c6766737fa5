"""`leaptui bench canvas`: what a moved point, a frame and a zoom cost, in one run, next to textual-image.

Two small Textual programs show the standard scene and know the same keys: one with the frame canvas, one with
textual-image's widget. Each runs as a process of its own on a scripted terminal that answers what it is asked, and
`CSI 6n` only when all bytes before it have arrived, at full speed or at 64 kB/s. Keys are bytes written to the terminal
device; times are from there to the last byte that arrived. Nothing is left out: marks of synchronized output, the way
to the place, the question at the end and what is refined later all count.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from leaptui.bench import encoders, updates
from leaptui.bench.drive import HERTZ, Driven
from leaptui.bench.fake_terminal import PROFILES, SYNC, Profile, without
from leaptui.bench.figures import Figures, Protocol, take
from leaptui.bench.goals import SIXEL_CELLS, Goal, goals, ratios
from leaptui.bench.standard import AREA, CELL, Desk, Source
from leaptui.errors import OperationFailed
from leaptui.graphics.env import VARIABLE
from leaptui.graphics.terminal import Colours, Graphics, Patch, Terminal

SLOW = 64_000
"""Bytes a second of the slow line."""

_PLAIN = without("plain", modes={SYNC: 2})
_PROFILES: Mapping[str, Profile] = {
    Graphics.KITTY: PROFILES["kitty"],
    Graphics.SIXEL: PROFILES["foot"],
    SIXEL_CELLS: PROFILES["mlterm"],
    Graphics.ITERM2: PROFILES["iterm2"],
}
PROTOCOLS: tuple[str, ...] = (
    *(Graphics.KITTY, Graphics.SIXEL, SIXEL_CELLS, Graphics.ITERM2),
    *(Graphics.HALF, Graphics.QUADRANT, Graphics.SEXTANT, Graphics.BRAILLE, Graphics.ASCII),
)
"""What can be measured; `sixel` is changed pixels, `sixel-cells` whole cells."""
_COUNTERPARTS: Mapping[str, str] = {Graphics.KITTY: "kitty", Graphics.SIXEL: "sixel", SIXEL_CELLS: "sixel"}
"""textual-image's widget beside each protocol; beside all text, its half blocks; beside iTerm2, nothing."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        nudges, their_nudges: of leaptui and of textual-image.
        repeats: of a key that is held.
        rounds: of the encoders.
    """

    nudges: int = 32
    their_nudges: int = 12
    repeats: int = 60
    rounds: int = 7


QUICK = Effort(6, 3, 15, 2)


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    scene: dict[str, Any]
    machine: dict[str, Any]
    effort: Effort
    protocols: tuple[Protocol, ...]

    @property
    def goals(self) -> list[Goal]:
        """All goals."""
        return [goal for protocol in self.protocols for goal in goals(protocol)]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "scene": self.scene,
            "machine": self.machine,
            "settings": {"effort": self.effort, "hertz": HERTZ, "slow_bytes_per_second": SLOW},
            "protocols": {
                each.name: {
                    "ours": each.ours,
                    "textual_image": each.textual_image,
                    "compared_with": each.compared_with,
                    "ratios": ratios(each),
                }
                for each in self.protocols
            },
            "goals": [{**vars(goal), "met": goal.met} for goal in self.goals],
            "met": all(goal.met for goal in self.goals if goal.met is not None),
        }


def measure(source: Source, names: Sequence[str], effort: Effort, folder: Path, say: Callable[[str], None]) -> Report:
    """Measure protocols on a scene.

    Args:
        source: what is shown.
        names: of `PROTOCOLS`.
        effort: how long.
        folder: for files that are not kept.
        say: told what is measured next.

    Raises:
        OperationFailed: if one of the programs does not start.
    """
    scene = folder / "scene.npz"
    source.save(scene)
    theirs_version = installed("textual-image")
    if theirs_version is None:
        say("textual-image is not installed, so there is nothing to compare with: pip install textual-image")
    before = os.getloadavg()[0]
    theirs: dict[str, Figures] = {}
    found = []
    for name in names:
        kind = counterpart(name)
        if kind is not None and theirs_version is not None and kind not in theirs:
            say(f"measuring textual-image's {kind}")
            theirs[kind] = _theirs(kind, source, scene, effort)
        say(f"measuring {name}")
        ours = _ours(name, source, scene, effort)
        found.append(Protocol(name, _graphics(name).has_pixels, ours, theirs.get(kind or ""), kind))
    height, width = source.images.shape[1:3]
    return Report(
        scene={
            "source": source.name,
            "frame": [width, height],
            "points": source.points.shape[1],
            "edges": len(source.edges),
            "cells": AREA,
            "cell": CELL,
            "picture": Desk(source).view.raster,
        },
        machine={
            "cpus": os.cpu_count(),
            "load_before": before,
            "load_after": os.getloadavg()[0],
            "python": platform.python_version(),
            "textual": installed("textual"),
            "textual_image": theirs_version,
        },
        effort=effort,
        protocols=tuple(found),
    )


def counterpart(name: str) -> str | None:
    """textual-image's widget to compare a protocol with; None if it has nothing alike."""
    return _COUNTERPARTS.get(name) if _graphics(name).has_pixels else "half"


def installed(package: str) -> str | None:
    """Version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _graphics(name: str) -> Graphics:
    return Graphics.SIXEL if name == SIXEL_CELLS else Graphics(name)


def _ours(name: str, source: Source, scene: Path, effort: Effort) -> Figures:
    graphics = _graphics(name)
    profile = _PROFILES.get(name, _PLAIN)
    notes = scene.with_name("notes.json")
    asked_for = None if graphics.has_pixels or graphics is Graphics.HALF else graphics.value
    patch = Patch.DELTA if name == Graphics.SIXEL else Patch.CELLS

    def start(rate: float | None) -> Driven:
        argv = [sys.executable, "-m", "leaptui.bench.canvas_app", str(scene), str(notes)]
        return Driven(argv, profile, rate=rate, environ={VARIABLE: asked_for})

    with start(None) as program:
        program.await_start()
        noted = json.loads(notes.read_text())
    if noted["graphics"] != graphics or (graphics is Graphics.SIXEL and noted["patch"] != patch):
        raise OperationFailed(f"the terminal was meant to be taken for {name}, but it was for {noted}")
    terminal = Terminal(
        graphics, Colours(noted["colours"]), cell=(float(CELL[0]), float(CELL[1])), sync=noted["sync"], patch=patch
    )
    changes = [encoders.changes_seen(terminal, source, effort.repeats, hardest=hardest) for hardest in (False, True)]
    return take(
        start,
        updates.ours,
        encoders.ours(terminal, source, effort.rounds),
        nudges=effort.nudges,
        repeats=effort.repeats,
        changes=(changes[0], changes[1]),
        slow=SLOW,
        is_ours=True,
    )


def _theirs(kind: str, source: Source, scene: Path, effort: Effort) -> Figures:
    profile = _PROFILES.get(kind, _PLAIN)

    def start(rate: float | None) -> Driven:
        argv = [sys.executable, "-m", "leaptui.bench.textual_image_app", str(scene), kind]
        return Driven(argv, profile, rate=rate)

    return take(
        start,
        lambda arrivals: updates.of_textual_image(kind, arrivals),
        encoders.of_textual_image(kind, scene, source, effort.rounds),
        nudges=effort.their_nudges,
        repeats=effort.repeats,
        changes=(effort.repeats, effort.repeats),
        slow=SLOW,
        is_ours=False,
    )
