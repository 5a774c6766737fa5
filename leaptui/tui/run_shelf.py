"""The runs of a folder as they are now, read in bounded time and kept in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaptui.tui.run_picture import EpochPoint, RunPicture, RunReader

if TYPE_CHECKING:
    from leaptui.tui.services import Services

MOST = 5000
"""Runs of a folder that are read, the newest."""

_LISTING_SOON = 1
_LISTING_LATER = 4
"""Looks at a folder of runs between two listings of it."""

_CHECKED_A_LOOK = 100
"""Ended runs of which a look asks whether they have changed after all: resumed, or written notes on."""

_POINTS_KEPT = 64
"""Points of each curve of an ended run: a sparkline has no more."""

_LONGEST_REST = 4
"""Looks that a run nobody works at is left alone, at most."""


@dataclass(frozen=True)
class ShelfLook:
    """The runs of a folder as they are now.

    Args:
        runs: those that were read, newest first.
        unread: how many there was no time for yet; the next look goes on with them.
        older: how many more there are that are never read.
    """

    runs: Sequence[RunPicture] = ()
    unread: int = 0
    older: int = 0


@dataclass
class _Followed:
    """A run that has not ended.

    Args:
        reader: reads it.
        picture: as it was last.
        rest: looks left until it is read again.
        quiet: how often it was the same.
    """

    reader: RunReader
    picture: RunPicture
    rest: int = 0
    quiet: int = 0


@dataclass(frozen=True)
class _Ended:
    picture: RunPicture
    changed: int | None


@dataclass
class _Known:
    followed: dict[Path, _Followed] = field(default_factory=dict)
    ended: dict[Path, _Ended] = field(default_factory=dict)

    def keep(self, paths: set[Path]) -> None:
        """Forget all others."""
        self.followed = {path: each for path, each in self.followed.items() if path in paths}
        self.ended = {path: each for path, each in self.ended.items() if path in paths}


class RunShelf:
    """The runs of a folder. One that has ended is read once, and again only when its folder changes.

    Args:
        folder: the folder of runs.
        services: how to read them.
        most: how many of the newest are read.
        seconds: after which a look leaves the rest to the next one.
    """

    def __init__(self, folder: Path, services: Services, *, most: int = MOST, seconds: float = 0.25) -> None:
        self._folder = folder
        self._services = services
        self._most = most
        self._seconds = seconds
        self._known = _Known()
        self._paths: Sequence[Path] = ()
        self._changed: int | None = None
        self._looks_until_listing = 0
        self._checked = 0
        self._again: set[Path] = set()

    def read_again(self, *paths: Path) -> None:
        """Let the next look list the folder, and read these whatever they were; from any thread."""
        self._again.update(paths)
        self._looks_until_listing = 0

    def look(self) -> ShelfLook:
        """Every run as it is now."""
        self._list()
        self._take_back()
        until = time.monotonic() + self._seconds
        newest = self._paths[: self._most]
        runs: list[RunPicture] = []
        may_begin = True
        for path in newest:
            is_known = path in self._known.ended or path in self._known.followed
            if is_known or may_begin:
                runs.append(self._look_at(path))
                may_begin = may_begin and (is_known or time.monotonic() < until)
        return ShelfLook(runs, len(newest) - len(runs), len(self._paths) - len(newest))

    def _list(self) -> None:
        """List the folder when it has changed, and now and then: a run is made in two steps, and listing many
        runs on a network file system takes a while."""
        changed = changed_at(self._folder)
        is_new = changed != self._changed
        if is_new or self._looks_until_listing <= 0:
            self._paths = self._services.run_paths(self._folder)
            self._looks_until_listing = _LISTING_SOON if is_new else _LISTING_LATER
            self._changed = changed
            self._known.keep(set(self._paths))
        self._looks_until_listing -= 1

    def _take_back(self) -> None:
        """Ended runs that are not what they were will be read anew."""
        again, self._again = self._again, set()
        for path in again:
            self._known.ended.pop(path, None)
            if path in self._known.followed:
                self._known.followed[path].rest = 0
        ended = list(self._known.ended)
        if not ended:
            return
        begin = self._checked % len(ended)
        for path in islice(ended + ended, begin, begin + min(_CHECKED_A_LOOK, len(ended))):
            if changed_at(path) != self._known.ended[path].changed:
                del self._known.ended[path]
        self._checked = begin + _CHECKED_A_LOOK

    def _look_at(self, path: Path) -> RunPicture:
        ended = self._known.ended.get(path)
        if ended is not None:
            return ended.picture
        followed = self._known.followed.get(path)
        if followed is not None and followed.rest > 0:
            followed.rest -= 1
            return followed.picture
        changed = changed_at(path)
        reader = self._services.reader(path) if followed is None else followed.reader
        picture = reader.look()
        if picture.is_final and not picture.behind and picture.state != "broken":
            picture = slim(picture)
            self._known.ended[path] = _Ended(picture, changed)
            self._known.followed.pop(path, None)
        elif followed is None:
            self._known.followed[path] = _Followed(reader, picture)
        else:
            _follow(followed, picture)
        return picture


def _follow(followed: _Followed, picture: RunPicture) -> None:
    """A run that only waits, or whose worker is gone, is read less and less often."""
    is_quiet = picture.state in ("queued", "stale", "broken") and not picture.behind
    same = is_quiet and picture.state == followed.picture.state
    followed.quiet = followed.quiet + 1 if same else 0
    followed.rest = min(followed.quiet, _LONGEST_REST)
    followed.picture = picture


def slim(picture: RunPicture) -> RunPicture:
    """What a table needs of a run that has ended; thousands of them are kept."""
    return replace(
        picture,
        steps=spread(picture.steps, _POINTS_KEPT),
        epochs=_some_epochs(picture.epochs, picture.best),
        result=None if picture.result is None else _slim_result(picture.result),
        log=(),
        output=(),
        metrics={},
        rates=(),
        node_errors=(),
        previews=(),
        gauges=(),
        checkpoints=(),
    )


def spread(points: Sequence[tuple[float, float]], most: int) -> tuple[tuple[float, float], ...]:
    """At most about so many of the points, evenly, the last among them."""
    if len(points) <= most:
        return tuple(points)
    step = len(points) / most
    return (*(points[int(index * step)] for index in range(most - 1)), points[-1])


def _some_epochs(epochs: Sequence[EpochPoint], best: EpochPoint | None) -> tuple[EpochPoint, ...]:
    if len(epochs) <= _POINTS_KEPT:
        return tuple(epochs)
    every = -(-len(epochs) // _POINTS_KEPT)
    last = len(epochs) - 1
    return tuple(each for index, each in enumerate(epochs) if index % every == 0 or index == last or each is best)


def _slim_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Its single values, and those one level down: figures on frames that were not trained on."""
    kept: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, str | int | float) or value is None:
            kept[name] = value
        elif name == "unseen" and isinstance(value, Mapping):
            kept[name] = {key: each for key, each in value.items() if isinstance(each, str | int | float)}
    return kept


def changed_at(path: Path) -> int | None:
    """When something was last made, replaced or removed in a folder; None when it cannot be asked."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
