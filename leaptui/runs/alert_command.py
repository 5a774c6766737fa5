"""The user's own command for alerts: a mail, a message to a phone.

Given as a list, it is started as it is; given as one string, by `/bin/sh -c`. What is told stands in environment
variables only, so that no text of a run is ever read as part of a command:

    LEAPTUI_RUN      the run directory          LEAPTUI_STATE    finished, failed, stopped or plateau
    LEAPTUI_RUN_ID   its name                   LEAPTUI_TITLE    a few words
    LEAPTUI_PROJECT  folder of the project      LEAPTUI_MESSAGE  a sentence
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from leaptui.runs.alerting import Alert, EpochSeen, best_words, claim_alert, plateau_words, validation_error
from leaptui.runs.points import EpochPoint

Command = str | Sequence[str]

PATIENCE = 60.0
"""Seconds after which nobody waits any longer for the command to end."""

_LIMIT = 400


def environment(alert: Alert) -> dict[str, str]:
    """The variables of an alert."""
    project = alert.run.parent.parent if alert.run.parent.name == "runs" else None
    return {
        "LEAPTUI_RUN": str(alert.run),
        "LEAPTUI_RUN_ID": _clean(alert.run.name),
        "LEAPTUI_STATE": alert.kind,
        "LEAPTUI_PROJECT": "" if project is None else str(project),
        "LEAPTUI_TITLE": _clean(alert.title),
        "LEAPTUI_MESSAGE": _clean(alert.words),
    }


def _clean(words: str) -> str:
    """Printable, and short."""
    return "".join(each if each.isprintable() else " " for each in words)[:_LIMIT]


class AlertCommand:
    """Starts the user's command, detached; that it does not work is said once.

    Args:
        command: what to start.
        complain: called from a thread, with words, the first time it fails.
        patience: seconds to wait for its end.
    """

    def __init__(self, command: Command, complain: Callable[[str], None], *, patience: float = PATIENCE) -> None:
        self._arguments = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        self._complain = complain
        self._patience = patience
        self._has_complained = False
        self._lock = threading.Lock()

    def start(self, alert: Alert) -> threading.Thread:
        """Start it in a session of its own; returns the thread that waits for its end."""
        thread = threading.Thread(target=self._carry_out, args=(environment(alert),), daemon=True, name="alert")
        thread.start()
        return thread

    def _carry_out(self, variables: Mapping[str, str]) -> None:
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    self._arguments,
                    env={**os.environ, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd=Path.home() if Path.home().is_dir() else "/",
                )
            except (OSError, ValueError) as problem:
                self._say(f"it cannot be started: {problem}")
                return
            try:
                code = process.wait(self._patience)
            except subprocess.TimeoutExpired:
                # It may go on; nobody stops it.
                return
            if code != 0:
                output.seek(0)
                said = output.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
                self._say(f"it ended with {code}" + (f": {_clean(said[-1])}" if said else ""))

    def _say(self, words: str) -> None:
        with self._lock:
            if self._has_complained:
                return
            self._has_complained = True
        self._complain(f"the command for alerts does not work: {words}")


class WorkerAlerts:
    """Runs the user's command from the run itself, for whoever has closed the laptop.

    Args:
        run: the run directory.
        attempt: which attempt this is.
        command: the user's; None for none.
        kinds: which alerts are wanted.
    """

    def __init__(self, run: Path, attempt: int, command: AlertCommand | None, kinds: Sequence[str]) -> None:
        self._run = run
        self._attempt = attempt
        self._command = command
        self._kinds = kinds
        self._epochs: list[EpochSeen] = []
        self._is_flat = False
        self._ending: Alert | None = None

    def take_event(self, type: str, fields: Mapping[str, object]) -> None:
        """Look at an event for a plateau."""
        if type != "epoch" or self._command is None:
            return
        point = EpochPoint.of(fields)
        if point is None:
            return
        # The best and the newest are all that a plateau is judged by.
        known = [each for each in (*self._epochs[:1], point) if validation_error(each) is not None]
        self._epochs = [min(known, key=lambda each: validation_error(each) or 0.0), point] if known else []
        words = None if self._is_flat or "plateau" not in self._kinds else plateau_words(self._epochs)
        if words is not None:
            self._is_flat = True
            alert = Alert(self._run, "plateau", words, self._attempt)
            if claim_alert(alert):
                self._command.start(alert)

    def ending(self, kind: str, words: str) -> None:
        """Claim the last alert, before readers can see that the run has ended."""
        said = " ".join(words.split()) or (best_words(self._epochs) if kind == "finished" else "")
        alert = Alert(self._run, kind, said, self._attempt)
        if self._command is not None and kind in self._kinds and claim_alert(alert):
            self._ending = alert

    def ended(self, wait: float = 5.0) -> None:
        """Run the command, and wait a little for its end, so that a failure is in output.log."""
        if self._command is not None and self._ending is not None:
            self._command.start(self._ending).join(wait)
            self._ending = None
