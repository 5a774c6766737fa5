"""`leaptui show`: a frame with its points, right where the cursor stands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.context import ConsoleContext
from leaptui.cli.output import print_json
from leaptui.errors import ExitCode, UsageError
from leaptui.graphics.env import VARIABLE, graphics_named, wanted_graphics
from leaptui.graphics.terminal import Graphics
from leaptui.ops.requests import validate
from leaptui.ops.show import ShowRequest
from leaptui.registry import resolve

_LOOK = "leaptui.runners.show:look"


def show(args: Sequence[str]) -> int:
    """`leaptui show`."""
    parsed = parse("show", ShowRequest, args, (JSON,))
    request: ShowRequest = parsed.request
    validate(request)
    request.check()
    as_json = "json" in parsed.flags
    graphics = None if as_json else _wanted(request)
    look: Callable[..., Any] = resolve(_LOOK)
    with ConsoleContext(Path.cwd()) as context:
        shown = look(request, context)
    if as_json:
        from leaptui.cli.shown import facts

        print_json(facts(shown))
        return ExitCode.DONE
    from leaptui.cli.inline import Page, print_inline
    from leaptui.cli.shown import caption, scene

    page = Page.of_stdout(graphics, request.width)
    print_inline(scene(shown, names=not request.no_names), page, caption(shown))
    return ExitCode.DONE


def _wanted(request: ShowRequest) -> Graphics | None:
    """The way to draw that was named; None if the terminal is to be asked.

    Raises:
        UsageError: if nobody can be asked, or the environment names none there is.
    """
    try:
        graphics = graphics_named(request.graphics) or wanted_graphics(os.environ)
    except ValueError as error:
        raise UsageError(str(error), hint=f"Unset {VARIABLE}, or name one of them.") from error
    if graphics is None and not sys.stdout.isatty():
        raise UsageError(
            "the output is no terminal, so it cannot be asked how to draw",
            hint="Say how: --graphics ascii (or half, sixel, kitty, ...); --json prints the points.",
        )
    return graphics
