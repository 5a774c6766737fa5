"""RunControl: what can be asked of a run from its screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import work

from leaptui.errors import LeaptuiError
from leaptui.tui import messages
from leaptui.tui.screens.run_base import RunBase
from leaptui.words import plural

_LOWER, _EXTEND = "lower", "extend"
_GOING = frozenset({"starting", "running"})
_EXTENDABLE_LATER = frozenset({"stopped", "failed", "stale", "finished"})

CONTROLS = frozenset({"stop", "resume", "checkpoint", "lower_rate", "extend"})
"""Actions that ask the run for something."""


class RunControl(RunBase):
    """The commands that ask something of a run."""

    def can_do(self, action: str) -> bool:
        """Whether one of CONTROLS makes sense for the run as it is."""
        picture = self.picture
        if picture.foreign is not None:
            return False
        if action == "stop":
            return picture.can_stop or picture.state == "stopping"
        if action == "resume":
            return picture.resumable
        is_going = picture.operation == "train" and picture.state in _GOING and not self.asked_to_stop
        return is_going or (action == "extend" and self._can_extend_later)

    @property
    def _can_extend_later(self) -> bool:
        picture = self.picture
        ended = picture.operation == "train" and picture.state in _EXTENDABLE_LATER
        return ended and (picture.resumable or picture.state == "finished")

    def action_stop(self) -> None:
        """Ask how to stop."""
        from leaptui.tui.screens.stop_run import StopScreen

        self.app.push_screen(StopScreen(stopping=self.shown_state == "stopping"), self._stop_answered)

    def _stop_answered(self, answer: str | None) -> None:
        if not answer:
            return
        self.asked_to_stop = True
        self.show_all()
        self.refresh_bindings()
        if answer == "now":
            self._ask("stop-now", {}, "")
        else:
            self._stop()

    def action_resume(self) -> None:
        """Go on from the last checkpoint."""
        self.asked_to_stop = False
        self._resume(0)

    def action_checkpoint(self) -> None:
        """Have it save where it is."""
        self._ask("checkpoint", {}, "It saves a checkpoint after this step.")

    def action_lower_rate(self) -> None:
        """Ask by how much."""
        self.ask_in_line(_LOWER, "Multiply the learning rate by", "0.1")

    def action_extend(self) -> None:
        """Ask by how many epochs."""
        self.ask_in_line(_EXTEND, "Train for how many more epochs?", placeholder="10, say")

    def control_answered(self, question: str, value: str) -> bool:
        """An answer to a question of this part; False for another's."""
        if question == _LOWER:
            factor = _number(value)
            if factor is None or not 0 < factor < 1:
                self._complain("The factor must be a number between 0 and 1, as 0.1.")
            else:
                self._ask("lower-lr", {"factor": factor}, f"The learning rate is multiplied by {factor:g}.")
            return True
        if question == _EXTEND:
            epochs = _number(value)
            if epochs is None or epochs < 1 or epochs != int(epochs):
                self._complain("The number of epochs must be a whole number from 1, as 10.")
            elif self._can_extend_later:
                self.asked_to_stop = False
                self._resume(int(epochs))
            else:
                self._ask("extend", {"epochs": int(epochs)}, f"It trains {plural(int(epochs), 'epoch')} more.")
            return True
        return False

    def _complain(self, words: str) -> None:
        self.app.notify(words, severity="warning", markup=False)

    @work(thread=True, group="stop", exclusive=True)
    def _stop(self) -> None:
        try:
            self.services.stop(self.path)
        except LeaptuiError as error:
            self.app.call_from_thread(self._stop_failed, error)

    @work(thread=True, group="ask")
    def _ask(self, name: str, fields: Mapping[str, Any], done: str) -> None:
        try:
            self.services.ask(self.path, name, fields)
        except LeaptuiError as error:
            if name == "stop-now":
                self.app.call_from_thread(self._stop_failed, error)
            else:
                self.post_message(messages.Trouble(error))
            return
        if done:
            self.app.call_from_thread(self.app.notify, done, markup=False)

    @work(thread=True, group="resume", exclusive=True)
    def _resume(self, more_epochs: int) -> None:
        try:
            if more_epochs:
                self.services.ask(self.path, "extend-resumed", {"epochs": more_epochs})
            self.services.resume(self.path)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))

    def _stop_failed(self, error: LeaptuiError) -> None:
        self.asked_to_stop = False
        self.show_all()
        self.refresh_bindings()
        self.post_message(messages.Trouble(error))


def _number(text: str) -> float | None:
    try:
        return float(text.strip())
    except ValueError:
        return None
