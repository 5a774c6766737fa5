"""Errors a user may meet: what went wrong, where, and what to do about it.

Every layer raises these; the command line turns them into one message on stderr and the exit code of
the class, the app into a notification. Anything else that escapes is a bug and shows its traceback.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit status of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNUSABLE = 3
    INTERRUPTED = 130


class LeaptuiError(Exception):
    """Base of all expected errors.

    Args:
        what: one sentence that says what is wrong.
        where: the file, folder or key it is about.
        hint: what the user can do.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return text if self.hint is None else f"{text}\n  {self.hint}"


class OperationFailed(LeaptuiError):
    """The input was usable but the operation did not succeed."""


class UsageError(LeaptuiError):
    """A request that makes no sense: a value out of range, options that exclude each other."""

    exit_code = ExitCode.USAGE


class UnusableInput(LeaptuiError):
    """A file, folder or project that cannot be used for what was asked."""

    exit_code = ExitCode.UNUSABLE


class Stopped(LeaptuiError):
    """The operation ended early because somebody asked it to."""

    exit_code = ExitCode.INTERRUPTED
