"""HelpScreen: every key, from the table that makes them, and the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import groupby

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, MarkdownViewer, OptionList, Static
from textual.widgets.option_list import Option

from leaptui.tui.keymap import GROUPS, INTRODUCTIONS, bindings, commands, shown_keys
from leaptui.tui.screens.dialog import InFront
from leaptui.tui.styles import style
from leaptui.tui.theme import rich_style
from leaptui.words import visible

_INTRODUCTION = (
    "A project holds videos, labels and runs. Training and prediction are runs: they go on when you close "
    "leaptui or lose the connection, and any later leaptui shows them again. Everything here can be done "
    "from the command line too; a form shows the command that does the same.\n"
    "Tab goes from field to field, Enter opens or starts, Escape goes back; the mouse works everywhere. Keys "
    'can be changed in config.toml: under [keymap], write for example "run.stop" = "ctrl+k".'
)
_KEYS = "keys"


def documents() -> dict[str, str]:
    """The documentation by name: text of every Markdown file that comes with leaptui."""
    folder = files("leaptui") / "docs"
    if not folder.is_dir():
        return {}
    return {
        entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".md")
    }


class HelpScreen(InFront[None]):
    """Keys and documentation.

    Args:
        keymap: the user's keys by command id.
        first: scopes of the screen it was opened on; they are listed first.
    """

    CSS_PATH = style("help")
    BINDINGS = bindings("help")
    SCOPES = ("help",)
    AUTO_FOCUS = "#keys"

    def __init__(self, keymap: Mapping[str, str], first: Sequence[str] = ()) -> None:
        super().__init__()
        self._keymap = keymap
        self._first = first
        self._documents = documents()

    def compose(self) -> ComposeResult:
        with Vertical(id="help") as panel:
            panel.border_title = "Help"
            with Horizontal():
                if self._documents:
                    topics = [Option("Keys", id=_KEYS)]
                    topics += [
                        Option(Content(visible(name.capitalize())), id=f"doc-{name}") for name in self._documents
                    ]
                    yield OptionList(*topics, id="topics")
                with VerticalScroll(id="keys"):
                    yield Static(id="key-text")
                yield Vertical(id="document")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#document").display = False
        self.query_one("#key-text", Static).update(self._key_text())

    def _key_text(self) -> Group:
        parts: list[Text | Table] = []
        order = [scope for scope in self._first if scope in GROUPS]
        order += [scope for scope in GROUPS if scope not in order]
        key_style = rich_style(self.app.theme_variables, "primary")
        quiet = rich_style(self.app.theme_variables, "quiet")
        for scope in order:
            parts.append(Text(f"\n{GROUPS[scope]}", style="bold"))
            if scope in INTRODUCTIONS:
                parts.append(Text(INTRODUCTIONS[scope]))
            for heading, group in groupby(commands(scope), key=lambda command: command.group):
                if heading:
                    parts.append(Text(f"\n{heading}", style=f"bold {key_style}"))
                table = Table.grid(padding=(0, 2))
                table.add_column(style=f"bold {key_style}", width=14)
                table.add_column(width=17, no_wrap=True)
                table.add_column(style=quiet)
                for command in group:
                    keys = visible(shown_keys(command, self._keymap))
                    table.add_row(Text(keys), command.description, Text(f"{command.tooltip} ({command.id})"))
                parts.append(table)
        about = Text(_INTRODUCTION)
        if any(scope in INTRODUCTIONS for scope in self._first):
            return Group(*parts, Text(), about)
        return Group(about, *parts)

    @on(OptionList.OptionSelected, "#topics")
    async def _topic_chosen(self, event: OptionList.OptionSelected) -> None:
        keys, place = self.query_one("#keys"), self.query_one("#document")
        name = (event.option_id or "").removeprefix("doc-")
        is_document = name in self._documents and event.option_id != _KEYS
        keys.display, place.display = not is_document, is_document
        await place.remove_children()
        if is_document:
            await place.mount(MarkdownViewer(self._documents[name], show_table_of_contents=False, open_links=False))

    def action_close(self) -> None:
        """Close the help."""
        self.dismiss(None)
