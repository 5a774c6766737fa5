"""What a training does when it is asked something while it runs."""

from __future__ import annotations

from collections.abc import Callable

from leaptui.errors import LeaptuiError
from leaptui.nn.course import Course
from leaptui.runs.context import RunContext
from leaptui.runs.control import CHECKPOINT, EXTEND, LOWER_RATE, Ask, checked_epochs, checked_factor

ASKS = frozenset((CHECKPOINT, LOWER_RATE, EXTEND))


class AskDesk:
    """Takes the asks of a training and does them; each is acknowledged once it is on disk.

    Args:
        context: of the run.
        course: what is changed.
        on_extended: called when there are more epochs than before.
    """

    def __init__(self, context: RunContext, course: Course, on_extended: Callable[[], None]) -> None:
        self._context = context
        self._course = course
        self._on_extended = on_extended
        self.checkpoints: list[Ask] = []
        """Asks for a checkpoint that wait for a moment at which one can be taken."""

    def serve(self, step: int) -> None:
        """Do what was asked since the last call; cheap when nothing was.

        Args:
            step: steps done.
        """
        for asked in self._context.take_asks():
            if asked.name == CHECKPOINT:
                self.checkpoints.append(asked)
                continue
            try:
                answer = self._change(asked, step)
            except LeaptuiError as error:
                self._context.acknowledge(asked, str(error), accepted=False)
                continue
            self._context.acknowledge(asked, answer)

    def _change(self, asked: Ask, step: int) -> str:
        done_before = self._course.knows(asked.id)
        if asked.name == EXTEND:
            epochs = checked_epochs(asked.fields.get("epochs"))
            if not done_before:
                self._course.extend(step, epochs, asked.id)
                self._on_extended()
            return f"{epochs} more epochs, {self._course.epochs} in all"
        factor = checked_factor(asked.fields.get("factor", 0.1))
        if not done_before:
            self._course.lower(step, factor, asked.id)
        return f"the learning rate is multiplied by {factor:g} from step {step + 1} on"

    def checkpoint_taken(self, path: str) -> None:
        """Tell those who asked for one."""
        taken, self.checkpoints = self.checkpoints, []
        for asked in taken:
            self._context.acknowledge(asked, f"kept in {path}")
