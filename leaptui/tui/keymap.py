"""Every key of the app, once.

Screens make their BINDINGS from this table, and with them the footer; the help screen and the command
palette are generated from it too. The part of an id before the dot is its scope: where the key works. The
user's keymap overrides keys by id (`[keymap]` in config.toml).

Adding a new command: add a line here, and `action_<action>` to the screen or widget of that scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType
from textual.keys import format_key

from leaptui.tui.command import Command
from leaptui.tui.label_keys import LABEL_COMMANDS
from leaptui.tui.run_keys import LOG_COMMANDS, PLOT_COMMANDS, RUN_COMMANDS
from leaptui.tui.run_panel_keys import RUN_PANEL_COMMANDS
from leaptui.tui.runs_keys import RUNS_COMMANDS
from leaptui.tui.skeleton_keys import SKELETON_COMMANDS

GROUPS: dict[str, str] = {
    "app": "Everywhere",
    "projects": "Recent projects",
    "project": "Project",
    "label": "Labelling",
    "skeleton": "Skeleton",
    "form": "Forms",
    "runs": "Runs",
    "compare": "Comparing runs",
    "note": "Notes on a run",
    "run": "Run",
    "preview": "Previews",
    "nodes": "Errors of the nodes",
    "plot": "Curves",
    "log": "Log of a run",
    "table": "Tables",
    "filter": "Filter",
    "dialog": "Dialogs",
    "help": "Help",
    "path": "Paths",
}
"""Scopes in the order of the help screen, with their headings."""

INTRODUCTIONS: dict[str, str] = {
    "label": (
        "To label a frame: press f, and letters cover the picture. Type the two letters nearest to the body part "
        "that is selected in the list, then one of q w e, a s d, z x c for the part of that cell: the point is "
        "placed and the next node selected. Arrows correct it by a pixel; Enter goes on without changing. With "
        "predictions on the frame, correct what is wrong and press A to take the rest. Space goes to the next "
        "frame. Every change is on disk as soon as the line at the bottom says saved; u takes it back."
    ),
}
"""What the help says before the keys of a scope."""

COMMANDS: tuple[Command, ...] = (
    Command("app.help", "question_mark,f1", "help", "Help", "Every key, and the documentation."),
    Command(
        "app.palette",
        "ctrl+p",
        "command_palette",
        "Palette",
        "Find a command by name; themes are here too.",
        show=False,
        priority=True,
        palette=False,
    ),
    Command(
        "app.redraw",
        "ctrl+l",
        "redraw",
        "Redraw",
        "Paint the whole screen anew, whatever the terminal shows.",
        show=False,
        priority=True,
    ),
    Command("app.runs", "f6", "runs", "All runs", "Every run of the open project.", show=False),
    Command(
        "app.quit",
        "ctrl+q",
        "quit",
        "Quit",
        "Leave leaptui; runs go on without it.",
        show=False,
        priority=True,
        palette=False,
    ),
    Command("projects.new", "n", "new", "New", "Make a project: its folder and skeleton."),
    Command("projects.path", "o", "open_path", "Open path", "Open a project by its path."),
    Command("projects.filter", "slash", "filter", "Filter", "Show only projects whose name or path holds a text."),
    Command("projects.remove", "d,delete", "remove", "Remove", "Take the project off this list; its files stay."),
    Command("projects.refresh", "r", "refresh", "Refresh", "Read the projects again.", show=False),
    Command("projects.quit", "q", "app.quit", "Quit", "Leave leaptui; runs go on without it.", palette=False),
    Command("project.label", "l", "label", "Label", "Place points on frames, or correct predicted ones."),
    Command("project.skeleton", "s", "skeleton", "Skeleton", "Edit nodes, edges and the reference pose.", show=False),
    Command("project.train", "t", "train", "Train", "Train a network on the labels."),
    Command("project.predict", "p", "predict", "Predict", "Predict points in videos with a trained model."),
    Command("project.add", "a", "add", "Add", "Add videos; they stay where they are."),
    Command("project.import", "i", "import_labels", "Import", "Bring labels from another tool.", show=False),
    Command("project.runs", "r", "runs", "Runs", "Every run of the project: sort, mark, compare, queue."),
    Command("project.refresh", "f5", "refresh", "Refresh", "Read the project again.", show=False),
    Command("project.back", "escape", "back", "Back", "Back to the recent projects.", show=False, palette=False),
    Command(
        "project.quit", "q", "app.quit", "Quit", "Leave leaptui; runs go on without it.", show=False, palette=False
    ),
    *LABEL_COMMANDS,
    *SKELETON_COMMANDS,
    Command(
        "form.start",
        "ctrl+s,ctrl+enter",
        "start",
        "Start",
        "Check the form and start; Enter in a field does it too.",
        priority=True,
    ),
    Command("form.advanced", "f2", "advanced", "All settings", "Show or hide the settings few people change."),
    Command("form.back", "escape", "back", "Cancel", "Leave the form without starting.", palette=False),
    *RUNS_COMMANDS,
    *RUN_COMMANDS,
    *RUN_PANEL_COMMANDS,
    *PLOT_COMMANDS,
    *LOG_COMMANDS,
    Command(
        "table.open", "enter", "select_cursor", "Open", "Open what the cursor is on; so does a click.", palette=False
    ),
    Command("table.down", "j", "cursor_down", "Down", "Next row, as the arrow key.", show=False, palette=False),
    Command("table.up", "k", "cursor_up", "Up", "Row before, as the arrow key.", show=False, palette=False),
    Command("filter.clear", "escape", "clear", "Clear filter", "Show everything again.", palette=False),
    Command(
        "filter.leave", "down", "leave", "To the list", "Back to the list; the filter stays.", show=False, palette=False
    ),
    Command("path.complete", "tab", "complete", "Complete", "Complete the path, as a shell does.", palette=False),
    Command("dialog.cancel", "escape", "cancel", "Cancel", "Close the dialog; nothing is done.", palette=False),
    Command("dialog.help", "f1", "app.help", "Help", "Every key, and the documentation.", palette=False),
    Command("help.close", "escape,q,question_mark,f1", "close", "Close", "Close the help.", palette=False),
)


def commands(*scopes: str) -> tuple[Command, ...]:
    """Commands of some scopes, in the order of the table."""
    return tuple(command for command in COMMANDS if command.scope in scopes)


def bindings(*scopes: str) -> list[BindingType]:
    """BINDINGS of a screen or widget."""
    return [
        Binding(
            command.key,
            command.action,
            command.description,
            tooltip=command.tooltip,
            id=command.id,
            show=command.show,
            priority=command.priority,
        )
        for command in commands(*scopes)
    ]


def keys_of(command: Command, keymap: Mapping[str, str]) -> list[str]:
    """The keys of a command with the user's keymap applied."""
    return [key.strip() for key in keymap.get(command.id, command.key).split(",") if key.strip()]


def shown_keys(command: Command, keymap: Mapping[str, str]) -> str:
    """The same as the footer shows them."""
    return " ".join(_shown(_long(key)) for key in keys_of(command, keymap))


def _shown(key: str) -> str:
    *modifiers, last = key.split("+")
    return "".join("^" if modifier == "ctrl" else f"{modifier}+" for modifier in modifiers) + format_key(last)


def keymap_problems(keymap: Mapping[str, str], also_active: Iterable[tuple[str, ...]] = ()) -> list[str]:
    """What is wrong with a user's keymap, in words; nothing of it stops the app.

    Args:
        keymap: keys by id.
        also_active: scopes whose keys work at the same time; each scope is checked with "app" in any case.
    """
    known = {command.id for command in COMMANDS}
    problems = [f"there is no command '{name}'" for name in keymap if name not in known]
    problems += [f"'{name}' has no key" for name, keys in keymap.items() if not keys.replace(",", "").strip()]
    together = [(scope, "app") for scope in GROUPS if scope != "app"] + list(also_active)
    seen: set[frozenset[str]] = set()
    for scopes in together:
        owner: dict[str, Command] = {}
        for command in commands(*scopes):
            for key in keys_of(command, keymap):
                other = owner.setdefault(_long(key), command)
                pair = frozenset({other.id, command.id})
                overridden = other.id in keymap or command.id in keymap
                if other is not command and overridden and pair not in seen:
                    seen.add(pair)
                    problems.append(f"'{key}' is given to {other.id} and {command.id}")
    return problems


def _long(key: str) -> str:
    """Long form of a key, so that "?" and "question_mark" are one."""
    return next(iter(Binding.make_bindings([Binding(key.strip(), "none")]))).key
