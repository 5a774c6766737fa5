"""Words about a run that ended without a last word of its own."""

from __future__ import annotations

from leaptui.runs.files import decode, integer, tail
from leaptui.runs.layout import RunDirectory

_TAIL = 1 << 18
_SCARCE = 0.9
"""Share of the memory in use at the last look from which on running out is the likely end."""


def silent_end(run: RunDirectory) -> str:
    """Why a run whose process is gone may have ended, by what its worker last measured."""
    seen = _last_gauge(run)
    if seen is not None:
        used, total, own = seen
        if used >= _SCARCE * total:
            return (
                f"Its worker was killed without a last word, most likely because memory ran out: {_gigabytes(used)} of "
                f"{_gigabytes(total)} were in use, {_gigabytes(own)} of it by this run. Free some, or make the batch "
                "or the input scale smaller, before going on."
            )
    return "Its worker was killed without a last word: by kill -9, for want of memory, or with its host."


def _last_gauge(run: RunDirectory) -> tuple[int, int, int] | None:
    """Memory in use, of all, and of the run itself, in bytes."""
    segments = run.event_segments()
    if not segments:
        return None
    for line in reversed(tail(run.event_segment(segments[-1]), _TAIL).splitlines()):
        if '"gauge"' not in line:
            continue
        event = decode(line.encode())
        if event is not None and event.get("type") == "gauge":
            used, total, own = (integer(event, name) for name in ("memory", "memory_total", "process_memory"))
            return None if used is None or not total else (used, total, own or 0)
    return None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
