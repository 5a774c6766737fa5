"""Metrics that another program logs, read while they grow: what every kind of log gives its readers.

Each log is a folder. `poll` reads on from where the last one ended, for a bounded time, and never raises for what
is on disk; what cannot be read is counted and told in `problems`.

Adding a new kind of log: a subclass of MetricLog in a module here, and a line in `leaptui.ops.watch`.
"""

from __future__ import annotations

import errno
import math
import os
import re
import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from leaptui.formats.yaml_settings import read_settings
from leaptui.runs.curve import Curve

CURVES_KEPT = 1000
"""Metrics kept; a program that makes up names costs no more than this."""

POINTS_KEPT = 8000
"""Points of each; see Curve for how the others are chosen."""

_LOOK_AROUND_EVERY = 2.0
"""Seconds between two looks for settings and checkpoints."""

_CHECKPOINTS = 2000
_EPOCH = re.compile(r"epoch[=_](\d{1,9})")


@dataclass(frozen=True)
class Reading:
    """One logged value.

    Args:
        name: of the metric. Untrusted text.
        step: as logged, from 0 in Lightning.
        value: may be NaN or infinite.
        epoch: as logged, from 0 in Lightning; None where the same line does not say.
    """

    name: str
    step: float
    value: float
    epoch: float | None = None


@dataclass(frozen=True)
class SavedState:
    """A checkpoint file; epoch as its name says, from 0."""

    path: Path
    epoch: int | None
    changed: float


class MetricLog(ABC):
    """Curves by name, settings and checkpoints of one run of another program.

    Args:
        folder: where it logs.
        clock: monotonic time.
        now: seconds since the epoch.
    """

    kind: ClassVar[str]
    """What to call this kind of log."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._now = now
        self._seen: dict[Path, tuple[int, int]] = {}
        self._news_at: float | None = None
        self._looked_at: float | None = None
        self._dropped: set[str] = set()
        self._bad_values = 0
        self._failed = ""
        self.curves: dict[str, Curve] = {}
        """Each metric over step; a value that was not a number is a gap of its curve."""
        self.epochs = Curve(POINTS_KEPT)
        """Epoch over step, where that is logged."""
        self.settings: dict[str, Any] = {}
        """What hparams.yaml says, nested names joined by dots. Untrusted text."""
        self.checkpoints: tuple[SavedState, ...] = ()
        """Oldest first."""
        self.began: float | None = None
        """When it began, seconds since the epoch, if there is a sign of that."""
        self.changed: float | None = None
        """When its files last changed, seconds since the epoch by the clock of their disk."""
        self.generation = 1
        """One more each time the log was begun anew in the same place: everything read before is void then."""
        self.is_behind = False
        """The last poll ended at its bounds, not at the end of what is there."""

    def poll(self, max_records: int = 5000, max_seconds: float = 0.05) -> list[Reading]:
        """The next values in the order they were logged, about so many at most and for about so long."""
        found: list[Reading] = []
        self._failed = ""
        try:
            self._read(found, max_records, self._clock() + max_seconds)
        except OSError as problem:
            self.is_behind = False
            # Not there yet, or replaced on the server while it was opened: the next poll sees it.
            if problem.errno not in (errno.ENOENT, errno.ESTALE):
                self._failed = f"it cannot be read ({problem.strerror or problem})"
        self._look_around()
        return found

    @property
    def silent(self) -> float | None:
        """Seconds without news. Watched changes are timed by the own clock; what was there before by file times."""
        return None if self._news_at is None else max(0.0, self._clock() - self._news_at)

    @property
    def last_step(self) -> float | None:
        """The highest step of any metric."""
        ends = [curve.x[-1] for curve in self.curves.values() if curve.x]
        return max(ends, default=None)

    def epoch_at(self, step: float) -> float | None:
        """The epoch that was logged with a step, or with the last one before it."""
        place = bisect_right(self.epochs.x, step)
        return self.epochs.y[place - 1] if place else None

    @property
    def problems(self) -> list[str]:
        """What of it cannot be shown, in words."""
        found = [self._failed] if self._failed else []
        if self._dropped:
            most = len(self._dropped) >= CURVES_KEPT
            found.append(
                f"{'more than ' if most else ''}{len(self._dropped)} metrics are left out, {CURVES_KEPT} are shown"
            )
        if self._bad_values:
            found.append(f"{self._bad_values} values cannot be read")
        return found

    @abstractmethod
    def _read(self, found: list[Reading], most: int, until: float) -> None:
        """Append what is new by way of `_take`, and set `is_behind`.

        Raises:
            OSError: if a file cannot be read.
        """

    def _take(self, found: list[Reading], reading: Reading) -> None:
        if not math.isfinite(reading.step):
            self._bad_values += 1
            return
        found.append(reading)
        curve = self.curves.get(reading.name)
        if curve is None:
            if len(self.curves) >= CURVES_KEPT:
                if len(self._dropped) < CURVES_KEPT:
                    self._dropped.add(reading.name)
                return
            curve = self.curves[reading.name] = Curve(POINTS_KEPT)
        curve.add(reading.step, reading.value)

    def _take_epoch(self, step: float, epoch: float) -> None:
        if self.epochs.last != (step, epoch):
            self.epochs.add(step, epoch)

    def _begin_anew(self) -> None:
        """The log was replaced by another one."""
        self.generation += 1
        self.curves = {}
        self.epochs = Curve(POINTS_KEPT)
        self._dropped = set()
        self._bad_values = 0

    def _note_file(self, path: Path, status: os.stat_result) -> None:
        """Take note of a file's size and time, to know when there was news."""
        seen = (status.st_size, status.st_mtime_ns)
        before = self._seen.get(path)
        if before == seen:
            return
        self._seen[path] = seen
        self.changed = max(status.st_mtime, self.changed or 0.0)
        age = 0.0 if before is not None else max(0.0, self._now() - status.st_mtime)
        at = self._clock() - age
        self._news_at = at if self._news_at is None else max(at, self._news_at)

    def _look_around(self) -> None:
        if self._looked_at is not None and self._clock() - self._looked_at < _LOOK_AROUND_EVERY:
            return
        self._looked_at = self._clock()
        path = self.folder / "hparams.yaml"
        status = _status(path)
        if status is not None and self._seen.get(path) != (status.st_size, status.st_mtime_ns):
            self._note_file(path, status)
            self.settings = read_settings(path)
            if self.began is None:
                self.began = status.st_mtime
        self.checkpoints = saved_states(self.folder / "checkpoints")


def saved_states(folder: Path) -> tuple[SavedState, ...]:
    """The checkpoint files in a folder, oldest first."""
    found: list[SavedState] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".ckpt") and len(found) < _CHECKPOINTS:
                    found.append(_saved_state(Path(entry.path), entry.stat()))
    except OSError:
        # No folder yet, or a file that was replaced while it was listed: the next look sees them.
        return tuple(sorted(found, key=lambda each: each.changed))
    return tuple(sorted(found, key=lambda each: each.changed))


def _saved_state(path: Path, status: os.stat_result) -> SavedState:
    match = _EPOCH.search(path.name)
    return SavedState(path, int(match.group(1)) if match else None, status.st_mtime)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
