"""ErrandLine: does an operation that a screen waits for, and shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from leaptui.errors import LeaptuiError, OperationFailed
from leaptui.tui.errand import Errand
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.services import Services
from leaptui.tui.widgets.progress_line import ProgressLine
from leaptui.words import count, visible

_PAUSE = 0.15


class ErrandLine(Vertical):
    """Progress of one errand; empty until it begins.

    Args:
        services: how to start and read it.
        id: of the widget.
    """

    class Looked(Message):
        """How it is getting on."""

        def __init__(self, picture: RunPicture) -> None:
            self.picture = picture
            super().__init__()

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ErrandLine.Looked)

    class Done(Message):
        """It has ended well."""

        def __init__(self, result: Mapping[str, Any]) -> None:
            self.result = result
            super().__init__()

    class Failed(Message):
        """It has ended badly, or was refused."""

        def __init__(self, error: LeaptuiError) -> None:
            self.error = error
            super().__init__()

    def __init__(self, services: Services, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._services = services
        self._errand: Errand | None = None

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        yield ProgressLine()

    def on_mount(self) -> None:
        self.display = False

    @property
    def is_busy(self) -> bool:
        """An errand is under way."""
        return self._errand is not None

    def begin(self, request: Any) -> None:
        """Begin an errand; Done or Failed will tell its end."""
        self._errand = Errand(self._services, request)
        self.display = True
        self.query_one(Static).update("starting …")
        self.query_one(ProgressLine).show(None)
        self._follow(self._errand)

    def stop(self) -> None:
        """Ask the errand to end."""
        self.query_one(Static).update("stopping …")
        if self._errand is not None:
            self._ask_to_stop(self._errand)

    @work(thread=True, group="stop", exclusive=True)
    def _ask_to_stop(self, errand: Errand) -> None:
        try:
            errand.stop()
        except LeaptuiError as error:
            self.log.warning(str(error))

    @work(thread=True, group="errand", exclusive=True)
    def _follow(self, errand: Errand) -> None:
        worker = get_current_worker()
        try:
            errand.start()
        except LeaptuiError as error:
            self.post_message(self.Failed(error))
            return
        picture = errand.look()
        while not worker.is_cancelled and not picture.is_final and picture.state != "stale":
            self.post_message(self.Looked(picture))
            time.sleep(_PAUSE)
            picture = errand.look()
        if worker.is_cancelled:
            return
        errand.clear()
        self.post_message(_ending(picture))

    @on(Looked)
    def _show(self, message: Looked) -> None:
        message.stop()
        said = message.picture.progress
        if said is None:
            return
        self.query_one(ProgressLine).show(message.picture.fraction)
        done = count(round(said.done)) + ("" if said.total is None else f" of {count(round(said.total))}")
        self.query_one(Static).update(Content(visible(f"{said.label or 'working'}: {done} {said.unit}")))

    @on(Done)
    @on(Failed)
    def _ended(self) -> None:
        self._errand = None
        self.display = False


def _ending(picture: RunPicture) -> ErrandLine.Done | ErrandLine.Failed:
    if picture.state == "finished":
        return ErrandLine.Done(picture.result or {})
    error = picture.error
    if error is not None:
        return ErrandLine.Failed(OperationFailed(error.what, where=error.where, hint=error.hint))
    return ErrandLine.Failed(OperationFailed(picture.reason or f"it was {picture.state}"))
