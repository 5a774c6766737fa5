"""What a terminal is, from its answers, the environment and tmux. Pure: the probe asks, this decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from leaptui.graphics import env, tmux
from leaptui.graphics.answers import PIXEL_MOUSE, SYNC, Answers, Size
from leaptui.graphics.terminal import Colours, Graphics, Patch, Terminal
from leaptui.graphics.tmux import Pane

_COMPOSITES = ("XTerm(", "foot(", "foot ")
"""Terminals that leave pixels as they are where a sixel picture with P2 = 1 sets none (tried on each)."""
_WHOLE_CELLS = ("XTerm(",)
"""Terminals whose cells are whole pixels though the window they report includes a border."""
_KNOWN_OUTSIDE = {
    "kitty": Graphics.KITTY,
    "ghostty": Graphics.KITTY,
    "Konsole": Graphics.KITTY,
    "WezTerm": Graphics.ITERM2,
    "iTerm2": Graphics.ITERM2,
    "foot": Graphics.SIXEL,
}
"""What terminals can do that tmux names when they cannot be asked; XTerm may or may not have sixel."""
_USUAL_LARGEST = (1000, 1000)
"""Of xterm, which has the lowest limit."""
_NARROWEST, _WIDEST = 3.0, 100.0


@dataclass(frozen=True)
class WindowSize:
    """Size of the window as the terminal device says it (TIOCGWINSZ); pixels are 0 where it does not know."""

    columns: int = 0
    rows: int = 0
    width: int = 0
    height: int = 0


def choose(
    answers: Answers,
    environ: Mapping[str, str],
    window: WindowSize,
    *,
    pane: Pane | None = None,
    round_trip: float | None = None,
) -> Terminal:
    """The best that the terminal can show.

    Args:
        answers: what it said; nothing, if it was not asked or did not answer.
        environ: for what it was not asked.
        window: its size.
        pane: where we are in tmux.
        round_trip: seconds until it had answered.
    """
    name = answers.version or (pane.outer if pane else "") or env.name_of_terminal(environ)
    cell = cell_size(window, answers, name=name, pane=pane)
    terminal = Terminal(
        graphics=text_graphics(environ),
        colours=_colours(environ, name, pane),
        cell=cell,
        name=name,
        sync=answers.has_mode(SYNC),
        pixel_mouse=answers.has_mode(PIXEL_MOUSE) and pane is None and cell is not None,
        patch=_patch(name, cell),
        registers=answers.registers or 256,
        largest=answers.largest,
        tmux=pane.place if pane is not None and pane.passes else None,
        answered=answers.has_all,
        round_trip=round_trip,
    )
    graphics, reason = _graphics(answers, environ, cell, pane, terminal.graphics)
    return replace(terminal, graphics=graphics, reasons=(reason,))


def forced(graphics: Graphics, environ: Mapping[str, str], window: WindowSize, pane: Pane | None) -> Terminal:
    """What the user said it is; nothing was asked."""
    terminal = choose(Answers(), environ, window, pane=pane)
    reasons = [f"{graphics} was asked for by name, so the terminal was not asked"]
    if pane is not None and graphics.has_pixels:
        terminal = replace(terminal, tmux=pane.place)
        if not pane.passes:
            reasons.append(f"tmux does not pass pictures through: {tmux.ADVICE}")
    largest = _USUAL_LARGEST if graphics is Graphics.SIXEL else None
    return replace(terminal, graphics=graphics, largest=largest, reasons=tuple(reasons))


def text_graphics(environ: Mapping[str, str]) -> Graphics:
    """The way to show pictures with characters that every font has."""
    return Graphics.HALF if env.has_unicode(environ) else Graphics.ASCII


def cell_size(
    window: WindowSize, answers: Answers | None = None, *, name: str = "", pane: Pane | None = None
) -> Size | None:
    """(width, height) of a cell in pixels, fractions included; None if nothing plausible is known.

    In order of trust: the terminal device, the text area divided by its cells, the cell as reported (which some
    terminals round), as iTerm2 reports it, as tmux knows it, the sixel limit where that is the window.
    """
    answers = answers or Answers()
    grid = (window.columns, window.rows)
    of_window = _whole(_per_cell((window.width, window.height), grid), name)
    of_area = _per_cell(answers.area, grid) if pane is None else None
    if of_window and of_area and _is_whole(of_area) and not _is_whole(of_window):
        of_window = of_area
    largest = _whole(_per_cell(answers.largest, grid), name)
    candidates = (of_window, of_area, answers.cell, answers.iterm2_cell, pane.cell if pane else None, largest)
    return next((size for size in candidates if size is not None and _is_plausible(size)), None)


def _per_cell(size: tuple[float, float] | None, grid: tuple[int, int]) -> Size | None:
    if size is None or min(size) <= 0 or min(grid) <= 0:
        return None
    return (size[0] / grid[0], size[1] / grid[1])


def _whole(size: Size | None, name: str) -> Size | None:
    if size is None or not name.startswith(_WHOLE_CELLS):
        return size
    return (float(int(size[0])), float(int(size[1])))


def _is_whole(size: Size) -> bool:
    return size[0].is_integer() and size[1].is_integer()


def _is_plausible(size: Size) -> bool:
    width, height = size
    return _NARROWEST <= width <= _WIDEST and 1.0 <= height / width <= 4.0


def _patch(name: str, cell: Size | None) -> Patch:
    if cell is not None and not _is_whole(cell):
        return Patch.STRIP
    return Patch.DELTA if name.startswith(_COMPOSITES) else Patch.CELLS


def _colours(environ: Mapping[str, str], name: str, pane: Pane | None) -> Colours:
    """Inside tmux it is tmux that draws text, and it says what it can hand on; COLORTERM is its server's there."""
    if pane is None:
        return env.colours(environ, name)
    said = env.colours({key: value for key, value in environ.items() if key != "COLORTERM"})
    return Colours.TRUE if said >= Colours.ANSI16 and "RGB" in pane.features else said


def _graphics(
    answers: Answers, environ: Mapping[str, str], cell: Size | None, pane: Pane | None, text: Graphics
) -> tuple[Graphics, str]:
    """The way and the reason."""
    if pane is not None and not pane.passes:
        return text, f"tmux does not pass pictures through: {tmux.ADVICE}"
    if pane is not None and not pane.listens:
        known = next((way for start, way in _KNOWN_OUTSIDE.items() if pane.outer.startswith(start)), None)
        not_asked = "its tmux pane is not the active one, so the terminal outside was not asked"
        return (text, not_asked) if known is None else (known, f"{not_asked}; tmux names it {pane.outer}")
    if not answers.has_all:
        return text, "the terminal did not answer in time"
    if answers.kitty:
        return Graphics.KITTY, "it answers the query of the kitty graphics protocol"
    if answers.version.startswith("iTerm2") or (pane is None and env.is_iterm2(environ)):
        return Graphics.ITERM2, "it is iTerm2"
    if answers.has_sixel and cell is not None:
        return Graphics.SIXEL, "its device attributes name sixel graphics"
    if answers.iterm2_cell is not None:
        return Graphics.ITERM2, "it reports its cell size the way of iTerm2"
    if answers.has_sixel:
        return text, "it has sixel graphics, but the size of its cells cannot be found out"
    if pane is None and answers.version.startswith("tmux"):
        return text, "a tmux on another machine stands between; where the pane lies there cannot be found out"
    return text, "it answers, but names no way to show pictures"
