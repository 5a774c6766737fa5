"""The encoders alone, without an app around them."""

from __future__ import annotations

import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from leaptui.bench.sixel_decoder import Sixels
from leaptui.bench.standard import Desk, Source
from leaptui.errors import OperationFailed
from leaptui.graphics import raster
from leaptui.graphics.burst import burst
from leaptui.graphics.painter import Detail
from leaptui.graphics.painters import make
from leaptui.graphics.terminal import Graphics, Terminal

T = TypeVar("T")

_SIXEL = re.compile(rb"\x1bP[0-9;]*q.*?\x1b\\", re.DOTALL)


@dataclass(frozen=True)
class Encoded:
    """Figures of an encoder.

    Args:
        ms: a whole picture without points, nothing of it known before; median.
        n_bytes: of it.
        psnr: dB against the frame as 800 x 800 grey levels, for sixel; None for others.
        nudge_ms, nudge_bytes: one point moved; None where nothing less than a whole picture is sent.
    """

    ms: float
    n_bytes: int
    psnr: float | None = None
    nudge_ms: float | None = None
    nudge_bytes: float | None = None


def ours(terminal: Terminal, source: Source, rounds: int) -> Encoded:
    """Figures of leaptui's painter for a terminal."""
    desk = Desk(source)
    desk.has_marks = False
    bare = desk.scene
    whole = [_timed(lambda: make(terminal).draw(bare, desk.view)) for _ in range(rounds)]
    fragments = whole[0][1]
    data = burst(fragments, terminal, (0, 0))
    desk.has_marks = True
    painter = make(terminal)
    painter.draw(desk.scene, desk.view)
    times, sizes = [], []
    for _ in range(source.points.shape[1]):
        desk.select(1)
        painter.draw(desk.scene, desk.view)
        desk.nudge()
        scene = desk.scene
        taken, changes = _timed(lambda scene=scene: painter.draw(scene, desk.view, Detail.FINE))  # type: ignore[misc]
        if changes:
            times.append(taken)
            sizes.append(len(burst(changes, terminal, (0, 0))))
    is_sixel = terminal.graphics is Graphics.SIXEL
    return Encoded(
        statistics.median(taken for taken, _ in whole),
        len(data),
        _psnr([fragment.data for fragment in fragments], source) if is_sixel else None,
        statistics.median(times) if times else None,
        statistics.median(sizes) if sizes else None,
    )


def of_textual_image(kind: str, scene: Path, source: Source, rounds: int) -> Encoded:
    """Figures of textual-image's renderable; in a process of its own, because it asks the terminal when imported.

    Raises:
        OperationFailed: if it fails.
    """
    out = scene.with_name(f"textual-image-{kind}")
    argv = ["-m", "leaptui.bench.textual_image_app", str(scene), kind, "--encode", str(rounds), str(out)]
    done = subprocess.run(
        [sys.executable, *argv], capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise OperationFailed(f"textual-image cannot draw {kind}: {last}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    psnr = _psnr(_SIXEL.findall(out.read_bytes()), source) if kind == "sixel" else None
    return Encoded(float(said["ms"]), int(said["bytes"]), psnr)


def changes_seen(terminal: Terminal, source: Source, count: int, *, hardest: bool = False) -> int:
    """How many of so many nudges of the typical point change the picture: in cells of text, not every pixel does."""
    desk = Desk(source)
    if hardest:
        desk.select_hardest()
    else:
        desk.select_typical()
    painter = make(terminal)
    painter.draw(desk.scene, desk.view)
    seen = 0
    for _ in range(count):
        desk.nudge()
        seen += bool(painter.draw(desk.scene, desk.view, Detail.FINE))
    return seen


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return (time.perf_counter() - start) * 1e3, result


def _psnr(pictures: Sequence[bytes], source: Source) -> float | None:
    """Of one picture in grey levels; None if it is in several parts, or not of the raster's size."""
    if len(pictures) != 1:
        return None
    desk = Desk(source)
    wanted = raster.sample(desk.scene.image, desk.view, desk.view.raster).astype(float).mean(axis=2)
    shown = Sixels(pictures[0], strict=False).pixels
    if shown.shape != wanted.shape:
        return None
    levels = sum(((shown >> shift) & 255).astype(float) for shift in (0, 8, 16)) / 3
    error = float(np.mean((levels - wanted) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf
