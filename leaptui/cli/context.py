"""The RunContext of work done in this process while a person waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from leaptui.cli.output import note, stderr
from leaptui.runs.control import Ask
from leaptui.words import visible


class ConsoleContext:
    """Shows events on stderr: progress as a bar where it is a terminal, log messages as lines.

    Use it as a context manager.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.attempt = 1
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
            transient=True,
            disable=not stderr.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ConsoleContext:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def emit(self, type: str, **fields: Any) -> None:
        """Show one event."""
        if type == "progress":
            label = visible(str(fields.get("label", "")))
            if label not in self._tasks:
                self._tasks[label] = self._progress.add_task(label, total=fields.get("total"))
            self._progress.update(self._tasks[label], completed=fields["done"], total=fields.get("total"))
        elif type == "log":
            note(str(fields["message"]))

    def flush(self) -> None:
        """All is shown at once."""

    def stop_requested(self) -> bool:
        """Ctrl-C interrupts work done here; there is nobody else to ask."""
        return False

    def take_asks(self) -> list[Ask]:
        """Nobody can ask."""
        return []

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """Nobody asked."""
