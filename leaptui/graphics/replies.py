"""Replies of a terminal, told apart from keys.

Both arrive through the same pipe. A reply to a question nobody waits for any more would be taken for keys, and
keys are commands; so whatever reads keys reads them through a `ReplyFilter`.

What a keyboard sends (ECMA-48 5.4, xterm "PC-Style Function Keys", the kitty keyboard protocol) never starts with
`CSI ?`, `CSI >`, `CSI =`, `DCS`, `APC` or `OSC` followed by what a reply has there, and never ends in `n` or `t`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from enum import Enum

ESC = "\x1b"

_CSI = re.compile(r"\x1b\[([<=>?]?)([0-9;:]*)")
_STRING_STARTS = {
    "P": re.compile(r"(>\||!\||[01][$+]r)"),
    "_": re.compile(r"G"),
    "]": re.compile(r"\d+;"),
}
"""How a reply goes on after ESC and this letter: XTVERSION, DA3, DECRQSS, XTGETTCAP; kitty graphics; OSC."""
_STRING_MAY_START = {
    "P": re.compile(r">|!|[01][$+]?"),
    "_": re.compile(r"(?!)"),
    "]": re.compile(r"\d+"),
}
_STRING_END = re.compile(r"[\x00-\x1f]")
_LONGEST = 4096
"""Characters of the longest reply."""

_ESCAPE_KEY = 0.05
"""Seconds after which ESC alone was the key of that name."""
_ALT_KEY = 0.1
"""Seconds after which ESC and one of `[ ] P _` was that letter with Alt."""
_ABANDONED = 3.0
"""Seconds after which the rest of a reply will not come any more."""


class _Sort(Enum):
    KEYS = "keys"
    REPLY = "reply"
    BROKEN = "broken"
    OPEN = "open"


class ReplyFilter:
    """Takes the replies out of what a terminal sends, wherever reads have split them.

    Args:
        on_reply: called with each whole reply.
        keeps_modes: leave DECRPM (`CSI ? mode ; value $ y`) in, for a parser that understands it.
        clock: seconds, for telling the escape key from the start of a sequence.

    Cursor positions (`CSI row ; column R`) and in-band sizes (`CSI 48 ; ... t`) always stay in.
    """

    def __init__(
        self,
        on_reply: Callable[[str], None] | None = None,
        *,
        keeps_modes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_reply = on_reply
        self._keeps_modes = keeps_modes
        self._clock = clock
        self._held = ""
        self._since = 0.0

    @property
    def wait(self) -> float | None:
        """Seconds after which `tick` may have something; None if nothing is held back."""
        if not self._held:
            return None
        return max(0.0, self._since + self._patience() - self._clock())

    def feed(self, data: str) -> str:
        """The keys in what came; the start of something that is not complete is held back.

        Bytes may be fed as Latin-1.
        """
        if not self._held:
            if ESC not in data:
                return data
            self._since = self._clock()
        text, at = self._held + data, 0
        keys: list[str] = []
        while at < len(text):
            start = text.find(ESC, at)
            if start < 0:
                start = len(text)
            keys.append(text[at:start])
            at = start
            sort, length = self._sort(text[at : at + _LONGEST])
            if sort is _Sort.OPEN:
                break
            if sort is _Sort.KEYS:
                keys.append(text[at : at + length])
            elif sort is _Sort.REPLY and self._on_reply is not None:
                self._on_reply(text[at : at + length])
            at += length
        if at:
            self._since = self._clock()
        self._held = text[at:]
        return "".join(keys)

    def tick(self) -> str:
        """What was held back and now counts as keys, because nothing followed it; call it now and then."""
        if not self._held or self._clock() - self._since < self._patience():
            return ""
        return self._held_keys()

    def close(self) -> str:
        """Everything that is still held back, complete or not; for whoever reads on."""
        held, self._held = self._held, ""
        return held

    def _held_keys(self) -> str:
        held, self._held = self._held, ""
        return held if len(held) <= 2 else ""

    def _patience(self) -> float:
        return {1: _ESCAPE_KEY, 2: _ALT_KEY}.get(len(self._held), _ABANDONED)

    def _sort(self, text: str) -> tuple[_Sort, int]:
        """What starts with this ESC, and how long it is."""
        if len(text) < 2:
            return _Sort.OPEN, 0
        second = text[1]
        if second == ESC:
            return _Sort.KEYS, 1
        if second == "[":
            return self._sort_csi(text)
        if second in _STRING_STARTS:
            return _sort_string(text)
        return _Sort.KEYS, 2

    def _sort_csi(self, text: str) -> tuple[_Sort, int]:
        match = _CSI.match(text)
        assert match is not None
        prefix, parameters = match.groups()
        end = match.end()
        if prefix in ("?", ">", "="):
            while end < len(text) and " " <= text[end] <= "/":
                end += 1
        if end == len(text):
            return (_Sort.OPEN, 0) if end < _LONGEST else (_Sort.BROKEN, end)
        final = text[end]
        if final < " " or final > "~":
            return (_Sort.BROKEN, end) if prefix or parameters else (_Sort.KEYS, end)
        end += 1
        if prefix in ("?", ">", "="):
            keeps = self._keeps_modes and text[:end].endswith("$y")
            return (_Sort.KEYS if keeps else _Sort.REPLY), end
        is_reply = not prefix and bool(parameters) and _is_report(parameters, final)
        return (_Sort.REPLY if is_reply else _Sort.KEYS), end


def _is_report(parameters: str, final: str) -> bool:
    """Window reports (xterm), device status, device attributes without their question mark."""
    if final == "t":
        return not parameters.startswith("48;")
    return final in "nc"


def _sort_string(text: str) -> tuple[_Sort, int]:
    """DCS, APC or OSC from its ESC on."""
    kind, body = text[1], text[2:]
    if not body:
        return _Sort.OPEN, 0
    start = _STRING_STARTS[kind].match(body)
    if start is None:
        is_open = _STRING_MAY_START[kind].fullmatch(body) is not None
        return (_Sort.OPEN, 0) if is_open else (_Sort.KEYS, 2)
    control = _STRING_END.search(text, 2)
    if control is None:
        return (_Sort.OPEN, 0) if len(text) < _LONGEST else (_Sort.BROKEN, len(text))
    end = control.start()
    if text[end] == "\x07" and kind == "]":
        return _Sort.REPLY, end + 1
    if text[end] != ESC:
        return _Sort.BROKEN, end
    if end + 1 == len(text):
        return _Sort.OPEN, 0
    return (_Sort.REPLY, end + 2) if text[end + 1] == "\\" else (_Sort.BROKEN, end)
