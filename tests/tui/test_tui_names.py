"""Names that would take the place of Textual's own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache

import pytest
from textual.message_pump import MessagePump

import leaptui.tui

_MADE_BY_CLASSES = re.compile(
    r"_(abc_impl|decorated_handlers|inherit_\w+|merged_bindings|reactives|computes|animatable|css_type_names?|type_params)"
)

MEANT = {"CanvasHost": {"_display", "_driver", "_background_screens"}}
"""Pictures ride along with what Textual writes, and what an opaque screen covers must not repaint it; there is no
public way to either."""


def classes() -> list[type]:
    found = []
    for info in pkgutil.walk_packages(leaptui.tui.__path__, "leaptui.tui."):
        for each in vars(importlib.import_module(info.name)).values():
            if isinstance(each, type) and each.__module__ == info.name and issubclass(each, MessagePump):
                found.append(each)
    return found


@cache
def private_names(cls: type) -> frozenset[str]:
    """Private members that a class defines, or uses of itself."""
    used = re.findall(r"self\.(_[a-z]\w*)", inspect.getsource(cls))
    return frozenset(name for name in {*vars(cls), *used} if re.fullmatch(r"_[a-z]\w*", name))


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_no_private_member_of_textual_is_replaced(cls: type) -> None:
    ours = {name for name in private_names(cls) if not _MADE_BY_CLASSES.fullmatch(name)}
    ours -= MEANT.get(cls.__name__, set())
    for base in cls.__mro__[1:]:
        if base.__module__.partition(".")[0] == "textual":
            assert not ours & private_names(base), base
