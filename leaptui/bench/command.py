"""`leaptui bench`: measured figures."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.output import note, print_json, print_rows
from leaptui.errors import ExitCode, UsageError
from leaptui.ops.requests import Request, option, validate

if TYPE_CHECKING:
    from leaptui.bench.canvas import Report
    from leaptui.bench.figures import Figures
    from leaptui.bench.standard import Source

_USAGE = """usage: leaptui bench canvas [--json] [--graphics NAMES] [--frame FILE] [--index I] [--quick]
       leaptui bench predict [--json] [--model MODEL] [--video] [--quick] [--device DEVICE]
       leaptui bench train [--json] [--curve DATA] [--quick] [--device DEVICE]

  canvas  bytes and times of moving a point, stepping and zooming, for every way to draw, next to textual-image.
          Two small programs show the same frame with its points on a scripted terminal, and get the same keys. It
          takes a quarter of an hour; other work on the machine makes the times worse. An update counts as shown when
          a burst that answers a key has arrived with something new in it; of textual-image, when a picture has that
          is not the one before. The goals for bytes are meant for a frame of a real fly: the demo's is noisier.
  predict frames a second of the default network and LEAP's own, for every precision, backend and number of frames at a
          time, in turn in one run; how much of the machine's measured peak that is; and from file to file, with what
          bounds it.
  train   samples a second of training and what a step spends its time on; with --curve, the error of held-out frames
          against seconds of training.

`leaptui bench NAME --help` lists the flags. Other work on the machine makes the figures worse; ratios suffer least.
"""


@dataclass(frozen=True)
class BenchCanvasRequest(Request):
    """Measure what moving a point, stepping and zooming cost, for every way to draw, next to textual-image."""

    graphics: str | None = option(
        "What to measure, with commas between: kitty, sixel (changed pixels), sixel-cells (whole cells), iterm2, half, "
        "quadrant, sextant, braille, ascii; all when left out.",
        default=None,
        metavar="NAMES",
    )
    frame: Path | None = option(
        "Show frames of this file with its points (anything `leaptui show` takes) rather than the demo's fly.",
        default=None,
        metavar="FILE",
    )
    index: int = option("Index of the first frame of the file.", default=0, minimum=0)
    quick: bool = option("Fewer nudges and key repeats: a third of the time, and less certain.", default=False)


def bench(args: Sequence[str]) -> int:
    """`leaptui bench`."""
    if args and args[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return ExitCode.DONE
    if args and args[0] in ("predict", "train"):
        from leaptui.bench import network_commands

        run = network_commands.bench_predict if args[0] == "predict" else network_commands.bench_train
        return run(args[1:])
    if not args or args[0] != "canvas":
        sys.stderr.write(_USAGE)
        return ExitCode.USAGE
    parsed = parse("bench canvas", BenchCanvasRequest, args[1:], (JSON,))
    request: BenchCanvasRequest = parsed.request
    validate(request)
    from leaptui.bench.canvas import QUICK, Effort, measure

    names = _names(request.graphics)
    source = _source(request)
    with tempfile.TemporaryDirectory(prefix="leaptui-bench-") as folder:
        report = measure(source, names, QUICK if request.quick else Effort(), Path(folder), note)
    if "json" in parsed.flags:
        print_json(report.as_json())
    else:
        _print(report)
    return ExitCode.DONE


def _names(asked: str | None) -> tuple[str, ...]:
    """What to measure.

    Raises:
        UsageError: if there is no such protocol.
    """
    from leaptui.bench.canvas import PROTOCOLS

    if asked is None:
        return PROTOCOLS
    names = tuple(dict.fromkeys(name.strip().lower() for name in asked.split(",") if name.strip()))
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or not names:
        raise UsageError(f"--graphics {asked}: choose from {', '.join(PROTOCOLS)}")
    return names


def _source(request: BenchCanvasRequest) -> Source:
    from leaptui.bench.standard import of_file, synthetic
    from leaptui.cli.context import ConsoleContext

    if request.frame is None:
        return synthetic()
    with ConsoleContext(Path.cwd()) as context:
        return of_file(request.frame, request.index, context)


def _print(report: Report) -> None:
    """Tables for people."""
    scene = report.scene
    width, height = scene["picture"]
    note(f"{scene['source']}; {scene['points']} points, {scene['edges']} edges; {width} x {height} px on the screen")
    shown = [
        (each.name if program == "leaptui" else f"  {program}", figures)
        for each in report.protocols
        for program, figures in (("leaptui", each.ours), (f"textual-image {each.compared_with}", each.textual_image))
        if figures is not None
    ]
    headings = ["", "B/nudge", "p90", "key to last ms", "shown", "64 kB/s", "lag ms"]
    print_rows(headings, [[name, *_nudge_row(figures)] for name, figures in shown], title="A point moved")
    headings = ["", "whole B", "whole ms", "step B", "zoom B", "bare step B", "bare zoom B"]
    print_rows(headings, [[name, *_picture_row(figures)] for name, figures in shown], title="Pictures")
    goals = [
        [g.protocol, g.what, f"{'>=' if g.at_least else '<='} {g.limit:,.5g}", g.value, _MET[g.met]]
        for g in report.goals
    ]
    print_rows(["protocol", "goal", "wanted", "measured", ""], goals, title="Goals")


_MET = {True: "met", False: "NOT met", None: "not measured"}


def _nudge_row(figures: Figures) -> list[Any]:
    fast, slow = figures.repeats, figures.repeats_slow
    return [
        _whole(figures.nudge_bytes.median),
        _whole(figures.nudge_bytes.p90),
        figures.nudge_ms.median,
        f"{fast.shown}/{fast.changes}",
        f"{slow.shown}/{slow.changes}",
        _whole(slow.lag_ms),
    ]


def _picture_row(figures: Figures) -> list[Any]:
    costs = (figures.step, figures.zoom, figures.step_picture, figures.zoom_picture)
    return [figures.encoder.n_bytes, figures.encoder.ms, *(_whole(cost.n_bytes) for cost in costs)]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
