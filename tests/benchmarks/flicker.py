"""Whether the picture blinks while a point moves: `python -m tests.benchmarks.flicker [--frame FILE] [--nudges N]`.

On a virtual screen, a real xterm (sixel) and a real kitty show the standard scene of `leaptui bench canvas`, with
leaptui's canvas and with textual-image; the point moves 12 times a second, and the window is grabbed as fast as it
goes. A grab is blanked when more than 1.5 % of the pixels that are bright before and after everything are dark in it.
Needs Xvfb, xdotool and the terminals; what is not installed is said and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from leaptui.bench.canvas import installed
from leaptui.bench.drive import SCREEN
from leaptui.bench.standard import Source, of_file, synthetic
from leaptui.cli.context import ConsoleContext
from tests.terminals.virtual_screen import Pixels, Setup, VirtualScreen, Window, missing

PER_SECOND = 12
LIT, DARK = 60, 20
BLANKED = 0.015

TERMINALS = {
    "xterm": Setup("xterm", ("-ti", "vt340", "-tn", "xterm-256color"), size=SCREEN),
    "kitty": Setup("kitty", size=SCREEN),
}
WIDGETS = {"xterm": "sixel", "kitty": "kitty"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frame", type=Path)
    parser.add_argument("--nudges", type=int, default=24)
    parser.add_argument("--terminals", nargs="+", choices=list(TERMINALS), default=list(TERMINALS))
    options = parser.parse_args()
    with ConsoleContext(Path.cwd()) as context:
        source = synthetic() if options.frame is None else of_file(options.frame, 0, context)
    report: dict[str, Any] = {"scene": source.name, "per_second": PER_SECOND}
    for kind in options.terminals:
        setup = TERMINALS[kind]
        lack = missing(*setup.programs)
        report[kind] = {"not measured": lack} if lack else measure(setup, WIDGETS[kind], source, options.nudges)
    print(json.dumps(report))


def measure(setup: Setup, widget: str, source: Source, nudges: int) -> dict[str, Any]:
    """Figures of both programs in a terminal."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        scene = Path(name) / "scene.npz"
        source.save(scene)
        programs = {"ours": ["leaptui.bench.canvas_app", str(scene), str(Path(name) / "notes")]}
        if installed("textual-image"):
            programs["textual_image"] = ["leaptui.bench.textual_image_app", str(scene), widget]
        for program, argv in programs.items():
            folder = Path(name) / program
            folder.mkdir()
            with VirtualScreen((SCREEN[0] * 12, SCREEN[1] * 24)) as screen:
                window = screen.open(setup, [sys.executable, "-m", *argv], folder)
                window.wait()
                found[program] = watch(window, nudges)
    return found


def watch(window: Window, nudges: int) -> dict[str, Any]:
    """Move the point and grab; figures of the grabs."""
    settle(window)
    window.type("t", "Right")
    settle(window)
    with window.watch() as watched:
        start = time.monotonic()
        for k in range(nudges):
            time.sleep(max(0.0, start + k / PER_SECOND - time.monotonic()))
            window.screen.tool("key", "Right")
        time.sleep(1.5)
    grabs = watched.grabs
    lit = (grabs[0] > LIT) & (grabs[-1] > LIT)
    if lit.sum() < 1000:
        return {"not measured": f"no picture was seen; it said: {window.log()[-300:]}"}
    dark = [float((grab[lit] < DARK).mean()) for grab in grabs]
    return {
        "grabs": len(grabs),
        "blanked": sum(share > BLANKED for share in dark),
        "darkest": round(max(dark), 4),
        "pictures": 1 + sum(not np.array_equal(one, other) for one, other in pairwise(grabs)),
        "nudges": nudges,
    }


def settle(window: Window, seconds: float = 30.0) -> None:
    """Wait until something is shown and stays."""
    before: Pixels | None = None
    same, until = 0, time.monotonic() + seconds
    while same < 8 and time.monotonic() < until:
        shot = window.grab()
        is_there = (shot[..., 1] > LIT).mean() > 0.05
        same = same + 1 if is_there and before is not None and np.array_equal(shot, before) else 0
        before = shot
        time.sleep(0.15)


if __name__ == "__main__":
    main()
