"""Paths that events name, and files that are found in a run, none of which lead out of it."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

from leaptui.runs.layout import RunDirectory

_PREVIEW = re.compile(r"(\d{4,9})\.npz")
_LISTED = 20_000
_AGAIN_AFTER = 2.0
"""Seconds between two listings of a folder that keeps changing."""


def inside(run: RunDirectory, name: str) -> Path | None:
    """The file of a run that a path in its events means, absolute; None when it leads out of the run.

    A path that was absolute where the run was made is taken by the part behind the run's own name, so that a copy
    on another machine finds its own file.
    """
    if "\0" in name or not name or len(name) > 4096:
        return None
    path = Path(name)
    if path.is_absolute():
        places = [place for place, part in enumerate(path.parts) if part == run.id]
        if not places:
            return None
        path = Path(*path.parts[places[-1] + 1 :])
    if ".." in path.parts or path == Path():
        return None
    try:
        root = os.path.realpath(run.path)
        found = os.path.realpath(run.path / path)
    except (OSError, ValueError):
        return None
    return run.path / path if found.startswith(root.rstrip("/") + "/") else None


class PreviewFiles:
    """The preview files of a run: those on disk, and those its events named since the folder was listed.

    Args:
        run: the run.
        clock: monotonic time.
    """

    def __init__(self, run: RunDirectory, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._listed: dict[int, Path] = {}
        self._known: dict[str, Path | None] = {}
        self._seen: tuple[int, int] | None = None
        self._due = clock()
        self._found: tuple[tuple[int, Path], ...] = ()
        self._for: tuple[int, float | None, int] | None = None
        self._looks = 0

    def look(self, said: dict[int, str], said_count: int, beyond: float | None) -> tuple[tuple[int, Path], ...]:
        """Epoch and file of each preview, by epoch; the same object as long as nothing changed.

        Args:
            said: path by epoch, from the events.
            said_count: grows with every word on previews.
            beyond: where the newest attempt went on from; files of later epochs must have been named since.
        """
        self._list()
        now = (said_count, beyond, self._looks)
        if now != self._for:
            self._for = now
            self._found = self._put_together(said, beyond)
        return self._found

    def _put_together(self, said: dict[int, str], beyond: float | None) -> tuple[tuple[int, Path], ...]:
        found = {each: path for each, path in self._listed.items() if beyond is None or each <= beyond or each in said}
        on_disk = set(self._listed.values())
        newest = next(reversed(said), None) if said else None
        for epoch, name in said.items():
            path = self._inside(name)
            # A file that was named and is not listed was thinned out, but for the newest: that one may not be seen yet.
            if path is not None and (path in on_disk or epoch == newest or path.parent != self._run.previews):
                found[epoch] = path
        return tuple(sorted(found.items()))

    def _inside(self, name: str) -> Path | None:
        if len(self._known) > _LISTED:
            self._known.clear()
        if name not in self._known:
            self._known[name] = inside(self._run, name)
        return self._known[name]

    def _list(self) -> None:
        try:
            status = self._run.previews.stat()
        except OSError:
            if self._listed:
                self._listed, self._seen, self._looks = {}, None, self._looks + 1
            return
        seen = (status.st_ino, status.st_mtime_ns)
        if seen == self._seen or self._clock() < self._due:
            return
        self._due = self._clock() + _AGAIN_AFTER
        self._seen, self._looks = seen, self._looks + 1
        self._listed = self._files()

    def _files(self) -> dict[int, Path]:
        found: dict[int, Path] = {}
        if inside(self._run, self._run.previews.name) is None:
            return found
        try:
            with os.scandir(self._run.previews) as entries:
                for entry in entries:
                    match = _PREVIEW.fullmatch(entry.name)
                    if match and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                        found[int(match.group(1))] = self._run.previews / entry.name
                    if len(found) >= _LISTED:
                        break
        except OSError:
            return found
        return found
