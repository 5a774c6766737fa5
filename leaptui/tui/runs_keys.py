"""The keys of the table of runs, of comparing them, and of notes on one.

Adding a new command: a line here, and its action in `screens/runs.py`, `screens/compare.py` or `screens/note.py`.
"""

from __future__ import annotations

from leaptui.tui.command import Command


def _runs(name: str, keys: str, action: str, description: str, tooltip: str, *, show: bool = False) -> Command:
    return Command(f"runs.{name}", keys, action, description, tooltip, show=show)


RUNS_COMMANDS: tuple[Command, ...] = (
    _runs("mark", "space", "mark", "Mark", "Mark the run, or take the mark away, and go to the next.", show=True),
    _runs("mark-all", "a", "mark_all", "Mark all", "Mark every run that is shown."),
    _runs("unmark", "u", "unmark", "Unmark", "Take all marks away."),
    _runs("compare", "c", "compare", "Compare", "Curves, settings and figures of the marked runs.", show=True),
    _runs("filter", "slash", "filter", "Filter", "Show only runs whose name, state, tags or operation hold words.", show=True),
    _runs("sort", "o", "sort", "Sort", "Choose the column to sort by; a click on a heading does it too.", show=True),
    _runs("reverse", "O", "reverse", "Reverse", "Sort the other way round."),
    _runs("note", "n", "note", "Note", "Write notes and tags on the run; on marked runs, tags."),
    _runs("stop", "s", "stop", "Stop", "Ask the marked runs to stop; those that wait are taken out of the queue.", show=True),
    _runs("resume", "r", "resume", "Resume", "Go on with the marked runs that were stopped, failed or were killed."),
    _runs("delete", "d,delete", "delete", "Delete", "Move the marked runs to the trash."),
    _runs("restore", "T", "restore", "Trash", "Bring a run back from the trash."),
    _runs("later", "J,plus,shift+down", "move(1)", "Later", "Move the waiting run down in the queue."),
    _runs("sooner", "K,minus,shift+up", "move(-1)", "Sooner", "Move the waiting run up in the queue."),
    _runs("queue", "Q", "queue", "Queue", "Show or hide who waits on this machine, and who has its slots."),
    _runs("copy-path", "y", "copy_path", "Copy path", "Copy the path of the run directory."),
    _runs("refresh", "f5", "refresh", "Refresh", "Read the runs again."),
    Command("runs.back", "escape", "back", "Back", "Back to the project; with a filter, show every run first.", show=False, palette=False),
    Command("runs.quit", "q", "app.quit", "Quit", "Leave leaptui; runs go on without it.", show=False, palette=False),
    Command("compare.curve", "v", "curve", "Curve", "Show another curve: loss, validation loss, validation error."),
    Command("compare.log-scale", "l", "log_scale", "Log scale", "A logarithmic or a linear axis."),
    Command("compare.all", "a", "all_settings", "All settings", "Show every setting, or only those that differ."),
    Command("compare.next", "tab", "app.focus_next", "Next panel", "From the curves to the table and back.", show=False, palette=False),
    Command("compare.back", "escape", "back", "Back", "Leave the comparison.", palette=False),
    Command("compare.quit", "q", "app.quit", "Quit", "Leave leaptui; runs go on without it.", show=False, palette=False),
    Command("note.save", "ctrl+s,ctrl+enter", "save", "Save", "Write the notes and tags.", priority=True, palette=False),
    Command("note.cancel", "escape", "cancel", "Cancel", "Leave notes and tags as they are.", palette=False),
)  # fmt: skip
