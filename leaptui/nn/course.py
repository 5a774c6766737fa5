"""The course of a training: how many epochs, and the learning rate at each step, with what was changed on the way.

The rate is a function of the step and of the changes, so that a run that is resumed a few steps earlier follows the
same course again. Imports no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError, UsageError
from leaptui.files import write_atomically
from leaptui.nn.settings import TrainingSettings
from leaptui.runs.control import MOST_EPOCHS

_BETTER = 1e-4
"""Share by which a loss has to be below the best to count as a gain."""


@dataclass(frozen=True)
class Change:
    """Something that was changed while a run trained.

    Args:
        step: steps done by then; it holds from the next one on.
        epochs: epochs added, or 0.
        factor: what the learning rate is multiplied by, or 1.
        ask: id of the ask behind it.
    """

    step: int
    epochs: int = 0
    factor: float = 1.0
    ask: str | None = None


class Course:
    """Epochs and learning rate of one training.

    An extension stretches the cosine: from there on the rate is what it would have been, had all those epochs been
    planned from the start, so that a finished run goes on with a small rate and one that is doubled with half of
    the highest. Over as many steps as the warm-up has it glides from the one curve to the other. A lowered rate is
    that curve times the factor, whatever is extended afterwards.

    Args:
        settings: of the run.
        path: where the changes are kept; None keeps them in memory.
    """

    def __init__(self, settings: TrainingSettings, path: Path | None = None) -> None:
        self._settings = settings
        self._path = path
        self._warmup = min(settings.warmup_steps, settings.steps // 5)
        self.changes: list[Change] = []

    @property
    def epochs(self) -> int:
        """As things stand."""
        return self._settings.epochs + sum(change.epochs for change in self.changes)

    @property
    def steps(self) -> int:
        """Of all epochs."""
        return self.epochs * self._settings.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0, without what a plateau takes away."""
        rate = self._settings.learning_rate
        if self._settings.schedule == "cosine":
            rate *= min(1.0, (step + 1) / max(1, self._warmup)) * self._fall(step)
        for change in self.changes:
            if change.step <= step:
                rate *= change.factor
        return rate

    def _fall(self, step: int) -> float:
        epochs = self._settings.epochs
        fall = self._cosine(step, epochs)
        for change in self.changes:
            if not change.epochs or change.step > step:
                continue
            glide = max(1, min(self._warmup, change.epochs * self._settings.steps_per_epoch // 5))
            share = min(1.0, (step - change.step + 1) / glide)
            epochs += change.epochs
            fall = (1 - share) * fall + share * self._cosine(step, epochs)
        return fall

    def _cosine(self, step: int, epochs: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / (epochs * self._settings.steps_per_epoch))))

    def knows(self, ask: str | None) -> bool:
        """Whether what that ask wants was done before."""
        return ask is not None and any(change.ask == ask for change in self.changes)

    def extend(self, step: int, epochs: int, ask: str | None = None) -> None:
        """Add epochs; on disk when it returns.

        Raises:
            UsageError: if it became too many.
            UnusableInput: if it cannot be written; nothing is changed then.
        """
        if self.epochs + epochs > MOST_EPOCHS:
            raise UsageError(f"{self.epochs:,} and {epochs:,} epochs are more than the {MOST_EPOCHS:,} a run can have")
        self._add(Change(step, epochs=epochs, ask=ask))

    def lower(self, step: int, factor: float, ask: str | None = None) -> None:
        """Multiply the learning rate; on disk when it returns.

        Raises:
            UnusableInput: if it cannot be written; nothing is changed then.
        """
        self._add(Change(step, factor=factor, ask=ask))

    def _add(self, change: Change) -> None:
        changes = [*self.changes, change]
        if self._path is not None:
            plain = {"v": 1, "changes": [asdict(each) for each in changes]}
            write_atomically(self._path, json.dumps(plain, indent=1).encode() + b"\n")
        self.changes = changes

    def load(self, say: Callable[[str], None]) -> None:
        """Take over what earlier attempts changed.

        Args:
            say: told when the file cannot be read; the course is then that of the settings.
        """
        if self._path is None or not self._path.exists():
            return
        try:
            record = json.loads(self._path.read_text())
            self.changes = [_change(each) for each in record["changes"]]
        except (OSError, ValueError, TypeError, KeyError, LeaptuiError) as error:
            say(f"{self._path} cannot be read ({error}): what was asked of this run before is lost")


def _change(record: dict[str, Any]) -> Change:
    ask = record.get("ask")
    change = Change(
        int(record["step"]), int(record["epochs"]), float(record["factor"]), ask if isinstance(ask, str) else None
    )
    if not (change.step >= 0 and 0 <= change.epochs <= MOST_EPOCHS and 0 < change.factor <= 1):
        raise UsageError("it holds numbers out of range")
    return change


class Plateau:
    """Takes the learning rate down when a loss stops getting better.

    Args:
        patience: epochs without gain that are waited for.
        divisor: what the rate is divided by then.
    """

    def __init__(self, patience: int, divisor: float) -> None:
        self._patience, self._divisor = patience, divisor
        self._best = math.inf
        self._waited = 0
        self.factor = 1.0
        """What the rate is multiplied by."""

    def watch(self, loss: float) -> None:
        """The loss of another epoch."""
        if loss < self._best * (1 - _BETTER):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > self._patience:
            self.factor /= self._divisor
            self._waited = 0

    def state_dict(self) -> dict[str, float]:
        """For a checkpoint."""
        return {"best": self._best, "waited": self._waited, "factor": self.factor}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """From a checkpoint."""
        self._best, self._waited, self.factor = state["best"], int(state["waited"]), state["factor"]
