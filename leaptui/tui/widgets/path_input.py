"""PathInput: a path with completion, as a shell has it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

from leaptui.tui.keymap import bindings

_LOOK_AT_MOST = 5000
_LAST_WORD = re.compile(r"(?:\\.|[^\s\\])*\Z", re.DOTALL)


def completions(text: str, *, folders_only: bool) -> list[str]:
    """Texts that go on from `text` to something that is there; folders end in a slash.

    Hidden names are offered only once their dot is typed.
    """
    head, _, start = text.rpartition("/")
    folder = Path(head + "/" if "/" in text else ".")
    try:
        folder = folder.expanduser()
        with os.scandir(folder) as entries:
            found = [
                entry for entry, _ in zip(entries, range(_LOOK_AT_MOST), strict=False) if entry.name.startswith(start)
            ]
    except (OSError, ValueError, RuntimeError):
        return []
    prefix = head + "/" if "/" in text else ""
    names = []
    for entry in found:
        if entry.name.startswith(".") and not start.startswith("."):
            continue
        if not entry.name.isprintable():
            continue
        is_folder = _is_folder(entry)
        if is_folder or not folders_only:
            names.append(prefix + entry.name + ("/" if is_folder else ""))
    return sorted(names, key=str.casefold)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def complete(text: str, *, folders_only: bool) -> str:
    """`text` with what all its completions share, as a shell's tab does."""
    found = completions(text, folders_only=folders_only)
    if not found:
        return text
    first, last = min(found), max(found)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:shared]


def last_word(text: str) -> tuple[str, str]:
    """What stands before the last word of a list of paths, and that word; a space in a word follows a backslash."""
    match = _LAST_WORD.search(text)
    start = match.start() if match else len(text)
    return text[:start], re.sub(r"\\(.)", r"\1", text[start:], flags=re.DOTALL)


def as_word(path: str) -> str:
    """A path as a word of a list."""
    return re.sub(r"([\s\\'\"])", r"\\\1", path)


def complete_last(text: str, *, folders_only: bool) -> str:
    """The same for the last of several paths."""
    before, word = last_word(text)
    return before + as_word(complete(word, folders_only=folders_only)) if word else text


class _PathSuggester(Suggester):
    def __init__(self, *, folders_only: bool, many: bool) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._folders_only = folders_only
        self._many = many

    async def get_suggestion(self, value: str) -> str | None:
        before, word = last_word(value) if self._many else ("", value)
        if not word:
            return None
        found = completions(word, folders_only=self._folders_only)
        if not found or found[0] == word:
            return None
        return before + (as_word(found[0]) if self._many else found[0])


class PathInput(Input):
    """An input for a path, or several. Tab completes, and leaves the field when there is nothing to complete.

    Args:
        value: to begin with.
        folders_only: offer folders, no files.
        many: several paths, separated by spaces.
        placeholder, id, compact: of the widget.
    """

    BINDINGS = bindings("path")

    def __init__(
        self,
        value: str = "",
        *,
        folders_only: bool = False,
        many: bool = False,
        placeholder: str = "",
        id: str | None = None,
        compact: bool = False,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=_PathSuggester(folders_only=folders_only, many=many),
            id=id,
            compact=compact,
            select_on_focus=False,
        )
        self._folders_only = folders_only
        self._many = many

    def action_complete(self) -> None:
        """Complete as far as it is certain, else go to the next field."""
        complete_it = complete_last if self._many else complete
        longer = complete_it(self.value, folders_only=self._folders_only)
        if self.value and longer != self.value:
            self.value = longer
            self.cursor_position = len(longer)
        else:
            self.screen.focus_next()
