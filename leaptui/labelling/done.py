"""What commands answer: words for the status line, and whether anything is different now."""

from __future__ import annotations

from dataclasses import dataclass

from leaptui.errors import LeaptuiError
from leaptui.words import plural


@dataclass(frozen=True)
class Done:
    """The outcome of a command.

    Args:
        words: what was done, or why nothing was; for the status line.
        changed: something that is shown is different now: labels, guesses or the place of the cursor.
        edited: labels are different now, so there is something to flush.
    """

    words: str
    changed: bool = True
    edited: bool = False


def nothing(words: str) -> Done:
    """Nothing was done, and why."""
    return Done(words, changed=False)


@dataclass(frozen=True)
class SavedState:
    """Whether everything is on disk.

    Args:
        unsaved: edits that are only in memory.
        error: why the last attempt to write them failed, None if it did not.
    """

    unsaved: int = 0
    error: LeaptuiError | None = None

    @property
    def words(self) -> str:
        """For the status line; says what to do after a failure."""
        if self.error is not None:
            hint = f" {self.error.hint}" if self.error.hint else ""
            kept = "is kept in memory" if self.unsaved == 1 else "are kept in memory"
            return f"NOT SAVED: {self.error.what}. {plural(self.unsaved, 'edit')} {kept}.{hint}"
        return f"saving {plural(self.unsaved, 'edit')}" if self.unsaved else "saved"
