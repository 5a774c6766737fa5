"""`leaptui doctor`: what was found of terminal, link, GPU, video reading and versions, and a test picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.findings import Findings, find
from leaptui.cli.output import note, plain, print_facts, print_json, stdout
from leaptui.errors import ExitCode, UsageError
from leaptui.graphics.choose import WindowSize
from leaptui.graphics.env import AUTO, NAMES, VARIABLE, graphics_named, has_unicode, wanted_graphics, why_mute
from leaptui.graphics.link import Link, measure
from leaptui.graphics.probe import Probed, own_pane, probe, window_size
from leaptui.graphics.terminal import Colours, Graphics, Patch
from leaptui.graphics.tmux import ADVICE, Pane
from leaptui.ops.requests import Request, option, validate

PICTURE_SIZE = (56, 18)
"""(columns, rows) the test picture may take."""

_EXPECTED = (
    "You should see: a ramp from black on the left to white on the right; a round circle, not an oval; in it a full "
    "blue disc (left), an orange ring (occluded, right), a green diamond (predicted) and a pink disc that "
    "stands out (selected), joined by lines."
)
_COLOUR_WORDS = {Colours.MONO: "none", Colours.ANSI16: "16", Colours.ANSI256: "256", Colours.TRUE: "24 bits"}
_PATCH_WORDS = {Patch.DELTA: "single pixels", Patch.CELLS: "whole cells", Patch.STRIP: "whole rows"}


@dataclass(frozen=True)
class DoctorRequest(Request):
    """Say what the terminal can show, how fast the link to it is, and what else leaptui finds here."""

    graphics: str = option(
        f"Use this way to draw instead of asking the terminal (as {VARIABLE} does).", default=AUTO, choices=NAMES
    )


@dataclass(frozen=True)
class Seen:
    """What was found of the terminal.

    Args:
        probed: what the probe says.
        window: its size.
        pane: tmux around us.
        link: measured, if the terminal answers.
        is_terminal: input and output are one.
    """

    probed: Probed
    window: WindowSize
    pane: Pane | None
    link: Link | None
    is_terminal: bool


def doctor(args: Sequence[str]) -> int:
    """`leaptui doctor`."""
    parsed = parse("doctor", DoctorRequest, args, (JSON,))
    request: DoctorRequest = parsed.request
    validate(request)
    seen = _look(request)
    findings = find()
    if "json" in parsed.flags:
        print_json(_json(seen, findings))
        return ExitCode.DONE
    print_facts(_terminal_facts(seen), "Terminal")
    stdout.print()
    print_facts(_machine_facts(findings), "Machine")
    if os.isatty(sys.stdout.fileno()):
        stdout.print()
        _draw(seen)
    else:
        note("the output is no terminal: nothing was asked, and no picture is drawn")
    for problem in _problems(seen, findings):
        note(f"problem: {problem}")
    return ExitCode.DONE


def _look(request: DoctorRequest) -> Seen:
    """Ask the terminal and measure the way to it.

    Raises:
        UsageError: if a way to draw was named that there is not.
    """
    read_fd, write_fd = sys.stdin.fileno(), sys.stdout.fileno()
    is_terminal = os.isatty(read_fd) and os.isatty(write_fd)
    try:
        wanted = graphics_named(request.graphics) or wanted_graphics(os.environ)
        probed = probe(read_fd, write_fd, graphics=wanted)
    except ValueError as error:
        raise UsageError(str(error), hint=f"Unset {VARIABLE}, or name one of them.") from error
    pane = own_pane(os.environ, read_fd)
    is_silent = wanted is None and pane is None and not probed.terminal.answered
    link = None
    if is_terminal and why_mute(os.environ) is None and not is_silent:
        outside = pane is not None and pane.passes and pane.listens
        link = measure(read_fd, write_fd, through_tmux=outside)
    return Seen(probed, window_size(write_fd), pane, link, is_terminal)


def _terminal_facts(seen: Seen) -> dict[str, Any]:
    terminal, window, pane = seen.probed.terminal, seen.window, seen.pane
    return {
        "pictures": f"{terminal.graphics}: {'; '.join(terminal.reasons)}",
        "name": terminal.name or "it does not say",
        "TERM": os.environ.get("TERM", "(not set)"),
        "size": f"{window.columns} x {window.rows} cells" if window.columns else None,
        "cell": _size_words(terminal.cell, "pixels") or "unknown",
        "colours of text": _COLOUR_WORDS[terminal.colours],
        "background": None if seen.probed.background is None else "#{:02x}{:02x}{:02x}".format(*seen.probed.background),
        "synchronized updates": terminal.sync,
        "mouse in pixels": terminal.pixel_mouse,
        "sixel": _sixel_words(seen) if terminal.graphics is Graphics.SIXEL else None,
        "tmux": None if pane is None else _tmux_words(pane),
        "link": _link_words(seen),
    }


def _machine_facts(found: Findings) -> dict[str, Any]:
    installed = [f"{name} {version}" for name, version in found.packages.items() if version]
    readers = [f"{name} {version or 'not installed'}" for name, version in found.video.items()]
    gpus = [
        f"{gpu.name}{'' if gpu.memory_mib is None else f', {gpu.memory_mib / 1024:.0f} GiB'} (driver {gpu.driver})"
        for gpu in found.gpus
    ]
    return {
        "leaptui": f"{found.leaptui}, Python {found.python}, {found.system}",
        "packages": ", ".join(installed),
        "video": ", ".join(readers),
        "GPU": "; ".join(gpus) or "none found (nvidia-smi)",
        "settings": found.folder.path,
    }


def _problems(seen: Seen, found: Findings) -> list[str]:
    """What keeps leaptui from working as it could, each with what to do."""
    problems = []
    if found.folder.trouble is not None:
        problems.append(
            f"settings cannot be written to {found.folder.path}: {found.folder.trouble}; "
            "set LEAPTUI_HOME to a folder of yours"
        )
    # decord has no wheel for some machines, and PyAV reads what it reads.
    missing = [name for name, version in {**found.packages, **found.video}.items() if version is None]
    missing = [name for name in missing if name != "decord"]
    if missing:
        problems.append(f"not installed: {', '.join(missing)}")
    if seen.pane is not None and not seen.pane.passes:
        problems.append(f"tmux does not pass pictures through: {ADVICE}")
    if seen.is_terminal and not has_unicode(os.environ):
        problems.append("the locale is not UTF-8, so frames are drawn in ASCII; set LANG=C.UTF-8")
    return problems


def _draw(seen: Seen) -> None:
    """The test picture, and what is to be seen in it."""
    from leaptui.cli.inline import Page, print_inline
    from leaptui.cli.sample_picture import sample_scene

    columns = min(PICTURE_SIZE[0], seen.window.columns or PICTURE_SIZE[0])
    rows = max(1, min(PICTURE_SIZE[1], (seen.window.rows or 24) - 4))
    page = Page(seen.probed.terminal, (columns, rows), is_terminal=True)
    print_inline(sample_scene(), page, "")
    stdout.print(_EXPECTED)


def _json(seen: Seen, found: Findings) -> dict[str, Any]:
    terminal = seen.probed.terminal
    said = {name: value for name, value in plain(terminal).items() if name != "graphics"}
    return {
        "graphics": terminal.graphics,
        "terminal": {
            **said,
            "columns": seen.window.columns,
            "rows": seen.window.rows,
            "background": seen.probed.background,
        },
        "tmux": seen.pane,
        "link": seen.link,
        "machine": found,
        "problems": _problems(seen, found),
    }


def _size_words(size: tuple[float, float] | None, unit: str) -> str | None:
    return None if size is None else f"{size[0]:.4g} x {size[1]:.4g} {unit}"


def _sixel_words(seen: Seen) -> str:
    terminal = seen.probed.terminal
    words = f"{terminal.registers} colours, changed by {_PATCH_WORDS[terminal.patch]}"
    largest = _size_words(terminal.largest, "pixels")
    return words if largest is None else f"{words}, pictures up to {largest}"


def _tmux_words(pane: Pane) -> str:
    passes = "passes pictures through" if pane.passes else "passes no pictures through"
    return f"{pane.version}, {passes}; outside: {pane.outer or 'unknown'}; pane at {pane.place.left}, {pane.place.top}"


def _link_words(seen: Seen) -> str:
    if seen.link is None:
        return "not measured"
    rate = seen.link.rate
    words = f"round trip {seen.link.round_trip * 1000:.3g} ms"
    if rate is None:
        return words
    amount = f"{rate / 1e6:.3g} MB/s" if rate >= 1e6 else f"{rate / 1e3:.3g} kB/s"
    to_tmux = seen.pane is not None and not (seen.pane.passes and seen.pane.listens)
    return f"{words}, {amount}{' (to tmux)' if to_tmux else ''}"
