"""An entry of the queue: which run, what it wants, and how its worker is to be started."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.runs.files import integer, number, text
from leaptui.runs.slots import HANDED_DOWN, WANTS

VERSION = 1
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)

_MATTER = re.compile(
    r"PATH|VIRTUAL_ENV|LD_LIBRARY_PATH|TMPDIR|TZ|LANG"
    r"|(?:CONDA|CUDA|CUBLAS|CUDNN|GOMP|HDF5|HIP|HSA|KMP|LC|LEAPTUI|MALLOC|MKL|NCCL|NUMEXPR|NVIDIA|OMP|OPENBLAS"
    r"|PYTHON|PYTORCH|ROCR|TORCH)(?:_.*)?|PYTHON[A-Z]+"
)
"""Variables that change what a worker computes, or whether it finds its libraries. Others may be secrets."""


@dataclass(frozen=True)
class Ticket:
    """What an entry says.

    Args:
        run: directory of the run, absolute.
        wants: "gpu", "gpu:1" for a certain one, or "cpu".
        after: directory of the run it follows.
        anyway: it starts however that one ends.
        resume: the run was begun before.
        claims: how many workers had begun it when it was put in.
        since: when it was put in, seconds since the epoch.
        user: who did.
        environment: variables of whoever put it in that matter to a worker.
        python: the interpreter to run it with.
        module: what `python -m` runs.
    """

    run: Path
    wants: str
    after: Path | None = None
    anyway: bool = False
    resume: bool = False
    claims: int = 0
    since: float = 0.0
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    module: str = "leaptui.worker"

    def to_json(self) -> dict[str, Any]:
        """Content of the file."""
        return {
            "v": VERSION,
            "run": str(self.run),
            "wants": self.wants,
            "after": None if self.after is None else str(self.after),
            "anyway": self.anyway,
            "resume": self.resume,
            "claims": self.claims,
            "since": self.since,
            "user": self.user,
            "environment": dict(self.environment),
            "python": self.python,
            "module": self.module,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Ticket | None:
        """As it was put in, or None when it cannot have been."""
        run, after = _path(record, "run"), _path(record, "after")
        wants, module, python = text(record, "wants"), text(record, "module"), text(record, "python") or ""
        if (
            run is None
            or wants is None
            or not WANTS.fullmatch(wants)
            or (record.get("after") is not None and after is None)
        ):
            return None
        if module is None or not _MODULE.fullmatch(module) or (python and not python.startswith("/")):
            return None
        told = record.get("environment")
        pairs = told.items() if isinstance(told, dict) else ()
        environment = {name: value for name, value in pairs if isinstance(value, str) and _is_variable(name, value)}
        return cls(
            run,
            wants,
            after,
            record.get("anyway") is True,
            record.get("resume") is True,
            max(integer(record, "claims") or 0, 0),
            number(record, "since") or 0.0,
            text(record, "user") or "",
            environment,
            python,
            module,
        )


def key(run: Path) -> str:
    """Names a run in the queue."""
    return hashlib.sha256(os.fsencode(run)).hexdigest()[:16]


def matters(name: str) -> bool:
    """Whether a variable of whoever puts a run in the queue is to be the worker's, too."""
    return _MATTER.fullmatch(name) is not None and name != HANDED_DOWN


def _path(record: Mapping[str, Any], name: str) -> Path | None:
    told = text(record, name)
    if told is None or not told.startswith("/") or "\0" in told or len(told) > 4096:
        return None
    try:
        os.fsencode(told)
    except UnicodeEncodeError:
        return None
    return Path(told)


def _is_variable(name: str, value: str) -> bool:
    return bool(name) and not set("=\0") & set(name) and "\0" not in value and name.isascii()
