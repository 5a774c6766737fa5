"""Commands that open the app: the app itself, and labelling at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leaptui.cli.build import parse
from leaptui.errors import UnusableInput, UsageError
from leaptui.graphics.env import AUTO, NAMES, VARIABLE, graphics_named
from leaptui.graphics.probe import Probed, probe
from leaptui.graphics.terminal import Colours
from leaptui.ops.requests import Request, option, validate
from leaptui.project import Project
from leaptui.registry import resolve

if TYPE_CHECKING:
    from leaptui.tui.services import Services
    from leaptui.tui.session import LabelStart

_COLOUR_SYSTEMS = {
    Colours.TRUE: "truecolor",
    Colours.ANSI256: "256",
    Colours.ANSI16: "standard",
    Colours.MONO: "standard",
}
"""Textual's names; where there are no colours at all, it goes by NO_COLOR."""
_GRAPHICS_HELP = f"Use this way to draw instead of asking the terminal (as {VARIABLE} does)."


@dataclass(frozen=True)
class AppRequest(Request):
    """The app: recent projects, or one project."""

    project: Path | None = option("The project to open.", default=None, positional=True)
    graphics: str = option(_GRAPHICS_HELP, default=AUTO, choices=NAMES)


@dataclass(frozen=True)
class LabelRequest(Request):
    """Place points on frames, or correct predicted ones, with the keyboard."""

    project: Path = option("The project.", positional=True)
    video: str | None = option("The video to begin with: its id, path or file name.", default=None)
    frame: int | None = option("The frame to begin with, from 0.", default=None, minimum=0)
    graphics: str = option(_GRAPHICS_HELP, default=AUTO, choices=NAMES)


def app(args: Sequence[str]) -> int:
    """`leaptui` and `leaptui PROJECT`."""
    request: AppRequest = parse("", AppRequest, args).request
    validate(request)
    if request.project is not None:
        Project.open(request.project)
    return open_app(request.project, graphics=request.graphics)


def label(args: Sequence[str]) -> int:
    """`leaptui label`."""
    from leaptui.tui.session import LabelStart

    request: LabelRequest = parse("label", LabelRequest, args).request
    validate(request)
    project = Project.open(request.project)
    project.require_skeleton()
    if not project.videos:
        raise UnusableInput(
            "the project has no video to label", where=project.folder, hint="Add one: leaptui add PROJECT VIDEO"
        )
    video = None
    if request.video is not None or request.frame is not None:
        record = project.videos[0] if request.video is None else project.video(request.video)
        video = record.id
        if request.frame is not None and request.frame >= record.frames:
            raise UsageError(
                f"there is no frame {request.frame}", where=record.path, hint=f"It has frames 0 to {record.frames - 1}."
            )
    return open_app(request.project, label=LabelStart(video, request.frame), graphics=request.graphics)


def open_app(
    start: Path | None = None,
    *,
    run: Path | None = None,
    label: LabelStart | None = None,
    graphics: str = AUTO,
    services: Services | None = None,
) -> int:
    """Open the app in this terminal.

    Args:
        start: a project.
        run: a run directory.
        label: where in the project to label at once.
        graphics: a way to draw, or that the terminal is to be asked.
        services: how runs are read; the usual ways by default.
    """
    probed = _probe(graphics)
    # Textual goes by the environment alone, which says little over SSH; it reads this when it is loaded.
    os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", _COLOUR_SYSTEMS[probed.terminal.colours])
    return int(resolve("leaptui.tui.app:run_app")(start, run=run, label=label, services=services, probed=probed))


def needs_terminal() -> None:
    """Refuse where the app cannot be shown.

    Raises:
        UsageError: if input or output is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the app needs a terminal", hint="`leaptui --help` lists the commands.")


def _probe(graphics: str) -> Probed:
    needs_terminal()
    try:
        return probe(sys.stdin.fileno(), sys.stdout.fileno(), graphics=graphics_named(graphics))
    except ValueError as error:
        raise UsageError(str(error)) from error
