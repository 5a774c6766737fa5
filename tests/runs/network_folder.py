"""A folder as another host sees it over a network file system, made of two folders on a local disk.

One folder is the server's, where the writer writes. The other is what a reader elsewhere sees: a copy that `step`
brings up to date a little, in the ways in which NFS, SMB and sshfs are late or torn. Two folders and copying, rather
than a patched `os`, because then the code under test opens, lists and renames real files with real calls, and can
use any call it likes. What a step may do to one file, by chance:

- nothing (its attributes are cached), for at most `longest` seconds of the test's clock;
- bring a part of what was appended, cut anywhere or at the border of a page;
- bring a later page before an earlier one, which reads as zeros until it comes;
- put a new file in place of the old one, as after a rename on the server; for a step there may be none at all;
- bring back an older version for a step, as a second cache would.

Files are late independently of each other. `stale` names files whose next opening fails with ESTALE, where the test
patches `os.open` with `opening`. Deciding who creates a file first is the server's part, so a claim is made there:
`ClientRun` reads here and claims there.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaptui.runs.layout import RunDirectory

PAGE = 4096
_APPENDED = ("events", "output")


class NetworkFolder:
    """Args:
    server: the true folder.
    client: what is seen of it; made here.
    seed: of the chances.
    clock: seconds.
    longest: seconds after which every change has arrived whole.
    """

    def __init__(self, server: Path, client: Path, *, seed: int, clock: Callable[[], float], longest: float) -> None:
        self.server = server
        self.client = client
        self._chance = random.Random(seed)
        self._clock = clock
        self._longest = longest
        self._behind_since: dict[str, float] = {}
        self._older: dict[str, bytes] = {}
        self.stale: set[str] = set()
        client.mkdir(parents=True, exist_ok=True)
        for folder in ("control", "checkpoints", "previews"):
            (client / folder).mkdir(exist_ok=True)

    def step(self) -> None:
        """Bring the copy a little nearer to the truth."""
        for source in self._files():
            name = source.relative_to(self.server).as_posix()
            target = self.client / name
            truth = source.read_bytes()
            seen = target.read_bytes() if target.exists() else None
            if seen == truth:
                self._behind_since.pop(name, None)
                if name == "status.json" and name in self._older and self._chance.random() < 0.1:
                    _replace(target, self._older[name])
                continue
            since = self._behind_since.setdefault(name, self._clock())
            if self._clock() - since >= self._longest:
                _replace(target, truth)
                self._behind_since.pop(name)
            elif self._chance.random() < 0.6:
                self._bring(name, target, seen, truth)
            if self._chance.random() < 0.1:
                self.stale.add(str(target))

    def settle(self) -> None:
        """Bring all of it."""
        for source in self._files():
            _replace(self.client / source.relative_to(self.server), source.read_bytes())
        self.stale.clear()

    def back(self) -> None:
        """Bring to the server what the reader asks."""
        for asked in (self.client / "control").iterdir():
            target = self.server / "control" / asked.name
            if not asked.name.startswith(("worker.", ".")) and not target.exists():
                shutil.copyfile(asked, target)

    def opening(self, real: Callable[..., int]) -> Callable[..., int]:
        """`os.open` that knows stale handles."""

        def opened(path: Any, *args: Any, **options: Any) -> int:
            if self.stale and not isinstance(path, int) and os.fspath(path) in self.stale:
                self.stale.discard(os.fspath(path))
                raise OSError(errno.ESTALE, "Stale file handle")
            return real(path, *args, **options)

        return opened

    def _files(self) -> list[Path]:
        found = [each for each in self.server.rglob("*") if each.is_file() and not each.name.startswith(".")]
        self._chance.shuffle(found)
        return found

    def _bring(self, name: str, target: Path, seen: bytes | None, truth: bytes) -> None:
        if not name.startswith(_APPENDED):
            self._replaced(name, target, seen, truth)
            return
        start = len(seen or b"")
        end = self._chance.randint(min(start, len(truth)), len(truth))
        if self._chance.random() < 0.5:
            end = min(len(truth), max(start, end - end % PAGE))
        part = bytearray(truth[:end])
        if self._chance.random() < 0.4 and end - start > 2:
            hole = self._chance.randint(start, end - 1)
            until = min(end, hole + self._chance.choice((1, 40, PAGE)))
            part[hole:until] = bytes(until - hole)
        if self._chance.random() < 0.3:
            _replace(target, bytes(part))
        else:
            with target.open("r+b" if target.exists() else "wb") as file:
                file.write(part)
                file.truncate()

    def _replaced(self, name: str, target: Path, seen: bytes | None, truth: bytes) -> None:
        if seen is not None and self._chance.random() < 0.2:
            target.unlink()
            return
        if seen is not None:
            self._older[name] = seen
        _replace(target, truth)


def _replace(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.arriving")
    scratch.write_bytes(content)
    scratch.replace(path)


class ClientRun(RunDirectory):
    """A run of which this host reads what it sees, and makes claims at the server."""

    @classmethod
    def at(cls, folder: NetworkFolder) -> ClientRun:
        """Of a folder."""
        run = cls(folder.client)
        object.__setattr__(run, "claims", folder.server / "control")
        return run

    @property
    def control(self) -> Path:
        """Where claims are made."""
        return Path(object.__getattribute__(self, "claims"))
