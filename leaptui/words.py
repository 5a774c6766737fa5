"""Words and numbers for people, and text from files made harmless."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path


def visible(text: object) -> str:
    """Text on one line with its control characters made visible.

    A file name may hold escape sequences, line breaks or marks that reverse the direction of writing; none
    of them may reach the terminal.
    """
    return "".join(c if c.isprintable() else _escape(c) for c in str(text))


def visible_lines(text: object) -> str:
    """The same for text of several lines: line breaks stay, tabs become spaces."""
    return "\n".join(visible(line) for line in str(text).expandtabs(4).splitlines())


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def short_path(path: Path, width: int) -> str:
    """A path with the home folder as ~, its middle left out where it is longer than `width`."""
    text = visible(path)
    home = visible(Path.home())
    if text == home or text.startswith(home + "/"):
        text = "~" + text[len(home) :]
    return shortened(text, width)


def shortened(text: str, width: int) -> str:
    """A text with its middle left out where it is longer than `width`."""
    if len(text) <= width:
        return text
    keep = max(width - 1, 2)
    head = keep // 3
    return text[:head] + "…" + text[len(text) - (keep - head) :]


def plural(number: int, noun: str) -> str:
    """A number with its noun: "1 video", "1,200 frames"."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def ranges(numbers: Iterable[int], most: int = 20) -> str:
    """Rising whole numbers as stretches, such as "7, 1,200-1,340"; no more than `most` of them."""
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][1] + 1:
            stretches[-1][1] = number
        else:
            stretches.append([number, number])
    told = [f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in stretches[:most]]
    return ", ".join(told) + (f" and {len(stretches) - most:,} more" if len(stretches) > most else "")


def count(number: int | None) -> str:
    """A count, a dash when it is not known."""
    return "–" if number is None else f"{number:,}"


def figure(number: float | None, unit: str = "") -> str:
    """A measured number with three figures."""
    if number is None or not math.isfinite(number):
        return "–"
    digits = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
    return f"{digits} {unit}" if unit else digits


def percent(share: float | None) -> str:
    """A share as per cent."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def error_text(pixels: float | None, body: float | None) -> str:
    """An error in pixels, with its share of the body length where that is defined."""
    if pixels is None:
        return "–"
    text = figure(pixels, "px")
    return text if body is None else f"{text} ({percent(body)})"


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def ago(then: float | None, now: float) -> str:
    """How long ago something was, coarsely."""
    if then is None:
        return "–"
    seconds = max(now - then, 0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "just now"
