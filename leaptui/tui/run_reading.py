"""Reading a run for the screens: a RunView of `leaptui.runs`, turned into a RunPicture."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from leaptui.runs.status import State
from leaptui.runs.view import EpochPoint as EpochRead
from leaptui.runs.view import RunView
from leaptui.tui.run_picture import EpochPoint, LogLine, Progress, RunError, RunPicture

CURVE_POINTS = 1500
"""Points of a curve that a screen is given: more than any terminal has columns."""

_LOG_LINES = 200
_OUTPUT_LINES = 40
_SECONDS_A_LOOK = 0.25


class LiveReader:
    """Follows one run directory.

    Args:
        path: the run directory; what is missing or broken in it becomes words, never an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._view = RunView(path)
        self._steps: tuple[tuple[float, float], ...] = ()
        self._steps_read = (-1, -1.0)

    def look(self) -> RunPicture:
        """The run as it is now."""
        view = self._view
        until = time.monotonic() + _SECONDS_A_LOOK
        view.refresh()
        while view.is_behind and time.monotonic() < until:
            view.refresh()
        if view.operation is None:
            return self._broken()
        status = view.status
        host = None if status is None else status.host
        return RunPicture(
            path=self._path,
            operation=view.operation,
            state=str(view.state),
            reason=view.reason or None,
            request=view.request,
            host=host,
            pid=None if status is None else status.pid,
            here=host in (None, socket.gethostname()),
            created=view.created,
            elapsed=view.elapsed,
            eta=view.eta,
            plan=view.plan or {},
            steps=self._curve(),
            epochs=tuple(_epoch(point) for point in view.epochs[-CURVE_POINTS:]),
            epoch=_whole(view.last_step, "epoch"),
            step=_whole(view.last_step, "step"),
            rate=_number(view.last_step, "samples_per_s"),
            best=None if view.best is None else _epoch(view.best),
            progress=_progress(view),
            log=[LogLine(line.level, line.message) for line in list(view.log)[-_LOG_LINES:]],
            result=view.result,
            error=_error(view),
            output=view.output()[-_OUTPUT_LINES:] if view.state in (State.FAILED, State.STALE) else (),
            behind=view.is_behind,
            problems=self._problems(),
        )

    def _broken(self) -> RunPicture:
        what = "its request.json cannot be read" if self._path.is_dir() else "the folder is not there"
        return RunPicture(self._path, state="broken", reason=what, error=RunError(what, str(self._path)))

    def _problems(self) -> list[str]:
        view, found = self._view, []
        if view.problems:
            found.append(f"{view.problems} lines of its events cannot be read")
        if view.steps.gaps:
            found.append(f"the loss was not a number {view.steps.gaps} times, first at step {view.steps.first_gap:.0f}")
        return found

    def _curve(self) -> tuple[tuple[float, float], ...]:
        curve = self._view.steps
        read = (curve.count, curve.x[-1] if curve.x else -1.0)
        if read != self._steps_read:
            self._steps = thinned(curve.x, curve.y, CURVE_POINTS)
            self._steps_read = read
        return self._steps


def thinned(x: Sequence[float], y: Sequence[float], most: int) -> tuple[tuple[float, float], ...]:
    """At most about `most` points of a curve: of each group the lowest and the highest, so that spikes stay."""
    if len(x) <= most:
        return tuple(zip(x, y, strict=True))
    group = -(-2 * len(x) // most)
    kept: list[int] = [0]
    for start in range(0, len(x), group):
        part = range(start, min(start + group, len(x)))
        kept += sorted({min(part, key=y.__getitem__), max(part, key=y.__getitem__)})
    kept.append(len(x) - 1)
    return tuple((x[i], y[i]) for i in sorted(set(kept)))


def _epoch(point: EpochRead) -> EpochPoint:
    return EpochPoint(**{each.name: getattr(point, each.name) for each in fields(EpochPoint)})


def _progress(view: RunView) -> Progress | None:
    said = view.progress
    return None if said is None else Progress(said.done, said.total, said.unit or "frames", said.rate, said.label)


def _error(view: RunView) -> RunError | None:
    said = view.error
    if said is None:
        return None
    return RunError(said.what, said.where, said.hint, said.traceback)


def _number(event: dict[str, Any] | None, key: str) -> float | None:
    value = None if event is None else event.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(event: dict[str, Any] | None, key: str) -> int | None:
    value = _number(event, key)
    return None if value is None else int(value)
