"""Alerts as the user's settings want them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from leaptui.config import AlertSettings, load_config
from leaptui.errors import LeaptuiError
from leaptui.runs.alert_command import AlertCommand, WorkerAlerts
from leaptui.runs.layout import RunDirectory


def alert_command(settings: AlertSettings, complain: Callable[[str], None]) -> AlertCommand | None:
    """The user's command, or None.

    Args:
        settings: the user's.
        complain: called from a thread, with words, the first time it does not work.
    """
    return None if settings.command is None else AlertCommand(settings.command, complain)


def worker_alerts(run: RunDirectory, attempt: int) -> WorkerAlerts:
    """What a worker tells of its own run; settings that cannot be read are told in its output."""
    try:
        settings = load_config().alerts
    except LeaptuiError as error:
        _to_output(f"there will be no alerts: {error}")
        settings = AlertSettings()
    return WorkerAlerts(run.path, attempt, alert_command(settings, _to_output), settings.on)


def _to_output(words: str) -> None:
    sys.stderr.write(f"{words}\n")
