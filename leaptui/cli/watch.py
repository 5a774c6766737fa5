"""`leaptui watch`: follow what any program logs, in the app or as text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, Flag, parse
from leaptui.cli.follow import Display, PlainDisplay, display_for_stderr, watch_until_over
from leaptui.cli.output import note, print_json, stderr
from leaptui.errors import ExitCode, OperationFailed
from leaptui.ops.requests import Request, option
from leaptui.ops.watch import RUN, Found, FoundLog, find_logs, require_reader
from leaptui.runs.status import State
from leaptui.tui.run_picture import RunPicture, RunReader
from leaptui.tui.run_reading import LiveReader
from leaptui.tui.watch_reading import WatchReader
from leaptui.words import plural, visible

_LISTED = 20
_TEXT = Flag("text", "A few lines in the terminal instead of the app.")


@dataclass(frozen=True)
class WatchRequest(Request):
    """Follow, live, what a program logs: Lightning's CSVLogger or TensorBoard, or a run of leaptui.

    Of several logs in a folder the one that changed last is shown; name its folder to see another.
    """

    folder: Path = option(
        "The folder it logs to, such as lightning_logs, or a folder of such folders.", positional=True, metavar="DIR"
    )


def watch(args: Sequence[str]) -> int:
    """`leaptui watch`."""
    parsed = parse("watch", WatchRequest, args, (JSON, _TEXT))
    found = find_logs(parsed.request.folder)
    chosen, others = found.logs[0], found.logs[1:]
    require_reader(chosen)
    if "json" in parsed.flags:
        print_json(_figures(chosen, found))
        return ExitCode.DONE
    _tell(chosen, found)
    reader = _reader(chosen, others)
    if "text" not in parsed.flags and sys.stdin.isatty() and sys.stdout.isatty():
        return _in_app(chosen, reader)
    if stderr.is_terminal and (sys.stdout.isatty() or "text" in parsed.flags):
        display: Display = display_for_stderr("Ctrl-C leaves; the run goes on")
    else:
        display = PlainDisplay(_print_line)

    until_quiet = chosen.kind == RUN or isinstance(display, PlainDisplay)
    words = f"left; the run goes on: leaptui watch {chosen.path}"
    watch_until_over(reader, display, lambda: words, until_quiet=until_quiet)
    return ExitCode.DONE


def _in_app(chosen: FoundLog, reader: RunReader) -> int:
    from leaptui.cli.app import open_app
    from leaptui.tui.services import Services

    plain = Services()

    def read(path: Path) -> RunReader:
        return reader if path == chosen.path else plain.reader(path)

    return open_app(run=chosen.path, services=replace(plain, reader=read))


def _reader(chosen: FoundLog, others: Sequence[FoundLog]) -> RunReader:
    if chosen.kind == RUN:
        return LiveReader(chosen.path)
    names = [each.name for each in others[:_LISTED]]
    return WatchReader(chosen.path, others=names)


def _tell(chosen: FoundLog, found: Found) -> None:
    """Which log is shown, and which others there are."""
    others = found.logs[1:]
    if others:
        note(f"watching {visible(chosen.path)}, which changed last; {plural(len(others), 'more log')} here:")
        for each in others[:_LISTED]:
            note(f"  {each.name}")
        if len(others) > _LISTED:
            note(f"  and {len(others) - _LISTED} more")
    if not found.complete:
        note("the folder is large: not all of it was searched")


def _figures(chosen: FoundLog, found: Found) -> dict[str, Any]:
    """The figures as they are now."""
    reader = _reader(chosen, ())
    picture = reader.look()
    while picture.behind:
        picture = reader.look()
    if picture.error is not None and picture.state == State.FAILED.value:
        reason: str | None = picture.error.what
    elif picture.state == "broken":
        raise OperationFailed(picture.reason or "it cannot be read", where=chosen.path)
    else:
        reason = picture.reason
    return {
        "path": chosen.path,
        "kind": picture.foreign or "leaptui",
        "state": picture.state,
        "reason": reason,
        "changed": chosen.changed,
        "step": picture.step,
        "epoch": picture.epoch,
        "epochs": len(picture.epochs),
        "best": picture.best,
        "settings": picture.request,
        "metrics": {name: _curve(points) for name, points in _curves(picture).items() if points},
        "checkpoints": picture.checkpoints,
        "problems": picture.problems,
        "others": [each.path for each in found.logs[1:]],
    }


def _curves(picture: RunPicture) -> dict[str, Sequence[tuple[float, float]]]:
    if picture.foreign is not None:
        return dict(picture.metrics)
    curves: dict[str, Sequence[tuple[float, float]]] = {"loss": picture.steps, "lr": picture.rates, **picture.metrics}
    for name in ("train_loss", "val_loss", "val_error_px"):
        points = [(point.step or point.epoch, getattr(point, name)) for point in picture.epochs]
        curves[name] = [(float(step), value) for step, value in points if value is not None]
    return curves


def _curve(points: Sequence[tuple[float, float]]) -> dict[str, float]:
    values = [value for _, value in points]
    return {"step": points[-1][0], "value": values[-1], "lowest": min(values), "highest": max(values)}


def _print_line(line: str) -> None:
    sys.stdout.write(f"{visible(line)}\n")
    sys.stdout.flush()
