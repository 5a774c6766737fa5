"""Alerts while the app is open: a toast, the terminal's bell, a notification outside it, and the user's command.

Bytes for the terminal go out only where they do no harm: to terminals that are known to show notifications, and
inside tmux only through its passthrough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from leaptui.config import AlertSettings
from leaptui.graphics.burst import passed_through
from leaptui.graphics.terminal import Terminal
from leaptui.ops.alerting import alert_command
from leaptui.runs.alerting import Alert, AlertWatch, claim_alert
from leaptui.tui.run_picture import RunPicture

if TYPE_CHECKING:
    from leaptui.runs.alert_command import AlertCommand

_MOST = 3
"""Alerts of one moment that are told one by one."""

_LONGEST = 200

_KNOWN: tuple[tuple[str, str], ...] = (
    ("iterm", "osc9"),
    ("wezterm", "osc9"),
    ("ghostty", "osc9"),
    ("kitty", "osc9"),
    ("foot", "osc777"),
    ("konsole", "osc777"),
    ("rxvt", "osc777"),
    ("vte", "osc777"),
)
"""Beginnings of what terminals call themselves, and what they understand."""

_NAMED_BY = ("TERM_PROGRAM", "TERM")


def way_to_notify(wanted: str, terminal: Terminal, environ: Mapping[str, str]) -> str:
    """ "osc9", "osc777" or "off".

    Args:
        wanted: the user's setting.
        terminal: what the terminal was found to be.
        environ: of this process.
    """
    if environ.get("TMUX") and terminal.tmux is None:
        # tmux would keep it for itself.
        return "off"
    if wanted != "auto":
        return wanted
    names = [terminal.name]
    if not environ.get("TMUX"):
        names += [environ.get(name, "").removeprefix("xterm-") for name in _NAMED_BY]
        names += ["vte"] if environ.get("VTE_VERSION") else []
    for name in names:
        for beginning, way in _KNOWN:
            if name.casefold().startswith(beginning):
                return way
    return "off"


def notification(way: str, title: str, words: str, *, in_tmux: bool = False) -> str:
    """What makes the terminal show a notification; "" for none.

    Args:
        way: "osc9", "osc777" or "off".
        title, words: any text.
        in_tmux: it has to pass through tmux.
    """
    title, words = _clean(title), _clean(words)
    if way == "osc9":
        # A body that begins with a digit and a semicolon means something else to some terminals.
        text = f"\x1b]9;leaptui: {title}" + (f": {words}" if words else "") + "\x07"
    elif way == "osc777":
        text = f"\x1b]777;notify;{title};{words or 'leaptui'}\x1b\\"
    else:
        return ""
    return passed_through(text.encode()).decode() if in_tmux else text


def _clean(words: str) -> str:
    """Without control characters, and without what separates the parts of the sequence."""
    return "".join(each if each.isprintable() else " " for each in words).replace(";", ",")[:_LONGEST]


class Alerts:
    """Alerts of the runs that the app sees.

    Args:
        settings: the user's.
        terminal: what the terminal is now.
        write: sends text to the terminal.
        bell: rings.
        say: shows title and words in the app; the last argument is whether it is bad news.
        complain: says in words that the user's command does not work; called from a thread.
        watch: makes the alerts; one that begins now by default.
    """

    def __init__(
        self,
        settings: AlertSettings,
        *,
        terminal: Callable[[], Terminal],
        write: Callable[[str], None],
        bell: Callable[[], None],
        say: Callable[[str, str, bool], None],
        complain: Callable[[str], None],
        watch: AlertWatch | None = None,
    ) -> None:
        self._settings = settings
        self._terminal = terminal
        self._write = write
        self._bell = bell
        self._say = say
        self._command: AlertCommand | None = alert_command(settings, complain)
        self._watch = watch or AlertWatch(kinds=settings.on)

    def take(self, runs: Sequence[RunPicture]) -> None:
        """Tell what is new in a look at runs."""
        found = [(alert, run) for run in runs for alert in self._watch.take(run)]
        if not found:
            return
        if self._settings.bell:
            self._bell()
        for alert, run in found:
            self._run_command(alert, run)
        for alert, _ in found[:_MOST]:
            self._tell(alert.title, alert.words, alert.kind == "failed")
        if len(found) > _MOST:
            self._tell(f"and {len(found) - _MOST} more runs", "", False)

    def _tell(self, title: str, words: str, is_bad: bool) -> None:
        self._say(title, words, is_bad)
        terminal = self._terminal()
        way = way_to_notify(self._settings.notify, terminal, os.environ)
        text = notification(way, title, words, in_tmux=terminal.tmux is not None)
        if text:
            self._write(text)

    def _run_command(self, alert: Alert, run: RunPicture) -> None:
        """What the run itself could not do: it was killed, or another program wrote it."""
        if self._command is not None and (run.foreign is not None or claim_alert(alert)):
            self._command.start(alert)
